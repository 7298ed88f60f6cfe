"""Plans as values: saved, read, compared."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from featurestore.definitions.sources import Binding
from featurestore.errors import PlanError, PlanOutdatedError
from featurestore.plan import Plan, load, require_same, save

if TYPE_CHECKING:
    from tests.featurestore.plan.conftest import Shop


def test_a_plan_survives_its_document(applied: "Shop") -> None:
    applied.edit(("status = 'paid'", "status = 'sent'"), ('owner="growth"', 'owner="risk"'))
    plan = applied.plan(bindings={"orders": Binding(table="shop.orders")})

    document = json.loads(json.dumps(plan.to_document()))

    assert Plan.from_document(document) == plan
    assert {"refused", "new", "moved", "absent", "unchanged"} <= set(plan.counts)


def test_a_saved_plan_that_is_still_what_planning_gives_is_applied(shop: "Shop", tmp_path: Path) -> None:
    path = tmp_path / "the plan.json"
    save(shop.plan(), path)

    fresh = shop.plan()
    require_same(load(path), fresh)

    assert shop.apply(fresh) is not None


def test_places_in_files_are_no_difference_of_plans(shop: "Shop") -> None:
    saved = shop.plan()
    shop.edit(("import featurestore as fs\n", "# A comment.\nimport featurestore as fs\n"))

    assert shop.plan() != saved
    require_same(saved, shop.plan())


def test_a_saved_plan_is_outdated_when_the_project_has_changed_and_says_in_what(shop: "Shop") -> None:
    saved = shop.plan()
    shop.edit(('sum(over="7d")', 'sum(over="30d")'), ('Label("churned", version="v1"', 'Label("churned", version="v2"'))

    with pytest.raises(PlanOutdatedError) as caught:
        require_same(saved, shop.plan())

    text = str(caught.value)
    assert "feature:spend@v1 is another one" in text
    assert "label:churned@v1 was new, is not there" in text
    assert "label:churned@v2 was not there, is new" in text


def test_a_saved_plan_is_outdated_when_the_registry_has_moved(shop: "Shop") -> None:
    saved = shop.plan()
    shop.apply()

    with pytest.raises(PlanOutdatedError, match=r"revision 0 -> 1; .*spend@v1 was new, is unchanged"):
        require_same(saved, shop.plan())


def test_a_plan_that_was_edited_is_refused(shop: "Shop", tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    save(shop.plan(), path)
    path.write_text(path.read_text().replace('"kind": "new"', '"kind": "unchanged"', 1))

    with pytest.raises(PlanError, match="was changed after it was made"):
        load(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 99, "project": "shop"}', "\x00"])
def test_what_is_no_plan_is_refused_with_its_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)

    with pytest.raises(PlanError) as caught:
        load(path)

    assert caught.value.where == str(path)
    with pytest.raises(PlanError):
        load(tmp_path / "none.json")


def test_saving_replaces_a_file_whole_and_leaves_no_other(shop: "Shop", tmp_path: Path) -> None:
    folder = tmp_path / "plans"
    folder.mkdir()
    path = folder / "plan.json"
    path.write_text("old")
    save(shop.plan(), path)

    assert load(path).project == "shop"
    assert list(folder.iterdir()) == [path]
    with pytest.raises(OSError, match="No such file"):
        save(shop.plan(), folder / "none" / "plan.json")
