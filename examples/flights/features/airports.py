"""How busy and how late an airport is, whichever end of a flight it is at."""

import featurestore as fs
from features.entities import airport


@fs.transformation(version="v1")
def movements(flights: fs.Rows) -> str:
    """One row per flight and airport: departures with their delay, arrivals with theirs."""
    return """
        SELECT origin AS faa, dep_delay AS delay, cancelled, TRUE AS is_departure FROM {flights}
        UNION ALL
        SELECT dest AS faa, arr_delay AS delay, cancelled, FALSE AS is_departure FROM {flights}
    """


@fs.features(entity=airport, source=movements, version="v1")
class Airport:
    """Movements of the last hours and of the last day, in minutes of delay."""

    movements = fs.count(over=["6h", "1d"])
    delay = fs.mean("delay", over=["6h", "1d"])
    cancelled = fs.count(over="1d", where=fs.col("cancelled") & fs.col("is_departure"))
