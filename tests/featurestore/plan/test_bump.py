"""Bump edits versions where they are written, and nothing else."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from featurestore.errors import DefinitionError, PlanError
from featurestore.plan import bump

if TYPE_CHECKING:
    from tests.featurestore.plan.conftest import Shop


def changed_lines(shop: "Shop", new: str) -> list[str]:
    old_lines, new_lines = shop.text.split("\n"), new.split("\n")
    assert len(old_lines) == len(new_lines)
    return [after for before, after in zip(old_lines, new_lines, strict=True) if before != after]


def test_a_function_gets_the_next_version_and_the_rest_of_the_file_stays_as_it_is(shop: "Shop") -> None:
    shop.edit(
        (
            '@fs.feature(entity=customer, version="v1", every="1h"',
            "@fs.feature(  # größer\n    entity=customer ,version = 'v1',every=\"1h\"",
        )
    )
    shop.text = shop.text.replace("\n", "\r\n")

    patch = bump(shop.definitions(), "feature:spend@v1")

    ((old, new),) = patch.files.values()
    assert old == shop.text
    assert new == shop.text.replace("version = 'v1'", "version = 'v2'")
    assert patch.refs == (("feature:spend@v1", "feature:spend@v2"),)


def test_downstream_gives_all_that_follows_a_new_version_and_nothing_beside_it(shop: "Shop") -> None:
    patch = bump(shop.definitions(), "paid", downstream=True)

    ((_, new),) = patch.files.values()
    changed = changed_lines(shop, new)
    assert [line.partition("(")[0] for line in changed] == [
        "@fs.transformation",
        "@fs.feature",
        "@fs.on_demand",
        "checkout = fs.FeatureService",
        "churn = fs.TrainingSet",
    ]
    assert all('version="v2"' in line for line in changed)
    assert {old.partition(":")[0] for old, _ in patch.refs} == {
        "transformation",
        "feature",
        "on_demand",
        "service",
        "training_set",
    }


def test_what_is_refused_is_new_after_the_patch_is_written(applied: "Shop") -> None:
    applied.edit(("status = 'paid'", "status = 'sent'"))
    definitions = applied.definitions()
    refused = {change.id for change in applied.plan(definitions).refused}

    patch = bump(definitions, "transformation:paid@v1", downstream=True)
    patch.write()

    assert {old for old, _ in patch.refs} == refused
    applied.text = applied.file.read_text()
    plan = applied.plan()
    assert plan.refused == ()
    assert {new for _, new in patch.refs} <= {change.id for change in plan.of_kind("new")}


def test_the_features_of_a_class_get_their_new_version_together(shop: "Shop") -> None:
    shop.edit(
        (
            '@fs.features(entity=customer, source=paid, every="1d", publish_within="1h")',
            '@fs.features(\n    entity=customer,\n    source=paid,\n    every="1d",\n    version="v3",\n)',
        )
    )

    for named in ("Habits", "Habits.newest", "feature:Habits.orders_7d@v3"):
        patch = bump(shop.definitions(), named)

        ((_, new),) = patch.files.values()
        assert changed_lines(shop, new) == ['    version="v4",']
        assert [new for _, new in patch.refs] == [
            "feature:Habits.newest@v4",
            "feature:Habits.orders_30d@v4",
            "feature:Habits.orders_7d@v4",
        ]


def test_definitions_of_a_loop_share_the_version_that_is_written_once(shop: "Shop") -> None:
    shop.text += """
for name in ("first", "second"):
    fs.FeatureService(
        f"{name}_model",
        version="v1",
        features=[spend],
    )
"""
    patch = bump(shop.definitions(), "first_model")

    assert [new for _, new in patch.refs] == ["service:first_model@v2", "service:second_model@v2"]


def test_two_definitions_on_one_line_are_told_apart_by_their_names(shop: "Shop") -> None:
    a, b = (f'fs.FeatureService("{name}", version="v1", features=[spend])' for name in "ab")
    shop.text += f"a, b = {a}, {b}\n"

    ((_, new),) = bump(shop.definitions(), "service:b").files.values()

    (line,) = changed_lines(shop, new)
    assert 'FeatureService("b", version="v2"' in line
    assert 'FeatureService("a", version="v1"' in line


def test_references_as_text_follow(shop: "Shop") -> None:
    shop.edit(
        ("import featurestore as fs\n", "from typing import Annotated\n\nimport featurestore as fs\n"),
        ("def spend(paid: fs.Rows)", 'def spend(paid: Annotated[fs.Rows, fs.use("paid@v1")])'),
    )

    patch = bump(shop.definitions(), "paid", downstream=True)
    patch.write()
    shop.text = shop.file.read_text()

    assert 'fs.use("paid@v2")' in shop.text
    assert shop.definitions().find("spend").ref.version == "v2"


def test_a_version_that_is_taken_is_passed_over(shop: "Shop") -> None:
    patch = bump(shop.definitions(), "spend", registered=["feature:spend@v2", "feature:spend@v3"])

    assert patch.refs == (("feature:spend@v1", "feature:spend@v4"),)


def test_a_version_that_cannot_be_counted_must_be_said(shop: "Shop") -> None:
    shop.edit(('FeatureService("checkout", version="v1"', 'FeatureService("checkout", version="2024-06"'))
    definitions = shop.definitions()

    with pytest.raises(PlanError, match="2024-06") as caught:
        bump(definitions, "checkout")
    assert "--to" in (caught.value.hint or "")

    patch = bump(definitions, "checkout", to="2024-07", downstream=True)
    assert patch.refs == (
        ("service:checkout@2024-06", "service:checkout@2024-07"),
        ("training_set:churn@v1", "training_set:churn@v2"),
    )
    with pytest.raises(PlanError, match="taken"):
        bump(definitions, "checkout", to="2024-06")
    with pytest.raises(DefinitionError):
        bump(definitions, "checkout", to="no version")


def test_a_version_that_is_not_written_as_a_text_is_not_guessed(shop: "Shop") -> None:
    shop.edit(
        ("import featurestore as fs\n", 'import featurestore as fs\n\nVERSION = "v1"\n'),
        ('@fs.on_demand(version="v1")', "@fs.on_demand(version=VERSION)"),
    )

    with pytest.raises(PlanError, match=r"shop\.py:\d+: .*not written there as a text"):
        bump(shop.definitions(), "above")


def test_content_versions_need_no_bump(shop: "Shop") -> None:
    with pytest.raises(PlanError, match="its content gives"):
        bump(shop.definitions(), "Habits.newest")
    with pytest.raises(PlanError, match="its content gives"):
        bump(shop.definitions(), "entity:customer")


def test_the_text_is_a_unified_diff_seen_from_the_current_folder(shop: "Shop", monkeypatch: pytest.MonkeyPatch) -> None:
    shop.text = shop.text.rstrip("\n")
    monkeypatch.chdir(shop.file.parent)

    lines = bump(shop.definitions(), "churn").text.split("\n")

    assert lines[:2] == ["--- a/shop.py", "+++ b/shop.py"]
    churn = 'churn = fs.TrainingSet("churn", version="{}", label=churned, features=checkout)'
    assert lines[-5:] == [
        f"-{churn.format('v1')}",
        "\\ No newline at end of file",
        f"+{churn.format('v2')}",
        "\\ No newline at end of file",
        "",
    ]


def test_a_patch_of_a_file_that_has_changed_since_is_not_written(shop: "Shop") -> None:
    patch = bump(shop.definitions(), "spend")
    text = shop.text + "# Somebody else.\n"
    shop.file.write_text(text)

    with pytest.raises(PlanError, match="changed since"):
        patch.write()

    assert shop.file.read_text() == text


def test_a_written_file_keeps_its_mode_and_a_link_stays_a_link(shop: "Shop", tmp_path: Path) -> None:
    patch = bump(shop.definitions(), "spend")
    real = tmp_path / "elsewhere.py"
    shop.file.rename(real)
    shop.file.symlink_to(real)
    real.chmod(0o640)

    patch.write()

    assert shop.file.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert 'version="v2"' in real.read_text()
