"""A project on disk, its registry and a SQLite store, read as a server and a local client read them."""

import datetime
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from featurestore.compiler.stored import row_columns
from featurestore.errors import (
    AmbiguousReferenceError,
    ConfigurationError,
    DeadlineExceededError,
    NotSupportedError,
    ReferenceNotFoundError,
    RequestError,
    ServerUnavailableError,
    ServingError,
)
from featurestore.materialize import group_fingerprint, group_key, micros
from featurestore.project import Project, loader, open_project
from featurestore.spi.codec import Marker, Row, RowCodec, encode_key, encode_row, group_prefix
from featurestore_serving.client import FeatureClient
from featurestore_serving.reader import LocalReader, local_reader
from featurestore_serving.service import Field
from featurestore_serving.vectors import Column, FeatureVectors, Request, Status

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


@fs.feature(entity=customer, version="v1", every="1d")
def spend(orders: fs.Rows) -> fs.Value:
    return orders.amount.sum()


@fs.features(entity=customer, source=orders, version="v1", every="1d")
class Habits:
    visits = fs.count()


@fs.on_demand(version="v1")
def share(amount: fs.Request[float], spend: float | None) -> float | None:
    return amount / spend if spend else None


checkout = fs.FeatureService("checkout", features=[spend, share], version="v1", description="For the till.")
counts = fs.FeatureService("counts", features=[Habits.visits], version="v1")
"""
WITH_SIBLING = FEATURES.replace("visits = fs.count()", 'visits = fs.count()\n    newest = fs.last("amount")')
DAY = datetime.datetime(2024, 3, 2, tzinfo=datetime.UTC)
NOON = micros(DAY + datetime.timedelta(hours=12))  # b(t) is DAY

Write = Callable[[str], Path]
Open = Callable[[], Project]


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
def root(tmp_path: Path) -> Path:
    times = pa.array([micros(DAY) - 7, micros(DAY) - 6, micros(DAY) - 5], pa.timestamp("us", tz="UTC"))
    columns = {
        "order_id": pa.array([1, 2, 3], pa.int64()),
        "customer_id": pa.array([1, 1, 2], pa.int64()),
        "at": times,
        "loaded": times,
        "amount": pa.array([10.0, 20.0, 30.0], pa.float64()),
    }
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "orders.parquet")
    (tmp_path / "featurestore.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


@pytest.fixture
def write(root: Path) -> Write:
    """Writes the definitions."""

    def written(text: str) -> Path:
        (root / "features.py").write_text(text, encoding="utf-8")
        return root

    return written


@pytest.fixture
def opened(root: Path) -> Iterator[Open]:
    """Opens the project as its files are now, and closes it in the end."""
    projects: list[Project] = []

    def open() -> Project:
        projects.append(open_project(root))
        return projects[-1]

    yield open
    for one in projects:
        one.close()


@pytest.fixture
def applied(write: Write, opened: Open) -> Project:
    write(FEATURES)
    project = opened()
    project.plan().apply("first")
    return project


def put(project: Project, name: str, rows: Mapping[int, object]) -> None:
    """Writes and publishes a group of one feature at DAY, as a run would."""
    group = next(one for one in project.definitions.groups if one.name == name)
    key, boundary, codec = group_key(group, project.namespace), micros(DAY), RowCodec(row_columns(group))
    encoded = []
    for id, value in rows.items():
        entity = encode_key([id], list(group.entity.keys.values()))
        assert entity is not None
        encoded.append((entity, encode_row(Row(boundary, 1, group_prefix(group.id), (value,)), codec)))
    project.online.put_many(key, encoded)
    assert project.online.publish(key, Marker(boundary, 1, group_fingerprint(group), 0, "", boundary), expected=None)


def reading(project: Project, *, allow_at: bool = False) -> LocalReader:
    return local_reader(project, allow_at=allow_at, clock=lambda: NOON)


def cells(column: Column) -> list[tuple[Status, object]]:
    return list(zip(column.statuses, column.values, strict=True))


SPEND = Request("checkout", {"customer_id": [1, 404]}, {"amount": [15.0]})


# What is served


def test_a_service_of_an_applied_project_is_read_from_its_targets_store(applied: Project) -> None:
    put(applied, "spend@v1", {1: 30.0})
    got = reading(applied).get(SPEND)
    assert cells(got.column("spend")) == [(Status.PRESENT, 30.0), (Status.NOT_FOUND, None)]
    assert cells(got.column("share")) == [(Status.PRESENT, 0.5), (Status.NULL, None)]
    assert (got.service, got.times, got.groups[0].as_of) == ("checkout@v1", [NOON, NOON], [micros(DAY)] * 2)
    assert (applied.root / ".featurestore" / "laptop" / "online.db").exists()


def test_a_service_says_what_it_needs_and_gives(applied: Project) -> None:
    found = reading(applied).describe("checkout@v1")
    logic = applied.definitions.find("spend@v1").fingerprint.logic
    assert (found.service, found.description) == ("checkout@v1", "For the till.")
    assert found.fingerprint == applied.definitions.find("service:checkout@v1").fingerprint.logic
    assert found.entities == (Field("customer_id", "Int64"),)
    assert found.request_values == (Field("amount", "Float64"),)
    assert found.features[0] == Field("spend", "Float64", logic)
    assert [one.name for one in found.features] == ["spend", "share"]


def test_a_time_of_the_requests_own_is_allowed_only_where_the_reader_was_made_so(applied: Project) -> None:
    put(applied, "spend@v1", {1: 30.0})
    early = Request("checkout", {"customer_id": [1]}, {"amount": [15.0]}, at=[micros(DAY) - 1])
    assert cells(reading(applied, allow_at=True).get(early).column("spend")) == [(Status.AHEAD, None)]
    with pytest.raises(RequestError, match="names its own time"):
        reading(applied).get(early)


def test_a_feature_that_got_a_sibling_is_read_where_it_is_published_until_its_new_group_is(
    applied: Project, write: Write, opened: Open
) -> None:
    put(applied, "Habits", {1: 2})
    write(WITH_SIBLING)
    project = opened()
    project.plan().apply("a sibling")
    got = reading(project).get(Request("counts", {"customer_id": [1]}))
    assert cells(got.column("visits")) == [(Status.PRESENT, 2)]
    assert project.definitions.groups[0].id != got.column("visits").group


def test_a_local_client_reads_what_was_materialized(write: Write, opened: Open) -> None:
    root = write(WITH_SIBLING)
    project = opened()
    project.plan().apply("first")
    project.materialize("Habits")
    with FeatureClient.local(root) as client:
        got = client.get("counts@v1", [{"customer_id": 1}, {"customer_id": 2}, {"customer_id": 3}])
        assert [row["visits"] for row in got.to_dicts()] == [2, 1, 0]
        assert [one.name for one in got.column("visits").statuses] == ["PRESENT", "PRESENT", "NOT_FOUND"]
        with pytest.raises(RequestError, match="no column 'visit'"):
            got.column("visit")


def test_a_local_client_is_given_times_where_it_was_made_so(applied: Project) -> None:
    put(applied, "Habits", {1: 2})
    early = DAY - datetime.timedelta(days=1)
    with FeatureClient.local(applied.root, allow_at=True) as client:
        got = client.get("counts", {"customer_id": [1]}, at=early)
    assert cells(got.column("visits")) == [(Status.AHEAD, None)]


# What is refused


def test_a_service_that_was_edited_after_the_apply_is_refused_by_name_and_the_others_are_served(
    applied: Project, write: Write, opened: Open
) -> None:
    put(applied, "Habits", {1: 2})
    before = applied.definitions.find("spend@v1").fingerprint.logic
    write(FEATURES.replace("amount.sum()", "amount.max()"))
    edited = opened()
    after = edited.definitions.find("spend@v1").fingerprint.logic
    reader = reading(edited)
    assert (reader.services, list(reader.refused)) == (("counts@v1",), ["checkout@v1"])
    for name in ("checkout", "checkout@v1"):
        with pytest.raises(NotSupportedError) as raised:
            reader.get(Request(name, {"customer_id": [1]}, {"amount": [15.0]}))
        assert f"feature:spend@v1 is registered with other logic (here {after:.8}, registered {before:.8}" in str(
            raised.value
        )
    with pytest.raises(NotSupportedError, match="checkout@v1 is refused"):
        reader.describe("checkout@v1")
    ids = [one.id for one in reader.refused["checkout@v1"].differences]
    assert ids == ["feature:spend@v1", "on_demand:share@v1", "service:checkout@v1"]
    assert cells(reader.get(Request("counts", {"customer_id": [1]})).column("visits")) == [(Status.PRESENT, 2)]


def test_a_definition_under_a_version_that_is_not_registered_is_named_with_the_one_that_is(
    applied: Project, write: Write, opened: Open
) -> None:
    registered = applied.definitions.find("spend@v1").fingerprint.logic
    write(FEATURES.replace('version="v1", every="1d")\ndef', 'version="v2", every="1d")\ndef'))
    (difference, *_) = reading(opened()).refused["checkout@v1"].differences
    assert (difference.id, difference.fault) == ("feature:spend@v2", "is not registered")
    assert (difference.registered, difference.version) == (registered, "v1")


def test_a_service_of_a_project_that_was_never_applied_is_refused(write: Write, opened: Open) -> None:
    write(FEATURES)
    with pytest.raises(NotSupportedError, match="nothing of the project is registered") as raised:
        reading(opened()).describe("checkout")
    assert "featurestore apply" in str(raised.value.hint)


def test_a_checkout_that_still_has_a_service_that_was_retired_does_not_serve_it(
    applied: Project, write: Write, opened: Open
) -> None:
    checkout = FEATURES[FEATURES.index("checkout =") : FEATURES.index("counts =")]
    write(FEATURES.replace(checkout, ""))
    opened().plan(retire=["service:checkout@v1"]).apply("not used")
    write(FEATURES)
    reader = reading(opened())
    with pytest.raises(NotSupportedError, match="service:checkout@v1 is retired"):
        reader.describe("checkout")
    assert reader.services == ("counts@v1",)


def test_a_service_that_is_registered_and_not_in_this_checkout_is_said_to_be_so(
    applied: Project, write: Write, opened: Open
) -> None:
    write(FEATURES.partition("counts =")[0])
    reader = reading(opened())
    for name in ("counts", "counts@v1"):
        with pytest.raises(NotSupportedError, match="counts@v1 is registered, and is not in the code"):
            reader.describe(name)
    assert reader.services == ("checkout@v1",)


def test_a_version_of_the_checkout_is_served_beside_a_newer_one_that_only_the_registry_has(
    applied: Project, write: Write, opened: Open
) -> None:
    write(FEATURES.replace('features=[Habits.visits], version="v1"', 'features=[Habits.visits, spend], version="v2"'))
    opened().plan().apply("newer")
    write(FEATURES)
    reader = reading(opened())
    assert reader.describe("counts").service == "counts@v1"
    with pytest.raises(NotSupportedError, match="counts@v2 is registered, and is not in the code"):
        reader.describe("counts@v2")


# Names


def test_a_name_that_is_none_is_answered_with_one_that_is_close(applied: Project) -> None:
    with pytest.raises(ReferenceNotFoundError) as raised:
        reading(applied).describe("chekout@v1")
    assert "checkout@v1" in str(raised.value.hint)
    with pytest.raises(ReferenceNotFoundError):
        reading(applied).describe("spend@v1")


@pytest.mark.parametrize("name", ["", "a b", "service:checkout", "checkout@", "\x00"])
def test_what_is_no_name_is_a_fault_of_the_request(name: str, applied: Project) -> None:
    with pytest.raises(RequestError, match="not the name of a service"):
        reading(applied).describe(name)


def test_a_bare_name_of_two_versions_is_ambiguous(write: Write, opened: Open) -> None:
    write(FEATURES + '\nnewer = fs.FeatureService("counts", features=[Habits.visits, spend], version="v2")\n')
    project = opened()
    project.plan().apply("two")
    reader = reading(project)
    with pytest.raises(AmbiguousReferenceError, match="counts@v1, counts@v2"):
        reader.describe("counts")
    assert reader.describe("counts@v2").service == "counts@v2"


# Projects that cannot be read at all


def test_a_target_without_an_online_store_is_an_error_that_says_what_to_write(
    applied: Project, root: Path, opened: Open
) -> None:
    (root / "featurestore.yaml").write_text(CONFIG.replace("    online: {provider: sqlite}\n", ""), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no online store") as raised:
        local_reader(opened())
    assert raised.value.where == "featurestore.yaml, targets.laptop"
    assert "online: {provider: sqlite}" in str(raised.value.hint)


def test_a_project_without_services_cannot_be_served(write: Write, opened: Open) -> None:
    write(FEATURES.partition("checkout =")[0])
    with pytest.raises(ServingError, match="defines no service"):
        local_reader(opened())


# What a client of a server is told instead


def test_a_server_that_is_away_and_one_that_is_late_are_errors_of_their_own(reader_of: Any, serve: Any) -> None:
    waiting = threading.Event()

    def answer(_: Request) -> FeatureVectors:
        waiting.wait(20)
        return FeatureVectors("checkout@v1", "f", [0], [], [])

    server = serve(reader_of(answer))
    with FeatureClient(server.address, timeout=0.5) as client:
        with pytest.raises(DeadlineExceededError, match=r"no reply from .* after 0.5 s"):
            client.get("checkout", {"id": [1]})
        waiting.set()
        server.stop()
        with pytest.raises(ServerUnavailableError, match="No feature server answers"):
            client.get("checkout", {"id": [1]})
