"""What changes a fingerprint, and what does not."""

import copy
import dataclasses
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import featurestore as fs
from featurestore.definitions import nodes
from featurestore.definitions.code import canonical_function
from featurestore.definitions.documents import step_logic, stored_logic
from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import AsofJoin
from featurestore.definitions.features import Cadence, Feature, Selection
from featurestore.definitions.fingerprints import Fingerprint, canonical_json, node_document
from featurestore.definitions.inputs import Input
from featurestore.definitions.nodes import Aggregate, Call, Column, FeatureValue, Literal, Node
from featurestore.definitions.on_demand import OnDemand
from featurestore.definitions.origin import Origin, settle
from featurestore.definitions.resolution import Definitions, Settings, define
from featurestore.definitions.resolved import Schedule, StepTable, StoredFeature
from featurestore.definitions.services import FeatureService, Label, TrainingSet
from featurestore.definitions.sources import Binding, Source
from featurestore.definitions.transformations import Transformation
from featurestore.definitions.types import Bool, Float64, Int64, Schema, String, Timestamp

ORDERS: Schema = {
    "order_id": Int64,
    "customer_id": Int64,
    "ordered_at": Timestamp,
    "loaded_at": Timestamp,
    "gone": Bool,
    "amount": Float64,
    "category": String,
    "unread": String,
}
SCHEMAS: Mapping[str, Schema] = {"orders": ORDERS, "returns": ORDERS}
HOUR = 3_600_000_000

customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
shopper = fs.Entity("shopper", keys={"customer_id": fs.Int64})
orders = fs.Source(
    "orders",
    path="orders.parquet",
    event_time="ordered_at",
    created_time="loaded_at",
    key="order_id",
    deleted="gone",
    tags={"category": "public"},
)
returns = fs.Source("returns", path="returns.parquet", event_time="ordered_at")


@fs.transformation(version="v1")
def paid_orders(orders: fs.Rows) -> str:
    """Orders that were paid."""
    return f"SELECT * FROM {orders} WHERE category = 'paid'"


def _sent_orders(orders: fs.Rows) -> str:
    return f"SELECT * FROM {orders} WHERE category = 'sent'"


@fs.transformation(version="v1")
def matched(orders: fs.Rows, returns: fs.Rows) -> AsofJoin:
    """Orders with what came back before them."""
    return orders.asof_join(returns, on=["customer_id"])


@fs.feature(entity=customer, version="v1", every="1h")
def spend(paid_orders: fs.Rows) -> fs.Value:
    """All spending."""
    return paid_orders.amount.sum()


@fs.feature(entity=customer, version="v1", every="1h")
def largest(orders: fs.Rows) -> fs.Value:
    """The largest order."""
    return orders.amount.max(over="30d")


@fs.feature(entity=customer, version="v1")
def share(largest: fs.Value, spend: fs.Value) -> fs.Value:
    """The largest order as a part of all spending."""
    return largest / spend


@fs.features(entity=customer, source=orders, version="v1", every="1h")
class Habits:
    """What the customer usually does."""

    food = fs.sum("amount", over="30d", where=fs.col("category") == "food")
    count = fs.count(over=["7d", "30d"])


class Split(NamedTuple):
    """A ratio in two parts."""

    whole: int
    rest: float


@fs.on_demand(version="v1")
def ratio(amount: fs.Request[float], spend: float | None, at: fs.RequestTime) -> float | None:
    """This order against all spending."""
    return amount / spend if spend else None


@fs.on_demand(version="v1")
def split(amount: fs.Request[float]) -> Split:
    """The order in two parts."""
    return Split(int(amount), amount % 1)


checkout = fs.FeatureService("checkout", version="v1", features=[spend, Habits, ratio])
churned = fs.Label("churned", version="v1", source=orders, column="gone", entity=customer, matures_after="30d")
churn = fs.TrainingSet("churn", version="v1", label=churned, features=checkout)

EVERYTHING = (paid_orders, matched, spend, largest, share, Habits, ratio, split, checkout, churned, churn)


def defined(*objects: object, schemas: Mapping[str, Schema] = SCHEMAS, settings: Settings | None = None) -> Definitions:
    """The definitions of some objects."""
    return define(objects, schemas, settings or Settings())


def print_of(definition: Any, settings: Settings | None = None) -> Fingerprint:
    """The fingerprint of one definition; what it names is found in this module."""
    found = defined(definition, settings=settings)
    return next(one.fingerprint for one in found if (one.kind, one.ref.name) == (definition.kind, definition.name))


def changed(value: Any, field: str, to: object) -> Any:
    """A copy of a definition or a node in which one field is another."""
    if not isinstance(value, tuple(EXAMPLES)) or not hasattr(value, "origin"):
        return replace(value, **{field: to})
    made = copy.copy(value)
    settle(made, **{field: to})
    return made


# --- (a) the walk over all fields ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Exempt:
    """A field that is in neither fingerprint, and why."""

    why: str


@dataclass(frozen=True)
class Reader:
    """A field that is for readers: in the metadata and not in the logic; and another value of it."""

    to: object


@dataclass(frozen=True)
class Logic:
    """A field that may change values; another value of it, and the example to change if not the class's own."""

    to: object
    of: object = None


NAME = Exempt("what has a name is found by it; a fingerprint says what is found")
VERSION = Exempt("the version is the name under which a fingerprint is registered")
ORIGIN = Exempt("the same definition may be written anywhere")
SAID: Mapping[str, Exempt | Reader | Logic] = {
    "description": Reader("other"),
    "owner": Reader("other"),
    "tags": Reader(("other",)),
    "origin": ORIGIN,
}
VERSIONED: Mapping[str, Exempt | Reader | Logic] = {**SAID, "name": NAME, "version": VERSION}
TIMES: Mapping[str, Logic] = {
    "event_time": Logic("loaded_at"),
    "created_time": Logic("ordered_at"),
    "known_after": Logic(1),
}

sent = copy.copy(paid_orders)
settle(sent, function=_sent_orders)
stepped = copy.copy(paid_orders)  # one whose rows have times of their own
settle(stepped, time="per_boundary")
average = Aggregate("mean", Column("amount"), over=HOUR)
first_input, second_input, _ = ratio.inputs


def _other_ratio(amount: float, spend: float | None, at: object) -> float | None:
    return None if spend is None else amount / spend / 2


def _other_spend(paid_orders: fs.Rows) -> fs.Value:
    return paid_orders.amount.sum(over="1d")


EXAMPLES: Mapping[type, object] = {
    Entity: customer,
    Source: orders,
    Binding: orders.binding,
    Transformation: paid_orders,
    AsofJoin: AsofJoin("{orders}", "{returns}", ("customer_id",)),
    Feature: spend,
    Cadence: Cadence(HOUR),
    Schedule: Schedule(HOUR),
    Selection: Selection(spend),
    OnDemand: ratio,
    Input: first_input,
    FeatureService: checkout,
    Label: churned,
    TrainingSet: churn,
    Settings: Settings(cadence=Cadence(HOUR)),
    Column: Column("amount"),
    Literal: Literal(1, Int64),
    Call: Call("add", (Column("amount"), Literal(1, Int64))),
    FeatureValue: FeatureValue("spend"),
    Aggregate: average,
}

DECISIONS: Mapping[type, Mapping[str, Exempt | Reader | Logic]] = {
    Entity: {**SAID, "name": Logic("buyer"), "keys": Logic({"customer_id": String})},
    Source: {
        **SAID,
        **TIMES,
        "name": Logic("returns"),
        "binding": Exempt("where a source lies differs from target to target, and is recorded there"),
        "key": Logic(("order_id", "customer_id")),
        "deleted": Logic(None),
        "keys": Logic({"customer_id": "order_id"}),
        "columns": Logic({"ordered_at": fs.Date}),
        "tags": Reader({"category": ("private",)}),
    },
    Binding: dict.fromkeys(("path", "table", "query"), Exempt("the binding of a source is exempt")),
    Transformation: {
        **VERSIONED,
        "function": Logic(_sent_orders),
        "inputs": Logic((Input("orders", "rows", returns),)),
        "engine": Logic("pandas"),
        "time": Logic("snapshot"),
        "columns": Logic({"amount": Float64}),
        **{name: Logic(one.to, stepped) for name, one in TIMES.items()},
        "key": Logic(("order_id",), stepped),
    },
    AsofJoin: {"left": Logic("{returns}"), "right": Logic("{orders}"), "on": Logic(("order_id",))},
    Feature: {
        **VERSIONED,
        "entity": Logic(shopper),
        "function": Logic(_other_spend),
        "inputs": Logic((Input("paid_orders", "rows", orders),)),
        "expression": Logic(Habits.count["count_7d"].expression, Habits.food),
        "cadence": Logic(Cadence(2 * HOUR)),
        "group": Exempt("siblings change how values are stored, and none of the values"),
    },
    Cadence: dict.fromkeys(("every", "delay", "publish_within", "offset"), Logic(HOUR // 2)),
    Schedule: dict.fromkeys(("every", "delay", "publish_within", "offset"), Logic(HOUR // 2)),
    Selection: {"feature": Logic(largest), "roles": Logic((("customer_id", "friend"),)), "name": Logic("other")},
    OnDemand: {
        **VERSIONED,
        "function": Logic(_other_ratio),
        "inputs": Logic((first_input, second_input)),
        "outputs": Logic((("ratio", Int64),)),
    },
    Input: {
        "parameter": Logic("other"),
        "role": Logic("time"),
        "bound": Logic(largest, second_input),
        "type": Logic(Int64),
        "nullable": Logic(to=True),
    },
    FeatureService: {**VERSIONED, "features": Logic(checkout.features[::-1])},
    Label: {
        **VERSIONED,
        "source": Logic(paid_orders),
        "column": Logic("unread"),
        "entity": Logic(shopper),
        "matures_after": Logic(0),
    },
    TrainingSet: {
        **VERSIONED,
        "label": Logic(changed_label := copy.copy(churned)),
        "features": Logic(checkout.features[:1]),
        "service": Exempt("what the service selects is in `features`"),
        "drop_null_labels": Logic(to=True),
    },
    Settings: {
        "project": Exempt("a project is a namespace"),
        "dialect": Logic("spark"),
        "cadence": Logic(Cadence(2 * HOUR)),
        "owner": Reader("other"),
    },
    Column: {"name": Logic("other")},
    Literal: {"value": Logic(2), "type": Logic(fs.Int32)},
    Call: {"function": Logic("subtract"), "arguments": Logic((Column("amount"),)), "type": Logic(Int64)},
    FeatureValue: {"parameter": Logic("other")},
    Aggregate: {
        "function": Logic("sum"),
        "argument": Logic(Column("other")),
        "over": Logic(None),
        "ago": Logic(1),
        "where": Logic(Column("gone")),
        "ignore_nulls": Logic(to=True),
        "parameter": Logic(0.5),
        "ttl": Logic(1),
    },
}
settle(changed_label, matures_after=1)


def prints(value: Any) -> Fingerprint:
    """The fingerprint of a definition, or of a definition that is made of ``value``."""
    match value:
        case Settings():
            without = changed(spend, "cadence", Cadence())
            both = [print_of(without, value), print_of(paid_orders, value)]
            return Fingerprint(both[0].logic + both[1].logic, both[0].metadata + both[1].metadata)
        case Binding():
            return print_of(changed(orders, "binding", value))
        case AsofJoin():
            step = next(one.resolved for one in defined(matched) if isinstance(one.resolved, StepTable))
            code = canonical_function(matched.function)
            return Fingerprint(canonical_json(step_logic(matched, step.inputs, None, value, code, "duckdb")), "")
        case Cadence():
            return print_of(changed(spend, "cadence", replace(value, every=value.every or HOUR)))
        case Schedule():
            table = next(one.resolved for one in defined(largest, orders) if isinstance(one.resolved, StoredFeature))
            logic = stored_logic(customer, value, table.table, table.expression)
            return Fingerprint(canonical_json(logic), "")
        case Selection():
            return print_of(FeatureService("one", features=[value]))
        case Input():
            taken = tuple(value if value.parameter in {one.parameter, "other"} else one for one in ratio.inputs[:2])
            return print_of(changed(split if value.role == "request" else ratio, "inputs", taken))
        case Column() | Literal() | Call() | FeatureValue() | Aggregate():
            return Fingerprint(canonical_json(node_document(value)), "")
        case _:
            return print_of(value)


WALKED = [
    (kind, field.name) for kind in EXAMPLES if dataclasses.is_dataclass(kind) for field in dataclasses.fields(kind)
]


def test_the_walk_visits_every_class_that_a_definition_is_made_of() -> None:
    written = {Entity, Source, Transformation, Feature, OnDemand, FeatureService, Label, TrainingSet}
    assert written <= set(EXAMPLES)
    assert {getattr(nodes, name) for name in nodes.__all__ if isinstance(getattr(nodes, name), type)} <= set(EXAMPLES)


@pytest.mark.parametrize(("kind", "field"), WALKED, ids=lambda value: getattr(value, "__name__", value))
def test_each_field_is_in_the_logic_or_in_the_metadata_or_exempt_by_name(kind: type, field: str) -> None:
    decision = DECISIONS[kind].get(field)
    assert decision is not None, f"{kind.__name__}.{field}: decide whether it is in the logic, and say so here"
    if isinstance(decision, Exempt):
        return
    example = (decision.of if isinstance(decision, Logic) else None) or EXAMPLES[kind]
    before, after = prints(example), prints(changed(example, field, decision.to))
    if isinstance(decision, Logic):
        assert before.logic != after.logic
    else:
        assert before.logic == after.logic
        assert before.metadata != after.metadata


EXEMPT = [
    (Entity, "origin", Origin("elsewhere.py", 7)),
    (Source, "binding", Binding(table="shop.orders")),
    (Feature, "name", "spending"),
    (Feature, "version", "v2"),
    (Feature, "group", "together"),
    (Transformation, "version", "v2"),
    (OnDemand, "name", "quotient"),
    (FeatureService, "name", "till"),
    (TrainingSet, "service", None),
]


@pytest.mark.parametrize(("kind", "field", "to"), EXEMPT, ids=str)
def test_an_exempt_field_changes_neither_fingerprint(kind: type, field: str, to: object) -> None:
    assert isinstance(DECISIONS[kind][field], Exempt)
    example: Any = EXAMPLES[kind]
    made = changed(example, field, to)
    if kind is OnDemand:
        settle(made, outputs=(("quotient", Float64),))
    assert prints(made) == prints(example)


def test_no_decision_is_left_about_a_field_that_is_gone() -> None:
    assert {(kind, field) for kind, fields in DECISIONS.items() for field in fields} == set(WALKED)


# --- (b), (c) what a change reaches -------------------------------------------------------------------------------


def logics(objects: Iterable[object], schemas: Mapping[str, Schema] = SCHEMAS) -> dict[str, str]:
    """Kind and name to logic."""
    return {f"{one.kind}:{one.ref.name}": one.fingerprint.logic for one in defined(*objects, schemas=schemas)}


def differing(left: Mapping[str, str], right: Mapping[str, str]) -> set[str]:
    """The definitions whose logic differs."""
    assert set(left) == set(right)
    return {name for name in left if left[name] != right[name]}


def test_a_change_upstream_changes_everything_downstream_and_nothing_else() -> None:
    before = logics([paid_orders, spend, largest, share, ratio])
    other_spend = changed(spend, "inputs", (Input("paid_orders", "rows", sent),))
    uses_spend = changed(ratio, "inputs", (first_input, replace(second_input, bound=other_spend), ratio.inputs[2]))
    other_share = changed(share, "inputs", (share.inputs[0], Input("spend", "value", other_spend)))
    after = logics([sent, other_spend, largest, other_share, uses_spend])
    assert differing(before, after) == {
        "transformation:paid_orders",
        "feature:spend",
        "feature:share",
        "on_demand:ratio",
    }


def test_a_sibling_in_a_class_changes_no_other_feature_and_the_group() -> None:
    @fs.features(entity=customer, source=orders, version="v1", every="1h")
    class Habits:
        """The same, with one more."""

        drink = fs.sum("amount", over="1d")
        food = fs.sum("amount", over="30d", where=fs.col("category") == "food")
        count = fs.count(over=["7d", "30d"])

    (before, after) = (defined(which) for which in (globals()["Habits"], Habits))
    theirs = logics([globals()["Habits"]])
    assert theirs.items() <= logics([Habits]).items()
    assert before.groups[0].id != after.groups[0].id


# --- (d) columns ---------------------------------------------------------------------------------------------------


def with_columns(**columns: Any) -> Mapping[str, Schema]:
    """The schemas with other or further columns of the orders."""
    return {**SCHEMAS, "orders": {**ORDERS, **columns}}


def test_a_column_that_nobody_reads_changes_nothing() -> None:
    before = logics([paid_orders, spend, largest, share, Habits, checkout])
    assert logics([paid_orders, spend, largest, share, Habits, checkout], with_columns(new=String)) == before
    assert logics([paid_orders, spend, largest, share, Habits, checkout], with_columns(unread=Int64)) == before


def test_the_type_of_a_column_changes_what_reads_it_and_what_follows() -> None:
    objects = [paid_orders, spend, largest, share, Habits]
    changed_amount = differing(logics(objects), logics(objects, with_columns(amount=Int64)))
    assert changed_amount == {"feature:spend", "feature:largest", "feature:share", "feature:Habits.food"}
    changed_category = differing(logics(objects), logics(objects, with_columns(category=Int64)))
    assert changed_category == {
        "transformation:paid_orders",
        "feature:spend",
        "feature:share",
        "feature:Habits.food",
    }
    assert "source:orders" in differing(logics(objects), logics(objects, with_columns(loaded_at=fs.Date)))


def step(sql: str, **options: Any) -> Transformation[..., Any]:
    """A step that returns ``sql``."""

    def made(orders: fs.Rows) -> str:
        return sql

    return fs.transformation(version="v1", **options)(made)


@pytest.mark.parametrize(
    ("sql", "time"),
    [
        ("SELECT DISTINCT * FROM {orders}", "per_boundary"),
        ("SELECT o.* FROM {orders} o GROUP BY ALL", "snapshot"),
        ("SELECT * FROM {orders} UNION ALL SELECT * FROM {orders}", "row_wise"),
        ("FROM {orders}", "per_boundary"),
        ("SELECT max(COLUMNS('.*')) FROM {orders}", "row_wise"),
    ],
)
def test_a_new_column_changes_a_step_whose_rows_depend_on_which_columns_there_are(sql: str, time: Any) -> None:
    objects = [step(sql, time=time)]
    assert differing(logics(objects), logics(objects, with_columns(new=String))) == {"transformation:made"}


@pytest.mark.parametrize(
    ("sql", "time"),
    [
        ("SELECT * FROM {orders} WHERE amount * 2 > 3", "row_wise"),
        ("SELECT customer_id, count(*) AS n FROM {orders} GROUP BY customer_id", "per_boundary"),
        ("SELECT customer_id, amount FROM {orders} UNION ALL SELECT customer_id, 0 FROM {orders}", "row_wise"),
    ],
)
def test_a_new_column_does_not_change_a_step_that_names_its_columns_or_passes_rows_on(sql: str, time: Any) -> None:
    objects = [step(sql, time=time)]
    assert logics(objects) == logics(objects, with_columns(new=String))


def test_the_type_of_a_quoted_column_of_several_words_is_covered() -> None:
    objects = [step('SELECT "Net Amount" AS net FROM {orders}')]
    columns = {"Net Amount": Float64}
    assert differing(
        logics(objects, with_columns(**columns)), logics(objects, with_columns(**{"Net Amount": Int64}))
    ) == {"transformation:made"}


def test_a_step_in_python_reads_every_column() -> None:
    objects = [changed(paid_orders, "engine", "pandas")]
    assert differing(logics(objects), logics(objects, with_columns(new=String))) == {"transformation:paid_orders"}


# --- (e), (f) text, order, place ------------------------------------------------------------------------------------


def test_white_space_and_comments_in_sql_change_nothing_and_a_literal_does() -> None:
    plain = logics([step("SELECT * FROM {orders} WHERE category = 'food'")])
    spaced = step("SELECT *  -- all\n FROM\n\t{orders} /* the orders */ WHERE category='food'")
    assert logics([spaced]) == plain
    assert logics([step("SELECT * FROM {orders} WHERE category = 'fo od'")]) != plain


@pytest.mark.parametrize("seed", range(6))
def test_the_order_in_which_definitions_come_changes_nothing(seed: int) -> None:
    order = next(itertools.islice(itertools.permutations(EVERYTHING), seed * 99_991, None))
    left, right = defined(*EVERYTHING, returns, orders), defined(returns, *order, orders)
    assert [one.id for one in left] == [one.id for one in right]
    assert [one.fingerprint for one in left] == [one.fingerprint for one in right]
    assert [group.id for group in left.groups] == [group.id for group in right.groups]


def test_a_set_of_choices_has_one_fingerprint_in_every_process() -> None:
    names = [f"category {number}" for number in range(30)]
    (from_set, from_reversed) = (fs.col("a").is_in(chosen) for chosen in (set(names), frozenset(reversed(names))))
    assert node_document(from_set.node) == node_document(from_reversed.node)
    assert from_set.node == fs.col("a").is_in(sorted(names)).node


# --- (g) known fingerprints -----------------------------------------------------------------------------------------

KNOWN: Mapping[str, str] = {
    "entity:customer": "d77897938a2e1230ad5d1f0777e55cf824d571b6025e04a68a88953ae42d1c84",
    "source:orders": "7c96fb702da5c08d4cf13daa7cb8efd0a8d8449d44cfb8dbb73676e7f88d9f47",
    "transformation:paid_orders": "dd5ac856e5e6a72a83c5c686fb4af658104e069f06cae93ec7431e0a0df2a55b",
    "transformation:matched": "fa5abef619340ec895be1eb100c8eba1dfd1950bec1097656fa73b5c905d5ed7",
    "feature:spend": "12e4de1bd88466b87010c6495bab8aa24d73b79190deded1336a0dbdec6e3f92",
    "feature:share": "af06416b7e78a1a88894523d280fd83bd1b1f6513ce370691dc5b55109806dd8",
    "feature:Habits.food": "a75dddbfc0278f6fea9aa19e9eb5cd05120a41c676614bf6d2d8c988b00a4b45",
    "on_demand:ratio": "ee16399548afdda7b159d8d141e859615fb38a5bada9fb356088b07ef0720be6",
    "on_demand:split": "3957f539c10f383dae68f03f15f45be336665ee5c744952a7838993b24c4ab7c",
    "service:checkout": "ada21e5e49ed92e77af47cc531fc4920e73c54c65443af6a1f823de4a8a2b04b",
    "label:churned": "28d0dc70ff4eff94b0991db25ab1d379852700cc081444c68858358e49294e0d",
    "training_set:churn": "d1add0c25736f514981feb2de8eeb2d8ed919cccf7353ffc3db5590d7da25711",
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_fingerprint_is_what_it_was_under_any_version_of_any_library(name: str) -> None:
    found = {f"{one.kind}:{one.ref.name}": one.fingerprint.logic for one in defined(*EVERYTHING, returns, orders)}
    assert found[name] == KNOWN[name]


# --- (h) no two expressions share a document -------------------------------------------------------------------------

COLUMNS = st.sampled_from(["a", "b", "literal", "column"]).map(Column)
LITERALS = st.one_of(
    *(
        st.sampled_from(values).map(lambda value: fs.lit(value).node)
        for values in (
            [True, False],
            [0, 1, -1, 2**53 + 1],
            [1.0, 0.1, float("inf")],
            ["", "a", "1", "True", "null"],
            [b"", b"a", b"1"],
            [Decimal(1), Decimal("1.0"), Decimal("0.1")],
        )
    )
)
LEAVES: st.SearchStrategy[Any] = COLUMNS | LITERALS | st.sampled_from(["a", "b"]).map(FeatureValue)
TYPES = st.sampled_from([None, Int64, Float64, fs.Decimal(10, 1), fs.Array[Int64]])
LENGTHS = st.sampled_from([None, 1, HOUR])


def _above(below: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    calls = st.builds(
        Call, st.sampled_from(["add", "cast", "is_in"]), st.lists(below, min_size=1, max_size=3).map(tuple), TYPES
    )
    return calls | st.builds(
        Aggregate,
        st.sampled_from(["sum", "last", "count"]),
        st.none() | below,
        LENGTHS,
        st.sampled_from([0, 1, HOUR]),
        st.none() | below,
        st.booleans(),
        st.sampled_from([None, 0.5, 1.0, 2]),  # a number of rows or a share; 1 and 1.0 are never both possible
        LENGTHS,
    )


EXPRESSIONS = st.recursive(LEAVES, _above, max_leaves=4)


@given(EXPRESSIONS, EXPRESSIONS)
def test_two_different_expressions_never_share_a_document(left: Node, right: Node) -> None:
    assert (left == right) == (canonical_json(node_document(left)) == canonical_json(node_document(right)))


@given(EXPRESSIONS, st.data())
def test_an_expression_that_is_changed_in_one_place_has_another_document(node: Node, data: st.DataObject) -> None:
    if not isinstance(node, Call | Aggregate):
        return
    field = data.draw(st.sampled_from(dataclasses.fields(node)))
    other = data.draw(EXPRESSIONS.filter(lambda found: isinstance(found, type(node))))
    made = replace(node, **{field.name: getattr(other, field.name)})
    assert (node == made) == (node_document(node) == node_document(made))
