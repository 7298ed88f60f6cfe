"""What is materialized and read is what `values_at` says, for each aggregation of each type of column."""

import datetime
import math
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from featurestore.materialize import micros
from featurestore.project import Project, loader, open_project
from featurestore.testing.compare import same
from featurestore_serving.client import FeatureClient
from featurestore_serving.reader import local_reader

CONFIG = """\
project: shop
targets:
  laptop:
    offline: {provider: duckdb}
    online: {provider: sqlite}
"""
FEATURES = """\
import featurestore as fs

customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
orders = fs.Source("orders", path="orders.parquet", event_time="at", created_time="loaded", key=["order_id"])
SCALARS = ["i", "n", "x", "f", "d", "s", "b", "day", "seen", "flag"]
OTHERS = ["tags", "v"]
NUMBERS = ["i", "n", "x", "f", "d"]


def all_of(functions, columns, **options):
    return {f"{name}_{column}": make(column, **options) for column in columns for name, make in functions.items()}


CHOOSE = {"last": fs.last, "first": fs.first, "distinct": fs.count_distinct, "about": fs.approx_distinct}
REAL = {
    "std": fs.std,
    "half": lambda column, **options: fs.percentile(column, 0.5, **options),
    "least": lambda column, **options: fs.percentile(column, 0.0, **options),
    "mean": fs.mean,
    "sum": fs.sum,
    "min": fs.min,
    "max": fs.max,
}
attributes = {
    **all_of(CHOOSE, SCALARS + OTHERS),
    **all_of({"recent": lambda column: fs.last_n(column, 3)}, SCALARS),
    **all_of(REAL, NUMBERS, over="36h"),
    "windows": fs.last_n("x", 2, over=["36h", "7d"]),
    "halves": fs.percentile("x", 0.25, over=["36h", "7d"], where=fs.col("n") > 0),
    "pivot": fs.count_distinct("s", over="7d", ago="1d").by("flag", [True, False]),
    "filled": fs.std("n", over="36h").fill_null(-1.0),
    "several": fs.percentile("d", 0.9) / fs.count_distinct("s"),
    "any": fs.any("flag"),
    "all": fs.all("flag"),
    "count": fs.count(over="36h"),
}
Everything = fs.features(entity=customer, source=orders, version="v1", every="1d")(type("Everything", (), attributes))
checkout = fs.FeatureService("checkout", features=[Everything], version="v1")
"""
UTC = datetime.UTC
DAY = datetime.datetime(2024, 3, 2, tzinfo=UTC)
NAN, INF = math.nan, math.inf
COLUMNS = {
    "customer_id": (pa.int64(), [1, 1, 1, 1, 2, 2, 3, 4]),
    "i": (pa.int32(), [1, 2, 2, None, 2**31 - 1, -(2**31), 7, None]),
    "n": (pa.int64(), [2**53 + 1, 3, 2**53 + 1, 2**53, None, 4, 7, None]),
    "x": (pa.float64(), [0.1, 0.2, None, 1e9, NAN, -0.0, INF, None]),
    "f": (pa.float32(), [0.5, -0.0, 0.0, None, INF, 1.0, NAN, None]),
    "d": (
        pa.decimal128(10, 2),
        [Decimal("0.10"), None, Decimal("0.20"), Decimal("-9.99"), None, None, Decimal(1), None],
    ),
    "s": (pa.string(), ["a", "ä", "a", "", None, "'", "\x1f", None]),
    "b": (pa.binary(), [b"", b"\x00", b"\xff", b"", None, b"a", b"\x00\x00", None]),
    "day": (pa.date32(), [DAY.date(), None, datetime.date(1969, 12, 31), DAY.date(), None, None, DAY.date(), None]),
    "seen": (pa.timestamp("us", "UTC"), [DAY, DAY, None, DAY.replace(year=1969), None, None, DAY, None]),
    "flag": (pa.bool_(), [True, None, False, True, None, None, False, None]),
    "tags": (pa.list_(pa.string()), [["a"], [], None, ["a", "b"], ["a", None], None, [""], None]),
    "v": (pa.list_(pa.float32(), 2), [[1.0, 2.0], None, [0.5, -0.0], [NAN, INF], None, None, [1.0, 2.0], None]),
}
HOURS = (-40, -30, -20, -10, -20, -1, 5, 6)
"""When each row happened, before and after DAY."""
FLOATS = {"std", "half", "halves", "mean", "sum", "filled", "several"}
"""What engines compute in varying order (semantics 12)."""


@pytest.fixture(autouse=True)
def modules_as_before() -> Iterator[None]:
    """Leaves no module and no folder of a test's project behind."""
    path, names = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    loader._last.clear()
    for name in set(sys.modules) - names:
        if "/test_" in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """The project, applied."""
    times = [DAY + datetime.timedelta(hours=hour) for hour in HOURS]
    kinds = {"order_id": pa.int64(), "at": pa.timestamp("us", "UTC"), "loaded": pa.timestamp("us", "UTC")}
    columns = {name: pa.array(values, kind) for name, (kind, values) in COLUMNS.items()}
    own = {"order_id": list(range(len(HOURS))), "at": times, "loaded": times}
    columns |= {name: pa.array(own[name], kind) for name, kind in kinds.items()}
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "orders.parquet")
    (tmp_path / "featurestore.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "shop_features.py").write_text(FEATURES, encoding="utf-8")
    with open_project(tmp_path) as opened:
        opened.plan().apply("first")
        yield opened


def test_each_aggregation_is_read_as_values_at_gives_it(project: Project, serve: Callable[..., Any]) -> None:
    keys = [1, 2, 3, 4, 404]
    for days in (0, 1, 2):
        time = DAY + datetime.timedelta(days=days, minutes=1)
        (run,) = project.materialize(until=time)
        assert (run.outcome, run.mode) == ("published", "changed" if days else "full")
        wanted = project.values_at("checkout", [{"customer_id": key, "t": time} for key in keys], time="t").to_pylist()
        reader = local_reader(project, clock=partial(micros, time))
        with FeatureClient(serve(reader).address) as remote:
            for client in (FeatureClient.over(reader), remote):
                found = client.get("checkout", {"customer_id": keys}).to_dicts()
                different = [
                    (days, name, right[name], given[name])
                    for right, given in zip(wanted, found, strict=True)
                    for name in right
                    if name != "t" and not alike(name, right[name], given[name])
                ]
                assert different == []


def alike(name: str, right: Any, given: Any) -> bool:
    inexact = name.partition("_")[0] in FLOATS and isinstance(right, float) and isinstance(given, float)
    return same(right, given) or (inexact and given == pytest.approx(right, rel=1e-9, abs=1e-6))
