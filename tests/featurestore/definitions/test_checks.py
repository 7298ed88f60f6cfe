"""What no data could make right is refused before any is read."""

from collections.abc import Callable
from typing import Any

import pytest

import featurestore as fs
from featurestore.definitions.nodes import Aggregate, Call, Column
from featurestore.definitions.resolution import Settings, define
from featurestore.errors import DefinitionError

SCHEMA = {"customer_id": fs.Int64, "t": fs.Timestamp, "amount": fs.Float64, "city": fs.String}
customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
shop = fs.Entity("shop", keys={"customer_id": fs.Int64})
orders = fs.Source("orders", path="a", event_time="t", columns=SCHEMA)
people = fs.Source("people", path="a", columns=SCHEMA)
keyed = fs.Source("keyed", path="a", key="customer_id", columns=SCHEMA)


def check(expression: Any, source: fs.Source = orders, **options: Any) -> None:
    """Defines a feature with an expression over a source."""
    said: dict[str, Any] = {"entity": customer, "source": source, "every": "1h"}
    made = fs.features(**said | options)
    define([made(type("Made", (), {"x": expression}))], {}, Settings())


def derived(function: Callable[..., Any], *others: object, **options: Any) -> None:
    """Defines a feature over features."""
    define([fs.feature(**{"entity": customer} | options)(function), *others], {}, Settings())


REFUSED: dict[str, Callable[[], None]] = {
    "no aggregation": lambda: check(fs.Value(fs.lit(1).node)),
    "a bare column": lambda: check(fs.Value((fs.col("amount") / 2).node)),
    "a column beside an aggregation": lambda: check(fs.Value(Call("add", (fs.count().node, Column("amount"))))),
    "an aggregation of an aggregation": lambda: check(fs.Value(Aggregate("sum", fs.sum("amount").node))),
    "an aggregation in a condition": lambda: check(fs.Value(Aggregate("count", where=(fs.count() > 1).node))),
    "ttl in arithmetic": lambda: check(fs.last("amount", ttl="1d") + 1),
    "ttl filled with an expression": lambda: check(fs.last("amount", ttl="1d").fill_null(fs.sum("amount"))),
    "ttl under a condition": lambda: check(fs.when(fs.count() > 0, fs.last("amount", ttl="1d"), 0)),
    "ttl filled twice": lambda: check(fs.last("amount", ttl="1d").fill_null(0).fill_null(1)),
    "ttl as a filler": lambda: check(fs.last("amount").fill_null(fs.last("amount", ttl="1d"))),
    "a window without times": lambda: check(fs.sum("amount", over="1d"), people),
    "a shift without times": lambda: check(fs.sum("amount", ago="1d"), people),
    "a ttl without times": lambda: check(fs.last("amount", ttl="1d"), keyed),
    "a last of no order": lambda: check(fs.last("amount"), people),
    "attributes of no order": lambda: check(fs.attributes("city"), people),
    "last_n of no order": lambda: check(fs.last_n("amount", 3), people),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_expression_that_no_data_makes_right_is_refused_with_its_place(case: str) -> None:
    with pytest.raises(DefinitionError) as error:
        REFUSED[case]()
    assert error.value.where is not None


@pytest.mark.parametrize(
    ("expression", "source"),
    [
        (fs.last("amount", ttl="1d"), orders),
        (fs.last("amount", ttl="1d").fill_null(0), orders),
        (fs.last("amount", ttl="1d", where=fs.col("city") == "x", ago="1h"), orders),
        (fs.sum("amount", over="1d") / fs.count(), orders),
        (fs.sum("amount") + 1, people),
        (fs.last("amount"), keyed),
    ],
)
def test_what_the_semantics_allow_is_allowed(expression: Any, source: fs.Source) -> None:
    check(expression, source)


def _spend(orders: fs.Rows) -> fs.Value:
    return orders.amount.sum()


spend = fs.feature(entity=customer, every="1h", name="spend")(_spend)


def _twice(spend: fs.Value) -> fs.Value:
    return spend * 2


def _constant(spend: fs.Value) -> Any:
    return fs.Value(fs.lit(1).node)


def _aggregates(spend: fs.Value) -> fs.Value:
    return spend / fs.sum("amount")


def _of_function(now: fs.Value) -> fs.Value:
    return now


@fs.on_demand()
def now(amount: fs.Request[float]) -> float:
    """What is requested."""
    return amount


@pytest.mark.parametrize(
    ("function", "options", "words"),
    [
        (_twice, {"entity": shop}, "of 'customer'"),
        (_twice, {"every": "1h"}, "is derived"),
        (_twice, {"group": "g"}, "is derived"),
        (_constant, {}, "none of its inputs"),
        (_aggregates, {}, "aggregates rows as well"),
        (_of_function, {}, "neither a stored nor a derived"),
    ],
)
def test_a_derived_feature_that_cannot_be_is_refused(function: Any, options: Any, words: str) -> None:
    with pytest.raises(DefinitionError, match=words):
        derived(function, spend, now, **options)


def _grouped(*options: dict[str, Any]) -> None:
    said: dict[str, Any] = {"entity": customer, "every": "1h", "group": "g"}
    made = [fs.feature(**said | {"name": f"f{at}"} | given)(_spend) for at, given in enumerate(options)]
    define([*made, orders], {}, Settings())


def test_the_members_of_a_group_are_of_one_entity_and_one_schedule() -> None:
    _grouped({}, {})
    for other in ({"every": "2h"}, {"delay": "1m"}, {"publish_within": "1m"}, {"offset": "1m"}):
        with pytest.raises(DefinitionError, match="different times"):
            _grouped({}, other)
    with pytest.raises(DefinitionError, match="mixes entities"):
        _grouped({}, {"entity": shop})
