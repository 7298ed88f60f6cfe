"""A project opened, looked at, and compared with its data."""

import datetime
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

import featurestore as fs
from featurestore.errors import (
    ConfigurationError,
    EngineError,
    FeaturestoreError,
    MissingColumnError,
    MissingTableError,
    ProjectError,
    ProjectImportError,
    ReferenceNotFoundError,
    SchemaChangedError,
    TypeMismatchError,
    UnreadableDataError,
)
from featurestore.project.lock import LOCK_FILE, read_lock

DAY = datetime.timedelta(days=1)
SPINE = [{"customer_id": 1, "at": datetime.datetime(1970, 1, 3, tzinfo=datetime.UTC)}]


def spent(project: fs.Project, features: object = "spend", column: str = "spend") -> Any:
    return project.values_at(features, SPINE).to_pylist()[0][column]


def write_orders(root: Path, **columns: object) -> None:
    made = {
        "customer_id": pa.array([1, 1, 2], pa.int64()),
        "at": pa.array([0, 86_400_000_000, 0], pa.timestamp("us", tz="UTC")),
        "amount": pa.array([10.0, 20.0, 30.0], pa.float64()),
    }
    kept = {name: column for name, column in {**made, **columns}.items() if column is not None}
    pyarrow.parquet.write_table(pa.table(kept), root / "orders.parquet")


@contextmanager
def unprivileged() -> Iterator[None]:
    """Without the superuser's right to write everywhere."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def readable(shop: Path) -> Iterator[Path]:
    """The shop in a folder that anybody may read and nobody may write."""
    top = Path(tempfile.mkdtemp())
    root = Path(shutil.copytree(shop, top / "shop"))
    top.chmod(0o755)
    root.chmod(0o555)
    yield root
    root.chmod(0o755)
    shutil.rmtree(top)


def test_values_can_be_looked_at_before_anything_is_pulled_or_applied(shop: Path) -> None:
    with fs.open_project(shop) as project:
        assert spent(project) == 30.0
    assert not (shop / LOCK_FILE).exists()
    assert not (shop / ".featurestore").exists()


def test_the_project_is_found_from_below_by_a_path_or_its_text(shop: Path) -> None:
    (shop / "deep" / "er").mkdir(parents=True)
    with fs.open_project(str(shop / "deep" / "er")) as project:
        assert project.root == shop.resolve()
        assert project.name == "shop"


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ('orders.amuont.sum(over="7d")', MissingColumnError, "amuont"),
        ('orders.name.sum(over="7d")', TypeMismatchError, "String"),
        ('orders.amount.sum(over="7 parsecs")', FeaturestoreError, "7 parsecs"),
    ],
)
def test_a_feature_that_does_not_fit_its_table_is_named_with_its_line(
    shop: Path, body: str, kind: type[FeaturestoreError], text: str
) -> None:
    write_orders(shop, name=pa.array(["a", "b", "c"]))
    spending = (shop / "spending.py").read_text(encoding="utf-8").replace('orders.amount.sum(over="30d")', body)
    (shop / "spending.py").write_text(spending, encoding="utf-8")
    with fs.open_project(shop) as project, pytest.raises(kind) as caught:
        spent(project)
    assert text in str(caught.value)
    assert "spending.py:" in (caught.value.where or "")


def test_a_feature_over_a_table_that_nobody_defines_names_what_there_is(shop: Path) -> None:
    text = (shop / "spending.py").read_text(encoding="utf-8").replace("orders: fs.Rows", "ordres: fs.Rows")
    (shop / "spending.py").write_text(text, encoding="utf-8")
    with fs.open_project(shop) as project, pytest.raises(ReferenceNotFoundError) as caught:
        spent(project)
    assert "Did you mean orders?" in (caught.value.hint or "")
    assert "spending.py:" in (caught.value.where or "")


def test_data_that_is_not_there_is_named_with_its_source_and_binding(shop: Path) -> None:
    (shop / "orders.parquet").unlink()
    with fs.open_project(shop) as project, pytest.raises(MissingTableError) as caught:
        spent(project)
    assert caught.value.where == "source 'orders', orders.parquet"


def test_data_that_breaks_after_the_lock_is_an_error_of_the_data(shop: Path) -> None:
    with fs.open_project(shop) as project:
        project.pull_sources()
        (shop / "orders.parquet").write_bytes(b"garbage, and long enough to be looked at")
        with pytest.raises(UnreadableDataError, match=r"orders\.parquet"):
            spent(project)


def test_a_target_that_moves_an_unknown_source_is_refused(shop: Path) -> None:
    config = (shop / "featurestore.yaml").read_text(encoding="utf-8") + "    sources: {ordres: {path: x.parquet}}\n"
    (shop / "featurestore.yaml").write_text(config, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        fs.open_project(shop)
    assert caught.value.where == "featurestore.yaml, targets.laptop.sources.ordres"
    assert caught.value.hint == "Sources are orders."


def test_a_target_moves_a_source(shop: Path) -> None:
    (shop / "elsewhere.parquet").write_bytes((shop / "orders.parquet").read_bytes())
    (shop / "orders.parquet").unlink()
    config = (shop / "featurestore.yaml").read_text(
        encoding="utf-8"
    ) + "    sources: {orders: {path: elsewhere.parquet}}\n"
    (shop / "featurestore.yaml").write_text(config, encoding="utf-8")
    with fs.open_project(shop) as project:
        assert str(project.bindings["orders"]) == "elsewhere.parquet"
        assert spent(project) == 30.0


# --- the lock -------------------------------------------------------------------------------------------------------


def test_pulling_writes_the_lock_and_pulling_again_changes_nothing(shop: Path) -> None:
    with fs.open_project(shop) as project:
        assert {change.column for change in project.pull_sources()} == {"customer_id", "at", "amount"}
        written = (shop / LOCK_FILE).read_bytes()
        assert project.pull_sources() == ()
        assert (shop / LOCK_FILE).read_bytes() == written


def test_checking_writes_nothing(shop: Path) -> None:
    with fs.open_project(shop) as project:
        assert project.pull_sources(check=True)
    assert not (shop / LOCK_FILE).exists()


def test_pulling_an_unknown_source_is_refused(shop: Path) -> None:
    with fs.open_project(shop) as project, pytest.raises(ReferenceNotFoundError) as caught:
        project.pull_sources(["nope"])
    assert caught.value.hint == "Sources are orders."


def test_pulling_takes_up_columns_that_are_newly_left_out(shop: Path) -> None:
    with fs.open_project(shop) as project:
        project.pull_sources()
        write_orders(shop, place=pa.array([{"x": 1}] * 3))
        assert project.pull_sources() == ()
    assert set(read_lock(shop)["orders"].left_out) == {"place"}


def test_pulling_forgets_sources_that_are_no_longer_defined(shop: Path) -> None:
    lock = "version: 1\nsources:\n  gone: {columns: {a: Int64}}\n"
    (shop / LOCK_FILE).write_text(lock, encoding="utf-8")
    with fs.open_project(shop) as project:
        project.pull_sources()
    assert set(read_lock(shop)) == {"orders"}


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (pa.array(["1", "2", "3"]), "orders.amount: Float64 -> String"),
        (pa.array([1, 2, 3], pa.int64()), "orders.amount: Float64 -> Int64"),
        (pa.array([{"x": 1}] * 3), "orders.amount: Float64 -> STRUCT"),
        (None, "orders.amount: Float64 -> not there"),
    ],
)
def test_a_column_that_changed_since_the_lock_is_named_with_both_types(shop: Path, amount: object, text: str) -> None:
    with fs.open_project(shop) as project:
        project.pull_sources()
        write_orders(shop, amount=amount)
        with pytest.raises(SchemaChangedError) as caught:
            project.check_sources()
    assert text in caught.value.message
    assert "featurestore sources pull" in (caught.value.hint or "")


def test_a_new_column_is_no_change_of_what_is_locked(shop: Path) -> None:
    with fs.open_project(shop) as project:
        project.pull_sources()
        write_orders(shop, more=pa.array([1, 2, 3]))
        assert "more" in project.check_sources()["orders"].columns


def test_a_broken_lock_says_how_to_get_another(shop: Path) -> None:
    (shop / LOCK_FILE).write_text("sources: {orders: {columns: {amount: Money}}}\n", encoding="utf-8")
    with fs.open_project(shop) as project, pytest.raises(ConfigurationError) as caught:
        spent(project)
    assert caught.value.where == "sources.lock.yaml:1"
    assert "delete it and run `featurestore sources pull`" in (caught.value.hint or "")


def test_in_a_folder_that_cannot_be_written_there_is_an_error_of_ours_and_nothing_is_left(readable: Path) -> None:
    with fs.open_project(readable) as project:
        before = sorted(readable.iterdir())
        assert spent(project) == 30.0
        with unprivileged(), pytest.raises(ConfigurationError, match="cannot be written: Permission denied") as caught:
            project.pull_sources()
        assert caught.value.where == LOCK_FILE
        with unprivileged(), pytest.raises(FeaturestoreError, match="featurestore") as refused:
            project.writer()
        assert str(readable) in str(refused.value)
        assert spent(project) == 30.0
    assert sorted(readable.iterdir()) == before


# --- closing --------------------------------------------------------------------------------------------------------


def test_values_read_after_closing_say_so(shop: Path) -> None:
    with fs.open_project(shop) as project:
        values = project.values_at("spend", SPINE)
    with pytest.raises(EngineError, match="closed") as caught:
        values.to_arrow()
    assert "before" in (caught.value.hint or "")


def test_a_closed_project_opens_no_other_store(shop: Path) -> None:
    with fs.open_project(shop) as project:
        pass
    project.close()
    with pytest.raises(ProjectError, match="'shop' is closed"):
        project.values_at("spend", SPINE)


def test_a_closed_store_refuses_to_look_at_sources(shop: Path) -> None:
    with fs.open_project(shop) as project:
        store, binding = project.store, project.bindings["orders"]
    for look in (store.probe, store.state):
        with pytest.raises(EngineError, match="closed"):
            look("orders", binding)


# --- notebooks ------------------------------------------------------------------------------------------------------


def test_a_feature_defined_elsewhere_is_computed_with_the_projects_sources(shop: Path) -> None:
    with fs.open_project(shop) as project:
        customer = next(one for one in project.objects if isinstance(one, fs.Entity))

        @fs.feature(entity=customer, every="1d")
        def largest(orders: fs.Rows) -> fs.Value:
            return orders.amount.max()

        @fs.feature(entity=customer)
        def share(spend: fs.Value, largest: fs.Value) -> fs.Value:
            return largest / spend

        assert project.values_at([largest, "spend"], SPINE).to_pylist()[0]["largest"] == 20.0
        # What a cell's function names is found in the cell's own scope, or given along.
        assert project.values_at([largest, share], SPINE).to_pylist()[0]["share"] == pytest.approx(20 / 30)
        assert len(project.definitions) == 3


def test_a_redefined_feature_replaces_the_projects_for_this_call(shop: Path) -> None:
    with fs.open_project(shop) as project:
        customer = next(one for one in project.objects if isinstance(one, fs.Entity))

        @fs.feature(entity=customer, every="1d", version="v1")
        def spend(orders: fs.Rows) -> fs.Value:
            return orders.amount.sum() * 2.0

        assert spent(project, spend) == 60.0
        assert spent(project, "spend") == 30.0


def test_a_redefined_entity_replaces_what_holds_on_to_the_projects(shop: Path) -> None:
    service = 'import featurestore as fs\nfrom spending import spend\nfs.FeatureService("all", features=[spend])\n'
    (shop / "services.py").write_text(service, encoding="utf-8")
    customer = fs.Entity("customer", keys={"customer_id": fs.Int64})

    @fs.feature(entity=customer, every="1d", version="v1")
    def spend(orders: fs.Rows) -> fs.Value:
        return orders.amount.sum() * 2.0

    with fs.open_project(shop) as project:
        assert spent(project, [spend]) == 60.0
        assert spent(project, "all") == 30.0


def test_what_was_imported_before_the_project_was_opened_can_be_asked_for(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(shop))
    import spending  # type: ignore[import-not-found]

    with fs.open_project(shop) as project:
        assert spent(project, spending.spend) == 30.0


def test_two_open_projects_keep_their_own_definitions(shop: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(shop, tmp_path / "other"))
    text = (other / "spending.py").read_text(encoding="utf-8").replace("orders.amount.sum", "orders.amount.max")
    (other / "spending.py").write_text(text, encoding="utf-8")
    with fs.open_project(shop) as one, fs.open_project(other) as two:
        assert (spent(one), spent(two), spent(one)) == (30.0, 20.0, 30.0)


def test_a_project_that_does_not_import_is_not_opened(shop: Path) -> None:
    (shop / "broken.py").write_text("\nimport nowhere_at_all\n", encoding="utf-8")
    with pytest.raises(ProjectImportError) as caught:
        fs.open_project(shop)
    assert caught.value.where == "broken.py:2"
