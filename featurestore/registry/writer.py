"""The registry for those who record what was done."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, insert, select

from featurestore.errors import PlanOutdatedError
from featurestore.registry import queries, tables
from featurestore.registry.audit import append_entry
from featurestore.registry.changes import Registered, changes, counts
from featurestore.registry.connection import (
    BUSY_TIMEOUT,
    Database,
    Place,
    make_folder,
    open_database,
    parse_location,
)
from featurestore.registry.migrate import NEWEST, schema_version, upgrade
from featurestore.registry.reader import Reader
from featurestore.registry.records import ApplyDraft, ApplyRecord, BuildRecord, DefinitionKey

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
    place = parse_location(location)
    reading = open_database(place, writable=False, busy_timeout=busy_timeout)
    writing = open_database(place, writable=True, busy_timeout=busy_timeout)
    try:
        make_folder(place)
        # Looking first: opening then does not wait for a long transaction of another's.
        if _version(place, reading) != NEWEST:
            with writing.exclusive() as connection:
                upgrade(connection, str(place))
    except BaseException:
        reading.close()
        writing.close()
        raise
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
            connection.execute(insert(tables.applies), [_row(record)])
            for table, added in rows.items():
                if added:
                    connection.execute(insert(table), added)
            append_entry(connection, ("apply", draft.project, record.revision), at=draft.at, who=draft.who)
        return record

    def record_build(self, build: BuildRecord) -> None:
        """Record a build and its audit entry, or nothing.

        Raises:
            RegistryError: A build of this id is recorded, or it holds what cannot be stored.
            RegistryUnavailableError: The database cannot be written.
        """
        with self._database.exclusive() as connection:
            connection.execute(insert(tables.builds), [_row(build)])
            append_entry(connection, ("build", build.project, build.id), at=build.at, who=build.who)


def _version(place: Place, reading: Database) -> int | None:
    if place.file is not None and not place.file.exists():
        return None
    with reading.snapshot() as connection:
        return schema_version(connection, str(place))


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


def _row(record: ApplyRecord | BuildRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__slots__}
