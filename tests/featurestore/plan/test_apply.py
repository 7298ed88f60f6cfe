"""Apply carries out a plan, in one transaction, and only the plan that was looked at."""

import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, event

from featurestore.definitions.sources import Binding
from featurestore.errors import PlanOutdatedError, RefusedPlanError, VersionTakenError
from featurestore.lineage import Graph, definition_edges
from featurestore.registry import ApplyDraft, ApplyRecord, DefinitionRecord, Writer, open_writer

if TYPE_CHECKING:
    from tests.featurestore.plan.conftest import Shop


def registered(shop: "Shop", id: str) -> DefinitionRecord:
    return next(record for record in shop.writer.reader.definitions("shop") if str(record.key) == id)


def applied_by(shop: "Shop") -> ApplyRecord:
    record = shop.apply()
    assert record is not None
    return record


def test_the_first_apply_records_everything_with_who_when_and_why(shop: "Shop") -> None:
    record = applied_by(shop)

    assert record.changes == {"registered": 11, "groups": 2, "bindings": 1}
    assert (record.revision, record.who, record.message, record.git_commit, record.git_dirty) == (
        1,
        "ann",
        "why",
        "c0ffee",
        False,
    )
    reader = shop.writer.reader
    definitions = shop.definitions()
    assert {str(one.key): one.logic for one in reader.definitions("shop")} == {
        one.id: one.fingerprint.logic for one in definitions
    }
    assert {group.id: group.members for group in reader.groups("shop")} == {
        group.id: tuple(f"feature:{member.ref}" for member in group.members) for group in definitions.groups
    }
    (binding,) = reader.bindings("shop")
    assert binding.document == {"path": "data/orders.parquet"}
    assert binding.columns["amount"] == "Float64"


def test_a_definition_is_recorded_with_its_text_its_inputs_and_its_place_in_the_project(applied: "Shop") -> None:
    spend = registered(applied, "feature:spend@v1")

    assert (spend.file, spend.line) == ("shop.py", 24)
    assert spend.source_text is not None
    assert 'sum(over="7d")' in spend.source_text
    assert [given.partition("@")[0] for given in spend.inputs] == ["entity:customer", "transformation:paid"]
    assert spend.document == applied.definitions().find("spend").logic
    assert spend.metadata_document == {"description": "Spending of a week.", "owner": "growth", "tags": []}


def test_applying_again_records_nothing(applied: "Shop") -> None:
    assert applied.apply() is None
    assert len(applied.writer.reader.applies("shop")) == 1


def test_a_change_in_metadata_is_recorded_under_the_same_version(applied: "Shop") -> None:
    applied.edit(('owner="growth"', 'owner="risk"'))

    record = applied_by(applied)

    assert record.changes == {"metadata": 1}
    spend = registered(applied, "feature:spend@v1")
    assert (spend.metadata_document["owner"], spend.first_apply) == ("risk", 1)


def test_a_refused_plan_is_not_applied_in_part(applied: "Shop") -> None:
    applied.edit(('sum(over="7d")', 'sum(over="30d")'))
    applied.text += 'fs.Entity("store", keys={"store_id": fs.Int64})\n'

    with pytest.raises(VersionTakenError, match="feature:spend@v1") as caught:
        applied.apply()

    assert "3 that follow from it" in str(caught.value)
    assert "featurestore bump feature:spend@v1 --downstream" in (caught.value.hint or "")
    assert len(applied.writer.reader.definitions("shop")) == 11


def test_a_moved_source_is_recorded_and_is_no_change_of_a_definition(applied: "Shop") -> None:
    record = applied.apply(applied.plan(bindings={"orders": Binding(table="shop.orders")}))

    assert record is not None
    assert record.changes == {"bindings": 1}
    (binding,) = applied.writer.reader.bindings("shop")
    assert binding.document == {"table": "shop.orders"}


def test_retiring_is_refused_while_it_is_used_and_done_when_not(applied: "Shop") -> None:
    applied.text = applied.text[: applied.text.index("checkout = fs")]
    with pytest.raises(RefusedPlanError, match=r"training_set:churn@v1 would lose it"):
        applied.apply(applied.plan(retire=("label:churned",)))

    record = applied.apply(applied.plan(retire=("label:churned", "churn")))

    assert record is not None
    assert record.changes == {"retired": 2}
    assert registered(applied, "label:churned@v1").retired
    assert not applied.plan().has_changes


def test_of_two_appliers_of_one_revision_the_second_is_refused(applied: "Shop") -> None:
    applied.edit(('owner="growth"', 'owner="risk"'))
    mine = applied.plan()
    applied.edit(('owner="risk"', 'owner="fraud"'))
    theirs = applied.plan()
    theirs_definitions = applied.definitions()
    applied.edit(('owner="fraud"', 'owner="risk"'))
    assert applied.apply(mine) is not None

    with pytest.raises(PlanOutdatedError, match="revision 2, and the plan was made at 1"):
        applied.apply(theirs, theirs_definitions)

    assert registered(applied, "feature:spend@v1").metadata_document["owner"] == "risk"


def test_a_plan_without_changes_is_outdated_too_when_the_registry_has_moved(applied: "Shop") -> None:
    plan = applied.plan()
    definitions = applied.definitions()
    applied.edit(('owner="growth"', 'owner="risk"'))
    applied.apply()

    with pytest.raises(PlanOutdatedError):
        applied.apply(plan, definitions)


def test_a_plan_of_another_state_of_the_project_is_refused(applied: "Shop") -> None:
    plan = applied.plan()
    applied.edit(('owner="growth"', 'owner="risk"'))

    with pytest.raises(PlanOutdatedError, match="feature:spend@v1"):
        applied.apply(plan)


def test_an_apply_that_is_killed_leaves_nothing_and_can_be_made_again(shop: "Shop") -> None:
    plan, definitions = shop.plan(), shop.definitions()
    child = os.fork()
    if child == 0:
        try:
            event.listen(Engine, "commit", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            shop.apply(plan, definitions)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL

    assert shop.writer.reader.applies("shop") == ()
    assert shop.apply(plan, definitions) is not None


def test_apply_works_out_nothing_anew(shop: "Shop") -> None:
    plan = shop.plan()

    record = shop.apply(replace(plan, groups=plan.groups[:1], bindings=()))

    assert record is not None
    assert record.changes == {"registered": 11, "groups": 1}


def recorded_edges(shop: "Shop") -> dict[int, set[tuple[str, str, str]]]:
    """The edges by the revision that recorded them last."""
    found: dict[int, set[tuple[str, str, str]]] = {}
    for edge in shop.writer.reader.edges("shop"):
        found.setdefault(edge.revision, set()).add((edge.upstream, edge.downstream, edge.kind))
    return found


def test_the_first_apply_records_all_edges(applied: "Shop") -> None:
    edges = definition_edges(applied.definitions())
    assert [replace(edge, revision=0) for edge in applied.writer.reader.edges("shop")] == list(edges)


def test_a_second_apply_records_only_the_edges_into_what_is_new_and_old_versions_keep_theirs(applied: "Shop") -> None:
    first = recorded_edges(applied)[1]
    before = Graph(applied.writer.reader.edges("shop"))
    applied.edit(
        ('@fs.transformation(version="v1")', '@fs.transformation(version="v2")'),
        ('customer, version="v1", every="1h"', 'customer, version="v2", every="1h"'),
        ("paid.amount.sum", "paid.basket.sum"),
        ("source=paid, every", 'source=paid, version="v2", every'),
        ('@fs.on_demand(version="v1")', '@fs.on_demand(version="v2")'),
        ('"checkout", version="v1"', '"checkout", version="v2"'),
        ('"churn", version="v1"', '"churn", version="v2"'),
    )
    applied_by(applied)

    found = recorded_edges(applied)
    assert found[1] == first
    assert {downstream.partition("@")[2][:2] for _, downstream, _ in found[2]} == {"v2"}
    graph = Graph(applied.writer.reader.edges("shop"))
    for node in ("feature:spend@v1", "training_set:churn@v1"):
        assert graph.upstream(node) == before.upstream(node)
    assert graph.reached("spend@v2", "upstream")["column:orders.basket"] == "direct"
    assert ("column:orders.amount", "column:paid@v2.amount", "direct") in found[2]
    assert "column:orders.amount" not in graph.reached("spend@v2", "upstream", direct_only=True)


def test_a_description_alone_is_recorded_with_the_edges_into_it(applied: "Shop") -> None:
    applied.edit(('owner="growth"', 'owner="risk"'))
    applied_by(applied)
    assert {downstream for _, downstream, _ in recorded_edges(applied)[2]} == {"feature:spend@v1"}


class EdgelessWriter(Writer):
    """Records as it was done before there were edges."""

    def record_apply(self, draft: ApplyDraft) -> ApplyRecord:
        return super().record_apply(replace(draft, edges=()))


def test_edges_that_earlier_applies_did_not_record_are_recorded_with_the_next(shop: "Shop") -> None:
    location = shop.file.parent / "registry.db"
    with open_writer(location) as opened:
        shop.writer, newest = EdgelessWriter(opened._database, opened.reader), shop.writer
        applied_by(shop)
    shop.writer = newest
    assert recorded_edges(shop) == {}

    shop.edit(('owner="growth"', 'owner="risk"'))
    applied_by(shop)

    assert [replace(edge, revision=0) for edge in newest.reader.edges("shop")] == list(
        definition_edges(shop.definitions())
    )
