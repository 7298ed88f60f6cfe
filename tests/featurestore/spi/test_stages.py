"""Steps that are made before a statement: code on data frames, per boundary, snapshots; and as-of joins."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import polars as pl
import pytest

from featurestore.compiler.vector import layout_of
from featurestore.definitions import expressions as fs
from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import Rows
from featurestore.definitions.features import features
from featurestore.definitions.inputs import use
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.sources import Source
from featurestore.definitions.transformations import transformation
from featurestore.definitions.types import Float64, Int64, Schema, String, Timestamp
from featurestore.errors import (
    ColumnTypeError,
    DefinitionError,
    FeaturestoreError,
    MissingColumnError,
    TypeMismatchError,
    UserCodeError,
)
from featurestore.testing.engine import compute

customer = Entity("customer", keys={"customer_id": Int64})
orders = Source("orders", table="t", event_time="at", created_time="loaded", key="order_id")
ORDERS: Schema = {
    "order_id": Int64,
    "customer_id": Int64,
    "at": Timestamp,
    "loaded": Timestamp,
    "amount": Float64,
}
plans = Source("plans", table="t", event_time="since", created_time="known")
PLANS: Schema = {"customer_id": Int64, "since": Timestamp, "known": Timestamp, "plan": String}


def at(hour: float) -> datetime.datetime:
    return datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC) + datetime.timedelta(hours=hour)


def order(number: int, hour: float, amount: float, *, loaded: float | None = None, customer_id: int = 1) -> Any:
    known = at(hour if loaded is None else loaded)
    return {"order_id": number, "customer_id": customer_id, "at": at(hour), "loaded": known, "amount": amount}


def plan(hour: float, name: str, *, known: float | None = None) -> Any:
    return {"customer_id": 1, "since": at(hour), "known": at(hour if known is None else known), "plan": name}


def found(
    made: Any, hours: Sequence[float], folder: Path, *, rows: Sequence[Any], plan_rows: Sequence[Any] = ()
) -> Sequence[tuple[Any, ...]]:
    """The features of customer 1 at some hours, in declared order."""
    known = define([made, orders, plans], {"orders": ORDERS, "plans": PLANS}, Settings())
    selected = layout_of(known.select([made])).selected
    tables: Mapping[str, Sequence[Any]] = {"orders": rows, "plans": plan_rows}
    spine = [{"customer_id": 1, "t": at(hour)} for hour in hours]
    schemas = {"orders": ORDERS, "plans": PLANS}
    values = compute(selected, spine, tables, schemas, time="t", folder=folder)
    return [tuple(row[column] for one in selected for column in one.columns) for row in values]


def of(table: Any, **values: Any) -> Any:
    return features(entity=customer, source=table, version="v1", every="1h")(type("Made", (), values))


TOTALS = {"customer_id": Int64, "at": Timestamp, "total": Float64, "number": Int64}


@transformation(version="v1", time="per_boundary", event_time="at", columns=TOTALS)
def totals(orders: Rows) -> str:
    return """
        SELECT customer_id, max(at) AS at, sum(amount) AS total, count(*) AS number
        FROM {orders} GROUP BY customer_id
    """


def test_a_step_per_boundary_sees_the_rows_of_its_boundary(tmp_path: Path) -> None:
    rows = [order(1, 0.5, 1.0), order(2, 1.5, 10.0), order(2, 1.5, 100.0, loaded=3.5), order(3, 9, 1000.0)]
    made = of(totals, total=fs.last("total"), number=fs.last("number"), recent=fs.sum("total", over="1h"))
    assert found(made, [0, 1, 2, 3, 4], tmp_path, rows=rows) == [
        (None, None, None),
        (1.0, 1, 1.0),
        (11.0, 2, 11.0),
        (11.0, 2, None),
        (101.0, 2, None),
    ]


@transformation(version="v1", time="snapshot", event_time="at", columns=TOTALS)
def everything(orders: Rows) -> str:
    return """
        SELECT customer_id, min(at) AS at, sum(amount) AS total, count(*) AS number
        FROM {orders} GROUP BY customer_id
    """


def test_a_snapshot_is_made_of_all_that_is_known_now(tmp_path: Path) -> None:
    rows = [order(1, 0.5, 1.0), order(1, 0.5, 2.0, loaded=9), order(2, 9, 10.0)]
    assert found(of(everything, total=fs.last("total")), [0, 1], tmp_path, rows=rows) == [(None,), (12.0,)]


def doubled_in_pandas(orders: pd.DataFrame) -> pd.DataFrame:
    kept = orders[orders["amount"] > 0].iloc[::-1]
    return kept.assign(amount=kept["amount"] * 2)[["customer_id", "order_id", "amount"]]


def doubled_in_polars(orders: pl.DataFrame) -> pl.LazyFrame:
    return orders.lazy().filter(pl.col("amount") > 0).with_columns(pl.col("amount") * 2).reverse()


GIVEN = {"customer_id": Int64, "order_id": Int64, "amount": Float64}


@pytest.mark.parametrize(("engine", "function"), [("pandas", doubled_in_pandas), ("polars", doubled_in_polars)])
def test_a_row_wise_step_of_code_keeps_the_times_of_its_rows(
    engine: Any, function: Callable[..., Any], tmp_path: Path
) -> None:
    step = transformation(version="v1", engine=engine, columns=GIVEN, time="row_wise", name="doubled")(function)
    rows = [order(1, 0.5, 1.0), order(2, 0.6, -5.0), order(1, 0.5, 4.0, loaded=1.5), order(3, 2.5, 2**53 + 0.0)]
    made = of(step, total=fs.sum("amount", over="2h"), newest=fs.last("order_id"))
    assert found(made, [1, 2, 3], tmp_path, rows=rows) == [(2.0, 1), (8.0, 1), (2.0**54, 3)]


def test_integers_with_nulls_pass_through_pandas_exactly(tmp_path: Path) -> None:
    @transformation(version="v1", engine="pandas", columns=GIVEN, time="row_wise")
    def same(orders: pd.DataFrame) -> pd.DataFrame:
        return orders

    rows = [order(2**53 + 1, 0.5, 1.0), order(2, 0.6, 1.0, customer_id=2) | {"customer_id": None}]
    assert found(of(same, newest=fs.last("order_id")), [1], tmp_path, rows=rows) == [(2**53 + 1,)]


def test_code_per_boundary_is_given_what_exists_there(tmp_path: Path) -> None:
    @transformation(version="v1", engine="pandas", columns=TOTALS, time="per_boundary", event_time="at")
    def grouped(orders: pd.DataFrame) -> pd.DataFrame:
        found = orders.groupby("customer_id", as_index=False)
        return found.agg(at=("at", "max"), total=("amount", "sum"), number=("amount", "count"))

    rows = [order(1, 0.5, 1.0), order(2, 1.5, 10.0), order(2, 1.5, 100.0, loaded=3.5)]
    made = of(grouped, total=fs.last("total"), number=fs.last("number"))
    assert found(made, [1, 3, 4], tmp_path, rows=rows) == [(1.0, 1), (11.0, 2), (101.0, 2)]


def test_a_row_wise_step_over_a_step_per_boundary(tmp_path: Path) -> None:
    @transformation(version="v1")
    def large(totals: Rows) -> str:
        return "SELECT customer_id, total FROM {totals} WHERE total > 5"

    @transformation(version="v1", time="per_boundary", event_time="at", columns={"customer_id": Int64, "at": Timestamp})
    def first_of(totals: Annotated[Rows, use(totals)]) -> str:
        return "SELECT customer_id, at FROM {totals} ORDER BY at LIMIT 1"

    rows = [order(1, 0.5, 1.0), order(2, 1.5, 10.0)]
    assert found(of(large, total=fs.last("total")), [1, 2], tmp_path, rows=rows) == [(None,), (11.0,)]
    assert found(of(first_of, number=fs.count()), [0, 2], tmp_path, rows=rows) == [(0,), (1,)]


@transformation(version="v1")
def with_plan(orders: Rows, plans: Rows) -> Any:
    return orders.asof_join(plans, on="customer_id")


def test_an_as_of_join_takes_what_was_so_at_the_rows_own_time(tmp_path: Path) -> None:
    rows = [order(1, 1.5, 1.0, loaded=2.5), order(2, 1.9, 1.0), order(3, 0.1, 1.0)]
    plan_rows = [plan(1, "free"), plan(1.8, "paid", known=4.5), plan(5, "gone")]
    made = of(with_plan, plan=fs.last("plan"), free=fs.count(where=fs.col("plan") == "free"), all=fs.count())
    assert found(made, [1, 2, 3, 4, 5, 6], tmp_path, rows=rows, plan_rows=plan_rows) == [
        (None, 0, 1),
        ("free", 1, 2),
        ("free", 2, 3),
        ("free", 2, 3),
        ("paid", 1, 3),
        ("paid", 1, 3),
    ]


def test_a_corrected_right_row_gives_way_and_an_older_one_comes_back(tmp_path: Path) -> None:
    @transformation(version="v1")
    def paired(plans: Rows, orders: Rows) -> Any:
        return plans.asof_join(orders, on="customer_id")

    rows = [
        order(1, 0.5, 1.0),
        order(2, 0.8, 2.0),
        order(2, 0.8, 3.0, loaded=3.5, customer_id=7),
        order(1, 0.5, 9.0, loaded=4.5),
    ]
    made = of(paired, amount=fs.last("amount"), number=fs.count())
    assert found(made, [2, 3, 4, 5], tmp_path, rows=rows, plan_rows=[plan(1, "free")]) == [
        (2.0, 1),
        (2.0, 1),
        (1.0, 1),
        (9.0, 1),
    ]


def test_a_left_row_that_is_corrected_leaves_with_its_partner(tmp_path: Path) -> None:
    rows = [order(1, 1.5, 1.0), order(1, 1.5, 5.0, loaded=3.5)]
    made = of(with_plan, total=fs.sum("amount"), plan=fs.last("plan"), number=fs.count())
    assert found(made, [2, 4], tmp_path, rows=rows, plan_rows=[plan(1, "free")]) == [(1.0, "free", 1), (5.0, "free", 1)]


def raising(orders: pd.DataFrame) -> Any:
    return orders["nothing"]


def pathless(orders: pd.DataFrame) -> pd.DataFrame:
    return orders.drop(columns="amount")


def mistyped(orders: pd.DataFrame) -> pd.DataFrame:
    return orders.assign(amount="much")


def renumbered(orders: pd.DataFrame) -> pd.DataFrame:
    return orders.set_index("order_id", drop=False)


def listed(orders: pd.DataFrame) -> Any:
    return list(orders)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (raising, UserCodeError, "raising@v1 raised KeyError: 'nothing'"),
        (pathless, MissingColumnError, "pathless@v1 declares the column 'amount' and does not give it"),
        (mistyped, ColumnTypeError, "mistyped@v1 gives 'amount' as"),
        (renumbered, UserCodeError, "renumbered@v1 gives rows that it cannot tell the origin of"),
        (listed, TypeMismatchError, "listed@v1 returned list, not a pandas DataFrame"),
    ],
)
def test_what_is_wrong_with_code_names_the_step_and_its_place(
    function: Callable[..., Any], error: type[FeaturestoreError], message: str, tmp_path: Path
) -> None:
    step = transformation(version="v1", engine="pandas", columns=GIVEN, time="row_wise")(function)
    with pytest.raises(error) as caught:
        found(of(step, total=fs.sum("amount")), [1], tmp_path, rows=[order(77, 0.5, 1.0)])
    assert message in caught.value.message
    assert "test_stages.py" in (caught.value.where or "")


def test_a_polars_step_that_drops_the_row_numbers_is_told_to_keep_them(tmp_path: Path) -> None:
    @transformation(version="v1", engine="polars", columns=GIVEN, time="row_wise")
    def selected(orders: pl.DataFrame) -> pl.DataFrame:
        return orders.select("customer_id", "order_id", "amount")

    with pytest.raises(UserCodeError, match="dropped the column __row") as caught:
        found(of(selected, total=fs.sum("amount")), [1], tmp_path, rows=[order(1, 0.5, 1.0)])
    assert "per_boundary" in (caught.value.hint or "")


def test_code_must_say_how_its_rows_come_about() -> None:
    with pytest.raises(DefinitionError, match="does not say time=") as caught:
        transformation(version="v1", engine="pandas", columns=GIVEN)(raising)
    assert "check leaks" in (caught.value.hint or "")
