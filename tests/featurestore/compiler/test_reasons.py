"""What is said of a query beside its statement."""

from typing import Any

import pytest

from featurestore.compiler.compile import compile_values
from featurestore.compiler.reasons import Reasons, reasons
from featurestore.compiler.vector import layout_of
from featurestore.definitions import expressions as fs
from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import Rows
from featurestore.definitions.features import features
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.sources import Source
from featurestore.definitions.transformations import transformation
from featurestore.definitions.types import Int64, Schema, Timestamp

COLUMNS: Schema = {"customer_id": Int64, "at": Timestamp, "loaded": Timestamp, "id": Int64, "n": Int64}

customer = Entity("customer", keys={"customer_id": Int64})
orders = Source("orders", table="t", event_time="at", created_time="loaded", key="id")
visits = Source("visits", table="t", event_time="at")
rates = Source("rates", table="t", key="customer_id")


@transformation(version="v1")
def large(orders: Rows) -> str:
    return "SELECT customer_id, n FROM {orders} WHERE n > 5"


@transformation(version="v1")
def visited(orders: Rows, visits: Rows) -> Any:
    return orders.asof_join(visits, on="customer_id")


@transformation(version="v1", engine="pandas", time="row_wise", columns={"customer_id": Int64, "n": Int64})
def scored(orders: Any) -> Any:
    return orders


@transformation(version="v1", time="per_boundary", event_time="at", columns=COLUMNS)
def newest(orders: Rows) -> str:
    return "SELECT * FROM {orders} ORDER BY at LIMIT 10"


@transformation(version="v1", time="snapshot", event_time="at", columns=COLUMNS)
def now(orders: Rows) -> str:
    return "SELECT DISTINCT * FROM {orders}"


def of(table: Any, **values: Any) -> Any:
    return features(entity=customer, source=table, version="v1", every="1h", delay="10m")(type("Made", (), values))


def found(made: Any) -> Reasons:
    known = define([made, orders, visits, rates], dict.fromkeys(("orders", "visits", "rates"), COLUMNS), Settings())
    layout = layout_of(known.select([made]))
    return reasons(layout, compile_values(layout))


@pytest.mark.parametrize(
    ("table", "what", "how", "opaque"),
    [
        (large, "sql step", "proven from its SQL", False),
        (visited, "as-of join on customer_id", "the newest right row at its own event time", False),
        (scored, "pandas step", "not proven", True),
        (newest, "sql step", "once for each boundary", False),
        (now, "sql step", "not point-in-time", False),
        (rates, "source", "untimed: not point-in-time", False),
        (orders, "source", "known at loaded; of each id the newest version", False),
        (visits, "source", "known when it happens", False),
    ],
)
def test_a_table_is_told_with_how_its_rows_are_known(table: Any, what: str, how: str, opaque: bool) -> None:
    told = found(of(table, a=fs.count())).tables[-1]
    assert (told.what, told.opaque) == (what, opaque)
    assert how in told.how


def test_features_that_share_a_pass_are_told_together() -> None:
    told = found(of(orders, week=fs.sum("n", over="7d"), day=fs.count(over="1d"), all=fs.count()))
    assert [made.features for made in told.passes] == [("Made.week@v1", "Made.day@v1"), ("Made.all@v1",)]
    assert [made.points for made in told.passes] == ["customer_id, at boundaries every 1h, delay 10m"] * 2
    assert "no window reaches farther back than 7d" in told.passes[0].join
    assert "a window has no beginning" in told.passes[1].join
    assert told.features[0].how == "n.sum(over=7d)"
