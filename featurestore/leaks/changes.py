"""Values of one group at one boundary that change with what was not known there."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from featurestore.compiler.compile import join_columns
from featurestore.compiler.rows_at import compile_rows_at
from featurestore.compiler.source_queries import keeps_rows_apart, limited
from featurestore.compiler.steps import table_schema
from featurestore.definitions.resolved import Group, StoredFeature, Table
from featurestore.errors import FeaturestoreError
from featurestore.leaks.marks import unproven_steps
from featurestore.leaks.setting import Setting, Treatment
from featurestore.leaks.values import Asked, asked, changed, rounding, same, served_values, values_of
from featurestore.leaks.worlds import (
    Rows,
    Unseen,
    World,
    altered,
    as_they_are,
    blanked,
    pulled,
    removed,
    unripe,
    unseen,
    visible,
)
from featurestore.spi.frames import arrow
from featurestore.spi.stages import staged
from featurestore.spi.stores import OfflineStore

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Change", "Compared", "changes_at", "differ", "rows_at"]

MOST_ROWS = 200_000
"""Rows of a step that are compared one by one, to learn which entities to look at."""
_NONE = Unseen({}, ())


@dataclass(frozen=True)
class Change:
    """A value that changed. ``entity`` is a table of one row; of the way ``serving``, ``after`` is what is stored."""

    group: Group
    asked: Asked
    entity: "pa.Table"
    boundary: int
    before: object
    after: object
    treatment: Treatment

    @property
    def ref(self) -> str:
        """The feature's reference."""
        return str(self.asked.feature.ref)


@dataclass(frozen=True)
class Compared:
    """What came of one boundary: changes, how many values were compared by feature, and what could not be."""

    changes: tuple[Change, ...]
    values: Mapping[str, int]
    unchecked: tuple[str, ...]


def changes_at(group: Group, boundary: int, setting: Setting) -> Compared:
    """Computes the values of a group as they are and with what was not known gone or altered, and compares.

    Raises:
        FeaturestoreError: one of its kinds: they cannot be computed from what is there, or from what was known.
    """
    sources, wanted = setting.of(group), asked(group.members)
    base = setting.reading(as_they_are(sources))
    ahead = unseen(sources, boundary, group.schedule.delay)
    keys, served = served_values(group, boundary, base, setting.bindings)
    if not keys.num_rows:
        return Compared((), {}, ())
    known = setting.reading(removed(sources, ahead))
    chosen = _entities(keys, _touched(group, boundary, base, known, setting), setting)
    entities = keys.take(arrow().array(chosen, arrow().int64()))
    compute = partial(values_of, group, wanted, entities, boundary)
    before = compute(base, setting.bindings)
    changes: list[Change] = []
    unchecked: list[str] = []
    for treatment in _treatments(group, sources, boundary, ahead, setting, unchecked):
        try:
            after = compute(setting.reading(treatment.world(treatment.rows)), setting.bindings)
        except FeaturestoreError as error:
            if treatment.way == "removed":
                raise
            unchecked.append(f"With rows {_DONE[treatment.way]}, {group.name} cannot be computed: {error.message}")
            continue
        for at, (old, new) in enumerate(zip(before, after, strict=True)):
            changes += [
                Change(group, one, entities.slice(at, 1), boundary, old[one.column], new[one.column], treatment)
                for one in wanted
                if changed(one, old, new)
            ]
    serving = Treatment("serving", _NONE, lambda _: as_they_are(sources))
    for at, position in enumerate(chosen):
        changes += [
            Change(group, one, entities.slice(at, 1), boundary, before[at][one.column], stored, serving)
            for one in wanted
            for stored in [served[position][str(one.feature.ref)]]
            if not same(before[at][one.column], stored) and not rounding(one, before[at], stored)
        ]
    counted = {str(one.feature.ref): len(chosen) for one in wanted}
    return Compared(tuple(changes), counted, tuple(unchecked))


_DONE = {"altered": "altered", "query": "read again", "label": "without their label"}


# --- what is changed ------------------------------------------------------------------------------------------------


def _treatments(
    group: Group,
    sources: Sequence[Rows],
    boundary: int,
    ahead: Unseen,
    setting: Setting,
    unchecked: list[str],
) -> Iterator[Treatment]:
    """The changes to the warehouse that the values at a boundary must bear."""
    if ahead.order:
        yield Treatment("removed", ahead, partial(removed, sources))
        yield Treatment("altered", ahead, partial(altered, sources, seed=setting.effort.seed))
    for label in setting.labels:
        of_label = [rows for rows in sources if rows.table.name in label.columns]
        young = unripe(of_label, boundary, group.schedule.delay, label.matures_after)
        if young.order:
            yield Treatment("label", young, partial(blanked, sources, columns=label.columns), label)
    for rows in sources:
        again = _read_again(rows, boundary, group.schedule.delay, setting, unchecked)
        if again is not None:
            world = {**as_they_are(sources), rows.table.name: again}
            yield Treatment("query", _NONE, partial(_given, world), rows.table)


def _given(world: World, _: Unseen) -> World:
    return world


def _read_again(rows: Rows, boundary: int, delay: int, setting: Setting, unchecked: list[str]) -> "pa.Table | None":
    """What a source's query gives over the raw rows known at a boundary, as far as that is visible there.

    None where the source is no query, or where each of its rows is made of one.
    """
    table, dialect = rows.table, setting.store.dialect
    query = setting.bindings[table.name].query
    if query is None or table.source.event_time is None or keeps_rows_apart(query, dialect):
        return None
    limits = {table.source.event_time: boundary}
    if table.source.created_time is not None:
        limits[table.source.created_time] = boundary + delay
    text = limited(query, limits, dialect)
    if text is None:
        unchecked.append(
            f"The query of the source {table.name} puts rows together, and it cannot be told of which raw column its "
            "times are made: what it does to the future is not known."
        )
        return None
    binding = replace(setting.bindings[table.name], query=text)
    try:
        again = pulled(table, setting.store, binding, setting.effort.rows)
    except FeaturestoreError as error:
        unchecked.append(f"The query of the source {table.name} cannot be read up to a time: {error.message}")
        return None
    return again.rows.filter(visible(again, boundary, delay))


# --- which entities ---------------------------------------------------------------------------------------------------


def _entities(keys: "pa.Table", touched: set[tuple[object, ...]], setting: Setting) -> list[int]:
    """Positions of the entities to look at: first those whose rows differ, then any."""
    number = min(setting.effort.entities, keys.num_rows)
    chance = random.Random(setting.effort.seed)  # noqa: S311 - nothing is secret
    first: list[int] = []
    if touched:
        rows = zip(*(column.to_pylist() for column in keys.columns), strict=True)
        first = [position for position, row in enumerate(rows) if row in touched]
        first = sorted(chance.sample(first, min(len(first), max(1, number // 2))))
    others = chance.sample(range(keys.num_rows), number)
    return list(dict.fromkeys([*first, *others]))[:number]


def _touched(
    group: Group, boundary: int, base: OfflineStore, known: OfflineStore, setting: Setting
) -> set[tuple[object, ...]]:
    """The entities of which an unproven step gives other rows where what is not known is gone."""
    found: set[tuple[object, ...]] = set()
    tables = {member.table: member for member in group.members if unproven_steps(member.table)}
    for table, member in tables.items():
        before = rows_at(member, table, boundary, base, setting)
        after = rows_at(member, table, boundary, known, setting)
        if max(before.num_rows, after.num_rows) > MOST_ROWS:
            continue
        positions = [list(table_schema(table)).index(name) for name in join_columns(group.entity, table)]
        old, new = _counted(before), _counted(after)
        found |= {tuple(row[at][1] for at in positions) for row in {*(old - new), *(new - old)}}
    return found


def differ(before: "pa.Table", after: "pa.Table") -> bool:
    """Whether two tables hold other rows, in whatever order."""
    return before.num_rows != after.num_rows or _counted(before) != _counted(after)


def rows_at(feature: StoredFeature, table: Table, boundary: int, store: OfflineStore, setting: Setting) -> "pa.Table":
    """The rows of a table below a feature that exist at a boundary.

    Raises:
        FeaturestoreError: one of its kinds: they cannot be computed.
    """
    rows = compile_rows_at(feature, table, boundary)
    made = staged(rows.stages, [feature.schedule.due(boundary)], store, setting.bindings)
    return store.rows(rows.query, setting.bindings, made).read_all()


def _counted(rows: "pa.Table") -> Counter[tuple[tuple[str, Any], ...]]:
    """Rows and how often each is there. A cell is its text, by which NaN equals NaN, and itself if it can be a key."""
    columns = [
        [(repr(value), None if isinstance(value, (list, float)) else value) for value in column.to_pylist()]
        for column in rows.columns
    ]
    return Counter(zip(*columns, strict=True))
