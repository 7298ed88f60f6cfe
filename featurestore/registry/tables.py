"""The registry's tables, as the newest migration leaves them.

All but those of `MUTABLE` are append-only. Rows of an apply carry its project and revision; where a thing is recorded
more than once, the row of the highest revision wins.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator

from featurestore.registry.canonical import canonical_json

__all__ = [
    "MUTABLE",
    "VERSION_TABLE",
    "applies",
    "audit",
    "bindings",
    "builds",
    "definition_events",
    "definition_metadata",
    "definitions",
    "fencing_tokens",
    "groups",
    "leases",
    "ledger_entries",
    "lineage_edges",
    "metadata",
    "microseconds",
    "models",
    "run_progress",
]

VERSION_TABLE = "registry_version"
"""Where the number of the newest migration stands; written by the migrations."""

MUTABLE: Final = frozenset({"leases", "run_progress"})
"""Tables whose rows come and go: what happens now, not what was done."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(time: datetime) -> int:
    """Whole microseconds since the epoch.

    Raises:
        ValueError: The time is naive: its zone would be a guess.
    """
    if time.tzinfo is None:
        msg = f"the time {time} has no time zone"
        raise ValueError(msg)
    return (time - _EPOCH) // _MICROSECOND


class Microseconds(TypeDecorator[datetime]):
    """An aware time, stored as whole microseconds since the epoch."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002  # given by the caller
        """Go out as an integer."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # idem
        """Come back in UTC."""
        return None if value is None else _EPOCH + value * _MICROSECOND


class CanonicalDocument(TypeDecorator[Mapping[str, object]]):
    """A mapping, stored as canonical JSON text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Mapping[str, object] | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # idem
        """Take any mapping, also one that is no ``dict``."""
        return None if value is None else canonical_json(dict(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, object] | None:  # noqa: ARG002  # idem
        """Come back as a ``dict``."""
        return None if value is None else json.loads(value)


class CanonicalTexts(TypeDecorator[tuple[str, ...]]):
    """A tuple of texts, stored as canonical JSON text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # idem
        """Keep the order."""
        return None if value is None else canonical_json(list(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:  # noqa: ARG002  # idem
        """Come back as a ``tuple``."""
        return None if value is None else tuple(json.loads(value))


metadata = MetaData()

applies = Table(
    "applies",
    metadata,
    Column("project", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("at", Microseconds, nullable=False),
    Column("who", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("code_version", Text, nullable=False),
    Column("git_commit", Text),
    Column("git_dirty", Boolean),
    Column("changes", CanonicalDocument, nullable=False),
)

definitions = Table(
    "definitions",
    metadata,
    Column("project", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("logic", Text, nullable=False),
    Column("document", CanonicalDocument, nullable=False),
    ForeignKeyConstraint(["project", "revision"], ["applies.project", "applies.revision"]),
    Index("ix_definitions_revision", "project", "revision"),
)

definition_metadata = Table(
    "definition_metadata",
    metadata,
    Column("project", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("metadata", Text, nullable=False),
    Column("file", Text),
    Column("line", Integer),
    Column("inputs", CanonicalTexts, nullable=False),
    Column("metadata_document", CanonicalDocument, nullable=False),
    Column("source_text", Text),
    ForeignKeyConstraint(["project", "revision"], ["applies.project", "applies.revision"]),
    ForeignKeyConstraint(
        ["project", "kind", "name", "version"],
        ["definitions.project", "definitions.kind", "definitions.name", "definitions.version"],
    ),
    Index("ix_definition_metadata_revision", "project", "revision"),
)

definition_events = Table(
    "definition_events",
    metadata,
    Column("project", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("event", Text, primary_key=True),
    ForeignKeyConstraint(["project", "revision"], ["applies.project", "applies.revision"]),
    ForeignKeyConstraint(
        ["project", "kind", "name", "version"],
        ["definitions.project", "definitions.kind", "definitions.name", "definitions.version"],
    ),
    Index("ix_definition_events_revision", "project", "revision"),
)

groups = Table(
    "groups",
    metadata,
    Column("project", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("entity", Text, nullable=False),
    Column("members", CanonicalTexts, nullable=False),
    Column("schedule", CanonicalDocument, nullable=False),
    ForeignKeyConstraint(["project", "revision"], ["applies.project", "applies.revision"]),
)

bindings = Table(
    "bindings",
    metadata,
    Column("project", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("document", CanonicalDocument, nullable=False),
    Column("columns", CanonicalDocument, nullable=False),
    ForeignKeyConstraint(["project", "revision"], ["applies.project", "applies.revision"]),
)

builds = Table(
    "builds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("project", Text, nullable=False),
    Column("training_set", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("at", Microseconds, nullable=False),
    Column("who", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("as_of", Microseconds, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("dropped", BigInteger, nullable=False),
    Column("code_version", Text, nullable=False),
    Column("git_commit", Text),
    Column("git_dirty", Boolean),
    Column("artifact", Text),
    Column("fingerprints", CanonicalDocument, nullable=False),
    Column("bindings", CanonicalDocument, nullable=False),
    Column("source_states", CanonicalDocument, nullable=False),
    Column("spine", CanonicalDocument, nullable=False),
    Column("statistics", CanonicalDocument, nullable=False),
    Column("checksums", CanonicalDocument, nullable=False),
    Column("packages", CanonicalDocument, nullable=False),
    Index("ix_builds_training_set", "project", "training_set", "at"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("project", Text, nullable=False),
    Column("at", Microseconds, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("document", CanonicalDocument, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("project", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("group_id", Text, nullable=False),
    Column("boundary", BigInteger, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("rows", BigInteger),
    Column("changed", BigInteger),
    Column("checksum", Text),
    Column("mode", Text),
    Column("started", Microseconds, nullable=False),
    Column("finished", Microseconds, nullable=False),
    Column("who", Text, nullable=False),
    Column("message", Text),
    Column("bindings", CanonicalDocument, nullable=False),
    Column("source_states", CanonicalDocument, nullable=False),
    Column("code_version", Text, nullable=False),
    Column("git_commit", Text),
    Column("git_dirty", Boolean),
    Index("ix_ledger_entries_boundary", "project", "group_id", "boundary", "token"),
    Index("ix_ledger_entries_run", "project", "run_id"),
)

models = Table(
    "models",
    metadata,
    Column("project", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("build", Text),
    Column("service", Text, nullable=False),
    Column("service_fingerprint", Text, nullable=False),
    Column("fingerprints", CanonicalDocument, nullable=False),
    Column("artifact", Text, nullable=False),
    Column("checksum", Text, nullable=False),
    Column("metrics", CanonicalDocument, nullable=False),
    Column("parameters", CanonicalDocument, nullable=False),
    Column("at", Microseconds, nullable=False),
    Column("who", Text, nullable=False),
    Column("git_commit", Text),
    Column("git_dirty", Boolean),
    Column("packages", CanonicalDocument, nullable=False),
    ForeignKeyConstraint(["build"], ["builds.id"]),
)

# Event and subject say with what an edge was written: ("apply", "7") or ("model", "churn@v3").
lineage_edges = Table(
    "lineage_edges",
    metadata,
    Column("project", Text, primary_key=True),
    Column("event", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    Column("upstream", Text, nullable=False),
    Column("downstream", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("opaque", Boolean, nullable=False),
)

# Each token that was ever given out, so that none is given out again when its lease is gone.
fencing_tokens = Table(
    "fencing_tokens",
    metadata,
    Column("project", Text, primary_key=True),
    Column("group_id", Text, primary_key=True),
    Column("token", BigInteger, primary_key=True, autoincrement=False),
    Column("owner", Text, nullable=False),
    Column("at", Microseconds, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("project", Text, primary_key=True),
    Column("group_id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("acquired", Microseconds, nullable=False),
    Column("renewed", Microseconds, nullable=False),
    Column("expires", Microseconds, nullable=False),
)

run_progress = Table(
    "run_progress",
    metadata,
    Column("project", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("phase", Text, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger),
    Column("updated", Microseconds, nullable=False),
)
