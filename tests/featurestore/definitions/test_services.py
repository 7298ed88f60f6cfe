"""Services, labels and training sets select what models read."""

from typing import Any

import pytest

import featurestore as fs
from featurestore.definitions.services import selected
from featurestore.errors import DefinitionError, NameClashError

customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
orders = fs.Source("orders", path="a", event_time="t")


@fs.feature(entity=customer, every="1h")
def spend(orders: fs.Rows) -> fs.Value:
    """All spending."""
    return orders.amount.sum()


@fs.features(entity=customer, source=orders, every="1d")
class Habits:
    """What is usual."""

    orders = fs.count(over=["7d", "30d"])
    city = fs.last("city")


@fs.on_demand()
def ratio(amount: fs.Request[float], spend: float | None) -> float | None:
    """An amount against all spending."""
    return amount / spend if spend else None


habits: Any = Habits
churned = fs.Label("churned", source=orders, column="gone", entity=customer, matures_after="30d")


def columns(*items: object) -> list[str]:
    """The columns of a selection."""
    return [column for one in selected(items, "It") for column in one.columns]


def test_a_service_selects_features_classes_families_and_functions_in_order() -> None:
    service = fs.FeatureService("s", features=[ratio, habits.orders, spend.named("all"), habits.city])
    assert [one.column if hasattr(one, "column") else one.name for one in service.features] == [
        "ratio",
        "orders_7d",
        "orders_30d",
        "all",
        "city",
    ]
    assert columns(Habits) == columns(fs.FeatureService("t", features=[Habits])) == ["orders_7d", "orders_30d", "city"]


def test_a_training_set_takes_a_service_or_what_a_service_takes() -> None:
    service = fs.FeatureService("s", features=[spend, Habits])
    whole = fs.TrainingSet("t", label=churned, features=service)
    assert whole.service is service
    assert whole.features == service.features
    listed = fs.TrainingSet("t", label=churned, features=[service, ratio])
    assert listed.service is None
    assert listed.features == (*service.features, ratio)
    assert churned.matures_after == 30 * 86_400_000_000


@pytest.mark.parametrize(
    "items",
    [[], [3], ["spend"], "spend", [orders], [customer], [None], [churned], spend, ratio, None, [[spend]], [{}]],
    ids=str,
)
def test_what_cannot_be_selected_is_refused(items: Any) -> None:
    with pytest.raises(DefinitionError, match="service 's'"):
        fs.FeatureService("s", features=items)


@pytest.mark.parametrize(
    "items", [[spend, spend], [Habits, habits.orders], [spend, habits.city.named("spend")]], ids=str
)
def test_two_columns_of_one_name_are_refused_with_a_way_out(items: Any) -> None:
    with pytest.raises(NameClashError, match="named"):
        fs.FeatureService("s", features=items)


def test_one_feature_in_two_roles_has_two_names() -> None:
    assert columns(spend.on(customer_id="buyer").named("a"), spend.on(customer_id="seller").named("b")) == ["a", "b"]


def test_the_label_of_a_training_set_is_a_label() -> None:
    with pytest.raises(DefinitionError, match="label"):
        fs.TrainingSet("t", label=spend, features=[spend])  # type: ignore[arg-type]
