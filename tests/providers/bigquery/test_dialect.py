"""What is printed for BigQuery is GoogleSQL, and means there what the semantics say."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from featurestore.compiler.expressions import print_expression
from featurestore.compiler.printing.ordering import ordered
from featurestore.definitions import expressions as fs
from featurestore.definitions.types import Date, Decimal, Float32, Float64, Int32, Int64, String, Timestamp
from featurestore.errors import NotSupportedError, NumberOverflowError
from featurestore.testing.cases import Capabilities, Case, cases
from featurestore.testing.compare import same
from featurestore_bigquery.dialect import BigQueryDialect

DIALECT = BigQueryDialect()
PRINTED = Capabilities(
    aggregations=frozenset({"last", "first", "count", "sum", "mean", "min", "max", "any", "all"}),
    derived=False,
    infinite_times=False,  # BigQuery has none
    types=frozenset({"Bool", "Int32", "Int64", "Float64", "Decimal", "String", "Bytes", "Date", "Timestamp"}),
)
GOLDEN = Path(__file__).parents[2] / "featurestore" / "compiler" / "golden"
TIME = pa.timestamp("us", tz="UTC")
ORDERS = pa.schema(
    {
        "order_id": pa.int64(),
        "customer_id": pa.int64(),
        "at": TIME,
        "loaded": TIME,
        "gone": pa.bool_(),
        "amount": pa.float64(),
        "country": pa.string(),
    }
)
FLIGHTS = pa.schema(
    {
        "at": TIME,
        "origin": pa.string(),
        "dest": pa.string(),
        "delay": pa.float64(),
        "cancelled": pa.bool_(),
    }
)
SPINE = pa.schema(
    {
        "__row": pa.int64(),
        "__t": pa.int64(),
        "customer_id": pa.int64(),
        **dict.fromkeys(("airport_id", "origin", "dest"), pa.string()),
    }
)
TABLES = {
    "spine": SPINE,
    "source_flights": FLIGHTS,
    **dict.fromkeys(("source_orders", "source_loaded", "source_corrected"), ORDERS),
}


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.bigquery.sql")), ids=lambda path: path.name)
def test_golden_statements_are_googlesql(path: Path, google_sql: Any) -> None:
    google_sql.check(path.read_text(encoding="utf-8"), TABLES)


def test_a_statement_for_another_engine_is_refused(google_sql: Any) -> None:
    from zetasql.core.exceptions import ServerError

    with pytest.raises(ServerError):
        google_sql.check((GOLDEN / "last_with_ttl.sql").read_text(encoding="utf-8"), TABLES)


def test_cases_worked_out_by_hand_give_their_values(
    worked_out: tuple[Case, Mapping[str, Sequence[object]]], google_sql: Any, computed: Callable[..., Any]
) -> None:
    case, expected = worked_out
    found = computed(case, google_sql)
    wrong = [
        f"{name}, row {number}: {found[number][name]!r} instead of {value!r}"
        for name, values in expected.items()
        for number, value in enumerate(values)
        if not same(value, found[number][name])
    ]
    assert wrong == []


def test_a_sum_that_does_not_fit_is_an_error(overflowing: Case, google_sql: Any, computed: Callable[..., Any]) -> None:
    with pytest.raises(NumberOverflowError, match="units@"):
        computed(overflowing, google_sql)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(case=cases(PRINTED))
def test_googlesql_agrees_with_the_oracle(case: Case, google_sql: Any, differences: Callable[..., list[str]]) -> None:
    assert differences(case, google_sql) == []


@pytest.mark.long
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases(PRINTED))
def test_googlesql_agrees_with_the_oracle_on_many_cases(
    case: Case, google_sql: Any, differences: Callable[..., list[str]]
) -> None:
    assert differences(case, google_sql) == []


def test_a_datetime_is_refused_for_the_session_would_choose_its_zone(google_sql: Any) -> None:
    from zetasql.core.exceptions import ServerError

    statement = f"SELECT {DIALECT.cast('`at`', Timestamp)} AS found FROM t"
    google_sql.check(statement, {"t": pa.schema({"at": TIME})})
    with pytest.raises(ServerError, match="UNIX_MICROS"):
        google_sql.check(statement, {"t": pa.schema({"at": pa.timestamp("us")})})


def test_text_means_itself(google_sql: Any) -> None:
    texts = ["plain", "it's", '"', "\\n", "\n", "${x}", "`", "ä𝄞", "", "--", "/*", "\x00", "@p", "\u200b"]
    columns = ", ".join(f"{DIALECT.literal(text, String)} AS c{number}" for number, text in enumerate(texts))
    assert list(google_sql.compute(f"SELECT {columns}", {}).to_pylist()[0].values()) == texts


def test_a_name_may_hold_what_quotes_and_escapes_are_made_of(google_sql: Any) -> None:
    name = "a`b\\c"
    found = google_sql.compute(f"SELECT 1 AS {DIALECT.name(name)}", {})
    assert found.column_names == [name]


@pytest.mark.parametrize(
    ("expression", "right"),
    [
        (DIALECT.cast("n", Int32), 2**31 - 1),
        (DIALECT.cast("n", Decimal(10, 0)), 9_999_999_999),
        (DIALECT.computed("+", "n", "1", Int64), 2**63 - 2),
        (DIALECT.computed("*", "n", "2", Int64), 2**62 - 1),
        (DIALECT.negated("n", Int64), -(2**63) + 1),
    ],
)
def test_what_does_not_fit_is_an_error(google_sql: Any, expression: str, right: int) -> None:
    def computed(value: int | None) -> Any:
        table = pa.table({"n": pa.array([value], pa.int64())})
        return google_sql.compute(f"SELECT {expression} IS NULL AS found FROM t", {"t": table}).to_pylist()

    assert computed(right) == [{"found": False}]
    assert computed(None) == [{"found": True}]
    with pytest.raises(NumberOverflowError):
        computed(-(2**63) if right < 0 else right + 1)


def test_a_day_begins_at_midnight_in_utc(google_sql: Any) -> None:
    table = pa.table({"day": pa.array([datetime.date(2024, 7, 1), datetime.date(1969, 12, 31), None])})
    statement = f"SELECT {DIALECT.midnight('day')} AS found, {DIALECT.micros('day', Date)} AS micros FROM t"
    found = google_sql.compute(statement, {"t": table}).to_pylist()
    days = [datetime.datetime(2024, 7, 1, tzinfo=datetime.UTC), datetime.datetime(1969, 12, 31, tzinfo=datetime.UTC)]
    assert [row["found"] for row in found] == [*days, None]
    assert [row["micros"] for row in found] == [1_719_792_000_000_000, -86_400_000_000, None]


@pytest.mark.parametrize("sign", ["=", "<>", "<", "<=", ">", ">="])
def test_floats_compare_as_in_the_order_of_ties(sign: str, google_sql: Any) -> None:
    values = [None, float("-inf"), -0.0, 0.0, 1.5, float("inf"), float("nan")]
    pairs = [(left, right) for left in values for right in values]
    table = pa.table({"a": pa.array([a for a, _ in pairs]), "b": pa.array([b for _, b in pairs])})
    found = google_sql.compute(f"SELECT {DIALECT.compared(sign, 'a', 'b', Float64)} AS found FROM t", {"t": table})

    def rank(value: float) -> tuple[bool, float]:
        return (value != value, 0.0 if value != value else value)  # noqa: PLR0124 - NaN

    holds: Mapping[str, Callable[[Any, Any], bool]] = {
        "=": lambda a, b: a == b,
        "<>": lambda a, b: a != b,
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
    }
    wanted = [None if a is None or b is None else holds[sign](rank(a), rank(b)) for a, b in pairs]
    assert found.column("found").to_pylist() == wanted


def test_a_type_that_bigquery_lacks_is_refused() -> None:
    with pytest.raises(NotSupportedError, match="Float32"):
        DIALECT.type(Float32)


def test_nan_is_told_from_null_and_from_numbers(google_sql: Any) -> None:
    table = pa.table({"x": pa.array([float("nan"), 1.0, None])})
    found = google_sql.compute(f"SELECT {DIALECT.is_nan('x')} AS found FROM t", {"t": table})
    assert found.column("found").to_pylist() == [True, False, None]


def test_a_function_that_has_no_spelling_is_refused() -> None:
    length = fs.col("s").length()
    with pytest.raises(NotSupportedError, match="length"):
        print_expression(length.node, lambda _: ("s", String), DIALECT)


def test_nan_is_the_greatest_and_null_the_smallest_where_ties_are_broken(google_sql: Any) -> None:
    table = pa.table({"x": pa.array([1.0, float("nan"), float("inf"), None, float("-inf")])})
    order = ordered(DIALECT, "x", Float64)
    chosen = [DIALECT.newest("x", order, ""), DIALECT.oldest("x", order, ""), DIALECT.oldest("x", order, "x < 2")]
    columns = ", ".join(f"{DIALECT.unboxed(f'({one})')} AS c{number}" for number, one in enumerate(chosen))
    (found,) = google_sql.compute(f"SELECT {columns} FROM t", {"t": table}).to_pylist()
    assert same([float("nan"), None, float("-inf")], list(found.values()))


def test_integers_are_summed_in_a_type_that_no_sum_of_them_overflows() -> None:
    # The reference implementation adds in a wider type of its own, so that a result cannot tell.
    assert DIALECT.summed("n", Int64, "") == "SUM(CAST(n AS BIGNUMERIC))"


def test_an_aggregation_that_cannot_be_said_is_refused(computed: Callable[..., Any], refused: Case) -> None:
    class Unreachable:
        dialect = DIALECT

    with pytest.raises(NotSupportedError, match="std"):
        computed(refused, Unreachable())
