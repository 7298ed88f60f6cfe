"""The SQLite online store."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from featurestore.errors import StoreUnavailableError
from featurestore.spi.codec import ORDER, Marker, decode_marker, encode_marker, row_order
from featurestore.spi.online import Found, GroupKey
from featurestore_sqlite.connections import Connections
from featurestore_sqlite.settings import SQLiteSettings

__all__ = ["SQLiteStore", "SQLiteWriter", "open_store"]

FILE = "online.db"
BATCH_ROWS = 2_000
"""Rows that one transaction writes or removes, so that no writer keeps the others waiting for long."""
PAGE_ROWS = 1_000
BUSY_SECONDS = 30.0
_KEYS_PER_STATEMENT = (1, 16, 64, 256)
"""Few sizes, so that the driver's prepared statements are used again; what is left over asks for null."""

_NUMBER = "(SELECT number FROM groups WHERE namespace = ? AND id = ?)"
_ADD_GROUP = "INSERT INTO groups (namespace, id) VALUES (?, ?) ON CONFLICT DO NOTHING"
_ORDER = f"{ORDER.start + 1}, {ORDER.stop - ORDER.start}"
_PUT = (
    "INSERT INTO rows (group_number, key, row) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET row = excluded.row "
    f"WHERE substr(excluded.row, {_ORDER}) > substr(rows.row, {_ORDER})"
)


def open_store(settings: SQLiteSettings, root: Path, scratch: Path) -> "SQLiteStore":
    """Opens the store; a relative path refers to ``root``, without one the store is in ``scratch``.

    Raises:
        StoreUnavailableError: the file can be neither opened nor made.
    """
    return SQLiteStore(root / settings.path if settings.path else scratch / FILE)


class SQLiteStore:
    """An `OnlineStore` in one file on a local disk, for the threads and processes of one machine.

    Readers and the one writer at a time do not wait for each other. After a fork, the child may use the store too.

    Args:
        file: The file; it and its folder are made if they are not there.
        busy_seconds: How long to wait for another writer.
    """

    def __init__(self, file: Path, busy_seconds: float = BUSY_SECONDS) -> None:
        self._file = file.absolute()
        self._busy_seconds = busy_seconds
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"The online store {self._file} is unavailable: its folder cannot be made ({error.strerror})."
            raise StoreUnavailableError(message, hint="Check the setting `path`.") from error
        self._connections = Connections(self._file, busy_seconds)
        with self._connections.reading():
            pass  # A file that cannot be used is met here.

    def put_many(self, group: GroupKey, rows: Iterable[tuple[bytes, bytes]]) -> int:
        """See `OnlineStore.put_many`."""
        waiting = iter(rows)
        stored = 0
        while batch := list(islice(waiting, BATCH_ROWS)):
            for _, row in batch:
                row_order(row)  # Refuses what could not be compared.
            with self._connections.writing() as connection:
                number = _number_of(connection, group)
                before = connection.total_changes
                connection.executemany(_PUT, ((number, key, row) for key, row in batch))
                stored += connection.total_changes - before
        return stored

    def get_many(self, wanted: Mapping[GroupKey, Sequence[bytes]]) -> Mapping[GroupKey, Found]:
        """See `OnlineStore.get_many`. Markers and rows are of one snapshot."""
        with self._connections.reading() as connection:
            return {group: _found(connection, group, keys) for group, keys in wanted.items()}

    def publish(self, group: GroupKey, marker: Marker, *, expected: Marker | None) -> bool:
        """See `OnlineStore.publish`."""
        if expected is not None and marker.order < expected.order:
            return False
        known = None if expected is None else encode_marker(expected)
        with self._connections.writing(durable=True) as connection:
            if _marker_bytes(connection, group) != known:
                return False
            number = _number_of(connection, group)
            connection.execute("UPDATE groups SET marker = ? WHERE number = ?", (encode_marker(marker), number))
        return True

    def marker(self, group: GroupKey) -> Marker | None:
        """See `OnlineStore.marker`."""
        with self._connections.reading() as connection:
            return _marker(connection, group)

    def scan(self, group: GroupKey) -> Iterator[tuple[bytes, bytes]]:
        """See `OnlineStore.scan`. Rows come sorted by key."""
        condition, after = "", list[bytes]()
        while True:
            statement = f"SELECT key, row FROM rows WHERE group_number = {_NUMBER}{condition} ORDER BY key LIMIT ?"
            with self._connections.reading() as connection:
                page = connection.execute(statement, (*_name(group), *after, PAGE_ROWS)).fetchall()
            yield from page
            if len(page) < PAGE_ROWS:
                return
            condition, after = " AND key > ?", [page[-1][0]]

    def count(self, group: GroupKey) -> int:
        """See `OnlineStore.count`."""
        with self._connections.reading() as connection:
            statement = f"SELECT count(*) FROM rows WHERE group_number = {_NUMBER}"
            return int(connection.execute(statement, _name(group)).fetchone()[0])

    def delete(self, group: GroupKey) -> None:
        """See `OnlineStore.delete`."""
        with self._connections.writing() as connection:
            connection.execute("UPDATE groups SET marker = NULL WHERE namespace = ? AND id = ?", _name(group))
        while not self._delete_some(group):
            pass  # One bounded transaction after the other.

    def _delete_some(self, group: GroupKey) -> bool:
        """Removes one batch of rows, and with the last one the group itself; returns whether that is done."""
        rows = f"SELECT key FROM rows WHERE group_number = {_NUMBER} LIMIT ?"
        with self._connections.writing() as connection:
            removed = connection.execute(
                f"DELETE FROM rows WHERE group_number = {_NUMBER} AND key IN ({rows})",
                (*_name(group), *_name(group), BATCH_ROWS),
            ).rowcount
            if removed == BATCH_ROWS:
                return False
            connection.execute("DELETE FROM groups WHERE namespace = ? AND id = ? AND marker IS NULL", _name(group))
        return True

    def groups(self) -> Sequence[GroupKey]:
        """See `OnlineStore.groups`."""
        with self._connections.reading() as connection:
            names = connection.execute("SELECT namespace, id FROM groups ORDER BY namespace, id").fetchall()
        return [GroupKey(*name) for name in names]

    def writer(self) -> "SQLiteWriter":
        """See `OnlineStore.writer`; for processes of the same machine."""
        return SQLiteWriter(self._file, self._busy_seconds)

    def close(self) -> None:
        """See `OnlineStore.close`."""
        self._connections.close()


@dataclass(frozen=True, slots=True)
class SQLiteWriter:
    """A `RowWriter` that opens the file for each call."""

    file: Path
    busy_seconds: float

    def put_many(self, group: GroupKey, rows: Iterable[tuple[bytes, bytes]]) -> int:
        """See `OnlineStore.put_many`."""
        store = SQLiteStore(self.file, self.busy_seconds)
        try:
            return store.put_many(group, rows)
        finally:
            store.close()


def _name(group: GroupKey) -> tuple[str, str]:
    return group.namespace, group.group


def _number_of(connection: sqlite3.Connection, group: GroupKey) -> int:
    """The group's number, given now if it has none. It is known for the transaction only: `delete` frees numbers."""
    connection.execute(_ADD_GROUP, _name(group))
    return int(connection.execute(f"SELECT {_NUMBER}", _name(group)).fetchone()[0])


def _marker_bytes(connection: sqlite3.Connection, group: GroupKey) -> bytes | None:
    found = connection.execute("SELECT marker FROM groups WHERE namespace = ? AND id = ?", _name(group)).fetchone()
    return None if found is None else found[0]


def _marker(connection: sqlite3.Connection, group: GroupKey) -> Marker | None:
    data = _marker_bytes(connection, group)
    return None if data is None else decode_marker(data)


def _found(connection: sqlite3.Connection, group: GroupKey, keys: Sequence[bytes]) -> Found:
    marker = _marker(connection, group)
    rows: dict[bytes, bytes] = {}
    waiting = iter(dict.fromkeys(keys))
    while some := list(islice(waiting, _KEYS_PER_STATEMENT[-1])):
        size = next(size for size in _KEYS_PER_STATEMENT if size >= len(some))
        marks = ", ".join("?" * size)
        statement = f"SELECT key, row FROM rows WHERE group_number = {_NUMBER} AND key IN ({marks})"
        rows.update(connection.execute(statement, (*_name(group), *some, *[None] * (size - len(some)))))
    return Found(marker, [rows.get(key) for key in keys])
