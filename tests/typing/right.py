"""Code as a user would write it: a type checker must have nothing to say about it."""

import datetime
import decimal
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, assert_type

import featurestore as fs
from featurestore.definitions.expressions import Family
from featurestore.definitions.features import Feature, Selection, members
from featurestore.definitions.transformations import Transformation

customer = fs.Entity("customer", keys={"customer_id": fs.Int64}, owner="growth", tags=["crm"])
route = fs.Entity("route", keys={"origin": fs.String, "dest": fs.Bytes})

orders = fs.Source(
    "orders",
    path="data/orders/*.parquet",
    event_time="ordered_at",
    created_time="loaded_at",
    known_after=datetime.timedelta(hours=1),
    key=["order_id"],
    deleted="gone",
    keys={"customer_id": "cust_id"},
    columns={"amount": fs.Decimal(10, 2), "items": fs.Array[fs.Int64], "face": fs.Vector[8], "category": fs.String},
    tags={"email": ["pii"]},
)


@fs.transformation(version="v1")
def paid_orders(orders: fs.Rows) -> str:
    """Orders that were paid."""
    return f"SELECT * FROM {orders} WHERE status = 'paid'"


@fs.transformation(version="v1", engine="pandas", columns={"amount": fs.Float64}, time="per_boundary", key="order_id")
def doubled(orders: Any) -> Any:
    """A step in Python."""
    return orders


@fs.feature(entity=customer, version="v1", every="1h", delay="10m", owner="growth@shop.example", tags=["money"])
def spend_trend(paid_orders: fs.Rows) -> fs.Value:
    """Spending of the last week against the last quarter."""
    return paid_orders.amount.sum(over="7d") / paid_orders.amount.sum(over=datetime.timedelta(days=90))


@fs.feature(entity=customer, version="v1", every="1h")
def calm(rows: Annotated[fs.Rows, fs.use(paid_orders)]) -> fs.Value:
    """Expressions of every kind."""
    food = rows.category == "food"
    large = (rows.amount >= 10) & ~(rows["count"] != 3) | rows.category.is_in(["toys", "books"])
    share = rows.amount.sum(over="7d", where=food & large) / rows.amount.sum(over="7d")
    evening = (rows.ordered_at.hour() // 6 == 3) & (rows.ordered_at.plus("90m").weekday() % 7 > 4)
    coded = rows.category.strip().lower_ascii().substring(0, 3).concat("-", rows.kind).replace("-", "")
    near = coded.starts_with("foo") & (rows.amount.round(2).abs().greatest(rows.tip, 1) > 2)
    level = fs.when(rows.amount > 3, rows.amount, 0).mean(over="7d", ago="1d")
    late = rows.ordered_at.last().date().days_since(datetime.date(2024, 1, 1)) + rows.count(where=evening & near)
    return fs.when(share > 0.5, 1 - share, level.fill_null(late).sqrt().floor()).cast(fs.Float64)


@fs.feature(entity=customer, version="v1")
def relative(spend_trend: fs.Value, other: Annotated[fs.Value, fs.use("Habits.food@v1")]) -> fs.Value:
    """A feature of features."""
    return (spend_trend - other).fill_null(0)


@fs.features(entity=customer, source=paid_orders, version="v1", every="1d")
class Habits:
    """What the customer usually does."""

    _food = fs.col("category") == "food"
    orders = fs.count(over=["7d", "30d"])
    shifted = fs.sum("amount", over="7d", ago=["0s", "7d"])
    food = fs.sum("amount", over="30d", where=_food)
    toys = fs.sum("amount", where=fs.col("category") == "toys")
    by_kind = fs.count(over=["7d"]).by("category", ["food", "toys"])
    by_kind_of_one = fs.mean(fs.col("amount") * 2, over="1d").by(fs.col("category"), ["food"])
    last_country = fs.last("country", ttl="365d").fill_null("??")
    oldest = fs.first("country", ago="1d", ignore_nulls=True)
    recent = fs.last_n("country", 3, over="7d", ago="1d")
    median = fs.percentile("amount", 0.5, over="7d", ago="1d")
    medians = fs.percentile("amount", 0.5, over=["7d", "30d"])
    recents = fs.last_n("country", 3, over=["7d", "30d"])
    profile = fs.attributes("plan", "city", ttl="365d").fill_null("none")
    share = fs.sum("amount", over="7d") / fs.count(over="7d")
    different = fs.count_distinct("category", over="7d")
    ever = fs.any(fs.col("amount") > 100)
    # A column may have any name.
    name = fs.last("name")


assert_type(Habits.food, Feature[..., Any])
assert_type(Habits.last_country, Feature[..., Any])
assert_type(Habits.share, Feature[..., Any])
assert_type(Habits.name, Feature[..., Any])
assert_type(Habits.profile, Family)
assert_type(Habits.by_kind, Family)
assert_type(Habits.median, Feature[..., Any])
assert_type(Habits.medians, Family)
assert_type(Habits.recents, Family)
assert_type(Habits.orders["orders_7d"], Feature[..., Any])
assert_type(members(Habits), tuple[Feature[..., Any], ...])
assert_type([feature.on(customer_id="friend") for feature in members(Habits)], list[Selection])
assert_type(Habits.food.on(customer_id="buyer").named("food_of_buyer"), Selection)
assert_type(spend_trend.on(customer_id="buyer"), Selection)
assert_type(spend_trend.named("trend"), Selection)
assert_type(paid_orders(fs.Rows("orders")), str)
assert_type(spend_trend(fs.Rows("orders")), fs.Value)
assert_type(spend_trend.name, str)


def names(steps: Sequence[Transformation[..., str]]) -> list[str]:
    """Definitions are values with names."""
    return [step.name for step in steps]


assert_type(names([paid_orders]), list[str])


@fs.on_demand(version="v1")
def basket_ratio(amount: fs.Request[float], spend_trend: float | None, at: fs.RequestTime) -> float | None:
    """This basket against the customer's usual spending."""
    assert_type(at, datetime.datetime)
    return amount / spend_trend / at.hour if spend_trend else None


class Split(NamedTuple):
    """A ratio in two parts."""

    whole: int
    rest: float


@fs.on_demand()
def split(
    ratio: Annotated[float | None, fs.use(basket_ratio)],
    price: fs.Request[Annotated[decimal.Decimal, fs.Decimal(10, 2)]],
) -> Split:
    """Two features of one function."""
    value = float(price) * (ratio or 0.0)
    return Split(int(value), value % 1)


assert_type(basket_ratio(3.0, None, datetime.datetime.now(datetime.UTC)), float | None)
assert_type(basket_ratio.function(3.0, 1.0, at=datetime.datetime.now(datetime.UTC)), float | None)
assert_type(split(None, price=decimal.Decimal(1)).whole, int)

checkout = fs.FeatureService(
    "checkout",
    version="v1",
    features=[spend_trend, Habits, basket_ratio, split, spend_trend.on(customer_id="friend").named("trend_of_friend")],
)
families = fs.FeatureService("families", features=[Habits.orders, Habits.profile, Habits.food])
churned = fs.Label("churned", source=paid_orders, column="churned", entity=customer, matures_after="30d")
churn = fs.TrainingSet("churn", version="v1", label=churned, features=checkout, drop_null_labels=True)
listed = fs.TrainingSet("listed", label=churned, features=[Habits.food, spend_trend.named("trend")])


def look() -> object:
    """The Python API."""
    with fs.open_project(".", target="laptop") as project:
        assert_type(project, fs.Project)
        values = project.values_at([spend_trend, Habits], [{"customer_id": 1, "t": "2024-01-01"}], time="t")
        training = project.training_set(churn)
        return values.to_pandas(), project.plan(), training
