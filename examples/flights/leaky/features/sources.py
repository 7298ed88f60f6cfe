"""The same tables, read by somebody who forgot that a delay is known only when the flight has landed."""

import featurestore as fs

flights = fs.Source(
    "flights",
    path="../data/flights.parquet",
    event_time="scheduled_departure",
    key=["time_hour", "carrier", "flight"],
    description="Flights that left, or should have left, New York in 2013.",
)

weather = fs.Source(
    "weather",
    path="../data/weather.parquet",
    event_time="observed_at",
    keys={"faa": "origin"},
    description="Hourly observations at the three airports of New York.",
)

planes = fs.Source("planes", path="../data/planes.parquet", key=["tailnum"], description="The register of aircraft.")
