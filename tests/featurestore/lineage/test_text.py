"""Trees for readers, documents for programs."""

import json

from featurestore.lineage import Graph, models_of, to_document, tree_text
from featurestore.registry import LineageEdge

EDGES = [
    LineageEdge(upstream="column:orders.amount", downstream="column:paid.amount", via="paid@v1"),
    LineageEdge(
        upstream="column:orders.status", downstream="column:paid.amount", kind="indirect", via="paid@v1: WHERE s"
    ),
    LineageEdge(upstream="column:paid.amount", downstream="feature:spend@v1", via="amount.sum()"),
    LineageEdge(upstream="column:paid.amount", downstream="feature:trend@v1", opaque=True),
    LineageEdge(upstream="feature:spend@v1", downstream="service:checkout@v1"),
    LineageEdge(upstream="feature:trend@v1", downstream="service:checkout@v1", kind="indirect"),
    LineageEdge(upstream="service:checkout@v1", downstream="model:churn@3"),
    LineageEdge(upstream="feature:trend@v1", downstream="model:alarm@1", kind="indirect"),
]
GRAPH = Graph(EDGES)


def test_a_tree_is_indented_marked_and_shows_nothing_twice() -> None:
    assert tree_text(GRAPH.downstream("orders.amount")).splitlines() == [
        "column:orders.amount",
        "  column:paid.amount  paid@v1",
        "    feature:spend@v1  amount.sum()",
        "      service:checkout@v1",
        "        model:churn@3",
        "    feature:trend@v1  (opaque)",
        "      model:alarm@1  (indirect)",
        "      service:checkout@v1  (indirect)  (shown above)",
    ]


def test_a_tree_says_where_it_was_cut() -> None:
    assert tree_text(GRAPH.upstream("spend", depth=1)).splitlines() == [
        "feature:spend@v1",
        "  column:paid.amount  amount.sum()  (goes on)",
    ]


def test_a_document_has_each_node_and_edge_once_and_edges_point_downstream() -> None:
    document = to_document(GRAPH.upstream("checkout"))
    assert json.loads(json.dumps(document)) == document
    assert (document["node"], document["direction"]) == ("service:checkout@v1", "upstream")
    assert {node["id"]: node["path"] for node in document["nodes"]} == {
        "feature:spend@v1": "direct",
        "feature:trend@v1": "indirect",
        "column:paid.amount": "direct",
        "column:orders.amount": "direct",
        "column:orders.status": "indirect",
    }
    fields = ("upstream", "downstream", "kind", "via", "opaque")
    recorded = [{name: getattr(edge, name) for name in fields} for edge in EDGES[:6]]
    assert sorted(document["edges"], key=str) == sorted(recorded, key=str)
    assert document["cut"] == []


def test_a_document_names_the_nodes_beyond_which_there_is_more() -> None:
    assert to_document(GRAPH.upstream("checkout", depth=1))["cut"] == ["feature:spend@v1", "feature:trend@v1"]
    assert to_document(GRAPH.upstream("checkout", depth=0))["cut"] == ["service:checkout@v1"]


def test_a_node_that_is_cut_on_one_way_and_followed_on_another_is_not_called_cut() -> None:
    ways = [("x:a", "x:b"), ("x:b", "x:c"), ("x:a", "x:c"), ("x:c", "x:d")]
    graph = Graph([LineageEdge(upstream=up, downstream=down) for up, down in ways])
    assert to_document(graph.downstream("x:a", depth=2))["cut"] == []


def test_the_models_of_a_column_are_given_with_the_strongest_path_to_each() -> None:
    assert models_of(GRAPH, "orders.amount") == {"model:alarm@1": "indirect", "model:churn@3": "direct"}
    assert models_of(GRAPH, "orders.status") == {"model:alarm@1": "indirect", "model:churn@3": "indirect"}
    assert models_of(GRAPH, "model:churn@3") == {}


def test_models_can_be_asked_for_along_values_only_and_to_a_depth() -> None:
    assert models_of(GRAPH, "orders.amount", direct_only=True) == {"model:churn@3": "direct"}
    assert models_of(GRAPH, "trend", depth=1) == {"model:alarm@1": "indirect"}
