"""`featurestore list` and `featurestore show`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
Edit = Callable[[str, str], None]


def test_list_says_kind_name_version_entity_and_the_first_line_of_the_documentation(shop: Path, run: Run) -> None:
    lines = run("list").stdout.splitlines()
    assert lines[0].split() == ["kind", "name", "version", "entity", "owner", "registered", "description"]
    row = next(line for line in lines if "mean_amount" in line)
    assert row.startswith("feature ")
    assert " customer " in row
    assert row.endswith("no          What an order of the customer comes to, on the average of the last 30 days.")


def test_list_holds_one_kind_if_asked(shop: Path, run: Run) -> None:
    found = json.loads(run("list", "--kind", "label", "--json").stdout)
    assert [(one["kind"], one["name"], one["entity"]) for one in found] == [("label", "returned", "customer")]


def test_list_knows_what_is_registered(shop: Path, run: Run, edit: Edit) -> None:
    run("apply", "--yes")
    edit('over="30d"', 'over="60d"')
    found = {one["name"]: one["registered"] for one in json.loads(run("list", "--json").stdout)}
    assert found["paid_orders"] is True
    assert found["mean_amount"] is False


def test_list_show_and_plan_work_while_the_warehouse_is_away(shop: Path, run: Run) -> None:
    run("sources", "pull")
    (shop / "data" / "orders.csv").unlink()
    assert "mean_amount" in run("list").stdout
    assert "mean_amount: Float64" in run("show", "mean_amount").stdout
    assert "11 new" in run("plan").stdout


def test_show_says_all_about_a_feature(shop: Path, run: Run) -> None:
    text = run("show", "mean_amount").stdout
    for part in (
        "on the average of the last 30 days",
        "mean_amount: Float64",
        "every 1d",
        "transformation:paid_orders@",
        "service:checkout@",
        "registered  no",
        "features.py:",
        'return paid_orders.amount.mean(over="30d")',
    ):
        assert part in text


def test_show_says_who_registered_it_when_and_why(shop: Path, run: Run) -> None:
    run("apply", "--yes", "-m", "The first ones")
    registered = json.loads(run("show", "mean_amount", "--json").stdout)["registered"]
    assert registered["revision"] == 1
    assert registered["message"] == "The first ones"
    assert registered["who"]
    assert registered["at"]


def test_show_says_if_the_registered_logic_is_another(shop: Path, run: Run, edit: Edit) -> None:
    edit('customer, every="1d")\ndef', 'customer, version="v1", every="1d")\ndef')
    run("apply", "--yes")
    edit('over="30d"', 'over="60d"')
    assert "with other logic" in run("show", "mean_amount").stdout


def test_show_gives_a_member_of_a_class_its_expression(shop: Path, run: Run) -> None:
    assert "\n\ncount(over=7d)\n" in run("show", "Habits.orders_7d").stdout


@pytest.mark.parametrize(
    ("reference", "part"),
    [
        ("entity:customer", "customer_id: Int64"),
        ("orders", "data/orders.csv"),
        ("paid_orders", "amount: Float64"),
        ("against_usual", "against_usual: Float64"),
        ("checkout", "training_set:returns@"),
        ("label:returned", "Whether the order was sent back."),
        ("returns", "label:returned@"),
    ],
)
def test_show_works_for_each_kind(shop: Path, run: Run, reference: str, part: str) -> None:
    assert part in run("show", reference).stdout
    assert json.loads(run("show", reference, "--json").stdout)["origin"].startswith("features.py:")


def test_show_says_why_a_type_is_not_known(shop: Path, run: Run, edit: Edit) -> None:
    edit("paid_orders.amount.mean", "paid_orders.amounts.mean")
    assert "not known: " in run("show", "mean_amount").stdout
