"""Rows written inline, computed by a real offline store: for users' unit tests, and for comparing with the oracle."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurestore.compiler.vector import layout_of
from featurestore.definitions.resolved import SelectedFeature
from featurestore.definitions.sources import Binding
from featurestore.definitions.types import DataType, Schema
from featurestore.spi.frames import arrow, arrow_type
from featurestore.spi.providers import open_offline
from featurestore.spi.spines import spine_of
from featurestore.spi.stores import OfflineStore
from featurestore.spi.values import values_at

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["compute", "computed", "table_of", "written"]

Row = Mapping[str, object]


def compute(
    features: Sequence[SelectedFeature],
    spine: Sequence[Row],
    tables: Mapping[str, Sequence[Row]],
    schemas: Mapping[str, Schema],
    *,
    time: str,
    folder: Path,
    files: int = 1,
) -> list[dict[str, Any]]:
    """`values_at` on DuckDB over rows written inline.

    Args:
        features: The features, resolved.
        spine: Keys, times and other columns, one dict per row.
        tables: Rows by source; a time may be the text ``infinity`` or ``-infinity``.
        schemas: Columns by source.
        time: The spine's time column.
        folder: Where the rows are written for the store to read.
        files: Over how many files the rows of a source are spread, some of which may be empty.
    """
    bindings = {name: written(name, rows, schemas[name], folder, files) for name, rows in tables.items()}
    store = open_offline("duckdb", {}, folder, folder, "the test's store")
    try:
        return computed(features, spine, store, bindings, time=time)
    finally:
        store.close()


def computed(
    features: Sequence[SelectedFeature],
    spine: Sequence[Row],
    store: OfflineStore,
    bindings: Mapping[str, Binding],
    *,
    time: str,
) -> list[dict[str, Any]]:
    """`values_at` on a store that is open; arguments are those of `compute`."""
    layout = layout_of(features)
    names = dict.fromkeys(name for row in spine for name in row) or {time: None, **dict.fromkeys(layout.keys)}
    wanted = {**layout.keys, **layout.request_values}
    table = arrow().table({name: _spine_column(name, spine, wanted.get(name)) for name in names})
    return values_at(layout, spine_of(table, time, layout), store, bindings).to_pylist()


def _spine_column(name: str, spine: Iterable[Row], data_type: DataType | None) -> "pa.Array":
    pa = arrow()
    values = [row.get(name) for row in spine]
    if data_type is not None:
        return pa.array(values, arrow_type(data_type))
    return pa.array(values) if values else pa.array(values, pa.timestamp("us", tz="UTC"))


def table_of(rows: Sequence[Row], schema: Schema) -> "pa.Table":
    """Rows as an Arrow table with the given columns; a value that a row lacks is null."""
    pa = arrow()
    columns = [pa.array([row.get(name) for row in rows], arrow_type(kind)) for name, kind in schema.items()]
    return pa.table(columns, names=list(schema))


def written(name: str, rows: Sequence[Row], schema: Schema, folder: Path, files: int = 1) -> Binding:
    """Writes rows to files, and says how to read them. Infinite times, which no file holds, are written as text."""
    endless = {
        column
        for column, data_type in schema.items()
        if data_type.name in {"Timestamp", "Date"} and any(isinstance(row.get(column), str) for row in rows)
    }
    pa = arrow()
    arrays = [
        pa.array([_text(row.get(column)) for row in rows], pa.string())
        if column in endless
        else pa.array([row.get(column) for row in rows], arrow_type(data_type))
        for column, data_type in schema.items()
    ]
    table = pa.table(arrays, names=list(schema))
    length = -(-len(rows) // files)
    for number in range(files):
        part = table.slice(number * length, length)
        arrow("pyarrow.parquet").write_table(part, folder / f"{name}.{number}.parquet")
    path = folder / f"{name}.*.parquet"
    cast = {column: kind for column, kind in schema.items() if column in endless or kind.name == "Vector"}
    if not cast:
        return Binding(path=path.name)
    casts = ", ".join(f'CAST("{column}" AS {_sql(kind)}) AS "{column}"' for column, kind in cast.items())
    return Binding(query=f"SELECT * REPLACE ({casts}) FROM read_parquet('{path}')")


def _sql(data_type: DataType) -> str:
    """The type of a column that a file holds as text, or as a list without a length."""
    if data_type.name == "Vector":
        return f"FLOAT[{data_type.parameters[0]}]"
    return {"Timestamp": "TIMESTAMPTZ", "Date": "DATE"}[data_type.name]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value.isoformat())
