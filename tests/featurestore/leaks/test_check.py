"""What the leak check finds in features of a shop, whom it blames, and that it leaves the honest in peace."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
import pytest

from featurestore.compiler.query import BoundaryQuery, Entities, Hidden, Query
from featurestore.compiler.vector import layout_of
from featurestore.definitions import expressions as fs
from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import Rows
from featurestore.definitions.features import features
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.resolved import ResolvedLabel
from featurestore.definitions.services import FeatureService, Label
from featurestore.definitions.sources import Binding, Source
from featurestore.definitions.transformations import transformation
from featurestore.definitions.types import Bool, Float64, Int64, Schema, String, Timestamp
from featurestore.leaks import Effort, Finding, LeakReport, check_leaks
from featurestore.leaks.altered import AlteredStore
from featurestore.spi.providers import open_offline
from featurestore.spi.stores import NO_STAGES, OfflineStore, StagedTables
from featurestore.testing.engine import table_of

START = datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC)
HOUR = 3_600_000_000
ORDERS: Schema = {
    "order_id": Int64,
    "customer_id": Int64,
    "ordered_at": Timestamp,
    "loaded_at": Timestamp,
    "amount": Float64,
    "city": String,
    "returned": Bool,
}


def at(hour: float) -> datetime.datetime:
    return START + datetime.timedelta(hours=hour)


def order(number: int) -> dict[str, object]:
    """An order every two hours, loaded soon, some late; some lack an amount; some come back."""
    hour = 2 * number + number % 7 / 10
    return {
        "order_id": number,
        "customer_id": number % 5,
        "ordered_at": at(hour),
        "loaded_at": at(hour + (9 if number % 11 == 0 else 0.25)),
        "amount": None if number % 4 == 0 else float(number * 37 % 101),
        "city": ["Rome", "Oslo", "Bern"][number % 3],
        "returned": number % 5 == 1,
    }


ROWS = [order(number) for number in range(80)]

customer = Entity("customer", keys={"customer_id": Int64})
orders = Source("orders", path="orders.parquet", event_time="ordered_at", created_time="loaded_at", key="order_id")

FEW = Effort(boundaries=3)
Known = Mapping[Source, Schema]
Check = Callable[..., LeakReport]


def of(table: Any, every: str = "1h", **values: Any) -> Any:
    """Features of a customer, made of a table's rows."""
    return features(entity=customer, source=table, version="v1", every=every)(type("Made", (), values))


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Checks features over files of rows: `orders.parquet`, and those that a test has written."""
    pyarrow.parquet.write_table(table_of(ROWS, ORDERS), tmp_path / "orders.parquet")

    def checked(
        made: Any,
        *more: Any,
        known: Known | None = None,
        effort: Effort = FEW,
        engine: Callable[[OfflineStore], OfflineStore] = lambda store: store,
    ) -> LeakReport:
        sources = {orders: ORDERS, **(known or {})}
        schemas = {source.name: schema for source, schema in sources.items()}
        found = define([made, *more, *sources], schemas, Settings())
        bindings: dict[str, Binding] = {source.name: source.binding for source in sources}
        stored = dict.fromkeys(slot.feature for slot in layout_of(found.select([made])).slots)
        labels = [one.resolved for one in found.of_kind("label") if isinstance(one.resolved, ResolvedLabel)]
        store = open_offline("duckdb", {}, tmp_path, tmp_path, "the test's store")
        try:
            return check_leaks(list(stored), labels, engine(store), bindings, effort)
        finally:
            store.close()

    return checked


def only(report: LeakReport, kind: str) -> Finding:
    """The one finding of a report, which is of a kind."""
    assert [one.kind for one in report.findings] == [kind], report
    return report.findings[0]


# --- steps that are code --------------------------------------------------------------------------------------------

GIVEN = {"customer_id": Int64, "amount": Float64}
TIMED = {**GIVEN, "ordered_at": Timestamp}


@transformation(version="v1", engine="pandas", columns=GIVEN, time="row_wise")
def filled_backwards(orders: pd.DataFrame) -> pd.DataFrame:
    in_order = orders.sort_values("ordered_at")
    return in_order.assign(amount=in_order.groupby("customer_id")["amount"].bfill())


@transformation(version="v1", engine="pandas", columns=GIVEN, time="row_wise")
def normalized(orders: pd.DataFrame) -> pd.DataFrame:
    return orders.assign(amount=orders["amount"] - orders["amount"].mean())


@transformation(version="v1", engine="pandas", columns=GIVEN, time="row_wise")
def of_the_day(orders: pd.DataFrame) -> pd.DataFrame:
    total = orders.groupby([orders["customer_id"], orders["ordered_at"].dt.floor("D")])["amount"].transform("sum")
    return orders.assign(amount=total)


@transformation(version="v1", engine="polars", columns=GIVEN, time="row_wise")
def ranked(orders: pl.DataFrame) -> pl.LazyFrame:
    return orders.lazy().with_columns(pl.col("amount").rank().over("customer_id").cast(pl.Float64))


@pytest.mark.parametrize("step", [filled_backwards, normalized, of_the_day, ranked], ids=lambda one: one.name)
def test_code_that_looks_at_later_rows_is_found_and_named_with_an_example(step: Any, check: Check) -> None:
    leak = only(check(of(step, total=fs.sum("amount"))), "step")
    assert leak.level == "leak"
    assert leak.blame == f"transformation {step.name}@v1"
    assert leak.features == ("Made.total@v1",)
    assert "test_check.py" in (leak.where or "")
    assert "per_boundary" in leak.hint
    assert 0 < leak.changed <= leak.compared
    example = leak.example
    assert example is not None
    assert example.feature == "Made.total@v1"
    assert set(example.entity) == {"customer_id"}
    assert example.before != example.after


def test_the_row_is_named_without_which_the_value_is_another(check: Check) -> None:
    leak = only(check(of(filled_backwards, total=fs.sum("amount"))), "step")
    example = leak.example
    assert example is not None
    row = example.row
    assert row is not None
    assert row.source == "orders"
    assert row.done == "removed"
    assert set(row.columns) == {"order_id", "customer_id", "ordered_at", "loaded_at"}
    assert row.columns["customer_id"] == example.entity["customer_id"]
    loaded = row.columns["loaded_at"]
    assert isinstance(loaded, datetime.datetime)
    assert loaded > example.boundary, "it was not known"
    number = row.columns["order_id"]
    assert isinstance(number, int)
    assert ROWS[number]["amount"] is not None, "it is one that fills an earlier amount"


def test_a_step_that_would_prefer_a_later_version_is_found_though_there_is_none_yet(check: Check) -> None:
    @transformation(version="v1", engine="pandas", columns=GIVEN, time="row_wise")
    def newest(orders: pd.DataFrame) -> pd.DataFrame:
        return orders.sort_values("loaded_at").drop_duplicates("order_id", keep="last")

    leak = only(check(of(newest, number=fs.count())), "step")
    assert leak.example is not None
    assert leak.example.row is not None
    assert leak.example.row.done == "altered"


def test_the_first_of_several_steps_that_looks_ahead_is_blamed(check: Check) -> None:
    @transformation(version="v1", engine="pandas", columns=GIVEN, time="row_wise")
    def doubled(normalized: pd.DataFrame) -> pd.DataFrame:
        return normalized.assign(amount=normalized["amount"] * 2)

    @transformation(version="v1", engine="pandas", columns=GIVEN, time="row_wise")
    def halved(orders: pd.DataFrame) -> pd.DataFrame:
        return orders.assign(amount=orders["amount"] / 2)

    @transformation(version="v1", engine="pandas", columns=GIVEN, time="row_wise")
    def centered(halved: pd.DataFrame) -> pd.DataFrame:
        return halved.assign(amount=halved["amount"] - halved["amount"].mean())

    first = only(check(of(doubled, total=fs.sum("amount")), normalized), "step")
    second = only(check(of(centered, total=fs.sum("amount")), halved), "step")
    assert (first.blame, second.blame) == ("transformation normalized@v1", "transformation centered@v1")


def test_a_feature_that_does_not_read_what_leaks_is_not_accused(check: Check) -> None:
    leak = only(check(of(normalized, total=fs.sum("amount"), number=fs.count())), "step")
    assert leak.features == ("Made.total@v1",)


def test_honest_code_is_left_in_peace(check: Check) -> None:
    @transformation(version="v1", engine="pandas", columns=GIVEN, time="row_wise")
    def doubled(orders: pd.DataFrame) -> pd.DataFrame:
        return orders[orders["amount"] > 0].assign(amount=lambda rows: rows["amount"] * 2.1)

    @transformation(version="v1", engine="pandas", columns=TIMED, time="per_boundary", event_time="ordered_at")
    def centered(orders: pd.DataFrame) -> pd.DataFrame:
        return orders.assign(amount=orders["amount"] - orders["amount"].mean())

    for step in (doubled, centered):
        report = check(of(step, total=fs.sum("amount"), mean=fs.mean("amount", over="1d")))
        assert report.findings == ()
        assert report.unchecked == ()
        assert report.values > 2 * 4


def test_what_a_step_raises_is_a_finding_of_the_features_that_read_it(check: Check) -> None:
    @transformation(version="v1", engine="pandas", columns=GIVEN, time="row_wise")
    def raising(orders: pd.DataFrame) -> Any:
        return orders["nothing"]

    @transformation(version="v1", engine="polars", columns=GIVEN, time="row_wise")
    def raising_late(orders: pl.DataFrame) -> Any:
        return orders.lazy().select("nothing")

    for step, said in ((raising, "KeyError"), (raising_late, "ColumnNotFoundError")):
        error = only(check(of(step, total=fs.sum("amount"))), "error")
        assert error.level == "leak"
        assert said in error.message
        assert "test_check.py" in (error.where or "")


def test_a_step_that_needs_rows_of_the_future_is_a_finding_and_its_siblings_are_checked(check: Check) -> None:
    @transformation(version="v1", engine="pandas", columns=GIVEN, time="row_wise")
    def needy(orders: pd.DataFrame) -> pd.DataFrame:
        if len(orders) < len(ROWS):
            message = "too few"
            raise ValueError(message)
        return orders

    plain: Any = features(entity=customer, source=orders, version="v1", every="1h")(
        type("Plain", (), {"n": fs.count()})
    )
    made = of(needy, total=fs.sum("amount"))
    report = check(FeatureService("all", version="v1", features=[made, plain]))
    assert only(report, "error").features == ("Made.total@v1",)
    assert report.values > 0


# --- sources --------------------------------------------------------------------------------------------------------

RAW = "read_parquet('{folder}/orders.parquet')"
DAILY: Schema = {"customer_id": Int64, "day": Timestamp, "total": Float64}
DAY_TOTALS = "SELECT customer_id, date_trunc('day', ordered_at) AS day, sum(amount) AS total FROM {raw} GROUP BY ALL"


def query_source(text: str, folder: Path, **times: Any) -> Source:
    return Source("daily", query=text.format(raw=RAW.format(folder=folder)), **times)


def test_a_day_summed_up_and_stamped_at_its_midnight_is_found(check: Check, tmp_path: Path) -> None:
    daily = query_source(DAY_TOTALS, tmp_path, event_time="day")
    report = check(of(daily, total=fs.sum("total")), known={daily: DAILY})
    assert [(one.kind, one.blame) for one in report.findings] == [
        ("query", "source daily"),
        ("midnight", "source daily"),
    ]
    assert report.leaks[0].example is not None


def test_a_day_that_is_known_when_it_is_over_is_no_leak(check: Check, tmp_path: Path) -> None:
    said = query_source(DAY_TOTALS, tmp_path, event_time="day", known_after="1d")
    assert check(of(said, total=fs.sum("total")), known={said: DAILY}).findings == ()
    text = DAY_TOTALS.replace(" AS day,", " AS day, date_trunc('day', ordered_at) + INTERVAL 1 DAY AS known,")
    told = query_source(text, tmp_path, event_time="day", created_time="known")
    report = check(of(told, total=fs.sum("total")), known={told: {**DAILY, "known": Timestamp}})
    assert report.findings == ()
    assert report.unchecked == ()


def test_a_table_of_midnights_that_does_not_say_when_it_is_known_is_warned_of(check: Check, tmp_path: Path) -> None:
    rows = [{"customer_id": 1, "day": at(24 * day), "total": 1.0 * day} for day in range(6)]
    pyarrow.parquet.write_table(table_of(rows, DAILY), tmp_path / "daily.parquet")
    daily = Source("daily", path="daily.parquet", event_time="day")
    finding = only(check(of(daily, total=fs.sum("total")), known={daily: DAILY}), "midnight")
    assert finding.level == "warning"
    assert "known_after" in finding.hint


@pytest.mark.parametrize(
    ("text", "leaks"),
    [
        ("SELECT customer_id, ordered_at AS day, amount - avg(amount) OVER () AS total FROM {raw}", True),
        ("SELECT *, ordered_at AS day, lead(amount) OVER (ORDER BY ordered_at) AS total FROM {raw}", True),
        ("WITH o AS (SELECT *, ordered_at AS day FROM {raw}) SELECT *, avg(amount) OVER () AS total FROM o", True),
        ("SELECT customer_id, ordered_at AS day, (SELECT avg(amount) FROM {raw}) AS total FROM {raw}", True),
        ("SELECT *, ordered_at AS day, sum(amount) OVER (ORDER BY ordered_at) AS total FROM {raw}", False),
        ("SELECT customer_id, ordered_at AS day, amount AS total FROM {raw} WHERE amount > 3", False),
    ],
)
def test_a_query_that_looks_at_later_rows_is_found_and_one_that_looks_back_is_not(
    text: str, leaks: bool, check: Check, tmp_path: Path
) -> None:
    daily = query_source(text, tmp_path, event_time="day")
    report = check(of(daily, total=fs.sum("total")), known={daily: DAILY})
    assert [one.kind for one in report.findings] == ["query"] * leaks
    assert report.unchecked == ()


def test_a_query_whose_times_cannot_be_followed_is_said_to_be_unseen(check: Check, tmp_path: Path) -> None:
    text = "SELECT customer_id, coalesce(loaded_at, ordered_at) AS day, avg(amount) OVER () AS total FROM {raw}"
    daily = query_source(text, tmp_path, event_time="day")
    report = check(of(daily, total=fs.sum("total")), known={daily: DAILY})
    assert report.findings == ()
    assert "daily" in report.unchecked[0]


def test_a_join_to_the_current_state_of_a_table_is_marked_as_not_point_in_time(check: Check, tmp_path: Path) -> None:
    schema: Schema = {"customer_id": Int64, "plan": String}
    pyarrow.parquet.write_table(table_of([{"customer_id": 1, "plan": "paid"}], schema), tmp_path / "plans.parquet")
    plans = Source("plans", path="plans.parquet", key="customer_id")

    @transformation(version="v1")
    def with_plan(orders: Rows, plans: Rows) -> str:
        return "SELECT o.customer_id, o.amount, p.plan FROM {orders} o JOIN {plans} p USING (customer_id)"

    made = of(with_plan, paid=fs.count(where=fs.col("plan") == "paid"))
    finding = only(check(made, known={plans: schema}), "untimed")
    assert (finding.level, finding.blame, finding.features) == ("warning", "source plans", ("Made.paid@v1",))


def test_a_snapshot_is_marked_and_shown_to_change(check: Check) -> None:
    @transformation(version="v1", time="snapshot", event_time="ordered_at", columns=TIMED)
    def everything(orders: Rows) -> str:
        return "SELECT customer_id, min(ordered_at) AS ordered_at, sum(amount) AS amount FROM {orders} GROUP BY 1"

    finding = only(check(of(everything, total=fs.last("amount"))), "snapshot")
    assert (finding.level, finding.blame) == ("warning", "transformation everything@v1")
    assert finding.example is not None


# --- labels and serving ---------------------------------------------------------------------------------------------


@transformation(version="v1")
def sent_back(orders: Rows) -> str:
    return "SELECT customer_id, CASE WHEN returned THEN 1 ELSE 0 END AS lost, city FROM {orders}"


@pytest.mark.parametrize("through_a_step", [False, True])
def test_a_label_that_a_feature_reads_before_it_is_final_is_found(through_a_step: bool, check: Check) -> None:
    label = Label("returned", version="v1", source=orders, column="returned", entity=customer, matures_after="3d")
    made = (
        of(sent_back, lost=fs.sum("lost"), number=fs.count())
        if through_a_step
        else of(orders, lost=fs.count(where=fs.col("returned")), number=fs.count())
    )
    leak = only(check(made, label), "label")
    assert leak.blame == "label returned@v1"
    assert leak.features == ("Made.lost@v1",)
    assert leak.example is not None
    assert leak.example.row is not None


def test_a_label_that_is_final_when_its_row_is_known_may_be_read(check: Check) -> None:
    label = Label("returned", version="v1", source=orders, column="returned", entity=customer, matures_after="10m")
    assert check(of(orders, lost=fs.count(where=fs.col("returned"))), label).findings == ()


def test_a_source_that_does_not_say_when_rows_are_known_is_warned_of_where_a_label_takes_time(check: Check) -> None:
    hasty = Source("hasty", path="orders.parquet", event_time="ordered_at", key="order_id")
    label = Label("returned", version="v1", source=hasty, column="returned", entity=customer, matures_after="3d")
    made = of(hasty, total=fs.sum("amount"))
    finding = only(check(made, label, known={hasty: ORDERS}), "unripe")
    assert (finding.level, finding.blame, finding.features) == ("warning", "source hasty", ("Made.total@v1",))
    slow = Source("slow", path="orders.parquet", event_time="ordered_at", known_after="3d")
    label = Label("returned", version="v1", source=slow, column="returned", entity=customer, matures_after="3d")
    made = of(slow, lost=fs.count(where=fs.col("returned")))
    assert check(made, label, known={slow: ORDERS}).findings == ()


class OneBoundaryLate:
    """A store whose stored rows are those of the boundary before."""

    def __init__(self, store: OfflineStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def boundary_rows(
        self, query: BoundaryQuery, bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> "pa.RecordBatchReader":
        relations = tuple(
            replace(one, time=one.time - HOUR) if isinstance(one, Entities) else one for one in query.query.relations
        )
        return self._store.boundary_rows(
            replace(query, query=replace(query.query, relations=relations)), bindings, staged
        )


class OneBoundaryEarly(OneBoundaryLate):
    """A store that answers for the boundary after."""

    def run(
        self, query: Query, spine: "pa.Table", bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> "pa.RecordBatchReader":
        at = spine.column_names.index(Hidden.TIME)
        later = pa.compute.add(spine.column(Hidden.TIME), HOUR)
        return self._store.run(query, spine.set_column(at, Hidden.TIME, later), bindings, staged)

    def boundary_rows(
        self, query: BoundaryQuery, bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> "pa.RecordBatchReader":
        return self._store.boundary_rows(query, bindings, staged)


def test_training_that_is_one_boundary_off_from_serving_is_found(check: Check) -> None:
    made = of(
        orders, number=fs.count(), total=fs.sum("amount", over="1d"), city=fs.last("city", ttl="12h").fill_null("?")
    )
    assert check(made).findings == ()
    effort = Effort(boundaries=12)
    assert only(check(made, effort=effort, engine=OneBoundaryLate), "serving").level == "leak"


def test_an_engine_that_lets_later_rows_in_is_found(check: Check) -> None:
    made = of(orders, number=fs.count())
    finding = only(check(made, effort=Effort(boundaries=12), engine=OneBoundaryEarly), "engine")
    assert finding.example is not None
    assert finding.example.row is not None


# --- effort ---------------------------------------------------------------------------------------------------------


def test_equal_seeds_make_equal_reports_and_a_time_chooses_its_boundary(check: Check) -> None:
    made = of(filled_backwards, total=fs.sum("amount"))
    assert check(made) == check(made)
    one = check(made, effort=Effort(at=int(at(50.5).timestamp()) * 1_000_000))
    assert one.boundaries == 1
    assert only(one, "step").example is not None
    example = only(one, "step").example
    assert example is not None
    assert example.boundary == at(50)


def test_a_report_does_not_show_entities_where_it_is_logged(check: Check) -> None:
    report = check(of(filled_backwards, total=fs.sum("amount")))
    example = report.leaks[0].example
    assert example is not None
    assert "customer_id" not in repr(report)
    assert str(example.before) not in repr(example)


def test_a_part_of_a_large_source_is_looked_at_and_that_is_said(check: Check) -> None:
    report = check(of(orders, number=fs.count()), effort=Effort(rows=30))
    assert report.findings == ()
    assert report.unchecked == ("Of orders the first 30 rows were looked at.",)


def test_a_source_without_visible_rows_is_said_to_be_unseen(check: Check, tmp_path: Path) -> None:
    nothing = Source("nothing", path="nothing.parquet", event_time="ordered_at")
    pyarrow.parquet.write_table(table_of([], ORDERS), tmp_path / "nothing.parquet")
    report = check(of(nothing, number=fs.count()), known={nothing: ORDERS})
    assert report.values == 0
    assert "Made.number@v1" in report.unchecked[0]


def test_an_altered_store_is_an_offline_store(tmp_path: Path) -> None:
    store: OfflineStore = AlteredStore(open_offline("duckdb", {}, tmp_path, tmp_path, "the test's store"), {})
    store.close()
