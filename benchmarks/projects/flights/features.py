"""Forty features of three entities in five groups, over the flights that left New York in 2013."""

import featurestore as fs

airport = fs.Entity("airport", keys={"faa": fs.String})
carrier = fs.Entity("carrier", keys={"carrier": fs.String})
plane = fs.Entity("plane", keys={"tailnum": fs.String})
flight = fs.Entity("flight", keys={"carrier": fs.String, "flight": fs.Int64})

flights = fs.Source(
    "flights",
    path="flights.parquet",
    event_time="scheduled_departure",
    created_time="known_at",
    key=["time_hour", "carrier", "flight"],
    keys={"faa": "origin"},
)
weather = fs.Source(
    "weather", path="weather.parquet", event_time="observed_at", created_time="known_at", keys={"faa": "origin"}
)
planes = fs.Source("planes", path="planes.parquet", key=["tailnum"])


@fs.features(entity=airport, source=flights, version="v1", every="3h")
class Airport:
    """What left an airport."""

    airport_flights = fs.count(over=["6h", "1d", "7d"])
    airport_delay = fs.mean("dep_delay", over=["6h", "1d", "7d"])
    airport_worst = fs.max("dep_delay", over="1d")
    airport_cancelled = fs.count(over="1d", where=fs.col("cancelled"))


@fs.features(entity=airport, source=weather, version="v1", every="1h")
class Weather:
    """The last observation."""

    conditions = fs.attributes(
        "temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib", ttl="6h"
    )


@fs.features(entity=carrier, source=flights, version="v1", every="3h")
class Carrier:
    """How a carrier has flown."""

    carrier_flights = fs.count(over=["1d", "7d", "30d"])
    carrier_delay = fs.mean("arr_delay", over=["1d", "7d", "30d"])
    carrier_worst = fs.max("arr_delay", over=["7d", "30d"])
    carrier_best = fs.min("arr_delay", over="7d")
    carrier_spread = fs.std("arr_delay", over="7d")
    carrier_cancelled = fs.count(over="7d", where=fs.col("cancelled"))
    carrier_late = fs.count(over="7d", where=fs.col("arr_delay") > 15)


@fs.features(entity=plane, source=flights, version="v1", every="3h")
class Plane:
    """The recent flights of an aircraft."""

    plane_flights = fs.count(over=["1d", "7d", "30d"])
    plane_delay = fs.mean("arr_delay", over=["7d", "30d"])
    plane_worst = fs.max("arr_delay", over="7d")
    plane_last_delay = fs.last("arr_delay", ttl="2d", ignore_nulls=True)
    plane_last_dest = fs.last("dest", ttl="2d")


@fs.features(entity=plane, source=planes, version="v1", every="1d")
class Register:
    """What the register says."""

    built = fs.attributes("year", "seats", "engines", "manufacturer")


parts = {
    "airport": [feature.on(faa="origin") for feature in fs.members(Airport)],
    "weather": [feature.on(faa="origin") for feature in fs.members(Weather)],
    "carrier": [Carrier],
    "plane": [Plane],
    "register": [Register],
}
services = [fs.FeatureService(f"part_{name}", version="v1", features=features) for name, features in parts.items()]
delays = fs.FeatureService("delays", version="v1", features=[one for features in parts.values() for one in features])


@fs.transformation(version="v1")
def scheduled(flights: fs.Rows) -> str:
    """What the schedule says of a flight, and whether it was late."""
    return "SELECT scheduled_departure, carrier, flight, tailnum, origin, late FROM {flights}"


late = fs.Label("late", version="v1", source=scheduled, column="late", entity=flight)
all_flights = fs.TrainingSet("all_flights", version="v1", label=late, features=delays)
