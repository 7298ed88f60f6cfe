"""SQLite as a registry: write-ahead logging, one writer at a time, readers that cannot write.

Each transaction has a connection of its own: opening a file is cheap, and so none stays open in another thread, in a
fork or behind a forgotten reader. What stays is the engine, which knows the statements that it has compiled, and a
writer's hold on the log, since the last connection that is closed writes the whole log back.
"""

import functools
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import Connection, Engine, NullPool, StaticPool, create_engine, event

__all__ = ["empty_engine", "hold_log", "read_only_engine", "writable_engine"]


def writable_engine(file: Path, busy_timeout: float) -> Engine:
    """An engine whose every transaction is the only one that writes; the file is made when it is not there."""
    return _writable_engine(file.absolute(), busy_timeout)


def read_only_engine(file: Path, busy_timeout: float) -> Engine:
    """An engine whose transactions see one state of an existing file and cannot change it."""
    return _read_only_engine(file.absolute(), busy_timeout)


def hold_log(file: Path) -> sqlite3.Connection:
    """A connection that does nothing but keep the file's log from being written back until it is closed."""
    return _connect(file.absolute(), "mode=rw", 0.0, ["PRAGMA schema_version"])


@functools.lru_cache(maxsize=16)
def _writable_engine(file: Path, busy_timeout: float) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = _connect(file, "mode=rwc", busy_timeout, ["PRAGMA foreign_keys=ON"])
        try:
            _write_ahead(connection, time.monotonic() + busy_timeout)
        except BaseException:
            connection.close()
            raise
        return connection

    return _engine(connect, "BEGIN IMMEDIATE")


@functools.lru_cache(maxsize=16)
def _read_only_engine(file: Path, busy_timeout: float) -> Engine:
    def connect() -> sqlite3.Connection:
        try:
            # The first look at the file, so that its failures are met here.
            return _connect(file, "mode=ro", busy_timeout, ["PRAGMA schema_version"])
        except sqlite3.OperationalError as error:
            # Reading a write-ahead log makes a file next to it. A folder that refuses that also keeps writers out:
            # with no log left behind, the file alone is the whole state.
            if error.sqlite_errorcode not in _FOLDER_REFUSES or _log_is_left(file):
                raise
            return _connect(file, "mode=ro&immutable=1", busy_timeout, [])

    return _engine(connect, "BEGIN")


def empty_engine() -> Engine:
    """An engine on a database in memory, empty at first, that all its transactions share."""
    return create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})


_FOLDER_REFUSES = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY_DIRECTORY, sqlite3.SQLITE_READONLY_CANTINIT}


def _engine(connect: Callable[[], sqlite3.Connection], begin: str) -> Engine:
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # The driver's own idea of when a transaction begins is too late for a snapshot and too weak for a writer.
        connection.exec_driver_sql(begin)

    return engine


def _connect(file: Path, mode: str, busy_timeout: float, statements: Sequence[str]) -> sqlite3.Connection:
    uri = f"{file.as_uri()}?{mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=busy_timeout, isolation_level=None, check_same_thread=False)
    try:
        for statement in statements:
            connection.execute(statement).close()
    except BaseException:
        connection.close()
        raise
    return connection


def _write_ahead(connection: sqlite3.Connection, deadline: float) -> None:
    """Switch the file to write-ahead logging, which sticks. SQLite does not wait for this lock by itself."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _log_is_left(file: Path) -> bool:
    log = file.with_name(file.name + "-wal")
    return log.exists() and log.stat().st_size > 0
