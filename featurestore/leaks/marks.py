"""What is known without a computation: sources and steps that cannot be point-in-time, and times that look cut off."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from featurestore.definitions.durations import duration_text
from featurestore.definitions.resolved import (
    SourceTable,
    StepTable,
    StoredFeature,
    Table,
    sources_of,
    steps_of,
)
from featurestore.leaks.findings import Finding
from featurestore.leaks.setting import MaturingLabel
from featurestore.leaks.worlds import Rows
from featurestore.spi.frames import arrow

__all__ = ["blamed", "is_proven", "marks", "origin_of", "unproven_steps"]

TRANSPARENT = frozenset({"sql", "ibis"})
"""Engines of steps that are proven to be row-wise."""
DAY = 86_400_000_000
FEWEST_DAYS = 3


def unproven_steps(table: Table) -> tuple[StepTable, ...]:
    """The steps below a table of which nobody has proven that they do not look ahead."""
    return tuple(
        step
        for step in steps_of(table)
        if step.join is None
        and (step.transformation.engine not in TRANSPARENT or step.transformation.time == "snapshot")
    )


def is_proven(feature: StoredFeature) -> bool:
    """Whether the plan proves a feature: all its steps are SQL, row by row, or as-of joins."""
    return all(
        step.join is not None or (step.transformation.engine in TRANSPARENT and step.transformation.time == "row_wise")
        for step in steps_of(feature.table)
    )


def blamed(table: Table) -> str:
    """A table as findings name it."""
    return f"source {table.name}" if isinstance(table, SourceTable) else f"transformation {table.ref}"


def origin_of(table: Table) -> str:
    """Where a table is written."""
    return str(table.source.origin if isinstance(table, SourceTable) else table.transformation.origin)


def marks(
    features: Sequence[StoredFeature], sources: Mapping[str, Rows], labels: Sequence[MaturingLabel]
) -> Iterator[Finding]:
    """What is to be said of the tables that features read, whatever their values are."""
    yield from _unripe(features, labels)
    for table, refs in _readers(features):
        if isinstance(table, StepTable):
            if table.transformation.time == "snapshot":
                message = f"{table.ref} is a snapshot: at any boundary it gives what is made of all that is known now."
                yield Finding("snapshot", blamed(table), refs, message, origin_of(table))
        elif not table.source.is_timed:
            message = f"{table.name} has no event time: at any boundary its rows count as they are now."
            yield Finding("untimed", blamed(table), refs, message, origin_of(table))
        elif table.name in sources and _looks_cut_off(sources[table.name]):
            message = (
                f"Every event time of {table.name} is a midnight, and nothing says when a row became known: it counts "
                "from the beginning of its day."
            )
            yield Finding("midnight", blamed(table), refs, message, origin_of(table))


def _unripe(features: Sequence[StoredFeature], labels: Sequence[MaturingLabel]) -> Iterator[Finding]:
    """Sources that a label needs time to be known of, and that count as known at once."""
    for table, refs in _readers(features):
        if isinstance(table, StepTable) or not table.source.is_timed or table.source.created_time is not None:
            continue
        late = [
            label
            for label in labels
            if table.name in label.columns and (table.source.known_after or 0) < label.matures_after
        ]
        if late:
            message = (
                f"The label {late[0].ref} is final only {duration_text(late[0].matures_after)} after a row of "
                f"{table.name} happened, and nothing says when the row became known: all of it counts at once."
            )
            yield Finding("unripe", blamed(table), refs, message, origin_of(table))


def _readers(features: Iterable[StoredFeature]) -> Iterator[tuple[Table, tuple[str, ...]]]:
    """Each table, with the references of the features that read it."""
    found: dict[Table, dict[str, None]] = {}
    for feature in features:
        for table in chain[Table](sources_of(feature.table), steps_of(feature.table)):
            found.setdefault(table, {})[str(feature.ref)] = None
    return ((table, tuple(refs)) for table, refs in found.items())


def _looks_cut_off(rows: Rows) -> bool:
    source = rows.table.source
    if rows.event is None or source.created_time is not None or source.known_after is not None:
        return False
    days = arrow("pyarrow.compute").unique(rows.event.drop_null()).to_pylist()
    return len(days) >= FEWEST_DAYS and all(day % DAY == 0 for day in days)
