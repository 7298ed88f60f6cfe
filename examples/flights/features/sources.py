"""The tables that `prepare.py` makes."""

import featurestore as fs

flights = fs.Source(
    "flights",
    path="data/flights.parquet",
    event_time="scheduled_departure",
    created_time="known_at",  # a delay is known when the flight has landed, and not before
    key=["time_hour", "carrier", "flight"],
    description="Flights that left, or should have left, New York in 2013.",
)

weather = fs.Source(
    "weather",
    path="data/weather.parquet",
    event_time="observed_at",
    created_time="known_at",
    keys={"faa": "origin"},
    description="Hourly observations at the three airports of New York.",
)

planes = fs.Source("planes", path="data/planes.parquet", key=["tailnum"], description="The register of aircraft.")
