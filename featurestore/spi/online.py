"""The interface of an online store: the newest row of each entity, and how far each group is complete."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from featurestore.spi.codec import Marker

__all__ = ["Found", "GroupKey", "OnlineStore", "RowWriter"]


@dataclass(frozen=True, slots=True)
class GroupKey:
    """A group in a store: groups of different namespaces share nothing, so that one store serves several projects.

    Args:
        namespace: ``project:target``.
        group: The group's id.
    """

    namespace: str
    group: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.group}"


@dataclass(frozen=True, slots=True)
class Found:
    """What `OnlineStore.get_many` found of a group: its marker, and a row per wanted key, in order; None is absent."""

    marker: Marker | None
    rows: list[bytes | None]


class RowWriter(Protocol):
    """Writes rows from another process. It can be pickled, and connects where it is used."""

    def put_many(self, group: GroupKey, rows: Iterable[tuple[bytes, bytes]]) -> int:
        """See `OnlineStore.put_many`."""


class OnlineStore(Protocol):
    """A configured online store. Its methods may be called from several threads and processes at once.

    Keys and rows are bytes made by `featurestore.spi.codec`. Besides what they state, all methods raise
    `StoreUnavailableError` when the store cannot be reached, read or written.
    """

    def put_many(self, group: GroupKey, rows: Iterable[tuple[bytes, bytes]]) -> int:
        """Stores each (key, row) that is newer, by (boundary, token), than the row of its key; returns how many it did.

        Each row is stored whole or not at all, and the newest wins in whatever order rows arrive and whoever writes
        them. ``rows`` is consumed as it is written, in memory that does not grow with it, and nothing is locked while
        the next rows are awaited. After an error some of the rows are stored; putting them again is harmless.

        Raises:
            CorruptRowError: a row is not one of `encode_row`; rows before it may be stored.
        """

    def get_many(self, wanted: Mapping[GroupKey, Sequence[bytes]]) -> Mapping[GroupKey, Found]:
        """Marker and rows of all wanted groups and keys, in one round trip; an unknown group has neither.

        A marker is read no later than the rows that it vouches for. So no row is older than what a run had stored
        before it set that marker; rows may be newer.

        Raises:
            CorruptRowError: a marker is damaged. Rows are not looked at.
        """

    def publish(self, group: GroupKey, marker: Marker, *, expected: Marker | None) -> bool:
        """Sets the group's marker if it is ``expected`` (None: there is none); returns whether it did.

        It does not, either, when that would take the marker back in (boundary, token). What is published is durable,
        and so are the rows put before.
        """

    def marker(self, group: GroupKey) -> Marker | None:
        """The group's marker; None where nothing is published."""

    def scan(self, group: GroupKey) -> Iterator[tuple[bytes, bytes]]:
        """All (key, row) of the group, each key once, in any order, streamed.

        It is no snapshot: of what is written during the scan, it gives some. It holds no lock between rows.
        """

    def count(self, group: GroupKey) -> int:
        """How many rows the group has."""

    def delete(self, group: GroupKey) -> None:
        """Removes the group: first its marker, then its rows. An unknown group is no error."""

    def groups(self) -> Sequence[GroupKey]:
        """The groups that have a marker or rows, of all namespaces, sorted by namespace and id."""

    def writer(self) -> RowWriter:
        """A writer to this store, for other processes."""

    def close(self) -> None:
        """Gives back what it holds; nothing else may be called after."""
