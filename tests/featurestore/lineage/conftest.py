"""A shop whose lineage is checked by hand: steps of every shape, and features over each of them."""

from typing import Annotated

import pytest

import featurestore as fs
from featurestore.definitions.expressions import AsofJoin
from featurestore.definitions.resolution import Definitions, Settings, define

ORDERS = {
    "order_id": fs.Int64,
    "cust_id": fs.Int64,
    "ordered_at": fs.Timestamp,
    "loaded_at": fs.Timestamp,
    "gone": fs.Bool,
    "amount": fs.Float64,
    "fee": fs.Float64,
    "status": fs.String,
    "shop": fs.Int64,
    "email": fs.String,
}
SHOPS = {"shop": fs.Int64, "region": fs.String, "open": fs.Bool, "renamed_at": fs.Date}

customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
orders = fs.Source(
    "orders",
    table="orders",
    event_time="ordered_at",
    created_time="loaded_at",
    key=["order_id"],
    deleted="gone",
    keys={"customer_id": "cust_id"},
    columns=ORDERS,
)
shops = fs.Source("shops", table="shops", key="shop", columns=SHOPS)


@fs.transformation(version="v1")
def placed(orders: fs.Rows, shops: fs.Rows) -> str:
    """A filter, a join, an alias, an expression."""
    return """
        WITH kept AS (SELECT *, amount - fee AS net FROM {orders} WHERE status = 'paid')
        SELECT k.cust_id, k.net * 2 AS twice, lower(s.region) AS region
        FROM kept AS k JOIN {shops} AS s ON s.shop = k.shop
    """


@fs.transformation(version="v1", engine="pandas", time="row_wise", columns={"cust_id": fs.Int64, "score": fs.Float64})
def scored(orders: fs.Rows) -> fs.Rows:
    """Code, which nobody looks into."""
    return orders


@fs.transformation(version="v1", engine="pandas", time="row_wise")
def guessed(scored: fs.Rows) -> fs.Rows:
    """Code over code, which does not say what it gives."""
    return scored


@fs.transformation(version="v1")
def over_code(guessed: fs.Rows) -> str:
    """SQL over what cannot be looked into."""
    return "SELECT cust_id, guess FROM {guessed}"


@fs.transformation(version="v1")
def matched(orders: fs.Rows, shops: fs.Rows) -> AsofJoin:
    """Two tables joined in time."""
    return orders.asof_join(shops, on="shop")


@fs.feature(entity=customer, version="v1", every="1h")
def spend_trend(orders: fs.Rows) -> fs.Value:
    """A value, a condition, a quotient."""
    return orders.amount.sum(over="7d", where=orders.status == "paid") / orders.fee.sum(over="90d")


@fs.feature(entity=customer, version="v1", every="1h")
def visits(orders: fs.Rows) -> fs.Value:
    """Rows, and no value of them."""
    return orders.count(over="7d", where=orders.shop == 3)


@fs.features(entity=customer, source=placed, version="v1", every="1d")
class Habits:
    """Over a step."""

    food = fs.sum("twice", over="30d", where=fs.col("region") == "north")


@fs.feature(entity=customer, version="v1", every="1h")
def guess(over_code: fs.Rows) -> fs.Value:
    """Over what cannot be looked into."""
    return over_code.guess.mean(over="7d")


@fs.feature(entity=customer, version="v1")
def ratio(spend_trend: fs.Value, food: Annotated[fs.Value, fs.use("Habits.food")]) -> fs.Value:
    """Derived."""
    return spend_trend / food


@fs.on_demand(version="v1")
def over_usual(basket: fs.Request[float], ratio: float | None, at: fs.RequestTime) -> float | None:
    """On demand."""
    return None if ratio is None else basket * ratio


checkout = fs.FeatureService("checkout", version="v1", features=[visits.on(customer_id="payer"), over_usual, guess])
big = fs.Label("big", version="v1", source=placed, column="twice", entity=customer)
churn = fs.TrainingSet("churn", version="v1", label=big, features=checkout)
alone = fs.TrainingSet("alone", version="v1", label=big, features=[visits, over_usual])

OBJECTS = (customer, orders, shops, placed, scored, guessed, over_code, matched, Habits, ratio, guess, churn, alone)


@pytest.fixture(scope="session")
def shop() -> Definitions:
    return define(OBJECTS, {}, Settings())


@pytest.fixture(scope="session")
def shop_reversed() -> Definitions:
    """The same, found in another order."""
    return define(OBJECTS[::-1], {}, Settings())
