"""Which edges definitions have, by hand; and that whatever changes a feature is upstream of it."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest

import featurestore as fs
from featurestore.definitions.resolution import Definitions, Settings, define
from featurestore.lineage import Graph, definition_edges, definition_nodes
from featurestore.registry import LineageEdge
from featurestore.testing.engine import compute

FLIGHTS = Path(__file__).parents[3] / "examples" / "flights"


def into(definitions: Definitions, node: str) -> dict[str, set[str]]:
    """Kind to the upstream nodes of the edges into ``node``, ids without ``column:``; opaque ones marked with ?."""
    found: dict[str, set[str]] = {}
    for edge in definition_edges(definitions):
        if edge.downstream == node:
            name = edge.upstream.removeprefix("column:") + ("?" if edge.opaque else "")
            found.setdefault(edge.kind, set()).add(name)
    return found


ROWS = {"orders.ordered_at", "orders.loaded_at", "orders.order_id", "orders.gone"}
"""What says which orders count when."""
PLACED = {"orders.status", "orders.shop", "shops.shop"}
"""What says which rows the step gives."""


def test_values_flow_through_a_with_and_aliases_while_filters_and_joins_only_decide(shop: Definitions) -> None:
    assert into(shop, "column:placed@v1.twice") == {"direct": {"orders.amount", "orders.fee"}, "indirect": PLACED}
    assert into(shop, "column:placed@v1.region") == {"direct": {"shops.region"}, "indirect": PLACED}
    assert into(shop, "column:placed@v1.cust_id") == {"direct": {"orders.cust_id"}, "indirect": PLACED}


def test_an_edge_says_by_which_step_and_expression_it_goes(shop: Definitions) -> None:
    via = {(edge.upstream, edge.downstream): edge.via for edge in definition_edges(shop)}
    assert via["column:shops.region", "column:placed@v1.region"] == "placed@v1: LOWER(s.region)"
    assert via["column:orders.cust_id", "column:placed@v1.cust_id"] == "placed@v1"
    assert via["column:orders.status", "column:placed@v1.cust_id"] == "placed@v1: WHERE status = 'paid'"
    assert via["column:shops.shop", "column:placed@v1.cust_id"] == "placed@v1: JOIN ON s.shop = k.shop"
    assert via["feature:visits@v1", "service:checkout@v1"] == "visits on customer_id=payer"


def test_aggregated_columns_are_direct_while_conditions_keys_and_times_are_indirect(shop: Definitions) -> None:
    assert into(shop, "feature:spend_trend@v1") == {
        "direct": {"orders.amount", "orders.fee"},
        "indirect": ROWS | {"orders.status", "orders.cust_id"},
    }
    assert into(shop, "feature:visits@v1") == {"indirect": ROWS | {"orders.shop", "orders.cust_id"}}


def test_a_feature_over_a_step_reads_its_columns_and_the_times_keys_and_ties_of_all_sources_below(
    shop: Definitions,
) -> None:
    # Columns that break ties get there by the step as well, and are not said again.
    assert into(shop, "feature:Habits.food@v1") == {
        "direct": {"placed@v1.twice"},
        "indirect": ROWS | {"placed@v1.region", "placed@v1.cust_id", "shops.shop"},
    }


def test_code_connects_all_to_all_and_says_so(shop: Definitions) -> None:
    everything = {f"orders.{column}?" for column in shop.find("source:orders").resolved.schema}  # type: ignore[union-attr]
    assert into(shop, "column:scored@v1.score") == {"direct": everything}
    assert into(shop, "column:scored@v1.cust_id") == {"direct": everything}


def test_an_as_of_join_is_opaque_as_long_as_its_columns_cannot_be_told(shop: Definitions) -> None:
    found = into(shop, "column:matched@v1.*")["direct"]
    assert {"orders.amount?", "shops.region?"} <= found


def test_no_chain_ends_at_a_step_that_does_not_say_what_it_gives(shop: Definitions) -> None:
    assert into(shop, "column:guessed@v1.*") == {"direct": {"scored@v1.cust_id?", "scored@v1.score?"}}
    assert into(shop, "column:over_code@v1.guess") == {"direct": {"guessed@v1.*?"}}
    reached = Graph(definition_edges(shop)).reached("guess", "upstream")
    assert {node for node in reached if node.startswith("column:orders.")} == {
        f"column:orders.{column}"
        for column in shop.find("source:orders").resolved.schema  # type: ignore[union-attr]
    }


def test_a_step_per_boundary_is_opaque_and_gives_what_it_declares_and_what_is_asked_of_it() -> None:
    customer = fs.Entity("customer", keys={"id": fs.Int64})
    columns = {"id": fs.Int64, "at": fs.Timestamp, "a": fs.Int64}
    rows = fs.Source("rows", table="rows", event_time="at", columns=columns)

    @fs.transformation(version="v1", time="per_boundary", event_time="day", columns={"total": fs.Int64})
    def daily(rows: fs.Rows) -> str:
        return "SELECT id, date_trunc('day', at) AS day, sum(a) AS total, max(a) AS top FROM {rows} GROUP BY ALL"

    @fs.feature(entity=customer, version="v1", every="1h")
    def f(daily: fs.Rows) -> fs.Value:
        return daily.top.mean(over="7d")

    definitions = define([rows, daily, f], {}, Settings())
    assert into(definitions, "feature:f@v1") == {
        "direct": {"daily@v1.top"},
        "indirect": {"daily@v1.day", "daily@v1.id?", "rows.at"},
    }
    for column in ("id", "day", "total", "top", "*"):
        assert into(definitions, f"column:daily@v1.{column}") == {"direct": {"rows.id?", "rows.at?", "rows.a?"}}


def test_values_of_features_flow_to_derived_and_on_demand_features_services_and_training_sets(
    shop: Definitions,
) -> None:
    assert into(shop, "feature:ratio@v1") == {"direct": {"feature:spend_trend@v1", "feature:Habits.food@v1"}}
    assert into(shop, "on_demand:over_usual@v1") == {"direct": {"feature:ratio@v1"}}
    assert into(shop, "service:checkout@v1") == {
        "direct": {"feature:visits@v1", "on_demand:over_usual@v1", "feature:guess@v1"}
    }
    label_rows = {"label:big@v1", "placed@v1.cust_id", "placed@v1.twice", "placed@v1.region"}
    assert into(shop, "training_set:churn@v1") == {"direct": label_rows | {"service:checkout@v1"}}
    assert into(shop, "training_set:alone@v1") == {
        "direct": label_rows | {"feature:visits@v1", "on_demand:over_usual@v1"}
    }


def test_a_label_is_its_column_while_keys_and_times_only_decide(shop: Definitions) -> None:
    # The region is in no row of the label; it decides between two equally new versions of a shop.
    indirect = ROWS | {"placed@v1.cust_id", "shops.shop", "shops.region"}
    assert into(shop, "label:big@v1") == {"direct": {"placed@v1.twice"}, "indirect": indirect}


def test_all_nodes_of_edges_are_known_and_so_are_columns_that_nothing_reads(shop: Definitions) -> None:
    edges, nodes = definition_edges(shop), definition_nodes(shop)
    assert {node for edge in edges for node in (edge.upstream, edge.downstream)} <= set(nodes)
    assert Graph(edges, nodes).downstream("shops.renamed_at", direct_only=True).node == "column:shops.renamed_at"


def test_the_same_definitions_have_the_same_edges_once_each_in_the_same_order(
    shop: Definitions, shop_reversed: Definitions
) -> None:
    edges = definition_edges(shop)
    assert definition_edges(shop_reversed) == edges
    assert len({(edge.upstream, edge.downstream, edge.kind) for edge in edges}) == len(edges)


def versions() -> Definitions:
    """Two versions of a step, the second made of the first."""
    customer = fs.Entity("customer", keys={"id": fs.Int64})
    rows = fs.Source("rows", table="rows", columns={"id": fs.Int64, "a": fs.Int64, "b": fs.Int64})

    @fs.transformation(version="v1", name="step")
    def first(rows: fs.Rows) -> str:
        return "SELECT id, a AS x FROM {rows}"

    @fs.transformation(version="v2", name="step")
    def second(rows: fs.Rows, step: Annotated[fs.Rows, fs.use(first)]) -> str:
        return "SELECT r.id, r.b + s.x AS x FROM {rows} AS r JOIN {step} AS s ON s.id = r.id"

    @fs.feature(entity=customer, version="v1", every="1h")
    def f(step: Annotated[fs.Rows, fs.use(second)]) -> fs.Value:
        return step.x.sum()

    return define([rows, first, second, f], {}, Settings())


def test_each_version_of_a_step_has_columns_of_its_own() -> None:
    definitions = versions()
    assert into(definitions, "column:step@v1.x") == {"direct": {"rows.a"}}
    assert into(definitions, "column:step@v2.x") == {
        "direct": {"rows.b", "step@v1.x"},
        "indirect": {"rows.id", "step@v1.id"},
    }
    assert into(definitions, "feature:f@v1") == {"direct": {"step@v2.x"}, "indirect": {"step@v2.id"}}


def test_nodes_can_be_asked_for_of_some_definitions_only() -> None:
    assert definition_nodes(versions(), {"transformation:step@v1", "feature:f@v1"}) == (
        "column:step@v1.id",
        "column:step@v1.x",
        "feature:f@v1",
    )


@pytest.fixture(scope="module")
def flights() -> tuple[LineageEdge, ...]:
    pytest.importorskip("ibis", reason="the example has an Ibis step: pip install 'featurestore[demo]'")
    return definition_edges(fs.open_project(FLIGHTS).definitions)


def test_the_visibility_of_the_weather_reaches_the_training_set_of_late_flights_directly(
    flights: tuple[LineageEdge, ...],
) -> None:
    lines = Graph(flights).downstream("weather.visib").lines
    assert [(line.depth, line.node, line.path) for line in lines] == [
        (0, "column:weather.visib", "direct"),
        (1, "feature:Weather.visib@v1", "direct"),
        (2, "service:delays@v1", "direct"),
        (3, "training_set:late_flights@v1", "direct"),
    ]


def test_in_the_flights_example_delays_are_values_and_cancellations_are_conditions(
    flights: tuple[LineageEdge, ...],
) -> None:
    graph = Graph(flights)
    delay = graph.reached("flights.arr_delay", "downstream")
    carrier = ("Carrier.carrier_delay_1d", "Carrier.carrier_worst", "carrier_late_share", "carrier_trend")
    assert [delay[f"feature:{name}@v1"] for name in carrier] == ["direct"] * 4
    cancelled = graph.reached("flights.cancelled", "downstream")
    assert cancelled["feature:Carrier.carrier_cancelled@v1"] == "indirect"
    assert cancelled["feature:Airport.cancelled@v1"] == "indirect"
    assert "feature:Carrier.carrier_delay_1d@v1" not in cancelled


def test_an_ibis_step_is_looked_into(flights: tuple[LineageEdge, ...]) -> None:
    found = {(edge.upstream, edge.kind) for edge in flights if edge.downstream == "column:flown@v1.made_up"}
    assert found == {
        ("column:flights.dep_delay", "direct"),
        ("column:flights.arr_delay", "direct"),
        ("column:flights.arr_delay", "indirect"),
    }
    assert not any(edge.opaque for edge in flights)


NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
STEPPED = {
    "order_id": fs.Int64,
    "customer_id": fs.Int64,
    "at": fs.Timestamp,
    "loaded": fs.Timestamp,
    "gone": fs.Bool,
    "amount": fs.Int64,
    "fee": fs.Int64,
    "status": fs.String,
    "shop": fs.Int64,
    "email": fs.String,
}
REGIONS = {"shop": fs.Int64, "region": fs.Int64, "note": fs.String}


def stepped() -> Definitions:
    """Features over a source, over a filter, and over a join, all with corrections."""
    customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
    times = {"event_time": "at", "created_time": "loaded"}
    orders = fs.Source("orders", table="orders", key="order_id", deleted="gone", columns=STEPPED, **times)  # type: ignore[arg-type]
    regions = fs.Source("regions", table="regions", key="shop", columns=REGIONS)

    @fs.transformation(version="v1")
    def paid(orders: fs.Rows) -> str:
        return "SELECT customer_id, amount - fee AS net, shop FROM {orders} WHERE status = 'a'"

    @fs.transformation(version="v1")
    def placed(paid: fs.Rows, regions: fs.Rows) -> str:
        return "SELECT p.customer_id, p.net, r.region FROM {paid} AS p LEFT JOIN {regions} AS r ON r.shop = p.shop"

    @fs.features(entity=customer, source=orders, version="v1", every="1h")
    class Raw:
        total = fs.sum("amount")
        newest = fs.last("shop")
        often = fs.count(where=fs.col("status") == "a")

    @fs.features(entity=customer, source=paid, version="v1", every="1h")
    class Paid:
        net = fs.sum("net")
        times = fs.count()

    @fs.features(entity=customer, source=placed, version="v1", every="1h")
    class Placed:
        region = fs.last("region")
        sites = fs.count("region", where=fs.col("net") > 0)

    return define([orders, regions, Raw, Paid, Placed], {}, Settings())


def some(name: str, chance: random.Random) -> Any:
    """Any of few values, so that rows are versions of each other, and many are equally new."""
    if name in {"at", "loaded"}:
        return NOON + timedelta(hours=chance.randrange(3))
    if name == "gone":
        return chance.random() < 0.2
    if name in {"status", "email", "note"}:
        return chance.choice("ab")
    return chance.randrange(3)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_source_column_changes_a_feature_is_upstream_of_it(seed: int, tmp_path: Path) -> None:
    definitions, chance = stepped(), random.Random(seed)  # noqa: S311 - the same rows in each run
    graph = Graph(definition_edges(definitions))
    schemas = {"orders": STEPPED, "regions": REGIONS}
    tables = {
        name: [{column: some(column, chance) for column in schema} for _ in range(25)]
        for name, schema in schemas.items()
    }
    refs = [str(one.ref) for one in definitions.of_kind("feature")]
    spine = [{"customer_id": id, "t": NOON + timedelta(hours=hours)} for id in range(3) for hours in (1, 5)]

    def values(given: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[Any]]:
        rows = compute(definitions.select(refs), spine, given, schemas, time="t", folder=tmp_path)
        return {ref: [row[ref.partition(".")[2].partition("@")[0]] for row in rows] for ref in refs}

    before, changes = values(tables), 0
    for table, schema in schemas.items():
        for column in schema:
            other = [{**row, column: some(column, chance)} for row in tables[table]]
            after = values({**tables, table: other})
            for ref in refs:
                if before[ref] != after[ref]:
                    changes += 1
                    assert f"column:{table}.{column}" in graph.reached(ref, "upstream"), ref
    assert changes > 20
