"""What must not change a value: where and in which order rows lie, what else is there or asked for, when it all was."""

import datetime
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from featurestore.definitions import expressions as fs
from featurestore.definitions.entities import Entity
from featurestore.definitions.features import Feature, features, members
from featurestore.definitions.sources import Source
from featurestore.definitions.types import Float64, Int64, String, Timestamp
from featurestore.errors import NumberOverflowError
from featurestore.testing.case_steps import KINDS
from featurestore.testing.cases import Capabilities, Case, case_of, cases
from featurestore.testing.compare import agree
from featurestore.testing.engine import compute
from featurestore.testing.oracle import Row

EVERYTHING = Capabilities(steps=frozenset(KINDS))
TIMELESS = replace(EVERYTHING, types=EVERYTHING.types - {"Date", "Timestamp"})
"""Cases without values that are times: when all times move, all results stay."""
APART = replace(EVERYTHING, steps=EVERYTHING.steps - {"window", "pairs", "asof_join"})
"""Cases without steps that bring rows of several entities together, or whose fingerprint covers every column."""
WEEK = datetime.timedelta(days=7)
"""A multiple of the distances between boundaries of all generated features."""


@dataclass(frozen=True)
class Changed:
    """Another case, which row of its spine asks what each row of the first one asks, and how many files it is in."""

    case: Case
    rows: Sequence[int]
    files: int = 1


Change = Callable[[Case, st.DataObject], Changed]


def same_rows(case: Case) -> Changed:
    """The spine is as long as before, and asks the same row by row."""
    return Changed(case, range(len(case.spine)))


def with_tables(case: Case, changed: Callable[[Source, Sequence[Row]], Sequence[Row]]) -> Case:
    """The case with other rows in each of its sources."""
    sources = [one for one in case.objects if isinstance(one, Source)]
    return replace(case, tables={one.name: changed(one, case.tables[one.name]) for one in sources})


def in_other_files(case: Case, data: st.DataObject) -> Changed:
    """The rows of each source over other files, in another order."""
    turned = with_tables(case, lambda _, rows: data.draw(st.permutations(rows)))
    return replace(same_rows(turned), files=data.draw(st.integers(1, 5)))


def once_more(case: Case, _: st.DataObject) -> Changed:
    """Nothing is different."""
    return same_rows(case)


def beside_other_features(case: Case, _: st.DataObject) -> Changed:
    """Before and after other features: of a table that is read already, and of an entity and a source of their own."""
    stored = next(one for one in case.objects if isinstance(one, Feature) and one.group is not None)
    other, stranger = Entity("other", keys={"the_other": String}), Source("stranger", table="s", event_time="at")

    @features(entity=other, source=stranger, every="30m", delay="1s")
    class Strange:
        strange_sum = fs.sum("x", over="7d")
        strange_last = fs.last("x", ttl="1h")

    @features(entity=stored.entity, source=stored.inputs[0].bound, every="45m", delay="1h")
    class More:
        more_rows = fs.count()

    rows = [{"the_other": "a", "at": datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC), "x": math.nan}] * 2
    wider = case_of(
        [*case.objects, other, stranger, *members(Strange), *members(More)],
        {**case.schemas, "stranger": {"the_other": String, "at": Timestamp, "x": Float64}},
        {**case.tables, "stranger": rows},
        [{**row, "the_other": "a"} for row in case.spine],
        [*members(Strange), *case.selections, *members(More)],
        made=case.made,
    )
    return same_rows(wider)


def with_more_columns(case: Case, _: st.DataObject) -> Changed:
    """With columns in the sources that no feature reads, and columns of the spine's own."""
    tables = {name: [{**row, "unread": at % 3} for at, row in enumerate(rows)] for name, rows in case.tables.items()}
    schemas = {name: {**schema, "unread": Int64} for name, schema in case.schemas.items()}
    spine = [{"unasked": number, **row} for number, row in enumerate(case.spine)]
    return same_rows(case_of(case.objects, schemas, tables, spine, case.selections, made=case.made))


OTHERS: Mapping[str, object] = {
    "customer_id": 77,
    "origin": "nobody",
    "dest": b"nobody",
    "day": datetime.date(1999, 1, 1),
    "number": 77,
}
"""A key of each entity that no generated row and no spine has."""


def with_more_entities(case: Case, _: st.DataObject) -> Changed:
    """With as many rows again, of other entities, which correct none of those that were there."""

    def doubled(source: Source, rows: Sequence[Row]) -> Sequence[Row]:
        columns = {source.keys.get(key, key): value for key, value in OTHERS.items()}
        if rows and not columns.keys() & rows[0].keys():  # a table of no entity
            return rows
        apart: list[Row] = []
        for row in rows:
            moved = {column: value for column, value in columns.items() if column in row}
            number: Any = row.get("order_id")
            renumbered = {} if number is None else {"order_id": number + 1000}
            apart.append({**row, **moved, **renumbered})
        return [*rows, *apart]

    return same_rows(with_tables(case, doubled))


def at_another_time(case: Case, data: st.DataObject) -> Changed:
    """With all times moved by whole weeks."""
    by = data.draw(st.sampled_from((1, -1, 52, -2800, 2800))) * WEEK

    def moved(row: Row, columns: Sequence[str | None]) -> Row:
        times: dict[str, Any] = {name: row[name] for name in columns if name is not None}
        return {**row, **{name: time + by for name, time in times.items() if isinstance(time, datetime.date)}}

    later = with_tables(
        case, lambda source, rows: [moved(row, (source.event_time, source.created_time)) for row in rows]
    )
    return same_rows(replace(later, spine=[moved(row, (case.time,)) for row in case.spine]))


def asked_again(case: Case, _: st.DataObject) -> Changed:
    """Each question twice, all of them and then all of them once more, backwards."""
    return Changed(replace(case, spine=[*case.spine, *case.spine[::-1]]), range(len(case.spine)))


def asked_once(case: Case, _: st.DataObject) -> Changed:
    """Each question once, in another order."""
    different: list[Row] = []
    for row in reversed(case.spine):
        if row not in different:
            different.append(row)
    return Changed(replace(case, spine=different), [different.index(row) for row in case.spine])


CHANGES: Mapping[str, tuple[Change, Capabilities]] = {
    "in other files": (in_other_files, EVERYTHING),
    "once more": (once_more, EVERYTHING),
    "beside other features": (beside_other_features, EVERYTHING),
    "with more columns": (with_more_columns, APART),
    "with more entities": (with_more_entities, APART),
    "at another time": (at_another_time, TIMELESS),
    "asked again": (asked_again, EVERYTHING),
    "asked once": (asked_once, EVERYTHING),
}


def computed(case: Case, files: int = 1) -> list[dict[str, Any]]:
    """The engine's result."""
    with tempfile.TemporaryDirectory() as folder:
        return compute(
            case.features, case.spine, case.tables, case.schemas, time=case.time, folder=Path(folder), files=files
        )


def check(case: Case, change: Change, data: st.DataObject) -> None:
    """What ``change`` makes of the case has the same values in the columns of its features."""
    try:
        expected = computed(case)
    except NumberOverflowError:
        reject()
    changed = change(case, data)
    found = computed(changed.case, changed.files)
    columns = [column for one in case.features for column in one.columns]
    kept = [
        {**row, **{name: found[at][name] for name in columns}} for row, at in zip(expected, changed.rows, strict=True)
    ]
    assert agree(expected, kept, case.features, case.tables, time=case.time, steps=case.steps) == []


SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)


@pytest.mark.parametrize("name", CHANGES)
def test_what_does_not_matter_changes_no_value(name: str) -> None:
    change, capabilities = CHANGES[name]

    @settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=SLOW)
    @given(cases(capabilities), st.data())
    def hunt(case: Case, data: st.DataObject) -> None:
        check(case, change, data)

    hunt()


@pytest.mark.long
@pytest.mark.parametrize("name", CHANGES)
def test_what_does_not_matter_changes_no_value_of_many_cases(name: str) -> None:
    change, capabilities = CHANGES[name]

    @settings(max_examples=1_000, deadline=None, suppress_health_check=SLOW)
    @given(cases(capabilities), st.data())
    def hunt(case: Case, data: st.DataObject) -> None:
        check(case, change, data)

    hunt()
