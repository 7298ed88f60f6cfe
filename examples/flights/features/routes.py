"""How a route has gone, and what a flight on it asks of the clock."""

import math
from typing import NamedTuple
from zoneinfo import ZoneInfo

import ibis

import featurestore as fs
from features.entities import route

NEW_YORK = ZoneInfo("America/New_York")


@fs.transformation(version="v1", engine="ibis")
def flown(flights: ibis.Table) -> ibis.Table:
    """Flights that arrived, and how many minutes they made up on the way."""
    landed = flights.filter(flights.arr_delay.notnull())
    return landed.select("origin", "dest", "arr_delay", made_up=landed.dep_delay - landed.arr_delay)


@fs.features(entity=route, source=flown, every="1d", version="v1")
class Route:
    """The last month on a route."""

    route_flights = fs.count(over="30d")
    route_delay = fs.mean("arr_delay", over="30d")
    route_made_up = fs.mean("made_up", over="30d")


class Circle(NamedTuple):
    """A time of day as a point on a circle, so that midnight is next to midnight."""

    sin: float
    cos: float


@fs.on_demand(version="v1")
def clock(at: fs.RequestTime) -> Circle:
    """The local time of day at departure."""
    local = at.astimezone(NEW_YORK)
    angle = 2 * math.pi * (local.hour * 60 + local.minute) / (24 * 60)
    return Circle(math.sin(angle), math.cos(angle))


@fs.on_demand(version="v1")
def minutes_to_make_up(distance: fs.Request[int], route_made_up: float | None) -> float | None:
    """What the route usually makes up, per 1,000 miles of this flight."""
    return None if route_made_up is None else route_made_up / distance * 1000
