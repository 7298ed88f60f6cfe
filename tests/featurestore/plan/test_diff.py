"""What a plan says of new, changed, moved and missing definitions, against a real registry."""

from typing import TYPE_CHECKING

import pytest

from featurestore.definitions.resolution import Definitions
from featurestore.definitions.sources import Binding
from featurestore.definitions.types import Int64, String
from featurestore.errors import (
    AmbiguousReferenceError,
    MissingColumnError,
    RecordNotFoundError,
    RefusedPlanError,
    SchemaChangedError,
)
from featurestore.plan import Change, Difference, Plan, make_plan
from featurestore.spi.stores import SourceProbe

if TYPE_CHECKING:
    from tests.featurestore.plan.conftest import Shop

MORE_PAID = ("status = 'paid'", "status IN ('paid', 'sent')")


def change_of(plan: Plan, name: str) -> Change:
    found = [change for change in plan.changes if change.name == name and change.kind != "absent"]
    assert len(found) == 1, found
    return found[0]


def test_against_an_empty_registry_everything_is_new_and_to_be_computed(shop: "Shop") -> None:
    plan = shop.plan()

    assert plan.counts == {"new": 11}
    assert plan.revision == 0
    assert [(group.name, group.why, len(group.members)) for group in plan.groups] == [
        ("Habits", "new", 3),
        ("spend@v1", "new", 1),
    ]
    assert [(one.source, one.old, dict(one.new)) for one in plan.bindings] == [
        ("orders", None, {"path": "data/orders.parquet"})
    ]
    assert plan.has_changes


def test_the_same_project_again_has_no_changes(applied: "Shop") -> None:
    plan = applied.plan()

    assert plan.counts == {"unchanged": 11}
    assert (plan.groups, plan.bindings, plan.has_changes) == ((), (), False)


def test_each_change_names_the_services_and_training_sets_it_touches(shop: "Shop") -> None:
    plan = shop.plan()

    assert change_of(plan, "paid").touches == ("service:checkout@v1", "training_set:churn@v1")
    assert change_of(plan, "churned").touches == ("training_set:churn@v1",)
    assert change_of(plan, "churn").touches == ()


def test_a_new_owner_is_a_change_in_metadata_only(applied: "Shop") -> None:
    applied.edit(('owner="growth"', 'owner="risk"'))

    plan = applied.plan()

    assert plan.counts == {"metadata": 1, "unchanged": 10}
    assert change_of(plan, "spend").differences == (Difference("owner", "growth", "risk"),)
    assert plan.groups == ()


def test_a_comment_and_a_shifted_line_change_nothing(applied: "Shop") -> None:
    applied.edit(("import featurestore as fs\n", "# A comment.\n\nimport featurestore as fs\n"))

    assert not applied.plan().has_changes


def test_other_logic_under_a_registered_version_is_refused_with_a_readable_difference(applied: "Shop") -> None:
    applied.edit(('sum(over="7d")', 'sum(over="30d")'))

    plan = applied.plan()

    spend = change_of(plan, "spend")
    assert spend.kind == "refused"
    assert spend.differences == (Difference("expression", "amount.sum(over=7d)", "amount.sum(over=30d)"),)
    assert spend.old is not None
    assert spend.new is not None
    assert spend.reason == f"registered with other logic ({spend.old.logic:.8} -> {spend.new.logic:.8})"
    assert "`featurestore bump feature:spend@v1 --downstream`" in (spend.hint or "")
    assert spend.origin is not None
    assert spend.origin.endswith("shop.py:24")


def test_other_sql_is_shown_as_lines_of_a_diff(applied: "Shop") -> None:
    applied.edit(MORE_PAID)

    (difference,) = change_of(applied.plan(), "paid").differences

    assert difference.field == "sql"
    assert "-    return \"SELECT * FROM {orders} WHERE status = 'paid'\"" in difference.lines
    assert "+    return \"SELECT * FROM {orders} WHERE status IN ('paid', 'sent')\"" in difference.lines


def test_sql_that_differs_by_a_constant_elsewhere_is_shown_by_its_own_tokens(shop: "Shop") -> None:
    shop.edit(
        ("import featurestore as fs\n", "import featurestore as fs\n\nWANTED = 'paid'\n"),
        ("\"SELECT * FROM {orders} WHERE status = 'paid'\"", "f\"SELECT * FROM {{orders}} WHERE status = '{WANTED}'\""),
    )
    shop.apply()
    shop.edit(("WANTED = 'paid'", "WANTED = 'sent'"))

    (difference,) = change_of(shop.plan(), "paid").differences

    assert difference.lines == (" FROM {orders}", "-WHERE status = 'paid'", "+WHERE status = 'sent'")

    shop.edit(('@fs.transformation(version="v1")', '@fs.transformation(version="v2")'))
    assert change_of(shop.plan(), "paid").differences == (difference,)


def test_what_only_follows_from_a_change_upstream_names_the_cause_and_where_to_bump(applied: "Shop") -> None:
    applied.edit(MORE_PAID)

    plan = applied.plan()

    assert change_of(plan, "paid").cause == ()
    for name in ("spend", "above", "checkout", "churn"):
        change = change_of(plan, name)
        assert (change.kind, change.cause, change.differences) == ("refused", ("transformation:paid@v1",), ())
        assert "`featurestore bump transformation:paid@v1 --downstream`" in (change.hint or "")


def test_a_changed_entity_is_the_cause_of_what_is_about_it(applied: "Shop") -> None:
    applied.edit(('keys={"customer_id": fs.Int64}', 'keys={"customer_id": fs.Int32}'))

    plan = applied.plan()

    entity = change_of(plan, "customer")
    assert entity.kind == "new"
    assert entity.differences == (Difference("keys", '[["customer_id", "Int64"]]', '[["customer_id", "Int32"]]'),)
    assert change_of(plan, "spend").cause == (entity.id,)
    assert "bump feature:spend@v1" in (change_of(plan, "spend").hint or "")


def test_reading_another_table_is_a_change_of_its_own(applied: "Shop") -> None:
    applied.edit(
        ("def spend(paid: fs.Rows)", "def spend(orders: fs.Rows)"), ("return paid.amount", "return orders.amount")
    )

    spend = change_of(applied.plan(), "spend")

    assert spend.cause == ()
    table = next(one for one in spend.differences if one.field == "table")
    assert table.old == "transformation:paid@v1"
    assert table.new is not None
    assert table.new.startswith("source:orders@")


def test_a_service_with_more_features_says_which_columns(applied: "Shop") -> None:
    applied.edit(("features=[spend, Habits, above]", "features=[spend, above]"))

    (difference,) = change_of(applied.plan(), "checkout").differences

    assert difference == Difference("features", "spend, orders_7d, orders_30d, newest, above", "spend, above")


def test_changed_code_of_an_on_demand_feature_is_shown_as_source(applied: "Shop") -> None:
    applied.edit(("basket > spend", "basket >= spend"))

    (difference,) = change_of(applied.plan(), "above").differences

    assert difference.field == "code"
    assert any(line.startswith("+") and "basket >= spend" in line for line in difference.lines)


def test_a_changed_constant_that_code_reaches_is_shown(shop: "Shop") -> None:
    shop.edit(
        ("import featurestore as fs\n", "import featurestore as fs\n\nFACTOR = 1.25\n"),
        ("basket > spend", "basket > FACTOR * spend"),
    )
    shop.apply()
    shop.edit(("FACTOR = 1.25", "FACTOR = 1.5"))

    (difference,) = change_of(shop.plan(), "above").differences

    assert difference.field == "code"
    assert [line[0] for line in difference.lines if (1.5).hex() in line] == ["+"]
    assert [line[0] for line in difference.lines if (1.25).hex() in line] == ["-"]


def test_other_content_without_a_version_is_a_new_version_beside_the_old_one(applied: "Shop") -> None:
    before = change_of(applied.plan(), "Habits.newest")
    applied.edit(('ttl="30d"', 'ttl="60d"'), ("features=[spend, Habits, above]", "features=[spend, above]"))
    applied.edit(('FeatureService("checkout", version="v1"', 'FeatureService("checkout", version="v2"'))
    applied.edit(('TrainingSet("churn", version="v1"', 'TrainingSet("churn", version="v2"'))

    plan = applied.plan()

    after = change_of(plan, "Habits.newest")
    assert (after.kind, after.before) == ("new", before.id)
    assert after.version != before.version
    assert after.differences == (Difference("expression", "amount.last(ttl=30d)", "amount.last(ttl=60d)"),)
    absent = {change.id: change for change in plan.of_kind("absent")}
    assert absent[before.id].touches == ("service:checkout@v1", "training_set:churn@v1")
    assert plan.refused == ()


def test_a_source_bound_elsewhere_is_moved_and_has_the_same_logic(applied: "Shop") -> None:
    plan = applied.plan(bindings={"orders": Binding(table="shop.orders")})

    assert plan.counts == {"moved": 1, "unchanged": 10}
    (difference,) = change_of(plan, "orders").differences
    assert difference == Difference("binding", "path data/orders.parquet", "table shop.orders")
    applied.apply(plan)
    assert not applied.plan(bindings={"orders": Binding(table="shop.orders")}).has_changes


def test_a_column_that_nobody_reads_changes_the_metadata_of_its_source(applied: "Shop") -> None:
    applied.edit(('"basket": fs.Float64', '"basket": fs.Float64, "note": fs.String'))
    plan = applied.plan()

    assert change_of(plan, "orders").kind == "metadata"
    assert change_of(plan, "orders").differences == (Difference("columns.note", None, "String"),)
    applied.apply(plan)
    assert not applied.plan().has_changes


def test_what_is_missing_in_the_project_is_absent_and_stays_registered(applied: "Shop") -> None:
    start = applied.text.index("churned = fs.Label")
    applied.text = applied.text[:start]

    plan = applied.plan()

    assert {change.id for change in plan.of_kind("absent")} == {"label:churned@v1", "training_set:churn@v1"}
    assert not plan.has_changes
    assert applied.apply() is None
    assert len(applied.writer.reader.definitions("shop")) == 11


def test_a_plan_looks_at_its_own_project_only(applied: "Shop") -> None:
    definitions = applied.definitions()

    plan = make_plan(definitions, applied.writer.reader, target="laptop", bindings={}, project="bank")

    assert plan.counts == {"new": 11}
    assert plan.revision == 0


def test_a_sibling_gives_a_new_group_and_changes_no_other_feature(applied: "Shop") -> None:
    applied.edit(("    newest = fs", '    total = fs.sum("amount", over="7d")\n    newest = fs'))
    applied.edit(("[spend, Habits, above]", "[spend, Habits.orders, Habits.newest, above]"))
    applied.edit(("Habits.orders, ", "*Habits.orders.values(), "))
    old = applied.writer.reader.groups("shop")

    plan = applied.plan()

    (new,) = plan.of_kind("new")
    assert new.name == "Habits.total"
    (group,) = plan.groups
    assert group.why == f"with Habits.total@{new.version}"
    assert group.replaces == tuple(record.id for record in old if len(record.members) == 3)


def test_a_group_that_is_as_it_was_once_is_current_again(applied: "Shop") -> None:
    first = applied.text
    applied.edit(("    newest = fs", '    total = fs.sum("amount", over="7d")\n    newest = fs'))
    applied.edit(("[spend, Habits, above]", "[spend, *Habits.orders.values(), Habits.newest, above]"))
    applied.apply()
    applied.text = first

    (group,) = applied.plan().groups

    assert group.why.startswith("without Habits.total@")
    applied.apply()
    assert not applied.plan().has_changes


def test_a_retired_definition_that_is_in_the_project_again_is_restored(applied: "Shop") -> None:
    whole = applied.text
    applied.text = whole[: whole.index("churned = fs.Label")]
    applied.apply(applied.plan(retire=("churn", "label:churned")))
    applied.text = whole

    plan = applied.plan()

    assert {change.id for change in plan.of_kind("restored")} == {"label:churned@v1", "training_set:churn@v1"}
    applied.apply(plan)
    assert not applied.plan().has_changes


def test_what_a_live_service_or_training_set_uses_cannot_be_retired(applied: "Shop") -> None:
    applied.text = applied.text[: applied.text.index("checkout = fs")]

    plan = applied.plan(retire=("label:churned", "checkout"))

    refused = {change.id: change.reason for change in plan.refused}
    assert refused == {
        "label:churned@v1": "cannot be retired: training_set:churn@v1 would lose it",
        "service:checkout@v1": "cannot be retired: training_set:churn@v1 would lose it",
    }
    together = applied.plan(retire=("label:churned", "checkout", "churn"))
    assert together.counts["retired"] == 3
    assert together.refused == ()


def test_what_is_in_the_project_cannot_be_retired(applied: "Shop") -> None:
    (refused,) = applied.plan(retire=("churn@v1",)).refused

    assert refused.id == "training_set:churn@v1"
    assert "it is in the project, at " in (refused.reason or "")


def test_retiring_asks_for_a_name_that_means_one_live_definition(applied: "Shop") -> None:
    with pytest.raises(RecordNotFoundError, match="'chrun'") as caught:
        applied.plan(retire=("chrun",))
    assert "churn@v1" in (caught.value.hint or "")
    applied.edit(('fs.Label("churned"', 'fs.Label("churn"'))
    applied.edit(('TrainingSet("churn", version="v1"', 'TrainingSet("churn", version="v2"'))
    applied.apply()
    with pytest.raises(AmbiguousReferenceError):
        applied.plan(retire=("churn",))


def test_one_wrong_definition_is_raised_itself_and_where_it_is(shop: "Shop") -> None:
    shop.edit(("paid.amount.sum", "paid.amuont.sum"))

    with pytest.raises(MissingColumnError, match=r"shop\.py:24 .*amuont"):
        shop.plan()


def test_all_wrong_definitions_are_listed_once_each(shop: "Shop") -> None:
    shop.edit(
        ("paid.amount.sum", "paid.amuont.sum"),
        ('column="churned"', 'column="chrned"'),
        ("WHERE status", "WHERE state"),
    )

    with pytest.raises(RefusedPlanError) as caught:
        shop.plan()

    text = str(caught.value)
    assert "state" in text
    assert "chrned" in text
    assert text.count("shop.py:18") == 1
    assert not shop.writer.reader.applies("shop")


def test_a_training_set_without_its_request_value_is_refused_before_any_data_is_read(shop: "Shop") -> None:
    shop.edit(('"churned": fs.Bool, "basket": fs.Float64,', '"churned": fs.Bool,'))

    with pytest.raises(MissingColumnError, match="basket"):
        shop.plan()


def probed(definitions: Definitions, shop: "Shop", probe: SourceProbe) -> Plan:
    return make_plan(
        definitions, shop.writer.reader, target="laptop", bindings={}, probes={"orders": probe}, project="shop"
    )


def test_an_engine_whose_columns_differ_is_refused_and_further_columns_are_noted(shop: "Shop") -> None:
    definitions = shop.definitions()
    (source,) = definitions.of_kind("source")
    columns = dict(source.resolved.schema)  # type: ignore[union-attr]

    plan = probed(definitions, shop, SourceProbe({**columns, "note": String}, {}))
    assert plan.notes == ("the source orders has further columns: note",)

    del columns["status"]
    with pytest.raises(SchemaChangedError, match="amount was Float64 and is Int64") as caught:
        probed(definitions, shop, SourceProbe({**columns, "amount": Int64}, {"status": "MAP(INT, INT)"}))
    assert "status is now a MAP(INT, INT)" in str(caught.value)


def test_an_input_of_another_version_with_the_same_logic_is_a_change_in_metadata(applied: "Shop") -> None:
    applied.edit(('@fs.transformation(version="v1")', '@fs.transformation(version="v2")'))

    plan = applied.plan()

    assert change_of(plan, "paid").kind == "new"
    spend = change_of(plan, "spend")
    assert (spend.kind, [one.field for one in spend.differences]) == ("metadata", ["inputs"])
    assert plan.groups == ()
    applied.apply(plan)
    assert not applied.plan().has_changes
