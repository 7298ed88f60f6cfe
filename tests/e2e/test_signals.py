"""Ctrl-C while there is much to do, and a server that is asked to stop: real processes, real signals."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import duckdb
import pytest

from featurestore.project import open_project
from featurestore.registry import open_reader, verify_audit
from featurestore.registry.mutable import leases
from featurestore_serving.client import FeatureClient

GRACE = 20.0
"""Seconds that a server gives requests under way, by default."""
CUSTOMERS, ORDERS = 200_000, 2_000_000
CONFIG = """\
project: shop
targets:
  laptop: {offline: {provider: duckdb}, online: {provider: sqlite}}
"""
DEFINITIONS = """\
import featurestore as fs

customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
orders = fs.Source("orders", path="orders.parquet", event_time="at", created_time="at")


@fs.features(entity=customer, source=orders, version="v1", every="1d")
class Habits:
    spent = fs.sum("amount", over=["7d", "30d", "90d"])
    orders = fs.count(over=["7d", "30d", "90d"])


@fs.on_demand(version="v1")
def slow(rounds: fs.Request[int], spent_7d: float | None) -> float | None:
    total = 0
    for number in range(rounds):
        total += number
    return float(total)


checkout = fs.FeatureService("checkout", version="v1", features=[Habits, slow])
label = fs.Label("label", version="v1", source=orders, column="returned", entity=customer)
plain = fs.FeatureService("plain", version="v1", features=[Habits])
returns = fs.TrainingSet("returns", version="v1", label=label, features=plain)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with enough rows that its commands take seconds."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "featurestore.yaml").write_text(CONFIG)
    (folder / "features.py").write_text(DEFINITIONS)
    rows = f"""
        SELECT range % {CUSTOMERS} AS customer_id, (range % 1000)::DOUBLE AS amount, range % 7 = 0 AS returned,
            TIMESTAMPTZ '2024-01-01 00:00:00+00' + INTERVAL (range * 7) SECOND AS at
        FROM range({ORDERS})
    """
    duckdb.sql(f"COPY ({rows}) TO '{folder / 'orders.parquet'}' (FORMAT parquet)")
    done(folder, "apply", "--yes")
    return folder


def started(folder: Path, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "featurestore", *words]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def done(folder: Path, *words: str) -> str:
    with started(folder, *words) as process:
        out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return out


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def interrupted(process: "subprocess.Popen[str]") -> tuple[float, str]:
    """Presses Ctrl-C; returns how many seconds the end took, and what was said."""
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert out == ""
    return time.monotonic() - began, errors


def test_an_interrupted_run_ends_with_130_and_one_line_and_the_next_one_does_the_work(large: Path) -> None:
    registry = large / ".featurestore" / "laptop" / "registry.db"

    def at_work() -> object:
        with open_reader(registry) as reader:
            return leases(reader, "shop")

    with started(large, "materialize", "--until", "2024-03-01") as process:
        wait_for(at_work)
        time.sleep(0.3)  # into the computation
        seconds, said = interrupted(process)
    assert said.splitlines() == [
        "Error: Interrupted. Stopped: no lease is held any more, and groups keep what was published of them."
    ]
    assert seconds < 10
    with open_reader(registry) as reader:
        assert leases(reader, "shop") == ()
        assert verify_audit(reader) == []
    assert "rows" in done(large, "materialize", "--until", "2024-03-01")
    assert not [path for path in large.rglob("*") if "partial" in path.name or path.suffix == ".tmp"]


def test_an_interrupted_build_ends_with_130_and_one_line_and_leaves_no_file(large: Path) -> None:
    training = large / ".featurestore" / "laptop" / "training"
    with started(large, "training-set", "build", "returns") as process:
        wait_for(training.exists)
        time.sleep(0.3)
        _, said = interrupted(process)
    assert said == "Error: Interrupted. Nothing was half written; run it again.\n"
    assert [path for path in training.rglob("*") if path.is_file()] == []
    with open_reader(large / ".featurestore" / "laptop" / "registry.db") as reader:
        assert reader.builds("shop") == ()


def test_interrupted_values_leave_no_file(large: Path) -> None:
    spine = large / "spine.parquet"
    asked = (
        f"SELECT range % {CUSTOMERS} AS customer_id, TIMESTAMPTZ '2024-03-01 00:00:00+00' AS time FROM range(3000000)"
    )
    duckdb.sql(f"COPY ({asked}) TO '{spine}' (FORMAT parquet)")
    with started(large, "values", "Habits", "--spine", "spine.parquet", "--out", "values.parquet") as process:
        wait_for(lambda: [path for path in large.iterdir() if "values" in path.name])
        _, said = interrupted(process)
    assert said == "Error: Interrupted. Nothing was half written; run it again.\n"
    assert [path.name for path in large.iterdir() if "values" in path.name] == []


# serve


@pytest.fixture(scope="module")
def filled(large: Path) -> Path:
    with open_project(large) as project:
        project.materialize(until=datetime(2024, 3, 1, tzinfo=UTC))
    return large


@contextmanager
def serving(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    with started(folder, "serve", "--address", "127.0.0.1:0") as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip().rpartition(" ")[2]
        finally:
            process.kill()


def asking(address: str, rounds: int, replies: list[object]) -> Thread:
    """Asks for a feature whose function takes a while, from another thread."""

    def ask() -> None:
        with FeatureClient(address, timeout=60) as client:
            replies.append(client.get("checkout", [{"customer_id": 7}], request_values={"rounds": rounds}))

    thread = Thread(target=ask, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_server_that_is_asked_to_stop_answers_what_is_under_way_and_ends_with_0(
    stop: signal.Signals, filled: Path
) -> None:
    replies: list[object] = []
    with serving(filled) as (process, address):
        asking(address, 1, replies).join(30)
        thread = asking(address, 60_000_000, replies)
        time.sleep(0.5)
        process.send_signal(stop)
        out, errors = process.communicate(timeout=60)
        thread.join(10)
    assert len(replies) == 2
    assert (process.returncode, out, errors) == (0, "Stopped.\n", "")


def test_a_server_with_open_connections_and_nothing_to_do_ends_at_once(filled: Path) -> None:
    with serving(filled) as (process, address), FeatureClient(address) as client:
        client.describe("checkout")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert time.monotonic() - began < 5
    assert process.returncode == 0


@pytest.mark.long
def test_a_request_that_does_not_end_does_not_keep_the_server_beyond_its_drain_time(filled: Path) -> None:
    with serving(filled) as (process, address):
        asking(address, 1, []).join(30)
        asking(address, 10**12, [])
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=GRACE + 10)
    assert (process.returncode, out) == (0, "Stopped.\n")
    assert "1 request did not end in time, and got no answer." in errors
