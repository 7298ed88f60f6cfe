"""`featurestore materialize`, `status`, `due` and `runs`."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from featurestore.registry import open_reader
from featurestore.registry.mutable import leases

Run = Callable[..., Result]
Edit = Callable[[str, str], None]


@pytest.fixture
def live(shop: Path, run: Run) -> Path:
    """The template's project with an online store, applied."""
    config = shop / "featurestore.yaml"
    text = config.read_text()
    if "online:" not in text:
        config.write_text(text.rstrip() + "\n    online: {provider: sqlite}\n")
    run("apply", "--yes", "-m", "first")
    return shop


def test_materialize_publishes_the_groups_and_says_for_when_and_how_many_rows(live: Path, run: Run) -> None:
    lines = run("materialize", "--group", "Habits", "--until", "2024-05-01").stdout.splitlines()
    assert lines == ["Habits: published at 2024-05-01 00:00:00Z (full): 26 rows, 26 written."]
    again = run("materialize", "--group", "Habits", "--until", "2024-05-01").stdout
    assert again == "Habits: published at 2024-05-01 00:00:00Z already, nothing to do.\n"


def test_materialize_as_json_is_one_document(live: Path, run: Run) -> None:
    (document,) = json.loads(run("materialize", "--group", "Habits", "--until", "2024-05-01", "--json").stdout)
    assert (document["group"], document["outcome"], document["mode"]) == ("Habits", "published", "full")
    assert document["boundary"] == "2024-05-01T00:00:00+00:00"
    (rebuilt,) = json.loads(
        run("materialize", "--group", "Habits", "--until", "2024-05-01", "--rebuild", "--json").stdout
    )
    assert (rebuilt["mode"], rebuilt["changed"]) == ("rebuild", rebuilt["rows"])


def test_a_group_that_fails_is_told_on_the_standard_error_and_the_exit_code_is_1(live: Path, run: Run) -> None:
    (live / "data" / "orders.csv").rename(live / "data" / "away.csv")
    result = run("materialize", "--group", "Habits", code=1)
    assert result.stdout == ""
    assert "Habits failed, Error FS301: " in result.stderr
    (document,) = json.loads(run("materialize", "--group", "Habits", "--json", code=1).stdout)
    assert document["error"]["code"] == "FS301"
    assert "failed" in run("runs", "list").stdout


def test_what_is_not_applied_is_an_error_that_says_so(live: Path, run: Run, edit: Edit) -> None:
    edit('over="30d"', 'over="60d"')
    error = run("materialize", code=1).stderr
    assert "Error FS920" in error
    assert "featurestore apply" in error


def test_a_run_id_without_its_group_is_wrong_usage(live: Path, run: Run) -> None:
    assert "--group" in run("materialize", "--run", "r_1", code=2).stderr


def test_a_run_can_be_executed_under_a_given_id_and_is_shown_by_it(live: Path, run: Run) -> None:
    run("materialize", "--group", "Habits", "--until", "2024-05-01", "--run", "r_given")
    run("materialize", "--group", "Habits", "--until", "2024-05-04", "--run", "r_next")
    listed = json.loads(run("runs", "list", "--json").stdout)
    assert [one["run_id"] for one in listed] == ["r_next", "r_given"]
    assert [one["run_id"] for one in json.loads(run("runs", "list", "-n", 1, "--json").stdout)] == ["r_next"]
    lines = {line[:12].strip(): line[12:].strip() for line in run("runs", "show", "r_next").stdout.splitlines()}
    assert (lines["outcome"], lines["group"], lines["mode"]) == ("published", "Habits", "changed")
    assert lines["passed over"].startswith("2024-05-03 00:00:00Z: 2 boundaries were passed over")
    shown = json.loads(run("runs", "show", "r_next", "--json").stdout)
    assert (shown["boundary"], len(shown["skipped"])) == ("2024-05-04T00:00:00+00:00", 1)


def test_a_run_or_a_group_that_does_not_exist_is_an_error(live: Path, run: Run) -> None:
    assert "Error FS703" in run("runs", "show", "r_0", code=1).stderr
    assert "Error FS703" in run("runs", "list", "--group", "nothing", code=1).stderr
    assert "Error FS101" in run("materialize", "--group", "nothing", code=1).stderr
    assert run("runs", "list", "--group", "Habits").stdout == "Nothing has run yet.\n"


def test_due_lists_what_must_run_and_status_how_it_stands(live: Path, run: Run) -> None:
    due = {one["group"]: one for one in json.loads(run("due", "--json").stdout)}
    assert due["Habits"]["published"] is None
    run("materialize", "--group", "Habits", "--until", "2024-05-01")
    (one,) = json.loads(run("due", "--group", "Habits", "--until", "2024-05-04T12:00", "--json").stdout)
    assert (one["boundary"], one["published"], one["skipped"]) == (
        "2024-05-04T00:00:00+00:00",
        "2024-05-01T00:00:00+00:00",
        2,
    )
    assert "2024-05-04 00:00:00Z" in run("due", "--group", "Habits", "--until", "2024-05-04").stdout
    assert run("due", "--group", "Habits", "--until", "2024-05-01").stdout == "Nothing is due.\n"
    (status,) = json.loads(run("status", "--group", "Habits", "--json").stdout)
    assert (status["published"], status["late"], status["rows"]) == ("2024-05-01T00:00:00+00:00", True, 26)
    table = run("status").stdout.splitlines()
    assert table[0].split()[:4] == ["group", "state", "due", "published"]
    assert any(line.split()[:2] == ["Habits", "late"] for line in table)
    run("materialize", "--group", "Habits")
    assert "up to date" in run("status", "--group", "Habits").stdout


def test_ctrl_c_gives_the_lease_back_and_says_so(live: Path, run: Run) -> None:
    """In a process of its own, which interrupts itself while it writes."""
    run("materialize", "--group", "Habits", "--until", "2024-05-01")
    code = """
import os, signal, sys
from featurestore.cli import app
from featurestore.cli.commands import materialize

class Interrupted(materialize._Told):
    def __call__(self, progress):
        super().__call__(progress)
        if progress.phase == "write":
            os.kill(os.getpid(), signal.SIGINT)

materialize._Told = Interrupted
app.main(["materialize", "--group", "Habits"])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=live, capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert "Stopped: no lease is held any more" in done.stderr
    assert "Error: Interrupted." in done.stderr
    registry = live / ".featurestore" / "laptop" / "registry.db"
    with open_reader(registry) as reader:
        assert leases(reader, "shop") == ()
        assert reader.ledger("shop")[0].message == "interrupted"
    assert "published at" in run("materialize", "--group", "Habits").stdout
