"""What an aircraft is, and how it has been flying."""

import datetime

import featurestore as fs
from features.entities import plane
from features.sources import flights, planes


@fs.features(entity=plane, source=flights, version="v1")
class Plane:
    """The recent flights of an aircraft. It flies on when it has landed: what came in late goes out late."""

    plane_flights = fs.count(over=["1d", "7d"])
    plane_delay = fs.mean("arr_delay", over="7d")
    plane_last_delay = fs.last("arr_delay", ttl="2d", ignore_nulls=True)
    plane_last_dest = fs.last("dest", ttl="2d")


@fs.features(entity=plane, source=planes, every="1d", version="v1")
class Register:
    """What the register says."""

    built = fs.attributes("year", "seats", "engines", "manufacturer")


@fs.on_demand(version="v1")
def plane_age(year: int | None, at: fs.RequestTime) -> int | None:
    """Years since the aircraft was built."""
    return None if year is None else at.astimezone(datetime.UTC).year - year
