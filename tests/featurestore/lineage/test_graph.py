"""Questions over edges: ways, kinds, depths, cycles and names."""

import pytest

from featurestore.errors import AmbiguousReferenceError, RecordNotFoundError
from featurestore.lineage import Graph
from featurestore.registry import LineageEdge


def graph(*edges: str, nodes: tuple[str, ...] = ()) -> Graph:
    """A graph of edges written ``up > down`` (direct), ``up ~ down`` (indirect); ``!`` at the end: opaque."""
    made = []
    for text in edges:
        upstream, sign, downstream = text.rstrip("!").split()
        kind = "direct" if sign == ">" else "indirect"
        made.append(
            LineageEdge(upstream=upstream, downstream=downstream, kind=kind, via=text[-2:], opaque=text.endswith("!"))  # type: ignore[arg-type]
        )
    return Graph(made, nodes)


DIAMOND = ("x:a ~ x:b", "x:a > x:c", "x:b > x:d", "x:c > x:d", "x:d > x:e")


def tree(lines: object) -> list[str]:
    return [
        "  " * line.depth + line.node[2:] + ("" if line.path == "direct" else " ~") + (" ^" if line.repeated else "")
        for line in lines  # type: ignore[attr-defined]
    ]


def test_direct_edges_come_first_and_what_is_below_a_node_is_shown_once() -> None:
    assert tree(graph(*DIAMOND).downstream("x:a").lines) == ["a", "  c", "    d", "      e", "  b ~", "    d ~ ^"]


def test_the_order_of_the_edges_does_not_matter() -> None:
    assert graph(*DIAMOND).downstream("x:a").lines == graph(*DIAMOND[::-1]).downstream("x:a").lines


def test_upstream_goes_the_other_way() -> None:
    assert tree(graph(*DIAMOND).upstream("x:e").lines) == ["e", "  d", "    b", "      a ~", "    c", "      a"]


def test_a_path_is_direct_only_if_all_of_its_edges_are() -> None:
    found = graph("x:a ~ x:b", "x:b > x:c").downstream("x:a")
    assert [(line.node, line.kind, line.path) for line in found.lines[1:]] == [
        ("x:b", "indirect", "indirect"),
        ("x:c", "direct", "indirect"),
    ]
    assert found.reached == {"x:b": "indirect", "x:c": "indirect"}


def test_a_node_is_reached_directly_if_any_path_is_direct_even_one_that_the_tree_does_not_show() -> None:
    # The tree first meets d below the indirect b of c, and does not show again what is below it.
    found = graph("x:a > x:c", "x:a > x:z", "x:c ~ x:d", "x:z > x:d", "x:d > x:e").downstream("x:a")
    assert tree(found.lines) == ["a", "  c", "    d ~", "      e ~", "  z", "    d ^"]
    assert found.reached == {"x:c": "direct", "x:z": "direct", "x:d": "direct", "x:e": "direct"}


def test_direct_only_follows_no_indirect_edge() -> None:
    found = graph(*DIAMOND).downstream("x:a", direct_only=True)
    assert tree(found.lines) == ["a", "  c", "    d", "      e"]
    assert set(found.reached) == {"x:c", "x:d", "x:e"}


def test_depth_cuts_and_says_where() -> None:
    found = graph(*DIAMOND).downstream("x:a", depth=1)
    assert [(line.node, line.cut) for line in found.lines] == [("x:a", False), ("x:c", True), ("x:b", True)]
    assert set(found.reached) == {"x:b", "x:c"}
    assert graph(*DIAMOND).downstream("x:a", depth=0).lines[0].cut


def test_what_was_cut_far_from_the_root_is_shown_near_it() -> None:
    found = graph("x:a > x:b", "x:b > x:c", "x:a > x:c", "x:c > x:d").downstream("x:a", depth=2)
    assert tree(found.lines) == ["a", "  b", "    c", "  c", "    d"]
    assert [line.cut for line in found.lines] == [False, False, True, False, False]


def test_a_cycle_ends() -> None:
    found = graph("x:a > x:b", "x:b > x:a", "x:b ~ x:b").downstream("x:a")
    assert tree(found.lines) == ["a", "  b", "    a ^", "    b ~ ^"]
    assert found.reached == {"x:b": "direct"}


def test_a_chain_may_be_longer_than_the_stack_of_the_language() -> None:
    chain = graph(*(f"x:{at} > x:{at + 1}" for at in range(5_000)))
    assert len(chain.downstream("x:0").lines) == 5_001


def test_of_several_edges_between_two_nodes_the_direct_and_the_certain_ones_count() -> None:
    both = [
        LineageEdge(upstream="x:a", downstream="x:b", kind="indirect", via="where"),
        LineageEdge(upstream="x:a", downstream="x:b", via="sum", opaque=True),
        LineageEdge(upstream="x:a", downstream="x:b", via="mean"),
    ]
    line = Graph(both).downstream("x:a").lines[1]
    assert (line.kind, line.via, line.opaque) == ("direct", "sum; mean", False)
    assert Graph(both[:2]).downstream("x:a").lines[1].opaque


NAMED = graph(
    "column:orders.amount > column:paid_orders@v1.amount",
    "column:orders.amount > column:paid_orders@v1.2.amount",
    "column:orders.fee > column:paid_orders@v1.2.fee",
    "column:paid_orders@v1.amount > feature:spend_trend@v1",
    "column:paid_orders@v1.amount > feature:Habits.food@v1",
    "column:paid_orders@v1.amount > feature:Habits.food@v2",
    "feature:spend_trend@v1 > service:churn@v1",
    "service:churn@v1 > training_set:churn@v1",
    "training_set:churn@v1 > build:b_0123",
    "build:b_0123 > model:churn@3",
    nodes=("column:orders.e:mail", "column:orders.e@mail", "column:paid_orders@v1.a b.fee"),
)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("orders.amount", "column:orders.amount"),
        ("column:orders.amount", "column:orders.amount"),
        ("orders.e:mail", "column:orders.e:mail"),
        ("orders.e@mail", "column:orders.e@mail"),
        ("paid_orders@v1.amount", "column:paid_orders@v1.amount"),
        ("column:paid_orders@v1.2.amount", "column:paid_orders@v1.2.amount"),
        ("paid_orders.fee", "column:paid_orders@v1.2.fee"),
        ("column:paid_orders.fee", "column:paid_orders@v1.2.fee"),
        ("spend_trend", "feature:spend_trend@v1"),
        ("spend_trend@v1", "feature:spend_trend@v1"),
        ("feature:spend_trend", "feature:spend_trend@v1"),
        ("Habits.food@v2", "feature:Habits.food@v2"),
        ("feature:Habits.food@v2", "feature:Habits.food@v2"),
        ("churn@3", "model:churn@3"),
        ("model:churn", "model:churn@3"),
        ("training_set:churn", "training_set:churn@v1"),
        ("b_0123", "build:b_0123"),
    ],
)
def test_a_name_stands_for_the_one_node_that_it_can_mean(text: str, node: str) -> None:
    assert NAMED.resolve(text) == node
    assert NAMED.upstream(text).node == node


@pytest.mark.parametrize(
    ("text", "several"),
    [
        ("paid_orders.amount", ("column:paid_orders@v1.2.amount", "column:paid_orders@v1.amount")),
        ("Habits.food", ("feature:Habits.food@v1", "feature:Habits.food@v2")),
        ("churn@v1", ("service:churn@v1", "training_set:churn@v1")),
    ],
)
def test_a_name_that_could_mean_several_is_refused_with_all_of_them(text: str, several: tuple[str, ...]) -> None:
    with pytest.raises(AmbiguousReferenceError, match=", ".join(several)):
        NAMED.resolve(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("orders", "orders.amount"),
        ("spend_tend", "spend_trend"),
        ("column:orders.amuont", "orders.amount"),
        ("paid_orders.amuont", "paid_orders.amount"),
        ("paid_orders@v7.amount", "paid_orders.amount"),
        ("orders.e@mial", "orders.e@mail"),
        ("spend_trend@v7", "spend_trend"),
    ],
)
def test_an_unknown_name_is_answered_with_close_ones(text: str, hint: str) -> None:
    with pytest.raises(RecordNotFoundError) as caught:
        NAMED.downstream(text)
    assert hint in str(caught.value.hint)


def test_an_empty_graph_knows_nothing() -> None:
    with pytest.raises(RecordNotFoundError) as caught:
        Graph([]).resolve("orders.amount")
    assert caught.value.hint is None
    assert Graph([]).nodes() == ()


def test_nodes_are_listed_by_kind_sorted() -> None:
    assert NAMED.nodes("column") == (
        "column:orders.amount",
        "column:orders.e:mail",
        "column:orders.e@mail",
        "column:orders.fee",
        "column:paid_orders@v1.2.amount",
        "column:paid_orders@v1.2.fee",
        "column:paid_orders@v1.a b.fee",
        "column:paid_orders@v1.amount",
    )
    assert NAMED.nodes("model") == ("model:churn@3",)
    assert len(NAMED.nodes()) == len(NAMED) == 15


def test_a_known_node_without_edges_leads_nowhere() -> None:
    assert NAMED.downstream("orders.e:mail").reached == {}
