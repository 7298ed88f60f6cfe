"""The rows of a table that exist at a boundary, as a query of their own: for whoever wants to look at them."""

from dataclasses import dataclass, replace

from featurestore.compiler.query import (
    AliveRows,
    Hidden,
    RowsQuery,
    Stage,
)
from featurestore.compiler.steps import per_boundary, table_schema
from featurestore.compiler.tables import Tables, raw_rows
from featurestore.definitions.resolved import SourceTable, StoredFeature, Table, is_timed

__all__ = ["RowsAt", "compile_rows_at", "compile_source_rows"]


@dataclass(frozen=True)
class RowsAt:
    """Rows: ``query`` gives them, after ``stages`` were made for the time at which their boundary answers."""

    query: RowsQuery
    stages: tuple[Stage, ...]


def compile_rows_at(feature: StoredFeature, table: Table, boundary: int) -> RowsAt:
    """The visible columns of the rows of ``table`` that exist at a boundary.

    Args:
        feature: A feature that reads the table, directly or through steps: its schedule and its ties count.
        table: The table, one of those below the feature.
        boundary: In microseconds. Of an untimed table all rows exist at each.
    """
    reading = replace(feature, table=table)
    tables = Tables()
    tables.add(reading)
    rows = tables.of(reading)
    relations, name = tuple(tables.relations), rows.name
    if is_timed(table):
        name = f"alive_{rows.name}"
        relations += (AliveRows(name, rows.name, rows.leave, per_boundary(table), boundary),)
    columns = tuple(table_schema(table))
    return RowsAt(RowsQuery(relations, name, columns, tuple(tables.sources.values())), tuple(tables.stages))


def compile_source_rows(table: SourceTable) -> RowsQuery:
    """All rows of a source: its columns, and of a timed one `Hidden.EVENT` and `Hidden.CREATED`."""
    rows = raw_rows(table, f"rows_{table.name}")
    hidden = (Hidden.EVENT, Hidden.CREATED) if is_timed(table) else ()
    return RowsQuery((rows,), rows.name, (*table.schema, *hidden), (table,))
