"""Plans for readers: lines and HTML."""

from typing import TYPE_CHECKING

from featurestore.definitions.sources import Binding
from featurestore.plan import plan_html, plan_text

if TYPE_CHECKING:
    from tests.featurestore.plan.conftest import Shop


def test_a_first_plan_says_what_is_new_and_what_must_be_computed_and_when(shop: "Shop") -> None:
    lines = plan_text(shop.plan()).split("\n")

    assert lines[0] == "Project shop, target laptop, against an empty registry."
    (spend,) = [number for number, line in enumerate(lines) if line.startswith("  + feature:spend@v1  new  (")]
    assert lines[spend].endswith("shop.py:24, owner growth)")
    (group,) = [line for line in lines if line.startswith("  spend@v1 (")]
    assert group.endswith(", new): 1 feature of customer, every 1h, 10m after the boundary, published within 5m")
    assert lines[-1] == "Plan: 11 new."


def test_what_is_unchanged_is_only_counted(applied: "Shop") -> None:
    assert plan_text(applied.plan()) == (
        "Project shop, target laptop, against revision 1.\n\nPlan: 11 unchanged. Nothing to apply."
    )


def test_a_refused_plan_shows_all_else_too_and_each_way_out_once(applied: "Shop") -> None:
    applied.edit(("status = 'paid'", "status = 'sent'"))

    text = plan_text(applied.plan(bindings={"orders": Binding(table="shop.orders")}))

    assert "        -    return \"SELECT * FROM {orders} WHERE status = 'paid'\"\n" in text
    assert "  ! feature:spend@v1  refused: registered with other logic (" in text
    assert "      because of transformation:paid@v1\n" in text
    assert text.count("featurestore bump transformation:paid@v1 --downstream") == 1
    assert "      binding: path data/orders.parquet -> table shop.orders\n" in text
    assert "Registered and not in the project (nothing happens to them):\n  - feature:Habits.newest@" in text
    assert text.endswith("\nPlan: 3 new, 1 moved, 5 refused, 2 unchanged; 3 absent. It cannot be applied.")


def test_a_note_is_said_once_with_what_it_is_about(shop: "Shop") -> None:
    shop.edit((' publish_within="5m",', ""), (', publish_within="1h")', ")"))

    text = plan_text(shop.plan())

    note = "serving may be one run behind training (publish_within is 0)"
    assert text.count(note) == 1
    assert f"  {note}: feature:Habits.newest@" in text


def test_html_escapes_everything_and_needs_nothing_else(applied: "Shop") -> None:
    applied.edit(('owner="growth"', 'owner="<script>alert(1)</script>"'), ("status = 'paid'", "status <> '<b>'"))

    html = plan_html(applied.plan())

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" not in plan_text(applied.plan())
    assert "<script" not in html
    assert "<b>'" not in html
    assert "&lt;b&gt;" in html
    assert html.count("<table>") == html.count("</table>") == 2
