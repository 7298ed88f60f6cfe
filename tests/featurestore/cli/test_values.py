"""`featurestore values` and `featurestore explain`."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import Result
from pyarrow import csv

Run = Callable[..., Result]
Edit = Callable[[str, str], None]

MAY = ("--at", "2024-05-01T12:00")


@pytest.fixture
def spine(shop: Path) -> Path:
    file = shop / "spine.csv"
    file.write_text("customer_id,asked_at\n7,2024-05-01 12:00:00\n99,2024-05-01 12:00:00\n")
    return file


def test_one_row_is_shown_with_a_line_per_value(shop: Path, run: Run) -> None:
    lines = run("values", "mean_amount", "Habits", "--key", "customer_id=7", *MAY).stdout.splitlines()
    shown = dict(line.split(maxsplit=1) for line in lines)
    assert set(shown) == {"customer_id", "time", "mean_amount", "orders_7d", "orders_30d", "last_category"}
    assert shown["mean_amount"] == "30.85"


def test_request_values_are_given_like_keys(shop: Path, run: Run) -> None:
    found = run("values", "checkout", "--key", "customer_id=7", "--key", "amount=61.7", *MAY, "--json").stdout
    assert json.loads(found)["against_usual"] == pytest.approx(2.0)


def test_without_a_time_now_is_meant(shop: Path, run: Run) -> None:
    found = json.loads(run("values", "mean_amount", "--key", "customer_id=7", "--json").stdout)
    assert found["time"] > "2025"
    assert found["mean_amount"] is None


@pytest.mark.parametrize(
    ("keys", "part"),
    [
        (["customer_id=7"], "amount is missing"),
        (["customer_id=7", "amount=1", "city=Graz"], "city=Graz"),
        (["customer_id=7", "customer_id=8"], "twice"),
        (["customer_id"], "customer_id (Int64), amount (Float64)"),
        (["customer_id=seven", "amount=1"], "'seven' is no Int64"),
    ],
)
def test_keys_that_do_not_fit_are_wrong_usage_that_says_what_is_needed(
    shop: Path, run: Run, keys: list[str], part: str
) -> None:
    options = [word for key in keys for word in ("--key", key)]
    assert part in run("values", "checkout", *options, code=2).stderr


def test_a_spine_gives_a_row_per_row(spine: Path, run: Run) -> None:
    lines = run("values", "mean_amount", "--spine", spine, "--time", "asked_at").stdout.splitlines()
    assert lines[0].split() == ["customer_id", "asked_at", "mean_amount"]
    assert [line.split()[-1] for line in lines[1:]] == ["30.85", "null"]


def test_a_spine_as_json_gives_a_document_per_line(spine: Path, run: Run) -> None:
    lines = run("values", "mean_amount", "--spine", spine, "--json").stdout.splitlines()
    assert [json.loads(line)["mean_amount"] for line in lines] == [30.85, None]


def test_a_long_table_is_cut_and_says_so(shop: Path, run: Run) -> None:
    (shop / "spine.csv").write_text("customer_id,t\n" + "7,2024-05-01 12:00:00\n" * 101)
    result = run("values", "mean_amount", "--spine", "spine.csv")
    assert len(result.stdout.splitlines()) == 101
    assert "the first 100 rows" in result.stderr
    assert len(run("values", "mean_amount", "--spine", "spine.csv", "--json").stdout.splitlines()) == 101


def test_values_go_to_a_parquet_or_a_csv_file(spine: Path, run: Run) -> None:
    assert "2 rows written" in run("values", "mean_amount", "--spine", spine, "--out", "found.parquet").stdout
    run("values", "mean_amount", "--spine", spine, "--out", "found.csv")
    assert pq.read_table("found.parquet").column("mean_amount").to_pylist() == [30.85, None]
    assert csv.read_csv("found.csv").column("mean_amount").to_pylist() == [30.85, None]


def test_a_failing_function_leaves_no_file(spine: Path, run: Run, edit: Edit) -> None:
    edit("return amount / mean_amount if mean_amount else None", "return amount / 0")
    spine.write_text("customer_id,t,amount\n7,2024-05-01 12:00:00,1.5\n")
    for name in ("found.csv", "found.parquet"):
        run("values", "against_usual", "--spine", spine, "--out", name, code=1)
    assert not [path for path in spine.parent.iterdir() if "found" in path.name]


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--spine", "spine.csv", "--key", "customer_id=7"],
        ["--spine", "spine.csv", "--at", "2024-05-01"],
        ["--key", "customer_id=7", "--time", "t"],
        ["--key", "customer_id=7", "--json", "--out", "a.csv"],
        ["--key", "customer_id=7", "--out", "a.txt"],
        ["--key", "customer_id=7", "--at", "soon"],
        ["--spine", "gone.csv"],
    ],
)
def test_options_that_contradict_each_other_are_wrong_usage(spine: Path, run: Run, options: list[str]) -> None:
    run("values", "mean_amount", *options, code=2)


def test_explain_prints_why_and_then_the_statement(shop: Path, run: Run) -> None:
    text = run("explain", "mean_amount").stdout
    statement = run("explain", "mean_amount", "--sql").stdout
    assert statement.startswith("WITH")
    assert text.endswith(f"\nStatement\n\n{statement}")
    assert "mean_amount" in text.splitlines()[1]
    assert "row-wise over orders, proven from its SQL" in text
    assert "not point-in-time" not in text


def test_explain_as_json_holds_reasons_and_statement(shop: Path, run: Run) -> None:
    found = json.loads(run("explain", "mean_amount", "--json").stdout)
    assert found["statement"] == run("explain", "mean_amount", "--sql").stdout.rstrip("\n")
    assert [made["name"] for made in found["passes"]] == ["pass_0"]
    assert [table["what"] for table in found["tables"]] == ["source", "sql step"]
    assert not any(table["opaque"] for table in found["tables"])
