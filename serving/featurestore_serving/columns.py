"""Columns of values as protobuf messages, and back: exact for every type, and decided once per column.

What is not a value of its column's type raises one of `UNFIT` in both directions.
"""

import datetime
import decimal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import NoneType
from typing import Any, Final

from featurestore_serving.v1 import serving_pb2 as pb

__all__ = ["NULLS", "UNFIT", "pack_times", "pack_values", "type_of", "unpack_times", "unpack_values"]

NULLS: Final = "Null"
"""The type of a column of which nothing is known, since all of its values are null."""

UNFIT: Final = (TypeError, ValueError, AttributeError, ArithmeticError)

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_DAY_ZERO = datetime.date(1970, 1, 1).toordinal()
_MICROSECOND = datetime.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How scalars of a type travel.

    Args:
        kind: Their field in `Values`.
        values: The field of that message that holds them.
        blank: What stands in the place of a null.
        pack: From a value to what stands in the message; None if that is the value.
        unpack: The way back.
    """

    kind: str
    values: str
    blank: Any
    pack: Callable[[Any], Any] | None = None
    unpack: Callable[[Any], Any] | None = None


def _pack_date(value: datetime.date) -> int:
    return value.toordinal() - _DAY_ZERO


def _unpack_date(days: int) -> datetime.date:
    return datetime.date.fromordinal(days + _DAY_ZERO)


def _pack_timestamp(value: datetime.datetime) -> int:
    # A naive time is UTC (semantics 15).
    aware = value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)
    return (aware - _EPOCH) // _MICROSECOND


def _unpack_timestamp(microseconds: int) -> datetime.datetime:
    return _EPOCH + datetime.timedelta(microseconds=microseconds)


def _pack_decimal(value: decimal.Decimal | int) -> str:
    return str(value)


_SCALARS: Mapping[str, _Kind] = {
    "Bool": _Kind("bools", "values", False),  # noqa: FBT003 - it is a value
    "Int32": _Kind("int64s", "values", 0),
    "Int64": _Kind("int64s", "values", 0),
    "Float32": _Kind("floats", "values", 0.0),
    "Float64": _Kind("doubles", "values", 0.0),
    "String": _Kind("strings", "values", ""),
    "Bytes": _Kind("blobs", "values", b""),
    "Date": _Kind("dates", "days", 0, _pack_date, _unpack_date),
    "Timestamp": _Kind("timestamps", "microseconds", 0, _pack_timestamp, _unpack_timestamp),
    "Decimal": _Kind("decimals", "values", "0", _pack_decimal, decimal.Decimal),
}
_KINDS: Mapping[str, _Kind] = {scalar.kind: scalar for scalar in _SCALARS.values()}

_OF_PYTHON: Mapping[type, str] = {
    bool: "Bool",
    int: "Int64",
    float: "Float64",
    str: "String",
    bytes: "Bytes",
    datetime.date: "Date",
    datetime.datetime: "Timestamp",
    decimal.Decimal: "Decimal",
}


def type_of(values: Sequence[object]) -> str:
    """The type of the Python values of a column: one for all that are not None.

    Raises:
        TypeError: there are several, or one that no type holds; the message names them.
    """
    found = set(map(type, values)) - {NoneType}
    if not found:
        return NULLS
    if found == {list}:
        return f"Array[{_item_type(values)}]"
    known = [_OF_PYTHON[python] for python in found if python in _OF_PYTHON]
    if len(known) == 1 and len(found) == 1:
        return known[0]
    raise TypeError(" and ".join(sorted(python.__name__ for python in found)))


def _item_type(values: Sequence[Any]) -> str:
    item = type_of(list(_items(values)))
    if item.startswith("Array"):
        text = "lists of lists"
        raise TypeError(text)
    return item


def pack_values(values: Sequence[Any], type: str) -> pb.Values:
    """A column as a message.

    Args:
        values: Of the type ``type``, None where null.
        type: As definitions write it.
    """
    message = pb.Values()
    if None in values:
        message.nulls = bytes(value is None for value in values)
    outer, _, inside = type.removesuffix("]").partition("[")
    name, _, _ = outer.partition("(")
    if name == "Array":
        _pack_arrays(message.arrays, values, inside)
    elif name == "Vector":
        _pack_vectors(message.vectors, values, int(inside))
    elif name != NULLS:
        _pack_scalars(message, values, _SCALARS[name])
    return message


def _pack_scalars(message: pb.Values, values: Sequence[Any], scalar: _Kind) -> None:
    holder = getattr(message, scalar.kind)
    holder.SetInParent()
    blank, pack = scalar.blank, scalar.pack
    if pack is not None:
        values = [blank if value is None else pack(value) for value in values]
    elif message.nulls:
        values = [blank if value is None else value for value in values]
    getattr(holder, scalar.values).extend(values)


def _pack_arrays(message: pb.Arrays, values: Sequence[Any], item: str) -> None:
    message.SetInParent()
    message.lengths.extend([0 if value is None else len(value) for value in values])
    message.items.CopyFrom(pack_values(list(_items(values)), item))


def _pack_vectors(message: pb.Vectors, values: Sequence[Any], dimension: int) -> None:
    message.dimension = dimension
    for value in values:
        if value is not None and len(value) != dimension:
            text = f"a vector has {len(value)} components instead of {dimension}"
            raise ValueError(text)
    message.values.extend(_items(values))


def _items(values: Iterable[Any]) -> Iterable[Any]:
    return chain.from_iterable(value for value in values if value is not None)


def unpack_values(message: pb.Values) -> list[Any]:
    """The values of a column, None where null."""
    kind, nulls = message.WhichOneof("kind"), message.nulls
    if kind is None:
        if 0 in nulls:
            text = "values without a kind are not all null"
            raise ValueError(text)
        return [None] * len(nulls)
    if kind == "arrays":
        return _with_nulls(_unpack_arrays(message.arrays), nulls)
    if kind == "vectors":
        return _unpack_vectors(message.vectors, nulls)
    scalar = _KINDS[kind]
    packed = _with_nulls(list(getattr(getattr(message, kind), scalar.values)), nulls)
    unpack = scalar.unpack
    if unpack is None:
        return packed
    try:
        return [None if value is None else unpack(value) for value in packed]
    except UNFIT:
        text = f"one of its {kind} is out of range, or none"
        raise ValueError(text) from None


def _with_nulls(values: list[Any], nulls: bytes) -> list[Any]:
    if not nulls:
        return values
    if len(nulls) != len(values):
        text = f"{len(values)} values have {len(nulls)} marks of nulls"
        raise ValueError(text)
    return [None if null else value for value, null in zip(values, nulls, strict=True)]


def _unpack_arrays(message: pb.Arrays) -> list[Any]:
    if message.items.WhichOneof("kind") in {"arrays", "vectors"}:
        text = "the items of an array are not scalars"
        raise ValueError(text)
    items = unpack_values(message.items)
    if sum(message.lengths) != len(items):
        text = f"arrays of {sum(message.lengths)} items have {len(items)}"
        raise ValueError(text)
    arrays, start = [], 0
    for length in message.lengths:
        arrays.append(items[start : start + length])
        start += length
    return arrays


def _unpack_vectors(message: pb.Vectors, nulls: bytes) -> list[Any]:
    flat, dimension = list(message.values), message.dimension
    if dimension < 1 or len(flat) % dimension:
        text = f"{len(flat)} numbers are no vectors of {dimension}"
        raise ValueError(text)
    vectors = [flat[start : start + dimension] for start in range(0, len(flat), dimension)]
    if not nulls:
        return vectors
    if nulls.count(0) != len(vectors):
        text = f"{len(vectors)} vectors stand in {nulls.count(0)} places"
        raise ValueError(text)
    following = iter(vectors)
    return [None if null else next(following) for null in nulls]


def pack_times(times: Sequence[int | None]) -> pb.Times:
    """Microseconds, None where there is no time."""
    packed = pack_values(times, "Int64")
    return pb.Times(microseconds=packed.int64s.values, nulls=packed.nulls)


def unpack_times(message: pb.Times) -> list[int | None]:
    """The way back from `pack_times`."""
    return _with_nulls(list(message.microseconds), message.nulls)
