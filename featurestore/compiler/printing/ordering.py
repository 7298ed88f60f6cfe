"""How values are put into the order in which ties are broken (semantics 8)."""

from collections.abc import Sequence

from featurestore.compiler.dialect import Dialect
from featurestore.definitions.types import DataType, Schema

__all__ = ["ordered", "tie_order"]


def ordered(value: str, data_type: DataType) -> list[str]:
    """What orders rows by ``value``: null first, and floats by value, whatever the sign of a zero."""
    return [f"({value} IS NOT NULL)", f"({value} + 0.0)" if data_type.is_float else value]


def tie_order(dialect: Dialect, columns: Sequence[str], types: Schema, alias: str = "") -> list[str]:
    """What orders rows by ``columns``, the first one first."""
    return [part for column in columns for part in ordered(alias + dialect.name(column), types[column])]
