"""The canonical form of values: one for equal values, whatever Arrow type carries them (semantics 20)."""

import math
from typing import TYPE_CHECKING

from featurestore.definitions.types import DataType
from featurestore.spi.frames import arrow

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["canonical", "finite_or_text", "is_list", "item_type"]


def is_list(data_type: DataType) -> bool:
    """Whether values are lists."""
    return data_type.name in {"Array", "Vector"}


def item_type(data_type: DataType) -> DataType:
    """The type of a list's items."""
    parameter = data_type.parameters[0]
    return parameter if isinstance(parameter, DataType) else DataType("Float32")


def canonical(array: "pa.Array", data_type: DataType) -> "pa.Array":
    """An array of scalars in its canonical form; nulls stay null.

    Integers, Bool (0, 1), Date (days) and Timestamp (microseconds, UTC) become int64; floats float64, with one zero
    and one NaN; text and bytes large_binary; Decimal(p, s) decimal128(38, s).
    """
    pa = arrow()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if data_type.is_float:
        return _float(array)
    if data_type.is_decimal:
        return array.cast(pa.decimal128(38, data_type.scale))
    if data_type.name in {"String", "Bytes"}:
        return array.cast(pa.large_string() if data_type.name == "String" else pa.large_binary()).cast(
            pa.large_binary()
        )
    if data_type.name == "Timestamp":
        return _timestamp(array)
    if data_type.name == "Date":
        return array.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
    return array.cast(pa.int64())


def _float(array: "pa.Array") -> "pa.Array":
    pa, compute = arrow(), arrow("pyarrow.compute")
    # Adding 0.0 turns -0.0 into 0.0 and changes nothing else.
    numbers = compute.add(array.cast(pa.float64()), pa.scalar(0.0))
    return compute.if_else(compute.is_nan(numbers), pa.scalar(math.nan), numbers)


def _timestamp(array: "pa.Array") -> "pa.Array":
    pa, compute = arrow(), arrow("pyarrow.compute")
    if pa.types.is_date(array.type):
        array = array.cast(pa.timestamp("us"))
    if array.type.unit == "ns":
        array = compute.floor_temporal(array, unit="microsecond")
    return array.cast(pa.timestamp("us", tz=array.type.tz)).cast(pa.int64())


def finite_or_text(number: float) -> float | str:
    """A number as JSON can say it: NaN and the infinities as text."""
    return number if math.isfinite(number) else str(number)
