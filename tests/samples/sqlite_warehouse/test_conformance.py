"""A store that a stranger could have written keeps the promises of an offline store, within what it declares."""

import datetime
import sqlite3
import textwrap
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import pytest

import featurestore as fs
from featurestore.definitions.sources import Binding
from featurestore.definitions.types import Schema
from featurestore.errors import NotSupportedError
from featurestore.spi.providers import find_provider
from featurestore.testing.offline_stores import OfflineStoreSuite
from featurestore.testing.oracle import Row
from sqlite_warehouse import provider
from sqlite_warehouse.store import TYPES

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
DECLARED = {data_type: name for name, data_type in TYPES.items()}


def stored(value: object) -> object:
    """A value as SQLite holds it."""
    match value:
        case datetime.datetime():
            aware = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
            return (aware - EPOCH) // datetime.timedelta(microseconds=1)
        case datetime.date():
            return (value - EPOCH.date()).days
        case _:
            return value


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class TestSQLiteWarehouse(OfflineStoreSuite):
    provider = provider
    settings: ClassVar[Mapping[str, str]] = {"database": "warehouse.db"}
    generated_cases = 150

    def load(self, root: Path, name: str, rows: Sequence[Row], schema: Schema) -> Binding:
        columns = ", ".join(f"{quoted(column)} {DECLARED.get(kind, 'OTHER')}" for column, kind in schema.items())
        values = [
            [stored(row.get(column)) if kind in DECLARED else None for column, kind in schema.items()] for row in rows
        ]
        with closing(sqlite3.connect(root / "warehouse.db")) as connection, connection:
            connection.execute(f"DROP TABLE IF EXISTS {quoted(name)}")
            connection.execute(f"CREATE TABLE {quoted(name)} ({columns})")
            connection.executemany(f"INSERT INTO {quoted(name)} VALUES ({', '.join('?' * len(schema))})", values)
        return Binding(table=name)


def test_the_provider_is_found_by_its_entry_point() -> None:
    assert find_provider("sqlite_warehouse") is provider


PROJECT = {
    "featurestore.yaml": """
        project: shop
        defaults: {every: 1h}
        targets: {laptop: {offline: {provider: sqlite_warehouse, database: warehouse.db}}}
    """,
    "shop.py": """
        import featurestore as fs

        customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
        orders = fs.Source("orders", table="orders", event_time="at")

        @fs.feature(entity=customer, version="v1")
        def items(orders: fs.Rows) -> fs.Value:
            return orders.items.sum(over="1d")
    """,
}
MEAN = """
@fs.feature(entity=customer, version="v1")
def mean_items(orders: fs.Rows) -> fs.Value:
    return orders.items.mean(over="1d")
"""
SPINE = [{"customer_id": 1, "t": EPOCH + datetime.timedelta(hours=12)}]


@pytest.fixture(name="shop")
def _shop(tmp_path: Path) -> Path:
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(textwrap.dedent(text), encoding="utf-8")
    schema = {"customer_id": fs.Int64, "at": fs.Timestamp, "items": fs.Int64}
    rows = [{"customer_id": 1, "at": EPOCH + datetime.timedelta(hours=hour), "items": hour} for hour in (1, 2, 20)]
    TestSQLiteWarehouse().load(tmp_path, "orders", rows, schema)
    return tmp_path


def test_a_project_computes_on_it(shop: Path) -> None:
    with fs.open_project(shop) as project:
        assert project.plan().apply(message="first") is not None
        assert project.values_at("items", SPINE).to_pylist()[0]["items"] == 3


def test_plan_and_a_look_at_values_refuse_what_it_does_not_declare(shop: Path) -> None:
    with (shop / "shop.py").open("a", encoding="utf-8") as file:
        file.write(MEAN)
    with fs.open_project(shop) as project:
        looks = (lambda: project.values_at("mean_items", SPINE), lambda: project.explain("mean_items"))
        for refused in (project.plan, *looks):
            with pytest.raises(NotSupportedError, match=r"mean_items@v1 uses mean\(\), which the offline") as caught:
                refused()
            assert "shop.py" in (caught.value.where or "")
            assert "count" in (caught.value.hint or "")
        assert project.values_at("items", SPINE).to_pylist()[0]["items"] == 3
