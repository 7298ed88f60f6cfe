"""A shop with a few orders and labels, on a real DuckDB store."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

import featurestore as fs
from featurestore.definitions.resolution import Definitions, Settings, define
from featurestore.definitions.resolved import ResolvedTrainingSet
from featurestore.definitions.sources import Binding
from featurestore.spi.providers import open_offline
from featurestore.spi.stores import OfflineStore
from featurestore.training import Provenance, TrainingBuild, build, rebuild

customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
orders = fs.Source(
    "orders", path="orders.parquet", event_time="at", created_time="loaded", key="order_id", tags={"weight": ["pii"]}
)


@fs.feature(entity=customer, version="v1", every="1d")
def spend(orders: fs.Rows) -> fs.Value:
    """Spending of a month."""
    return orders.amount.sum(over="30d")


@fs.feature(entity=customer, version="v1")
def twice(spend: fs.Value) -> fs.Value:
    """Derived."""
    return spend * 2


@fs.on_demand(version="v1")
def ratio(basket: fs.Request[float | None], spend: float | None) -> float | None:
    """This basket against the usual spending."""
    return basket / spend if spend and basket is not None else None


@fs.on_demand(version="v1")
def failing(spend: float | None) -> float:
    """Raises where there is no spending."""
    assert spend is not None, "no spending"
    return spend


@fs.features(entity=customer, source=orders, version="v1", every="1d")
class Habits:
    """What the customer usually does."""

    orders = fs.count()
    largest = fs.max("amount")
    category = fs.last("category")
    weight = fs.max("weight")


def day(number: int, hour: int = 0) -> datetime:
    return datetime.fromtimestamp(1_704_067_200 + (number - 1) * 86_400 + hour * 3_600, UTC)


BUILT = day(60)


@dataclass(frozen=True)
class Shop:
    """A folder with Parquet files, and the store over it. Day 1 is 1 January 2024; builds are made on day 60."""

    root: Path
    store: OfflineStore

    spend, twice, ratio, failing, Habits, customer = spend, twice, ratio, failing, Habits, customer
    built_at = BUILT
    day = staticmethod(day)
    provenance = Provenance("ann", "c0ffee00c0ffee", git_dirty=False, packages={}, at=BUILT, code_version="0.1.0")
    orders: Any = None
    labels: Any = None

    def write(self, name: str, columns: Mapping[str, Any]) -> None:
        pyarrow.parquet.write_table(pa.table(dict(columns)), self.root / f"{name}.parquet")

    def label_source(self, **changes: Any) -> fs.Source:
        given = {"path": "labels.parquet", "event_time": "asked", "created_time": "known", "key": "case_id"}
        return fs.Source("labels", **{**given, **changes})

    def training_set(self, *features: object, source: object = None, drop: bool = False, **label: Any) -> Any:
        """A training set over the labels."""
        rows = self.label_source() if source is None else source
        churned = fs.Label("churned", version="v1", source=rows, entity=customer, **{"column": "churned", **label})
        service = fs.FeatureService("checkout", version="v1", features=list(features or (spend,)))
        return fs.TrainingSet("churn", version="v1", label=churned, features=service, drop_null_labels=drop)

    def define(self, *objects: object) -> Definitions:
        schemas = {name: self.store.probe(name, binding).columns for name, binding in self.bindings.items()}
        return define(objects, schemas, Settings())

    @property
    def bindings(self) -> dict[str, Binding]:
        return {path.stem: Binding(path.name) for path in self.root.glob("*.parquet")}

    def resolved(self, training_set: fs.TrainingSet) -> ResolvedTrainingSet:
        found = self.define(training_set).find(f"training_set:{training_set.name}").resolved
        assert isinstance(found, ResolvedTrainingSet)
        return found

    def build(self, training_set: fs.TrainingSet, as_of: datetime = BUILT, path: Path | None = None) -> TrainingBuild:
        resolved = self.resolved(training_set)
        return build(
            resolved,
            self.store,
            self.bindings,
            as_of=as_of,
            provenance=self.provenance,
            project="shop",
            path=path,
        )

    def rebuild(self, built: TrainingBuild, training_set: fs.TrainingSet, path: Path | None = None) -> TrainingBuild:
        definitions = self.define(training_set)
        return rebuild(built.record, definitions, self.store, self.bindings, provenance=self.provenance, path=path)


ORDERS: Mapping[str, list[Any]] = {
    "order_id": [1, 2, 3, 4],
    "customer_id": [1, 1, 2, 1],
    "at": [day(1), day(2), day(2), day(3)],
    "loaded": [day(1, 1), day(2, 1), day(2, 1), day(20)],  # the last one comes late
    "amount": [10.0, 20.0, 30.0, 1000.0],
    "category": ["food", "toys", "food", "toys"],
    "weight": [61.0, 62.0, 63.0, 64.0],
}
LABELS: Mapping[str, list[Any]] = {
    "case_id": [11, 12, 13, 14],
    "customer_id": [2, 1, 1, 9],
    "asked": [day(4), day(5), day(6), day(7)],
    "known": [day(4, 1), day(5, 1), day(6, 1), day(40)],
    "basket": [3.0, 5.0, None, 7.0],
    "churned": [True, False, None, True],
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    root = tmp_path / "shop"
    root.mkdir()
    made = Shop(
        root,
        open_offline("duckdb", {}, root, tmp_path / "scratch", "test"),
        {name: list(values) for name, values in ORDERS.items()},
        {name: list(values) for name, values in LABELS.items()},
    )
    made.write("orders", made.orders)
    made.write("labels", made.labels)
    yield made
    made.store.close()
