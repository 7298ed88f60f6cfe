"""What changes while runs are at work: leases on groups, and how far each run is. The one module that changes rows.

A lease keeps two runs from doing the same work; it cannot keep a run that was suspended from waking up after it lost
the lease. Against that, rows and markers carry the lease's token, and stores let the greater one win.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, func, insert, select, update

from featurestore.errors import LeaseHeldError, LeaseLostError, RegistryError
from featurestore.registry import tables
from featurestore.registry.connection import BUSY_TIMEOUT, Database
from featurestore.registry.migrate import is_present, open_newest
from featurestore.registry.reader import Reader
from featurestore.registry.records import Lease, Progress

__all__ = ["Leases", "leases", "open_leases", "progress"]


def open_leases(location: str | Path, *, busy_timeout: float = BUSY_TIMEOUT) -> "Leases":
    """Open a registry to lease its groups; it is made or upgraded as `open_writer` does.

    Args:
        location: Database URL, or path of a SQLite file.
        busy_timeout: Seconds to wait for another process that is writing.

    Raises:
        ConfigurationError: The location is no such thing.
        RegistryUnavailableError: The database cannot be reached, read or written.
        RegistrySchemaError: The schema is too new for this code, or not a registry's.
    """
    return Leases(*open_newest(location, busy_timeout=busy_timeout))


def leases(reader: Reader, project: str) -> tuple[Lease, ...]:
    """The leases that were neither released nor taken over, by group; some may have expired."""
    table = tables.leases
    query = select(table).where(table.c.project == project).order_by(table.c.group_id)
    return tuple(Lease(**row) for row in _looked_up(reader, table, query))


def progress(reader: Reader, project: str) -> tuple[Progress, ...]:
    """How far each run is that has reported and has not been cleared, the last report first."""
    table = tables.run_progress
    query = select(table).where(table.c.project == project).order_by(table.c.updated.desc(), table.c.run_id)
    return tuple(Progress(**row) for row in _looked_up(reader, table, query))


class Leases:
    """Gives out leases on groups, and keeps the progress of runs. Close it, or use it as a context manager.

    Clocks may differ between machines and may be set back: then a lease lasts longer or shorter than it should, and
    still each lease of a group has a greater token than the one before.

    Args:
        writing: The registry, to change it.
        reading: The same, to look at it.
    """

    def __init__(self, writing: Database, reading: Database) -> None:
        self._writing = writing
        self._reading = reading

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database. Leases stay as they are."""
        self._writing.close()
        self._reading.close()

    def acquire(self, project: str, group_id: str, owner: str, ttl: timedelta, now: datetime) -> Lease:
        """Lease a group, if nobody holds it or the lease has expired.

        Args:
            project: The namespace.
            group_id: The group.
            owner: Who asks, as people are to read it. The same owner asking twice is refused as anybody else is.
            ttl: How long the lease lasts without being renewed.
            now: The time.

        Raises:
            LeaseHeldError: Another holds it.
            RegistryError: ``ttl`` is not above zero, or ``now`` has no time zone.
            RegistryUnavailableError: The database cannot be written.
        """
        _check_aware(now)
        if ttl <= timedelta(0):
            raise RegistryError(f"A lease that lasts {ttl} is none.")
        with self._writing.exclusive() as connection:
            held = _held(connection, project, group_id)
            if held is not None and held.expires > now:
                raise _held_error(held, str(self._writing.place))
            lease = Lease(
                project=project,
                group_id=group_id,
                owner=owner,
                token=_newest_token(connection, project, group_id) + 1,
                acquired=now,
                renewed=now,
                expires=now + ttl,
            )
            token = {"project": project, "group_id": group_id, "token": lease.token, "owner": owner, "at": now}
            connection.execute(insert(tables.fencing_tokens), [token])
            key = {"project": project, "group_id": group_id}
            _put(connection, tables.leases, key, {name: getattr(lease, name) for name in lease.__slots__})
        return lease

    def renew(self, lease: Lease, now: datetime) -> Lease:
        """Give a sign of life: the lease lasts for its whole time from now on, even if it had expired.

        Raises:
            LeaseLostError: It was released, or another took it over.
            RegistryError: ``now`` has no time zone.
            RegistryUnavailableError: The database cannot be written.
        """
        _check_aware(now)
        renewed = replace(lease, renewed=now, expires=now + lease.ttl)
        changed = {"renewed": renewed.renewed, "expires": renewed.expires}
        with self._writing.exclusive() as connection:
            if connection.execute(update(tables.leases).where(*_is_of(lease)).values(changed)).rowcount == 0:
                self._raise_lost(connection, lease)
        return renewed

    def release(self, lease: Lease) -> None:
        """Give the lease back, so that others need not wait. Without effect when it is lost already.

        Raises:
            RegistryUnavailableError: The database cannot be written.
        """
        with self._writing.exclusive() as connection:
            connection.execute(delete(tables.leases).where(*_is_of(lease)))

    def check(self, lease: Lease) -> None:
        """Make sure that nobody else has had the lease since. It may have expired.

        Raises:
            LeaseLostError: It was released, or another took it over.
            RegistryUnavailableError: The database cannot be read.
        """
        with self._reading.snapshot() as connection:
            held = _held(connection, lease.project, lease.group_id)
            if held is None or held.token != lease.token:
                self._raise_lost(connection, lease)

    def report(self, progress: Progress) -> None:
        """Say how far a run is, in place of what was said before.

        Raises:
            RegistryUnavailableError: The database cannot be written.
        """
        key = {"project": progress.project, "run_id": progress.run_id}
        values = {name: getattr(progress, name) for name in progress.__slots__}
        with self._writing.exclusive() as connection:
            _put(connection, tables.run_progress, key, values)

    def clear(self, project: str, run_id: str) -> None:
        """Forget how far a run was, once it has ended.

        Raises:
            RegistryUnavailableError: The database cannot be written.
        """
        table = tables.run_progress
        with self._writing.exclusive() as connection:
            connection.execute(delete(table).where(table.c.project == project, table.c.run_id == run_id))

    def _raise_lost(self, connection: Connection, lease: Lease) -> NoReturn:
        newest = _newest_token(connection, lease.project, lease.group_id)
        held = _held(connection, lease.project, lease.group_id)
        how = f"{held.owner} has it" if held else "nobody has it"
        raise LeaseLostError(
            f"{lease.owner} has lost the lease of group {lease.group_id} of {lease.project} "
            f"(its token is {lease.token}, the newest {newest}): {how}.",
            where=str(self._writing.place),
            hint="What it goes on to write loses against the newer token. Stop it; run it again if need be.",
        )


def _looked_up(reader: Reader, table: Table, query: Select[Any]) -> list[dict[str, Any]]:
    with reader.snapshot() as connection:
        return [dict(row) for row in connection.execute(query).mappings()] if is_present(connection, table) else []


def _check_aware(now: datetime) -> None:
    if now.tzinfo is None:
        raise RegistryError(f"The time {now} has no time zone.")


def _held_error(held: Lease, where: str) -> LeaseHeldError:
    until = f"{held.expires:%Y-%m-%d %H:%M:%S} UTC"
    return LeaseHeldError(
        f"{held.owner} holds the lease of group {held.group_id} of {held.project} until {until}.",
        where=where,
        hint="Wait until it is done. If it died, its lease can be taken over from then on.",
    )


def _held(connection: Connection, project: str, group_id: str) -> Lease | None:
    table = tables.leases
    row = connection.execute(select(table).where(table.c.project == project, table.c.group_id == group_id)).first()
    return Lease(**row._mapping) if row else None


def _is_of(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    table = tables.leases
    return table.c.project == lease.project, table.c.group_id == lease.group_id, table.c.token == lease.token


def _newest_token(connection: Connection, project: str, group_id: str) -> int:
    table = tables.fencing_tokens
    query = select(func.max(table.c.token)).where(table.c.project == project, table.c.group_id == group_id)
    return connection.execute(query).scalar_one() or 0


def _put(connection: Connection, table: Table, key: Mapping[str, str], values: Mapping[str, Any]) -> None:
    connection.execute(delete(table).where(*(table.c[name] == value for name, value in key.items())))
    connection.execute(insert(table), [dict(values)])
