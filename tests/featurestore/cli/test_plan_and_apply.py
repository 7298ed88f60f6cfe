"""`featurestore plan`, `apply`, `log` and `bump`."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
Edit = Callable[[str, str], None]


@pytest.fixture
def versioned(edit: Edit) -> None:
    """Gives the step and the feature over it versions that people chose."""
    edit("@fs.transformation()", '@fs.transformation(version="v1")')
    edit('customer, every="1d")\ndef', 'customer, version="v1", every="1d")\ndef')


def test_plan_shows_what_is_new_and_records_nothing(shop: Path, run: Run) -> None:
    assert "Plan: 11 new." in run("plan").stdout
    assert "Plan: 11 new." in run("plan", "--probe").stdout
    assert "Nothing was applied yet" in run("log").stdout


def test_plan_as_json_is_the_plans_document(shop: Path, run: Run) -> None:
    document = json.loads(run("plan", "--json").stdout)
    assert document["project"] == "shop"
    assert {change["kind"] for change in document["changes"]} == {"new"}


def test_the_detailed_exit_code_tells_changes_from_none(shop: Path, run: Run) -> None:
    run("plan", "--detailed-exitcode", code=3)
    run("apply", "--yes")
    run("plan", "--detailed-exitcode", code=0)


def test_a_plan_that_is_refused_exits_with_1_and_shows_why(shop: Path, run: Run, edit: Edit, versioned: None) -> None:
    run("apply", "--yes")
    edit('over="30d"', 'over="60d"')
    for options in ([], ["--detailed-exitcode"]):
        text = run("plan", *options, code=1).stdout
        assert "! feature:mean_amount@v1" in text
        assert "featurestore bump" in text
    assert "Error FS60" in run("apply", "--yes", code=1).stderr


def test_apply_records_who_and_why_and_log_shows_it(shop: Path, run: Run, edit: Edit) -> None:
    assert "Applied as revision 1: " in run("apply", "--yes", "-m", "The first ones").stdout
    edit('over="30d"', 'over="60d"')
    run("apply", "--yes", "-m", "A longer window")
    assert [line.rsplit("  ", 1)[-1] for line in run("log").stdout.splitlines()[1:]] == [
        "A longer window",
        "The first ones",
    ]
    newest = json.loads(run("log", "-n", 1, "--json").stdout)
    assert [(one["revision"], one["message"]) for one in newest] == [(2, "A longer window")]


def test_apply_again_records_nothing(shop: Path, run: Run) -> None:
    run("apply", "--yes")
    assert "There is nothing to apply." in run("apply", "--yes").stdout
    assert len(json.loads(run("log", "--json").stdout)) == 1


def test_apply_as_json_says_what_was_planned_and_applied(shop: Path, run: Run) -> None:
    document = json.loads(run("apply", "--yes", "--json").stdout)
    assert document["applied"]["revision"] == 1
    assert len(document["plan"]["changes"]) == 11
    assert json.loads(run("apply", "--yes", "--json").stdout)["applied"] is None


def test_without_a_terminal_apply_needs_yes(shop: Path, run: Run) -> None:
    assert "--yes" in run("apply", code=2, given="y\n").stderr
    assert "Nothing was applied yet" in run("log").stdout


@pytest.mark.parametrize(("answer", "code", "applies"), [("y", 0, 1), ("n", 1, 0)])
def test_on_a_terminal_apply_shows_the_plan_and_asks(
    shop: Path, run: Run, answer: str, code: int, applies: int
) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [sys.executable, "-m", "featurestore", "apply"]
    done = subprocess.run(command, cwd=shop, stdin=theirs, capture_output=True, text=True, check=False)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == code, done.stderr
    assert "Plan: 11 new." in done.stdout
    assert "Apply it?" in done.stdout
    assert len(json.loads(run("log", "--json").stdout)) == applies


def test_a_saved_plan_is_applied(shop: Path, run: Run) -> None:
    assert "Saved to plan.json" in run("plan", "--out", "plan.json").stdout
    assert "Applied as revision 1" in run("apply", "plan.json", "--yes").stdout


def test_a_saved_plan_that_is_no_longer_true_is_refused(shop: Path, run: Run, edit: Edit) -> None:
    run("plan", "--out", "plan.json")
    edit('over="30d"', 'over="60d"')
    assert "Error FS602" in run("apply", "plan.json", "--yes", code=1).stderr
    assert "Nothing was applied yet" in run("log").stdout


def test_what_a_saved_plan_retires_is_not_said_again(shop: Path, run: Run) -> None:
    run("plan", "--out", "plan.json")
    run("apply", "plan.json", "--retire", "mean_amount", "--yes", code=2)


def test_retiring_is_asked_for_by_name_and_shown(shop: Path, run: Run, edit: Edit) -> None:
    run("apply", "--yes")
    old = next(one for one in json.loads(run("list", "--json").stdout) if one["name"] == "against_usual")
    edit("[mean_amount, Habits, against_usual]", "[mean_amount, Habits]")
    edit("amount / mean_amount if", "mean_amount if")
    run("apply", "--yes")
    services = json.loads(run("plan", "--json").stdout)["changes"]
    absent = [one["id"] for one in services if one["kind"] == "absent"]
    assert f"on_demand:against_usual@{old['version']}" in absent
    users = [one for one in absent if one.startswith(("service:", "training_set:"))]
    retire = [word for id in [*users, f"on_demand:against_usual@{old['version']}"] for word in ("--retire", id)]
    result = run("apply", "--yes", *retire)
    assert "x on_demand:against_usual" in result.stdout
    assert "3 retired" in result.stdout


def test_bump_prints_a_patch_and_edits_nothing(shop: Path, run: Run, versioned: None) -> None:
    before = (shop / "features.py").read_text()
    result = run("bump", "mean_amount")
    assert '-@fs.feature(entity=customer, version="v1", every="1d")\n+@fs.feature(entity=customer, version="v2"' in (
        result.stdout
    )
    assert "feature:mean_amount@v1 -> feature:mean_amount@v2" in result.stderr
    assert (shop / "features.py").read_text() == before


def test_bump_writes_and_the_way_out_of_a_refusal_works(shop: Path, run: Run, edit: Edit, versioned: None) -> None:
    run("apply", "--yes")
    edit("status = 'paid'", "status = 'open'")
    run("plan", code=1)
    result = run("bump", "paid_orders", "--downstream", "--write")
    assert "feature:mean_amount@v1 -> feature:mean_amount@v2" in result.stdout
    run("apply", "--yes")


def test_bump_takes_the_version_that_it_is_given(shop: Path, run: Run, versioned: None) -> None:
    document = json.loads(run("bump", "mean_amount", "--to", "2024-06", "--json").stdout)
    assert document["refs"] == [{"old": "feature:mean_amount@v1", "new": "feature:mean_amount@2024-06"}]
    assert document["written"] is False
