"""A shop's orders on DuckDB, a registry and an online store on SQLite: all real, in a folder."""

import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

import featurestore as fs
from featurestore.compiler.query import BoundaryQuery
from featurestore.compiler.stored import row_columns
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.resolved import Group
from featurestore.definitions.sources import Binding
from featurestore.materialize import Caller, Records, Report, RunResult, Stores, group_key, materialize, micros
from featurestore.registry import open_leases, open_writer
from featurestore.spi.codec import Marker, RowCodec, decode_row
from featurestore.spi.online import GroupKey
from featurestore.spi.providers import open_offline, open_online
from featurestore.spi.stores import StagedTables
from featurestore_sqlite.store import SQLiteStore

HOUR = 3_600_000_000
START = datetime(2024, 5, 1, tzinfo=UTC)
customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
orders = fs.Source(
    "orders", path="orders.parquet", event_time="at", created_time="loaded", key="order_id", deleted="gone"
)


@fs.features(entity=customer, source=orders, version="v1", every="1h", delay="10m")
class Habits:
    """What the customer usually does."""

    orders = fs.count(over="6h")
    spend = fs.sum("amount", over="3h")
    city = fs.last("city", ttl="2h").fill_null("??")


def hour(number: float) -> datetime:
    """So many hours after the first of May."""
    return START + timedelta(hours=number)


def at(number: float) -> int:
    """The same in microseconds: a boundary, if the number is whole."""
    return micros(hour(number))


def order(order_id: int, customer_id: int | None, happened: float, **changes: Any) -> dict[str, Any]:
    """An order, loaded at once if nothing else is said."""
    given = {"amount": float(order_id), "city": "Rome", "loaded": hour(happened), "gone": False, **changes}
    return {"order_id": order_id, "customer_id": customer_id, "at": hour(happened), **given}


ORDERS: Sequence[Mapping[str, Any]] = (
    order(1, 1, 0.5),
    order(2, 1, 1.5, city="Oslo"),
    order(3, 2, 0.7),
    order(4, 2, 1.2, loaded=hour(2.5)),
    order(5, 3, 2.5),
    order(3, 4, 0.7, loaded=hour(1.9)),
    order(5, 3, 2.5, loaded=hour(3.9), gone=True),
)
"""Order 4 comes late, 3 moves to another customer, 5 is deleted."""

TYPES = {
    "order_id": pa.int64(),
    "customer_id": pa.int64(),
    "at": pa.timestamp("us", "UTC"),
    "loaded": pa.timestamp("us", "UTC"),
    "amount": pa.float64(),
    "city": pa.string(),
    "gone": pa.bool_(),
}
SCHEMA = {
    "order_id": fs.Int64,
    "customer_id": fs.Int64,
    "at": fs.Timestamp,
    "loaded": fs.Timestamp,
    "amount": fs.Float64,
    "city": fs.String,
    "gone": fs.Bool,
}


def group_of(*objects: object, schemas: Mapping[str, Mapping[str, Any]] | None = None) -> Group:
    """The only group of some definitions."""
    (group,) = define(objects, schemas or {"orders": SCHEMA}, Settings()).groups
    return group


GROUP = group_of(Habits)


@dataclass
class Shop:
    """Everything that a run needs, below one folder; what is opened is closed with it."""

    root: Path
    group: Group = GROUP
    now: datetime = datetime(2024, 5, 5, tzinfo=UTC)
    opened: list[Any] = field(default_factory=list)

    at, hour, order, orders = staticmethod(at), staticmethod(hour), staticmethod(order), ORDERS

    def __post_init__(self) -> None:
        self.offline = self._opened(open_offline("duckdb", {"threads": 1}, self.root, self.root / "scratch", "test"))
        self.online = self._opened(open_online("sqlite", {}, self.root, self.root / "scratch", "test"))
        self.writer = self._opened(open_writer(self.root / "registry.db"))
        self.leases = self._opened(open_leases(self.root / "registry.db"))
        self.records = Records(project="shop", leases=self.leases, writer=self.writer)

    def reopen_online(self, **options: Any) -> None:
        """Opens the online store again, for instance after its file was removed."""
        self.online = self._opened(SQLiteStore(self.root / "scratch" / "online.db", **options))

    def _opened(self, one: Any) -> Any:
        self.opened.append(one)
        return one

    def close(self) -> None:
        while self.opened:
            self.opened.pop().close()

    @property
    def stores(self) -> Stores:
        return Stores(
            offline=self.offline,
            bindings={"orders": Binding("orders.parquet")},
            online=self.online,
            namespace="shop:test",
            staged=self.root / "staged",
        )

    @property
    def key(self) -> GroupKey:
        return group_key(self.group, "shop:test")

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Replaces the source's rows."""
        columns = {name: pa.array([row[name] for row in rows], kind) for name, kind in TYPES.items()}
        pyarrow.parquet.write_table(pa.table(columns), self.root / "orders.parquet")

    def caller(self, run_id: str = "r_1") -> Caller:
        return Caller(run_id=run_id, who="ann", host="here", code_version="0.1.0", git_commit="c0ffee", git_dirty=False)

    def run(
        self,
        number: float,
        run_id: str = "r_1",
        *,
        rebuild: bool = False,
        progress: Report | None = None,
        stores: Stores | None = None,
        **options: Any,
    ) -> RunResult:
        """Materializes at an hour."""
        return materialize(
            self.group,
            at(number),
            stores=stores or self.stores,
            records=self.records,
            caller=self.caller(run_id),
            clock=lambda: self.now,
            rebuild=rebuild,
            progress=progress,
            **options,
        )

    def prepared(self, *batches: Mapping[str, Sequence[Any]]) -> "Prepared":
        """A warehouse that answers with these columns: ``customer_id``, and of the others what is given, else null."""
        names = ["customer_id", *(name for name, _ in row_columns(self.group))]
        kinds = [pa.int64(), pa.string(), pa.int64(), pa.int64(), pa.float64()]
        schema = pa.schema(list(zip(names, kinds, strict=True)))
        rows = [len(next(iter(batch.values()))) for batch in batches]
        return Prepared(
            [
                pa.record_batch(
                    [pa.array(batch.get(name, [None] * number), schema.field(name).type) for name in names],
                    schema=schema,
                )
                for batch, number in zip(batches, rows, strict=True)
            ]
        )

    def with_offline(self, offline: Any) -> Stores:
        return dataclasses.replace(self.stores, offline=offline)

    @property
    def marker(self) -> Marker | None:
        found: Marker | None = self.online.marker(self.key)
        return found

    def rows(self) -> dict[bytes, tuple[Any, ...]]:
        """What the store holds: key to (boundary in hours, values)."""
        codec = RowCodec(row_columns(self.group))
        found = {key: decode_row(data, codec) for key, data in self.online.scan(self.key)}
        return {key: ((row.boundary - at(0)) / HOUR, *row.values) for key, row in found.items()}

    def values(self) -> dict[bytes, tuple[Any, ...]]:
        """What the store holds: key to values."""
        return {key: row[1:] for key, row in self.rows().items()}

    def kinds(self) -> list[tuple[str, float]]:
        """The ledger, oldest first: kind and boundary in hours."""
        entries = self.writer.reader.ledger("shop", self.group.id)
        return [(entry.kind, (entry.boundary - at(0)) / HOUR) for entry in reversed(entries)]


@dataclass
class Prepared:
    """Stands in for a warehouse that answers every question with prepared batches."""

    batches: Sequence[pa.RecordBatch]
    asked: list[BoundaryQuery] = field(default_factory=list)

    def boundary_rows(
        self, query: BoundaryQuery, _bindings: Mapping[str, Binding], _staged: StagedTables
    ) -> pa.RecordBatchReader:
        """See `OfflineStore.boundary_rows`."""
        self.asked.append(query)
        return pa.RecordBatchReader.from_batches(self.batches[0].schema, iter(self.batches))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    made.write(ORDERS)
    yield made
    made.close()


@pytest.fixture
def fresh() -> Iterator[Callable[..., Shop]]:
    """Further shops, each in a folder of its own."""
    made: list[Shop] = []
    with tempfile.TemporaryDirectory() as folder:

        def make(rows: Sequence[Mapping[str, Any]] = ORDERS, **options: Any) -> Shop:
            root = Path(folder) / str(len(made))
            root.mkdir()
            made.append(Shop(root, **options))
            made[-1].write(rows)
            return made[-1]

        yield make
        for one in made:
            one.close()
