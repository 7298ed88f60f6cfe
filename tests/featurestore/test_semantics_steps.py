"""Examples of steps, labels over them and rarer aggregations, worked out by hand from `docs/semantics.md`.

Each is answered by the oracle, and by DuckDB as far as this version computes it.
"""

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol

import pytest

from featurestore.compiler.compile import compile_values
from featurestore.compiler.vector import layout_of
from featurestore.definitions import expressions as fs
from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import AsofJoin, Rows, Value, Values
from featurestore.definitions.features import features
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.resolved import ResolvedLabel, SelectedFeature, SourceTable, StoredFeature, Table
from featurestore.definitions.services import Label
from featurestore.definitions.sources import Source
from featurestore.definitions.transformations import transformation
from featurestore.definitions.types import Bool, Date, Float64, Int64, Schema, String, Timestamp
from featurestore.errors import ColumnTypeError, DefinitionError, NotSupportedError, SpineError
from featurestore.testing.engine import compute
from featurestore.testing.oracle import Row, Step, label_rows, values_at

NAN, INF = math.nan, math.inf
ORDER: Schema = {
    "order_id": Int64,
    "customer_id": Int64,
    "at": Timestamp,
    "loaded": Timestamp,
    "gone": Bool,
    "n": Int64,
    "x": Float64,
    "city": String,
}
PROFILE: Schema = {
    "profile_id": Int64,
    "customer_id": Int64,
    "since": Timestamp,
    "known": Timestamp,
    "removed": Bool,
    "n": Int64,
    "plan": String,
    "town": String,
}
SCHEMAS = {"orders": ORDER, "visits": ORDER, "profiles": PROFILE, "moods": PROFILE}
SCHEMAS |= {"regions": {"city": String, "region": String}, "places": {"city": String, "region": String}}

customer = Entity("customer", keys={"customer_id": Int64})
plan_entity = Entity("plan", keys={"plan": String})
orders = Source("orders", table="o", event_time="at", created_time="loaded", key="order_id", deleted="gone")
visits = Source("visits", table="v", event_time="at", created_time="loaded")
profiles = Source("profiles", table="p", event_time="since", created_time="known", key="profile_id", deleted="removed")
moods = Source("moods", table="m", event_time="since", created_time="known")
regions = Source("regions", table="r")
places = Source("places", table="q", key="city")


def at(text: str | None) -> datetime.datetime | None:
    """A time of 2 May 2024, or with its own date."""
    if text is None:
        return None
    return datetime.datetime.fromisoformat(f"{text if '-' in text else f'2024-05-02 {text}'}+00:00")


def order(happened: str | None, created: str | None = None, /, **cells: object) -> Row:
    """A row of orders or visits, of customer 1; it becomes known at once if ``created`` is left out."""
    given = {"customer_id": 1, "at": at(happened), "loaded": at(created), **cells}
    return {name: given.get(name) for name in ORDER}


def profile(happened: str | None, created: str | None = None, /, **cells: object) -> Row:
    """A row of profiles or moods, of customer 1."""
    given = {"customer_id": 1, "since": at(happened), "known": at(created), **cells}
    return {name: given.get(name) for name in PROFILE}


class Ask(Protocol):
    """Asks for values of one feature of customer 1 (or of ``key``), hourly unless said otherwise, at some times.

    Tables are given by keyword. Several values come as one list of tuples, in the order of the features.
    """

    def __call__(
        self,
        expression: Value | Values,
        source: object,
        times: Iterable[str],
        *,
        entity: Entity = customer,
        key: object = 1,
        every: str = "1h",
        delay: str = "0s",
        **tables: Sequence[Row],
    ) -> list[Any]: ...


@pytest.fixture(name="ask", params=["oracle", "duckdb"])
def _ask(request: pytest.FixtureRequest, tmp_path: Path) -> Ask:
    def ask(
        expression: Value | Values,
        source: object,
        times: Iterable[str],
        *,
        entity: Entity = customer,
        key: object = 1,
        every: str = "1h",
        delay: str = "0s",
        **tables: Sequence[Row],
    ) -> list[Any]:
        @features(entity=entity, source=source, every=every, delay=delay)
        class Seen:
            value = expression

        selected = define([Seen], SCHEMAS, Settings()).select([Seen])
        (key_name,) = entity.keys
        spine = [{key_name: key, "t": at(time)} for time in times]
        if request.param == "oracle":
            found = values_at(selected, spine, tables, time="t", steps=STEPS)
        else:
            _refuse_or_go_on(selected)
            schemas = {name: SCHEMAS[name] for name in tables}
            found = compute(selected, spine, tables, schemas, time="t", folder=tmp_path)
        values = [tuple(map(listed, list(row.values())[2:])) for row in found]
        return [value[0] if len(selected) == 1 else value for value in values]

    return ask


LATER = frozenset({"std", "percentile", "last_n", "count_distinct", "approx_distinct"})
"""Aggregations that an engine may come to later than the rest."""


def _refuse_or_go_on(selected: Sequence[SelectedFeature]) -> None:
    """Skips an example that this version refuses, where it may: of whole tables, or of a rarer aggregation."""
    stored = [one.feature for one in selected if isinstance(one.feature, StoredFeature)]
    rarer = any(found.function in LATER for one in stored for found in one.aggregates)
    try:
        compile_values(layout_of(selected))
    except NotSupportedError as refusal:
        if rarer or any(_needs_whole_tables(one.table) for one in stored):
            pytest.skip(f"refused, as was just checked: {refusal.message}")
        raise


def _needs_whole_tables(table: Table) -> bool:
    if isinstance(table, SourceTable):
        return False
    own = table.join is not None or table.transformation.time != "row_wise"
    return own or any(map(_needs_whole_tables, table.inputs.values()))


oracle_only = pytest.mark.parametrize("ask", ["oracle"], indirect=True)
"""For what is said of wrong arguments."""


def listed(value: object) -> object:
    """NaN in a form that can be compared, also inside of lists."""
    if isinstance(value, list):
        return list(map(listed, value))
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


# --- as-of joins --------------------------------------------------------------------------------------------------


@transformation()
def with_profile(orders: Rows, profiles: Rows) -> AsofJoin:
    return orders.asof_join(profiles, on="customer_id")


@transformation()
def with_mood(visits: Rows, moods: Rows) -> AsofJoin:
    return visits.asof_join(moods, on=["customer_id"])


@transformation()
def town_moods(moods: Rows) -> str:
    return "SELECT town AS city, plan, since FROM {moods}"


@transformation()
def with_town(visits: Rows, town_moods: Rows) -> AsofJoin:
    return visits.asof_join(town_moods, on="city")


@transformation()
def with_region_asof(visits: Rows, regions: Rows) -> AsofJoin:
    return visits.asof_join(regions, on="city")


@transformation()
def of_paying(with_profile: Rows) -> str:
    return "SELECT * FROM {with_profile} WHERE plan = 'paid'"


PLAN = fs.last("plan")
NEW = order("10:00", order_id=1, n=1)


def test_a_late_left_row_takes_the_right_row_of_its_own_time(ask: Ask) -> None:
    rows = [profile("09:00", plan="a"), profile("10:05", plan="b")]
    late = [order("10:00", "10:30")]
    times = ["10:00", "10:15", "10:30", "12:00"]
    assert ask(PLAN, with_mood, times, every="15m", visits=late, moods=rows) == [None, None, "a", "a"]
    assert ask(fs.count(), with_mood, times, every="15m", visits=late, moods=rows) == [0, 0, 1, 1]


def test_a_left_row_does_not_wait_for_a_late_right_row_and_takes_it_when_it_comes(ask: Ask) -> None:
    rows = [profile("09:30", "11:20", profile_id=1, plan="p")]
    times = ["10:00", "11:00", "12:00"]
    assert ask(fs.count(), with_profile, times, orders=[NEW], profiles=rows) == [1, 1, 1]
    assert ask(PLAN, with_profile, times, orders=[NEW], profiles=rows) == [None, None, "p"]


def test_a_late_right_row_takes_the_place_of_an_older_one(ask: Ask) -> None:
    rows = [profile("09:00", plan="old"), profile("09:30", "11:20", plan="new")]
    assert ask(PLAN, with_mood, ["11:00", "12:00"], visits=[order("10:00")], moods=rows) == ["old", "new"]


def test_a_late_right_row_older_than_the_one_that_is_joined_changes_nothing(ask: Ask) -> None:
    rows = [profile("09:30", plan="new"), profile("09:00", "11:20", plan="old")]
    assert ask(PLAN, with_mood, ["11:00", "12:00"], visits=[order("10:00")], moods=rows) == ["new", "new"]


def test_a_right_row_of_the_left_rows_own_time_is_taken_and_one_of_a_microsecond_later_is_not(ask: Ask) -> None:
    rows = [profile("10:00", plan="same"), profile("10:00:00.000001", plan="later")]
    assert ask(PLAN, with_mood, ["12:00"], visits=[order("10:00")], moods=rows) == ["same"]
    assert ask(PLAN, with_mood, ["12:00"], visits=[order("10:00")], moods=rows[1:]) == [None]


def test_a_corrected_right_row_corrects_the_joined_one(ask: Ask) -> None:
    rows = [profile("09:00", "09:00", profile_id=1, plan="free"), profile("09:00", "11:30", profile_id=1, plan="paid")]
    assert ask(PLAN, with_profile, ["11:00", "12:00"], orders=[NEW], profiles=rows) == ["free", "paid"]


def test_a_right_row_that_is_moved_behind_the_left_one_gives_way_to_an_older_one(ask: Ask) -> None:
    rows = [
        profile("08:00", profile_id=2, plan="old"),
        profile("09:00", "09:00", profile_id=1, plan="new"),
        profile("10:30", "11:30", profile_id=1, plan="new"),
    ]
    assert ask(PLAN, with_profile, ["11:00", "12:00"], orders=[NEW], profiles=rows) == ["new", "old"]


def test_a_right_row_that_is_moved_to_another_key_leaves_the_left_one_with_nulls(ask: Ask) -> None:
    rows = [
        profile("09:00", "09:00", profile_id=1, plan="p"),
        profile("09:00", "11:30", profile_id=1, plan="p", customer_id=2),
    ]
    assert ask(PLAN, with_profile, ["11:00", "12:00"], orders=[NEW], profiles=rows) == ["p", None]


def test_a_deleted_right_row_leaves_the_left_one_with_nulls(ask: Ask) -> None:
    rows = [profile("09:00", "09:00", profile_id=1, plan="p"), profile(None, "11:30", profile_id=1, removed=True)]
    times = ["11:00", "12:00"]
    assert ask(PLAN, with_profile, times, orders=[NEW], profiles=rows) == ["p", None]
    assert ask(fs.count(), with_profile, times, orders=[NEW], profiles=rows) == [1, 1]


def test_a_deleted_left_row_takes_the_joined_one_with_it(ask: Ask) -> None:
    gone = order(None, "11:30", order_id=1, gone=True)
    rows = [profile("09:00", profile_id=1, plan="p")]
    times = ["11:00", "12:00"]
    assert ask(fs.count(), with_profile, times, orders=[NEW, gone], profiles=rows) == [1, 0]


def test_a_left_row_whose_event_is_moved_takes_the_right_row_of_its_new_time(ask: Ask) -> None:
    moved = order("11:00", "11:30", order_id=1)
    rows = [profile("09:00", profile_id=1, plan="a"), profile("10:30", profile_id=2, plan="b")]
    assert ask(PLAN, with_profile, ["11:00", "12:00"], orders=[NEW, moved], profiles=rows) == ["a", "b"]


def test_of_right_rows_of_one_time_the_one_known_later_is_newer(ask: Ask) -> None:
    rows = [profile("09:00", "09:20", plan="a"), profile("09:00", "09:10", plan="z")]
    assert ask(PLAN, with_mood, ["12:00"], visits=[order("10:00")], moods=rows) == ["a"]


def test_between_tied_right_rows_their_key_decides_before_their_columns(ask: Ask) -> None:
    rows = [profile("09:00", profile_id=2, n=0, plan="a"), profile("09:00", profile_id=1, n=9, plan="z")]
    assert ask(PLAN, with_profile, ["12:00"], orders=[NEW], profiles=rows) == ["a"]


def test_between_tied_right_rows_without_a_key_all_columns_decide_not_only_those_that_are_read(ask: Ask) -> None:
    rows = [profile("09:00", n=2, plan="a"), profile("09:00", n=1, plan="z")]
    assert ask(PLAN, with_mood, ["12:00"], visits=[order("10:00")], moods=rows) == ["a"]
    rows = [profile("09:00", n=None, plan="z"), profile("09:00", n=-5, plan="a")]
    assert ask(PLAN, with_mood, ["12:00"], visits=[order("10:00")], moods=rows) == ["a"]


def test_nulls_in_join_columns_match_nothing_and_the_left_row_stays(ask: Ask) -> None:
    rows = [profile("09:00", town=None, plan="nowhere"), profile("09:00", town="", plan="empty")]
    left = [order("10:00", city=None, n=1), order("10:30", city="", n=2)]
    assert ask(fs.last_n("plan", 9), with_town, ["12:00"], visits=left, moods=rows) == [["empty"]]
    assert ask(fs.count(where=fs.col("plan").is_null()), with_town, ["12:00"], visits=left, moods=rows) == [1]


def test_left_rows_share_a_right_row(ask: Ask) -> None:
    left = [order("10:00", n=1), order("10:00", n=1), order("11:00", n=2)]
    paid = fs.sum("n", where=fs.col("plan") == "p")
    assert ask(paid, with_mood, ["12:00"], visits=left, moods=[profile("09:00", plan="p")]) == [4]


def test_a_right_row_without_a_left_one_gives_nothing(ask: Ask) -> None:
    assert ask(fs.count(), with_mood, ["12:00"], visits=[], moods=[profile("09:00", plan="p")]) == [0]


def test_the_joined_row_is_as_new_as_the_later_known_of_both(ask: Ask) -> None:
    left = [order("10:00", "10:50", city="a", n=1), order("10:00", "10:00", city="b", n=2)]
    rows = [profile("09:00", town="a"), profile("09:00", "11:30", town="b")]
    assert ask(fs.last("n"), with_town, ["11:00", "12:00"], visits=left, moods=rows) == [1, 2]


def test_windows_and_ages_of_joined_rows_look_at_the_left_rows_time(ask: Ask) -> None:
    rows = [profile("09:00", "11:30", plan="p")]
    left = [order("10:30")]
    windows = fs.count("plan", over=["1h", "2h"])
    assert ask(windows, with_mood, ["11:00", "12:00"], visits=left, moods=rows) == [(0, 0), (0, 1)]
    assert ask(fs.last("plan", ttl="90m"), with_mood, ["11:00", "12:00"], visits=left, moods=rows) == [None, None]
    assert ask(fs.last("plan", ttl="91m"), with_mood, ["12:00"], visits=left, moods=rows) == ["p"]


def test_a_column_that_both_tables_have_is_the_left_ones(ask: Ask) -> None:
    rows = [profile("09:00", n=7, plan="p")]
    assert ask(fs.last("n"), with_mood, ["12:00"], visits=[order("10:00", n=1)], moods=rows) == [1]
    assert ask(fs.last("n"), with_mood, ["12:00"], visits=[order("10:00", n=None)], moods=rows) == [None]


def test_the_delay_holds_for_both_sides(ask: Ask) -> None:
    rows = [profile("09:00", "12:10", plan="in time"), profile("09:30", "12:10:00.000001", plan="too late")]
    left = [order("10:00", "12:10", n=1), order("11:00", "12:11", n=2)]
    times = ["12:10", "13:10"]
    assert ask(PLAN, with_mood, times, delay="10m", visits=left, moods=rows) == ["in time", "too late"]
    assert ask(fs.sum("n"), with_mood, times, delay="10m", visits=left, moods=rows) == [1, 3]


def test_an_entity_of_the_right_table_has_the_left_rows_that_join_it(ask: Ask) -> None:
    rows = [profile("09:00", profile_id=1, plan="free"), profile("09:00", "11:30", profile_id=1, plan="paid")]
    paid = {"entity": plan_entity, "key": "paid", "orders": [NEW], "profiles": rows}
    free = {**paid, "key": "free"}
    call: Any = ask
    assert call(fs.count(), with_profile, ["11:00", "12:00"], **free) == [1, 0]
    assert call(fs.count(), with_profile, ["11:00", "12:00"], **paid) == [0, 1]


def test_a_row_wise_step_over_a_join_follows_its_corrections(ask: Ask) -> None:
    rows = [profile("09:00", "09:00", profile_id=1, plan="paid"), profile("09:00", "11:30", profile_id=1, plan="free")]
    left = [NEW, order("11:00", order_id=2, n=2)]
    found = ask(fs.sum("n"), of_paying, ["10:00", "11:00", "12:00"], orders=left, profiles=rows)
    assert found == [1, 3, None]


@oracle_only
def test_an_as_of_join_to_an_untimed_table_is_refused(ask: Ask) -> None:
    with pytest.raises(NotSupportedError, match="with_region_asof"):
        ask(fs.count(), with_region_asof, ["12:00"], visits=[], regions=[])


@transformation()
def on_floats(visits: Rows, orders: Rows) -> AsofJoin:
    return visits.asof_join(orders, on="x")


@oracle_only
def test_join_columns_of_floats_are_refused(ask: Ask) -> None:
    with pytest.raises(ColumnTypeError, match="Float64"):
        ask(fs.count(), on_floats, ["12:00"], visits=[], orders=[])


# --- per boundary -------------------------------------------------------------------------------------------------

DAILY: Schema = {"customer_id": Int64, "day": Date, "orders": Int64, "total": Int64}


@transformation(time="per_boundary", event_time="day", known_after="1d", key=["customer_id", "day"], columns=DAILY)
def complete_days(orders: Rows) -> str:
    return """
        SELECT customer_id, CAST(at AS DATE) AS day, count(*) AS orders, CAST(sum(n) AS BIGINT) AS total
        FROM {orders} GROUP BY customer_id, CAST(at AS DATE)
    """


@transformation(time="per_boundary", event_time="day", known_after="0s", columns=DAILY)
def days_so_far(orders: Rows) -> str:
    return """
        SELECT customer_id, CAST(at AS DATE) AS day, count(*) AS orders, CAST(sum(n) AS BIGINT) AS total
        FROM {orders} GROUP BY customer_id, CAST(at AS DATE)
    """


def by_day(tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Orders and their sum per customer and day."""
    groups: dict[tuple[Any, datetime.date], list[Any]] = {}
    for row in tables["orders"]:
        happened: Any = row["at"]
        groups.setdefault((row["customer_id"], happened.date()), []).append(row["n"])
    return [
        {"customer_id": customer_id, "day": day, "orders": len(numbers), "total": total_of(numbers)}
        for (customer_id, day), numbers in groups.items()
    ]


def total_of(numbers: Sequence[int | None]) -> int | None:
    """The sum of what is not null, null where all is."""
    present = [number for number in numbers if number is not None]
    return sum(present) if present else None


ORDERS_OF_DAYS = [
    order("2024-05-01 08:00", order_id=1, n=1),
    order("2024-05-01 09:00", "2024-05-02 10:30", order_id=2, n=10),
    order("2024-05-02 09:00", order_id=3, n=100),
]


def test_groups_are_those_of_the_rows_that_exist_at_the_boundary(ask: Ask) -> None:
    times = ["2024-05-01 12:00", "2024-05-02 08:00", "10:00", "11:00"]
    assert ask(fs.sum("total"), days_so_far, times, orders=ORDERS_OF_DAYS) == [1, 1, 101, 111]
    assert ask(fs.count(), days_so_far, times, orders=ORDERS_OF_DAYS) == [1, 1, 2, 2]
    assert ask(fs.last("orders"), days_so_far, times, orders=ORDERS_OF_DAYS) == [1, 1, 1, 1]


def test_a_group_that_becomes_known_later_does_not_count_before(ask: Ask) -> None:
    times = ["2024-05-01 23:00", "2024-05-02 00:00", "11:00", "2024-05-03 00:00"]
    assert ask(fs.sum("total"), complete_days, times, orders=ORDERS_OF_DAYS) == [None, 1, 11, 111]


def test_with_a_delay_a_group_counts_that_is_known_within_it(ask: Ask) -> None:
    found = ask(
        fs.count(), complete_days, ["2024-05-02 23:59:59", "2024-05-03 00:00"], delay="12h", orders=ORDERS_OF_DAYS
    )
    assert found == [1, 2]


def test_corrections_move_rows_from_one_group_to_another(ask: Ask) -> None:
    rows = [
        order("2024-05-01 08:00", "2024-05-01 08:00", order_id=1, n=5),
        order("2024-05-01 08:00", "2024-05-02 09:30", order_id=1, n=7, customer_id=2),
    ]
    times = ["09:00", "10:00"]
    assert ask(fs.sum("total"), days_so_far, times, orders=rows) == [5, None]
    assert ask(fs.sum("total"), days_so_far, times, key=2, orders=rows) == [None, 7]


def test_a_group_of_which_all_rows_were_deleted_is_gone(ask: Ask) -> None:
    rows = [order("08:00", order_id=1, n=5), order(None, "09:30", order_id=1, gone=True)]
    assert ask(fs.count(), days_so_far, ["09:00", "10:00"], orders=rows) == [1, 0]


def test_windows_look_at_the_time_that_a_group_declares(ask: Ask) -> None:
    windows = fs.sum("orders", over=["1d", "2d"])
    times = ["2024-05-01 23:00", "2024-05-02 00:00", "2024-05-02 11:00", "2024-05-03 00:00"]
    assert ask(windows, days_so_far, times, orders=ORDERS_OF_DAYS) == [(1, 1), (None, 1), (1, 3), (None, 1)]


@transformation(time="per_boundary", event_time="at", columns={"customer_id": Int64, "at": Timestamp, "rank": Int64})
def ranked(visits: Rows) -> str:
    return "SELECT customer_id, at, row_number() OVER (PARTITION BY customer_id ORDER BY at) AS rank FROM {visits}"


def ranks(tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    """The rows of each customer with their positions in time, from 1."""
    rows: list[Any] = sorted(tables["visits"], key=itemgetter("at"))
    seen: dict[object, int] = {}
    found: list[Row] = []
    for row in rows:
        seen[row["customer_id"]] = seen.get(row["customer_id"], 0) + 1
        found.append({"customer_id": row["customer_id"], "at": row["at"], "rank": seen[row["customer_id"]]})
    return found


def test_a_late_row_moves_the_ranks_of_those_after_it(ask: Ask) -> None:
    rows = [order("10:00"), order("11:00"), order("10:30", "11:30"), order("09:00", customer_id=2)]
    assert ask(fs.last("rank"), ranked, ["10:00", "11:00", "12:00"], visits=rows) == [1, 2, 3]


@transformation(time="per_boundary", event_time="at", created_time="loaded")
def newest_two(visits: Rows) -> str:
    return "SELECT * FROM {visits} ORDER BY at DESC LIMIT 2"


def two_newest(tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    """The two rows that happened last."""
    rows: list[Any] = list(tables["visits"])
    return sorted(rows, key=itemgetter("at"))[-2:]


def test_a_limit_holds_at_each_boundary_anew(ask: Ask) -> None:
    rows = [order("10:00", n=1), order("11:00", n=10), order("11:30", n=100, customer_id=2), order("13:00", n=1000)]
    times = ["10:00", "11:00", "12:00", "13:00"]
    assert ask(fs.sum("n"), newest_two, times, visits=rows) == [1, 11, 10, 1000]


@transformation(time="per_boundary", event_time="at")
def different(visits: Rows) -> str:
    return "SELECT DISTINCT customer_id, at, city FROM {visits}"


def distinct_rows(tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Customer, time and city, each combination once."""
    found = {(row["customer_id"], row["at"], row["city"]) for row in tables["visits"]}
    return [dict(zip(("customer_id", "at", "city"), one, strict=True)) for one in found]


def test_distinct_drops_what_is_equal_nulls_included(ask: Ask) -> None:
    rows = [order("10:00", n=n, city=city) for n, city in ((1, "a"), (2, "a"), (3, None), (4, None), (5, "b"))]
    assert ask(fs.count(), different, ["12:00"], visits=rows) == [3]
    assert ask(fs.count(), visits, ["12:00"], visits=rows) == [5]


@transformation(time="per_boundary", event_time="at", columns={"order_id": Int64, "plan": String})
def all_pairs(orders: Rows, profiles: Rows) -> str:
    return """
        SELECT o.order_id, o.customer_id, o.at, p.plan FROM {orders} AS o
        JOIN {profiles} AS p ON o.customer_id = p.customer_id
    """


def pairs(tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Each order with each profile of its customer."""
    return [
        {"order_id": one["order_id"], "customer_id": one["customer_id"], "at": one["at"], "plan": other["plan"]}
        for one in tables["orders"]
        for other in tables["profiles"]
        if one["customer_id"] is not None and one["customer_id"] == other["customer_id"]
    ]


def test_an_ordinary_join_of_timed_tables_pairs_what_exists_at_the_boundary(ask: Ask) -> None:
    rows = [profile("09:00", profile_id=1, plan="a"), profile("10:30", profile_id=2, plan="b")]
    rows += [profile(None, "12:30", profile_id=1, removed=True)]
    times = ["10:00", "11:00", "12:00", "13:00"]
    left = [NEW, order("11:30", order_id=2)]
    assert ask(fs.count(), all_pairs, times, orders=left, profiles=rows) == [1, 2, 4, 2]


DUE: Schema = {"customer_id": Int64, "due": Timestamp, "told": Timestamp, "order_id": Int64, "n": Int64}


@transformation(time="per_boundary", event_time="due", created_time="told", key="order_id", columns=DUE)
def reminders(visits: Rows) -> str:
    return """
        SELECT customer_id, order_id, n, loaded AS told,
            CASE WHEN city = 'later' THEN at + INTERVAL 2 HOUR WHEN city = 'never' THEN NULL ELSE at END AS due
        FROM {visits} LIMIT 1000
    """


def remind(tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Each row, due at its time, two hours later or at no time."""
    found: list[Row] = []
    for row in tables["visits"]:
        happened: Any = row["at"]
        due = {"later": happened + datetime.timedelta(hours=2), "never": None}.get(str(row["city"]), happened)
        cells = {name: row[name] for name in ("customer_id", "order_id", "n")}
        found.append({**cells, "told": row["loaded"], "due": due})
    return found


def test_a_row_that_is_yielded_for_the_future_does_not_count_yet_and_one_without_a_time_never(ask: Ask) -> None:
    rows = [
        order("10:00", n=1, order_id=1),
        order("10:00", n=10, order_id=2, city="later"),
        order("10:00", n=100, order_id=3, city="never"),
    ]
    assert ask(fs.sum("n"), reminders, ["11:00", "12:00"], visits=rows) == [1, 11]


def test_of_yielded_rows_with_one_key_the_newest_counts_and_it_replaces_nothing_before_it_is_visible(ask: Ask) -> None:
    rows = [order("10:00", "10:00", order_id=1, n=1), order("10:00", "10:30", order_id=1, n=2, city="later")]
    assert ask(fs.sum("n"), reminders, ["10:00", "11:00", "12:00"], visits=rows) == [1, 1, 2]


def test_between_equally_new_yielded_versions_all_their_columns_decide(ask: Ask) -> None:
    rows = [order("10:00", order_id=1, n=n) for n in (1, 3, None, 2)]
    assert ask(fs.count(), reminders, ["10:00"], visits=rows) == [1]
    assert ask(fs.sum("n"), reminders, ["10:00"], visits=rows) == [3]


def test_yielded_rows_with_a_null_in_their_key_all_count(ask: Ask) -> None:
    assert ask(fs.count(), reminders, ["10:00"], visits=[order("10:00", n=1)] * 3) == [3]


@transformation(time="per_boundary", columns={"customer_id": Int64, "n": Int64})
def undated(visits: Rows) -> str:
    return "SELECT customer_id, n FROM {visits} LIMIT 1"


@oracle_only
def test_a_step_of_timed_tables_must_say_when_its_rows_happened(ask: Ask) -> None:
    with pytest.raises(DefinitionError, match="undated"):
        ask(fs.sum("n"), undated, ["12:00"], visits=[])


# --- snapshots ----------------------------------------------------------------------------------------------------

BEST: Schema = {"customer_id": Int64, "at": Timestamp, "best": Int64, "orders": Int64}


@transformation(time="snapshot", event_time="at", columns=BEST)
def best_ever(orders: Rows) -> str:
    return """
        SELECT customer_id, min(at) AS at, max(n) AS best, count(*) AS orders FROM {orders} GROUP BY customer_id
    """


def best_of(tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Of each customer the first time, the greatest number and how many rows there are."""
    groups: dict[object, list[Any]] = {}
    for row in tables["orders"]:
        groups.setdefault(row["customer_id"], []).append(row)
    return [
        {
            "customer_id": customer_id,
            "at": min(row["at"] for row in rows),
            "best": max((row["n"] for row in rows if row["n"] is not None), default=None),
            "orders": len(rows),
        }
        for customer_id, rows in groups.items()
    ]


def test_a_snapshot_sees_what_is_known_now_at_every_boundary(ask: Ask) -> None:
    rows = [order("10:00", order_id=1, n=1), order("2024-05-09 10:00", order_id=2, n=9)]
    assert ask(fs.last("best"), best_ever, ["09:00", "10:00", "11:00"], orders=rows) == [None, 9, 9]


def test_a_snapshot_holds_the_newest_versions_whatever_their_times(ask: Ask) -> None:
    rows = [
        order("10:00", "10:00", order_id=1, n=9),
        order("10:00", "2024-06-01 00:00", order_id=1, n=1),
        order("11:00", "11:00", order_id=2, n=8),
        order(None, "2024-06-01 00:00", order_id=2, gone=True),
        order(None, "11:00", order_id=3, n=7),
    ]
    assert ask(fs.last("best"), best_ever, ["12:00"], orders=rows) == [1]
    assert ask(fs.last("orders"), best_ever, ["12:00"], orders=rows) == [1]


# --- steps on steps, joins to untimed tables ----------------------------------------------------------------------


@transformation()
def busy_days(days_so_far: Rows) -> str:
    return "SELECT * FROM {days_so_far} WHERE orders > 1"


BEST_DAY: Schema = {"customer_id": Int64, "day": Date, "best": Int64}


@transformation(time="per_boundary", event_time="day", known_after="0s", columns=BEST_DAY)
def best_day(days_so_far: Rows) -> str:
    return "SELECT customer_id, min(day) AS day, max(total) AS best FROM {days_so_far} GROUP BY customer_id"


def best_of_days(tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Of each customer the first day and the greatest total."""
    groups: dict[object, list[Any]] = {}
    for row in tables["days_so_far"]:
        groups.setdefault(row["customer_id"], []).append(row)
    return [
        {"customer_id": customer_id, "day": min(row["day"] for row in rows), "best": max(row["total"] for row in rows)}
        for customer_id, rows in groups.items()
    ]


def test_a_row_wise_step_over_groups_follows_them(ask: Ask) -> None:
    assert ask(fs.sum("orders"), busy_days, ["10:00", "11:00"], orders=ORDERS_OF_DAYS) == [None, 2]
    assert ask(fs.sum("orders"), busy_days, ["10:00"], orders=[]) == [None]


def test_groups_of_groups_follow_both(ask: Ask) -> None:
    rows = [*ORDERS_OF_DAYS, order("11:30", order_id=4, n=-99)]
    assert ask(fs.last("best"), best_day, ["08:00", "10:00", "11:00", "12:00"], orders=rows) == [1, 100, 100, 11]


PER_PLAN: Schema = {"customer_id": Int64, "at": Timestamp, "plan": String, "orders": Int64}


@transformation(time="per_boundary", event_time="at", columns=PER_PLAN)
def orders_per_plan(with_profile: Rows) -> str:
    return """
        SELECT customer_id, plan, max(at) AS at, count(*) AS orders FROM {with_profile} GROUP BY customer_id, plan
    """


def per_plan(tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Of each customer and plan how many orders there are, and the time of the newest."""
    groups: dict[tuple[object, object], list[Any]] = {}
    for row in tables["with_profile"]:
        groups.setdefault((row["customer_id"], row["plan"]), []).append(row["at"])
    return [
        {"customer_id": customer_id, "plan": plan, "at": max(times), "orders": len(times)}
        for (customer_id, plan), times in groups.items()
    ]


def test_groups_of_joined_rows_follow_late_right_rows(ask: Ask) -> None:
    rows = [profile("09:00", "09:00", profile_id=1, plan="a"), profile("10:30", "11:30", profile_id=2, plan="b")]
    left = [NEW, order("11:00", order_id=2)]
    times = ["10:00", "11:00", "12:00"]
    assert ask(fs.last("orders"), orders_per_plan, times, orders=left, profiles=rows) == [1, 2, 1]
    assert ask(fs.count(), orders_per_plan, times, orders=left, profiles=rows) == [1, 1, 2]


@transformation()
def best_since(visits: Rows, best_ever: Rows) -> AsofJoin:
    return visits.asof_join(best_ever, on="customer_id")


def test_an_as_of_join_takes_the_rows_of_a_snapshot_by_the_times_that_it_declares(ask: Ask) -> None:
    rows = [order("10:30", order_id=1, n=1), order("2024-05-09 10:00", order_id=2, n=9)]
    left = [order("10:00"), order("11:00")]
    assert ask(fs.last("best"), best_since, ["10:00", "11:00"], visits=left, orders=rows) == [None, 9]


@transformation(columns={"region": String})
def with_region(orders: Rows, regions: Rows) -> str:
    return "SELECT {orders}.*, {regions}.region FROM {orders} JOIN {regions} ON {orders}.city = {regions}.city"


@transformation(columns={"region": String})
def with_place(orders: Rows, places: Rows) -> str:
    return "SELECT {orders}.*, {places}.region FROM {orders} JOIN {places} ON {orders}.city = {places}.city"


def placed(name: str) -> Step:
    """Each order with each row of its city in the untimed table of that name."""

    def joined(tables: Mapping[str, Sequence[Row]]) -> list[Row]:
        return [
            {**one, "region": other["region"]}
            for one in tables["orders"]
            for other in tables[name]
            if one["city"] is not None and one["city"] == other["city"]
        ]

    return joined


def test_rows_joined_to_an_untimed_table_keep_their_times_and_are_as_many_as_match(ask: Ask) -> None:
    rows = [
        order("10:00", "10:00", order_id=1, city="a"),
        order("10:00", "11:30", order_id=1, city="b"),
        order("10:00", order_id=2, city=None),
    ]
    known = (("a", "N"), ("a", "N"), ("b", "S"), (None, "?"))
    regions = [{"city": city, "region": region} for city, region in known]
    times = ["10:00", "11:00", "12:00"]
    assert ask(fs.count(), with_region, times, orders=rows, regions=regions) == [2, 2, 1]
    assert ask(fs.last("region"), with_region, times, orders=rows, regions=regions) == ["N", "N", "S"]


def test_an_untimed_table_is_corrected_before_it_is_joined(ask: Ask) -> None:
    places = [{"city": "a", "region": "N"}, {"city": "a", "region": "S"}]
    assert ask(
        fs.last_n("region", 9), with_place, ["12:00"], orders=[order("10:00", order_id=1, city="a")], places=places
    ) == [["S"]]


# --- labels over steps --------------------------------------------------------------------------------------------


def labeled(source: object, column: str, as_of: str, matures_after: str = "0s", **tables: Sequence[Row]) -> list[Any]:
    """Time of day and label of each label row that is known at ``as_of``."""
    label = Label("wanted", source=source, column=column, entity=customer, matures_after=matures_after)
    (resolved,) = (one.resolved for one in define([label], SCHEMAS, Settings()).of_kind("label"))
    assert isinstance(resolved, ResolvedLabel)
    time = at(as_of)
    assert time is not None
    found: list[Any] = label_rows(resolved, tables, as_of=time, steps=STEPS)
    return [(f"{row['t']:%H:%M}", row[column]) for row in found]


def test_labels_over_a_join_are_joined_as_it_is_known_when_they_are_built() -> None:
    rows = [profile("09:00", "09:00", profile_id=1, plan="a"), profile("09:00", "11:30", profile_id=1, plan="b")]
    left = [order("11:00", order_id=2), order("10:00", order_id=1), order("10:00", "12:30", order_id=3)]
    assert labeled(with_profile, "plan", "11:15", orders=left, profiles=rows) == [("10:00", "a"), ("11:00", "a")]
    assert labeled(with_profile, "plan", "12:00", orders=left, profiles=rows) == [("10:00", "b"), ("11:00", "b")]
    assert labeled(with_profile, "plan", "12:00", "61m", orders=left, profiles=rows) == [("10:00", "b")]


def test_labels_over_groups_are_those_of_what_is_known_when_they_are_built() -> None:
    assert labeled(days_so_far, "total", "10:00", orders=ORDERS_OF_DAYS) == [("00:00", 1), ("00:00", 100)]
    assert labeled(days_so_far, "total", "11:00", orders=ORDERS_OF_DAYS) == [("00:00", 11), ("00:00", 100)]
    assert labeled(days_so_far, "total", "11:00", "1d", orders=ORDERS_OF_DAYS) == [("00:00", 11)]


def test_labels_are_newest_versions_and_a_version_whose_event_lies_ahead_replaces_the_older_one() -> None:
    rows = [order("10:00", "10:00", order_id=1, n=1), order("14:00", "10:30", order_id=1, n=2)]
    assert labeled(orders, "n", "10:15", orders=rows) == [("10:00", 1)]
    assert labeled(orders, "n", "11:00", orders=rows) == []
    assert labeled(orders, "n", "14:00", orders=rows) == [("14:00", 2)]
    removed = [*rows, order(None, "14:30", order_id=1, gone=True)]
    assert labeled(orders, "n", "15:00", orders=removed) == []


def test_a_label_without_a_time_is_an_error() -> None:
    for created in ("10:00", None):
        with pytest.raises(SpineError, match="no time"):
            labeled(orders, "n", "12:00", orders=[order(None, created, order_id=1, n=1)])
    assert labeled(orders, "n", "12:00", orders=[order(None, "13:00", order_id=1, n=1)]) == []


# --- pivots, lists of windows, rarer aggregations -----------------------------------------------------------------


def test_a_pivot_gives_one_feature_per_value_and_window_and_counts_nulls_for_none(ask: Ask) -> None:
    rows = [
        order("10:30", n=1, city="a"),
        order("11:30", n=10, city="a"),
        order("11:30", n=100, city="b"),
        order("11:30", n=1000, city=None),
    ]
    pivot = fs.sum("n", over=["1h", "2h"]).by("city", ["b", "a", "c"])
    assert ask(pivot, visits, ["12:00"], visits=rows) == [(100, 100, 10, 11, None, None)]


def test_a_pivot_narrows_the_condition_that_is_there(ask: Ask) -> None:
    rows = [order("10:00", n=n, city=city) for n, city in ((1, "a"), (5, "a"), (None, "a"), (9, "b"))]
    pivot = fs.count(where=fs.col("n") > 1).by("city", ["a", "b"])
    assert ask(pivot, visits, ["12:00"], visits=rows) == [(1, 1)]


def test_a_pivot_over_joined_rows_moves_with_a_late_right_row(ask: Ask) -> None:
    rows = [profile("09:30", "11:20", plan="p")]
    pivot = fs.count().by("plan", ["p", "q"])
    assert ask(pivot, with_mood, ["11:00", "12:00"], visits=[order("10:00")], moods=rows) == [(0, 0), (1, 0)]


def test_windows_of_a_list_end_where_ago_says(ask: Ask) -> None:
    rows = [order(f"0{hour}:30", n=10 ** (hour - 8)) for hour in (8, 9)] + [
        order("10:30", n=100),
        order("11:30", n=1000),
    ]
    windows = fs.sum("n", over=["1h", "2h"], ago=["0s", "1h"])
    assert ask(windows, visits, ["12:00"], visits=rows) == [(1000, 1100, 100, 110)]


@pytest.mark.parametrize(
    ("values", "shares"),
    [
        ([], [None, None, None]),
        ([None], [None, None, None]),
        ([7.0], [7.0, 7.0, 7.0]),
        ([1.0, None, 3.0], [1.5, 2.0, 3.0]),
        ([-INF, 1.0, INF], [-INF, 1.0, INF]),
        ([-INF, INF], ["NaN", "NaN", INF]),
        ([1.0, INF], [INF, INF, INF]),
        ([NAN, 1.0], ["NaN", "NaN", "NaN"]),
        ([-0.0, 0.0], [0.0, 0.0, 0.0]),
    ],
)
def test_percentiles_of_few_and_of_endless_values(ask: Ask, values: list[Any], shares: list[Any]) -> None:
    rows = [order("10:00", x=x) for x in values]
    found = [ask(fs.percentile("x", q), visits, ["12:00"], visits=rows)[0] for q in (0.25, 0.5, 1.0)]
    assert found == shares


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        ([5.0], None),
        ([5.0, None], None),
        ([5.0, 5.0], 0.0),
        ([1e9, 1e9 + 1, 1e9 + 2], 1.0),
        ([NAN], None),
        ([INF], None),
        ([NAN, 1.0], "NaN"),
        ([INF, INF], "NaN"),
        ([0.0, -0.0], 0.0),
    ],
)
def test_deviations_of_few_and_of_endless_values(ask: Ask, values: list[Any], expected: object) -> None:
    rows = [order("10:00", x=x) for x in values]
    (found,) = ask(fs.std("x"), visits, ["12:00"], visits=rows)
    assert found == (pytest.approx(expected, abs=1e-6) if isinstance(expected, float) else expected)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], 0),
        ([None, None], 0),
        ([1.0], 1),
        ([NAN, NAN], 1),
        ([0.0, -0.0], 1),
        ([INF, -INF, NAN, None, 0.0, -0.0], 4),
    ],
)
def test_different_values_are_counted_as_equality_tells_them_apart(ask: Ask, values: list[Any], expected: int) -> None:
    rows = [order("10:00", x=x) for x in values]
    assert ask(fs.count_distinct("x"), visits, ["12:00"], visits=rows) == [expected]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        ([None], None),
        ([1.0], [1.0]),
        ([1.0, None, 3.0, NAN], ["NaN", 3.0]),
        ([1.0, 2.0, None, None], [2.0, 1.0]),
    ],
)
def test_the_newest_values_are_those_that_are_not_null(ask: Ask, values: list[Any], expected: Any) -> None:
    rows = [order(f"10:0{minute}", x=x) for minute, x in enumerate(values)]
    assert ask(fs.last_n("x", 2), visits, ["12:00"], visits=rows) == [expected]


def test_the_newest_values_of_one_time_are_ordered_by_key(ask: Ask) -> None:
    rows = [order("10:00", order_id=order_id, n=n) for order_id, n in ((2, 7), (3, 5), (1, 9))]
    assert ask(fs.last_n("n", 9), orders, ["12:00"], orders=rows) == [[5, 7, 9]]
    assert ask(fs.last_n("n", 9), visits, ["12:00"], visits=rows) == [[9, 7, 5]]


def renamed(parameter: str, row: Row) -> list[Row]:
    """A mood by its town, which is then called city."""
    return [{"city": row["town"], "plan": row["plan"], "since": row["since"]}]


def kept(column: str, condition: Any) -> Step:
    """The rows for whose value the condition holds; a null value is dropped."""

    def of_row(parameter: str, row: Row) -> list[Row]:
        return [row] if row[column] is not None and condition(row[column]) else []

    return of_row


STEPS: Mapping[str, Step] = {
    "town_moods": renamed,
    "of_paying": kept("plan", "paid".__eq__),
    "busy_days": kept("orders", lambda orders: orders > 1),
    "complete_days": by_day,
    "days_so_far": by_day,
    "ranked": ranks,
    "newest_two": two_newest,
    "different": distinct_rows,
    "all_pairs": pairs,
    "reminders": remind,
    "undated": lambda tables: tables["visits"],
    "best_ever": best_of,
    "best_day": best_of_days,
    "orders_per_plan": per_plan,
    "with_region": placed("regions"),
    "with_place": placed("places"),
}
"""What the steps mean, in Python."""
