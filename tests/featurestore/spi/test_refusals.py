"""What goes beyond a store's capabilities is refused by name, with its place and what there is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from featurestore.definitions import expressions as fs
from featurestore.definitions import types
from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import Rows, Value
from featurestore.definitions.features import Cadence, feature, features
from featurestore.definitions.functions import AGGREGATIONS
from featurestore.definitions.on_demand import on_demand
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.resolved import ResolvedLabel
from featurestore.definitions.services import Label
from featurestore.definitions.sources import Source
from featurestore.definitions.transformations import ENGINES, TIMES, transformation
from featurestore.definitions.types import Array, Bool, DataType, Decimal, Float64, Int64, Schema, String, Timestamp
from featurestore.errors import NotSupportedError
from featurestore.spi.capabilities import EVERYTHING, Capabilities
from featurestore.spi.refusals import refuse_label, refuse_selected

SCHEMA: Schema = {
    "id": String,
    "customer_id": Int64,
    "at": Timestamp,
    "gone": Bool,
    "n": Int64,
    "x": Float64,
    "price": Decimal(10, 2),
    "tags": Array[String],
}
WHOLE = frozenset({"Int64", "Timestamp"})
customer = Entity("customer", keys={"customer_id": Int64})
orders = Source("orders", table="orders", event_time="at")
keyed = Source("keyed", table="keyed", event_time="at", key="id", deleted="gone")


@transformation(version="v1")
def paid(orders: Rows) -> str:
    return "SELECT customer_id, n FROM {orders}"


@feature(entity=customer, version="v1")
def spent(orders: Rows) -> Value:
    return orders.x.sum()


@feature(entity=customer, version="v1")
def half(spent: Value) -> Value:
    return spent / 2


@on_demand(version="v1")
def doubled(half: float | None) -> float | None:
    return None if half is None else half * 2


def refused(value: Value, source: object = orders, **other: Any) -> str:
    """What is said of a feature to a store with other capabilities; empty where it is not refused."""
    made: Any = features(entity=customer, source=source, version="v1")(type("Made", (), {"value": value}))
    return said([made], replace(EVERYTHING, **other))


def said(chosen: list[object], capabilities: Capabilities) -> str:
    schemas: Mapping[str, Schema] = dict.fromkeys(("orders", "keyed"), SCHEMA)
    found = define([*chosen, orders, keyed, paid, spent, half, doubled], schemas, Settings(cadence=Cadence(every=1)))
    try:
        refuse_selected(found.select(chosen), capabilities, "this store")
    except NotSupportedError as error:
        return error.message
    return ""


def test_a_refusal_says_where_and_what_there_is() -> None:
    found = define([spent, orders], {"orders": SCHEMA}, Settings(cadence=Cadence(every=1))).select([spent])
    with pytest.raises(NotSupportedError) as caught:
        refuse_selected(found, replace(EVERYTHING, aggregations=frozenset({"max", "count"})), "this store")
    assert "test_refusals.py" in (caught.value.where or "")
    assert (caught.value.hint or "").startswith("It has count, max. ")


def test_a_store_that_declares_nothing_can_do_everything() -> None:
    assert EVERYTHING.aggregations == frozenset(AGGREGATIONS)
    assert EVERYTHING.engines == frozenset(ENGINES)
    assert EVERYTHING.steps == frozenset({*TIMES, "asof_join"})
    plain = {str(one) for one in vars(types).values() if isinstance(one, DataType)}
    assert EVERYTHING.types == plain | {"Decimal", "Array", "Vector"}
    assert refused(fs.mean("price") / fs.count()) == ""


def test_an_aggregation_is_refused_by_its_name() -> None:
    few = frozenset({"count", "sum"})
    assert refused(fs.sum("n") + fs.count(), aggregations=few) == ""
    assert refused(fs.sum("n") + fs.max("n"), aggregations=few) == (
        "Made.value@v1 uses max(), which this store cannot compute."
    )


@pytest.mark.parametrize(
    ("value", "data_type"),
    [
        (fs.last("x"), Float64),
        (fs.last("n", where=fs.col("x").is_null()), Float64),
        (fs.mean("n"), Float64),
        (fs.sum("n") / 2, Float64),
        (fs.sum("n").cast(Decimal(20, 0)), Decimal(20, 0)),
        (fs.last("tags").is_null(), Array[String]),
        (fs.count(where=fs.col("n") > 0.5), Float64),
    ],
)
def test_a_type_is_refused_wherever_it_comes_up(value: Value, data_type: DataType) -> None:
    few = frozenset({"Int64", "Timestamp", "Bool", "Array"})
    expected = f"Made.value@v1 needs values of the type {String if data_type.name == 'Array' else data_type}"
    assert refused(value, types=few).startswith(expected)


def test_columns_that_nothing_reads_do_not_count() -> None:
    assert refused(fs.sum("n"), types=WHOLE) == ""


def test_times_key_and_deletion_mark_of_a_source_count() -> None:
    assert "String" in refused(fs.sum("n"), keyed, types=WHOLE | {"Bool"})
    assert "Bool" in refused(fs.sum("n"), keyed, types=WHOLE | {"String"})
    assert "Timestamp" in refused(fs.sum("n"), keyed, types=frozenset({"Int64", "String", "Bool"}))
    assert refused(fs.sum("n"), keyed, types=WHOLE | {"String", "Bool"}) == ""


def test_a_step_is_refused_by_its_kind_and_by_what_it_is_written_in() -> None:
    assert refused(fs.sum("n"), paid) == ""
    assert "paid@v1, a step of the kind row_wise" in refused(fs.sum("n"), paid, steps=frozenset())
    assert "paid@v1, written in sql" in refused(fs.sum("n"), paid, engines=frozenset({"ibis"}))


def test_what_a_feature_is_made_of_is_refused_with_it() -> None:
    for one in (spent, half, doubled):
        assert said([one], replace(EVERYTHING, types=WHOLE)).startswith("spent@v1 needs values of the type Float64")


def test_a_label_needs_all_columns_of_its_rows() -> None:
    label = Label("bought", version="v1", source=orders, column="n", entity=customer)
    found = define([label], {"orders": SCHEMA}, Settings()).find("label:bought").resolved
    assert isinstance(found, ResolvedLabel)
    refuse_label(found, EVERYTHING, "this store")
    with pytest.raises(NotSupportedError, match=r"bought@v1 needs values of the type Decimal"):
        refuse_label(found, replace(EVERYTHING, types=EVERYTHING.types - {"Decimal"}), "this store")
