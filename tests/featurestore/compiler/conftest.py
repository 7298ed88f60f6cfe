"""Steps over three sources, without a project around them."""

from collections.abc import Callable, Mapping

import pytest

from featurestore.definitions.expressions import Rows
from featurestore.definitions.fingerprints import Fingerprint
from featurestore.definitions.references import Ref
from featurestore.definitions.resolved import SourceTable, StepTable
from featurestore.definitions.sources import Source
from featurestore.definitions.transformations import transformation
from featurestore.definitions.types import (
    Array,
    Bool,
    DataType,
    Date,
    Decimal,
    Float32,
    Float64,
    Int32,
    Int64,
    Schema,
    String,
    Timestamp,
)

PRINT = Fingerprint("0" * 64, "0" * 64)
ORDERS: Schema = {
    "customer_id": Int64,
    "at": Timestamp,
    "day": Date,
    "amount": Float64,
    "price": Decimal(10, 2),
    "ratio": Float32,
    "small": Int32,
    "n": Int64,
    "city": String,
    "shop": Int64,
    "paid": Bool,
    "tags": Array[String],
}
SHOPS: Schema = {"shop": Int64, "region": String}
TABLES = {
    "orders": SourceTable(Source("orders", table="orders", event_time="at"), Ref("orders"), ORDERS, PRINT),
    "refunds": SourceTable(Source("refunds", table="refunds", event_time="at"), Ref("refunds"), ORDERS, PRINT),
    "shops": SourceTable(Source("shops", table="shops"), Ref("shops"), SHOPS, PRINT),
    "areas": SourceTable(Source("areas", table="areas", key="region"), Ref("areas"), {"region": String}, PRINT),
}

MakeStep = Callable[..., StepTable]


def make_step(
    sql: str, *, dialect: str = "duckdb", columns: Mapping[str, DataType] | None = None, inputs: str | None = None
) -> StepTable:
    """A step whose inputs are those of the sources that its text names in braces, or ``inputs``."""

    @transformation(version="v1", columns=columns)
    def step(orders: Rows) -> str:
        return sql

    named = [name for name in TABLES if f"{{{name}}}" in sql] if inputs is None else inputs.split()
    return StepTable(step, Ref("step", "v1"), {name: TABLES[name] for name in named}, sql, None, dialect, PRINT)


@pytest.fixture(name="make_step")
def _make_step() -> MakeStep:
    return make_step
