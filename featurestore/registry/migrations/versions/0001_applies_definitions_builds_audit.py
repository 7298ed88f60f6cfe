"""Applies, definitions, groups, bindings, builds and the audit log."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from featurestore.registry.triggers import append_only

revision = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KEYS = {
    "applies": ["project", "revision"],
    "definitions": ["project", "kind", "name", "version"],
    "definition_metadata": ["project", "kind", "name", "version", "revision"],
    "definition_events": ["project", "kind", "name", "version", "revision", "event"],
    "groups": ["project", "id", "revision"],
    "bindings": ["project", "source", "revision"],
    "builds": ["id"],
    "audit": ["id"],
}


def upgrade() -> None:
    _create_applies()
    _create_definitions()
    _create_groups_and_bindings()
    _create_builds()
    _create_audit()
    for table, key in KEYS.items():
        for statement in append_only(op.get_context().dialect.name, table, key):
            op.execute(statement)


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=nullable) for name in names]


def _of_an_apply() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["project", "revision"], ["applies.project", "applies.revision"])


def _of_a_definition() -> sa.ForeignKeyConstraint:
    key = KEYS["definitions"]
    return sa.ForeignKeyConstraint(key, [f"definitions.{column}" for column in key])


def _create_applies() -> None:
    op.create_table(
        "applies",
        *_texts("project"),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        *_texts("who", "message", "code_version"),
        *_texts("git_commit", nullable=True),
        sa.Column("git_dirty", sa.Boolean),
        *_texts("changes"),
        sa.PrimaryKeyConstraint(*KEYS["applies"]),
    )


def _create_definitions() -> None:
    op.create_table(
        "definitions",
        *_texts("project", "kind", "name", "version"),
        sa.Column("revision", sa.Integer, nullable=False),
        *_texts("logic", "document"),
        sa.PrimaryKeyConstraint(*KEYS["definitions"]),
        _of_an_apply(),
    )
    op.create_table(
        "definition_metadata",
        *_texts("project", "kind", "name", "version"),
        sa.Column("revision", sa.Integer, nullable=False),
        *_texts("metadata"),
        *_texts("file", nullable=True),
        sa.Column("line", sa.Integer),
        *_texts("inputs", "metadata_document"),
        *_texts("source_text", nullable=True),
        sa.PrimaryKeyConstraint(*KEYS["definition_metadata"]),
        _of_an_apply(),
        _of_a_definition(),
    )
    op.create_table(
        "definition_events",
        *_texts("project", "kind", "name", "version"),
        sa.Column("revision", sa.Integer, nullable=False),
        *_texts("event"),
        sa.PrimaryKeyConstraint(*KEYS["definition_events"]),
        _of_an_apply(),
        _of_a_definition(),
    )
    for table in ("definitions", "definition_metadata", "definition_events"):
        op.create_index(f"ix_{table}_revision", table, ["project", "revision"])


def _create_groups_and_bindings() -> None:
    op.create_table(
        "groups",
        *_texts("project", "id"),
        sa.Column("revision", sa.Integer, nullable=False),
        *_texts("entity", "members", "schedule"),
        sa.PrimaryKeyConstraint(*KEYS["groups"]),
        _of_an_apply(),
    )
    op.create_table(
        "bindings",
        *_texts("project", "source"),
        sa.Column("revision", sa.Integer, nullable=False),
        *_texts("document", "columns"),
        sa.PrimaryKeyConstraint(*KEYS["bindings"]),
        _of_an_apply(),
    )


def _create_builds() -> None:
    op.create_table(
        "builds",
        *_texts("id", "project", "training_set", "label", "service"),
        sa.Column("at", sa.BigInteger, nullable=False),
        *_texts("who", "status"),
        sa.Column("as_of", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("dropped", sa.BigInteger, nullable=False),
        *_texts("code_version"),
        *_texts("git_commit", nullable=True),
        sa.Column("git_dirty", sa.Boolean),
        *_texts("artifact", nullable=True),
        *_texts("fingerprints", "bindings", "source_states", "spine", "statistics", "checksums", "packages"),
        sa.PrimaryKeyConstraint(*KEYS["builds"]),
    )
    op.create_index("ix_builds_training_set", "builds", ["project", "training_set", "at"])


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger, nullable=False, autoincrement=False),
        *_texts("project"),
        sa.Column("at", sa.BigInteger, nullable=False),
        *_texts("who", "action", "document", "previous_hash", "hash"),
        sa.PrimaryKeyConstraint(*KEYS["audit"]),
    )
