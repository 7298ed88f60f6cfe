"""A project as the registry knows it."""

from pathlib import Path

import pytest

from featurestore.errors import ConfigurationError, RecordNotFoundError
from featurestore.project import open_project
from featurestore.project.clock import now
from featurestore.project.recorded import recorded_graph, recorded_project
from featurestore.registry import ApplyDraft


def test_the_registry_is_that_of_the_target_of_the_opened_project(shop: Path) -> None:
    with open_project(shop) as project:
        project.plan().apply("first")
        (shop / "spending.py").write_text("raise RuntimeError\n")
        found = recorded_project(shop / ".featurestore", target="laptop")
        with found.reader() as mine, project.reader() as theirs:
            assert mine.applies(found.name) == theirs.applies(project.name) != ()
        assert (found.root, found.name, found.target) == (project.root, project.name, project.target.name)
    with pytest.raises(ConfigurationError):
        recorded_project(shop, target="moon")


def test_the_graph_knows_what_was_applied_also_columns_and_features_that_nothing_reads(shop: Path) -> None:
    with open_project(shop) as project:
        project.plan().apply("first")
    graph = recorded_graph(recorded_project(shop))
    assert graph.reached("orders.amount", "downstream") == {"feature:spend@v1": "direct"}
    assert graph.nodes("column") == ("column:orders.amount", "column:orders.at", "column:orders.customer_id")
    assert graph.nodes("entity") == graph.nodes("source") == ()


def test_without_any_apply_the_way_out_is_said(shop: Path) -> None:
    with pytest.raises(RecordNotFoundError, match="Nothing of project shop is applied to the target laptop") as error:
        recorded_graph(recorded_project(shop))
    assert "featurestore apply" in str(error.value.hint)
    assert not (shop / ".featurestore").exists()


def test_applies_without_edges_are_not_taken_for_none(shop: Path) -> None:
    found = recorded_project(shop)
    draft = ApplyDraft(project="shop", expected_revision=0, at=now(), who="ann", message="", code_version="0.1.0")
    with found.writer() as writer:
        writer.record_apply(draft)
    with pytest.raises(RecordNotFoundError, match="No lineage is recorded"):
        recorded_graph(found)
