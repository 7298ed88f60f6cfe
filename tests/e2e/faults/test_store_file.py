"""What befalls the online store's file while it is read: values are right or UNAVAILABLE, never those of a stranger."""

import multiprocessing
import os
import re
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from featurestore.errors import ConfigurationError, StoreUnavailableError
from featurestore.project import open_project
from featurestore_serving.client import FeatureClient
from featurestore_serving.vectors import Status

RIGHT = [(Status.PRESENT, 7.0), (Status.PRESENT, 8.0), (Status.NOT_FOUND, None)]


def spend(client: FeatureClient) -> list[tuple[Status, object]]:
    column = client.get("customers", {"customer_id": [7, 8, 4_000]}).column("spend")
    return list(zip(column.statuses, column.values, strict=True))


def unavailable(client: FeatureClient) -> str:
    """Why nothing is available; that it is so for all values."""
    got = client.get("customers", {"customer_id": [7, 8, 4_000]})
    for column in got.columns:
        assert column.statuses == [Status.UNAVAILABLE] * 3
        assert column.values == [None] * 3
    return got.column("spend").messages[0]


def remove(file: Path) -> None:
    for part in file.parent.glob("online.db*"):
        part.unlink()


def replace(file: Path, content: bytes) -> None:
    """As one replaces a file: the new one is put in its place."""
    remove(file)
    (file.parent / "new").write_bytes(content)
    (file.parent / "new").rename(file)


def another_projects(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("UPDATE groups SET namespace = 'bank:laptop'")


def of_a_newer_format(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA user_version = 2")


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "deleted": (remove, r"Nothing is published for the group Habits\. Materialize it"),
    "deleted with its folder": (lambda file: shutil.rmtree(file.parent), r"cannot be opened|Nothing is published"),
    "empty": (lambda file: replace(file, b""), "Nothing is published"),
    "random bytes": (lambda file: replace(file, os.urandom(50_000)), "it is no SQLite database"),
    "another program's": (lambda file: replace(file, _database("CREATE TABLE a (b)")), "belongs to another program"),
    "truncated": (lambda file: replace(file, file.read_bytes()[:9_000]), "damaged"),
    "another project's": (another_projects, "Nothing is published"),
}


def _database(statement: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        with closing(sqlite3.connect(Path(folder) / "a.db", isolation_level=None)) as made:
            made.execute(statement)
        return (Path(folder) / "a.db").read_bytes()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_store_that_is_lost_while_it_is_read_makes_values_unavailable_until_it_is_back(
    client: FeatureClient, file: Path, fault: str
) -> None:
    damage, said = FAULTS[fault]
    assert spend(client) == RIGHT
    kept = file.parent.with_name("kept")
    shutil.copytree(file.parent, kept)
    damage(file)
    message = unavailable(client)
    assert re.search(said, message), message
    shutil.rmtree(file.parent, ignore_errors=True)
    kept.rename(file.parent)
    assert spend(client) == RIGHT


def test_a_store_that_is_replaced_by_a_newer_one_is_read_without_a_restart(
    client: FeatureClient, root: Path, file: Path
) -> None:
    """As a restored backup, or one made elsewhere, is moved into its place."""
    assert spend(client) == RIGHT
    copy = shutil.copyfile(file, file.with_name("copy"))
    with closing(sqlite3.connect(copy, isolation_level=None)) as other:
        other.execute("DELETE FROM rows WHERE key = x'9107'")
    remove(file)
    copy.rename(file)
    assert [status for status, _ in spend(client)] == [Status.NOT_FOUND, Status.PRESENT, Status.NOT_FOUND]


def test_what_is_materialized_into_a_store_that_was_deleted_is_served_without_a_restart(
    client: FeatureClient, root: Path, file: Path
) -> None:
    assert spend(client) == RIGHT
    remove(file)
    with open_project(root) as project:
        assert {result.outcome for result in project.materialize()} == {"published"}
    assert spend(client) == RIGHT


def _lock(file: Path, locked: Any, done: Any) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        locked.set()
        done.wait(60)


@contextmanager
def locked_by_another_process(file: Path) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    locked, done = context.Event(), context.Event()
    process = context.Process(target=_lock, args=(file, locked, done))
    process.start()
    assert locked.wait(30)
    try:
        yield
    finally:
        done.set()
        process.join()


def test_a_store_that_another_process_keeps_to_itself_is_told_soon(root: Path, file: Path) -> None:
    with locked_by_another_process(file):
        began = time.monotonic()
        with pytest.raises(StoreUnavailableError, match="unavailable: another process keeps it locked") as raised:
            FeatureClient.local(root)
        assert time.monotonic() - began < 15
    assert raised.value.hint == "Wait for that process, or end it."
    with FeatureClient.local(root) as client:
        assert spend(client) == RIGHT


def test_a_writer_at_work_keeps_no_reader_waiting(client: FeatureClient, file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM rows")
        assert spend(client) == RIGHT


@pytest.mark.parametrize("fault", ["random bytes", "another program's", "newer format"])
def test_a_store_that_cannot_be_used_is_told_at_the_start_with_its_target_and_what_to_do(
    root: Path, file: Path, fault: str
) -> None:
    damage = FAULTS[fault][0] if fault in FAULTS else of_a_newer_format
    damage(file)
    before = file.read_bytes()
    with pytest.raises((StoreUnavailableError, ConfigurationError)) as raised:
        FeatureClient.local(root)
    assert raised.value.where == "featurestore.yaml, targets.laptop.online"
    assert str(file) in raised.value.message
    assert raised.value.hint
    assert file.read_bytes() == before
