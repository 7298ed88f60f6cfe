"""How queries are printed for Spark 4.

What a session can be set to (ANSI mode, time zone, meaning of TIMESTAMP, how strings are read) changes nothing here:
each expression is printed in a form that has one meaning. The text of SQL steps is translated only, and is not yet
pinned in this way.
"""

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from featurestore.compiler.dialect import UNFIT, Dialect
from featurestore.definitions.types import MAX_PRECISION, DataType, Decimal, Int64
from featurestore.errors import NotSupportedError

__all__ = ["SparkDialect"]

_PLAIN = re.compile(r"[A-Za-z0-9 _.,:;@#/+()<>=-]*")
"""Text that means itself in a literal, whatever a session says of escapes and variables."""
_TRY = {"+": "TRY_ADD", "-": "TRY_SUBTRACT", "*": "TRY_MULTIPLY"}
_INT64_DIGITS = 20
"""Of a Decimal that holds each Int64; Spark adds ten digits when it sums, enough for 10^10 rows."""


class SparkDialect(Dialect):
    """Spark's SQL. Outside of ANSI mode its casts and sums wrap around or give null in silence, so TRY_ forms are used.

    Spark orders NaN as rule 8 does, and has FILTER. Timestamps are those with local time zone, which are instants.
    """

    sqlglot = "spark"
    refused: ClassVar[frozenset[str]] = frozenset({"std", "percentile", "count_distinct", "approx_distinct", "last_n"})
    functions: ClassVar[Mapping[str, str]] = {}  # none has been compared with the oracle on Spark; the rest is refused

    def name(self, identifier: str) -> str:
        """In backticks: sessions may take double quotes for a string's."""
        return "`" + identifier.replace("`", "``") + "`"

    def type(self, data_type: DataType) -> str:
        """``TIMESTAMP`` alone would mean what the session says."""
        return "TIMESTAMP_LTZ" if data_type.name == "Timestamp" else super().type(data_type)

    def cast(self, value: str, data_type: DataType) -> str:
        """A cast that fails in every mode; those to text and bytes cannot fail."""
        if data_type.name in {"String", "Bytes"}:
            return self.widened(value, data_type)
        if data_type.name == "Timestamp":
            return self._instant(value)
        kind = self.type(data_type)
        return self._or_fail(f"TRY_CAST({value} AS {kind})", [value], kind)

    def _instant(self, value: str) -> str:
        """A timestamp; one without zone is in UTC (semantics 15), where a cast would take the session's zone."""
        in_utc = f"CAST(CONCAT(CAST(CAST({value} AS TIMESTAMP_NTZ) AS STRING), 'Z') AS TIMESTAMP_LTZ)"
        return (
            f"CASE TYPEOF({value}) WHEN 'timestamp' THEN CAST({value} AS TIMESTAMP_LTZ) "
            f"WHEN 'timestamp_ntz' THEN {in_utc} ELSE RAISE_ERROR({self.text(f'{UNFIT}TIMESTAMP_LTZ')}) END"
        )

    def _or_fail(self, attempt: str, operands: Sequence[str], kind: str) -> str:
        """``attempt``, and a failure where it is null though no operand is."""
        null = " OR ".join(f"{operand} IS NULL" for operand in operands)
        return f"COALESCE({attempt}, IF({null}, NULL, RAISE_ERROR({self.text(UNFIT + kind)})))"

    def text(self, value: str) -> str:
        """A string literal; as bytes where escapes or variables could be read into it."""
        return f"'{value}'" if _PLAIN.fullmatch(value) else f"CAST({self.bytes(value.encode())} AS STRING)"

    def bytes(self, value: bytes) -> str:
        """Hexadecimal digits."""
        return f"X'{value.hex().upper()}'"

    def timestamp(self, micros: str) -> str:
        """``timestamp_micros``, an instant in every zone."""
        return f"TIMESTAMP_MICROS({micros})"

    def micros(self, value: str, data_type: DataType) -> str:
        """``unix_micros``. There are no infinite times."""
        return f"UNIX_DATE({value}) * 86400000000" if data_type.name == "Date" else f"UNIX_MICROS({value})"

    def floor_divide(self, value: str, size: int) -> str:
        """Shifts what is negative by almost one divisor, because ``DIV`` truncates."""
        return f"(({value} - IF({value} < 0, {size - 1}, 0)) DIV {size})"

    def bucketed(self, relation: str, first: str, column: str) -> str:
        """``explode`` of a list of two, among the columns."""
        return f"SELECT *, EXPLODE(ARRAY({first}, {first} - 1)) AS {column}\nFROM {relation}"

    def is_nan(self, value: str) -> str:
        """``isnan``, which is false for null."""
        return f"IF({value} IS NULL, NULL, ISNAN({value}))"

    def computed(self, sign: str, left: str, right: str, data_type: DataType) -> str:
        """Integers through TRY_ADD and its like.

        Raises:
            NotSupportedError: of Decimals, whose scale Spark reduces by rules that a session can change.
        """
        if data_type.is_decimal:
            message = f"{left} {sign} {right}: Decimals cannot be computed with on Spark."
            raise NotSupportedError(message, hint="Cast them to Float64 first.")
        if data_type.is_float:
            return super().computed(sign, left, right, data_type)
        return self._or_fail(f"{_TRY[sign]}({left}, {right})", [left, right], self.type(data_type))

    def negated(self, value: str, data_type: DataType) -> str:
        """The smallest integer has no counterpart, so integers are subtracted from 0."""
        return self.computed("-", "0L", value, data_type) if data_type.is_integer else f"(-{value})"

    def summed(self, value: str, data_type: DataType, condition: str) -> str:
        """Of integers as Decimals; of Decimals with a failure where the sum does not fit, since Spark may give null."""
        if data_type.is_integer:
            return super().summed(self.widened(value, Decimal(_INT64_DIGITS, 0)), Int64, condition)
        if not data_type.is_decimal:
            return super().summed(value, data_type, condition)
        kind = Decimal(MAX_PRECISION, data_type.scale)
        total = self.filtered(f"TRY_SUM({self.widened(value, kind)})", condition)
        number = self.aggregated("count", value, condition)
        return f"COALESCE({total}, IF({number} = 0, NULL, RAISE_ERROR({self.text(UNFIT + self.type(kind))})))"

    def newest(self, value: str, order: Sequence[str], condition: str) -> str:
        """``max_by`` of a struct, because it skips rows whose value is null otherwise."""
        return self.filtered(f"MAX_BY(STRUCT({value} AS v), STRUCT({', '.join(order)}))", condition)

    def oldest(self, value: str, order: Sequence[str], condition: str) -> str:
        """``min_by`` of a struct."""
        return self.filtered(f"MIN_BY(STRUCT({value} AS v), STRUCT({', '.join(order)}))", condition)

    def unboxed(self, boxed: str) -> str:
        """The field of the struct."""
        return f"{boxed}.v"

    def failure(self, message: str, data_type: DataType, number: str | None = None) -> str:
        """``raise_error()``, which has no type of its own."""
        told = self.text(message) if number is None else f"CONCAT({self.text(message)}, CAST({number} AS STRING))"
        return self.widened(f"RAISE_ERROR({told})", data_type)
