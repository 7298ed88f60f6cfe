# mypy: ignore-errors
# ruff: noqa: B018
"""Mistakes that a type checker must see. A line that it must refuse ends in the mark."""

import datetime

import featurestore as fs

customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
orders = fs.Source("orders", path="orders.parquet", event_time="ordered_at")


@fs.transformation(version="v1")
def paid_orders(orders: fs.Rows) -> str:
    """Orders that were paid."""
    return f"SELECT * FROM {orders}"


@fs.feature(entity=customer, version="v1", every="1h")
def spend(paid_orders: fs.Rows) -> fs.Value:
    """All spending."""
    return paid_orders.amount.sum()


@fs.on_demand(version="v1")
def ratio(amount: fs.Request[float], spend: float | None, at: fs.RequestTime) -> float | None:
    """This basket against all spending."""
    return amount / spend if spend else None


NOW = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)

ratio("ten", None, NOW)  # expect-error
ratio(10.0, None)  # expect-error
ratio(10.0, None, "2024-01-01")  # expect-error
ratio(10.0, None, NOW, 3)  # expect-error
text: str = ratio(10.0, None, NOW)  # expect-error
spend("orders")  # expect-error
paid_orders(3)  # expect-error
spend.on("origin")  # expect-error
spend.named(3)  # expect-error
spend.nmaed("x")  # expect-error


def value(found: fs.Value) -> fs.Value:
    """A value."""
    return found


value("amount")  # expect-error
value(fs.col("amount"))  # expect-error
value(fs.count(over=["7d", "30d"]))  # expect-error
fs.sum("amount", over=7)  # expect-error
fs.sum("amount", over="7d", where="category = 'food'")  # expect-error
fs.sum(3, over="7d")  # expect-error
fs.last("amount", ttl=30)  # expect-error
fs.last("amount", over=["7d", "30d"])  # expect-error
fs.col("amount").sum(over=["7d", "30d"])  # expect-error
fs.col("amount").cast("Int64")  # expect-error
fs.col("amount").percentile("0.5")  # expect-error
fs.col("amount").round("2")  # expect-error
fs.col("category").substring(0)  # expect-error
fs.col("category").replace("a", 1)  # expect-error
fs.col("ordered_at").truncate(3600)  # expect-error
fs.count(over="7d").by("category", 3)  # expect-error
fs.Entity("customer", keys=["customer_id"])  # expect-error
fs.Source("orders", path="x", key=3)  # expect-error
fs.Decimal("10", 2)  # expect-error
fs.FeatureService("checkout", features=spend)  # expect-error
fs.TrainingSet("churn", label=spend, features=[spend])  # expect-error
fs.feature(entity="customer", every="1h")  # expect-error
fs.feature(entity=customer, every=3600)  # expect-error
fs.feature(entity=customer, evry="1h")  # expect-error
fs.transformation(engine="snowpark")  # expect-error
fs.open_project(3)  # expect-error


@fs.features(entity=customer, source=paid_orders, version="v1", every="1d")
class Habits:
    """What the customer usually does."""

    food = fs.sum("amount", over="30d", where=fs.col("category") == "food")
    orders = fs.count(over=["7d", "30d"])


Habits.drink  # expect-error
Habits.food.sum()  # expect-error
value(Habits.food)  # expect-error
Habits.orders.on(customer_id="buyer")  # expect-error
