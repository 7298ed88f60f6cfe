"""The rows of sources, and what they would be if what is not visible at a boundary were gone or other (semantics 3)."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from featurestore.compiler.query import Hidden
from featurestore.compiler.rows_at import compile_source_rows
from featurestore.definitions.resolved import SourceTable
from featurestore.definitions.sources import Binding
from featurestore.spi.frames import arrow
from featurestore.spi.stores import OfflineStore

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Rows",
    "Unseen",
    "World",
    "altered",
    "as_they_are",
    "blanked",
    "pulled",
    "removed",
    "unripe",
    "unseen",
    "visible",
]

World = Mapping[str, "pa.Table"]
"""Source to its rows."""


@dataclass(frozen=True)
class Rows:
    """The rows of a source; ``event`` and ``created`` are microseconds, null where the time is null or infinite.

    ``whole`` tells whether all rows are there.
    """

    table: SourceTable
    rows: "pa.Table"
    event: "pa.ChunkedArray | None"
    created: "pa.ChunkedArray | None"
    whole: bool

    @property
    def is_timed(self) -> bool:
        """Whether its rows have an event time."""
        return self.event is not None


def pulled(table: SourceTable, store: OfflineStore, binding: Binding, most: int) -> Rows:
    """The rows of a source, as many as ``most``: the first that the store gives.

    A part will do: what may not change with rows that are not visible may not change in any warehouse.

    Raises:
        FeaturestoreError: one of its kinds: they cannot be read.
    """
    batches: list[pa.RecordBatch] = []
    reader = store.rows(compile_source_rows(table), {table.name: binding})
    count = 0
    for batch in reader:
        batches.append(batch)
        count += batch.num_rows
        if count > most:
            break
    found = arrow().Table.from_batches(batches, schema=reader.schema)
    rows = found.slice(0, most).combine_chunks()
    visible_columns = rows.select(list(table.schema))
    if not table.source.is_timed:
        return Rows(table, visible_columns, None, None, count <= most)
    return Rows(table, visible_columns, rows.column(Hidden.EVENT), rows.column(Hidden.CREATED), count <= most)


def visible(rows: Rows, boundary: int, delay: int) -> "pa.ChunkedArray":
    """Which rows of a timed source are visible at a boundary (semantics 3, and 4 of deletions that do not say when)."""
    compute = arrow("pyarrow.compute")
    happened = compute.less_equal(rows.event, boundary)
    if rows.table.source.deleted is not None:
        deleted = compute.fill_null(rows.rows.column(rows.table.source.deleted), fill_value=False)
        timeless = compute.is_null(rows.rows.column(rows.table.source.event_time))
        happened = compute.or_kleene(happened, compute.and_(deleted, timeless))
    known = compute.less_equal(rows.created, boundary + delay)
    return compute.fill_null(compute.and_kleene(happened, known), fill_value=False)


@dataclass(frozen=True)
class Unseen:
    """The rows that are not visible at a boundary: by source their positions, and all in one order, oldest first."""

    positions: "Mapping[str, pa.Array]"
    order: tuple[tuple[str, int], ...]

    def first(self, count: int) -> "Unseen":
        """The first so many of them."""
        kept = self.order[:count]
        by_source: dict[str, list[int]] = {name: [] for name in self.positions}
        for name, position in kept:
            by_source[name].append(position)
        pa = arrow()
        return Unseen({name: pa.array(found, pa.int64()) for name, found in by_source.items()}, kept)


def unseen(sources: Iterable[Rows], boundary: int, delay: int) -> Unseen:
    """What is not visible at a boundary."""
    compute = arrow("pyarrow.compute")
    return _those(sources, lambda rows: compute.invert(visible(rows, boundary, delay)))


def unripe(sources: Iterable[Rows], boundary: int, delay: int, age: int) -> Unseen:
    """What is visible at a boundary, and happened less than ``age`` before its run."""
    compute = arrow("pyarrow.compute")

    def young(rows: Rows) -> "pa.ChunkedArray":
        recent = compute.fill_null(compute.greater(rows.event, boundary + delay - age), fill_value=False)
        return compute.and_(recent, visible(rows, boundary, delay))

    return _those(sources, young)


def _those(sources: Iterable[Rows], mask: "Callable[[Rows], pa.ChunkedArray]") -> Unseen:
    """The rows of timed sources of which a mask is true."""
    compute = arrow("pyarrow.compute")
    positions: dict[str, pa.Array] = {}
    timed: list[tuple[int, str, int]] = []
    for rows in sources:
        if rows.event is None:
            continue
        name = rows.table.name
        found = positions[name] = compute.indices_nonzero(mask(rows))
        events = rows.event.take(found).to_pylist()
        timed += [(_LAST if e is None else e, name, at) for e, at in zip(events, found.to_pylist(), strict=True)]
    return Unseen(positions, tuple((name, position) for _, name, position in sorted(timed)))


_LAST = 2**63
"""Where rows without an event time stand in the order."""


def as_they_are(sources: Iterable[Rows]) -> World:
    """The rows as they are."""
    return {rows.table.name: rows.rows for rows in sources}


def removed(sources: Iterable[Rows], gone: Unseen) -> World:
    """The rows without those that are gone."""
    return _each(sources, gone, lambda rows, positions: _without(rows.rows, positions))


def altered(sources: Iterable[Rows], other: Unseen, seed: int) -> World:
    """The rows, with others in the place of those named: other values, other entities and keys, some of them twice.

    Each cell takes a value that its column has somewhere, so that it is one that may occur. Times and deletion marks
    stay as they are: rows that were not visible are not visible now.
    """
    return _each(sources, other, lambda rows, positions: _altered(rows, positions, seed))


def blanked(sources: Iterable[Rows], chosen: Unseen, columns: Mapping[str, Sequence[str]]) -> World:
    """The rows with nulls in some columns, named by source, of the rows that are chosen."""
    return _each(sources, chosen, lambda rows, positions: _blanked(rows.rows, positions, columns[rows.table.name]))


def _blanked(rows: "pa.Table", positions: "pa.Array", columns: Iterable[str]) -> "pa.Table":
    pa, compute = arrow(), arrow("pyarrow.compute")
    chosen = _mask(positions, rows.num_rows)
    for column in columns:
        nulls = pa.scalar(None, rows.schema.field(column).type)
        cells = compute.if_else(chosen, nulls, rows.column(column))
        rows = rows.set_column(rows.column_names.index(column), column, cells)
    return rows


def _mask(positions: "pa.Array", rows: int) -> "pa.Array":
    pa = arrow()
    chosen = set(positions.to_pylist())
    return pa.array([position in chosen for position in range(rows)], pa.bool_())


def _each(sources: Iterable[Rows], chosen: Unseen, change: "Callable[[Rows, pa.Array], pa.Table]") -> World:
    return {
        rows.table.name: change(rows, chosen.positions[rows.table.name])
        if rows.table.name in chosen.positions
        else rows.rows
        for rows in sources
    }


def _without(rows: "pa.Table", positions: "pa.Array") -> "pa.Table":
    return rows.filter(arrow("pyarrow.compute").invert(_mask(positions, rows.num_rows)))


def _altered(rows: Rows, positions: "pa.Array", seed: int) -> "pa.Table":
    pa = arrow()
    source, numbers = rows.table.source, positions.to_pylist()
    kept = {source.event_time, source.created_time, source.deleted}
    columns, total = [], rows.rows.num_rows
    for name in rows.rows.column_names:
        column = rows.rows.column(name)
        if name in kept:
            columns.append(column.take(positions))
            continue
        # A row gets the same cells whichever others are altered with it, so that one of them can be found.
        shift = random.Random(f"{seed} {name}").randrange(max(1, total))  # noqa: S311 - nothing is secret
        columns.append(column.take(pa.array([_other(one, shift, total) for one in numbers], pa.int64())))
    made = pa.table(columns, schema=rows.rows.schema)
    twice = made.filter(pa.array([position % 3 == 0 for position in numbers], pa.bool_()))
    return pa.concat_tables([_without(rows.rows, positions), made, twice]).combine_chunks()


def _other(position: int, shift: int, rows: int) -> int:
    """A row from which a cell is taken, other than its own where there are others."""
    found = (position * 7 + shift) % rows
    return found if found != position else (position + 1) % rows
