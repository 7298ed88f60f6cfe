"""Decorated functions and classes become features, and stay what they were."""

import datetime
import inspect
from typing import Any

import pytest

import featurestore as fs
from featurestore.definitions.expressions import Family
from featurestore.definitions.features import Cadence, Feature, FeatureClass, Selection, members
from featurestore.definitions.origin import collecting
from featurestore.errors import DefinitionError, NameClashError, ReferenceNotFoundError

HOUR = 3_600_000_000
customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
route = fs.Entity("route", keys={"origin": fs.String, "dest": fs.String})
orders = fs.Source("orders", path="orders.parquet", event_time="ordered_at")


def _spend(orders: fs.Rows, *, days: fs.Rows) -> fs.Value:
    """All spending.

    In euros.
    """
    return orders.amount.sum()


spend = fs.feature(entity=customer, every="1h", delay="10m", tags="money", owner="growth")(_spend)


@fs.features(entity=route, source=orders, version="v1", every="1d", tags=["a", "b"])
class Habits:
    """What is usual."""

    _food = fs.col("category") == "food"
    _total = fs.sum("amount")
    orders = fs.count(over=["7d", "30d"])
    share = fs.sum("amount", where=_food) / _total
    kinds = fs.count().by("category", ["food", "toys"])
    profile = fs.attributes("plan", "city")
    name = fs.last("name")
    members = fs.first("name")


habits: Any = Habits


def test_a_decorated_function_is_called_as_before() -> None:
    rows = fs.Rows("orders")
    assert spend(rows, days=rows).node == rows.amount.sum().node
    assert spend.function is _spend
    assert inspect.signature(spend) == inspect.signature(_spend)
    for name in ("__name__", "__qualname__", "__doc__", "__module__"):
        assert getattr(spend, name) == getattr(_spend, name)
    with pytest.raises(TypeError, match="days"):
        spend(rows)  # type: ignore[call-arg]


def test_a_decorator_keeps_what_it_is_told() -> None:
    assert (spend.name, spend.version, spend.column) == ("_spend", None, "_spend")
    assert spend.cadence == Cadence(HOUR, HOUR // 6)
    assert (spend.tags, spend.owner) == (("money",), "growth")
    assert spend.description == "All spending.\n\nIn euros."
    assert spend.origin.file == __file__
    assert fs.feature(entity=customer, name="other")(_spend).name == "other"


def test_the_members_of_a_class_are_its_public_attributes_in_order() -> None:
    names = ["orders_7d", "orders_30d", "share", "kinds_food", "kinds_toys", "plan", "city", "name", "members"]
    assert [one.column for one in habits] == names
    assert [one.name for one in members(Habits)] == [f"Habits.{name}" for name in names]
    assert {(one.version, one.group, one.tags, one.description) for one in habits} == {
        ("v1", "Habits", ("a", "b"), "What is usual.")
    }


def test_a_member_is_found_by_attribute_and_by_name_whatever_its_name() -> None:
    assert habits.share is habits["share"]
    assert isinstance(habits.name, Feature)
    assert isinstance(habits.members, Feature)
    assert habits.orders == Family(orders_7d=habits["orders_7d"], orders_30d=habits["orders_30d"])
    assert list(habits.profile) == ["plan", "city"]
    assert habits.__doc__ == "What is usual."


def test_a_member_that_is_not_there_is_an_error_that_lists_those_that_are() -> None:
    with pytest.raises(ReferenceNotFoundError, match="orders_7d"):
        habits["food"]
    with pytest.raises(AttributeError, match="orders_7d"):
        _ = habits.food
    assert not hasattr(habits, "_total")
    assert not hasattr(habits, "shape")


def test_a_member_has_no_function_to_call() -> None:
    with pytest.raises(DefinitionError, match=r"Habits\.share@v1"):
        habits.share()


def test_a_class_takes_what_the_classes_say_that_it_is_made_from() -> None:
    class Common:
        """What several have."""

        n = fs.count()
        total = fs.sum("amount")

    @fs.features(entity=customer, source=orders, every="1d")
    class Made(Common):
        """One of them."""

        total = fs.sum("net")

    made: Any = Made
    assert [one.column for one in made] == ["n", "total"]
    assert made.total.expression.node == fs.sum("net").node


def decorated(attributes: dict[str, object], **options: Any) -> object:
    """A class with some attributes, decorated."""
    said: dict[str, Any] = {"entity": customer, "source": orders, "every": "1d"}
    return fs.features(**said | options)(type("Made", (), attributes))


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"_hidden": fs.count()},
        {"n": fs.count(), "limit": 3},
        {"n": fs.count(), "column": fs.col("a")},
        {"n": fs.count(), "method": lambda self: self},
        {"n": fs.count(), "other": spend},
        {"n": fs.count(over=["7d"]), "n_7d": fs.count()},
        {"a": fs.attributes("plan"), "plan": fs.count()},
        {"profile": fs.attributes("net amount")},
    ],
    ids=",".join,
)
def test_a_class_that_holds_something_else_or_one_column_twice_is_refused(attributes: dict[str, object]) -> None:
    with collecting() as found, pytest.raises(DefinitionError):
        decorated(attributes)
    assert found == []


def test_two_attributes_of_one_column_are_a_clash_that_names_it() -> None:
    with pytest.raises(NameClashError, match="n_7d"):
        decorated({"n": fs.count(over=["7d"]), "n_7d": fs.count()})


@pytest.mark.parametrize(
    "options",
    [
        *({"version": version} for version in ("", "v 1", "@")),
        *({"name": name} for name in ("a.b", "__a")),
        *({"every": "soon"}, {"delay": "-1h"}, {"offset": 3}),
    ],
    ids=str,
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        decorated({"n": fs.count()}, **options)
    with pytest.raises(DefinitionError):
        fs.feature(**{"entity": customer} | options)(_spend)


def test_a_group_has_a_name() -> None:
    with pytest.raises(DefinitionError, match="group"):
        fs.feature(entity=customer, every="1h", group="x@v1")(_spend)


def test_a_feature_in_a_role_takes_its_keys_from_other_columns() -> None:
    chosen = habits.name.on(origin="faa").named("airport_name").on(dest="to")
    assert isinstance(chosen, Selection)
    assert (chosen.column, chosen.columns, chosen.ref) == ("airport_name", ("airport_name",), habits.name.ref)
    assert [chosen.key_column(key) for key in ("origin", "dest")] == ["faa", "to"]
    assert habits.name.named("n").key_column("origin") == "origin"
    assert habits.name.on(dest="b", origin="a") == habits.name.on(origin="a", dest="b")


def test_a_role_of_a_key_that_the_entity_lacks_is_refused() -> None:
    with pytest.raises(ReferenceNotFoundError, match="origin, dest"):
        habits.name.on(airport="faa")
    with pytest.raises(DefinitionError):
        habits.name.named("airport name")


def test_definitions_are_announced_to_the_collection_that_is_open_and_to_no_other() -> None:
    with collecting() as found:
        made = [fs.feature(entity=customer, name=f"spend_{days}", every="1h")(_spend) for days in (7, 30)]
        with collecting() as inner:
            whole = decorated({"n": fs.count(over=["7d", "30d"])})
    fs.feature(entity=customer, every="1h")(_spend)
    assert found == made
    assert isinstance(whole, FeatureClass)
    assert inner == list(whole)


def test_a_length_may_be_a_timedelta() -> None:
    assert fs.feature(entity=customer, every=datetime.timedelta(hours=1))(_spend).cadence == Cadence(HOUR)
