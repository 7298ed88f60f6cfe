"""How queries are printed for BigQuery, in GoogleSQL."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from featurestore.compiler.dialect import UNFIT, Dialect
from featurestore.definitions.types import MAX_PRECISION, DataType, Decimal, Int64
from featurestore.errors import NotSupportedError

__all__ = ["BigQueryDialect"]

_TYPES = {
    "Bool": "BOOL",
    "Int32": "INT64",
    "Int64": "INT64",
    "Float64": "FLOAT64",
    "String": "STRING",
    "Bytes": "BYTES",
    "Date": "DATE",
    "Timestamp": "TIMESTAMP",
}
_INT32 = (-(2**31), 2**31 - 1)


class BigQueryDialect(Dialect):
    """BigQuery's SQL: without FILTER, with one type of integers, and with a NaN that equals nothing and sorts first."""

    sqlglot = "bigquery"
    refused: ClassVar[frozenset[str]] = frozenset({"std", "percentile", "count_distinct", "approx_distinct", "last_n"})
    functions: ClassVar[Mapping[str, str]] = {}  # none has been compared with the oracle there; the rest is refused
    aggregations: ClassVar[Mapping[str, str]] = {**Dialect.aggregations, "any": "LOGICAL_OR", "all": "LOGICAL_AND"}

    def name(self, identifier: str) -> str:
        """In backticks, with escapes as in strings."""
        return "`" + identifier.replace("\\", "\\\\").replace("`", "\\`") + "`"

    def type(self, data_type: DataType) -> str:
        """A type's name; Decimals are BIGNUMERIC, which alone holds those of 38 digits.

        Raises:
            NotSupportedError: BigQuery has no such type.
        """
        if data_type.is_decimal:
            return f"BIGNUMERIC({data_type.parameters[0]}, {data_type.scale})"
        if data_type.name not in _TYPES:
            message = f"BigQuery has no type for {data_type} here."
            hint = "Cast the column to Float64." if data_type.name == "Float32" else ""
            raise NotSupportedError(message, hint=hint)
        return _TYPES[data_type.name]

    def cast(self, value: str, data_type: DataType) -> str:
        """A cast that fails where the value does not fit.

        For timestamps a pair of functions that a DATETIME does not pass: a cast would read it in the session's zone.
        """
        if data_type.name == "Timestamp":
            return self.timestamp(self.micros(value, data_type))
        if data_type.name != "Int32":
            return self.widened(value, data_type)
        low, high = _INT32
        whole, failed = self.widened(value, Int64), f"ERROR({self.text(f'{UNFIT}Int32')})"
        return f"IF({whole} NOT BETWEEN {low} AND {high}, {failed}, {whole})"

    def text(self, value: str) -> str:
        """A string literal; what is not printable is escaped."""
        return "'" + "".join(map(_escaped, value)) + "'"

    def bytes(self, value: bytes) -> str:
        """A string of hexadecimal escapes."""
        return "b'" + "".join(f"\\x{byte:02x}" for byte in value) + "'"

    def timestamp(self, micros: str) -> str:
        """``timestamp_micros``."""
        return f"TIMESTAMP_MICROS({micros})"

    def micros(self, value: str, data_type: DataType) -> str:
        """``unix_micros``, which floors. There are no infinite times."""
        return f"UNIX_DATE({value}) * 86400000000" if data_type.name == "Date" else f"UNIX_MICROS({value})"

    def floor_divide(self, value: str, size: int) -> str:
        """Shifts what is negative by almost one divisor, because ``DIV`` truncates."""
        return f"DIV({value} - IF({value} < 0, {size - 1}, 0), {size})"

    def bucketed(self, relation: str, first: str, column: str) -> str:
        """A join with a list of two, since a row's columns cannot be unnested."""
        return f"SELECT *\nFROM {relation}\nCROSS JOIN UNNEST([{first}, {first} - 1]) AS {column}"

    def is_nan(self, value: str) -> str:
        """Whether a float is NaN."""
        return f"IS_NAN({value})"

    def computed(self, sign: str, left: str, right: str, data_type: DataType) -> str:
        """Decimals are brought into the precision of their type, since BIGNUMERIC holds more."""
        found = super().computed(sign, left, right, data_type)
        return self.cast(found, data_type) if data_type.is_decimal else found

    def divided(self, left: str, right: str) -> str:
        """A quotient may be infinite, which the sign ``/`` takes for an error."""
        return f"IEEE_DIVIDE({left}, {right})"

    def compared(self, sign: str, left: str, right: str, data_type: DataType) -> str:
        """Where a float is NaN, what is compared is whether each is."""
        plain = super().compared(sign, left, right, data_type)
        if not data_type.is_float:
            return plain
        either = f"{self.is_nan(left)} OR {self.is_nan(right)}"
        return f"IF({either}, {self.is_nan(left)} {sign} {self.is_nan(right)}, {left} {sign} {right})"

    def among(self, value: str, others: Sequence[str], data_type: DataType) -> str:
        """One comparison for each, for floats."""
        if not data_type.is_float:
            return super().among(value, others, data_type)
        return f"({' OR '.join(self.compared('=', value, other, data_type) for other in others)})"

    def ordered(self, value: str, data_type: DataType) -> list[str]:
        """NaN after all other floats."""
        return [self.is_nan(value), value] if data_type.is_float else [value]

    def counted(self, condition: str) -> str:
        """``countif``."""
        return f"COUNTIF({condition})" if condition else "COUNT(*)"

    def aggregated(self, function: str, value: str, condition: str) -> str:
        """Of null in the place of the rows that are left out."""
        return f"{self.aggregations[function]}({_only(value, condition)})"

    def summed(self, value: str, data_type: DataType, condition: str) -> str:
        """Of integers and Decimals as BIGNUMERIC, since no sum in between may overflow."""
        if data_type.is_float:
            return super().summed(value, data_type, condition)
        total = f"SUM({_only(f'CAST({value} AS BIGNUMERIC)', condition)})"
        return self.cast(total, Decimal(MAX_PRECISION, data_type.scale)) if data_type.is_decimal else total

    def newest(self, value: str, order: Sequence[str], condition: str) -> str:
        """The first element of a sorted array of structs, for ``max_by`` breaks ties as it likes."""
        return _first(value, [f"{part} DESC" for part in order], condition)

    def oldest(self, value: str, order: Sequence[str], condition: str) -> str:
        """The first element of an array sorted the other way around."""
        return _first(value, order, condition)

    def unboxed(self, boxed: str) -> str:
        """The field of the struct."""
        return f"{boxed}.v"

    def failure(self, message: str, data_type: DataType, number: str | None = None) -> str:
        """``error()``, which has no type of its own."""
        told = self.text(message) if number is None else f"CONCAT({self.text(message)}, CAST({number} AS STRING))"
        return self.widened(f"ERROR({told})", data_type)


def _only(value: str, condition: str) -> str:
    """``value`` where ``condition`` is true, null elsewhere."""
    return f"IF({condition}, {value}, NULL)" if condition else value


def _first(value: str, order: Sequence[str], condition: str) -> str:
    boxed = _only(f"STRUCT({value} AS v)", condition)
    return f"ARRAY_AGG({boxed} IGNORE NULLS ORDER BY {', '.join(order)} LIMIT 1)[SAFE_OFFSET(0)]"


def _escaped(character: str) -> str:
    if character in "'\\":
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"
