"""How late a carrier has been."""

from typing import Annotated

import featurestore as fs
from features.entities import carrier
from features.sources import flights


@fs.features(entity=carrier, source=flights, version="v1")
class Carrier:
    """Departures and arrivals of a carrier, in minutes."""

    carrier_flights = fs.count(over="7d")
    carrier_cancelled = fs.count(over="7d", where=fs.col("cancelled"))
    carrier_delay = fs.mean("arr_delay", over=["1d", "7d"])
    carrier_worst = fs.max("arr_delay", over="7d")


@fs.feature(entity=carrier, version="v1", group="Carrier")
def carrier_late_share(flights: fs.Rows) -> fs.Value:
    """Which share of the carrier's flights of the last week arrived more than 15 minutes late."""
    return flights.count(over="7d", where=flights.arr_delay > 15) / flights.arr_delay.count(over="7d")


@fs.feature(entity=carrier, version="v1")
def carrier_trend(
    day: Annotated[fs.Value, fs.use("Carrier.carrier_delay_1d")],
    week: Annotated[fs.Value, fs.use("Carrier.carrier_delay_7d")],
) -> fs.Value:
    """By how many minutes the last day was later than the last week."""
    return day - week
