"""Which rows are visible at a boundary, what becomes of the others, and which boundaries are looked at."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.resolved import Schedule, SourceTable
from featurestore.definitions.sources import Source
from featurestore.definitions.types import Bool, Int64, Schema, String, Timestamp
from featurestore.leaks.boundaries import chosen_boundaries
from featurestore.leaks.worlds import Rows, altered, pulled, removed, unripe, unseen, visible
from featurestore.spi.providers import open_offline
from featurestore.testing.engine import table_of

NOON = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)
BOUNDARY = int(NOON.timestamp()) * 1_000_000
MINUTE = 60_000_000
SCHEMA: Schema = {"id": Int64, "at": Timestamp, "known": Timestamp, "gone": Bool, "word": String}


def minute(number: float | None) -> datetime.datetime | None:
    return None if number is None else NOON + datetime.timedelta(minutes=number)


def rows_of(times: Sequence[tuple[float | None, float | None, bool | None]], folder: Path, most: int = 100) -> Rows:
    """Rows that happened and became known at minutes after noon, deletions or not."""
    found: list[dict[str, Any]] = [
        {"id": number, "at": minute(happened), "known": minute(known), "gone": gone, "word": f"word {number}"}
        for number, (happened, known, gone) in enumerate(times)
    ]
    pyarrow.parquet.write_table(table_of(found, SCHEMA), folder / "events.parquet")
    source = Source("events", path="events.parquet", event_time="at", created_time="known", key="id", deleted="gone")
    table = define([source], {"events": SCHEMA}, Settings()).of_kind("source")[0].resolved
    assert isinstance(table, SourceTable)
    store = open_offline("duckdb", {}, folder, folder, "the test's store")
    try:
        return pulled(table, store, source.binding, most)
    finally:
        store.close()


@pytest.mark.parametrize(
    ("happened", "known", "gone", "expected"),
    [
        (-10, -8, False, True),
        (0, 5, False, True),
        (-2, 10, False, True),
        (-2, 11, False, False),
        (1, -60, False, False),
        (-20, None, False, True),
        (1, None, False, False),
        (None, -5, False, False),
        (None, 10, True, True),
        (None, 11, True, False),
        (None, None, True, False),
    ],
)
def test_a_row_is_visible_as_the_semantics_have_it(
    happened: float | None, known: float | None, gone: bool, expected: bool, tmp_path: Path
) -> None:
    rows = rows_of([(happened, known, gone)], tmp_path)
    assert visible(rows, BOUNDARY, 10 * MINUTE).to_pylist() == [expected]


TIMES = [(-30, -30, False), (40, 40, False), (-20, 50, False), (20, 20, None), (-5, -5, False)]


def test_rows_ahead_come_oldest_first_and_those_that_are_visible_stay_as_they_are(tmp_path: Path) -> None:
    rows = rows_of(TIMES, tmp_path)
    ahead = unseen([rows], BOUNDARY, 0)
    assert [position for _, position in ahead.order] == [2, 3, 1]
    assert removed([rows], ahead)["events"].column("id").to_pylist() == [0, 4]
    assert removed([rows], ahead.first(1))["events"].column("id").to_pylist() == [0, 1, 3, 4]
    other = altered([rows], ahead, seed=1)["events"]
    assert other.slice(0, 2) == rows.rows.take([0, 4])
    assert other.num_rows > rows.rows.num_rows, "some are there twice"
    assert other.schema == rows.rows.schema
    for column in ("at", "known", "gone"):
        assert other.column(column).to_pylist()[2:5] == rows.rows.column(column).take([1, 2, 3]).to_pylist()
    assert other.column("word").to_pylist()[2:5] != rows.rows.column("word").take([1, 2, 3]).to_pylist()


def test_unripe_are_visible_rows_that_happened_less_than_an_age_ago(tmp_path: Path) -> None:
    rows = rows_of(TIMES, tmp_path)
    assert [position for _, position in unripe([rows], BOUNDARY, 0, 30 * MINUTE).order] == [4]
    assert [position for _, position in unripe([rows], BOUNDARY, 0, 31 * MINUTE).order] == [0, 4]


def test_a_part_of_a_source_says_that_it_is_one(tmp_path: Path) -> None:
    assert rows_of(TIMES, tmp_path).whole
    part = rows_of(TIMES, tmp_path, most=3)
    assert (part.rows.num_rows, part.whole) == (3, False)
    assert rows_of(TIMES, tmp_path, most=len(TIMES)).whole


def test_boundaries_are_spread_take_in_the_busiest_and_leave_out_the_last(tmp_path: Path) -> None:
    busy = [(10 * 60 + 1, 10 * 60 + 1, False)] * 30
    rows = rows_of([*((60 * hour, 60 * hour, False) for hour in range(20)), *busy], tmp_path)
    schedule = Schedule(60 * MINUTE)
    found = chosen_boundaries([rows], schedule, 5, seed=0)
    assert len(found) == 5
    assert list(found) == sorted(found)
    assert BOUNDARY + 11 * 60 * MINUTE in found
    assert BOUNDARY + 19 * 60 * MINUTE not in found
    assert found == chosen_boundaries([rows], schedule, 5, seed=0)
    assert all((one - schedule.offset) % schedule.every == 0 for one in found)
    assert len(chosen_boundaries([rows], schedule, 100, seed=0)) == 19


def test_where_all_rows_come_in_at_one_boundary_it_is_taken_and_the_one_before(tmp_path: Path) -> None:
    rows = rows_of([(1, 1, False), (5, 5, False)], tmp_path)
    schedule = Schedule(60 * MINUTE, offset=15 * MINUTE)
    assert chosen_boundaries([rows], schedule, 3, seed=0) == (BOUNDARY - 45 * MINUTE, BOUNDARY + 15 * MINUTE)
    assert chosen_boundaries([rows_of([(None, 1, False)], tmp_path)], schedule, 3, seed=0) == ()
