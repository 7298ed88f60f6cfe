"""The registry for those who only look."""

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Select, func, select

from featurestore.errors import RecordNotFoundError, RegistryUnavailableError
from featurestore.registry import queries, tables
from featurestore.registry.connection import BUSY_TIMEOUT, Database, open_database, parse_location
from featurestore.registry.migrate import check_readable, schema_version
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

    def audit(self) -> tuple[AuditRecord, ...]:
        """The audit log of all projects, oldest first."""
        return tuple(AuditRecord(**row) for row in self._rows(select(tables.audit).order_by(tables.audit.c.id)))

    @property
    def _where(self) -> str:
        return str(self._database.place)

    def _rows(self, query: Select[Any]) -> list[dict[str, Any]]:
        with self.snapshot() as connection:
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
