"""Computed batches as the bytes that an online store holds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Self, TypeVar

from featurestore.compiler.stored import row_columns, stored_form
from featurestore.definitions.resolved import Group
from featurestore.errors import ComputeError
from featurestore.spi.codec import (
    Marker,
    Row,
    RowCodec,
    encode_key,
    encode_row,
    group_prefix,
    row_order,
    rows_checksum,
    sum_checksums,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["BATCH_ROWS", "Packing", "Pair", "Tally", "batched", "packing"]

T = TypeVar("T")
Pair = tuple[bytes, bytes]
"""Key and row."""

BATCH_ROWS = 10_000


def batched(items: Iterable[T], size: int = BATCH_ROWS) -> Iterator[list[T]]:
    """The items in lists of ``size``; the last one may be shorter."""
    waiting = iter(items)
    while batch := list(islice(waiting, size)):
        yield batch


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows there are, and the `rows_checksum` of them."""

    rows: int = 0
    checksum: str = "0" * 32

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> Self:
        """The tally of these rows."""
        return cls(len(pairs), rows_checksum(pairs))

    @classmethod
    def in_marker(cls, marker: Marker) -> Self:
        """What a marker says of its group."""
        return cls(marker.rows, marker.checksum)

    def __add__(self, other: "Tally") -> "Tally":
        """The tally of both, if they share no row."""
        return Tally(self.rows + other.rows, sum_checksums([self.checksum, other.checksum]))

    def __sub__(self, other: "Tally") -> "Tally":
        """The tally of the rows that ``other`` has not, if it has no others."""
        return Tally(self.rows - other.rows, f"{(int(self.checksum, 16) - int(other.checksum, 16)) % 2**128:032x}")


@dataclass(frozen=True)
class Packing:
    """How a run packs rows: of which group, for which boundary, with which token.

    ``empty`` is the row of an entity that has no rows left in the source.
    """

    group: Group
    boundary: int
    token: int
    codec: RowCodec
    empty: bytes

    @property
    def order(self) -> bytes:
        """What `row_order` says of each row that the run writes."""
        return row_order(self.empty)

    def pairs(self, batch: "pa.RecordBatch") -> Iterator[Pair]:
        """Keys and rows of a batch, whose columns are the entity's keys and then the codec's.

        Raises:
            ComputeError: a value cannot be stored.
        """
        names, types = list(self.group.entity.keys), list(self.group.entity.keys.values())
        columns = [_values(column, name) for name, column in zip(batch.schema.names, batch.columns, strict=True)]
        prefix, own = group_prefix(self.group.id), len(names)
        for cells in zip(*columns, strict=True):
            key = encode_key(cells[:own], types, names)
            if key is None:
                message = f"A computed row of {self.group.name} has a null in its key."
                raise ComputeError(message)
            yield key, encode_row(Row(self.boundary, self.token, prefix, cells[own:]), self.codec)


def _values(column: "pa.Array", name: str) -> list[object]:
    try:
        values: list[object] = column.to_pylist()
    except (ValueError, OverflowError) as error:
        message = f"The column {name!r} holds a {column.type} that Python cannot hold: its years go from 1 to 9999."
        raise ComputeError(message) from error
    return values


def packing(group: Group, boundary: int, token: int) -> Packing:
    """How the rows of a run are packed."""
    codec = RowCodec(row_columns(group))
    values: list[object] = []
    for form in map(stored_form, group.members):
        values += [form.empty, None] if form.has_event else [form.empty]
    empty = encode_row(Row(boundary, token, group_prefix(group.id), tuple(values)), codec)
    return Packing(group, boundary, token, codec, empty)
