"""What the model reads, and what it learns from."""

import featurestore as fs
from features.airports import Airport
from features.carriers import Carrier, carrier_late_share, carrier_trend
from features.entities import flight
from features.planes import Plane, Register, plane_age
from features.routes import Route, clock, minutes_to_make_up
from features.weather import Weather

delays = fs.FeatureService(
    "delays",
    version="v1",
    description="What is known about a flight before it leaves.",
    features=[
        *[feature.on(faa="origin") for feature in fs.members(Weather)],
        *[feature.on(faa="origin").named(f"origin_{feature.column}") for feature in fs.members(Airport)],
        *[feature.on(faa="dest").named(f"dest_{feature.column}") for feature in fs.members(Airport)],
        Carrier,
        carrier_late_share,
        carrier_trend,
        Plane,
        Register,
        Route,
        plane_age,
        clock,
        minutes_to_make_up,
    ],
)


@fs.transformation(version="v1")
def scheduled(flights: fs.Rows) -> str:
    """What the schedule says of a flight, and whether it then arrived more than 15 minutes late."""
    return """
        SELECT scheduled_departure, carrier, flight, tailnum, origin, dest, distance, hour, late
        FROM {flights}
    """


late = fs.Label(
    "late",
    version="v1",
    source=scheduled,
    column="late",
    entity=flight,
    matures_after="36h",
    description="Arrives more than 15 minutes late. Unknown for flights that never arrived.",
)

late_flights = fs.TrainingSet("late_flights", version="v1", label=late, features=delays, drop_null_labels=True)
