"""What engines without a store yet are tested with: cases worked out by hand, and a comparison with the oracle."""

import datetime
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, Protocol, cast

import pyarrow as pa
import pytest

from featurestore.compiler.dialect import Dialect
from featurestore.compiler.printing import print_query
from featurestore.compiler.query import Query
from featurestore.compiler.vector import layout_of
from featurestore.definitions import expressions as fs
from featurestore.definitions.entities import Entity
from featurestore.definitions.features import features
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.sources import Binding, Source
from featurestore.definitions.types import Bool, Float64, Int64, Schema, String, Timestamp
from featurestore.errors import NumberOverflowError
from featurestore.spi.frames import arrow_type
from featurestore.spi.spines import spine_of
from featurestore.spi.stores import OfflineStore, StagedTables
from featurestore.spi.values import values_at
from featurestore.testing import oracle
from featurestore.testing.cases import Case
from featurestore.testing.compare import agree
from featurestore.testing.engine import table_of

Compute = Callable[[str, Mapping[str, pa.Table]], pa.Table]
"""Runs a statement over tables by name. A number that does not fit is a `NumberOverflowError`."""


class Engine(Protocol):
    """An engine under test."""

    dialect: Dialect

    def compute(self, statement: str, tables: Mapping[str, pa.Table]) -> pa.Table: ...


class Printed:
    """As much of an offline store as `values_at` needs: it prints the query, and has the engine compute it."""

    def __init__(self, engine: Engine, tables: Mapping[str, pa.Table]) -> None:
        self._engine = engine
        self._tables = tables

    def run(
        self, query: Query, spine: pa.Table, _bindings: Mapping[str, Binding], staged: StagedTables
    ) -> pa.RecordBatchReader:
        assert not staged, "there are no steps in these cases"
        tables = {"spine": spine, **{f"source_{name}": table for name, table in self._tables.items()}}
        statement = print_query(query, self._engine.dialect)
        found = self._engine.compute(statement, tables)
        return pa.RecordBatchReader.from_batches(found.schema, found.combine_chunks().to_batches())


def computed(case: Case, engine: Engine) -> list[dict[str, Any]]:
    """The features of a case, as the engine computes them."""
    layout = layout_of(case.features)
    tables = {name: table_of(rows, case.schemas[name]) for name, rows in case.tables.items()}
    spine = {
        name: pa.array(
            [row[name] for row in case.spine], arrow_type(layout.keys[name]) if name in layout.keys else None
        )
        for name in case.spine[0]
    }
    store = cast("OfflineStore", Printed(engine, tables))
    return values_at(layout, spine_of(pa.table(spine), case.time, layout), store, {}).to_pylist()


def differences(case: Case, engine: Engine) -> list[str]:
    """Where the engine's result differs from the oracle's; an overflow must be an overflow in both."""
    try:
        expected = oracle.values_at(case.features, case.spine, case.tables, time=case.time)
    except NumberOverflowError:
        with pytest.raises(NumberOverflowError):
            computed(case, engine)
        return []
    return agree(expected, computed(case, engine), case.features, case.tables)


@pytest.fixture(name="differences", scope="session")
def _differences() -> Callable[[Case, Engine], list[str]]:
    return differences


@pytest.fixture(name="computed", scope="session")
def _computed() -> Callable[[Case, Engine], list[dict[str, Any]]]:
    return computed


def missing(reason: str) -> NoReturn:
    """Skips what needs an engine that is not there, or fails where it has to be there."""
    if os.environ.get("FEATURESTORE_ENGINES") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(name="missing", scope="session")
def _missing() -> Callable[[str], NoReturn]:
    return missing


# --- cases worked out by hand ---------------------------------------------------------------------------------------

CUSTOMER = Entity("customer", keys={"customer_id": Int64})
ORDERS: Schema = {
    "order_id": Int64,
    "customer_id": Int64,
    "at": Timestamp,
    "loaded": Timestamp,
    "gone": Bool,
    "units": Int64,
    "amount": Float64,
    "country": String,
}


def time(text: str) -> datetime.datetime:
    """A time of 1 May 2024, unless the text says another day; in UTC."""
    full = text if "T" in text else f"2024-05-01T{text}"
    return datetime.datetime.fromisoformat(full).replace(tzinfo=datetime.UTC)


def case(source: Source, declared: Any, rows: Sequence[Mapping[str, object]], spine: Sequence[tuple[int, str]]) -> Case:
    """A case over one source of orders; ``declared`` is a class of features, rows lack what is null."""
    objects, schemas = [CUSTOMER, source, declared], {source.name: ORDERS}
    return Case(
        objects=objects,
        schemas=schemas,
        settings=Settings(),
        tables={source.name: [{**dict.fromkeys(ORDERS), "customer_id": 1, **row} for row in rows]},
        spine=[{"customer_id": customer, "t": time(at)} for customer, at in spine],
        time="t",
        features=define(objects, schemas, Settings()).select([declared]),
    )


def last_with_ttl() -> Case:
    """The edge of a ttl; a null that is chosen; of two rows at one time the greater value; times before 1970."""

    @features(entity=CUSTOMER, source=(source := Source("orders", table="orders", event_time="at")), every="1h")
    class Known:
        country = fs.last("country", ttl="2h").fill_null("??")
        seen = fs.last("country", ttl="2h", ignore_nulls=True)

    rows: list[Mapping[str, object]] = [
        {"at": time("08:00"), "country": "AT"},
        {"at": time("10:00:00.000001"), "country": "DE"},
        {"at": time("10:00:00.000001"), "country": "Z"},
        {"at": time("12:30"), "country": None},
        {"at": time("09:00"), "country": "it's \\ ${x}", "customer_id": 2},
        {"at": time("1969-12-31T23:59:59.999999"), "country": "old", "customer_id": 3},
    ]
    spine = [(1, at) for at in ("08:59:59.999999", "09:59", "10:30", "11:00", "12:00", "13:00", "15:00")]
    return case(
        source, Known, rows, [*spine, (2, "09:00"), (3, "1969-12-31T23:30"), (3, "1970-01-01T00:30"), (9, "12:00")]
    )


def windowed_sum_and_count() -> Case:
    """Both ends of a window; a sum that only overflows on its way; NaN; what no row and no value give."""

    @features(entity=CUSTOMER, source=(source := Source("orders", table="orders", event_time="at")), every="1h")
    class Spending:
        units = fs.sum("units", over="2h")
        spent = fs.sum("amount", over="2h")
        orders = fs.count(over="2h")
        large = fs.count(over="1h", where=fs.col("amount") > 10)

    rows = [
        {"at": time("10:00"), "units": 2**63 - 1, "amount": 1.5},
        {"at": time("10:00:00.000001"), "units": 2**63 - 1, "amount": 2.25},
        {"at": time("11:00"), "units": 1, "amount": None},
        {"at": time("12:00"), "units": -1, "amount": 20.0},
        {"at": time("12:00:00.000001"), "units": -5, "amount": math.nan},
    ]
    return case(source, Spending, rows, [(1, at) for at in ("10:59", "12:00", "13:00", "14:00", "20:00")])


def knowledge_time() -> Case:
    """Rows that become known late, in time for a delay, in advance or never."""
    source = Source("orders", table="orders", event_time="at", created_time="loaded")

    @features(entity=CUSTOMER, source=source, every="1h", delay="10m")
    class Spending:
        units = fs.sum("units", over="1d")

    times = [
        ("11:50", "11:52"),
        ("12:00", "12:05"),
        ("11:58", "12:10"),
        ("11:58", "12:11"),
        ("12:01", "11:00"),
        ("11:40", None),
        (None, "11:40"),
    ]
    rows = [
        {"at": at and time(at), "loaded": loaded and time(loaded), "units": 10**number}
        for number, (at, loaded) in enumerate(times)
    ]
    return case(source, Spending, rows, [(1, at) for at in ("12:09", "12:10", "13:09:59.999999", "13:10")])


def corrections_and_deletion() -> Case:
    """Order 7 is corrected and moves to another customer, and is deleted; one without a key corrects nothing."""
    source = Source("orders", table="orders", event_time="at", created_time="loaded", key="order_id", deleted="gone")

    @features(entity=CUSTOMER, source=source, every="1h")
    class Spending:
        units = fs.sum("units", over="1d")
        orders = fs.count(over="1d")
        newest = fs.last("units")

    rows: list[Mapping[str, object]] = [
        {"order_id": 7, "at": time("10:00"), "loaded": time("10:05"), "units": 40},
        {"order_id": 7, "at": time("10:00"), "loaded": time("11:20"), "units": 45, "customer_id": 2},
        {"order_id": 7, "at": None, "loaded": time("13:00"), "units": 45, "customer_id": 2, "gone": True},
        {"order_id": None, "at": time("10:30"), "loaded": time("10:30"), "units": 5},
        {"order_id": None, "at": time("10:30"), "loaded": time("12:30"), "units": 6, "gone": True},
        {"order_id": 8, "at": time("15:00"), "loaded": time("10:00"), "units": 100},
        {"order_id": 8, "at": time("10:30"), "loaded": time("11:00"), "units": 300},
    ]
    hours = ("10:00", "11:00", "12:00", "13:00", "15:00")
    return case(source, Spending, rows, [(customer, at) for customer in (1, 2) for at in hours])


WORKED_OUT: Mapping[str, tuple[Callable[[], Case], Mapping[str, Sequence[object]]]] = {
    "last_with_ttl": (
        last_with_ttl,
        {
            "country": ["AT", "AT", "??", "Z", "Z", "??", "??", "it's \\ ${x}", "??", "old", "??"],
            "seen": ["AT", "AT", None, "Z", "Z", None, None, "it's \\ ${x}", None, "old", None],
        },
    ),
    "windowed_sum_and_count": (
        windowed_sum_and_count,
        {
            "units": [2**63 - 1, 2**63 - 1, -6, -5, None],
            "spent": [1.5, 22.25, math.nan, math.nan, None],
            "orders": [1, 3, 2, 1, 0],
            "large": [0, 1, 1, 0, 0],
        },
    ),
    "knowledge_time": (knowledge_time, {"units": [None, 100_111, 100_111, 111_111]}),
    "corrections_and_deletion": (
        corrections_and_deletion,
        {
            "units": [None, 345, 305, 305, 305, None, None, 45, None, None],
            "orders": [0, 3, 2, 2, 2, 0, 0, 1, 0, 0],
            "newest": [None, 300, 300, 300, 300, None, None, 45, None, None],
        },
    ),
}


@pytest.fixture(params=WORKED_OUT)
def worked_out(request: pytest.FixtureRequest) -> tuple[Case, Mapping[str, Sequence[object]]]:
    """A case, and its values by feature."""
    make, expected = WORKED_OUT[request.param]
    return make(), expected


@pytest.fixture
def overflowing() -> Case:
    """A sum that fits no Int64."""

    @features(entity=CUSTOMER, source=(source := Source("orders", table="orders", event_time="at")), every="1h")
    class Spending:
        units = fs.sum("units")

    rows = [{"at": time("10:00"), "units": 2**63 - 1}, {"at": time("10:00"), "units": 1}]
    return case(source, Spending, rows, [(1, "12:00")])


@pytest.fixture
def refused() -> Case:
    """An aggregation that only DuckDB's dialect can say."""

    @features(entity=CUSTOMER, source=(source := Source("orders", table="orders", event_time="at")), every="1h")
    class Spread:
        units = fs.std("units")

    return case(source, Spread, [{"at": time("10:00"), "units": 1}], [(1, "12:00")])
