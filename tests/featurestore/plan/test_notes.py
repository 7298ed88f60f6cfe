"""What the semantics want readers to know is said of each definition that it concerns."""

from typing import TYPE_CHECKING

from featurestore.plan import Plan
from featurestore.plan.notes import notes_of as notes_of_definitions

if TYPE_CHECKING:
    from tests.featurestore.plan.conftest import Shop

UNTIMED = """

cities = fs.Source("cities", path="cities.csv", key="city_id", columns={"city_id": fs.Int64, "customer_id": fs.Int64})


@fs.feature(entity=customer, version="v1", every="1d", publish_within="1h")
def city(cities: fs.Rows) -> fs.Value:
    return cities.city_id.last()


@fs.on_demand(version="v1")
def in_capital(city: int | None) -> bool:
    return city == 1


regional = fs.FeatureService("regional", version="v1", features=[in_capital])
"""
TIES = """

@fs.features(entity=customer, source=orders, version="v1", every="1d", publish_within="1h")
class Newest:
    status = fs.last("status", ttl="30d")
    last_amount = fs.last("amount", ttl="30d")
    orders = fs.count(over="7d")
"""


def notes_of(plan: Plan, name: str) -> tuple[str, ...]:
    return next(change.notes for change in plan.changes if change.name == name)


def test_a_feature_that_has_time_and_key_and_created_time_has_no_notes(shop: "Shop") -> None:
    assert {change.notes for change in shop.plan().changes} == {()}


def test_all_that_is_built_on_an_untimed_source_is_not_point_in_time(shop: "Shop") -> None:
    shop.text += UNTIMED

    plan = shop.plan()

    note = "not point-in-time (untimed: cities)"
    marked = {change.name for change in plan.changes if note in change.notes}
    assert marked == {"cities", "city", "in_capital", "regional"}
    assert "computed whole when cities changes" in notes_of(plan, "city")


def test_without_publish_within_serving_may_be_behind(shop: "Shop") -> None:
    shop.edit((' publish_within="5m",', ""))

    plan = shop.plan()

    note = "serving may be one run behind training (publish_within is 0)"
    assert {change.name for change in plan.changes if note in change.notes} == {"spend"}
    assert [group.notes for group in plan.groups] == [(), (note,)]


def test_without_created_time_a_group_is_computed_whole(shop: "Shop") -> None:
    shop.edit(('    created_time="loaded_at",\n', ""))

    assert "computed whole at each boundary: orders has no created_time" in notes_of(shop.plan(), "spend")


def test_without_a_key_features_that_choose_rows_may_choose_different_ones(shop: "Shop") -> None:
    shop.text += TIES
    assert notes_of(shop.plan(), "Newest.status") == ()
    shop.edit(('    key=["order_id"],\n', ""))

    plan = shop.plan()

    note = "ties between equally new rows are broken per feature (orders has no key=)"
    assert {change.name for change in plan.changes if note in change.notes} == {"Newest.status", "Newest.last_amount"}


def test_code_that_cannot_be_resolved_marks_what_it_is_in_as_unverified(shop: "Shop") -> None:
    shop.edit(
        ("import featurestore as fs\n", "import featurestore as fs\n\ndef told(x):\n    return x, told.__doc__\n"),
        ("basket > spend", "told(basket)[0] > spend"),
    )

    plan = shop.plan()

    note = "unverified: the code of above@v1 calls something that could not be resolved"
    assert {change.name for change in plan.changes if note in change.notes} == {"above", "checkout", "churn"}


def test_steps_on_data_frames_and_snapshots_mark_all_that_is_built_on_them(shop: "Shop") -> None:
    says = 'engine="pandas", time="snapshot", event_time="ordered_at", columns=orders.columns'
    shop.edit(('@fs.transformation(version="v1")', f'@fs.transformation(version="v1", {says})'))

    notes = notes_of_definitions(shop.definitions())

    assert notes["feature:spend@v1"] == (
        "not point-in-time (snapshot: paid)",
        "opaque: the columns of paid cannot be traced",
    )
    assert notes["training_set:churn@v1"] == notes["service:checkout@v1"] == notes["feature:spend@v1"]
    assert notes["label:churned@v1"] == ()
