"""What differs between engines when a query is printed. A provider subclasses `Dialect`."""

import datetime
import decimal
import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from featurestore.compiler.sql_types import sql_type
from featurestore.definitions.types import DataType, Date, Float64

__all__ = ["UNFIT", "Dialect"]

UNFIT = "featurestore: does not fit into "
"""How the message begins with which a printed statement refuses a value, where the engine itself would not."""

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_LARGE, _FAR = 1e140, 600
"""Floats between 1 / _LARGE and _LARGE can be squared and added up; beyond, they can times 2 to the power of ∓_FAR."""


class Dialect:
    """SQL as most engines write it; ``sqlglot`` is the dialect's name there."""

    sqlglot = ""
    aggregations: ClassVar[Mapping[str, str]] = {
        "sum": "SUM",
        "count": "COUNT",
        "min": "MIN",
        "max": "MAX",
        "any": "BOOL_OR",
        "all": "BOOL_AND",
    }
    """Aggregations of one argument that skip nulls, by their names in the definitions."""
    refused: ClassVar[frozenset[str]] = frozenset()
    """Aggregations that the dialect cannot say."""

    functions: ClassVar[Mapping[str, str]] = {
        "quotient": "DIV({0}, {1})",
        "remainder": "MOD({0}, {1})",
        "sign": "SIGN({0})",
        "abs": "ABS({0})",
        "floor": "FLOOR({0})",
        "ceil": "CEIL({0})",
        "floor_float": "FLOOR({0})",
        "ceil_float": "CEIL({0})",
        "sqrt": "SQRT({0})",
        "least": "LEAST({0}, {1})",
        "greatest": "GREATEST({0}, {1})",
        "length": "CHAR_LENGTH({0})",
        "byte_length": "OCTET_LENGTH({0})",
        "translate": "TRANSLATE({0}, {1}, {2})",
        "strip": "TRIM({0}, {1})",
        "starts_with": "STARTS_WITH({0}, {1})",
        "ends_with": "ENDS_WITH({0}, {1})",
        "contains": "CONTAINS({0}, {1})",
        "substring": "SUBSTRING({0}, {1}, {2})",
        "concat": "({0} || {1})",
        "replace": "REPLACE({0}, {1}, {2})",
        "calendar": "{0}",
        "year": "EXTRACT(YEAR FROM {0})",
        "month": "EXTRACT(MONTH FROM {0})",
        "day": "EXTRACT(DAY FROM {0})",
        "hour": "EXTRACT(HOUR FROM {0})",
        "minute": "EXTRACT(MINUTE FROM {0})",
        "second": "EXTRACT(SECOND FROM {0})",
        "weekday": "EXTRACT(ISODOW FROM {0})",
        "day_of_year": "EXTRACT(DOY FROM {0})",
        "date": "CAST({0} AS DATE)",
    }
    """How each function is spelled; what is composed of them for every engine is in `sql_functions`.

    A spelling must give the meaning of `docs/expressions.md` and its type (counts and parts are 64-bit integers), and
    null where an argument is null. ``quotient`` is towards zero and ``remainder`` has the sign of the dividend; their
    divisor is not zero, and the remainder's not -1. The arguments of ``least`` and ``greatest`` are neither null nor
    NaN, and that of ``sqrt`` is not negative. ``calendar`` makes of a Timestamp what the parts are taken of, in UTC;
    it is null for an infinite one.

    Spellings that differ, as the engines document them, in sessions whose time zone is UTC. ``B(x)`` stands for
    ``CAST(x AS BIGINT)``.

    ============ ====================== =========================================== ===============================
    function     DuckDB                 Spark 4, ANSI mode                          GoogleSQL
    ============ ====================== =========================================== ===============================
    quotient     x // y                 x DIV y                                     DIV(x, y)
    remainder    x % y                  x % y                                       MOD(x, y)
    floor_float  FLOOR(x)               IF(ABS(x) < 4503599627370496D,              FLOOR(x)
                                        CAST(FLOOR(x) AS DOUBLE), x)
    length       LENGTH(x)              B(CHAR_LENGTH(x))                           CHAR_LENGTH(x)
    byte_length  OCTET_LENGTH(x)        B(OCTET_LENGTH(x))                          BYTE_LENGTH(x)
    strip        TRIM(x, y)             TRIM(BOTH y FROM x)                         TRIM(x, y)
    starts_with  STARTS_WITH(x, y)      STARTSWITH(x, y)                            STARTS_WITH(x, y)
    ends_with    ENDS_WITH(x, y)        ENDSWITH(x, y)                              ENDS_WITH(x, y)
    contains     CONTAINS(x, y)         CONTAINS(x, y)                              (y = '' OR STRPOS(x, y) > 0)
    substring    SUBSTRING(x, n, m)     SUBSTRING(x, n, m)                          SUBSTR(x, n, m)
    calendar     MAKE_TIMESTAMP(        x                                           x
                 EPOCH_US(x))
    year, ...    EXTRACT(YEAR FROM x)   B(YEAR(x))                                  EXTRACT(YEAR FROM x)
    second       EXTRACT(SECOND FROM x) B(SECOND(x)); its EXTRACT has fractions     EXTRACT(SECOND FROM x)
    weekday      EXTRACT(ISODOW FROM x) B(WEEKDAY(x) + 1)                           MOD(EXTRACT(DAYOFWEEK FROM x)
                                                                                    + 5, 7) + 1
    day_of_year  EXTRACT(DOY FROM x)    B(DAYOFYEAR(x))                             EXTRACT(DAYOFYEAR FROM x)
    date         CAST(x AS DATE)        CAST(x AS DATE)                             DATE(x, 'UTC')
    ============ ====================== =========================================== ===============================

    Left out, because no spelling means one thing everywhere: letters beyond ASCII in other cases (each engine has its
    own version of Unicode), white space as a set, patterns, rounding of floats to decimal digits, powers, exponents
    and logarithms (their last bit depends on the library), months added to a day, and local times.
    """

    def name(self, identifier: str) -> str:
        """A quoted identifier."""
        return '"' + identifier.replace('"', '""') + '"'

    def type(self, data_type: DataType) -> str:
        """A type's name."""
        return sql_type(data_type).sql(dialect=self.sqlglot)

    def cast(self, value: str, data_type: DataType) -> str:
        """A cast that fails where the value does not fit."""
        return f"CAST({value} AS {self.type(data_type)})"

    def widened(self, value: str, data_type: DataType) -> str:
        """A cast of what is known to fit."""
        return f"CAST({value} AS {self.type(data_type)})"

    def midnight(self, day: str) -> str:
        """The timestamp at which a Date begins, in UTC."""
        return self.timestamp(self.micros(day, Date))

    def text(self, value: str) -> str:
        """A string literal."""
        return "'" + value.replace("'", "''") + "'"

    def literal(self, value: object, data_type: DataType) -> str:
        """A constant of a type."""
        match value:
            case None:
                return self.widened("NULL", data_type)
            case bool():
                return "TRUE" if value else "FALSE"
            case int():
                return str(value) if data_type.name == "Int64" and abs(value) < 2**31 else self._typed(value, data_type)
            case float():
                spelled = (
                    repr(value) if math.isfinite(value) else {math.inf: "inf", -math.inf: "-inf"}.get(value, "nan")
                )
                return self._typed(spelled, data_type)
            case decimal.Decimal():
                return self._typed(f"{value:f}", data_type)
            case bytes():
                return self.bytes(value)
            case datetime.datetime():
                aware = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
                return self.timestamp(str((aware - EPOCH) // datetime.timedelta(microseconds=1)))
            case datetime.date():
                return self._typed(value.isoformat(), data_type)
            case _:
                return self.text(str(value))

    def _typed(self, value: object, data_type: DataType) -> str:
        return self.widened(self.text(str(value)), data_type)

    def bytes(self, value: bytes) -> str:
        """A literal of bytes."""
        raise NotImplementedError

    def timestamp(self, micros: str) -> str:
        """The timestamp at so many microseconds since the epoch."""
        raise NotImplementedError

    def micros(self, value: str, data_type: DataType) -> str:
        """Microseconds since the epoch of a Timestamp or Date; null where it is null or infinite."""
        raise NotImplementedError

    def is_infinite(self, value: str, data_type: DataType) -> str:
        """Whether a Timestamp or Date is infinite; null where it is null."""
        raise NotImplementedError

    def floor_divide(self, value: str, size: int) -> str:
        """``floor(value / size)`` of whole numbers, towards minus infinity."""
        raise NotImplementedError

    def bucketed(self, relation: str, first: str, column: str) -> str:
        """A SELECT of each row of ``relation`` twice: with ``first`` in ``column``, and with the number before it."""
        raise NotImplementedError

    def computed(self, sign: str, left: str, right: str, data_type: DataType) -> str:  # noqa: ARG002 - decides elsewhere
        """``+``, ``-`` or ``*`` of two numbers of one kind; fails where the result does not fit ``data_type``."""
        return f"({left} {sign} {right})"

    def negated(self, value: str, data_type: DataType) -> str:  # noqa: ARG002 - decides elsewhere
        """A number with the other sign; fails where it does not fit ``data_type``."""
        return f"(-{value})"

    def divided(self, left: str, right: str) -> str:
        """A quotient of two Float64, of which ``right`` is not 0."""
        return f"{left} / {right}"

    def compared(self, sign: str, left: str, right: str, data_type: DataType) -> str:  # noqa: ARG002 - decides elsewhere
        """A comparison of two values of one type. NaN equals NaN and is the greatest number (semantics 8)."""
        return f"({left} {sign} {right})"

    def among(self, value: str, others: Sequence[str], data_type: DataType) -> str:  # noqa: ARG002 - decides elsewhere
        """Whether ``value`` equals one of ``others``, none of which is null."""
        return f"({value} IN ({', '.join(others)}))"

    def ordered(self, value: str, data_type: DataType) -> list[str]:
        """What puts values into the order of rule 8, nulls apart: floats by value, whatever the sign of a zero."""
        return [f"({value} + 0.0)" if data_type.is_float else value]

    def is_nan(self, value: str) -> str:
        """Whether a float is NaN; null where it is null."""
        return f"ISNAN({value})"

    def filtered(self, aggregate: str, condition: str) -> str:
        """An aggregate over the rows where ``condition`` is true, for engines that have FILTER."""
        return f"{aggregate} FILTER (WHERE {condition})" if condition else aggregate

    def counted(self, condition: str) -> str:
        """The number of rows where ``condition`` is true; it is empty for all rows."""
        return self.filtered("COUNT(*)", condition)

    def aggregated(self, function: str, value: str, condition: str) -> str:
        """One of ``aggregations`` of ``value`` over the rows where ``condition`` is true; it is empty for all rows."""
        return self.filtered(f"{self.aggregations[function]}({value})", condition)

    def summed(self, value: str, data_type: DataType, condition: str) -> str:
        """A sum that no order of rows makes overflow (semantics 12), wider than Int64 for integers."""
        narrow = data_type.is_float and data_type != Float64
        return self.aggregated("sum", self.widened(value, Float64) if narrow else value, condition)

    def newest(self, value: str, order: Sequence[str], condition: str) -> str:
        """A boxed ``value`` of the row that is greatest in ``order`` where ``condition`` is true; null without one."""
        raise NotImplementedError

    def oldest(self, value: str, order: Sequence[str], condition: str) -> str:
        """A boxed ``value`` of the row that is smallest in ``order`` where ``condition`` is true; null without one."""
        raise NotImplementedError

    def unboxed(self, boxed: str) -> str:
        """The value in a box."""
        raise NotImplementedError

    def newest_values(self, value: str, order: Sequence[str], number: int) -> str:
        """An aggregate: an array of the ``value`` of the ``number`` rows that are greatest in ``order``, newest first.

        It may be shorter, and is null where there is no row.
        """
        raise NotImplementedError

    def count_distinct(self, value: str, data_type: DataType) -> str:  # noqa: ARG002 - not all engines compare all types
        """An aggregate: how many different values there are; NaN equals NaN, and -0.0 equals 0.0."""
        return f"COUNT(DISTINCT {value})"

    def approx_distinct(self, value: str, data_type: DataType) -> str:
        """An aggregate: how many different values there are, within 5 % or 2; here they are counted."""
        return self.count_distinct(value, data_type)

    def percentile(self, value: str, share: float) -> str:
        """An aggregate: the percentile of floats, interpolated; of what is not NaN."""
        raise NotImplementedError

    def std(self, value: str, data_type: DataType, condition: str) -> str:
        """The standard deviation of the sample of floats where ``condition`` is true; ``data_type`` is what they were.

        Squares of what is larger than 1e154 are infinite, and those of what is smaller than 1e-162 are 0. So floats
        that are all small, or among which there are large ones, are scaled; by powers of two, which is exact.
        """
        plain = self.filtered(f"STDDEV_SAMP({value})", condition)
        if data_type != Float64:
            return plain
        size = self.filtered(f"MAX(ABS({value}))", condition)
        scaled = [
            f"{self.filtered(f'STDDEV_SAMP({value} * {self._power(-power)})', condition)} * {self._power(power)}"
            for power in (_FAR, -_FAR)
        ]
        return (
            f"CASE WHEN {size} > {self.literal(_LARGE, Float64)} THEN {scaled[0]}\n"
            f"    WHEN {size} < {self.literal(1 / _LARGE, Float64)} THEN {scaled[1]}\n"
            f"    ELSE {plain} END"
        )

    def _power(self, exponent: int) -> str:
        return self.literal(2.0**exponent, Float64)

    def failure(self, message: str, data_type: DataType, number: str | None = None) -> str:
        """An expression that fails with ``message``, and the text of a whole ``number``, when it is evaluated."""
        raise NotImplementedError
