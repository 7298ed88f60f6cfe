"""Runs in processes of their own: killed at every step, suspended, and several at once."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from featurestore.errors import LeaseHeldError
from featurestore.materialize import materialize
from featurestore.registry.mutable import leases

if TYPE_CHECKING:
    from tests.featurestore.materialize.conftest import Shop

Fresh = Callable[..., "Shop"]
CONFTEST = Path(__file__).with_name("conftest.py")

KILLER = """
import os, runpy, signal, sys
from pathlib import Path

Shop = runpy.run_path(sys.argv[1])["Shop"]
hours, folders = float(sys.argv[2]), sys.argv[3:]
for step, folder in enumerate(folders):
    process = os.fork()
    if process == 0:
        seen = []

        def report(progress):
            seen.append(progress)
            if len(seen) > step:
                os.kill(os.getpid(), signal.SIGKILL)

        Shop(Path(folder)).run(hours, "r_killed", progress=report)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, flush=True)
"""
"""Runs in each folder, and is killed at the first step, the second, and so on."""

HOLDER = """
import runpy, sys, time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from featurestore.errors import FeaturestoreError
from featurestore.errors import LeaseHeldError
from featurestore.materialize import materialize

shop = runpy.run_path(sys.argv[1])["Shop"](Path(sys.argv[2]))
phase, ttl = sys.argv[3], float(sys.argv[4])


def report(progress):
    if progress.phase == phase and not (shop.root / "reached").exists():
        (shop.root / "reached").touch()
        while not (shop.root / "go").exists():
            time.sleep(0.01)


try:
    materialize(
        shop.group, shop.at(2), stores=shop.stores, records=shop.records, caller=shop.caller("r_held"),
        clock=lambda: datetime.now(UTC), progress=report, lease_ttl=timedelta(seconds=ttl),
    )
except FeaturestoreError as error:
    print(type(error).__name__)
else:
    print("published")
"""
"""Runs in a folder, and stops at a phase until the file ``go`` is there."""


RUNNER = """
import runpy, sys
from pathlib import Path

shop = runpy.run_path(sys.argv[1])["Shop"](Path(sys.argv[2]))
print("ready", flush=True)
sys.stdin.readline()
shop.run(float(sys.argv[3]), "r_killed")
"""
"""Runs in a folder as soon as it is told to."""


def steps_of(shop: "Shop", number: float) -> int:
    """How many steps an undisturbed run reports."""
    seen: list[Any] = []
    shop.run(number, progress=seen.append)
    return len(seen)


def killed(program: str, *arguments: object) -> list[int]:
    done = subprocess.run(
        [sys.executable, "-c", program, str(CONFTEST), *map(str, arguments)], check=True, capture_output=True, text=True
    )
    return [int(line) for line in done.stdout.split()]


def state(shop: "Shop") -> tuple[object, ...]:
    """What readers see: rows with their boundaries, and the marker without times and tokens."""
    assert shop.marker is not None
    return shop.rows(), shop.marker.boundary, shop.marker.rows, shop.marker.checksum, shop.marker.fingerprint


@pytest.mark.parametrize("before", [None, 1], ids=["whole", "changed"])
def test_a_run_killed_at_any_step_and_run_again_ends_as_an_undisturbed_one(fresh: Fresh, before: int | None) -> None:
    like = fresh().order
    many = [like(number, number, 0.2 + number % 3) for number in range(1_000, 11_500)]
    rows = [*fresh().orders, *(many if before is None else [])]  # the whole result is written in two parts
    undisturbed = fresh(rows)
    if before is not None:
        undisturbed.run(before)
    steps = steps_of(undisturbed, 3)
    assert steps >= 11
    shops = [fresh(rows) for _ in range(steps)]
    for shop in shops:
        if before is not None:
            shop.run(before)
    assert killed(KILLER, 3, *(shop.root for shop in shops)) == [signal.SIGKILL] * steps
    for shop in shops:
        result = shop.run(3, "r_again")  # at once: the killed run's lease is not waited for
        assert state(shop) == state(undisturbed)
        assert shop.kinds() == undisturbed.kinds()
        assert list((shop.root / "staged").rglob("*.*")) == []
        assert shop.run(3).outcome == "current"
        assert result.outcome in {"published", "current"}


def test_a_run_killed_at_any_moment_and_run_again_at_once_ends_as_an_undisturbed_one(fresh: Fresh) -> None:
    """Also between two steps, within a write."""
    like = fresh().order
    rows = [*fresh().orders, *(like(number, number, 0.2 + number % 3) for number in range(1_000, 6_000))]
    undisturbed = fresh(rows)
    began = time.monotonic()
    undisturbed.run(3)
    lasts = time.monotonic() - began
    outcomes = []
    for moment in range(5):
        shop = fresh(rows)
        command = [sys.executable, "-c", RUNNER, str(CONFTEST), str(shop.root), "3"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.stdin.write("go\n")
            process.stdin.flush()
            time.sleep(lasts * moment / 5)
            process.kill()
        outcomes.append(shop.run(3, "r_again").outcome)
        assert state(shop) == state(undisturbed)
        assert shop.kinds() == undisturbed.kinds()
    assert "published" in outcomes


def test_the_lease_of_a_killed_run_is_waited_for_where_nobody_can_tell_that_it_was_killed(fresh: Fresh) -> None:
    """Another machine, or another folder for staged results, says nothing of the process."""
    shop = fresh()
    assert killed(KILLER, 3, shop.root) == [signal.SIGKILL]
    elsewhere = replace(shop.stores, staged=shop.root / "elsewhere")
    with pytest.raises(LeaseHeldError, match="run r_killed"):
        shop.run(3, "r_again", stores=elsewhere)
    shop.now += timedelta(hours=1)
    assert shop.run(3, "r_again", stores=elsewhere).outcome == "published"


@pytest.mark.parametrize("phase", ["compute", "write", "publish"])
def test_sigterm_gives_the_lease_back_and_ends_the_process(fresh: Fresh, phase: str) -> None:
    shop, undisturbed = fresh(), fresh()
    undisturbed.run(2)
    with held(shop, phase, 60) as process:
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM
    assert leases(shop.writer.reader, "shop") == ()
    assert shop.writer.reader.ledger("shop")[0].message == "terminated"
    assert run_now(shop) == "published"
    assert state(shop) == state(undisturbed)


@contextmanager
def held(shop: "Shop", phase: str, ttl: float) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs, and waits in a phase until it is let go."""
    program = [sys.executable, "-c", HOLDER, str(CONFTEST), str(shop.root), phase, str(ttl)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            while not (shop.root / "reached").exists():
                assert process.poll() is None
                time.sleep(0.01)
            yield process
        finally:
            process.kill()


def suspend(process: "subprocess.Popen[str]", shop: "Shop") -> None:
    """Stops a process, and not while it writes to the registry, which would keep all others from it."""
    while True:
        process.send_signal(signal.SIGSTOP)
        other = sqlite3.connect(shop.root / "registry.db", timeout=0.1, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            process.send_signal(signal.SIGCONT)
            time.sleep(0.02)
        else:
            return
        finally:
            other.close()


def outcome(shop: "Shop", process: subprocess.Popen[str]) -> str:
    (shop.root / "go").touch()
    return process.communicate(timeout=60)[0].strip()


def run_now(shop: "Shop") -> str:
    """A run by the real clock, as it is needed beside that of another process."""
    result = materialize(
        shop.group,
        shop.at(2),
        stores=shop.stores,
        records=shop.records,
        caller=shop.caller("r_here"),
        clock=lambda: datetime.now(UTC),
    )
    return result.outcome


def test_of_two_processes_one_runs_and_the_other_is_told_who_does(fresh: Fresh) -> None:

    shop, undisturbed = fresh(), fresh()
    undisturbed.run(2)
    with held(shop, "write", 60) as process:
        with pytest.raises(LeaseHeldError, match="run r_held"):
            run_now(shop)
        assert outcome(shop, process) == "published"
    assert state(shop) == state(undisturbed)
    assert run_now(shop) == "current"
    assert shop.kinds() == [("published", 2)]


@pytest.mark.parametrize("phase", ["compute", "write", "verify", "publish"])
def test_a_suspended_run_that_wakes_up_after_another_has_published_gives_up(fresh: Fresh, phase: str) -> None:
    shop, undisturbed = fresh(), fresh()
    undisturbed.run(2)
    with held(shop, phase, 0.5) as process:
        suspend(process, shop)
        time.sleep(0.7)
        assert run_now(shop) == "published"
        process.send_signal(signal.SIGCONT)
        assert outcome(shop, process) == "LeaseLostError"
    assert state(shop) == state(undisturbed)
    assert [kind for kind, _ in shop.kinds()] == ["published", "failed"]
    assert shop.marker is not None
    assert shop.marker.token == 2


def test_many_processes_at_once_leave_what_one_run_leaves(fresh: Fresh) -> None:
    shop, undisturbed = fresh(), fresh()
    for number in (1, 2, 3):
        undisturbed.run(number)
    program = """
import json, runpy, sys
from pathlib import Path
from featurestore.errors import FeaturestoreError

shop, found = runpy.run_path(sys.argv[1])["Shop"](Path(sys.argv[2])), []
for number in (1, 2, 3):
    for attempt in range(20):
        try:
            found.append(shop.run(number, sys.argv[3]).outcome)
            break
        except FeaturestoreError as error:
            found.append(type(error).__name__)
print(json.dumps(found))
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(CONFTEST), str(shop.root), f"r_{number}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    outcomes = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    assert {one for found in outcomes for one in found} <= {"published", "current", "LeaseHeldError"}
    assert shop.run(3).outcome in {"published", "current"}
    assert state(shop)[1:] == state(undisturbed)[1:]
    assert shop.values() == undisturbed.values()
    published = [boundary for kind, boundary in shop.kinds() if kind == "published"]
    assert published == sorted(set(published))


def test_the_processes_of_these_tests_run_the_same_group(fresh: Fresh) -> None:
    """Or else they would share nothing with this one."""
    shop = fresh()
    code = "import runpy, sys; print(runpy.run_path(sys.argv[1])['GROUP'].id)"
    done = subprocess.run([sys.executable, "-c", code, str(CONFTEST)], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == shop.group.id
