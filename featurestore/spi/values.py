"""`values_at(features, spine)`: the engine's part and the evaluator's part put together, batch by batch."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from featurestore.compiler.compile import compile_values
from featurestore.compiler.evaluate import Evaluation, Row, evaluation_of
from featurestore.compiler.query import Hidden, Query
from featurestore.compiler.vector import Layout
from featurestore.definitions.sources import Binding
from featurestore.definitions.types import DataType
from featurestore.errors import FeaturestoreError, NumberOverflowError, SpineError
from featurestore.spi.frames import arrow, arrow_type
from featurestore.spi.spines import Spine
from featurestore.spi.stages import staged
from featurestore.spi.stores import OfflineStore

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Values", "values_at"]


class Values:
    """The result of `values_at`: batches in the spine's order, with the spine's columns and then the features'.

    Batches are computed as they are read, once. ``schema`` is known before.
    """

    def __init__(self, schema: "pa.Schema", batches: Iterator["pa.RecordBatch"]) -> None:
        self.schema = schema
        self._batches = batches

    def __iter__(self) -> Iterator["pa.RecordBatch"]:
        return self._batches

    def to_arrow(self) -> "pa.Table":
        """All rows as one Arrow table."""
        return arrow().Table.from_batches(list(self._batches), schema=self.schema)

    def to_pandas(self) -> Any:
        """All rows as a pandas frame."""
        arrow("pandas")
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """All rows as a polars frame."""
        return arrow("polars").from_arrow(self.to_arrow())

    def to_pylist(self) -> list[dict[str, Any]]:
        """All rows as dicts."""
        rows: list[dict[str, Any]] = self.to_arrow().to_pylist()
        return rows


def values_at(layout: Layout, spine: Spine, store: OfflineStore, bindings: Mapping[str, Binding]) -> Values:
    """What serving would have returned for each row of ``spine`` (docs/semantics.md).

    Args:
        layout: The features.
        spine: Entities and times.
        store: Where the sources are.
        bindings: Where in it each source lies.

    Raises:
        FeaturestoreError: one of its kinds; some only while batches are read.
    """
    pa = arrow()
    query = compile_values(layout)
    fields = [spine.table.schema.field(name) for name in spine.table.column_names]
    fields += [pa.field(name, arrow_type(data_type)) for name, data_type in layout.columns.items()]
    schema = pa.schema(fields, metadata=spine.table.schema.metadata)
    return Values(schema, _batches(layout, query, spine, store, bindings, schema))


def _batches(
    layout: Layout,
    query: Query,
    spine: Spine,
    store: OfflineStore,
    bindings: Mapping[str, Binding],
    schema: "pa.Schema",
) -> Iterator["pa.RecordBatch"]:
    pa = arrow()
    evaluation = evaluation_of(layout)
    start = 0
    for computed in _computed(layout, query, spine, store, bindings):
        rows = slice(start, start + computed.num_rows)
        start = rows.stop
        own = spine.table.slice(rows.start, computed.num_rows).combine_chunks()
        columns = [_chunk(own.column(name)) for name in spine.table.column_names]
        features = _features(layout, evaluation, computed, spine, rows)
        columns += [features[name] for name in layout.columns]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _computed(
    layout: Layout, query: Query, spine: Spine, store: OfflineStore, bindings: Mapping[str, Binding]
) -> Iterator["pa.RecordBatch"]:
    """The engine's batches; without stored features, the spine's own row numbers."""
    if not query.outputs:
        yield from spine.points.select([Hidden.ROW]).to_batches()
        return
    times = spine.points.column(Hidden.TIME).unique().to_pylist() if query.stages else []
    made = staged(query.stages, times, store, bindings)
    try:
        yield from store.run(query, spine.points, bindings, made)
    except NumberOverflowError as error:
        for slot in layout.slots if len(layout.slots) > 1 else ():
            # Engines do not say which feature it was: each is computed by itself, until one raises again.
            alone = replace(layout, slots=(slot,))
            for _ in _computed(alone, compile_values(alone), spine, store, bindings):
                pass
        feature = str(layout.slots[0].feature.ref)
        if feature not in error.message:
            error.message = f"{feature}: {error.message}"
        raise


def _chunk(column: "pa.ChunkedArray") -> "pa.Array":
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _features(
    layout: Layout, evaluation: Evaluation, computed: "pa.RecordBatch", spine: Spine, rows: slice
) -> dict[str, "pa.Array"]:
    pa = arrow()
    found = {column: _typed(computed.column(slot), layout, column) for column, slot in evaluation.direct.items()}
    if not evaluation.computed:
        return found
    given = _rows(layout, evaluation, computed, spine, rows)
    for columns, evaluate in evaluation.computed.items():
        values = list(_evaluated(given, evaluate, columns, rows.start))
        for position, column in enumerate(columns):
            found[column] = pa.array([value[position] for value in values], arrow_type(layout.columns[column]))
    return found


def _typed(column: "pa.Array", layout: Layout, name: str) -> "pa.Array":
    return column.cast(arrow_type(layout.columns[name]))


def _rows(layout: Layout, evaluation: Evaluation, computed: "pa.RecordBatch", spine: Spine, rows: slice) -> list[Row]:
    length = computed.num_rows
    times = spine.times.slice(rows.start, length).to_pylist()
    slots = {slot.name: slot for slot in layout.slots}
    stored = {name: computed.column(name).cast(arrow_type(slots[name].type)).to_pylist() for name in evaluation.slots}
    requests = {
        name: _request_values(spine.table.column(name).slice(rows.start, length), name, data_type)
        for name, data_type in layout.request_values.items()
    }
    return [
        Row(
            {name: values[position] for name, values in stored.items()},
            {name: values[position] for name, values in requests.items()},
            times[position],
        )
        for position in range(length)
    ]


def _request_values(column: "pa.ChunkedArray", name: str, data_type: DataType) -> list[object]:
    try:
        values: list[object] = column.cast(arrow_type(data_type)).to_pylist()
    except arrow().ArrowException as error:
        message = f"The column {name!r} of the spine holds a value that is no {data_type}: {error}"
        raise SpineError(message, hint="Cast it before.") from error
    return values


def _evaluated(
    rows: Sequence[Row], evaluate: Callable[[Row], Sequence[object]], columns: Sequence[str], start: int
) -> Iterator[Sequence[object]]:
    for number, row in enumerate(rows, start):
        try:
            yield evaluate(row)
        except FeaturestoreError as error:
            error.message = f"{', '.join(columns)}, row {number} of the spine: {error.message}"
            raise
