"""Who is to blame for a value that changed, and which row made the difference."""

from typing import Literal

from featurestore.definitions.resolved import StepTable
from featurestore.leaks.changes import Change, differ, rows_at
from featurestore.leaks.findings import Kind, Row
from featurestore.leaks.marks import blamed, origin_of, unproven_steps
from featurestore.leaks.setting import MaturingLabel, Setting
from featurestore.leaks.values import changed, values_of
from featurestore.leaks.worlds import as_they_are

__all__ = ["Blame", "blame_of", "deciding_row"]

Blame = tuple[Kind, str, str | None]
"""The kind of the finding, whom it blames, and where that is written."""


def blame_of(change: Change, setting: Setting) -> Blame:
    """Where a change comes from: the first step that gives other rows."""
    feature, treatment = change.asked.feature, change.treatment
    where = f"{feature.feature.origin} ({feature.ref})"
    if treatment.way == "serving":
        return "serving", f"group {change.group.name}", None
    if treatment.about is not None:
        if isinstance(treatment.about, MaturingLabel):
            return "label", f"label {treatment.about.ref}", where
        return "query", f"source {treatment.about.name}", origin_of(treatment.about)
    step = _first_other(change, setting)
    if step is None:
        return "engine", f"feature {feature.ref}", where
    kind: Kind = "snapshot" if step.transformation.time == "snapshot" else "step"
    return kind, blamed(step), origin_of(step)


def _first_other(change: Change, setting: Setting) -> StepTable | None:
    """Of the unproven steps below a feature the one nearest to the sources that gives other rows; None without any."""
    feature, treatment = change.asked.feature, change.treatment
    steps = unproven_steps(feature.table)
    before = setting.reading(as_they_are(setting.of(change.group)))
    after = setting.reading(treatment.world(treatment.rows))
    for step in steps[:-1]:
        here, there = (rows_at(feature, step, change.boundary, store, setting) for store in (before, after))
        if differ(here, there):
            return step
    return steps[-1] if steps else None


def deciding_row(change: Change, setting: Setting) -> Row | None:
    """A row of which the treatment makes the difference, once that of all older ones is made.

    Found by halving, with one computation of one value each time; None where single rows cannot be treated, or do not
    show it.
    """
    treatment = change.treatment
    order = treatment.rows.order
    if not order or not _differs(change, len(order), setting):
        return None
    low, high = 0, len(order)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _differs(change, middle, setting) else (middle, high)
    name, position = order[high - 1]
    done: Literal["removed", "altered"] = "removed" if treatment.way == "removed" else "altered"
    rows = setting.sources[name]
    entity_keys = [rows.table.source.keys.get(key, key) for key in change.group.entity.keys]
    shown = dict.fromkeys([*rows.table.source.own_columns(), *entity_keys])
    cells = {column: rows.rows.column(column)[position].as_py() for column in shown if column in rows.table.schema}
    return Row(name, done, cells)


def _differs(change: Change, count: int, setting: Setting) -> bool:
    """Whether the value still changes where only the oldest so many rows are treated."""
    treatment, group, one = change.treatment, change.group, change.asked
    worlds = as_they_are(setting.of(group)), treatment.world(treatment.rows.first(count))
    before, after = (
        values_of(group, [one], change.entity, change.boundary, setting.reading(world), setting.bindings)[0]
        for world in worlds
    )
    return changed(one, before, after)
