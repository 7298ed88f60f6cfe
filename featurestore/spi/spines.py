"""The spine as engines see it: row numbers, times in microseconds, keys of the right types (semantics 13, 14)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from featurestore.compiler.query import Hidden
from featurestore.compiler.vector import Layout
from featurestore.definitions.types import DataType
from featurestore.errors import SpineError
from featurestore.spi.frames import arrow, arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Spine", "spine_of"]


@dataclass(frozen=True)
class Spine:
    """A spine: ``table`` as it was brought, ``points`` as an engine takes it, ``time`` the name of its time column."""

    table: "pa.Table"
    points: "pa.Table"
    time: str

    @property
    def times(self) -> "pa.ChunkedArray":
        """The time of each row, in microseconds since the epoch."""
        return self.points.column(Hidden.TIME)


def spine_of(table: "pa.Table", time: str, layout: Layout) -> Spine:
    """Checks a table as a spine for ``layout``.

    Raises:
        SpineError: the time or a key is missing or of another type, a time is null, or a column has a feature's name.
    """
    names = table.column_names
    _check_names(names, time, layout)
    pa = arrow()
    columns = {
        Hidden.ROW: pa.array(range(table.num_rows), pa.int64()),
        Hidden.TIME: _micros(table.column(time), time),
    }
    for key, data_type in layout.keys.items():
        columns[key] = _key(table.column(key), key, data_type)
    return Spine(table, pa.table(columns), time)


def _check_names(names: list[str], time: str, layout: Layout) -> None:
    if duplicates := sorted({name for name in names if names.count(name) > 1}):
        message = f"The spine has two columns {duplicates[0]!r}."
        raise SpineError(message)
    wanted = {
        time: "time",
        **dict.fromkeys(layout.keys, "key"),
        **dict.fromkeys(layout.request_values, "request value"),
    }
    for name, what in wanted.items():
        if name not in names:
            message = f"The spine has no {what} column {name!r}."
            hint = f"Its columns are {', '.join(names) or 'none'}."
            raise SpineError(message, hint=f"{hint} Say which one holds the time: time=..." if what == "time" else hint)
    for column in layout.columns:
        if column in names:
            message = f"The spine has a column {column!r}, which is also the name of a feature."
            raise SpineError(message, hint='Rename the column, or the feature with .named("...").')


def _micros(column: "pa.ChunkedArray", name: str) -> "pa.ChunkedArray":
    pa, compute = arrow(), arrow("pyarrow.compute")
    if column.null_count:
        first = compute.index(column.is_null(), pa.scalar(value=True)).as_py()
        message = f"The time column {name!r} of the spine is null in row {first} ({column.null_count} in all)."
        raise SpineError(message, hint="A spine's row asks what was known at its time; drop or fill these rows.")
    if pa.types.is_date(column.type) or pa.types.is_null(column.type):  # null: the column of an empty frame
        column = column.cast(pa.timestamp("us"))
    if not pa.types.is_timestamp(column.type):
        message = f"The time column {name!r} of the spine is {column.type}, not a timestamp."
        hint = "Cast it before, or say which column holds the time: time=..."
        raise SpineError(message, hint=hint)
    if column.type.unit == "ns":
        column = compute.floor_temporal(column, unit="microsecond")
    try:
        return column.cast(pa.timestamp("us", tz=column.type.tz)).cast(pa.int64())
    except pa.ArrowException as error:
        message = f"The time column {name!r} of the spine holds a time beyond what microseconds can count: {error}."
        raise SpineError(message) from error


def _key(column: "pa.ChunkedArray", name: str, data_type: DataType) -> "pa.ChunkedArray":
    pa = arrow()
    given = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_null(given):
        return column.cast(arrow_type(data_type))
    if not _fits(given, data_type):
        message = f"The key column {name!r} of the spine is {given}, and the key is {data_type}."
        hint = "Cast it before."
        if pa.types.is_floating(given) and data_type.is_integer:
            hint = f"pandas makes floats of integers with nulls: cast it, as in spine[{name!r}].astype('Int64')."
        raise SpineError(message, hint=hint)
    try:
        # Integers of any width match (semantics 14); as Int64 each of them is compared by value.
        return column.cast(pa.int64() if data_type.is_integer else arrow_type(data_type))
    except pa.ArrowException as error:
        message = f"The key column {name!r} of the spine holds a value that is no {data_type}: {error}"
        raise SpineError(message) from error


def _fits(given: Any, data_type: DataType) -> bool:
    types = arrow().types
    if data_type.is_integer:
        return bool(types.is_integer(given))
    if data_type.name == "String":
        return bool(types.is_string(given) or types.is_large_string(given) or types.is_string_view(given))
    if data_type.name == "Bytes":
        kinds = (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
        return any(kind(given) for kind in kinds)
    return bool(types.is_date(given))
