"""How queries are printed for SQLite, with the functions of `sqlite_warehouse.functions`.

A Timestamp is a whole number of microseconds since 1970, a Date one of days. A sum or a product in a row that does not
fit into 64 bits is a float to SQLite. `fs_Int64` and the store refuse it; a count of such values does not see it.
"""

import datetime
from collections.abc import Sequence

from featurestore.compiler.dialect import Dialect
from featurestore.definitions.types import DataType

__all__ = ["SQLiteDialect"]

EPOCH = datetime.date(1970, 1, 1)
MICROS_PER_DAY = 86_400_000_000


class SQLiteDialect(Dialect):
    """SQLite's SQL."""

    sqlglot = "sqlite"

    def name(self, identifier: str) -> str:
        """In backticks: what stands between quotes and is no column would be a text to SQLite."""
        return "`" + identifier.replace("`", "``") + "`"

    def cast(self, value: str, data_type: DataType) -> str:
        """A check: SQLite's own casts make something of everything."""
        return f"fs_{data_type.name}({value})" if data_type.name in {"Bool", "Int32", "Int64", "String"} else value

    def text(self, value: str) -> str:
        """A string literal, which must not contain a zero byte."""
        return f"CAST({self.bytes(value.encode())} AS TEXT)" if "\0" in value else super().text(value)

    def literal(self, value: object, data_type: DataType) -> str:
        """A constant of a type."""
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            return str((value - EPOCH).days)
        return super().literal(value, data_type)

    def bytes(self, value: bytes) -> str:
        """Hexadecimal."""
        return f"X'{value.hex()}'"

    def timestamp(self, micros: str) -> str:
        """The microseconds themselves."""
        return micros

    def micros(self, value: str, data_type: DataType) -> str:
        """The microseconds at which a day begins, or those of a time."""
        return f"({value} * {MICROS_PER_DAY})" if data_type.name == "Date" else value

    def is_infinite(self, value: str, data_type: DataType) -> str:
        """No time is."""
        return f"({value} <> {value})"

    def floor_divide(self, value: str, size: int) -> str:
        """Shifts what is negative by almost one divisor, because division truncates."""
        return f"(({value} - CASE WHEN {value} < 0 THEN {size - 1} ELSE 0 END) / {size})"

    def bucketed(self, relation: str, first: str, column: str) -> str:
        """All rows twice, because no function gives two rows for one."""
        return (
            f"SELECT *, {first} AS {column}\nFROM {relation}\nUNION ALL\n"
            f"SELECT *, {first} - 1 AS {column}\nFROM {relation}"
        )

    def newest(self, value: str, order: Sequence[str], condition: str) -> str:
        """An aggregate in Python, since an aggregate of SQLite before 3.44 takes no order."""
        return self.filtered(f"fs_newest({', '.join([value, *order])})", condition)

    def oldest(self, value: str, order: Sequence[str], condition: str) -> str:
        """As `newest`."""
        return self.filtered(f"fs_oldest({', '.join([value, *order])})", condition)

    def unboxed(self, boxed: str) -> str:
        """Values come in no box: of no row there is no value."""
        return boxed

    def failure(self, message: str, data_type: DataType, number: str | None = None) -> str:
        """A function that raises."""
        return f"fs_fail({self.text(message)}{'' if number is None else f' || {number}'})"
