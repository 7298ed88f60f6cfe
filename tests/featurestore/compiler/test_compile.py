"""What shares a pass, what is refused and how it is said, keys, labels, boundaries."""

from collections.abc import Mapping
from typing import Annotated, Any

import pytest

from featurestore.compiler.compile import check_feature, compile_label, compile_values, tie_keys
from featurestore.compiler.printing import print_label_query, print_query
from featurestore.compiler.query import Hidden, KnownRows, Pass, Points, Query, SourceRows, StepRows
from featurestore.compiler.steps import is_hidden
from featurestore.compiler.vector import layout_of
from featurestore.definitions import expressions as fs
from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import Rows, Value
from featurestore.definitions.features import features
from featurestore.definitions.inputs import use
from featurestore.definitions.resolution import Definitions, Settings, define
from featurestore.definitions.resolved import StoredFeature
from featurestore.definitions.services import Label
from featurestore.definitions.sources import Source
from featurestore.definitions.transformations import transformation
from featurestore.definitions.types import (
    Array,
    Bool,
    Bytes,
    Date,
    Decimal,
    Float64,
    Int32,
    Int64,
    Schema,
    String,
    Timestamp,
)
from featurestore.errors import (
    ColumnTypeError,
    FeaturestoreError,
    MissingColumnError,
    NotSupportedError,
    TypeMismatchError,
)
from featurestore_duckdb.dialect import DuckDBDialect

SCHEMA: Schema = {
    "id": Int64,
    "customer_id": Int64,
    "at": Timestamp,
    "loaded": Timestamp,
    "day": Date,
    "gone": Bool,
    "n": Int64,
    "x": Float64,
    "city": String,
    "tags": Array[Int64],
}
customer = Entity("customer", keys={"customer_id": Int64})
orders = Source("orders", table="orders", event_time="at", created_time="loaded")
keyed = Source("keyed", table="keyed", event_time="at", created_time="loaded", key="id", deleted="gone")
untimed = Source("untimed", table="untimed", key="id")


def defined(*objects: object, schemas: Mapping[str, Schema] | None = None) -> Definitions:
    sources = [one.name for one in objects if isinstance(one, Source)]
    return define(
        objects, {**dict.fromkeys((*sources, "orders", "keyed", "untimed"), SCHEMA), **(schemas or {})}, Settings()
    )


def compiled(*objects: object, **schemas: Schema) -> Query:
    found = defined(*objects, schemas=schemas)
    return compile_values(layout_of(found.select([one for one in objects if not isinstance(one, Source)])))


def of(source: object, entity: Entity = customer, name: str = "Made", every: str = "1h", /, **values: Value) -> Any:
    """A class of features."""
    return features(entity=entity, source=source, every=every, version="v1")(type(name, (), values))


def passes(query: Query) -> list[int]:
    """How many aggregations each pass makes."""
    return [len(one.aggregates) for one in query.relations if isinstance(one, Pass)]


# --- passes ----------------------------------------------------------------------------------------------------------


def test_features_over_one_table_at_one_schedule_share_a_pass() -> None:
    made = of(orders, a=fs.sum("x", over="1d"), b=fs.count(over="7d"), c=fs.max("n", over="1h", where=fs.col("n") > 1))
    assert passes(compiled(made)) == [3]


def test_an_equal_aggregation_is_made_once() -> None:
    made = of(orders, a=fs.sum("x", over="1d"), b=fs.sum("x", over="1d") / fs.count(over="1d"))
    assert passes(compiled(made)) == [2]


def test_windows_and_whole_histories_are_different_passes() -> None:
    assert passes(compiled(of(orders, a=fs.sum("x", over="1d"), b=fs.sum("x")))) == [1, 1]


def test_a_ttl_is_a_window() -> None:
    assert passes(compiled(of(orders, a=fs.sum("x", over="1d"), b=fs.last("x", ttl="30d")))) == [2]


def test_schedules_roles_and_sources_are_different_passes() -> None:
    hourly, other = of(orders, a=fs.count()), of(untimed, b=fs.count())
    daily = of(orders, customer, "Daily", "1d", c=fs.count())
    renamed = hourly.a.on(customer_id="buyer").named("buyers")
    assert passes(compiled(hourly, daily, other, renamed)) == [1, 1, 1, 1]


def test_features_of_several_classes_share_rows_points_and_pass() -> None:
    first = of(orders, a=fs.count(over="1d"))
    second = of(orders, customer, "Second", b=fs.sum("x", over="7d"))
    query = compiled(first, second)
    assert passes(query) == [2]
    assert [type(one) for one in query.relations] == [SourceRows, KnownRows, Points, Pass]


def test_a_version_of_a_step_may_read_another_version_of_it() -> None:
    query = compiled(of(paid_twice, a=fs.count()), orders)
    names = [one.name for one in query.relations]
    assert sum(isinstance(one, StepRows) for one in query.relations) == 2
    assert len(set(names)) == len(names)


# --- what is refused -------------------------------------------------------------------------------------------------


@transformation(version="v1", name="paid")
def paid_once(orders: Rows) -> str:
    return "SELECT * FROM {orders} WHERE n > 0"


@transformation(version="v2", name="paid")
def paid_twice(before: Annotated[Rows, use(paid_once)]) -> str:
    return "SELECT * FROM {before} WHERE n > 1"


TOTALS = {"customer_id": Int64, "at": Timestamp, "n": Int64}


@transformation(version="v1", time="per_boundary", columns={"n": Int64})
def timeless(orders: Rows) -> str:
    return "SELECT customer_id, sum(n) AS n FROM {orders} GROUP BY customer_id"


@transformation(version="v1", time="per_boundary", event_time="n", columns={"n": Int64})
def misdated(orders: Rows) -> str:
    return "SELECT customer_id, sum(n) AS n FROM {orders} GROUP BY customer_id"


@transformation(version="v1", time="snapshot", event_time="at", key="nope", columns=TOTALS)
def keyless(orders: Rows) -> str:
    return "SELECT customer_id, max(at) AS at, sum(n) AS n FROM {orders} GROUP BY customer_id"


@transformation(version="v1")
def joined(orders: Rows, keyed: Rows) -> Any:
    return orders.asof_join(keyed, on="nobody")


@transformation(version="v1", engine="pandas", time="row_wise")
def undeclared(orders: Any) -> Any:
    return orders


@transformation(version="v1", engine="spark", time="row_wise", columns={"customer_id": Int64, "n": Int64})
def distributed(orders: Any) -> Any:
    return orders


@transformation(version="v1", engine="pandas", time="row_wise", columns={"customer_id": Int64, "n": Int64})
def crossed(orders: Any, keyed: Any) -> Any:
    return orders


@transformation(version="v1", time="per_boundary", event_time="at", columns=TOTALS)
def totals(orders: Rows) -> str:
    return "SELECT customer_id, max(at) AS at, sum(n) AS n FROM {orders} GROUP BY customer_id"


@transformation(version="v1")
def both(orders: Rows, totals: Rows) -> str:
    return "SELECT customer_id, at, n FROM {orders} UNION ALL SELECT customer_id, at, n FROM {totals}"


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (timeless, "timeless@v1 says time='per_boundary' and not which of its columns is the event time"),
        (misdated, "The event time of misdated@v1 is 'n', a Int64"),
        (keyless, "keyless@v1 declares 'nope', and gives no such column"),
        (joined, "joined@v1 joins on 'nobody', which orders does not have"),
        (undeclared, "undeclared@v1 is code on pandas frames and does not say which columns it gives"),
        (distributed, "distributed@v1 works on spark data frames"),
        (crossed, "crossed@v1 is row-wise and takes 2 tables with times: orders, keyed"),
        (both, "both@v1 puts rows that are made per boundary (totals) together with rows that are not"),
    ],
)
def test_a_step_that_cannot_be_computed_is_refused_by_name(step: Any, message: str) -> None:
    with pytest.raises(FeaturestoreError) as caught:
        compiled(of(step, a=fs.count()), orders, keyed)
    assert message in caught.value.message
    assert "test_compile.py" in (caught.value.where or "")


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (Source("odd", table="t", event_time="day"), ColumnTypeError, "is a Date"),
        (Source("odd", table="t", event_time="nope"), MissingColumnError, "no column 'nope'"),
        (Source("odd", table="t", event_time="city"), ColumnTypeError, "event_time of the source 'odd' is 'city'"),
        (Source("odd", table="t", event_time="at", created_time="day"), ColumnTypeError, "created_time"),
        (Source("odd", table="t", event_time="at", created_time="nope"), MissingColumnError, "'nope'"),
        (Source("odd", table="t", event_time="at", key="nope"), MissingColumnError, "'nope'"),
        (Source("odd", table="t", event_time="at", key="tags"), ColumnTypeError, "'tags', a Array[Int64]"),
        (Source("odd", table="t", event_time="at", key="id", deleted="nope"), MissingColumnError, "'nope'"),
        (Source("odd", table="t", event_time="at", key="id", deleted="n"), ColumnTypeError, "deleted"),
    ],
)
def test_a_sources_own_columns_are_there_and_of_their_types(
    source: Source, error: type[FeaturestoreError], message: str
) -> None:
    with pytest.raises(error) as caught:
        compiled(of(source, a=fs.count()), source)
    assert message in caught.value.message
    assert "test_compile.py" in (caught.value.where or "")


def test_a_date_is_an_event_time_where_it_is_said_when_it_is_known() -> None:
    dated = Source("dated", table="t", event_time="day", known_after="1d")
    assert passes(compiled(of(dated, a=fs.count()), dated)) == [1]


def test_a_source_column_that_is_named_like_a_hidden_one_is_refused() -> None:
    with pytest.raises(ColumnTypeError, match="'__Enter'"):
        compiled(of(orders, a=fs.count()), orders={**SCHEMA, "__Enter": Int64})


def test_every_hidden_name_is_known_as_one() -> None:
    names = [value for name, value in vars(Hidden).items() if name.isupper()]
    assert [name for name in [*names, Hidden.key(0)] if not is_hidden(name)] == []


def test_rows_of_sources_with_other_keys_do_not_go_into_one_table() -> None:
    texts = Source("texts", table="t", event_time="at", key="city")
    by_number, by_text = (table_of(one) for one in (keyed, texts))
    assert tie_keys(by_number) == (Int64,)
    assert tie_keys(by_text) == (String,)
    with pytest.raises(NotSupportedError, match="different key= columns"):
        compiled(of(mixed, a=fs.count()), keyed, texts)


def table_of(source: Source) -> Any:
    return defined(source).find(f"source:{source.name}").resolved


@transformation(version="v1")
def mixed(keyed: Rows, texts: Rows) -> str:
    return "SELECT customer_id FROM {keyed} UNION ALL SELECT customer_id FROM {texts}"


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "column", "fits"),
    [
        (Int64, Int64, True),
        (Int64, Int32, True),
        (Int32, Int64, True),
        (String, String, True),
        (Bytes, Bytes, True),
        (Date, Date, True),
        (Int64, Decimal(10, 0), False),
        (Int64, Float64, False),
        (Int64, String, False),
        (String, Bytes, False),
        (Date, Timestamp, False),
    ],
)
def test_integers_match_integers_of_any_width_and_nothing_else(key: Any, column: Any, fits: bool) -> None:
    entity = Entity("thing", keys={"thing_id": key})
    columns = {"at": Timestamp, "loaded": Timestamp, "thing_id": column}
    if fits:
        assert passes(compiled(of(orders, entity, a=fs.count()), orders=columns)) == [1]
        return
    with pytest.raises(ColumnTypeError, match=r"'thing_id' of thing is .*, and orders\.thing_id is"):
        compiled(of(orders, entity, a=fs.count()), orders=columns)


def test_a_key_that_is_not_there_lists_the_columns() -> None:
    with pytest.raises(MissingColumnError, match="no column for the key 'buyer'") as caught:
        compiled(of(orders, Entity("buyer", keys={"buyer": Int64}), a=fs.count()), orders)
    assert "customer_id" in (caught.value.hint or "")


def test_a_source_says_which_column_holds_a_key_and_a_step_may_rename_it() -> None:
    entity = Entity("buyer", keys={"buyer": Int64})
    bought = Source("bought", table="t", event_time="at", keys={"buyer": "customer_id"})
    made = compiled(of(bought, entity, a=fs.count()), bought)
    renamed = compiled(of(renaming, entity, a=fs.count()), bought)
    assert [one.keys for query in (made, renamed) for one in query.relations if isinstance(one, Pass)] == [
        (("buyer", "customer_id"),),
        (("buyer", "buyer"),),
    ]


@transformation(version="v1")
def renaming(bought: Rows) -> str:
    return "SELECT customer_id AS buyer FROM {bought}"


def test_a_feature_is_checked_without_a_spine() -> None:
    buyer = Entity("buyer", keys={"buyer": Int64})
    stored = defined(of(orders, buyer, a=fs.count())).find("Made.a").resolved
    assert isinstance(stored, StoredFeature)
    with pytest.raises(MissingColumnError, match="no column for the key 'buyer'"):
        check_feature(stored)


# --- labels ----------------------------------------------------------------------------------------------------------


def label(source: object, column: str = "n", **more: Any) -> Any:
    made = Label("churned", version="v1", source=source, column=column, entity=customer, **more)
    return defined(made, orders).find("label:churned").resolved


def test_a_label_is_compiled_as_of_a_time_and_ripe_rows_only() -> None:
    query = compile_label(label(keyed, matures_after="1h"), 7_200_000_000)
    text = print_label_query(query, DuckDBDialect())
    assert query.mature_before == 3_600_000_000
    assert "<= 7200000000" in text
    assert "<= 3600000000" in text


def test_a_label_over_a_step_is_compiled() -> None:
    assert list(compile_label(label(paid_once), 0).columns) == list(SCHEMA)


@pytest.mark.parametrize(
    ("source", "column", "error", "message"),
    [
        (untimed, "n", TypeMismatchError, "has no event time"),
        (orders, "nope", MissingColumnError, "'nope', which orders does not have"),
    ],
)
def test_a_label_needs_a_time_and_its_column(
    source: Source, column: str, error: type[FeaturestoreError], message: str
) -> None:
    with pytest.raises(error) as caught:
        compile_label(label(source, column), 0)
    assert message in caught.value.message


# --- size ------------------------------------------------------------------------------------------------------------


def test_a_statement_grows_with_the_number_of_its_features() -> None:
    def size(number: int) -> int:
        made = of(
            orders, **{f"f{one}": fs.sum("n", over=f"{one + 1}h", where=fs.col("n") > one) for one in range(number)}
        )
        return len(print_query(compiled(made), DuckDBDialect()))

    assert size(400) - size(300) == pytest.approx(size(300) - size(200), rel=0.1)
