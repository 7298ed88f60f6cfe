"""A small shop whose files are written for each test, so that edits of its code are edits of a file."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from featurestore.definitions.origin import collecting
from featurestore.definitions.resolution import Definitions, Settings, define
from featurestore.definitions.sources import Binding
from featurestore.plan import GitState, Plan, apply, make_plan
from featurestore.registry import ApplyRecord, Writer, open_writer

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)

SHOP = '''\
import featurestore as fs

customer = fs.Entity("customer", keys={"customer_id": fs.Int64})

orders = fs.Source(
    "orders",
    path="data/orders.parquet",
    event_time="ordered_at",
    created_time="loaded_at",
    key=["order_id"],
    columns={
        "order_id": fs.Int64, "customer_id": fs.Int64, "ordered_at": fs.Timestamp, "loaded_at": fs.Timestamp,
        "amount": fs.Float64, "status": fs.String, "churned": fs.Bool, "basket": fs.Float64,
    },
)


@fs.transformation(version="v1")
def paid(orders: fs.Rows) -> str:
    """Orders that were paid."""
    return "SELECT * FROM {orders} WHERE status = 'paid'"


@fs.feature(entity=customer, version="v1", every="1h", delay="10m", publish_within="5m", owner="growth")
def spend(paid: fs.Rows) -> fs.Value:
    """Spending of a week."""
    return paid.amount.sum(over="7d")


@fs.features(entity=customer, source=paid, every="1d", publish_within="1h")
class Habits:
    """What a customer usually does."""

    orders = fs.count(over=["7d", "30d"])
    newest = fs.last("amount", ttl="30d")


@fs.on_demand(version="v1")
def above(basket: fs.Request[float], spend: float | None) -> bool | None:
    """Whether this basket is above the usual."""
    return None if spend is None else basket > spend


checkout = fs.FeatureService("checkout", version="v1", features=[spend, Habits, above])
churned = fs.Label("churned", version="v1", source=orders, column="churned", entity=customer)
churn = fs.TrainingSet("churn", version="v1", label=churned, features=checkout)
'''


class Shop:
    """A project of one file, and its registry."""

    def __init__(self, folder: Path, writer: Writer) -> None:
        self.file = folder / "shop.py"
        self.writer = writer
        self.text = SHOP
        self._imported = 0

    def edit(self, *replacements: tuple[str, str]) -> None:
        """Change the project's file; what is replaced must be there."""
        for old, new in replacements:
            assert old in self.text, old
            self.text = self.text.replace(old, new)

    def definitions(self) -> Definitions:
        """What the file defines as it is now."""
        self.file.write_bytes(self.text.encode())
        self._imported += 1
        module = ModuleType(f"shop_{self._imported}")
        module.__file__ = str(self.file)
        sys.modules[module.__name__] = module
        with collecting() as found:
            # Not imported: two versions of a file within a second would share their bytecode.
            exec(compile(self.text, str(self.file), "exec"), module.__dict__)  # noqa: S102 - the project of this test
        return define(found, {}, Settings(project="shop"))

    def plan(
        self,
        definitions: Definitions | None = None,
        *,
        bindings: dict[str, Binding] | None = None,
        retire: tuple[str, ...] = (),
    ) -> Plan:
        return make_plan(
            definitions or self.definitions(),
            self.writer.reader,
            target="laptop",
            bindings=bindings or {},
            project="shop",
            retire=retire,
        )

    def apply(self, plan: Plan | None = None, definitions: Definitions | None = None) -> ApplyRecord | None:
        definitions = definitions or self.definitions()
        return apply(
            plan or self.plan(definitions),
            definitions,
            self.writer,
            who="ann",
            message="why",
            git=GitState("c0ffee", dirty=False),
            at=NOON,
            code_version="0.1.0",
            root=self.file.parent,
        )


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    known = set(sys.modules)
    with open_writer(tmp_path / "registry.db") as writer:
        yield Shop(tmp_path, writer)
    for name in set(sys.modules) - known:
        if name.startswith("shop_"):
            del sys.modules[name]


@pytest.fixture
def applied(shop: Shop) -> Shop:
    """The shop after its first apply."""
    assert shop.apply() is not None
    return shop
