"""Mistakes of the first hour: each is told where it was made, in the product's own words."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAD = """\
import featurestore as fs

customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
orders = fs.Source("orders", path="orders.csv", event_time="at", created_time="loaded")
"""
MEAN = """
@fs.feature(entity=customer, every="1d", version="v1")
def usual(orders: fs.Rows) -> fs.Value:
    return orders.amount.mean(over="30d")
"""
CONFIG = "project: shop\ntargets:\n  laptop: {offline: {provider: duckdb}}\n"
ORDERS = "customer_id,amount,at,loaded\n1,10.0,2024-01-01 10:00:00,2024-01-01 10:05:00\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "featurestore.yaml").write_text(CONFIG)
    (tmp_path / "features.py").write_text(HEAD + MEAN)
    (tmp_path / "orders.csv").write_text(ORDERS)
    return tmp_path


def planned(shop: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "featurestore", "plan"], cwd=shop, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (MEAN.replace("entity=customer", 'entity="customer"'), "It is an fs.Entity"),
        ('\nfs.Label("l", source=orders, column="amount", entity=orders)\n', "It is an fs.Entity"),
        ('\nfs.Source("other", path=3)\n', "not a text"),
        (MEAN + '\nfs.FeatureService("s", features="usual")\n', "Put it into a list"),
        (
            MEAN + "\n@fs.on_demand()\ndef bad(usual: str) -> str:\n    return usual\n",
            "the parameter 'usual' says str, and usual@v1 is Float64",
        ),
        (
            MEAN.replace('.mean(over="30d")', '.mean(over="30d").fill_null("none")'),
            "fill_null() does not take Float64 and String",
        ),
    ],
)
def test_a_mistake_in_a_definition_is_told_with_its_place(shop: Path, code: str, said: str) -> None:
    (shop / "features.py").write_text(HEAD + code)
    status, error = planned(shop)
    assert status == 1
    assert said in error
    assert "features.py:" in error
    assert "This should not have happened" not in error


def test_a_provider_that_is_not_there_is_told_by_plan_with_its_place(shop: Path) -> None:
    (shop / "featurestore.yaml").write_text(CONFIG.replace("duckdb", "duckdbb"))
    status, error = planned(shop)
    assert (status, "Did you mean duckdb?" in error) == (1, True)
    assert "targets.laptop.offline.provider" in error


def test_what_a_notebook_imported_before_goes_with_what_the_project_defines(shop: Path) -> None:
    script = """
import datetime
import featurestore as fs
from features import customer, orders

@fs.feature(entity=customer, every="1d")
def how_many(orders: fs.Rows) -> fs.Value:
    return orders.count(over="30d")

with fs.open_project(".") as project:
    spine = [{"customer_id": 1, "time": datetime.datetime(2024, 1, 3)}]
    print(project.values_at(["usual", how_many], spine).to_pylist()[0]["usual"], end=" ")
    print(project.values_at(["usual", how_many], spine).to_pylist()[0]["how_many"])
"""
    (shop / "featurestore.yaml").write_text(CONFIG + "definitions: [features]\n")
    (shop / "cell.py").write_text(script)
    done = subprocess.run([sys.executable, "cell.py"], cwd=shop, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("10.0 1\n", "")
