"""A small project on disk, applied and materialized, and clients that read it: in this process, and over gRPC."""

import asyncio
import datetime
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from featurestore.project import loader, open_project
from featurestore_serving.client import FeatureClient
from featurestore_serving.reader import local_reader
from featurestore_serving.server import Limits, Server
from featurestore_serving.service import FeatureReader

CONFIG = """\
project: shop
targets:
  laptop:
    offline: {provider: duckdb}
    online: {provider: sqlite}
"""
FEATURES = """\
import datetime

import featurestore as fs

customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
branch = fs.Entity("branch", keys={"branch": fs.Int32, "city": fs.String, "opened": fs.Date})
orders = fs.Source("orders", path="orders.parquet", event_time="at", created_time="loaded", key=["order_id"])


@fs.features(entity=customer, source=orders, version="v1", every="1d")
class Habits:
    visits = fs.count()
    spend = fs.sum("amount")


@fs.features(entity=branch, source=orders, version="v1", every="1d")
class Sales:
    sold = fs.count()


@fs.on_demand(version="v1")
def share(amount: fs.Request[float], spend: float | None) -> float | None:
    return amount / spend if spend is not None else None


@fs.on_demand(version="v1")
def noted(note: fs.Request[str | None], count: fs.Request[int]) -> str:
    return f"{note or 'nothing'} x {count}"


till = fs.FeatureService("till", features=[Habits, share], version="v1")
notes = fs.FeatureService("notes", features=[noted], version="v1")
customers = fs.FeatureService("customers", features=[Habits], version="v1")
branches = fs.FeatureService("branches", features=[Sales], version="v1")
"""
DAY = datetime.datetime(2024, 3, 1, 12, tzinfo=datetime.UTC)
CUSTOMERS = 500
"""Customer n has one order of n, of the branch n % 3 in Rome."""


@pytest.fixture(autouse=True)
def modules_as_before() -> Iterator[None]:
    """Leaves no module and no folder of a test's project behind."""
    path, names = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    loader._last.clear()
    for name in set(sys.modules) - names:
        if name.partition(".")[0] == "features":
            del sys.modules[name]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, materialized once."""
    root = tmp_path_factory.mktemp("built")
    numbers = range(CUSTOMERS)
    columns = {
        "order_id": pa.array(numbers, pa.int64()),
        "customer_id": pa.array(numbers, pa.int64()),
        "branch": pa.array([number % 3 for number in numbers], pa.int32()),
        "city": pa.array(["Rome"] * CUSTOMERS),
        "opened": pa.array([datetime.date(2020, 1, 1)] * CUSTOMERS),
        "at": pa.array([DAY] * CUSTOMERS, pa.timestamp("us", "UTC")),
        "loaded": pa.array([DAY] * CUSTOMERS, pa.timestamp("us", "UTC")),
        "amount": pa.array([float(number) for number in numbers]),
    }
    pyarrow.parquet.write_table(pa.table(columns), root / "orders.parquet")
    (root / "featurestore.yaml").write_text(CONFIG)
    (root / "features.py").write_text(FEATURES)
    with open_project(root) as project:
        project.plan().apply("first")
        assert [result.outcome for result in project.materialize()] == ["published", "published"]
    return root


@pytest.fixture
def root(built: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(built, tmp_path / "shop"))


@pytest.fixture
def file(root: Path) -> Path:
    """The online store of it."""
    return root / ".featurestore" / "laptop" / "online.db"


@contextmanager
def _served(reader: FeatureReader, **limits: float) -> Iterator[str]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = Server(reader, "127.0.0.1:0", limits=Limits(**limits))  # type: ignore[arg-type]
    try:
        yield asyncio.run_coroutine_threadsafe(server.start(), loop).result(20)
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def served() -> Callable[..., AbstractContextManager[str]]:
    """Starts a server over a reader, with limits; in ``with`` it gives the address."""
    return _served


@contextmanager
def _remote(root: Path) -> Iterator[FeatureClient]:
    with (
        open_project(root) as project,
        _served(local_reader(project)) as address,
        FeatureClient(address, timeout=30) as client,
    ):
        yield client


@pytest.fixture(params=["local", "remote"])
def client(request: pytest.FixtureRequest, root: Path) -> Iterator[FeatureClient]:
    """A client of the project: `FeatureClient.local`, or one of a server over it."""
    open_client: dict[str, Callable[[Path], object]] = {"local": FeatureClient.local, "remote": _remote}
    with ExitStack() as stack:
        yield stack.enter_context(open_client[request.param](root))  # type: ignore[arg-type]
