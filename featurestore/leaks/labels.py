"""The columns of sources that labels are made of."""

from collections.abc import Iterable, Mapping

from featurestore.definitions.resolved import ResolvedLabel, SourceTable, Table
from featurestore.lineage.edges import flow_of

__all__ = ["label_columns"]


def label_columns(label: ResolvedLabel) -> Mapping[str, tuple[str, ...]] | None:
    """By source the columns whose values the label is made of; those that only choose its rows are not among them.

    Returns:
        None where it cannot be told, because a step is code.
    """
    found = _below(label.table, [label.label.column])
    if found is None:
        return None
    columns: dict[str, dict[str, None]] = {}
    for source, column in found:
        columns.setdefault(source, {})[column] = None
    return {source: tuple(names) for source, names in columns.items()}


def _below(table: Table, columns: Iterable[str]) -> list[tuple[str, str]] | None:
    if isinstance(table, SourceTable):
        return [(table.name, column) for column in columns]
    flow = flow_of(table)
    if flow is None:
        return None
    found: list[tuple[str, str]] = []
    for column in columns:
        for cell in flow.columns[column]:
            below = _below(table.inputs[cell.parameter], [cell.column])
            if below is None:
                return None
            found += below
    return found
