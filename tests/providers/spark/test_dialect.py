"""What is printed for Spark means on Spark what the semantics say, however its session is set."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from featurestore.compiler.dialect import UNFIT
from featurestore.compiler.expressions import print_expression
from featurestore.compiler.printing.ordering import ordered
from featurestore.definitions import expressions as fs
from featurestore.definitions.types import Date, Decimal, Float64, Int32, Int64, String, Timestamp
from featurestore.errors import NotSupportedError, NumberOverflowError
from featurestore.testing.cases import Capabilities, Case, cases
from featurestore.testing.compare import same
from featurestore_spark.dialect import SparkDialect

pytestmark = [
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]

DIALECT = SparkDialect()
PRINTED = Capabilities(
    aggregations=frozenset({"last", "first", "count", "sum", "mean", "min", "max", "any", "all"}),
    derived=False,
    infinite_times=False,  # Spark has none
    types=frozenset({"Bool", "Int32", "Int64", "Float32", "Float64", "String", "Bytes", "Date", "Timestamp"}),
)


def test_cases_worked_out_by_hand_give_their_values(
    worked_out: tuple[Case, Mapping[str, Sequence[object]]], any_spark: Any, computed: Callable[..., Any]
) -> None:
    case, expected = worked_out
    found = computed(case, any_spark)
    wrong = [
        f"{name}, row {number}: {found[number][name]!r} instead of {value!r}"
        for name, values in expected.items()
        for number, value in enumerate(values)
        if not same(value, found[number][name])
    ]
    assert wrong == []


def test_a_sum_that_does_not_fit_is_an_error_in_every_mode(
    overflowing: Case, any_spark: Any, computed: Callable[..., Any]
) -> None:
    with pytest.raises(NumberOverflowError, match="units@"):
        computed(overflowing, any_spark)


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(case=cases(PRINTED))
def test_spark_agrees_with_the_oracle(case: Case, spark: Any, differences: Callable[..., list[str]]) -> None:
    assert differences(case, spark) == []


@pytest.mark.long
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases(PRINTED))
def test_spark_agrees_with_the_oracle_on_many_cases(
    case: Case, spark: Any, differences: Callable[..., list[str]]
) -> None:
    assert differences(case, spark) == []


def test_a_timestamp_without_zone_is_in_utc_in_every_session(any_spark: Any) -> None:
    for local in ("2024-03-10T02:30:00.000001", "2024-07-01T00:00", "1969-12-31T23:59:59.999999"):
        naive = datetime.datetime.fromisoformat(local)
        table = pa.table({"at": pa.array([naive, None], pa.timestamp("us"))})
        statement = f"SELECT {DIALECT.micros(DIALECT.cast('`at`', Timestamp), Timestamp)} AS found FROM t"
        found = any_spark.compute(statement, {"t": table}).column("found").to_pylist()
        since = naive.replace(tzinfo=datetime.UTC) - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        assert found == [since // datetime.timedelta(microseconds=1), None]


def test_text_means_itself_in_every_session(any_spark: Any) -> None:
    texts = ["plain", "it's", '"', "\\n", "\n", "${spark.app.name}", "`", "ä𝄞", "", "--", "/*"]
    columns = ", ".join(f"{DIALECT.literal(text, String)} AS c{number}" for number, text in enumerate(texts))
    found = any_spark.compute(f"SELECT {columns}", {}).to_pylist()
    assert list(found[0].values()) == texts


@pytest.mark.parametrize(
    ("expression", "right"),
    [
        (DIALECT.cast("n", Int32), 2**31 - 1),
        (DIALECT.cast("n", Decimal(10, 0)), 9_999_999_999),
        (DIALECT.computed("+", "n", "1L", Int64), 2**63 - 2),
        (DIALECT.computed("*", "n", "2L", Int64), 2**62 - 1),
        (DIALECT.negated("n", Int64), -(2**63) + 1),
    ],
)
def test_what_does_not_fit_is_an_error_in_every_mode(any_spark: Any, expression: str, right: int) -> None:
    wrong = -(2**63) if right < 0 else right + 1
    for value, fits in ((right, True), (None, True), (wrong, False)):
        table = pa.table({"n": pa.array([value], pa.int64())})
        if fits:
            (found,) = any_spark.compute(f"SELECT {expression} IS NULL AS found FROM t", {"t": table}).to_pylist()
            assert found == {"found": value is None}
        else:
            with pytest.raises(NumberOverflowError, match=UNFIT):
                any_spark.compute(f"SELECT {expression} AS found FROM t", {"t": table})


def test_a_day_begins_at_midnight_in_utc_in_every_session(any_spark: Any) -> None:
    table = pa.table({"day": pa.array([datetime.date(2024, 7, 1), datetime.date(1969, 12, 31), None])})
    statement = f"SELECT {DIALECT.midnight('day')} AS found, {DIALECT.micros('day', Date)} AS micros FROM t"
    found = any_spark.compute(statement, {"t": table}).to_pylist()
    days = [datetime.datetime(2024, 7, 1, tzinfo=datetime.UTC), datetime.datetime(1969, 12, 31, tzinfo=datetime.UTC)]
    assert [row["found"] for row in found] == [*days, None]
    assert [row["micros"] for row in found] == [1_719_792_000_000_000, -86_400_000_000, None]


def test_a_sum_of_decimals_fits_or_fails_in_every_mode(any_spark: Any) -> None:
    kind = Decimal(38, 2)
    wide = pa.table({"d": pa.array(["9" * 36 + ".00", "1.00"]).cast(pa.decimal128(38, 2))})
    statement = f"SELECT {DIALECT.summed('d', kind, '')} AS found FROM t"
    assert len(any_spark.compute(statement, {"t": wide.slice(1)}).to_pylist()) == 1
    assert any_spark.compute(statement, {"t": wide.slice(2)}).to_pylist() == [{"found": None}]
    with pytest.raises(NumberOverflowError, match=UNFIT):
        any_spark.compute(statement, {"t": wide})


def test_arithmetic_of_decimals_is_refused() -> None:
    with pytest.raises(NotSupportedError, match="Decimals"):
        DIALECT.computed("+", "a", "b", Decimal(38, 2))


def test_nan_is_told_from_null_and_from_numbers(any_spark: Any) -> None:
    table = pa.table({"x": pa.array([float("nan"), 1.0, None])})
    found = any_spark.compute(f"SELECT {DIALECT.is_nan('x')} AS found FROM t", {"t": table})
    assert found.column("found").to_pylist() == [True, False, None]


def test_a_function_that_has_no_spelling_is_refused() -> None:
    length = fs.col("s").length()
    with pytest.raises(NotSupportedError, match="length"):
        print_expression(length.node, lambda _: ("s", String), DIALECT)


def test_nan_is_the_greatest_and_null_the_smallest_where_ties_are_broken(any_spark: Any) -> None:
    table = pa.table({"x": pa.array([1.0, float("nan"), float("inf"), None, float("-inf")])})
    order = ordered(DIALECT, "x", Float64)
    chosen = [DIALECT.newest("x", order, ""), DIALECT.oldest("x", order, ""), DIALECT.oldest("x", order, "x < 2")]
    columns = ", ".join(f"{DIALECT.unboxed(f'({one})')} AS c{number}" for number, one in enumerate(chosen))
    (found,) = any_spark.compute(f"SELECT {columns} FROM t", {"t": table}).to_pylist()
    assert same([float("nan"), None, float("-inf")], list(found.values()))


def test_an_aggregation_that_cannot_be_said_is_refused(computed: Callable[..., Any], refused: Case) -> None:
    class Unreachable:
        dialect = DIALECT

    with pytest.raises(NotSupportedError, match="std"):
        computed(refused, Unreachable())
