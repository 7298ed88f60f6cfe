"""Rows written inline: the types of their columns, and their cells as values of these types."""

import datetime
import decimal
from collections.abc import Iterable, Mapping, Sequence

from featurestore.definitions.types import (
    Array,
    Bool,
    DataType,
    Date,
    Decimal,
    Float64,
    Schema,
    Timestamp,
    type_of_value,
)
from featurestore.errors import ColumnTypeError, FeaturestoreError

__all__ = ["Row", "cell_of", "cells", "schema_of"]

Row = Mapping[str, object]


def schema_of(rows: Sequence[Row], known: Schema, what: str) -> Schema:
    """The columns of ``rows`` and of ``known``: types that are known, else those of the values.

    Args:
        rows: Rows, not all of which need have each column.
        known: Types that are declared; they stand, whatever the rows hold.
        what: The table, for errors.

    Raises:
        ColumnTypeError: the values of a column have no type in common, or there is none.
    """
    names = dict.fromkeys([*known, *(name for row in rows for name in row)])
    return {name: known.get(name) or _inferred(rows, name, what) for name in names}


def _inferred(rows: Sequence[Row], name: str, what: str) -> DataType:
    place = f"{what}.{name}"
    values = [value for row in rows if (value := row.get(name)) is not None]
    items = [item for value in values if isinstance(value, (list, tuple)) for item in value]
    lists = sum(isinstance(value, (list, tuple)) for value in values)
    if lists:
        return Array[_common(items, place)] if lists == len(values) else _common([*values], place)
    return _common(values, place)


def _common(values: Sequence[object], place: str) -> DataType:
    """The one type of some values; integers among floats are floats, dates among times are times."""
    hint = f'Declare it on the source: columns={{"{place.rpartition(".")[2]}": fs.String}}, for instance.'
    try:
        types = {type_of_value(value) for value in values}
    except FeaturestoreError as error:
        message = f"{place}: {error.message}"
        raise ColumnTypeError(message, hint=hint) from error
    if len(types) == 1:
        return types.pop()
    if types and all(one.is_decimal for one in types):
        whole = max(one.parameters[0] - one.scale for one in types if isinstance(one.parameters[0], int))
        scale = max(one.scale for one in types)
        return Decimal(whole + scale, scale)
    if types and all(one.is_integer or one.is_float for one in types):
        return Float64
    if types == {Date, Timestamp}:
        return Timestamp
    found = f"holds values of several types ({', '.join(sorted(map(str, types)))})" if types else "holds no value"
    message = f"{place} {found}, so its type is not known."
    raise ColumnTypeError(message, hint=hint)


def cells(rows: Iterable[Row], schema: Schema, what: str) -> list[dict[str, object]]:
    """The rows with each cell of a column of ``schema`` as a value of its type.

    Raises:
        ColumnTypeError: a value is not of its column's type.
    """
    return [
        {
            name: cell_of(value, schema[name], f"{what}, row {number}: {name}") if name in schema else value
            for name, value in row.items()
        }
        for number, row in enumerate(rows)
    ]


def cell_of(value: object, data_type: DataType, what: str) -> object:
    """A value of ``data_type``: times and dates may be text, numbers may be of a narrower type.

    Raises:
        ColumnTypeError: it is no such value.
    """
    try:
        return value if value is None else _cell(value, data_type)
    except (ValueError, TypeError, ArithmeticError):
        message = f"{what} is {value!r}, which is no {data_type}."
        raise ColumnTypeError(message) from None


def _cell(value: object, data_type: DataType) -> object:
    if data_type == Timestamp:
        return _time(value)
    if data_type == Date and isinstance(value, str):
        return datetime.date.fromisoformat(value)
    if isinstance(value, bool) != (data_type == Bool):
        raise TypeError
    if data_type.is_float and isinstance(value, (int, float)):
        return float(value)
    if data_type.is_decimal and isinstance(value, (int, str)):
        return decimal.Decimal(value)
    if data_type.name == "Array" and isinstance(value, (list, tuple)) and isinstance(data_type.parameters[0], DataType):
        return [None if item is None else _cell(item, data_type.parameters[0]) for item in value]
    if data_type.name != "Vector":
        _check_type(value, data_type)
    return value


def _check_type(value: object, data_type: DataType) -> None:
    found = type_of_value(value) if isinstance(value, (*_PLAIN, decimal.Decimal)) else None
    same = found is not None and (found == data_type or (found.is_integer and data_type.is_integer))
    if not same and not (found is not None and found.is_decimal and data_type.is_decimal):
        raise TypeError


_PLAIN = (bool, int, float, str, bytes, datetime.date)


def _time(value: object) -> object:
    """An aware time; text is ISO 8601, or ``infinity``, which is left as it is."""
    if isinstance(value, str):
        if value in {"infinity", "-infinity"}:
            return value
        value = datetime.datetime.fromisoformat(value)
    if isinstance(value, datetime.datetime):
        return value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
    if isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC)
    raise TypeError
