"""The registry for those who record what was done."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import Connection, Table, func, insert, select

from featurestore.errors import PlanOutdatedError, RecordNotFoundError, RegistryError, VersionTakenError
from featurestore.registry import queries, tables
from featurestore.registry.audit import append_entry
from featurestore.registry.changes import Registered, changes, counts, edge_rows
from featurestore.registry.connection import BUSY_TIMEOUT, Database
from featurestore.registry.migrate import open_newest
from featurestore.registry.reader import Reader
from featurestore.registry.records import (
    ApplyDraft,
    ApplyRecord,
    BuildRecord,
    DefinitionKey,
    LedgerEntry,
    ModelRecord,
)

__all__ = ["Writer", "open_writer"]


def open_writer(location: str | Path, *, busy_timeout: float = BUSY_TIMEOUT) -> "Writer":
    """Open a registry to add to it. It is made where there is none, and its schema is upgraded where it is older.

    Args:
        location: Database URL, or path of a SQLite file, whose folders are made as well.
        busy_timeout: Seconds to wait for another process that is writing.

    Raises:
        ConfigurationError: The location is no such thing.
        RegistryUnavailableError: The database cannot be reached, read or written.
        RegistrySchemaError: The schema is too new for this code, or not a registry's.
    """
    writing, reading = open_newest(location, busy_timeout=busy_timeout)
    return Writer(writing, Reader(reading))


class Writer:
    """A registry that can be added to; nothing in it can be changed. Close it, or use it as a context manager.

    Args:
        database: Where to write.
        reader: Looks at the same registry.
    """

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database = database
        self.reader = reader

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database, the reader's way to it included."""
        self._database.close()
        self.reader.close()

    def record_apply(self, draft: ApplyDraft) -> ApplyRecord:
        """Record all of an apply, its audit entry included, or nothing.

        Raises:
            PlanOutdatedError: Another apply came first.
            VersionTakenError: A definition is registered with other logic.
            RecordNotFoundError: What is to be described anew, retired or restored is not registered.
            RegistryError: The draft contradicts itself, or holds what cannot be stored.
            RegistryUnavailableError: The database cannot be written.
        """
        with self._database.exclusive() as connection:
            _check_revision(connection, draft, str(self._database.place))
            rows = changes(draft, _registered(connection, draft.project))
            record = _apply_record(draft, counts(rows))
            connection.execute(insert(tables.applies), [_row(record, tables.applies)])
            for table, added in rows.items():
                if added:
                    connection.execute(insert(table), added)
            append_entry(connection, "apply", draft.project, record.revision, at=draft.at, who=draft.who)
        return record

    def record_build(self, build: BuildRecord) -> None:
        """Record a build and its audit entry, or nothing.

        Raises:
            RegistryError: A build of this id is recorded, or it holds what cannot be stored.
            RegistryUnavailableError: The database cannot be written.
        """
        with self._database.exclusive() as connection:
            connection.execute(insert(tables.builds), [_row(build, tables.builds)])
            append_entry(connection, "build", build.project, build.id, at=build.at, who=build.who)

    def record_run(self, entry: LedgerEntry) -> LedgerEntry:
        """Record what became of a boundary and the audit entry for it, or nothing.

        Returns:
            The entry with its number. The same boundary of a group published with the same token is recorded once: the
            first record comes back, whatever else the second one says.

        Raises:
            RegistryError: It holds what cannot be stored.
            RegistryUnavailableError: The database cannot be written.
        """
        with self._database.exclusive() as connection:
            first = _same_publication(connection, entry)
            if first is not None:
                return first
            recorded = replace(entry, number=_highest(connection, tables.ledger_entries, "number", entry.project) + 1)
            connection.execute(insert(tables.ledger_entries), [_row(recorded, tables.ledger_entries)])
            append_entry(connection, "run", entry.project, recorded.number, at=entry.finished, who=entry.who)
        return recorded

    def record_model(self, model: ModelRecord) -> ModelRecord:
        """Record a version of a model with its edges and its audit entry, or nothing.

        Returns:
            The model as it is recorded. If that version was there with the same content (all but the circumstances:
            when, by whom, git, packages and edges), that first record.

        Raises:
            VersionTakenError: The version is recorded with other content.
            RecordNotFoundError: The project has no such build.
            RegistryError: The name contains ``@``, or the record holds what cannot be stored.
            RegistryUnavailableError: The database cannot be written.
        """
        where = str(self._database.place)
        if "@" in model.name:
            raise RegistryError(f"The model's name {model.name!r} contains an @.", hint="Give the version apart.")
        with self._database.exclusive() as connection:
            if not _is_recorded(connection, model, where):
                _check_build(connection, model, where)
                connection.execute(insert(tables.models), [_row(model, tables.models)])
                revision = _highest(connection, tables.applies, "revision", model.project)
                edges = edge_rows(model.project, ("model", model.ref), revision, model.edges)
                if edges:
                    connection.execute(insert(tables.lineage_edges), edges)
                append_entry(connection, "model", model.project, model.ref, at=model.at, who=model.who)
        return self.reader.model(model.project, model.name, model.version)


def _check_revision(connection: Connection, draft: ApplyDraft, where: str) -> None:
    table = tables.applies
    query = select(table).where(table.c.project == draft.project).order_by(table.c.revision.desc()).limit(1)
    newest = connection.execute(query).one_or_none()
    revision = newest.revision if newest else 0
    if revision == draft.expected_revision:
        return
    last = f' {newest.who} applied "{newest.message}" at {newest.at:%Y-%m-%d %H:%M:%S} UTC.' if newest else ""
    raise PlanOutdatedError(
        f"Project {draft.project} is at revision {revision}, and the plan was made at {draft.expected_revision}.{last}",
        where=where,
        hint="Plan again, look at what is left to do, and apply that.",
    )


def _registered(connection: Connection, project: str) -> dict[DefinitionKey, Registered]:
    rows = connection.execute(queries.definitions(project, documents=False))
    return {
        DefinitionKey(row.kind, row.name, row.version): Registered(row.logic, retired=row.event == "retired")
        for row in rows
    }


def _apply_record(draft: ApplyDraft, changed: Mapping[str, int]) -> ApplyRecord:
    return ApplyRecord(
        project=draft.project,
        revision=draft.expected_revision + 1,
        at=draft.at,
        who=draft.who,
        message=draft.message,
        code_version=draft.code_version,
        git_commit=draft.git_commit,
        git_dirty=draft.git_dirty,
        changes=changed,
    )


def _same_publication(connection: Connection, entry: LedgerEntry) -> LedgerEntry | None:
    if entry.kind != "published":
        return None
    table = tables.ledger_entries
    query = queries.published(entry.project, entry.group_id)
    row = connection.execute(query.where(table.c.boundary == entry.boundary, table.c.token == entry.token)).first()
    return LedgerEntry(**row._mapping) if row else None


_CONTENT: Final = (
    "build",
    "service",
    "service_fingerprint",
    "fingerprints",
    "artifact",
    "checksum",
    "metrics",
    "parameters",
)
"""What makes a version of a model what it is; the other columns are circumstances."""


def _is_recorded(connection: Connection, model: ModelRecord, where: str) -> bool:
    table = tables.models
    # The database compares what it stores, so that no value is told from itself by the way there and back.
    differs = [table.c[name].is_distinct_from(getattr(model, name)).label(name) for name in _CONTENT]
    mine = (table.c.project == model.project, table.c.name == model.name, table.c.version == model.version)
    row = connection.execute(select(*differs).where(*mine)).first()
    if row is None:
        return False
    different = [name for name in _CONTENT if row._mapping[name]]
    if different:
        raise VersionTakenError(
            f"Model {model.ref} is recorded with another {', '.join(different)}.",
            where=where,
            hint="Versions are immutable: give the model a version of its own.",
        )
    return True


def _check_build(connection: Connection, model: ModelRecord, where: str) -> None:
    if model.build is None:
        return
    table = tables.builds
    query = select(table.c.id).where(table.c.project == model.project, table.c.id == model.build)
    if connection.execute(query).first() is None:
        raise RecordNotFoundError(
            f"Project {model.project} has no build {model.build}.",
            where=where,
            hint="Record the model where its training set was built, or without a build.",
        )


def _highest(connection: Connection, table: Table, column: str, project: str) -> int:
    return connection.execute(select(func.max(table.c[column])).where(table.c.project == project)).scalar_one() or 0


def _row(record: object, table: Table) -> dict[str, Any]:
    return {name: getattr(record, name) for name in table.c.keys()}  # noqa: SIM118  # its items are columns
