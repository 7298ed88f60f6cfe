"""Expressions build trees, refuse what has no meaning, and never compute."""

import datetime
import zoneinfo
from collections.abc import Callable
from typing import Any

import pytest

import featurestore as fs
from featurestore.definitions.expressions import Values
from featurestore.definitions.fingerprints import digest, node_document
from featurestore.definitions.nodes import Aggregate, Call, Column, Literal, aggregates, columns_read
from featurestore.errors import DefinitionError, NameClashError, TypeMismatchError

DAY = 86_400_000_000
EAST = datetime.timezone(datetime.timedelta(hours=2))
a, b = fs.col("a"), fs.col("b")
total = fs.sum("a")
one = Literal(1, fs.Int64)


@pytest.mark.parametrize(
    ("expression", "function", "arguments"),
    [
        (a + 1, "add", (Column("a"), one)),
        (1 + a, "add", (one, Column("a"))),
        (a - 1, "subtract", (Column("a"), one)),
        (1 - a, "subtract", (one, Column("a"))),
        (1 * a, "multiply", (one, Column("a"))),
        (1 / a, "divide", (one, Column("a"))),
        (a // 1, "floor_divide", (Column("a"), one)),
        (1 // a, "floor_divide", (one, Column("a"))),
        (a % 1, "modulo", (Column("a"), one)),
        (1 % a, "modulo", (one, Column("a"))),
        (a.least(1, b), "least", (Column("a"), one, Column("b"))),
        (a.concat(b), "concat", (Column("a"), Column("b"))),
        (a.substring(1, 1), "substring", (Column("a"), one, one)),
        (a.strip(), "strip", (Column("a"), Literal(" ", fs.String))),
        (a.plus("1us"), "plus", (Column("a"), one)),
        (a.truncate(datetime.timedelta(microseconds=1)), "truncate", (Column("a"), one)),
        (-a, "negate", (Column("a"),)),
        (a == 1, "equal", (Column("a"), one)),
        (1 == a, "equal", (Column("a"), one)),  # noqa: SIM300 - the other way round is what is tested
        (a != b, "not_equal", (Column("a"), Column("b"))),
        (1 < a, "greater", (Column("a"), one)),  # noqa: SIM300
        (a <= 1, "less_equal", (Column("a"), one)),
        (a >= 1, "greater_equal", (Column("a"), one)),
        (True & a, "and", (Literal(True, fs.Bool), Column("a"))),
        (a | b, "or", (Column("a"), Column("b"))),
        (~a, "not", (Column("a"),)),
        (a.is_null(), "is_null", (Column("a"),)),
        (a.is_in([1, 1]), "is_in", (Column("a"), one, one)),
        (fs.when(a, 1, b), "if_else", (Column("a"), one, Column("b"))),
    ],
    ids=str,
)
def test_an_operator_makes_a_call_with_its_operands_in_order(expression: Any, function: str, arguments: Any) -> None:
    assert expression.node == Call(function, arguments)


@pytest.mark.parametrize(
    "same",
    [
        datetime.datetime(2024, 5, 1, 12),  # noqa: DTZ001 - naive is UTC
        datetime.datetime(2024, 5, 1, 12, fold=1),  # noqa: DTZ001
        datetime.datetime(2024, 5, 1, 14, tzinfo=EAST),
        datetime.datetime(2024, 5, 1, 8, tzinfo=zoneinfo.ZoneInfo("America/New_York")),
    ],
    ids=str,
)
def test_equal_instants_are_one_constant_with_one_identity(same: datetime.datetime) -> None:
    utc = a > datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)
    assert (a > same).node == utc.node
    assert digest(node_document((a > same).node)) == digest(node_document(utc.node))
    assert fs.lit(same).node.value.tzinfo is datetime.UTC  # type: ignore[union-attr]


def test_a_constant_is_of_the_sort_of_what_it_is_combined_with() -> None:
    assert isinstance(total + fs.lit(1), fs.Value)
    assert isinstance(fs.lit(1) + total, fs.Value)
    assert (fs.lit(1) - total).node == (1 - total).node
    assert (total > fs.lit(1)).node == (total > 1).node


REFUSED: dict[str, Callable[[], object]] = {
    "truth": lambda: bool(a),
    "and": lambda: a and b,
    "chained comparison": lambda: 1 < a < 5,
    "in": lambda: a in [b, b],
    "iteration": lambda: list(a),
    "iteration of rows": lambda: list(fs.Rows("orders")),
    "None": lambda: a == None,  # noqa: E711 - people write it
    "filling with None": lambda: a.fill_null(None),
    "row and aggregate": lambda: a + total,
    "aggregate and row": lambda: total + a,
    "choice of both": lambda: fs.when(a, total, 1),
    "condition in Python": lambda: fs.when(True, 1, 2),  # type: ignore[type-var]
    "no expression": lambda: a + object(),
    "condition of an aggregate": lambda: fs.sum("a", where=total > 1),  # type: ignore[call-overload]
    "condition as text": lambda: fs.sum("a", where="a > 1"),  # type: ignore[call-overload]
    "condition as truth": lambda: a.sum(where=True),  # type: ignore[arg-type]
    "an aggregate of an aggregate": lambda: fs.sum(total),  # type: ignore[call-overload]
    "no column": lambda: fs.sum(3),  # type: ignore[call-overload]
    "no column of first": lambda: fs.first(3),  # type: ignore[arg-type]
    "a column by number": lambda: fs.Rows("orders")[3],  # type: ignore[index]
    "is_in of a text": lambda: a.is_in("food"),
    "is_in of nothing": lambda: a.is_in([]),
    "cast to a text": lambda: a.cast("Int64"),  # type: ignore[arg-type]
    "cast to a Python type": lambda: a.cast(int),  # type: ignore[arg-type]
    "an integer of no type": lambda: a > 2**63,
    "the least of one": a.least,
    "a text of one": a.concat,
    "a negative position": lambda: a.substring(-1, 1),
    "a negative length": lambda: a.substring(0, -1),
    "a position in a column": lambda: a.substring(b, 1),  # type: ignore[arg-type]
    "a position beyond every text": lambda: a.substring(2**31 - 1, 1),
    "rounding to tens": lambda: a.round(-1),
    "rounding to a float": lambda: a.round(1.0),  # type: ignore[arg-type]
    "more digits than there are": lambda: a.round(39),
    "stripping nothing": lambda: a.strip(""),
    "stripping a column": lambda: a.strip(b),  # type: ignore[arg-type]
    "replacing nothing": lambda: a.replace("", "x"),
    "replacing by a column": lambda: a.replace("x", b),  # type: ignore[arg-type]
    "a negative length of time": lambda: a.plus(datetime.timedelta(-1)),
    "a length of time that is a number": lambda: a.minus(1),  # type: ignore[arg-type]
    "truncating to nothing": lambda: a.truncate("0s"),
    "a time before the year 1 in UTC": lambda: a > datetime.datetime(1, 1, 1, tzinfo=EAST),
    "an empty window": lambda: fs.sum("a", over="0s"),
    "an empty ttl": lambda: fs.last("a", ttl="0s"),
    "a negative window": lambda: fs.sum("a", over=datetime.timedelta(days=-1)),
    "a window as a number": lambda: fs.sum("a", over=7),  # type: ignore[call-overload]
    "a negative shift": lambda: fs.sum("a", ago="-1d"),
    "no windows": lambda: fs.sum("a", over=[]),
    "one window twice": lambda: fs.count(over=["7d", "1w"]),
    "one shift twice": lambda: fs.count(ago=["1d", "24h"]),
    "windows where one is meant": lambda: a.sum(over=["1d", "7d"]),  # type: ignore[arg-type]
    "ttl with over": lambda: fs.last("a", ttl="1d", over="1d"),
    "a share above one": lambda: fs.percentile("a", 95),
    "a share that is no number": lambda: fs.percentile("a", float("nan")),
    "last none": lambda: fs.last_n("a", 0),
    "last true": lambda: fs.last_n("a", True),
    "last one and a half": lambda: fs.last_n("a", 1.5),  # type: ignore[call-overload]
    "no attributes": fs.attributes,
    "one attribute twice": lambda: fs.attributes("a", "a"),
    "by of attributes": lambda: fs.attributes("a").by("b", [1]),
    "by of no values": lambda: fs.count().by("b", []),
    "by of a text": lambda: fs.count().by("b", "food"),
    "by of a number": lambda: fs.count().by(3, ["food"]),  # type: ignore[arg-type]
    "by of values that are named alike": lambda: fs.count().by("b", ["New York", "new-york"]),
    "by of one value twice": lambda: fs.count().by("b", [1, 1]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_meaning_is_refused(case: str) -> None:
    with pytest.raises(DefinitionError):
        REFUSED[case]()


def test_an_aggregation_says_its_window_shift_and_condition() -> None:
    node = fs.sum("a", over="7d", ago="1d", where=b > 1).node
    assert node == Aggregate("sum", Column("a"), over=7 * DAY, ago=DAY, where=(b > 1).node)
    assert fs.last("a", ttl="1d", ignore_nulls=True).node == Aggregate("last", Column("a"), ttl=DAY, ignore_nulls=True)
    assert fs.Rows("orders").count(over="1d").node == Aggregate("count", over=DAY) == fs.count(over="1d").node
    assert fs.count("a").node == Aggregate("count", Column("a"))


def test_columns_of_rows_are_found_by_attribute_and_by_name() -> None:
    rows = fs.Rows("orders")
    assert rows.amount.node == rows["amount"].node == Column("amount")
    assert rows["count"].node == Column("count")
    assert str(rows) == f"{rows}" == "{orders}"
    assert not hasattr(rows, "__array__")


def test_windows_and_shifts_in_lists_name_the_features() -> None:
    made = fs.sum("a", over=["7d", "30d"], ago=["0s", "1w"])
    assert isinstance(made, Values)
    assert list(made.names("spend")) == ["spend_ago0s_7d", "spend_ago0s_30d", "spend_ago7d_7d", "spend_ago7d_30d"]
    assert made.names("spend")["spend_ago7d_30d"].node == Aggregate("sum", Column("a"), over=30 * DAY, ago=7 * DAY)
    assert list(fs.count(over=["90m"]).names("n")) == ["n_1h30m"]
    assert list(fs.count(over=[datetime.timedelta(days=7)]).names("n")) == ["n_7d"]


def test_by_names_a_feature_after_each_value_and_filters_every_aggregation_in_it() -> None:
    made = (fs.sum("a", where=a > 0, over="7d") / fs.count(over="7d")).by("kind", ["Fast Food", "Toys!"])
    assert list(made.names("share")) == ["share_fast_food", "share_toys"]
    conditions = [found.where for found in aggregates(made.names("share")["share_toys"].node)]
    is_toys = (fs.col("kind") == "Toys!").node
    assert conditions == [Call("and", ((a > 0).node, is_toys)), is_toys]


def test_by_comes_before_the_shift_and_the_window_in_names() -> None:
    made = fs.count(over=["7d"], ago=["1d"]).by("kind", ["food", 3]).by("flag", [True])
    assert list(made.names("n")) == ["n_true_food_ago1d_7d", "n_true_3_ago1d_7d"]


def test_attributes_have_the_names_of_their_columns() -> None:
    made = fs.attributes("plan", "city", ttl="1d").fill_null("?")
    assert list(made.names("profile")) == ["plan", "city"]
    assert made.names("profile")["city"].node == fs.last("city", ttl="1d").fill_null("?").node


def test_columns_and_aggregations_are_found_once_each() -> None:
    node = (fs.sum(a * b, where=b > 0) / fs.sum(a * b, where=b > 0) + fs.count()).node
    assert columns_read(node) == ("a", "b")
    assert [found.function for found in aggregates(node)] == ["sum", "count"]


def test_expressions_are_no_keys_since_their_equality_is_an_expression() -> None:
    with pytest.raises(TypeError):
        {a: 1}  # noqa: B018


def test_two_values_of_one_name_are_a_clash() -> None:
    with pytest.raises(NameClashError, match="new_york"):
        fs.count().by("city", ["New York", "new york"])


def test_a_mixture_of_rows_and_aggregates_says_what_to_do() -> None:
    with pytest.raises(TypeMismatchError, match="Aggregate the column first"):
        total / a
