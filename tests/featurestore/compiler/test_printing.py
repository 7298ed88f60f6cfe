"""The SQL of small selections, as people read it with `featurestore explain`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from featurestore.compiler.compile import compile_values
from featurestore.compiler.dialect import Dialect
from featurestore.compiler.printing import print_query
from featurestore.compiler.vector import layout_of
from featurestore.definitions import expressions as fs
from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import Rows
from featurestore.definitions.features import features
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.sources import Source
from featurestore.definitions.transformations import transformation
from featurestore.definitions.types import Bool, Float64, Int64, Schema, String, Timestamp
from featurestore_bigquery.dialect import BigQueryDialect
from featurestore_duckdb.dialect import DuckDBDialect
from featurestore_spark.dialect import SparkDialect

GOLDEN = Path(__file__).parent / "golden"
ORDERS: Schema = {
    "order_id": Int64,
    "customer_id": Int64,
    "at": Timestamp,
    "loaded": Timestamp,
    "gone": Bool,
    "amount": Float64,
    "country": String,
}
FLIGHTS: Schema = {"at": Timestamp, "origin": String, "dest": String, "delay": Float64, "cancelled": Bool}

customer = Entity("customer", keys={"customer_id": Int64})
route = Entity("route", keys={"origin": String, "dest": String})
airport = Entity("airport", keys={"airport_id": String})
orders = Source("orders", table="orders", event_time="at")
loaded = Source("loaded", table="orders", event_time="at", created_time="loaded")
corrected = Source("corrected", table="orders", event_time="at", created_time="loaded", key="order_id", deleted="gone")
flights = Source("flights", table="flights", event_time="at")


@transformation(version="v1")
def movements(flights: Rows) -> str:
    return """
        SELECT origin AS airport_id, delay, cancelled FROM {flights} WHERE NOT cancelled
        UNION ALL
        SELECT dest, delay, cancelled FROM {flights}
    """


@features(entity=customer, source=orders, every="1d", version="v1")
class Known:
    country = fs.last("country", ttl="30d").fill_null("??")


@features(entity=customer, source=loaded, every="1h", delay="10m", version="v1")
class Spending:
    spent = fs.sum("amount", over=["1d", "7d"])
    large = fs.count(over="7d", where=fs.col("amount") > 100)


@features(entity=customer, source=corrected, every="1h", delay="10m", version="v1")
class Corrected:
    orders = fs.count(over="7d")
    before = fs.mean("amount", over="7d", ago="7d")


@features(entity=customer, source=loaded, every="1d", version="v1")
class Distribution:
    spread = fs.std("amount", over="30d")
    half = fs.percentile("amount", 0.5, over="30d")
    countries = fs.count_distinct("country", over=["7d", "30d"])
    about = fs.approx_distinct("order_id", over="30d", ago="30d")
    recent = fs.last_n("country", 3, over="30d", where=fs.col("amount") > 0)


@features(entity=airport, source=movements, every="1h", version="v1")
class Airport:
    delay = fs.mean("delay", over="6h")


@features(entity=route, source=flights, every="1w", offset="4d", version="v1")
class Route:
    worst = fs.max("delay")


CASES: Mapping[str, Sequence[object]] = {
    "last_with_ttl": [Known],
    "windowed_sum_with_delay": [Spending],
    "corrections_with_deletion": [Corrected],
    "distribution_and_newest_values": [Distribution],
    "step_with_union": [Airport],
    "composite_key_and_roles": [
        *(Route.worst, Airport.delay.on(airport_id="origin").named("origin_delay")),
        Airport.delay.on(airport_id="dest").named("dest_delay"),
    ],
}


EVERYWHERE = (
    *("last_with_ttl", "windowed_sum_with_delay", "corrections_with_deletion"),
    *("step_with_union", "composite_key_and_roles"),
)
"""What every dialect can say."""
DIALECTS: Mapping[str, Dialect] = {"": DuckDBDialect(), ".spark": SparkDialect(), ".bigquery": BigQueryDialect()}
"""Dialects, by what their files are called after the name of the case."""
FILES = {
    f"{name}{suffix}.sql": (name, dialect)
    for suffix, dialect in DIALECTS.items()
    for name in (EVERYWHERE if suffix else CASES)
}


def printed(selected: Sequence[object], dialect: Dialect) -> str:
    schemas = {**dict.fromkeys(("orders", "loaded", "corrected"), ORDERS), "flights": FLIGHTS}
    defined = define([Known, Spending, Corrected, Distribution, Airport, Route, *selected], schemas, Settings())
    return print_query(compile_values(layout_of(defined.select(selected))), dialect) + "\n"


@pytest.mark.parametrize("file", FILES)
def test_the_statement_is_the_golden_one(file: str, request: pytest.FixtureRequest) -> None:
    name, dialect = FILES[file]
    path, text = GOLDEN / file, printed(CASES[name], dialect)
    if request.config.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8")
    golden = path.read_text(encoding="utf-8") if path.exists() else ""
    assert text == golden, "The printed SQL has changed. If it should: pytest --update-golden, and read the diff."


def test_every_golden_file_has_a_case() -> None:
    assert sorted(path.name for path in GOLDEN.glob("*.sql")) == sorted(FILES)
