"""Looking at a project through the Python API."""

import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from featurestore.project import open_project
from featurestore.project.diagnosis import Finding, diagnose
from featurestore.project.diagnosis.records import Recorded, clocks

NOW = datetime(2024, 5, 1, tzinfo=UTC)
ONLINE = "    online: {provider: sqlite}\n"


def of(findings: list[Finding], check: str) -> list[Finding]:
    return [one for one in findings if one.check == check]


def live(shop: Path) -> Path:
    config = shop / "featurestore.yaml"
    config.write_text(config.read_text() + ONLINE)
    with open_project(shop) as project:
        project.plan().apply("first")
        project.materialize()
    return shop / ".featurestore" / "laptop"


def locked(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    return connection


def test_a_store_that_another_process_keeps_locked_is_given_up_on_and_the_rest_is_told(shop: Path) -> None:
    connection = locked(live(shop) / "online.db")
    began = time.monotonic()
    findings = list(diagnose(shop, patience=3))
    assert time.monotonic() - began < 25
    (store,) = of(findings, "online store")
    assert store.level == "failure"
    assert "another process keeps it locked" in store.message
    assert "Wait for that process" in str(store.hint)
    assert [one.level for one in of(findings, "registry")] == ["ok"] * 3
    assert of(findings, "job runner")[0].level == "ok"
    connection.close()


def test_a_registry_that_another_process_keeps_locked_does_not_hide_the_stores(shop: Path) -> None:
    connection = locked(live(shop) / "registry.db")
    findings = list(diagnose(shop, patience=3))
    connection.close()
    assert [one.level for one in of(findings, "registry")] == ["failure"]
    assert of(findings, "online store")[0].level == "ok"


def test_with_a_registry_that_cannot_be_read_nothing_is_said_of_what_is_applied(shop: Path) -> None:
    live(shop)
    for name in shop.glob(".featurestore/laptop/registry.db*"):
        name.unlink()
    (shop / ".featurestore" / "laptop" / "registry.db").mkdir()
    findings = list(diagnose(shop))
    assert [one.level for one in of(findings, "registry")] == ["failure"]
    assert [one.level for one in of(findings, "definitions")] == ["ok"]


def test_a_target_without_an_online_store_is_well(shop: Path) -> None:
    (store,) = of(list(diagnose(shop)), "online store")
    assert (store.level, store.hint) == ("ok", "Write there: online: {provider: sqlite}")


def test_clocks_that_agree_are_well() -> None:
    recorded = Recorded(readable=True, times={"it was": NOW}, clock=(NOW, NOW + timedelta(seconds=3)))
    assert [one.level for one in clocks(recorded, NOW)] == ["ok"]


def test_a_server_with_another_time_is_a_failure_with_the_difference() -> None:
    (clock,) = clocks(Recorded(readable=True, clock=(NOW, NOW - timedelta(minutes=5))), NOW)
    assert clock.level == "failure"
    assert "by 300 s" in clock.message


def test_each_record_of_the_future_is_told() -> None:
    times = {"a": NOW + timedelta(days=1), "b": NOW, "c": NOW + timedelta(hours=1)}
    found = list(clocks(Recorded(readable=True, times=times), NOW))
    assert [one.message.split()[3] for one in found] == ["a", "c"]


def test_a_project_may_be_looked_at_from_below(shop: Path, write: Callable[..., Path]) -> None:
    below = shop / "below"
    below.mkdir()
    (project,) = of(list(diagnose(below)), "project")
    assert project.message == f"shop on target laptop, in {shop}"
