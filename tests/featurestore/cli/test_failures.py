"""What people and programs are told when something goes wrong."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result

from featurestore.cli.failures import failure_of
from featurestore.errors import MissingTableError

Run = Callable[..., Result]
Edit = Callable[[str, str], None]


def test_an_error_says_code_message_place_and_hint_without_a_traceback(shop: Path, run: Run) -> None:
    (shop / "data" / "orders.csv").unlink()
    error = run("sources", "pull", code=1).stderr
    assert error.startswith("Error FS301: ")
    assert "\n  where: source 'orders'" in error
    assert "\n  hint: " in error
    assert "Traceback" not in error


def test_an_error_in_a_project_file_shows_the_lines_of_the_project_only(shop: Path, run: Run) -> None:
    (shop / "broken.py").write_text("def half(whole):\n    return whole / 0\n\n\nhalf(1)\n")
    error = run("list", code=1).stderr
    assert "Error FS202" in error
    assert "  broken.py:5, in <module>\n    half(1)\n  broken.py:2, in half\n    return whole / 0\n" in error
    assert "ZeroDivisionError: division by zero" in error
    assert "importlib" not in error


def test_a_syntax_error_shows_its_line(shop: Path, run: Run) -> None:
    (shop / "broken.py").write_text("fine = 1\nnot fine = 2\n")
    error = run("list", code=1).stderr
    assert "broken.py:2" in error
    assert "not fine = 2" in error


def test_an_error_in_an_on_demand_function_shows_its_line(shop: Path, run: Run, edit: Edit) -> None:
    edit("return amount / mean_amount if mean_amount else None", "return amount / 0")
    error = run("values", "against_usual", "--key", "customer_id=7", "--key", "amount=1", code=1).stderr
    assert "Error FS502" in error
    assert "in against_usual\n    return amount / 0\n  ZeroDivisionError" in error
    assert "site-packages" not in error


def test_debug_shows_the_whole_traceback(shop: Path, run: Run) -> None:
    for args in (["--debug", "show", "nothing"], ["show", "nothing", "--debug"]):
        error = run(*args, code=1).stderr
        assert "Traceback (most recent call last)" in error
        assert "Error FS101" in error


def test_with_json_an_error_is_a_document_on_the_standard_error(shop: Path, run: Run) -> None:
    result = run("show", "nothing", "--json", code=1)
    assert result.stdout == ""
    assert json.loads(result.stderr)["error"]["code"] == "FS101"


def test_with_json_wrong_usage_is_a_document_too(run: Run) -> None:
    result = run("list", "--json", "--bogus", code=2)
    assert json.loads(result.stderr)["error"]["code"] == "usage"


def test_an_interruption_says_that_nothing_was_half_written(shop: Path, run: Run) -> None:
    (shop / "slow.py").write_text("raise KeyboardInterrupt\n")
    assert "Interrupted. Nothing was half written; run it again." in run("list", code=130).stderr


def test_what_nobody_expected_says_how_to_report_it() -> None:
    failure = failure_of(RuntimeError("out of luck"), None)
    assert "RuntimeError: out of luck" in failure.message
    assert "--debug" in str(failure.hint)
    assert failure.exit_code == 1


def test_an_error_of_the_system_names_the_file(tmp_path: Path, run: Run) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        (tmp_path / "gone").read_text()
    failure = failure_of(caught.value, None)
    assert failure.message == "No such file or directory."
    assert failure.where == str(tmp_path / "gone")


def test_an_interrupted_question_is_an_interruption() -> None:
    assert failure_of(click.Abort(), None).exit_code == 130


def test_the_lines_of_a_hint_stay_together() -> None:
    text = failure_of(MissingTableError("Gone.", hint="Look\nthere"), None).text
    assert text.endswith("  hint: Look\n        there")


def test_a_reader_who_stops_reading_is_no_error(shop: Path, run: Run) -> None:
    spine = shop / "spine.csv"
    spine.write_text("customer_id,time\n" + "7,2024-05-01 12:00:00\n" * 20_000)
    command = f"{sys.executable} -m featurestore values mean_amount --spine spine.csv --json | head -n 1"
    done = subprocess.run(command, shell=True, cwd=shop, capture_output=True, text=True, check=True)  # noqa: S602
    assert json.loads(done.stdout)["customer_id"] == 7
    assert done.stderr == ""


def test_errors_have_no_colors_where_they_are_piped(shop: Path) -> None:
    command = [sys.executable, "-m", "featurestore", "show", "nothing"]
    done = subprocess.run(command, cwd=shop, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "\x1b" not in done.stderr
