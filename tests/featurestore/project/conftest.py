"""Projects written into a folder, a text per file."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from featurestore.project import loader

CONFIG = "project: shop\ndefaults: {every: 1d}\ntargets:\n  laptop:\n    offline: {provider: duckdb}\n"
SOURCE = 'import featurestore as fs\norders = fs.Source("orders", path="orders.parquet", event_time="at")\n'
FEATURE = """\
import featurestore as fs
from orders import orders

customer = fs.Entity("customer", keys={"customer_id": fs.Int64})


@fs.feature(entity=customer, version="v1")
def spend(orders: fs.Rows) -> fs.Value:
    return orders.amount.sum(over="30d")
"""

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def modules_as_before() -> Iterator[None]:
    """Leaves no module and no folder of a test's project behind."""
    path, names = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    loader._last.clear()
    for name in set(sys.modules) - names:
        if not getattr(sys.modules[name], "__file__", None) or "/test_" in str(sys.modules[name].__file__):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a project's files, named by their paths, and returns its folder."""

    def written(files: dict[str, str], folder: str = "shop", config: str | None = CONFIG) -> Path:
        root = tmp_path / folder
        for name, text in (({} if config is None else {"featurestore.yaml": config}) | files).items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        return root

    return written


@pytest.fixture
def shop(write: Write) -> Path:
    """A whole project: a source with three rows, an entity and a feature."""
    root = write({"orders.py": SOURCE, "spending.py": FEATURE})
    orders = {
        "customer_id": pa.array([1, 1, 2], pa.int64()),
        "at": pa.array([0, 86_400_000_000, 0], pa.timestamp("us", tz="UTC")),
        "amount": pa.array([10.0, 20.0, 30.0], pa.float64()),
    }
    pyarrow.parquet.write_table(pa.table(orders), root / "orders.parquet")
    return root
