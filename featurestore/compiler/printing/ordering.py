"""How values are put into the order in which ties are broken (semantics 8)."""

from collections.abc import Sequence

from featurestore.compiler.dialect import Dialect
from featurestore.definitions.types import DataType, Schema

__all__ = ["ordered", "tie_order"]


def ordered(dialect: Dialect, value: str, data_type: DataType) -> list[str]:
    """What orders rows by ``value``, null first whatever an engine does with nulls."""
    return [f"({value} IS NOT NULL)", *dialect.ordered(value, data_type)]


def tie_order(dialect: Dialect, columns: Sequence[str], types: Schema, alias: str = "") -> list[str]:
    """What orders rows by ``columns``, the first one first."""
    return [part for column in columns for part in ordered(dialect, alias + dialect.name(column), types[column])]
