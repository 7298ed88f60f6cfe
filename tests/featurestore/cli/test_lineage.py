"""`featurestore lineage`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def applied(shop: Path, run: Run) -> Path:
    """The project, applied."""
    run("apply", "--yes", "-m", "first")
    return shop


def step(shop: Path, run: Run) -> str:
    """The id of the step's column of amounts; its version comes from its content."""
    columns = json.loads(run("lineage", "up", "mean_amount", "--json", "--depth", 1).stdout)["edges"]
    found: str = next(one["upstream"] for one in columns if one["upstream"].endswith(".amount"))
    return found


def test_up_shows_the_tree_down_to_the_columns_of_sources(applied: Path, run: Run) -> None:
    column = step(applied, run)
    lines = run("lineage", "up", "mean_amount", "--direct-only").stdout.splitlines()
    assert column.startswith("column:paid_orders@")
    assert [line.split()[0] for line in lines[1:]] == [column, "column:orders.amount"]
    assert lines[0].startswith("feature:mean_amount@")
    assert "(indirect)" in run("lineage", "up", "mean_amount").stdout


def test_down_shows_what_is_made_of_a_column_as_far_as_is_asked(applied: Path, run: Run) -> None:
    lines = run("lineage", "down", "orders.amount", "--depth", 1).stdout.splitlines()
    assert lines[0] == "column:orders.amount"
    assert step(applied, run) in [line.split()[0] for line in lines[1:] if line.endswith("(goes on)")]
    everything = json.loads(run("lineage", "down", "orders.amount", "--json").stdout)
    assert any(one["id"].startswith("training_set:returns@") for one in everything["nodes"])


def test_the_column_of_a_step_is_found_without_its_version(applied: Path, run: Run) -> None:
    assert run("lineage", "down", "paid_orders.amount").stdout.splitlines()[0] == step(applied, run)


def test_a_column_that_nothing_reads_is_known_and_leads_nowhere(applied: Path, run: Run) -> None:
    assert run("lineage", "up", "orders.returned").stdout == "column:orders.returned\n"


def test_a_name_that_is_not_known_is_answered_with_close_ones(applied: Path, run: Run) -> None:
    error = run("lineage", "down", "mean_amont", code=1).stderr
    assert "Error FS703" in error
    assert "mean_amount" in error


def test_where_nothing_is_applied_it_says_so(shop: Path, run: Run) -> None:
    error = run("lineage", "up", "mean_amount", code=1).stderr
    assert "Nothing of project shop is applied to the target laptop." in error
    assert "featurestore apply" in error


def test_the_definitions_need_not_import(applied: Path, run: Run) -> None:
    (applied / "features.py").write_text("raise RuntimeError('broken')\n")
    assert "column:orders.amount" in run("lineage", "up", "mean_amount").stdout


def test_models_are_listed_with_the_kind_of_their_path(applied: Path, run: Run) -> None:
    assert run("lineage", "models", "orders.amount").stdout == "No model is downstream of column:orders.amount.\n"
    build = json.loads(run("training-set", "build", "returns", "--json").stdout)["id"]
    run("model", "register", "fraud", "--version", "v1", "--training-build", build)

    assert run("lineage", "models", "orders.amount").stdout.splitlines()[1].split() == ["model:fraud@v1", "direct"]
    found = json.loads(run("lineage", "models", "orders.loaded_at", "--json").stdout)
    assert found["models"] == [{"id": "model:fraud@v1", "path": "direct"}]
    assert "No model" in run("lineage", "models", "mean_amount", "--depth", 1).stdout
    assert run("lineage", "up", "fraud@v1", "--depth", 2).stdout.splitlines()[1].split()[0] == f"build:{build}"
