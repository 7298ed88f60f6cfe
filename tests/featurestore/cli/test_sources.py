"""`featurestore sources pull`."""

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Run = Callable[..., Result]


def add_column(shop: Path) -> None:
    file = shop / "data" / "orders.csv"
    first, *rest = file.read_text().splitlines()
    file.write_text("\n".join([f"{first},city", *(f"{line},Graz" for line in rest)]))


def test_pull_writes_the_lock_and_says_what_changed(shop: Path, run: Run) -> None:
    assert "orders.amount: not there -> Float64" in run("sources", "pull").stdout
    assert "amount: Float64" in (shop / "sources.lock.yaml").read_text()
    assert run("sources", "pull").stdout == "sources.lock.yaml is up to date.\n"


def test_check_exits_with_1_and_writes_nothing_if_the_lock_differs(shop: Path, run: Run) -> None:
    run("sources", "pull", "orders")
    run("sources", "pull", "--check")
    before = (shop / "sources.lock.yaml").read_text()
    add_column(shop)
    assert "orders.city: not there -> String" in run("sources", "pull", "--check", code=1).stdout
    assert (shop / "sources.lock.yaml").read_text() == before


def test_changes_as_json(shop: Path, run: Run) -> None:
    run("sources", "pull")
    add_column(shop)
    document = json.loads(run("sources", "pull", "--json").stdout)
    assert document["changes"] == [{"source": "orders", "column": "city", "locked": None, "found": "String"}]
    assert document["written"] is True


def test_a_source_that_does_not_exist_is_an_error(shop: Path, run: Run) -> None:
    assert "orders" in run("sources", "pull", "order", code=1).stderr
