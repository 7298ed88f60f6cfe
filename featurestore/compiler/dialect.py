"""What differs between engines when a query is printed. A provider subclasses `Dialect`."""

import datetime
import decimal
import math
from collections.abc import Sequence

from featurestore.compiler.sql_types import sql_type
from featurestore.definitions.types import DataType

__all__ = ["Dialect"]

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Dialect:
    """SQL as most engines write it; ``sqlglot`` is the dialect's name there."""

    sqlglot = ""

    def name(self, identifier: str) -> str:
        """A quoted identifier."""
        return '"' + identifier.replace('"', '""') + '"'

    def type(self, data_type: DataType) -> str:
        """A type's name."""
        return sql_type(data_type).sql(dialect=self.sqlglot)

    def cast(self, value: str, data_type: DataType) -> str:
        """A cast that fails where the value does not fit."""
        return f"CAST({value} AS {self.type(data_type)})"

    def text(self, value: str) -> str:
        """A string literal."""
        return "'" + value.replace("'", "''") + "'"

    def literal(self, value: object, data_type: DataType) -> str:
        """A constant of a type."""
        match value:
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
        return self.cast(self.text(str(value)), data_type)

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

    def buckets(self, first: str) -> str:
        """Makes two rows out of one: ``first`` and the number before it."""
        raise NotImplementedError

    def is_nan(self, value: str) -> str:
        """Whether a float is NaN."""
        return f"ISNAN({value})"

    def filtered(self, aggregate: str, condition: str) -> str:
        """An aggregate over the rows where ``condition`` is true."""
        return f"{aggregate} FILTER (WHERE {condition})" if condition else aggregate

    def newest(self, value: str, order: Sequence[str]) -> str:
        """An aggregate: a boxed ``value`` of the row that is greatest in ``order``, null where there is no row."""
        raise NotImplementedError

    def oldest(self, value: str, order: Sequence[str]) -> str:
        """An aggregate: a boxed ``value`` of the row that is smallest in ``order``, null where there is no row."""
        raise NotImplementedError

    def unboxed(self, boxed: str) -> str:
        """The value in a box."""
        raise NotImplementedError

    def failure(self, message: str, data_type: DataType) -> str:
        """An expression that fails with ``message`` when it is evaluated."""
        raise NotImplementedError
