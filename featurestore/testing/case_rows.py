"""The rows of generated cases: at and beside the edges of what features see, corrected, moved, deleted, doubled."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from featurestore.definitions.resolved import SelectedFeature, StoredFeature
from featurestore.definitions.sources import Source
from featurestore.definitions.types import DataType, Date, Schema, Timestamp
from featurestore.testing.case_grid import AFTER, BEFORE, EDGES, ENTITIES, VALUES, chance
from featurestore.testing.oracle import Row
from featurestore.testing.oracle_values import EPOCH, MICROSECOND

__all__ = ["Edges", "edges_of", "spines", "tables"]


@dataclass(frozen=True)
class Edges:
    """Times at which something begins or ends for a feature.

    Args:
        start: The middle of the grid.
        events: Event times: boundaries, beginnings and ends of windows and ages.
        known: Created times: the last that are known in time.
    """

    start: datetime.datetime
    events: Sequence[datetime.datetime]
    known: Sequence[datetime.datetime]


def edges_of(
    start: datetime.datetime, features: Iterable[SelectedFeature], times: Iterable[datetime.datetime]
) -> Edges:
    """The edges of stored features for questions at ``times``."""
    events: dict[int, None] = {}
    known: dict[int, None] = {}
    stored = [one.feature for one in features if isinstance(one.feature, StoredFeature)]
    for time in times:
        aware = time if time.tzinfo else time.replace(tzinfo=datetime.UTC)
        for feature in stored:
            boundary = feature.schedule.boundary((aware - EPOCH) // MICROSECOND)
            known |= {boundary + feature.schedule.delay: None}
            for one in feature.aggregates:
                end = boundary - one.ago
                events |= dict.fromkeys((boundary, end, end - (one.over or 0), boundary - (one.ttl or 0)))
    return Edges(start, [EPOCH + at * MICROSECOND for at in events], [EPOCH + at * MICROSECOND for at in known])


@st.composite
def tables(draw: st.DrawFn, source: Source, schema: Schema, edges: Edges, *, infinite_times: bool) -> list[Row]:
    """Up to 14 rows, often more than a few and sometimes none; some of them corrections, some of them twice."""
    rows = _rows(source, schema, edges, infinite_times=infinite_times)
    found: list[Row] = draw(st.lists(rows, min_size=draw(st.sampled_from((0, 4, 8, 8))), max_size=10))
    if chance(draw, 12):
        return []
    if source.key and found and chance(draw, 2):
        found += draw(st.lists(_versions(found, source, schema, edges), min_size=1, max_size=2))
    if chance(draw, 6):
        found += found[:2]
    return found[::-1] if chance(draw, 3) else found


@st.composite
def _versions(draw: st.DrawFn, rows: Sequence[Row], source: Source, schema: Schema, edges: Edges) -> Row:
    """Another version of one of the rows: known at another time, and moved, changed or deleted."""
    row = dict(draw(st.sampled_from(rows)))
    if source.created_time:
        row[source.created_time] = draw(_times(edges, edges.known))
    keys = {
        key: column for entity in ENTITIES.values() for key in entity if (column := source.keys.get(key, key)) in row
    }
    own = {*source.own_columns(), *keys.values()}
    changes = draw(st.sets(st.sampled_from(("entity", "event", "value", "deleted")), min_size=1))
    if "entity" in changes:
        row |= {column: draw(st.sampled_from(VALUES[key])) for key, column in keys.items()}
    if "event" in changes and source.event_time:
        row[source.event_time] = _as(schema[source.event_time], draw(_times(edges, edges.events)))
    if "value" in changes:
        row |= {name: draw(st.sampled_from(VALUES[name])) for name in row if name not in own}
    if "deleted" in changes and source.deleted:
        row[source.deleted] = True
    return row


def _as(data_type: DataType, time: datetime.datetime) -> datetime.date:
    return time.date() if data_type == Date else time


@st.composite
def _times(
    draw: st.DrawFn,
    edges: Edges,
    near: Sequence[datetime.datetime] = (),
    sides: Sequence[Sequence[int]] = (BEFORE, BEFORE, BEFORE, AFTER),
) -> datetime.datetime:
    """A time of the grid, or one of those that are ``near``; mostly exactly that."""
    beside = datetime.timedelta(microseconds=draw(st.sampled_from(EDGES)))
    if near and chance(draw, 4):
        return draw(st.sampled_from(near)) + beside
    return edges.start + datetime.timedelta(minutes=draw(st.sampled_from(draw(st.sampled_from(sides))))) + beside


@st.composite
def _rows(draw: st.DrawFn, source: Source, schema: Schema, edges: Edges, *, infinite_times: bool) -> dict[str, object]:
    keys: dict[str, object] = {}
    for name in ENTITIES:
        keys |= {source.keys.get(key, key): value for key, value in draw(_keys(name)).items()}
    row: dict[str, object] = {}
    for name, data_type in schema.items():
        if name in {source.event_time, source.created_time}:
            near = edges.events if name == source.event_time else edges.known
            row[name] = _row_time(draw, edges, near, data_type, infinite_times=infinite_times)
        else:
            row[name] = keys[name] if name in keys else draw(st.sampled_from(VALUES[name]))
    if source.deleted and source.event_time and chance(draw, 6):  # deletions that do not say when
        row |= {source.deleted: True, source.event_time: None}
    return row


@st.composite
def _keys(draw: st.DrawFn, entity: str) -> dict[str, object]:
    """An entity's key: mostly the same one, or else rows and spine would seldom meet."""
    if not chance(draw, 4):
        return {key: VALUES[key][0] for key in ENTITIES[entity]}
    return {key: draw(st.sampled_from(VALUES[key])) for key in ENTITIES[entity]}


def _row_time(
    draw: st.DrawFn, edges: Edges, near: Sequence[datetime.datetime], data_type: DataType, *, infinite_times: bool
) -> object:
    if chance(draw, 10):
        return None
    if infinite_times and data_type == Timestamp and chance(draw, 16):
        return draw(st.sampled_from(("infinity", "-infinity")))
    return _as(data_type, draw(_times(edges, near)))


@st.composite
def spines(
    draw: st.DrawFn, entities: Sequence[str], roles: Mapping[str, str], start: datetime.datetime
) -> list[dict[str, object]]:
    """Up to 7 rows, with a column of their own; some of them twice. ``roles`` is an entity's key to another column."""
    aware = draw(st.booleans())
    found = draw(st.lists(_spine_rows(entities, roles, Edges(start, (), ()), aware=aware), min_size=1, max_size=6))
    return [*found, dict(found[0])] if chance(draw, 4) else found


@st.composite
def _spine_rows(
    draw: st.DrawFn, entities: Sequence[str], roles: Mapping[str, str], edges: Edges, *, aware: bool
) -> dict[str, object]:
    row: dict[str, object] = {"note": draw(st.sampled_from(("x", None)))}
    for entity in entities:
        row |= draw(_keys(entity))
        if set(roles) == set(ENTITIES[entity]):
            row |= {roles[key]: value for key, value in draw(_keys(entity)).items()}
    time = draw(_times(edges, sides=(AFTER, AFTER, AFTER, AFTER, BEFORE)))
    zone = datetime.timezone(datetime.timedelta(hours=2))
    return {**row, "t": time.astimezone(zone) if aware else time.replace(tzinfo=None)}
