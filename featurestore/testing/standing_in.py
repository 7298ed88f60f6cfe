"""Rows that stand in for what a step gives: resolved features with the step replaced by a table of rows."""

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from featurestore.definitions.resolved import (
    Computed,
    DerivedFeature,
    OnDemandFeature,
    SelectedFeature,
    SourceTable,
    StepTable,
    StoredFeature,
    Table,
    sources_of,
)
from featurestore.definitions.sources import Source

__all__ = ["source_for", "standing_in", "tables_of"]


def source_for(step: StepTable, columns: Collection[str], name: str) -> Source:
    """A source whose rows are what ``step`` gives: with the times, the key and the join keys that its rows have.

    Args:
        step: The step.
        columns: The columns of the rows. Of the step's time columns and key, what the rows lack is left out, apart
            from the event time.
        name: The name of the source.
    """
    below = [table.source for table in sources_of(step)]
    carrier = next((source for source in below if source.is_timed), below[0])
    own: Any = step.transformation if step.transformation.event_time else carrier
    return Source(
        name,
        table=name,
        event_time=own.event_time,
        created_time=own.created_time if own.created_time in columns else None,
        known_after=None if own.known_after is None else f"{own.known_after}us",
        key=own.key if own.key and set(own.key) <= set(columns) else (),
        keys={key: column for source in below for key, column in source.keys.items()},
    )


def standing_in(
    selected: Sequence[SelectedFeature], tables: Mapping[StepTable, SourceTable]
) -> tuple[SelectedFeature, ...]:
    """The features with each of ``tables`` in the place of its step, wherever that is read."""

    @functools.cache
    def table_of(table: Table) -> Table:
        if isinstance(table, SourceTable):
            return table
        if table in tables:
            return tables[table]
        return replace(table, inputs={name: table_of(given) for name, given in table.inputs.items()})

    @functools.cache
    def computed(feature: Computed) -> Any:
        match feature:
            case StoredFeature():
                return replace(feature, table=table_of(feature.table))
            case DerivedFeature():
                return replace(feature, inputs={name: computed(given) for name, given in feature.inputs.items()})
            case OnDemandFeature():
                inputs = {
                    name: replace(given, feature=computed(given.feature))
                    if isinstance(given, SelectedFeature)
                    else given
                    for name, given in feature.inputs.items()
                }
                return replace(feature, inputs=inputs)

    return tuple(replace(one, feature=computed(one.feature)) for one in selected)


def tables_of(selected: Sequence[SelectedFeature]) -> tuple[Table, ...]:
    """All tables that the features read, steps and what is below them, once each."""
    found: dict[Table, None] = {}
    waiting: list[Computed | Table] = [one.feature for one in selected]
    while waiting:
        one = waiting.pop()
        match one:
            case StoredFeature():
                waiting.append(one.table)
            case DerivedFeature():
                waiting.extend(one.inputs.values())
            case OnDemandFeature():
                waiting.extend(given.feature for given in one.inputs.values() if isinstance(given, SelectedFeature))
            case SourceTable():
                found[one] = None
            case StepTable():
                found[one] = None
                waiting.extend(one.inputs.values())
    return tuple(found)
