"""`featurestore training-set`."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import Result

Run = Callable[..., Result]
Edit = Callable[[str, str], None]


@pytest.fixture
def built(shop: Path, run: Run) -> dict[str, object]:
    """The record of a build of the project's training set."""
    record: dict[str, object] = json.loads(run("training-set", "build", "returns", "--json").stdout)
    return record


def test_build_says_what_was_built_and_where_it_lies(shop: Path, run: Run) -> None:
    text = run("training-set", "build", "returns").stdout
    lines = {line[:12].strip(): line[12:] for line in text.splitlines()}
    assert lines["rows"] == "174"
    assert lines["left out"] == "26 rows without a label"
    assert lines["build"].startswith("b_")
    assert lines["with nulls"].startswith(("mean_amount ", "against_usual "))
    assert pq.read_table(lines["written to"]).num_rows == 174


def test_build_takes_a_path_and_a_time(shop: Path, run: Run) -> None:
    run("training-set", "build", "returns", "--out", "out/early.parquet", "--as-of", "2024-03-01")
    early = pq.read_table("out/early.parquet")
    assert 0 < early.num_rows < 174


def test_a_path_of_another_kind_is_wrong_usage(shop: Path, run: Run) -> None:
    run("training-set", "build", "returns", "--out", "early.csv", code=2)


def test_a_training_set_that_does_not_exist_is_an_error(shop: Path, run: Run) -> None:
    assert "Error FS101" in run("training-set", "build", "return", code=1).stderr


def test_builds_are_listed_newest_first(shop: Path, run: Run, built: dict[str, object]) -> None:
    second = json.loads(run("training-set", "build", "returns", "--json").stdout)
    lines = run("training-set", "list").stdout.splitlines()[1:]
    assert [line.split()[0] for line in lines] == [second["id"], built["id"]]
    assert len(json.loads(run("training-set", "list", "returns", "-n", 1, "--json").stdout)) == 1
    assert run("training-set", "list", "other").stdout == "Nothing was built yet.\n"


def test_show_takes_a_build_or_the_newest_build_of_a_training_set(
    shop: Path, run: Run, built: dict[str, object]
) -> None:
    for reference in (built["id"], "returns", str(built["training_set"]), str(built["training_set"])[13:]):
        assert json.loads(run("training-set", "show", reference, "--json").stdout)["id"] == built["id"]
    text = run("training-set", "show", "returns").stdout
    assert "26 rows without a label" in text
    assert any(line.split()[:3] == ["orders_7d", "174", "0"] for line in text.splitlines())


@pytest.mark.parametrize("reference", ["b_000000000000", "other"])
def test_show_of_what_was_never_built_is_an_error(shop: Path, run: Run, reference: str) -> None:
    assert "Error FS703" in run("training-set", "show", reference, code=1).stderr


def test_rebuild_gives_equal_values(shop: Path, run: Run, built: dict[str, object]) -> None:
    assert "The values are equal: 174 rows" in run("training-set", "rebuild", built["id"]).stdout
    run("training-set", "rebuild", built["id"], "--out", "again.parquet", "--json")
    assert pq.read_table("again.parquet").num_rows == 174
    assert len(json.loads(run("training-set", "list", "--json").stdout)) == 1


def test_rebuild_exits_with_1_and_names_the_source_that_moved(shop: Path, run: Run, built: dict[str, object]) -> None:
    orders = shop / "data" / "orders.csv"
    orders.write_text(orders.read_text().replace(",40.12,", ",41.12,"))
    error = run("training-set", "rebuild", built["id"], code=1).stderr
    assert "Error FS901" in error
    assert "orders" in error


def test_rebuild_refuses_other_definitions(shop: Path, run: Run, built: dict[str, object], edit: Edit) -> None:
    edit('over="30d"', 'over="60d"')
    assert "Error FS9" in run("training-set", "rebuild", built["id"], code=1).stderr
