"""Connections to one store's file: opened when needed, used by one thread at a time, not taken into a fork."""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from featurestore.errors import EngineError, FeaturestoreError, StoreUnavailableError

__all__ = ["Connections"]

APPLICATION = 0x46535452
"""Marks the file as an online store: ``FSTR``."""

FORMAT = 1
"""The version of the tables below."""

_TABLES = (
    """
    CREATE TABLE groups (
        number INTEGER PRIMARY KEY, namespace TEXT NOT NULL, id TEXT NOT NULL, marker BLOB, UNIQUE (namespace, id)
    ) STRICT
    """,
    """
    CREATE TABLE rows (
        group_number INTEGER NOT NULL, key BLOB NOT NULL, row BLOB NOT NULL, PRIMARY KEY (group_number, key)
    ) STRICT, WITHOUT ROWID
    """,
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {FORMAT}",
)

_REASONS = {
    sqlite3.SQLITE_BUSY: ("another process keeps it locked", "Wait for that process, or end it."),
    sqlite3.SQLITE_LOCKED: ("another process keeps it locked", "Wait for that process, or end it."),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "Check that its folder exists and may be written."),
    sqlite3.SQLITE_PERM: ("it cannot be opened", "Check the permissions of the file and its folder."),
    sqlite3.SQLITE_READONLY: ("it cannot be written", "Check the permissions of the file and its folder."),
    sqlite3.SQLITE_NOTADB: ("it is no SQLite database", "Check the setting `path`."),
    sqlite3.SQLITE_CORRUPT: ("it is damaged", "Move it away, and materialize its groups again."),
    sqlite3.SQLITE_FULL: ("the disk is full", "Make room; what was stored before is whole."),
    sqlite3.SQLITE_IOERR: ("reading or writing it failed", "Check the disk, its free space and the limits on files."),
}

READ_SECONDS = 2.0
"""How long a reader waits for a lock: rarely it meets one, and whoever reads is waited for himself."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A connection, and the file that it is connected to: another one may be in its place by now."""

    connection: sqlite3.Connection
    file: tuple[int, int]


_FULL_BYTES = 128 * 1024
"""SQLite makes files of 32 KiB beside the store, and calls it an input or output error where there is no room."""

_INHERITED: list[_Opened] = []
"""Connections of the process that this one was forked from. SQLite forbids to use them here, and to close them."""


class Connections:
    """The connections to a file that holds a store, which is made where there is none.

    A file that is removed or replaced while connections are open is noticed with the next transaction, which uses what
    is in its place then.

    Args:
        file: The absolute path.
        busy_seconds: How long to wait for another process's lock, in order to write; readers give up sooner.
    """

    def __init__(self, file: Path, busy_seconds: float) -> None:
        self._file = file
        self._busy_seconds = busy_seconds
        self._idle: list[_Opened] = []
        self._process = os.getpid()
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction in which all statements see one state of the store."""
        with self._transaction("BEGIN", min(READ_SECONDS, self._busy_seconds)) as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction that is the only one to write, kept whole or not at all.

        Args:
            durable: Whether it and all before it outlast a loss of power; a crash of the process they outlast anyway.
        """
        with self._transaction("BEGIN IMMEDIATE", self._busy_seconds, "FULL" if durable else "NORMAL") as connection:
            yield connection

    @contextmanager
    def _transaction(self, begin: str, wait: float, synchronous: str = "NORMAL") -> Iterator[sqlite3.Connection]:
        with self._translated():
            opened = self._take(wait)
            connection = opened.connection
            try:
                connection.execute(f"PRAGMA busy_timeout = {wait * 1000:.0f}")
                connection.execute(f"PRAGMA synchronous = {synchronous}")
                connection.execute(begin)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # Closing takes back what was not committed, also where ROLLBACK itself would fail.
                connection.close()
                raise
            self._give_back(opened)

    def _take(self, wait: float) -> _Opened:
        if self._closed:
            message = f"The online store {self._file} was closed."
            raise StoreUnavailableError(message)
        if self._process != os.getpid():
            _INHERITED.extend(self._idle)
            self._idle, self._process = [], os.getpid()
        present = self._present()
        with suppress(IndexError):
            # A list's pop and append are atomic: no lock that a fork could leave taken.
            while (opened := self._idle.pop()).file != present:
                opened.connection.close()
            return opened
        return self._opened(wait)

    def _present(self) -> tuple[int, int] | None:
        """Which file is there now. Its number is not given to another one as long as a connection has it open."""
        try:
            found = self._file.stat()
        except OSError:
            return None  # Connecting makes it, or says why it cannot.
        return found.st_dev, found.st_ino

    def _opened(self, wait: float) -> _Opened:
        while True:
            before = self._present()
            connection = self._connect(wait)
            after = self._present()
            if after is not None and before == after:
                return _Opened(connection, after)
            connection.close()  # It was made or replaced meanwhile: which one is connected is not known.

    def _give_back(self, opened: _Opened) -> None:
        self._idle.append(opened)
        if self._closed:
            self.close()

    def close(self) -> None:
        """Closes all connections; those in use, when their transaction ends."""
        self._closed = True
        if self._process != os.getpid():
            _INHERITED.extend(self._idle)
            self._idle = []
        while self._idle:
            self._idle.pop().connection.close()

    def _connect(self, wait: float) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._file.as_uri()}?mode=rwc",
            uri=True,
            timeout=wait,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("BEGIN")  # What is looked at is of one moment; another process may be making the store.
            is_store = self._is_store(connection)
            connection.execute("COMMIT")
            if not is_store:
                self._make(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _is_store(self, connection: sqlite3.Connection) -> bool:
        """Whether the file has the store's tables; False if it is empty.

        Raises:
            StoreUnavailableError: it is another program's, or a later version's.
        """
        application = _number(connection, "PRAGMA application_id")
        version = _number(connection, "PRAGMA user_version")
        if application == APPLICATION and version == FORMAT:
            return True
        if application == APPLICATION:
            message = f"The online store {self._file} has format {version}; this version knows format {FORMAT}."
            raise StoreUnavailableError(message, hint="Upgrade this package, or name another file.")
        if application or _number(connection, "SELECT count(*) FROM sqlite_schema"):
            message = f"The database {self._file} belongs to another program."
            raise StoreUnavailableError(message, hint="Name another file in the setting `path`.")
        return False

    def _make(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA busy_timeout = {self._busy_seconds * 1000:.0f}")
        self._write_ahead(connection)
        connection.execute("BEGIN IMMEDIATE")
        if not self._is_store(connection):
            for statement in _TABLES:
                connection.execute(statement)
        connection.execute("COMMIT")

    def _write_ahead(self, connection: sqlite3.Connection) -> None:
        """Switches the file to write-ahead logging, which sticks. SQLite does not wait for this lock by itself."""
        deadline = time.monotonic() + self._busy_seconds
        while True:
            try:
                mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            except sqlite3.OperationalError as error:
                if _primary(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                break
        if mode != "wal":
            message = f"The online store {self._file} lies on a file system without shared memory."
            raise StoreUnavailableError(message, hint="SQLite needs a local disk; name another file.")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except FeaturestoreError:
            raise
        except sqlite3.Error as error:
            reason, hint = _REASONS.get(self._code(error), (None, None))
            if reason is None:
                message = f"The online store {self._file} failed: {error}."
                raise EngineError(message) from error
            message = f"The online store {self._file} is unavailable: {reason} ({error})."
            raise StoreUnavailableError(message, hint=hint) from error

    def _code(self, error: sqlite3.Error) -> int:
        """SQLite's result code without its extension; of an input or output error on a full disk, that it is full."""
        code = _primary(error)
        if code != sqlite3.SQLITE_IOERR:
            return code
        try:
            free = shutil.disk_usage(self._file.parent).free
        except OSError:
            return code
        return sqlite3.SQLITE_FULL if free < _FULL_BYTES else code


def _number(connection: sqlite3.Connection, statement: str) -> int:
    return int(connection.execute(statement).fetchone()[0])


def _primary(error: sqlite3.Error) -> int:
    """SQLite's result code without its extension; -1 for an error of the driver's own."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return -1 if code is None else code & 0xFF
