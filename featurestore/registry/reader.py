"""The registry for those who only look."""

import difflib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Select, Table, func, select

from featurestore.errors import RecordNotFoundError, RegistryUnavailableError
from featurestore.registry import queries, tables
from featurestore.registry.connection import BUSY_TIMEOUT, Database, open_database, parse_location
from featurestore.registry.migrate import check_readable, is_present, schema_version
from featurestore.registry.records import (
    ApplyRecord,
    AuditRecord,
    BindingRecord,
    BuildRecord,
    DefinitionEvent,
    DefinitionKey,
    DefinitionKind,
    DefinitionRecord,
    GroupRecord,
    LedgerEntry,
    LineageEdge,
    ModelRecord,
)
from featurestore.registry.sqlite import empty_engine

__all__ = ["Reader", "open_reader"]


def open_reader(location: str | Path, *, busy_timeout: float = BUSY_TIMEOUT) -> "Reader":
    """Open a registry to look at it: nothing can be changed through what is returned.

    Where no registry has been made yet, the reader answers as an empty one does, and goes on doing so; nothing is made.

    Args:
        location: Database URL, or path of a SQLite file.
        busy_timeout: Seconds to wait for a lock.

    Raises:
        ConfigurationError: The location is no such thing.
        RegistryUnavailableError: The database cannot be reached or read.
        RegistrySchemaError: The schema is too old or too new for this code, or not a registry's.
    """
    place = parse_location(location)
    if place.file is not None and not place.file.exists():
        return Reader(_empty(Database(place, empty_engine())))
    if place.file is not None and place.file.is_dir():
        raise RegistryUnavailableError("The registry's file is a folder.", where=str(place), hint="Name a file.")
    database = open_database(place, writable=False, busy_timeout=busy_timeout)
    try:
        with database.snapshot() as connection:
            version = schema_version(connection, str(place))
        if version is not None:
            check_readable(version, str(place))
    except BaseException:
        database.close()
        raise
    if version is None:
        database.close()
        return Reader(_empty(Database(place, empty_engine())))
    return Reader(database)


class Reader:
    """A registry that can be looked at. Close it, or use it as a context manager.

    Each call sees the state when it is made. Who works out changes asks for the `revision` first: an apply that expects
    it is refused if the state has moved since.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection that sees one state for as long as it is open, for questions that no method answers."""
        with self._database.snapshot() as connection:
            yield connection

    def revision(self, project: str, *, at: datetime | None = None) -> int:
        """Number of the project's newest apply (up to a time, if given); 0 before the first."""
        query = select(func.max(tables.applies.c.revision)).where(tables.applies.c.project == project)
        if at is not None:
            query = query.where(tables.applies.c.at <= at)
        with self.snapshot() as connection:
            return connection.execute(query).scalar_one() or 0

    def applies(self, project: str, limit: int | None = None) -> tuple[ApplyRecord, ...]:
        """The project's applies, newest first."""
        table = tables.applies
        query = select(table).where(table.c.project == project).order_by(table.c.revision.desc()).limit(limit)
        return tuple(ApplyRecord(**row) for row in self._rows(query))

    def definitions(
        self, project: str, *, documents: bool = True, as_of_revision: int | None = None
    ) -> tuple[DefinitionRecord, ...]:
        """All definitions, live and retired, by kind, name and version.

        Args:
            project: The namespace.
            documents: Without, ``document`` and ``metadata_document`` come back empty and ``source_text`` as None,
                which is several times as fast.
            as_of_revision: Leave out what later applies did.
        """
        query = queries.definitions(project, as_of_revision, documents=documents)
        table = tables.definitions
        query = query.order_by(table.c.kind, table.c.name, table.c.version)
        return tuple(_definition(row) for row in self._rows(query))

    def definition(self, project: str, kind: DefinitionKind, name: str, version: str) -> DefinitionRecord:
        """One definition, live or retired.

        Raises:
            RecordNotFoundError: It was never registered.
        """
        key = DefinitionKey(kind, name, version)
        table = tables.definitions
        query = queries.definitions(project, documents=True)
        found = self._rows(query.where(table.c.kind == kind, table.c.name == name, table.c.version == version))
        if found:
            return _definition(found[0])
        known = self._rows(
            select(table.c.name, table.c.version).where(table.c.project == project, table.c.kind == kind)
        )
        hint = _suggestion(f"{name}@{version}", [f"{row['name']}@{row['version']}" for row in known])
        raise RecordNotFoundError(f"{key} is not registered in project {project}.", where=self._where, hint=hint)

    def events(self, project: str, *, revision: int | None = None) -> tuple[DefinitionEvent, ...]:
        """What applies (or one of them) did to definitions, oldest first."""
        table = tables.definition_events
        query = select(table).where(table.c.project == project)
        if revision is not None:
            query = query.where(table.c.revision == revision)
        query = query.order_by(table.c.revision, table.c.kind, table.c.name, table.c.version, table.c.event)
        return tuple(DefinitionEvent(**row) for row in self._rows(query))

    def groups(self, project: str, *, as_of_revision: int | None = None) -> tuple[GroupRecord, ...]:
        """Each group once, the most recently named first."""
        query = queries.newest(tables.groups, ("project", "id"), project, as_of_revision)
        table = tables.groups
        return tuple(GroupRecord(**row) for row in self._rows(query.order_by(table.c.revision.desc(), table.c.id)))

    def bindings(self, project: str, *, as_of_revision: int | None = None) -> tuple[BindingRecord, ...]:
        """Where each source lives, by name of the source."""
        query = queries.newest(tables.bindings, ("project", "source"), project, as_of_revision)
        return tuple(BindingRecord(**row) for row in self._rows(query.order_by(tables.bindings.c.source)))

    def builds(
        self, project: str, training_set: str | None = None, limit: int | None = None
    ) -> tuple[BuildRecord, ...]:
        """Builds of training sets (or of one, by its ref), newest first."""
        table = tables.builds
        query = select(table).where(table.c.project == project)
        if training_set is not None:
            query = query.where(table.c.training_set == training_set)
        query = query.order_by(table.c.at.desc(), table.c.id).limit(limit)
        return tuple(BuildRecord(**row) for row in self._rows(query))

    def build(self, project: str, id: str) -> BuildRecord:
        """One build.

        Raises:
            RecordNotFoundError: The project has no build of this id.
        """
        table = tables.builds
        found = self._rows(select(table).where(table.c.project == project, table.c.id == id))
        if found:
            return BuildRecord(**found[0])
        known = self._rows(select(table.c.id).where(table.c.project == project))
        hint = _suggestion(id, [row["id"] for row in known])
        raise RecordNotFoundError(f"Project {project} has no build {id}.", where=self._where, hint=hint)

    def ledger(
        self, project: str, group_id: str | None = None, limit: int | None = None, *, run_id: str | None = None
    ) -> tuple[LedgerEntry, ...]:
        """What became of boundaries (of a group, in a run), the last recorded first."""
        table = tables.ledger_entries
        query = select(table).where(table.c.project == project)
        for column, wanted in ((table.c.group_id, group_id), (table.c.run_id, run_id)):
            if wanted is not None:
                query = query.where(column == wanted)
        return self._entries(query.order_by(table.c.number.desc()).limit(limit))

    def published(self, project: str, group_id: str) -> LedgerEntry | None:
        """The newest publication of a group, by boundary and token as stores compare them; None before the first."""
        return next(iter(self._entries(queries.published(project, group_id).limit(1))), None)

    def runs(self, project: str, group_id: str | None = None, limit: int | None = None) -> tuple[LedgerEntry, ...]:
        """How each run (of a group) ended, the last recorded first: published, or else its newest failure.

        A run that only skipped boundaries, or has recorded nothing so far, is not among them.
        """
        query = queries.outcomes(project)
        if group_id is not None:
            query = query.where(tables.ledger_entries.c.group_id == group_id)
        return self._entries(query.order_by(tables.ledger_entries.c.number.desc()).limit(limit))

    def run(self, project: str, run_id: str) -> LedgerEntry:
        """How a run ended.

        Raises:
            RecordNotFoundError: No such run of the project has published or failed.
        """
        table = tables.ledger_entries
        found = self._entries(queries.outcomes(project).where(table.c.run_id == run_id))
        if found:
            return found[0]
        known = self._rows(select(table.c.run_id).where(table.c.project == project).distinct(), since=table)
        hint = _suggestion(run_id, [row["run_id"] for row in known])
        raise RecordNotFoundError(f"Project {project} has no finished run {run_id}.", where=self._where, hint=hint)

    def models(self, project: str) -> tuple[ModelRecord, ...]:
        """All versions of all models, newest first."""
        return self._models(project, select(tables.models).where(tables.models.c.project == project))

    def model(self, project: str, name: str, version: str | None = None) -> ModelRecord:
        """One version of a model; without one, the newest.

        Raises:
            RecordNotFoundError: The project has no such model.
        """
        table = tables.models
        query = select(table).where(table.c.project == project, table.c.name == name)
        if version is not None:
            query = query.where(table.c.version == version)
        found = self._models(project, query.limit(1))
        if found:
            return found[0]
        columns = select(table.c.name, table.c.version)
        known = self._rows(columns.where(table.c.project == project), since=table)
        wanted = name if version is None else f"{name}@{version}"
        hint = _suggestion(wanted, [f"{row['name']}@{row['version']}" for row in known])
        raise RecordNotFoundError(f"Project {project} has no model {wanted}.", where=self._where, hint=hint)

    def edges(self, project: str, *, as_of_revision: int | None = None) -> tuple[LineageEdge, ...]:
        """Each edge of the lineage once, with the newest revision that recorded it, in the order of the first.

        Args:
            project: The namespace.
            as_of_revision: Leave out what was recorded with later applies, or after one.
        """
        query = queries.edges(project)
        if as_of_revision is not None:
            query = query.where(tables.lineage_edges.c.revision <= as_of_revision)
        with self.snapshot() as connection:
            if not is_present(connection, tables.lineage_edges):
                return ()
            # A later revision overwrites the number and keeps the place.
            newest = {tuple(row[1:]): row[0] for row in connection.execute(query)}
        return tuple(
            LineageEdge(upstream=upstream, downstream=downstream, kind=kind, via=via, opaque=opaque, revision=revision)
            for (upstream, downstream, kind, via, opaque), revision in newest.items()
        )

    def audit(self) -> tuple[AuditRecord, ...]:
        """The audit log of all projects, oldest first."""
        return tuple(AuditRecord(**row) for row in self._rows(select(tables.audit).order_by(tables.audit.c.id)))

    @property
    def _where(self) -> str:
        return str(self._database.place)

    def _entries(self, query: Select[Any]) -> tuple[LedgerEntry, ...]:
        return tuple(LedgerEntry(**row) for row in self._rows(query, since=tables.ledger_entries))

    def _models(self, project: str, query: Select[Any]) -> tuple[ModelRecord, ...]:
        newest_first = query.order_by(tables.models.c.at.desc(), tables.models.c.name, tables.models.c.version.desc())
        found = self._rows(newest_first, since=tables.models)
        table = tables.lineage_edges
        query = queries.edges(project).add_columns(table.c.subject).where(table.c.event == "model")
        if len(found) == 1:
            query = query.where(table.c.subject == f"{found[0]['name']}@{found[0]['version']}")
        edges: dict[str, list[LineageEdge]] = defaultdict(list)
        for row in self._rows(query, since=table):
            edges[row.pop("subject")].append(LineageEdge(**row))
        return tuple(ModelRecord(**row, edges=tuple(edges[f"{row['name']}@{row['version']}"])) for row in found)

    def _rows(self, query: Select[Any], *, since: Table | None = None) -> list[dict[str, Any]]:
        """The rows as mappings; none where the schema is from before the table ``since``."""
        with self.snapshot() as connection:
            if since is not None and not is_present(connection, since):
                return []
            result = connection.execute(query)
            names = list(result.keys())
            return [dict(zip(names, row, strict=True)) for row in result]


def _empty(database: Database) -> Database:
    tables.metadata.create_all(database.engine)
    return database


def _definition(row: dict[str, Any]) -> DefinitionRecord:
    first_apply, event = row.pop("revision"), row.pop("event")
    return DefinitionRecord(
        **{"document": {}, "metadata_document": {}, **row}, first_apply=first_apply, retired=event == "retired"
    )


def _suggestion(wanted: str, known: Sequence[str]) -> str | None:
    close = difflib.get_close_matches(wanted, known, n=3)
    return f"Close to it: {', '.join(close)}." if close else None
