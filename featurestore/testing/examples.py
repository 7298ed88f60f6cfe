"""Examples worked out by hand from ``docs/semantics.md``, rule by rule: tests for whoever can compute values.

`ANSWER` says who does. `featurestore.testing.offline_stores` asks a store; the oracle answers where nobody is asked.
"""

import datetime
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, TypeVar

import pytest

from featurestore.definitions import expressions as fs
from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import Rows, Value
from featurestore.definitions.features import Cadence, feature, features
from featurestore.definitions.inputs import Request, RequestTime, use
from featurestore.definitions.on_demand import on_demand
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.resolved import SelectedFeature
from featurestore.definitions.sources import Source
from featurestore.definitions.transformations import transformation
from featurestore.definitions.types import (
    Bool,
    Date,
    Float64,
    Int64,
    Schema,
    String,
    Timestamp,
)
from featurestore.definitions.types import Decimal as DecimalType
from featurestore.errors import (
    ColumnTypeError,
    MissingColumnError,
    MissingTableError,
    NotSupportedError,
    NullRequestError,
    NumberOverflowError,
    SpineError,
    UserCodeError,
)
from featurestore.testing.oracle import Row, Step, values_at

NAN, INF = math.nan, math.inf
Example = TypeVar("Example", bound=Callable[..., None])
HOURLY = Cadence(every=3_600_000_000)
COLUMNS: Schema = {
    "order_id": Int64,
    "customer_id": Int64,
    "at": Timestamp,
    "loaded": Timestamp,
    "gone": Bool,
    "n": Int64,
    "x": Float64,
    "money": DecimalType(10, 2),
    "city": String,
    "flag": Bool,
}
customer = Entity("customer", keys={"customer_id": Int64})
plain = Source("plain", table="plain", event_time="at")
loaded = Source("loaded", table="loaded", event_time="at", created_time="loaded")
keyed = Source("keyed", table="keyed", event_time="at", created_time="loaded", key="order_id", deleted="gone")
untimed = Source("untimed", table="untimed", key="order_id")


def at(text: str | None) -> object:
    """A time of 1 May 2024, or with its own date; None and infinite times as they are."""
    if text is None or text.endswith("infinity"):
        return text
    return datetime.datetime.fromisoformat(text if "-" in text else f"2024-05-01 {text}")


def row(time: str | None = "10:00", created: str | None = None, /, **cells: object) -> dict[str, object]:
    """A row of customer 1 that happened at ``time`` and became known at ``created`` (left out: at once)."""
    given = {"customer_id": 1, "at": at(time), "loaded": at(created), **cells}
    return {name: given.get(name) for name in COLUMNS}


def one(
    expression: Value,
    rows: Sequence[Row],
    times: Iterable[str] = ("12:00",),
    *,
    source: Source = plain,
    customer_id: int | None = 1,
    **when: str,
) -> list[object]:
    """The values of one feature of customer 1, hourly unless said otherwise, at ``times``."""

    @features(entity=customer, source=source, **{"every": "1h", **when})
    class Seen:
        value = expression

    defined = define([Seen], dict.fromkeys(("plain", "loaded", "keyed", "untimed"), COLUMNS), Settings())
    spine = [{"customer_id": customer_id, "t": at(time)} for time in times]
    found = answered(defined.select([Seen]), spine, {source.name: rows}, dict.fromkeys([source.name], COLUMNS))
    return [result["value"] for result in found]


def many(
    selected: Sequence[object],
    spine: Sequence[Row],
    tables: Mapping[str, Sequence[Row]],
    steps: Mapping[str, Step] | None = None,
    schemas: Mapping[str, Schema] | None = None,
) -> list[dict[str, object]]:
    """The results of several features, hourly unless they say otherwise."""
    known = {**dict.fromkeys(("plain", "keyed"), COLUMNS), "flights": FLIGHTS, **(schemas or {})}
    named = (plain, keyed, flights, cheap, cheaper, hourly_total, daily_total, growth, growth_percent)
    defined = define([*named, *selected], known, Settings(cadence=HOURLY))
    return answered(defined.select(selected), spine, tables, known, steps or {})


Answer = Callable[
    [
        Sequence[SelectedFeature],
        Sequence[Row],
        Mapping[str, Sequence[Row]],
        Mapping[str, Schema],
        Mapping[str, Step],
    ],
    list[dict[str, object]],
]
"""`values_at`: features, a spine whose time is ``t``, rows and columns by source, and what steps do with rows."""


def by_the_oracle(
    selected: Sequence[SelectedFeature],
    spine: Sequence[Row],
    tables: Mapping[str, Sequence[Row]],
    _schemas: Mapping[str, Schema],
    steps: Mapping[str, Step],
) -> list[dict[str, object]]:
    """What the oracle answers."""
    return values_at(selected, spine, tables, time="t", steps=steps)


ANSWER: ContextVar[Answer] = ContextVar("ANSWER", default=by_the_oracle)


@contextmanager
def answered_by(answer: Answer) -> Iterator[None]:
    """Lets examples be answered by ``answer``."""
    token = ANSWER.set(answer)
    try:
        yield
    finally:
        ANSWER.reset(token)


def oracle_only(example: Example) -> Example:
    """Marks what is the oracle's own: that it adds floats exactly, and what it says of wrong arguments."""
    ORACLE_ONLY.add(example.__name__)
    return example


ORACLE_ONLY: set[str] = set()


def answered(
    selected: Sequence[SelectedFeature],
    spine: Sequence[Row],
    tables: Mapping[str, Sequence[Row]],
    schemas: Mapping[str, Schema],
    steps: Mapping[str, Step] | None = None,
) -> list[dict[str, object]]:
    """The values, by whoever is asked."""
    return ANSWER.get()(selected, spine, tables, schemas, steps or {})


def listed(value: object) -> object:
    """NaN and -0.0 in a form that can be compared."""
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


# 1 Boundary


def test_a_boundary_answers_from_the_time_its_run_had_to_be_finished() -> None:
    rows = [row("10:30"), row("11:30"), row("12:30")]
    times = ["12:14:59.999999", "12:15", "13:14:00"]
    assert one(fs.count(), rows, times, delay="10m", publish_within="5m") == [1, 2, 2]


def test_an_offset_moves_every_boundary() -> None:
    rows = [row("10:10"), row("10:20")]
    assert one(fs.count(), rows, ["10:14:59.999999", "10:15", "11:14:59", "11:15"], offset="15m") == [0, 1, 1, 2]


def test_weeks_begin_on_thursdays_unless_they_are_moved() -> None:
    rows = [row("2024-04-24 23:00"), row("2024-04-25 00:00"), row("2024-04-29 00:00")]
    assert one(fs.count(), rows, ["2024-05-01 23:59:59"], every="1w") == [2]
    assert one(fs.count(), rows, ["2024-05-01 23:59:59"], every="1w", offset="4d") == [3]


def test_boundaries_before_1970_are_found_downwards() -> None:
    rows = [row("1969-12-31 23:59:58.5"), row("1969-12-31 23:59:59.5")]
    times = ["1969-12-31 23:59:58.999999", "1969-12-31 23:59:59.999999", "1970-01-01 00:00"]
    assert one(fs.count(), rows, times, every="1s") == [0, 1, 2]


# 3 Visible


@pytest.mark.parametrize(
    ("happened", "known", "seen"),
    [
        ("11:50", "11:52", [1, 1]),
        ("12:00", "12:05", [1, 1]),
        ("11:58", "12:10", [1, 1]),
        ("11:58", "12:11", [0, 1]),
        ("12:01", "11:00", [0, 1]),
        ("11:40", None, [1, 1]),
        (None, "11:40", [0, 0]),
        ("-infinity", "11:40", [0, 0]),
        ("infinity", "11:40", [0, 0]),
        ("11:40", "infinity", [0, 0]),
        ("11:40", "-infinity", [0, 0]),
    ],
)
def test_a_row_is_visible_from_its_event_and_its_creation_less_the_delay(
    happened: str | None, known: str | None, seen: list[int]
) -> None:
    rows = [row(happened, known)]
    assert one(fs.count(), rows, ["12:10", "13:10"], source=loaded, delay="10m") == seen


def test_known_after_stands_in_for_a_created_time() -> None:
    late = Source("loaded", table="t", event_time="at", created_time="loaded", known_after="30m")
    rows = [row("11:30"), row("11:31"), row("11:32", "11:32")]
    assert one(fs.count(), rows, ["12:00", "13:00"], source=late) == [2, 3]


def test_a_date_is_known_after_its_midnight() -> None:
    daily = Source("days", table="days", event_time="day", known_after="1d")
    schema = {"customer_id": Int64, "day": Date}

    @features(entity=customer, source=daily)
    class Days:
        value = fs.count(over="2d")

    rows = [{"customer_id": 1, "day": datetime.date(2024, 5, 1)}]
    spine = [{"customer_id": 1, "t": at(text)} for text in ("2024-05-01 23:59", "2024-05-02 00:00", "2024-05-03 00:00")]
    assert [found["value"] for found in many([Days], spine, {"days": rows}, schemas={"days": schema})] == [0, 1, 0]


def test_an_untimed_source_is_visible_at_all_times() -> None:
    rows = [row(None, order_id=1, n=3), row(None, order_id=2, n=4)]
    assert one(fs.sum("n"), rows, ["1901-01-01 00:00"], source=untimed) == [7]
    assert one(fs.last("n"), rows, source=untimed) == [4]


# 4 Corrections


def order_7(*versions: dict[str, object]) -> list[list[object]]:
    """The hourly sums for customers 1 and 2 from 10:00 to 14:00."""
    times = [f"{hour}:00" for hour in range(10, 15)]
    return [
        one(fs.sum("n"), versions, times, source=keyed, customer_id=1),
        one(fs.sum("n"), versions, times, source=keyed, customer_id=2),
    ]


FIRST = row("10:00", "10:05", order_id=7, customer_id=1, n=40)
MOVED = row("10:00", "11:20", order_id=7, customer_id=2, n=45)
MARKER = row(None, "13:00", order_id=7, customer_id=2, n=45, gone=True)


def test_a_correction_moves_an_order_to_another_customer_and_a_marker_removes_it() -> None:
    assert order_7(FIRST, MOVED, MARKER) == [[None, 40, None, None, None], [None, None, 45, None, None]]
    assert order_7(MARKER, MOVED, FIRST) == order_7(FIRST, MOVED, MARKER)


def test_a_correction_whose_event_lies_ahead_replaces_nothing_yet() -> None:
    ahead = {**MOVED, "at": at("14:00")}
    assert order_7(FIRST, ahead) == [[None, 40, 40, 40, None], [None, None, None, None, 45]]


def test_a_version_that_a_newer_one_replaced_before_it_enters_never_counts() -> None:
    ahead = row("15:00", "10:00", order_id=7, n=1)
    newer = row("10:30", "11:00", order_id=7, n=2)
    assert one(fs.sum("n"), [ahead, newer], ["10:30", "11:00", "16:00"], source=keyed) == [None, 2, 2]


def test_a_correction_that_arrives_first_is_kept_when_the_corrected_row_comes_late() -> None:
    correction = row("10:00", "11:00", order_id=7, n=2)
    corrected = row("11:30", "10:30", order_id=7, n=1)
    assert one(fs.sum("n"), [correction, corrected], ["11:00", "12:00"], source=keyed) == [2, 2]


def test_between_equal_created_times_the_later_event_is_newer_then_the_marker_then_the_greater_columns() -> None:
    same = [row("10:00", "11:00", order_id=7, n=9), row("10:30", "11:00", order_id=7, n=1)]
    assert one(fs.sum("n"), same, source=keyed) == [1]
    marked = [row("10:30", "11:00", order_id=7, n=9), row("10:30", "11:00", order_id=7, n=1, gone=True)]
    assert one(fs.sum("n"), marked, source=keyed) == [None]
    tied = [row("10:30", "11:00", order_id=7, n=n) for n in (1, 3, None, 2)]
    assert one(fs.sum("n"), tied, source=keyed) == [3]


def test_versions_that_differ_only_in_the_customer_are_told_apart_by_the_customer() -> None:
    tied = [row("10:30", "11:00", order_id=7, n=5, customer_id=customer_id) for customer_id in (2, 1)]
    assert order_7(*tied) == [[None] * 5, [None, 5, 5, 5, 5]]


def test_a_marker_with_an_event_time_waits_for_it() -> None:
    marker = row("13:00", "11:00", order_id=7, gone=True)
    assert one(fs.count(), [FIRST, marker], ["12:00", "13:00"], source=keyed) == [1, 0]


def test_a_later_version_brings_a_deleted_key_back() -> None:
    again = row("13:10", "13:30", order_id=7, n=8)
    assert one(fs.sum("n"), [FIRST, MARKER, again], ["12:00", "13:00", "14:00"], source=keyed) == [40, None, 8]


def test_a_null_event_of_a_marker_is_later_than_any_event_of_the_same_created_time() -> None:
    marker = row(None, "11:00", order_id=7, gone=True)
    version = row("11:00", "11:00", order_id=7, n=1)
    assert one(fs.count(), [marker, version], source=keyed) == [0]


def test_a_marker_that_says_neither_when_it_happened_nor_when_it_became_known_does_nothing() -> None:
    assert one(fs.count(), [FIRST, row(None, None, order_id=7, gone=True)], source=keyed) == [1]


def test_a_null_marker_and_a_false_one_mean_not_deleted() -> None:
    rows = [row("10:00", order_id=1, gone=None), row("10:00", order_id=2, gone=False)]
    assert one(fs.count(), rows, source=keyed) == [2]


def test_a_row_with_a_null_key_neither_corrects_nor_is_corrected_and_deletes_nothing() -> None:
    rows = [row("10:00", n=1), row("10:00", n=1), row("10:30", "10:30", gone=True, n=100)]
    assert one(fs.sum("n"), rows, source=keyed) == [2]


def test_without_a_key_exact_duplicates_count() -> None:
    assert one(fs.sum("n"), [row(order_id=7, n=1)] * 3) == [3]


def test_an_order_that_is_no_longer_paid_stops_counting() -> None:
    rows = [row("10:00", "10:00", order_id=7, city="paid"), row("10:00", "11:00", order_id=7, city="refunded")]
    paid = fs.count(where=fs.col("city") == "paid")
    assert one(paid, rows, ["10:00", "11:00"], source=keyed) == [1, 0]


def test_an_order_of_no_customer_still_corrects() -> None:
    rows = [FIRST, row("10:00", "11:00", order_id=7, customer_id=None, n=40)]
    assert one(fs.count(), rows, ["10:30", "11:00"], source=keyed) == [0, 0]
    assert one(fs.count(), rows, ["10:30", "11:00"], source=keyed, every="1m") == [1, 0]


def test_an_untimed_source_is_corrected_by_the_greater_columns_and_its_markers() -> None:
    rows = [row(order_id=1, n=1), row(order_id=1, n=5), row(order_id=2, n=7), row(order_id=2, n=6, gone=True)]
    marked = Source("untimed", table="untimed", key="order_id", deleted="gone")
    assert one(fs.sum("n"), rows, source=marked) == [5]


# 5 Order of work


def test_the_newest_row_is_taken_among_those_that_where_keeps() -> None:
    rows = [row("10:00", n=1, flag=True), row("11:00", n=2, flag=False), row("11:30", n=3, flag=None)]
    assert one(fs.last("n", where=fs.col("flag")), rows) == [1]


# 6 Window


def test_a_window_excludes_its_beginning_and_includes_its_end() -> None:
    rows = [row("11:00", n=1), row("11:00:00.000001", n=10), row("12:00", n=100), row("12:00:00.000001", n=1000)]
    assert one(fs.sum("n", over="1h"), rows, ["12:00", "12:59:59.999999"]) == [110, 110]


def test_ago_shifts_both_ends() -> None:
    rows = [row("10:00", n=1), row("10:00:00.000001", n=10), row("11:00", n=100), row("11:00:00.000001", n=1000)]
    assert one(fs.sum("n", over="1h", ago="1h"), rows) == [110]
    assert one(fs.sum("n", ago="1h"), rows) == [111]


def test_a_late_row_misses_the_window_that_has_passed_it() -> None:
    rows = [row("11:30", "13:30")]
    times = ["12:00", "13:00", "14:00"]
    assert one(fs.count(over="1h"), rows, times, source=loaded) == [0, 0, 0]
    assert one(fs.count(over="1d"), rows, times, source=loaded) == [0, 0, 1]


def test_a_late_row_is_found_in_a_window_of_the_past() -> None:
    assert one(fs.count(over="1h", ago="2h"), [row("11:30", "13:30")], ["14:00"], source=loaded) == [1]


def test_windows_that_are_counted_together_end_each_at_its_own_edge() -> None:
    @features(entity=customer, source=plain, every="1h")
    class Windows:
        seen = fs.count(over=["1h", "2h"])
        shifted = fs.count(over="1h", ago="1h")

    rows = [row("10:00"), row("10:00:00.000001"), row("11:00"), row("11:00:00.000001"), row("12:00")]
    (found,) = many([Windows], [{"customer_id": 1, "t": at("12:00")}], {"plain": rows})
    assert (found["seen_1h"], found["seen_2h"], found["shifted"]) == (2, 4, 2)


# 7 last, first, last_n


def test_the_chosen_row_gives_its_null_unless_nulls_are_ignored() -> None:
    rows = [row("10:00", city="DE"), row("11:30", city=None), row("11:00", city="FR")]
    assert one(fs.last("city"), rows) == [None]
    assert one(fs.last("city", ignore_nulls=True), rows) == ["FR"]
    assert one(fs.first("city"), rows) == ["DE"]
    assert one(fs.last_n("city", 3), rows) == [["FR", "DE"]]
    assert one(fs.last_n("city", 1), rows) == [["FR"]]
    assert one(fs.last_n("city", 3), rows[1:2]) == [None]


def test_between_equal_event_times_the_row_known_later_is_newer() -> None:
    rows = [row("10:00", "11:00", n=1), row("10:00", "10:30", n=9)]
    assert one(fs.last("n"), rows, source=loaded) == [1]
    assert one(fs.first("n"), rows, source=loaded) == [9]


# 8 Ties


def test_the_key_decides_between_tied_rows_before_their_values() -> None:
    rows = [row("10:00", order_id=9, n=1), row("10:00", order_id=7, n=100)]
    assert one(fs.last("n"), rows, source=keyed) == [1]
    assert one(fs.last("n"), rows) == [100]


def test_tied_rows_are_compared_by_all_columns_that_the_feature_reads_in_name_order() -> None:
    rows = [row("10:00", city="a", n=9), row("10:00", city="b", n=1)]
    assert one(fs.last("n"), rows) == [9]
    assert one(fs.last("n", where=fs.col("city") != "z"), rows) == [1]


def test_text_is_compared_by_bytes_and_null_comes_first() -> None:
    rows = [row(city=city) for city in ("Zürich", "aarau", None, "")]
    assert one(fs.last("city"), rows) == ["aarau"]
    assert one(fs.first("city"), rows) == [None]
    assert one(fs.first("city", ignore_nulls=True), rows) == [""]


def test_nan_is_the_greatest_number_and_true_comes_after_false() -> None:
    rows = [row(x=x, flag=x == INF) for x in (INF, NAN, 0.0)]
    assert list(map(listed, one(fs.last("x"), rows))) == ["NaN"]
    assert one(fs.last("flag"), rows) == [True]


# 9 ttl


def test_a_value_expires_when_its_row_is_as_old_as_its_ttl() -> None:
    rows = [row("2024-01-01 00:00", city="DE")]
    times = ["2024-01-30 00:00", "2024-01-30 23:59:59", "2024-01-31 00:00"]
    assert one(fs.last("city", ttl="30d").fill_null("??"), rows, times, every="1d") == ["DE", "DE", "??"]


def test_an_older_row_does_not_take_the_place_of_an_expired_null() -> None:
    rows = [row("10:00", city="DE"), row("11:30", city=None)]
    assert one(fs.last("city", ttl="1h"), rows) == [None]


# 10 Empty


@pytest.mark.parametrize(
    ("expression", "empty"),
    [
        (fs.count(), 0),
        (fs.count("n"), 0),
        (fs.count_distinct("n"), 0),
        (fs.approx_distinct("n"), 0),
        (fs.any("flag"), False),
        (fs.all("flag"), True),
        (fs.sum("n"), None),
        (fs.mean("n"), None),
        (fs.min("n"), None),
        (fs.max("n"), None),
        (fs.std("n"), None),
        (fs.percentile("n", 0.5), None),
        (fs.first("n"), None),
        (fs.last("n"), None),
        (fs.last_n("n", 2), None),
        (fs.sum("n").fill_null(0) + fs.count(), 0),
    ],
)
def test_nothing_to_aggregate_gives_the_empty_value(expression: Value, empty: object) -> None:
    assert one(expression, []) == [empty]
    assert one(expression, [row(n=1, flag=True)], customer_id=2) == [empty]
    assert one(expression, [row(n=1, flag=True)], customer_id=None) == [empty]
    if expression.node != fs.count().node and not isinstance(empty, int):
        assert one(expression, [row()]) == [empty]


# 11 Nulls, NaN, infinities


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, None, 3.0], [3, 2, 4.0, 3.0, 2]),
        ([1.0, NAN, NAN], [3, 3, "NaN", "NaN", 2]),
        ([INF, -INF], [2, 2, "NaN", INF, 2]),
        ([INF, 1.0], [2, 2, INF, INF, 2]),
        ([None, None], [2, 0, None, None, 0]),
        ([0.0, -0.0], [2, 2, 0.0, 0.0, 1]),
    ],
)
def test_nulls_are_skipped_and_nan_and_infinities_are_values(values: list[object], expected: list[object]) -> None:
    rows = [row(x=x) for x in values]
    expressions = [fs.count(), fs.count("x"), fs.sum("x"), fs.max("x"), fs.count_distinct("x")]
    assert [listed(one(expression, rows)[0]) for expression in expressions] == expected


def test_a_count_of_a_column_skips_nulls_and_a_count_of_rows_does_not() -> None:
    rows = [row(n=n) for n in (1, None, 3)]
    assert one(fs.count("n"), rows) == [2]
    assert one(fs.count(), rows) == [3]


@pytest.mark.parametrize(
    "expression", [fs.sum("x"), fs.mean("x"), fs.min("x"), fs.max("x"), fs.std("x"), fs.percentile("x", 0.0)]
)
def test_one_nan_makes_the_result_nan(expression: Value) -> None:
    assert listed(one(expression, [row(x=1.0), row(x=NAN), row(x=None)])[0]) == "NaN"


def test_one_infinite_value_makes_std_nan() -> None:
    assert listed(one(fs.std("x"), [row(x=INF), row(x=1.0)])[0]) == "NaN"


def test_any_and_all_skip_nulls() -> None:
    assert one(fs.any("flag"), [row(flag=None), row(flag=True)]) == [True]
    assert one(fs.all("flag"), [row(flag=None), row(flag=True)]) == [True]
    assert one(fs.all("flag"), [row(flag=False), row(flag=True)]) == [False]


def test_between_aggregates_null_gives_null_and_division_by_zero_is_null() -> None:
    rows = [row(n=0, x=1.0)]
    assert one(fs.sum("x") / fs.sum("n"), rows) == [None]
    assert one(fs.sum("x") / fs.count(), rows) == [1.0]
    assert one(fs.max("n") + fs.max("money"), rows) == [None]


def test_division_by_zero_inside_of_a_row_is_null() -> None:
    rows = [row(n=1, x=0.0), row(n=1, x=2.0)]
    assert one((fs.col("n") / fs.col("x")).sum(), rows) == [0.5]


def test_a_nan_that_a_files_statistics_hide_is_seen() -> None:
    rows = [row(f"10:0{minute}", x=1.0) for minute in range(8)] + [row("10:08", x=0.5), row("10:09", x=NAN)]
    assert [listed(value) for value in one(fs.min("x"), rows)] == ["NaN"]
    assert one(fs.count(where=fs.col("x") > 2.0), rows) == [1]
    assert one(fs.count(where=fs.col("x") == NAN), rows) == [1]


# 12 Numbers


def test_integers_stay_exact() -> None:
    rows = [row(n=2**53), row(n=1)]
    assert one(fs.sum("n"), rows) == [2**53 + 1]
    assert one(fs.last("n"), [row(n=2**53 + 1)]) == [2**53 + 1]
    assert one(fs.sum("n") - fs.max("n"), rows) == [1]


def test_only_the_exact_final_sum_can_overflow() -> None:
    top = 2**63 - 1
    for order in ([top, 1, -1], [1, top, -1], [-1, 1, top]):
        assert one(fs.sum("n"), [row(n=n) for n in order]) == [top]
    with pytest.raises(NumberOverflowError, match=r"Seen\.value"):
        one(fs.sum("n"), [row(n=top), row(n=1)])
    with pytest.raises(NumberOverflowError, match=r"Seen\.value"):
        one(fs.max("n") + fs.count(), [row(n=top)])


def test_the_mean_of_integers_comes_from_their_exact_sum() -> None:
    assert one(fs.mean("n"), [row(n=2**63 - 1), row(n=2**63 - 1), row(n=-(2**63) + 1)]) == [(2**63 - 1) / 3]


@oracle_only
def test_a_float_sum_is_exact_whatever_the_order() -> None:
    assert one(fs.sum("x"), [row(x=x) for x in (1e16, 0.5, -1e16)]) == [0.5]


def test_decimals_are_added_exactly_in_their_scale() -> None:
    rows = [row(money=Decimal("0.10")), row(money=Decimal("0.20"))]
    (total,) = one(fs.sum("money"), rows)
    assert (total, str(total)) == (Decimal("0.30"), "0.30")
    assert one(fs.sum("money") * fs.sum("money"), rows) == [Decimal("0.0900")]
    assert one(fs.sum("money") * 0.5, rows) == [0.15]


def test_std_is_that_of_a_sample_and_null_below_two_values() -> None:
    assert one(fs.std("n"), [row(n=n) for n in (2, 4, 4, 4, 5, 5, 7, 9)])[0] == pytest.approx(math.sqrt(32 / 7))
    assert one(fs.std("n"), [row(n=2), row(n=None)]) == [None]
    assert one(fs.std("x"), [row(x=NAN)]) == [None]


@pytest.mark.parametrize(("q", "expected"), [(0.5, 20.0), (0.25, 15.0), (0.9, 36.0), (0.0, 10.0), (1.0, 40.0)])
def test_a_percentile_interpolates(q: float, expected: float) -> None:
    assert one(fs.percentile("n", q), [row(n=n) for n in (40, 10, 20)])[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1.0, INF], INF), ([-INF, 1.0], -INF), ([-INF, INF], "NaN"), ([INF, INF], INF), ([-INF, 5.0, INF], 5.0)],
)
def test_a_percentile_beside_an_infinity_is_that_infinity(values: list[float], expected: object) -> None:
    assert [listed(value) for value in one(fs.percentile("x", 0.5), [row(x=x) for x in values])] == [expected]


@pytest.mark.parametrize("size", [1.0, 1e200, 1e-200])
def test_std_is_there_for_numbers_of_any_size(size: float) -> None:
    assert one(fs.std("x"), [row(x=x * size) for x in (-1.0, 0.0, 1.0)])[0] == pytest.approx(size, rel=1e-12)


def test_the_newest_values_of_one_time_are_ordered_as_ties_are() -> None:
    rows = [row(n=1, x=3.0), row(n=1, x=2.0), row(n=2, x=None), row("09:00", n=9, x=9.0)]
    assert one(fs.last_n("n", 3), rows) == [[2, 1, 1]]
    assert one(fs.last_n("x", 3), rows) == [[3.0, 2.0, 9.0]]
    assert one(fs.last_n("x", 3, where=fs.col("n") > 0), rows) == [[3.0, 2.0, 9.0]]


def test_first_and_last_keep_the_type() -> None:
    (money,) = one(fs.last("money"), [row(money=Decimal("1.50"))])
    assert isinstance(money, Decimal)
    (seen,) = one(fs.last("at"), [row("10:00")])
    assert seen == datetime.datetime(2024, 5, 1, 10, tzinfo=datetime.UTC)


# Expressions


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        (fs.col("x") == NAN, ["nan"]),
        (fs.col("x") > 1e300, ["nan"]),
        (fs.col("x") == 0.0, ["-0", "0"]),
        (fs.col("x") < 0.0, []),
        (fs.col("x").is_in([0.0, NAN]), ["-0", "0", "nan"]),
        ((fs.col("x") == 0.0) | (fs.col("city") == "null"), ["-0", "0", "null"]),
        (~(fs.col("x") == 0.0), ["nan"]),
        (fs.col("x").is_null(), ["null"]),
        ((fs.col("x") == 0.0) & fs.col("flag"), []),
        (fs.when(fs.col("x") == 0.0, "yes", "no") == "no", ["nan", "null"]),
        (fs.col("x").fill_null(0.0) == 0.0, ["-0", "0", "null"]),
    ],
)
def test_conditions_are_three_valued_and_follow_the_order_of_values(condition: fs.RowValue, kept: list[str]) -> None:
    rows = [row(x=x, city=city) for x, city in ((0.0, "0"), (-0.0, "-0"), (NAN, "nan"), (None, "null"))]
    (found,) = one(fs.last_n("city", 9, where=condition), rows)
    assert sorted(found if isinstance(found, list) else []) == kept


def test_numbers_of_two_types_are_compared_and_computed_in_the_wider_one() -> None:
    rows = [row(n=2**53 + 1, x=2.0**53)]
    assert one(fs.count(where=fs.col("n") == fs.col("x")), rows) == [1]
    assert one((fs.col("n") + 0.0).sum(), rows) == [2.0**53]
    assert one((fs.col("n") - 2**53).sum(), rows) == [1]


def test_casts_round_to_nearest_and_refuse_what_does_not_fit() -> None:
    assert one(fs.last("n").cast(Float64), [row(n=2**53 + 3)]) == [2.0**53 + 4]
    assert one(fs.col("flag").cast(Int64).sum(), [row(flag=True), row(flag=False)]) == [1]
    small = DecimalType(3, 1)
    values = [Decimal("1.25"), Decimal("-1.25"), Decimal("1.24")]
    found = [one(fs.last("money").cast(small), [row(money=money)])[0] for money in values]
    assert list(map(str, found)) == ["1.3", "-1.3", "1.2"]
    with pytest.raises(NumberOverflowError):
        one(fs.last("money").cast(small), [row(money=Decimal("99.95"))])


# 2 Steps


@transformation()
def cheap(keyed: Rows) -> str:
    return f"SELECT customer_id, n * 2 AS doubled FROM {keyed} WHERE n < 50"


def cheap_step(parameter: str, cells: Row) -> Iterable[Row]:
    number: Any = cells["n"]
    return [{"customer_id": cells["customer_id"], "doubled": number * 2}] if number < 50 else []


@transformation()
def cheaper(cheap: Rows) -> str:
    return f"SELECT * FROM {cheap} WHERE doubled < 50"


def cheaper_step(parameter: str, cells: Row) -> Iterable[Row]:
    number: Any = cells["doubled"]
    return [cells] if number < 50 else []


def test_steps_see_versions_that_count_and_keep_their_times() -> None:
    @features(entity=customer, source=cheap)
    class Cheap:
        doubled = fs.sum("doubled", over="1h")

    @features(entity=customer, source=cheaper)
    class Cheaper:
        last_doubled = fs.last("doubled")

    rows = [
        row("10:30", "10:30", order_id=1, n=20),
        row("10:45", "10:45", order_id=2, n=30),
        row("10:45", "11:30", order_id=1, n=70),
    ]
    spine = [{"customer_id": 1, "t": at(time)} for time in ("11:00", "12:00")]
    steps = {"cheap": cheap_step, "cheaper": cheaper_step}
    found = many([Cheap, Cheaper], spine, {"keyed": rows}, steps)
    assert [(each["doubled"], each["last_doubled"]) for each in found] == [(100, 40), (None, None)]


@oracle_only
def test_a_step_that_the_oracle_was_not_given_is_refused() -> None:
    @features(entity=customer, source=cheap)
    class Cheap:
        doubled = fs.sum("doubled")

    with pytest.raises(NotSupportedError, match="cheap"):
        many([Cheap], [{"customer_id": 1, "t": at("12:00")}], {"keyed": []})


def test_versions_of_a_row_that_a_step_reads_are_told_apart_by_what_the_step_reads() -> None:
    @features(entity=customer, source=cheap)
    class Cheap:
        doubled = fs.sum("doubled")

    rows = [row("10:00", "10:00", order_id=1, n=n) for n in (20, 30, 10)]
    spine = [{"customer_id": 1, "t": at("12:00")}]
    (found,) = many([Cheap], spine, {"keyed": rows}, {"cheap": cheap_step})
    assert found["doubled"] == 60


# 13 The spine, 14 join keys, 15 time zones


@features(entity=customer, source=plain)
class Habits:
    orders = fs.count()
    last_city = fs.last("city")


def test_the_spine_comes_back_row_by_row_with_its_own_columns_first() -> None:
    noon = at("12:00")
    spine = [{"note": note, "customer_id": key, "t": noon} for note, key in (("x", 1), ("y", None), ("x", 1))]
    before = [dict(each) for each in spine]
    found = many([Habits], spine, {"plain": [row(city="DE")]})
    assert [list(each) for each in found] == [["note", "customer_id", "t", "orders", "last_city"]] * 3
    assert [tuple(each.values()) for each in found] == [
        ("x", 1, noon, 1, "DE"),
        ("y", None, noon, 0, None),
        ("x", 1, noon, 1, "DE"),
    ]
    assert spine == before


@oracle_only
@pytest.mark.parametrize(
    ("spine_row", "said"),
    [
        ({"customer_id": 1, "t": None}, "None"),
        ({"customer_id": 1}, "'t'"),
        ({"customer_id": 1.0, "t": at("12:00")}, "floats"),
        ({"customer_id": "1", "t": at("12:00")}, "Int64"),
        ({"customer_id": True, "t": at("12:00")}, "Int64"),
        ({"t": at("12:00")}, "customer_id"),
        ({"customer_id": 1, "t": at("12:00"), "orders": 3}, "orders"),
    ],
)
def test_a_spine_that_cannot_be_used_is_refused(spine_row: Row, said: str) -> None:
    with pytest.raises(SpineError, match=said):
        many([Habits], [spine_row], {"plain": []})


@oracle_only
def test_naive_times_are_utc_and_aware_ones_are_converted() -> None:
    spine = [
        {"customer_id": 1, "t": at("2024-03-31 02:30")},
        {"customer_id": 1, "t": at("2024-03-31 03:30+02:00")},
        {"customer_id": 1, "t": at("2024-03-31 04:00+02:00")},
    ]
    found = many([Habits], spine, {"plain": [row("2024-03-31 04:00+02:00")]})
    assert [each["orders"] for each in found] == [1, 0, 1]
    assert found[1]["t"] == spine[1]["t"]


route = Entity("route", keys={"origin": String, "dest": String})
flights = Source("flights", table="flights", event_time="at", keys={"dest": "destination"})
FLIGHTS: Schema = {"origin": String, "destination": String, "at": Timestamp, "n": Int64}


@feature(entity=route)
def delay_of_route(flights: Rows) -> Value:
    return flights.n.sum()


def test_composite_keys_match_as_tuples_and_by_bytes() -> None:
    rows = [
        {"origin": origin, "destination": dest, "at": at("10:00"), "n": n}
        for origin, dest, n in (("a", "b", 1), ("b", "a", 2), ("A", "b", 4), ("a", None, 8), ("a,b", "", 16))
    ]
    spine = [
        {"origin": origin, "dest": dest, "t": at("12:00")}
        for origin, dest in (("a", "b"), ("b", "a"), ("a", None), ("a", "b "), ("a,b", ""))
    ]
    found = many([delay_of_route], spine, {"flights": rows})
    assert [each["delay_of_route"] for each in found] == [1, 2, None, None, 16]


def test_a_role_takes_the_keys_from_other_columns() -> None:
    rows = [{"origin": "a", "destination": "b", "at": at("10:00"), "n": 5}]
    spine = [{"origin": "b", "dest": "a", "t": at("12:00")}]
    there = delay_of_route.named("there")
    back = delay_of_route.on(origin="dest", dest="origin").named("back")
    (found,) = many([there, back], spine, {"flights": rows})
    assert (found["there"], found["back"]) == (None, 5)


def test_a_key_column_of_floats_in_a_source_is_refused() -> None:
    schema = {**COLUMNS, "customer_id": Float64}
    with pytest.raises(ColumnTypeError, match="customer_id"):
        many(
            [Habits],
            [{"customer_id": 1, "t": at("12:00")}],
            {"plain": [row(customer_id=1.0)]},
            schemas={"plain": schema},
        )


@oracle_only
def test_rows_that_do_not_fit_their_source_are_refused() -> None:
    spine = [{"customer_id": 1, "t": at("12:00")}]
    with pytest.raises(MissingTableError, match="plain"):
        many([Habits], spine, {})
    with pytest.raises(MissingColumnError, match="city"):
        many([Habits], spine, {"plain": [{"customer_id": 1, "at": at("10:00")}]})
    with pytest.raises(ColumnTypeError, match="12"):
        many([Habits], spine, {"plain": [row(city=12)]})


# 16 Derived and on-demand


@feature(entity=customer, every="1h")
def hourly_total(plain: Rows) -> Value:
    return plain.x.sum()


@feature(entity=customer, every="1d")
def daily_total(plain: Rows) -> Value:
    return plain.x.sum()


@feature(entity=customer)
def growth(hourly_total: Value, daily_total: Value) -> Value:
    return hourly_total / daily_total


@feature(entity=customer)
def growth_percent(growth: Value) -> Value:
    return (growth * 100).fill_null(-1)


class Risk(NamedTuple):
    score: float | None
    hour: int


@on_demand()
def risk(amount: Request[float], t: RequestTime, total: Annotated[float | None, use(hourly_total)]) -> Risk:
    return Risk(None if total is None else amount / total, t.hour)


@on_demand()
def doubled_growth(growth: float | None) -> float | None:
    return None if growth is None else growth * 2


def test_derived_features_see_each_input_at_its_own_boundary() -> None:
    rows = [row("2024-03-01 10:00", x=2.0), row("2024-03-02 12:00", x=4.0), row("2024-03-02 13:01", x=8.0)]
    spine = [{"customer_id": key, "t": at("2024-03-02 13:05")} for key in (1, 2)]
    found = many([growth, growth_percent, doubled_growth], spine, {"plain": rows})
    assert [tuple(each.values())[2:] for each in found] == [(3.0, 300.0, 6.0), (None, -1.0, None)]


def test_an_on_demand_feature_sees_request_values_and_the_time_of_the_row() -> None:
    spine = [
        {"customer_id": 1, "amount": 3.0, "t": at("12:30")},
        {"customer_id": None, "amount": 3, "t": at("12:30+02:00")},
    ]
    found = many([risk], spine, {"plain": [row(x=2.0)]})
    assert [(each["risk_score"], each["risk_hour"]) for each in found] == [(1.5, 12), (None, 10)]


def test_an_exception_names_the_row_and_the_function() -> None:
    spine = [{"customer_id": one, "amount": 1.0, "t": at("12:00")} for one in (1, 2)]
    with pytest.raises(UserCodeError, match=r"risk.*row 1") as raised:
        many([risk], spine, {"plain": [row(x=2.0), row(customer_id=2, x=0.0)]})
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


@on_demand()
def of_several(value: Annotated[float, use(risk)]) -> float:
    return value


def test_a_function_that_returns_several_values_is_no_input() -> None:
    with pytest.raises(NotSupportedError, match="risk_score, risk_hour"):
        many([of_several], [{"customer_id": 1, "amount": 1.0, "t": at("12:00")}], {"plain": []})


def test_a_missing_request_value_is_an_error_of_the_spine() -> None:
    with pytest.raises(SpineError, match="amount"):
        many([risk], [{"customer_id": 1, "t": at("12:00")}], {"plain": []})


def test_a_null_request_value_is_an_error_unless_the_function_takes_one() -> None:
    with pytest.raises(NullRequestError, match="takes no null for the request value 'amount'"):
        many([risk], [{"customer_id": 1, "amount": None, "t": at("12:00")}], {"plain": []})
