"""Databases that can hold a registry: where they are, how they are opened, and what their failures mean."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NoSuchModuleError, StatementError

from featurestore.errors import ConfigurationError, RegistryError, RegistryUnavailableError
from featurestore.registry.sqlite import hold_log, read_only_engine, writable_engine

__all__ = ["BUSY_TIMEOUT", "Database", "Place", "make_folder", "open_database", "parse_location"]

BUSY_TIMEOUT: Final = 10.0
"""Seconds to wait for another process that is writing."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a registry is.

    Args:
        url: May hold a password: show ``str(place)`` instead.
        file: For SQLite; else None.
    """

    url: URL = field(repr=False)
    file: Path | None

    def __str__(self) -> str:
        # Drivers also take passwords as options, so the options stay out.
        return str(self.file) if self.file else self.url.set(query={}).render_as_string(hide_password=True)

    def hide(self, text: str) -> str:
        """The text without the passwords of this place."""
        options = [value for name, value in self.url.query.items() if "password" in name and isinstance(value, str)]
        for secret in filter(None, [self.url.password, *options]):
            text = text.replace(str(secret), "***")
        return text


@dataclass(frozen=True, slots=True)
class Database:
    """An open registry: a place and the way to it.

    Args:
        lock: Statements that make a writing transaction the only one; none where beginning it has that effect.
    """

    place: Place
    engine: Engine
    lock: tuple[str, ...] = ()
    _held: list[sqlite3.Connection] = field(default_factory=list, compare=False, repr=False)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A transaction that sees one state and is never committed."""
        with _failures_named(self.place), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """A transaction that waits until no other writes; all of it takes place, or nothing."""
        try:
            with _failures_named(self.place), self.engine.begin() as connection:
                for statement in self.lock:
                    connection.exec_driver_sql(statement)
                yield connection
        except (UnicodeEncodeError, OverflowError) as error:  # a lone surrogate, a number beyond 64 bits
            raise _unstorable(error, self.place) from error
        if self.place.file is not None and not self._held:
            with suppress(sqlite3.Error):  # it saves time, and nothing depends on it
                self._held.append(hold_log(self.place.file))

    def close(self) -> None:
        """Let go of all connections."""
        while self._held:
            self._held.pop().close()
        self.engine.dispose()


def parse_location(location: str | Path) -> Place:
    """Read a database URL, or the path of a SQLite file.

    Raises:
        ConfigurationError: It is neither, or names a kind of database that cannot hold a registry.
    """
    if isinstance(location, Path) or "://" not in location:
        return _file_place(Path(location))
    try:
        url = make_url(location)
    except (ArgumentError, ValueError):
        # The parser's own message may quote the URL with its password.
        raise ConfigurationError("The registry's URL cannot be read.", hint=_URL_HINT) from None
    kind = url.get_backend_name()
    if kind not in _BACKENDS:
        raise ConfigurationError(f"A registry cannot be kept in {kind}.", hint=_URL_HINT)
    if kind != "sqlite":
        return Place(url, None)
    if url.database in {None, "", ":memory:"} or url.query:
        raise ConfigurationError("A registry's SQLite URL is a file's path and nothing else.", hint=_URL_HINT)
    return _file_place(Path(str(url.database)))


def make_folder(place: Place) -> None:
    """Make the folders that a SQLite file needs.

    Raises:
        RegistryUnavailableError: They cannot be made.
    """
    if place.file is None:
        return
    try:
        place.file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RegistryUnavailableError(
            f"The registry's folder cannot be made: {error.strerror}.", where=str(place), hint=_PERMISSION_HINT
        ) from error


def open_database(place: Place, *, writable: bool, busy_timeout: float = BUSY_TIMEOUT) -> Database:
    """Get ready to connect, whatever the schema.

    Raises:
        RegistryUnavailableError: The driver is not installed.
    """
    backend = _BACKENDS[place.url.get_backend_name()]
    try:
        engine = backend.engine(place, busy_timeout, writable)
    except (ImportError, NoSuchModuleError) as error:
        raise RegistryUnavailableError(
            f"The database driver {place.url.drivername} is not installed.",
            where=str(place),
            hint="pip install 'psycopg[binary]', with postgresql+psycopg://… as the URL.",
        ) from error
    lock = tuple(statement.format(milliseconds=int(busy_timeout * 1000)) for statement in backend.lock)
    return Database(place, engine, lock)


@contextmanager
def _failures_named(place: Place) -> Iterator[None]:
    """Turn what the database raises into errors that say what, where and what to do.

    Raises:
        RegistryUnavailableError: The database cannot be reached, read or written.
        RegistryError: It refused a row, or a record holds what cannot be stored.
    """
    try:
        yield
    except (IntegrityError, DataError) as error:
        reason = place.hide(str(error.orig)).partition("\n")[0]
        raise RegistryError(f"The registry refused a row: {reason}.", where=str(place)) from error
    except DBAPIError as error:
        reason = place.hide(str(error.orig)).partition("\n")[0]
        other = (f"cannot be used: {reason}", _ANY_HINT)
        what, hint = next((said for part, said in _FAILURES.items() if part in reason), other)
        raise RegistryUnavailableError(f"The registry's database {what}.", where=str(place), hint=hint) from error
    except StatementError as error:
        raise _unstorable(error.orig, place) from error


def _unstorable(reason: BaseException | None, place: Place) -> RegistryError:
    return RegistryError(f"A record holds what cannot be stored: {reason}.", where=str(place))


def _file_place(file: Path) -> Place:
    return Place(URL.create("sqlite", database=str(file)), file)


@dataclass(frozen=True, slots=True)
class _Backend:
    engine: Callable[[Place, float, bool], Engine]
    lock: tuple[str, ...]


def _sqlite(place: Place, busy_timeout: float, writable: bool) -> Engine:  # noqa: FBT001  # a row of _BACKENDS
    file = Path(str(place.url.database))
    return writable_engine(file, busy_timeout) if writable else read_only_engine(file, busy_timeout)


def _postgresql(place: Place, busy_timeout: float, writable: bool) -> Engine:  # noqa: FBT001, ARG001  # idem
    isolation = "READ COMMITTED" if writable else "REPEATABLE READ"
    engine = create_engine(place.url, hide_parameters=True, pool_pre_ping=True)
    return engine.execution_options(isolation_level=isolation, postgresql_readonly=not writable)


_BACKENDS: Mapping[str, _Backend] = {
    "sqlite": _Backend(_sqlite, ()),
    # The number is arbitrary and must be the same in all versions.
    "postgresql": _Backend(
        _postgresql,
        ("SET LOCAL lock_timeout = {milliseconds}", "SELECT pg_advisory_xact_lock(7310577365311121)"),
    ),
}

_URL_HINT = "Write a path, sqlite:///path/to/registry.db or postgresql://user@host/database."
_PERMISSION_HINT = "Check who owns the file and its folder, and what they allow."
_ANY_HINT = "Check the registry's URL, and that its server is running."

_FAILURES: Mapping[str, tuple[str, str]] = {
    "file is not a database": (
        "is something else: the file is no SQLite database",
        "Name another path in featurestore.yaml, or move the file away.",
    ),
    "malformed": ("is damaged", "Restore it from a backup."),
    "is locked": ("is locked: another process is writing", "Wait for it to finish, then try again."),
    "lock timeout": ("is locked: another process is writing", "Wait for it to finish, then try again."),
    "readonly database": ("cannot be written", _PERMISSION_HINT),
    "unable to open database file": ("cannot be opened", _PERMISSION_HINT),
    "is full": ("cannot grow: the disk is full", "Make room, then try again."),
    "disk I/O error": (
        "cannot be read or written: the disk is full, or it fails",
        "Make room on the disk that holds it and the folder beside it, then try again.",
    ),
}
