from typing import Any

import pytest

import featurestore as fs
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.resolved import ResolvedTrainingSet
from featurestore.definitions.types import DataType
from featurestore.errors import ColumnTypeError, FeaturestoreError, MissingColumnError, NameClashError
from featurestore.training import check_inputs

customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
shop = fs.Entity("shop", keys={"shop_id": fs.String})
ORDERS: dict[str, DataType] = {
    "customer_id": fs.Int64,
    "shop_id": fs.String,
    "at": fs.Timestamp,
    "amount": fs.Float64,
}
LABELS: dict[str, DataType] = {"customer_id": fs.Int64, "asked": fs.Timestamp, "churned": fs.Bool}

orders = fs.Source("orders", path="orders.parquet", event_time="at")
labels = fs.Source("labels", path="labels.parquet", event_time="asked")


@fs.feature(entity=customer, version="v1", every="1d")
def spend(orders: fs.Rows) -> fs.Value:
    return orders.amount.sum(over="30d")


@fs.feature(entity=shop, version="v1", every="1d")
def turnover(orders: fs.Rows) -> fs.Value:
    return orders.amount.sum(over="30d")


@fs.on_demand(version="v1")
def ratio(basket: fs.Request[float], spend: float | None) -> float | None:
    return basket / spend if spend else None


@fs.transformation(version="v1")
def timeless(labels: fs.Rows) -> str:
    return "SELECT customer_id, churned FROM {labels}"


@fs.transformation(version="v1")
def numbered(labels: fs.Rows) -> str:
    return "SELECT customer_id, churned, customer_id AS event_time FROM {labels}"


def resolved(*features: object, source: object = labels, **columns: DataType) -> ResolvedTrainingSet:
    """A training set over label rows that have ``columns`` beside their own."""
    label = fs.Label("churned", version="v1", source=source, column="churned", entity=customer)
    wanted = fs.TrainingSet("churn", version="v1", label=label, features=features)
    found = define([wanted, labels], {"orders": ORDERS, "labels": {**LABELS, **columns}}, Settings())
    made = found.find("training_set:churn").resolved
    assert isinstance(made, ResolvedTrainingSet)
    return made


def refused(kind: type[FeaturestoreError], made: ResolvedTrainingSet) -> str:
    with pytest.raises(kind) as caught:
        check_inputs(made)
    assert "test_inputs.py:" in str(caught.value.where)
    return str(caught.value)


def test_a_training_set_whose_label_rows_bring_all_has_a_layout() -> None:
    layout = check_inputs(resolved(spend, ratio, basket=fs.Float64))
    assert list(layout.columns) == ["spend", "ratio"]


def test_a_missing_key_is_named_with_the_training_set_and_the_label() -> None:
    text = refused(MissingColumnError, resolved(turnover))
    assert "churn@v1 needs the key 'shop_id' (String)" in text
    assert "no column 'shop_id' in labels" in text


def test_a_key_in_a_role_is_looked_for_under_the_name_of_the_role() -> None:
    role = spend.on(customer_id="friend_id").named("friend_spend")
    assert "no column 'friend_id'" in refused(MissingColumnError, resolved(role))
    check_inputs(resolved(role, friend_id=fs.Int32))


def test_keys_below_an_on_demand_feature_are_looked_for_too() -> None:
    @fs.on_demand(version="v1")
    def busy(turnover: float | None) -> bool:
        return turnover is not None

    assert "'shop_id'" in refused(MissingColumnError, resolved(busy, turnover))


def test_a_missing_request_value_is_named() -> None:
    assert "the request value 'basket' (Float64)" in refused(MissingColumnError, resolved(ratio))


@pytest.mark.parametrize("given", [fs.Float64, fs.Float32, fs.String, fs.Decimal(10, 0)])
def test_a_key_of_integers_takes_nothing_but_integers(given: DataType) -> None:
    role = spend.on(customer_id="friend_id")
    assert f"is {given}" in refused(ColumnTypeError, resolved(role, friend_id=given))


@pytest.mark.parametrize("given", [fs.Int32, fs.Int64, fs.Float32, fs.Decimal(10, 2)])
def test_a_request_value_that_is_a_float_takes_any_number(given: DataType) -> None:
    check_inputs(resolved(ratio, basket=given))


@pytest.mark.parametrize("given", [fs.String, fs.Bool, fs.Timestamp])
def test_a_request_value_that_is_a_float_takes_nothing_else(given: DataType) -> None:
    refused(ColumnTypeError, resolved(ratio, basket=given))


def test_a_request_value_that_is_an_integer_takes_no_float() -> None:
    @fs.on_demand(version="v1")
    def doubled(count: fs.Request[int]) -> int:
        return count * 2

    check_inputs(resolved(doubled, count=fs.Int32))
    refused(ColumnTypeError, resolved(doubled, count=fs.Float64))


def test_a_column_of_the_label_rows_with_the_name_of_a_feature_is_refused() -> None:
    text = refused(NameClashError, resolved(spend, spend=fs.Float64))
    assert "two columns 'spend': a feature and a column of labels" in text


def test_a_feature_with_the_name_of_the_time_that_is_added_is_refused() -> None:
    feature: Any = spend.named("event_time")
    check_inputs(resolved(feature))
    assert "the time of the label rows" in refused(NameClashError, resolved(feature, source=timeless))


def test_a_column_that_stands_where_the_time_would_be_added_is_refused() -> None:
    assert "two columns 'event_time'" in refused(NameClashError, resolved(spend, source=numbered))
