"""Functions of numbers, texts and times in SQL, composed of what a dialect spells.

An argument is printed as often as it is needed, since SQL has no name for a value inside an expression.
"""

import functools
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from featurestore.compiler.dialect import Dialect
from featurestore.definitions.nodes import Call, Literal
from featurestore.definitions.types import MAX_PRECISION, DataType, Decimal, Timestamp
from featurestore.errors import NotSupportedError

__all__ = ["TIME_OUT_OF_RANGE", "function_sql"]

FIRST_TIME = -62_135_596_800_000_000
"""Microseconds from 1970 back to the beginning of the year 1."""
LAST_TIME = 253_402_300_799_999_999
"""Microseconds from 1970 to the end of the year 9999."""
TIME_OUT_OF_RANGE = "a time is out of range, not in the years 1 to 9999"
"""What an engine says where a time is moved too far; stores find the words "out of range" in it."""

_DAY = 86_400_000_000


@dataclass(frozen=True)
class _Printing:
    """A call whose arguments are printed; ``given`` is the type of the first one before it was widened."""

    function: str
    arguments: Sequence[str]
    constants: Sequence[Any]
    given: DataType
    result: DataType
    dialect: Dialect

    def spelled(self, function: str, *arguments: object) -> str:
        if function not in self.dialect.functions:
            message = f"{self.function}() cannot be computed in {self.dialect.sqlglot or 'this SQL'} yet."
            raise NotSupportedError(message, hint="Compute it in a view that the source reads.")
        return self.dialect.functions[function].format(*arguments)


def function_sql(node: Call, arguments: Sequence[str], given: DataType, result: DataType, dialect: Dialect) -> str:
    """``node`` as SQL.

    Args:
        node: A call of a function that has a spelling in the dialect, or is composed of some here.
        arguments: Its arguments as SQL; numbers are of the type that the function computes in.
        given: The type of the first argument.
        result: The type of the call.
        dialect: What spells.

    Raises:
        NotSupportedError: the dialect does not spell a function that is needed.
    """
    constants = [argument.value for argument in node.arguments if isinstance(argument, Literal)]
    call = _Printing(node.function, arguments, constants, given, result, dialect)
    return _COMPOSED.get(node.function, _spelled)(call)


def _spelled(call: _Printing) -> str:
    return call.spelled(call.function, *call.arguments)


def _floor_divide(call: _Printing) -> str:
    """The quotient towards zero, less one where a rest was cut off towards the wrong side."""
    value, divisor = call.arguments
    quotient = call.spelled("quotient", value, f"NULLIF({divisor}, 0)")
    return f"({quotient} - CASE WHEN {_is_apart(call)} THEN 1 ELSE 0 END)"


def _modulo(call: _Printing) -> str:
    """The remainder with the dividend's sign, moved to the divisor's side."""
    return f"({_remainder(call)} + CASE WHEN {_is_apart(call)} THEN {call.arguments[1]} ELSE 0 END)"


def _remainder(call: _Printing) -> str:
    """Null for the divisor 0; the divisor -1 leaves no remainder, and would overflow with the smallest number."""
    value, divisor = call.arguments
    return call.spelled("remainder", value, f"CASE {divisor} WHEN 0 THEN NULL WHEN -1 THEN 1 ELSE {divisor} END")


def _is_apart(call: _Printing) -> str:
    """Whether there is a remainder, and its sign is not the divisor's."""
    signs = [call.spelled("sign", part) for part in (_remainder(call), call.arguments[1])]
    return f"{signs[0]} = -{signs[1]}"


def _whole_part(call: _Printing) -> str:
    """Of a float with 0.0 added, which makes -0.0 a 0.0."""
    (value,) = call.arguments
    if not call.result.is_float:
        return call.dialect.cast(call.spelled(call.function, value), call.result)
    return _positive_zero(call, call.spelled(f"{call.function}_float", value))


def _positive_zero(call: _Printing, value: str) -> str:
    return f"({value} + {call.dialect.literal(0.0, call.result)})"


def _round(call: _Printing) -> str:
    """A cast to fewer digits, and back."""
    digits, value = call.constants[-1], call.arguments[0]
    if digits < call.given.scale:
        value = call.dialect.cast(value, Decimal(MAX_PRECISION, digits))
    return call.dialect.cast(value, call.result)


def _sqrt(call: _Printing) -> str:
    (value,) = call.arguments
    return f"(CASE WHEN {value} < 0 THEN NULL ELSE {_positive_zero(call, call.spelled('sqrt', value))} END)"


def _extremum(call: _Printing) -> str:
    """Null where one is null and NaN where one is NaN, whatever the engine's own function makes of them."""
    found = functools.reduce(lambda left, right: call.spelled(call.function, left, right), call.arguments)
    cases = [f"WHEN {' OR '.join(f'{value} IS NULL' for value in call.arguments)} THEN NULL"]
    if call.result.is_float:
        nan = call.dialect.literal(float("nan"), call.result)
        cases.append(f"WHEN {' OR '.join(map(call.dialect.is_nan, call.arguments))} THEN {nan}")
        found = _positive_zero(call, found)
    return f"(CASE {' '.join(cases)} ELSE {found} END)"


def _length(call: _Printing) -> str:
    return call.spelled("length" if call.given.name == "String" else "byte_length", *call.arguments)


def _in_other_case(call: _Printing) -> str:
    cases = string.ascii_uppercase, string.ascii_lowercase
    before, after = cases if call.function == "lower_ascii" else cases[::-1]
    return call.spelled("translate", call.arguments[0], *map(call.dialect.text, (before, after)))


def _substring(call: _Printing) -> str:
    """Positions count from 1 in SQL."""
    start, length = call.constants[-2:]
    return call.spelled("substring", call.arguments[0], start + 1, length)


def _concat(call: _Printing) -> str:
    return functools.reduce(lambda left, right: call.spelled("concat", left, right), call.arguments)


def _part(call: _Printing) -> str:
    (value,) = call.arguments
    return call.spelled(call.function, call.spelled("calendar", value) if call.given == Timestamp else value)


def _difference(call: _Printing) -> str:
    later, earlier = (call.dialect.micros(value, call.given) for value in call.arguments)
    micros = f"({later} - {earlier})"
    return micros if call.given == Timestamp else call.spelled("quotient", micros, _DAY)


def _moved(call: _Printing) -> str:
    """Checked before it is moved: engines know times that Python has no value for."""
    value, length = call.dialect.micros(call.arguments[0], Timestamp), call.constants[-1]
    if call.function == "plus":
        return _in_range(call, f"{value} > {LAST_TIME - length}", f"{value} + {length}")
    return _in_range(call, f"{value} < {FIRST_TIME + length}", f"{value} - {length}")


def _truncated(call: _Printing) -> str:
    value, length = call.dialect.micros(call.arguments[0], Timestamp), call.constants[-1]
    first = -(-FIRST_TIME // length) * length
    floored = f"{call.dialect.floor_divide(value, length)} * {length}"
    return _in_range(call, f"{value} < {first}", floored)


def _in_range(call: _Printing, outside: str, micros: str) -> str:
    failure = call.dialect.failure(TIME_OUT_OF_RANGE, Timestamp)
    return f"(CASE WHEN {outside} THEN {failure} ELSE {call.dialect.timestamp(micros)} END)"


_COMPOSED: Mapping[str, Callable[[_Printing], str]] = {
    "floor_divide": _floor_divide,
    "modulo": _modulo,
    "floor": _whole_part,
    "ceil": _whole_part,
    "round": _round,
    "sqrt": _sqrt,
    "least": _extremum,
    "greatest": _extremum,
    "is_nan": lambda call: call.dialect.is_nan(call.arguments[0]),
    "length": _length,
    "lower_ascii": _in_other_case,
    "upper_ascii": _in_other_case,
    "substring": _substring,
    "concat": _concat,
    **dict.fromkeys(("year", "month", "day", "weekday", "day_of_year", "hour", "minute", "second", "date"), _part),
    "microseconds_since": _difference,
    "days_since": _difference,
    "plus": _moved,
    "minus": _moved,
    "truncate": _truncated,
}
