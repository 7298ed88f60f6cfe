"""`featurestore check leaks`, and what plan says of leaks."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]

LEAK = '''

@fs.transformation(version="v1", engine="pandas", columns=COLUMNS, time="row_wise")
def centered(orders: fs.Rows) -> fs.Rows:
    """Amounts, as they differ from the mean of all."""
    return orders.assign(amount=orders["amount"] - orders["amount"].mean())


@fs.feature(entity=customer, version="v1", every="1d")
def centered_amount(centered: fs.Rows) -> fs.Value:
    """The amounts of a month."""
    return centered.amount.sum(over="30d")
'''
COLUMNS = '\n\nCOLUMNS = {"customer_id": fs.Int64, "amount": fs.Float64}\n'


@pytest.fixture
def leaky(shop: Path) -> Path:
    """The template's project, with a step that knows the mean of all orders."""
    file = shop / "features.py"
    file.write_text(file.read_text() + COLUMNS + LEAK)
    return file


def test_the_template_has_no_leak(shop: Path, run: Run) -> None:
    assert "no leak found" in run("check", "leaks", "--boundaries", 2).stdout


def test_a_leak_is_told_with_its_step_an_example_and_what_to_do(leaky: Path, run: Run) -> None:
    text = run("check", "leaks", "centered_amount", "--boundaries", 2, code=1).stdout
    for part in (
        "leak ",
        "transformation centered@v1",
        "features.py:",
        "example: centered_amount@v1 of customer_id=",
        "row: orders: ",
        "do: ",
        "1 leak, 0 warnings",
    ):
        assert part in text
    assert "no leak found" in run("check", "leaks", "Habits", "--boundaries", 2).stdout


def test_the_report_as_json_holds_all_of_it(leaky: Path, run: Run) -> None:
    options = ["--at", "2024-02-01", "--entities", 5, "--seed", 7, "--json"]
    document = json.loads(run("check", "leaks", "centered_amount", *options, code=1).stdout)
    assert (document["features"], document["boundaries"], document["values"]) == (["centered_amount@v1"], 1, 5)
    (finding,) = document["findings"]
    assert (finding["kind"], finding["level"], finding["blame"]) == ("step", "leak", "transformation centered@v1")
    assert finding["example"]["boundary"] == "2024-02-01T00:00:00+00:00"
    assert set(finding["example"]["row"]["columns"]) == {"ordered_at", "loaded_at", "order_id", "customer_id"}


def test_plan_checks_what_is_new_and_not_proven_and_names_no_entity(leaky: Path, run: Run) -> None:
    text = run("plan").stdout
    assert "leak check: 1 feature checked on 2 boundaries" in text
    (told,) = [line for line in text.splitlines() if "LEAK" in line]
    assert "centered@v1" in told
    assert "featurestore check leaks centered_amount@v1" in told
    assert "customer_id=" not in text
    run("apply", "--yes")
    assert "leak check" not in run("plan").stdout


def test_plan_says_nothing_of_leaks_and_needs_no_warehouse_where_all_is_proven(shop: Path, run: Run) -> None:
    run("sources", "pull")
    (shop / "data" / "orders.csv").unlink()
    assert "leak" not in run("plan").stdout.lower()


def test_plan_says_why_it_could_not_look_for_leaks(leaky: Path, run: Run, shop: Path) -> None:
    run("sources", "pull")
    (shop / "data" / "orders.csv").unlink()
    assert "leak check: not done for 1 feature: " in run("plan").stdout


def test_a_target_whose_store_takes_no_tables_is_refused(shop: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import featurestore_duckdb
    from featurestore.spi.capabilities import Capabilities

    offline = featurestore_duckdb.provider.offline
    assert offline is not None
    narrow = replace(offline, capabilities=Capabilities(steps=frozenset({"row_wise"})))
    monkeypatch.setattr(featurestore_duckdb, "provider", replace(featurestore_duckdb.provider, offline=narrow))
    assert "reads no tables" in run("check", "leaks", code=1).stderr
