"""Functions of numbers, texts and times in Python, with the meaning that `docs/expressions.md` states.

Each takes values of its arguments' types, none of them null, and may give null. A time that Python cannot hold is an
`OverflowError`.
"""

import datetime
import decimal
import math
import operator
import string
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

__all__ = ["ARITHMETIC", "FUNCTIONS_OF_VALUES"]

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MICROSECOND = datetime.timedelta(microseconds=1)


def _divide(left: float, right: float) -> float | None:
    return None if right == 0 else left / right


def _floor_divide(value: int, divisor: int) -> int | None:
    return None if divisor == 0 else value // divisor


def _modulo(value: int, divisor: int) -> int | None:
    return None if divisor == 0 else value % divisor


def _floor(value: float | Decimal) -> float | Decimal:
    if isinstance(value, Decimal):
        return value.to_integral_value(decimal.ROUND_FLOOR)
    return float(math.floor(value)) if math.isfinite(value) else value


def _ceil(value: float | Decimal) -> float | Decimal:
    if isinstance(value, Decimal):
        return value.to_integral_value(decimal.ROUND_CEILING)
    return float(math.ceil(value)) if math.isfinite(value) else value


def _sqrt(value: float) -> float | None:
    return None if value < 0 else math.sqrt(value) + 0.0  # the root of -0.0 is -0.0


def _round(value: Decimal, digits: Decimal) -> Decimal:
    """Half away from zero; ``digits`` is a whole number, which comes as the Decimal that the value is."""
    scale = -int(value.as_tuple().exponent)
    return value if digits >= scale else value.quantize(Decimal(1).scaleb(-int(digits)), decimal.ROUND_HALF_UP)


ARITHMETIC: Mapping[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "negate": operator.neg,
    "divide": _divide,
    "floor_divide": _floor_divide,
    "modulo": _modulo,
    "abs": abs,
    "floor": _floor,
    "ceil": _ceil,
    "sqrt": _sqrt,
    "round": _round,
}
"""What is computed exactly, or in floats, and has to fit its type afterwards."""


def _extremum(choose: Callable[..., Any]) -> Callable[..., Any]:
    def chosen(*values: Any) -> Any:
        if not isinstance(values[0], float):
            # Python orders texts by code points, which is the order of their bytes in UTF-8.
            return choose(values)
        return math.nan if any(map(math.isnan, values)) else choose(values) + 0.0

    return chosen


def _translation(before: str, after: str) -> Callable[[str], str]:
    table = str.maketrans(before, after)
    return lambda text: text.translate(table)


def _truncate(time: datetime.datetime, length: int) -> datetime.datetime:
    return time - (time - EPOCH) % (length * MICROSECOND)


FUNCTIONS_OF_VALUES: Mapping[str, Callable[..., Any]] = {
    "least": _extremum(min),
    "greatest": _extremum(max),
    "is_nan": math.isnan,
    "length": len,
    "lower_ascii": _translation(string.ascii_uppercase, string.ascii_lowercase),
    "upper_ascii": _translation(string.ascii_lowercase, string.ascii_uppercase),
    "strip": str.strip,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": str.__contains__,
    "substring": lambda text, start, length: text[start : start + length],
    "concat": lambda *texts: "".join(texts),
    "replace": str.replace,
    "year": lambda day: day.year,
    "month": lambda day: day.month,
    "day": lambda day: day.day,
    "weekday": lambda day: day.isoweekday(),
    "day_of_year": lambda day: day.timetuple().tm_yday,
    "hour": lambda time: time.hour,
    "minute": lambda time: time.minute,
    "second": lambda time: time.second,
    "date": lambda time: time.date(),
    "microseconds_since": lambda time, earlier: (time - earlier) // MICROSECOND,
    "days_since": lambda day, earlier: (day - earlier).days,
    "plus": lambda time, length: time + length * MICROSECOND,
    "minus": lambda time, length: time - length * MICROSECOND,
    "truncate": _truncate,
}
"""What is of the right type as it comes. Times are aware, in UTC."""
