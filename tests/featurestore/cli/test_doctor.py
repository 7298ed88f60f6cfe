"""`featurestore doctor`, on projects in which something is broken."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
Edit = Callable[[str, str], None]

BESIDE = ("-wal", "-shm")
"""Files that SQLite itself keeps beside one that is read."""


@pytest.fixture
def live(shop: Path, run: Run) -> Path:
    """The template's project, applied and materialized."""
    run("apply", "--yes", "-m", "first")
    run("materialize")
    return shop


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.name.endswith(BESIDE)}


def found(run: Run, *words: str, code: int = 0) -> list[dict[str, str]]:
    document = json.loads(run("doctor", *words, "--json", code=code).stdout)
    findings: list[dict[str, str]] = document["findings"]
    assert document["failures"] == sum(one["level"] == "failure" for one in findings)
    assert (code == 1) == bool(document["failures"])
    return findings


def of(findings: list[dict[str, str]], check: str, level: str | None = None) -> list[dict[str, str]]:
    return [one for one in findings if one["check"] == check and level in (None, one["level"])]


def online_db(shop: Path) -> Path:
    return shop / ".featurestore" / "laptop" / "online.db"


def registry_db(shop: Path) -> Path:
    return shop / ".featurestore" / "laptop" / "registry.db"


# what is well


def test_of_a_project_that_is_well_everything_is_said_and_the_exit_code_is_0(live: Path, run: Run) -> None:
    said = run("doctor").stdout
    assert said.endswith("\nAll is well.\n")
    for line in (
        "  ok       11 can be computed, in 2 stored groups",
        "  ok       orders: data/orders.csv, 8 columns, as in sources.lock.yaml",
        "  ok       audit log whole",
        "  ok       sqlite opens",
        "  ok       Habits: published, 28 rows",
    ):
        assert line in said.splitlines()
    assert "last apply: revision 1, " in said
    assert "sqlglot " in said
    assert "duckdb: offline store" in said


def test_of_a_new_project_it_says_what_comes_next_and_makes_nothing(shop: Path, run: Run) -> None:
    before = files(shop)
    findings = found(run)
    assert files(shop) == before
    assert not (shop / ".featurestore").exists()
    assert [one["hint"] for one in of(findings, "registry", "warning")] == ["The first `featurestore apply` makes it."]
    assert [one["hint"] for one in of(findings, "sources", "warning")] == ["featurestore plan adds it."]
    (store,) = of(findings, "online store")
    assert store["message"].startswith("sqlite: nothing is stored yet")


def test_looking_makes_nothing_where_only_the_registry_is_there(shop: Path, run: Run) -> None:
    run("apply", "--yes")
    before = files(shop)
    findings = found(run)
    assert files(shop) == before
    hints = sorted(str(one["hint"]).partition("@")[0] for one in of(findings, "online store", "warning"))
    assert hints == ["featurestore materialize --group Habits", "featurestore materialize --group mean_amount"]


def test_outside_of_a_project_it_says_so_and_tells_what_is_installed(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    findings = found(run)
    assert {one["check"] for one in findings} == {"installed", "providers", "project"}
    assert [one["level"] for one in of(findings, "project")] == ["warning"]
    assert "no project was looked at" in run("doctor").stdout
    assert files(tmp_path) == set()


# the project's files


def test_a_broken_configuration_does_not_hide_a_file_that_does_not_import(shop: Path, run: Run) -> None:
    (shop / "featurestore.yaml").write_text("project: shop\ntargets: [\n")
    (shop / "broken.py").write_text("1 / 0\n")
    findings = found(run, code=1)
    (config,) = of(findings, "project")
    assert (config["level"], config["where"]) == ("failure", "featurestore.yaml:3")
    (definitions,) = of(findings, "definitions")
    assert "ZeroDivisionError" in definitions["message"]
    assert (definitions["where"], definitions["hint"]) == (
        "broken.py:1",
        "`featurestore list` shows the lines that led there.",
    )
    assert "Not looked at" in of(findings, "target")[0]["message"]


def test_definitions_that_do_not_import_do_not_hide_sources_registry_and_stores(live: Path, run: Run) -> None:
    (live / "features.py").write_text("import nowhere_to_be_found\n")
    (live / "data" / "orders.csv").unlink()
    findings = found(run, code=1)
    assert "nowhere_to_be_found" in of(findings, "definitions", "failure")[0]["message"]
    (source,) = of(findings, "sources", "failure")
    assert source["where"] == "source 'orders', data/orders.csv"
    assert of(findings, "registry", "failure") == []
    assert any("28 rows" in one["message"] for one in of(findings, "online store", "ok"))
    assert of(findings, "job runner")


def test_a_definition_that_is_wrong_is_told_with_its_place(live: Path, run: Run, edit: Edit) -> None:
    edit("paid_orders.amount.mean", "paid_orders.amuont.mean")
    (wrong,) = of(found(run, code=1), "definitions", "failure")
    assert "amuont" in wrong["message"]
    assert wrong["where"].startswith("features.py")


def test_what_is_not_applied_is_a_warning(live: Path, run: Run, edit: Edit) -> None:
    edit('over="30d"', 'over="60d"')
    (warning,) = of(found(run), "definitions", "warning")
    assert "of them not applied: " in warning["message"]


def test_a_target_that_is_not_there_does_not_hide_the_definitions(shop: Path, run: Run) -> None:
    (shop / "broken.py").write_text("1 / 0\n")
    findings = found(run, "--target", "moon", code=1)
    assert "moon" in of(findings, "target", "failure")[0]["message"]
    assert of(findings, "definitions", "failure")


def test_a_lock_that_cannot_be_read_is_told_and_the_sources_are_still_probed(live: Path, run: Run) -> None:
    (live / "sources.lock.yaml").write_text("version: 7\n")
    findings = found(run, code=1)
    assert [one["level"] for one in of(findings, "sources")] == ["failure", "warning"]


# sources


def test_a_parquet_file_that_is_not_there_is_told_with_its_source(live: Path, run: Run) -> None:
    config = live / "featurestore.yaml"
    config.write_text(config.read_text() + "    sources: {orders: {path: data/orders.parquet}}\n")
    (source,) = of(found(run, code=1), "sources", "failure")
    assert source["where"] == "source 'orders', data/orders.parquet"


def test_a_parquet_file_that_is_damaged_is_told(live: Path, run: Run) -> None:
    (live / "data" / "orders.parquet").write_bytes(b"PAR1, or so it says")
    config = live / "featurestore.yaml"
    config.write_text(config.read_text() + "    sources: {orders: {path: data/orders.parquet}}\n")
    (source,) = of(found(run, code=1), "sources", "failure")
    assert "cannot be read" in source["message"]


def test_a_column_that_went_away_is_a_failure_and_a_new_one_a_warning(live: Path, run: Run) -> None:
    orders = live / "data" / "orders.csv"
    text = orders.read_text()
    orders.write_text("\n".join(f"{line},{'x' if n else 'extra'}" for n, line in enumerate(text.splitlines())))
    (new,) = of(found(run), "sources", "warning")
    assert new["message"].endswith("does not know: extra.")
    orders.write_text(text.replace("amount", "amounts", 1))
    (gone,) = of(found(run, code=1), "sources", "failure")
    assert "orders.amount: Float64 -> not there" in gone["message"]
    assert "sources pull" in gone["hint"]


def test_a_target_that_moves_a_source_that_is_none_is_a_failure(shop: Path, run: Run) -> None:
    config = shop / "featurestore.yaml"
    config.write_text(config.read_text() + "    sources: {odrers: {path: data/orders.csv}}\n")
    (wrong,) = of(found(run, code=1), "sources", "failure")
    assert wrong["hint"] == "Sources are orders."


# registry


def test_a_registry_that_is_no_database_does_not_hide_the_stores(live: Path, run: Run) -> None:
    for name in (registry_db(live), *live.glob(".featurestore/laptop/registry.db-*")):
        name.unlink()
    registry_db(live).write_text("once upon a time " * 100)
    findings = found(run, code=1)
    (registry,) = of(findings, "registry")
    assert "no SQLite database" in registry["message"]
    assert of(findings, "sources", "ok")
    assert of(findings, "online store", "ok")
    assert any("does not know" in one["message"] for one in of(findings, "online store", "warning"))


def test_an_empty_registry_file_is_left_empty(shop: Path, run: Run) -> None:
    registry_db(shop).parent.mkdir(parents=True)
    registry_db(shop).touch()
    online_db(shop).touch()
    assert "There is no registry yet" in of(found(run), "registry")[0]["message"]
    assert (registry_db(shop).stat().st_size, online_db(shop).stat().st_size) == (0, 0)


def test_a_registry_of_a_later_version_is_a_failure(live: Path, run: Run) -> None:
    with sqlite3.connect(registry_db(live)) as connection:
        connection.execute("UPDATE registry_version SET version_num = 99")
    connection.close()
    (registry,) = of(found(run, code=1), "registry")
    assert "schema 99" in registry["message"]
    assert "Upgrade" in registry["hint"]


def test_a_record_that_was_changed_is_a_failure(live: Path, run: Run) -> None:
    with sqlite3.connect(registry_db(live)) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE applies SET message = 'second'")
    connection.close()
    (changed,) = of(found(run, code=1), "registry", "failure")
    assert "behind the registry's back" in changed["message"]


def test_a_record_of_the_future_is_a_failure_of_the_clocks(live: Path, run: Run) -> None:
    with sqlite3.connect(registry_db(live)) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE applies SET at = at + 31536000000000 * 30")
    connection.close()
    (clock,) = of(found(run, code=1), "clocks")
    assert "revision 1 was applied at 20" in clock["message"]


def test_a_registry_whose_address_is_not_set_is_a_failure_that_names_the_variable(
    live: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REGISTRY_URL", raising=False)
    config = live / "featurestore.yaml"
    config.write_text(config.read_text() + '    registry: {url: "${REGISTRY_URL}"}\n')
    (registry,) = of(found(run, code=1), "registry")
    assert "REGISTRY_URL" in registry["message"]


def test_a_password_is_never_shown(live: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_URL", "postgresql://me:hunter2@127.0.0.1:1/registry")
    config = live / "featurestore.yaml"
    config.write_text(config.read_text() + '    registry: {url: "${REGISTRY_URL}"}\n')
    assert "hunter2" not in run("doctor", code=1).output


# stores


def test_an_online_store_that_is_damaged_is_a_failure(live: Path, run: Run) -> None:
    for name in live.glob(".featurestore/laptop/online.db*"):
        name.unlink()
    online_db(live).write_bytes(b"SQLite format 3\x00" + bytes(range(256)) * 40)
    (store,) = of(found(run, code=1), "online store")
    assert store["level"] == "failure"
    assert store["where"] == "featurestore.yaml, targets.laptop.online"


def test_an_online_store_that_lost_what_was_published_is_a_failure(live: Path, run: Run) -> None:
    for name in live.glob(".featurestore/laptop/online.db*"):
        name.unlink()
    failures = of(found(run, code=1), "online store", "failure")
    assert len(failures) == 2
    assert not online_db(live).exists()
    for one in failures:
        run(*str(one["hint"]).removeprefix("featurestore ").split())
    assert of(found(run), "online store", "failure") == []


def test_a_marker_that_is_damaged_is_a_failure_and_the_other_group_is_still_told(live: Path, run: Run) -> None:
    with sqlite3.connect(online_db(live)) as connection:
        connection.execute("UPDATE groups SET marker = x'00' WHERE number = 1")
    connection.close()
    findings = of(found(run, code=1), "online store")
    assert sorted(one["level"] for one in findings) == ["failure", "ok", "ok"]


def test_a_store_that_is_ahead_of_the_ledger_is_a_warning_that_materialize_settles(live: Path, run: Run) -> None:
    with sqlite3.connect(registry_db(live)) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE ledger_entries SET token = 0")
    connection.close()
    warnings = of(found(run, code=1), "online store", "warning")
    assert ["ahead of the ledger" in one["message"] for one in warnings] == [True, True]


@pytest.mark.parametrize("part", ["offline", "online", "jobs"])
def test_a_provider_that_is_not_installed_is_a_failure_of_its_part_alone(part: str, shop: Path, run: Run) -> None:
    run("plan")
    config = shop / "featurestore.yaml"
    lines = [
        f"    {part}: {{provider: moon}}" if line.startswith(f"    {part}:") else line
        for line in config.read_text().splitlines()
    ]
    config.write_text("\n".join(lines) + "\n")
    (wrong,) = [one for one in found(run, code=1) if one["level"] == "failure"]
    assert wrong["check"] == {"offline": "offline store", "online": "online store", "jobs": "job runner"}[part]
    assert "moon" in wrong["message"]


def test_a_driver_that_is_not_there_is_told_with_the_line_that_installs_it(shop: Path) -> None:
    code = """
import importlib.util, sys
known = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "duckdb" else known(name, *rest)
sys.modules["duckdb"] = None
from featurestore.cli import main
main()
"""
    command = [sys.executable, "-c", code, "doctor"]
    done = subprocess.run(command, cwd=shop, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "  warning  The provider 'duckdb' needs the package 'duckdb', which is not installed." in done.stdout
    assert "do: pip install 'featurestore[duckdb]'" in done.stdout
    assert "Not looked at, since the offline store does not open: orders." in done.stdout
    assert "sqlite: online store" in done.stdout
