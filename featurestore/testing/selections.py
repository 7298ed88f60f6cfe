"""A fixed set of small selections, of which every dialect's SQL is kept in files: as people read it with `explain`."""

from collections.abc import Mapping, Sequence

from featurestore.compiler.compile import compile_boundary, compile_label, compile_values
from featurestore.compiler.query import BoundaryQuery, LabelQuery, Query
from featurestore.compiler.vector import layout_of
from featurestore.definitions import expressions as fs
from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import Rows
from featurestore.definitions.features import features
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.resolved import ResolvedLabel, SelectedFeature
from featurestore.definitions.services import Label
from featurestore.definitions.sources import Source
from featurestore.definitions.transformations import transformation
from featurestore.definitions.types import Bool, Float64, Int64, Schema, String, Timestamp

__all__ = ["SELECTIONS", "boundary_query", "label_query", "selected", "values_query"]

HOUR = 3_600_000_000
BOUNDARY = 475_000 * HOUR
"""The boundary, and the time as of which labels are known, of the statements that name one: 10 March 2024, 16:00."""
ORDERS: Schema = {
    "order_id": Int64,
    "customer_id": Int64,
    "at": Timestamp,
    "loaded": Timestamp,
    "gone": Bool,
    "amount": Float64,
    "items": Int64,
    "country": String,
}
FLIGHTS: Schema = {"at": Timestamp, "origin": String, "dest": String, "delay": Float64, "cancelled": Bool}

customer = Entity("customer", keys={"customer_id": Int64})
route = Entity("route", keys={"origin": String, "dest": String})
airport = Entity("airport", keys={"airport_id": String})
orders = Source("orders", table="orders", event_time="at")
loaded = Source("loaded", table="orders", event_time="at", created_time="loaded")
corrected = Source("corrected", table="orders", event_time="at", created_time="loaded", key="order_id", deleted="gone")
flights = Source("flights", table="flights", event_time="at")


@transformation(version="v1")
def movements(flights: Rows) -> str:  # noqa: ARG001 - the text names it
    """Departures and arrivals of the flights that were flown."""
    return """
        SELECT origin AS airport_id, delay, cancelled FROM {flights} WHERE NOT cancelled
        UNION ALL
        SELECT dest, delay, cancelled FROM {flights}
    """


@features(entity=customer, source=orders, every="1d", version="v1")
class Known:
    """Where the customer was last."""

    country = fs.last("country", ttl="30d").fill_null("??")


@features(entity=customer, source=loaded, every="1h", delay="10m", version="v1")
class Spending:
    """What the customer spends."""

    spent = fs.sum("amount", over=["1d", "7d"])
    large = fs.count(over="7d", where=fs.col("amount") > 100)


@features(entity=customer, source=corrected, every="1h", delay="10m", version="v1")
class Corrected:
    """What the customer orders, corrections included."""

    orders = fs.count(over="7d")
    before = fs.mean("amount", over="7d", ago="7d")


@features(entity=customer, source=corrected, every="1h", delay="10m", version="v1")
class Items:
    """What the customer orders, in whole numbers."""

    items = fs.sum("items", over="7d")
    country = fs.last("country", ttl="30d").fill_null("??")


@features(entity=airport, source=movements, every="1h", version="v1")
class Airport:
    """How late flights of an airport are."""

    delay = fs.mean("delay", over="6h")


@features(entity=route, source=flights, every="1w", offset="4d", version="v1")
class Route:
    """How late flights of a route are."""

    worst = fs.max("delay")


churned = Label("churned", version="v1", source=corrected, column="gone", entity=customer, matures_after="30d")

SELECTIONS: Mapping[str, Sequence[object]] = {
    "last_with_ttl": [Known],
    "windowed_sum_with_delay": [Spending],
    "corrections_with_deletion": [Corrected],
    "sum_of_integers": [Items],
    "step_with_union": [Airport],
    "composite_key_and_roles": [
        *(Route.worst, Airport.delay.on(airport_id="origin").named("origin_delay")),
        Airport.delay.on(airport_id="dest").named("dest_delay"),
    ],
}
"""Name to what is selected."""

SCHEMAS: Mapping[str, Schema] = {**dict.fromkeys(("orders", "loaded", "corrected"), ORDERS), "flights": FLIGHTS}
DEFINED = define([Known, Spending, Corrected, Items, Airport, Route, churned], SCHEMAS, Settings())


def selected(name: str) -> tuple[SelectedFeature, ...]:
    """The features of a selection."""
    return tuple(DEFINED.select(SELECTIONS[name]))


def values_query(name: str) -> Query:
    """The plan of a selection for a spine."""
    return compile_values(layout_of(selected(name)))


def boundary_query(since: int | None) -> BoundaryQuery:
    """The plan of what the group of `Items` holds at a boundary; ``since`` is an earlier one, in microseconds."""
    group = next(one for one in DEFINED.groups if one.name == "Items")
    return compile_boundary(group, BOUNDARY, since)


def label_query() -> LabelQuery:
    """The plan of the rows of the label `churned`."""
    return compile_label(label(), BOUNDARY)


def label() -> ResolvedLabel:
    """The label `churned`."""
    found = DEFINED.find("label:churned").resolved
    assert isinstance(found, ResolvedLabel)
    return found
