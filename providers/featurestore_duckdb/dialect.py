"""How queries are printed for DuckDB."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from featurestore.compiler.dialect import Dialect
from featurestore.definitions.types import DataType, Float64, Timestamp

__all__ = ["DuckDBDialect"]


class DuckDBDialect(Dialect):
    """DuckDB's SQL. Its integer division and remainder truncate, so floors are made of both."""

    sqlglot = "duckdb"
    functions: ClassVar[Mapping[str, str]] = {
        **Dialect.functions,
        "quotient": "({0} // {1})",
        "remainder": "({0} % {1})",
        "length": "LENGTH({0})",
        # A timestamp without a time zone: parts of one with a zone are taken by an extension, in the session's zone.
        "calendar": "MAKE_TIMESTAMP(EPOCH_US({0}))",
    }

    def bytes(self, value: bytes) -> str:
        """A string of hexadecimal escapes, as BLOB."""
        return "'" + "".join(f"\\x{byte:02X}" for byte in value) + "'::BLOB"

    def timestamp(self, micros: str) -> str:
        """A timestamp with time zone; sessions are in UTC."""
        return f"CAST(MAKE_TIMESTAMP({micros}) AS TIMESTAMPTZ)"

    def micros(self, value: str, data_type: DataType) -> str:
        """``epoch_us``, which is null for an infinite time and floors finer ones."""
        return f"EPOCH_US({value}::TIMESTAMP)" if data_type.name == "Date" else f"EPOCH_US({value})"

    def floor_divide(self, value: str, size: int) -> str:
        """Shifts what is negative by almost one divisor, because division truncates."""
        return f"(({value} - IF({value} < 0, {size - 1}, 0)) // {size})"

    def midnight(self, day: str) -> str:
        """A cast, which keeps an infinite day infinite; sessions are in UTC."""
        return self.cast(day, Timestamp)

    def bucketed(self, relation: str, first: str, column: str) -> str:
        """``UNNEST`` of a list of two, among the columns."""
        return f"SELECT *, {first} - UNNEST([0, 1]) AS {column}\nFROM {relation}"

    def newest(self, value: str, order: Sequence[str], condition: str) -> str:
        """``arg_max`` of a struct, because it skips rows whose value is null otherwise."""
        return self.filtered(f"ARG_MAX(STRUCT_PACK(v := {value}), ROW({', '.join(order)}))", condition)

    def oldest(self, value: str, order: Sequence[str], condition: str) -> str:
        """``arg_min`` of a struct."""
        return self.filtered(f"ARG_MIN(STRUCT_PACK(v := {value}), ROW({', '.join(order)}))", condition)

    def unboxed(self, boxed: str) -> str:
        """The field of the struct."""
        return f"({boxed}).v"

    def newest_values(self, value: str, order: Sequence[str], number: int) -> str:
        """``arg_max`` of several, which keeps so many per group and not all."""
        return f"ARG_MAX({value}, ROW({', '.join(order)}), {number})"

    def percentile(self, value: str, share: float) -> str:
        """``quantile_cont``, whose share is a constant."""
        return f"QUANTILE_CONT({value}, {self.literal(share, Float64)})"

    def failure(self, message: str, data_type: DataType, number: str | None = None) -> str:
        """``error()``, which has no type of its own."""
        told = self.text(message) if number is None else f"{self.text(message)} || CAST({number} AS VARCHAR)"
        return self.cast(f"ERROR({told})", data_type)
