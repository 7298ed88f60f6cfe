"""The oracle's values: their order, the expressions over them, the aggregations of them.

Numbers in comments are rules of ``docs/semantics.md``. Inside, an infinite timestamp is the float ``inf`` or ``-inf``.
"""

import datetime
import decimal
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from featurestore.definitions.nodes import Call, Literal, Node
from featurestore.definitions.types import DataType, Float64
from featurestore.errors import ColumnTypeError, NotSupportedError, NumberOverflowError

__all__ = ["aggregate", "convert", "evaluate", "micros", "order", "read_value", "write_value"]

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MICROSECOND = datetime.timedelta(microseconds=1)
INFINITE_TIMES = {"infinity": math.inf, "-infinity": -math.inf}
EXACT = decimal.Context(prec=200, rounding=decimal.ROUND_HALF_UP)
FLOAT32_END = 2.0**128 - 2.0**103
"""From here on numbers round to no finite Float32."""
BITS = {"Int32": 31, "Int64": 63}
PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "Bool": (bool,),
    "Int32": (int,),
    "Int64": (int,),
    "Float32": (float, int),
    "Float64": (float, int),
    "Decimal": (decimal.Decimal, int),
    "String": (str,),
    "Bytes": (bytes,),
    "Date": (datetime.date,),
    "Timestamp": (datetime.datetime,),
    "Array": (list, tuple),
    "Vector": (list, tuple),
}


def micros(value: object) -> int | float | None:
    """A time in microseconds since the epoch: an int, or infinite. A naive time is UTC (15), a date its midnight."""
    match value:
        case None:
            return None
        case str() if value in INFINITE_TIMES:
            return INFINITE_TIMES[value]
        case float() if math.isinf(value):
            return value
        case datetime.datetime():
            aware = value.replace(tzinfo=datetime.UTC) if value.tzinfo is None else value
            return (aware - EPOCH) // MICROSECOND
        case datetime.date():
            return (midnight(value) - EPOCH) // MICROSECOND
        case _:
            message = f"{value!r} is not a time."
            raise ColumnTypeError(message)


def midnight(day: datetime.date) -> datetime.datetime:
    """The beginning of ``day`` in UTC."""
    return datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC)


def order(value: Any) -> tuple[Any, ...]:
    """A key that sorts, and tells apart, as rule 8 says: null first, NaN last, text and bytes by their bytes."""
    match value:
        case None:
            return (0,)
        case float() if math.isnan(value):
            return (2,)
        case str():
            return (1, value.encode("utf-8", "surrogatepass"))
        case datetime.datetime():
            return (1, micros(value))
        case list() | tuple():
            return (1, tuple(order(item) for item in value))
        case _:
            return (1, value)


def read_value(value: Any, data_type: DataType) -> Any:
    """A cell of a column of ``data_type``.

    Raises:
        ColumnTypeError: a value of that type it is not.
    """
    if value is None:
        return None
    name = data_type.name
    given: Any = value  # checkers take it for an object once its type is tested
    if name == "Timestamp" and isinstance(value, str) and value in INFINITE_TIMES:
        return INFINITE_TIMES[value]
    wrong = isinstance(value, bool) and name != "Bool"
    wrong = wrong or (isinstance(value, datetime.datetime) and name == "Date")
    if wrong or not isinstance(value, PYTHON_TYPES[name]):
        message = f"{value!r} is not a value of type {data_type}."
        raise ColumnTypeError(message)
    match name:
        case "Timestamp":
            return given.astimezone(datetime.UTC) if given.tzinfo else given.replace(tzinfo=datetime.UTC)  # 15
        case "Float32" | "Float64" | "Decimal":
            return convert(value, data_type, "A column")
        case "Array":
            item = data_type.parameters[0]
            assert isinstance(item, DataType)
            return [read_value(part, item) for part in given]
        case "Vector":
            return [float(part) for part in given]
        case _:
            return value


def write_value(value: Any, data_type: DataType) -> Any:
    """A value as results hold it: an infinite timestamp as the text that stands for it."""
    if isinstance(value, list):
        item = data_type.parameters[0]
        return [write_value(part, item) if isinstance(item, DataType) else part for part in value]
    if data_type.name == "Timestamp" and isinstance(value, float):
        return "infinity" if value > 0 else "-infinity"
    return value


def convert(value: Any, data_type: DataType, feature: str) -> Any:
    """``value`` as a value of ``data_type``, which is its own type, a wider one or the target of a cast.

    Raises:
        NumberOverflowError: it does not fit.
    """
    if value is None:
        return None
    match data_type.name:
        case "Int32" | "Int64":
            return _fits(int(value), -(2 ** BITS[data_type.name]) <= value < 2 ** BITS[data_type.name], feature)
        case "Float64":
            return float(value)
        case "Float32":
            small = not math.isfinite(value) or abs(value) < FLOAT32_END
            return struct.unpack("f", struct.pack("f", _fits(float(value), small, feature)))[0]
        case "Decimal":
            precision = data_type.parameters[0]
            assert isinstance(precision, int)
            exact = value if isinstance(value, decimal.Decimal) else decimal.Decimal(value)
            rounded = EXACT.quantize(exact, decimal.Decimal(1).scaleb(-data_type.scale))
            return _fits(rounded, EXACT.abs(rounded.scaleb(data_type.scale, EXACT)) < 10**precision, feature)
        case "Timestamp" if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            return midnight(value)
        case _:
            return value


def _fits(value: Any, fits: bool, feature: str) -> Any:  # noqa: FBT001 - a condition with the error it leads to
    if not fits:
        message = f"{feature}: {value} does not fit its type."
        raise NumberOverflowError(message, hint="Aggregate a narrower window, or cast to a wider type first.")
    return value


def evaluate(
    node: Node, leaf: Callable[[Node], object], type_of: Callable[[Node], DataType], feature: str = "An expression"
) -> Any:
    """The value of an expression; ``leaf`` gives that of a column, an aggregation or another feature.

    Raises:
        NumberOverflowError: a number does not fit its type.
    """
    if isinstance(node, Literal):
        return convert(node.value, node.type, feature)
    if not isinstance(node, Call):
        return leaf(node)

    def value(argument: Node) -> Any:
        return evaluate(argument, leaf, type_of, feature)

    result = type_of(node)
    if node.function == "if_else":
        condition, then, otherwise = node.arguments
        return convert(value(then) if value(condition) is True else value(otherwise), result, feature)
    values = [value(argument) for argument in node.arguments]
    if node.function in TAKE_NULL:
        return _null_taken(node.function, values, result, feature)
    if None in values:  # 11: null gives null
        return None
    types = [type_of(argument) for argument in node.arguments]
    if node.function in COMPARISONS:
        return _compare(node.function, values, types)
    if node.function in OF_NUMBERS:
        return convert(OF_NUMBERS[node.function](*values), result, feature)
    if node.function in OF_TEXTS:
        return OF_TEXTS[node.function](*values)
    if node.function in OF_TIMES:
        return _of_times(node.function, values, result, feature)
    if node.function in {"least", "greatest"}:
        return _extremum(node.function, [convert(value, result, feature) for value in values])
    return not values[0] if node.function == "not" else _arithmetic(node.function, values, result, feature)


TAKE_NULL = frozenset({"and", "or", "is_null", "fill_null", "cast"})


def _null_taken(function: str, values: Sequence[Any], result: DataType, feature: str) -> Any:
    """The functions that see nulls; and and or are three-valued."""
    match function:
        case "and":
            return False if False in values else None if None in values else True
        case "or":
            return True if True in values else None if None in values else False
        case "is_null":
            return values[0] is None
        case "fill_null":
            return convert(values[1] if values[0] is None else values[0], result, feature)
        case _:
            return convert(values[0], result, feature)


COMPARISONS: Mapping[str, Callable[[tuple[Any, ...], tuple[Any, ...]], bool]] = {
    "equal": lambda left, right: left == right,
    "not_equal": lambda left, right: left != right,
    "less": lambda left, right: left < right,
    "less_equal": lambda left, right: left <= right,
    "greater": lambda left, right: left > right,
    "greater_equal": lambda left, right: left >= right,
    "is_in": lambda left, right: left == right,
}


def _compare(function: str, values: Sequence[Any], types: Sequence[DataType]) -> bool:
    """Numbers of several types are compared in the type to which they are widened; the order is that of rule 8."""
    if len(set(types)) > 1 and any(data_type.is_float for data_type in types):
        values = [float(value) for value in values]
    first, *others = (order(value) for value in values)
    return any(COMPARISONS[function](first, other) for other in others)


def _arithmetic(function: str, values: Sequence[Any], result: DataType, feature: str) -> Any:
    if result.is_float:
        values = [float(value) for value in values]
    elif result.is_decimal:
        values = [decimal.Decimal(value) for value in values]
    match function:
        case "divide":
            return None if values[1] == 0 else values[0] / values[1]  # 11: division by zero is null
        case "negate":
            found = EXACT.minus(values[0]) if result.is_decimal else -values[0]
        case "add":
            found = EXACT.add(*values) if result.is_decimal else values[0] + values[1]
        case "subtract":
            found = EXACT.subtract(*values) if result.is_decimal else values[0] - values[1]
        case "multiply":
            found = EXACT.multiply(*values) if result.is_decimal else values[0] * values[1]
        case _:
            message = f"The oracle has no function {function!r}."
            raise NotSupportedError(message)
    return convert(found, result, feature)


def _positive(zero: Any) -> Any:
    """The value, with 0.0 for -0.0."""
    return 0.0 if isinstance(zero, float) and zero == 0 else zero


def _whole_part(direction: Callable[[Fraction], int]) -> Callable[[Any], Any]:
    """Of a float a float, and NaN and the infinities as they are; of a Decimal an integer."""

    def whole(value: Any) -> Any:
        if not isinstance(value, float):
            return direction(Fraction(value))
        return float(direction(Fraction(value))) if math.isfinite(value) else value

    return whole


def _rounded_away(value: decimal.Decimal, digits: int) -> decimal.Decimal:
    """Half away from zero, counted in units of the last digit."""
    units = Fraction(value) * 10**digits
    away = math.floor(abs(units) + Fraction(1, 2)) * (1 if units > 0 else -1)
    return EXACT.divide(decimal.Decimal(away), decimal.Decimal(10**digits))


def _root(value: Any) -> float | None:
    if value < 0:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return value
    return float(EXACT.sqrt(decimal.Decimal(float(value))))


OF_NUMBERS: Mapping[str, Callable[..., Any]] = {
    "floor_divide": lambda value, divisor: math.floor(Fraction(value, divisor)) if divisor else None,
    "modulo": lambda value, divisor: value - divisor * math.floor(Fraction(value, divisor)) if divisor else None,
    "abs": lambda value: _positive(EXACT.abs(value) if isinstance(value, decimal.Decimal) else max(value, -value)),
    "floor": _whole_part(math.floor),
    "ceil": _whole_part(math.ceil),
    "round": _rounded_away,
    "sqrt": lambda value: _positive(_root(value)),
    "is_nan": lambda value: value != value,  # noqa: PLR0124 - what makes NaN
}
"""Exact results, which then have to fit."""


def _extremum(function: str, values: Sequence[Any]) -> Any:
    """The first or the last in the order of rule 8, but NaN wherever there is one, as of the aggregations (11)."""
    ordered = sorted(values, key=order)
    if order(ordered[-1]) == order(math.nan):
        return math.nan
    return _positive(ordered[0] if function == "least" else ordered[-1])


def _in_other_case(text: str, first: str, distance: int) -> str:
    """The 26 letters from ``first`` on, moved by so many code points."""
    return "".join(chr(ord(one) + distance) if ord(first) <= ord(one) < ord(first) + 26 else one for one in text)


def _stripped(text: str, characters: str) -> str:
    kept = [position for position, one in enumerate(text) if one not in characters]
    return "".join(text[position] for position in range(kept[0], kept[-1] + 1)) if kept else ""


def _places(text: str, part: str) -> list[int]:
    """The positions, in bytes, at which ``part`` begins in ``text``."""
    whole, sought = text.encode(), part.encode()
    return [start for start in range(len(whole) + 1) if whole[start : start + len(sought)] == sought]


OF_TEXTS: Mapping[str, Callable[..., Any]] = {
    "length": lambda value: len(value) if isinstance(value, bytes) else len(value.encode("utf-32-be")) // 4,
    "lower_ascii": lambda text: _in_other_case(text, "A", 32),
    "upper_ascii": lambda text: _in_other_case(text, "a", -32),
    "strip": _stripped,
    "starts_with": lambda text, part: 0 in _places(text, part),
    "ends_with": lambda text, part: len(text.encode()) - len(part.encode()) in _places(text, part),
    "contains": lambda text, part: bool(_places(text, part)),
    "substring": lambda text, start, length: "".join(
        one for position, one in enumerate(text) if start <= position < start + length
    ),
    "concat": lambda *texts: b"".join(text.encode() for text in texts).decode(),
    "replace": lambda text, old, new: new.join(text.split(old)),
}
DAY = 86_400_000_000
ORDINAL_OF_1970 = 719_163
"""Days since the beginning of the year 1, counted from 1, as dates in Python do."""
OF_TIMES: Mapping[str, Callable[..., Any]] = {
    "year": lambda time: _date(time).year,
    "month": lambda time: _date(time).month,
    "day": lambda time: _date(time).day,
    "weekday": lambda time: (time // DAY + 3) % 7 + 1,  # 1970 began on a Thursday
    "day_of_year": lambda time: (_date(time) - _date(time).replace(month=1, day=1)).days + 1,
    "hour": lambda time: time % DAY // 3_600_000_000,
    "minute": lambda time: time % 3_600_000_000 // 60_000_000,
    "second": lambda time: time % 60_000_000 // 1_000_000,
    "date": lambda time: _date(time),  # noqa: PLW0108 - it is defined below
    "microseconds_since": lambda time, earlier: time - earlier,
    "days_since": lambda time, earlier: (time - earlier) // DAY,
    "plus": lambda time, length: time + length,
    "minus": lambda time, length: time - length,
    "truncate": lambda time, length: time // length * length,
}
"""Of times in microseconds since 1970; what gives a time gives it so."""


def _date(time: int) -> datetime.date:
    return datetime.date.fromordinal(time // DAY + ORDINAL_OF_1970)


def _of_times(function: str, values: Sequence[Any], result: DataType, feature: str) -> Any:
    """Null of an infinite time; and a time outside of the years 1 to 9999 does not fit."""
    times = [value if isinstance(value, int) else micros(value) for value in values]
    if any(isinstance(time, float) for time in times):
        return None
    found = OF_TIMES[function](*times)
    if result.name != "Timestamp":
        return found
    first, last = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (1, 9999))
    end = micros(last.replace(month=12, day=31)) or 0
    _fits(found, (micros(first) or 0) <= found < end + DAY, feature)
    return EPOCH + found * MICROSECOND


def aggregate(function: str, values: Sequence[Any], parameter: float | None, result: DataType, feature: str) -> Any:
    """An aggregation of the values of the rows that are left, oldest first (7).

    Raises:
        NumberOverflowError: the exact sum does not fit its type (12).
    """
    present = [value for value in values if value is not None]  # 11: all but these two skip nulls
    match function:
        case "first":
            return values[0] if values else None
        case "last":
            return values[-1] if values else None
        case "last_n":
            assert parameter is not None
            return present[::-1][: int(parameter)] or None  # 7: newest first, null instead of an empty list
        case "count":
            return len(present)
        case "count_distinct" | "approx_distinct":
            return len({order(value) for value in present})
        case "any":
            return True in present
        case "all":
            return False not in present
        case "sum" | "mean" | "min" | "max" | "std" | "percentile":
            return _of_numbers(function, present, parameter, result, feature)
        case _:
            message = f"The oracle has no aggregation {function!r}."
            raise NotSupportedError(message)


def _of_numbers(function: str, values: Sequence[Any], parameter: float | None, result: DataType, feature: str) -> Any:
    if not values or (function == "std" and len(values) < 2):  # 10, 12
        return None
    if any(order(value) == order(math.nan) for value in values):  # 11: one NaN
        return math.nan
    match function:
        case "min":
            return min(values, key=order)
        case "max":
            return max(values, key=order)
        case "percentile":
            assert parameter is not None
            return _percentile(sorted(values), parameter)
    infinite = {value for value in values if isinstance(value, float) and math.isinf(value)}
    if infinite:  # 11: inf - inf is NaN, and one infinite input makes std NaN
        return math.nan if function == "std" or len(infinite) == 2 else infinite.pop()
    exact = sum(map(Fraction, values), Fraction(0))  # 12: only the exact final sum can overflow
    if function == "sum":
        return _rounded(exact, feature) if result == Float64 else convert(_whole(exact, result), result, feature)
    mean = exact / len(values)
    if function == "mean":
        return _rounded(mean, feature)
    variance = sum(((Fraction(value) - mean) ** 2 for value in values), Fraction(0)) / (len(values) - 1)
    ratio = EXACT.divide(decimal.Decimal(variance.numerator), decimal.Decimal(variance.denominator))
    return float(EXACT.sqrt(ratio))


def _whole(exact: Fraction, result: DataType) -> Any:
    """An exact sum of integers as an int, of Decimals as a Decimal: then it is a whole number of units of its scale."""
    if result.is_decimal:
        units = exact * 10**result.scale
        return decimal.Decimal(units.numerator).scaleb(-result.scale, EXACT)
    return exact.numerator


def _rounded(exact: Fraction, feature: str) -> float:
    try:
        return exact.numerator / exact.denominator  # correctly rounded
    except OverflowError:
        message = f"{feature}: a sum is too large for Float64."
        raise NumberOverflowError(message) from None


def _percentile(values: Sequence[Any], q: float) -> float:
    """12: between the values at floor(h) and at the next position, in the proportion of the rest of h = (n - 1) q."""
    position = (len(values) - 1) * q
    low = math.floor(position)
    share = position - low
    lower = values[low]
    if share == 0 or lower == values[low + 1]:
        return float(lower)
    upper = values[low + 1]
    if any(isinstance(value, float) and math.isinf(value) for value in (lower, upper)):
        return float(lower) * (1 - share) + float(upper) * share
    return float(Fraction(lower) + (Fraction(upper) - Fraction(lower)) * Fraction(share))
