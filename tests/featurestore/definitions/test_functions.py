"""What types expressions have, and which they refuse."""

import datetime
from decimal import Decimal
from typing import Any

import pytest

import featurestore as fs
from featurestore.definitions.functions import AGGREGATIONS, FUNCTIONS, type_of
from featurestore.definitions.nodes import Aggregate, Call, Column, FeatureValue
from featurestore.definitions.types import DataType
from featurestore.errors import MissingColumnError, TypeMismatchError

COLUMNS = {
    "b": fs.Bool,
    "i": fs.Int32,
    "n": fs.Int64,
    "f": fs.Float32,
    "x": fs.Float64,
    "d": fs.Decimal(10, 2),
    "s": fs.String,
    "y": fs.Bytes,
    "day": fs.Date,
    "t": fs.Timestamp,
    "a": fs.Array[fs.Int64],
}
b, i, n, f, x, d, s, y, day, t, a = map(fs.col, COLUMNS)
MORE = fs.Decimal(38, 2)


@pytest.mark.parametrize(
    ("expression", "data_type"),
    [
        (i + i, fs.Int64),
        (i + n, fs.Int64),
        (n + f, fs.Float64),
        (n - d, MORE),
        (d * d, fs.Decimal(38, 4)),
        (d / d, fs.Float64),
        (n / n, fs.Float64),
        (-i, fs.Int64),
        (1 - n, fs.Int64),
        (Decimal("0.125") * d, fs.Decimal(38, 5)),
        (n == x, fs.Bool),
        (b == a.is_null(), fs.Bool),
        (s < "a", fs.Bool),
        (day >= datetime.date(2024, 1, 1), fs.Bool),
        (t != datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), fs.Bool),
        (b & ~b | (n > 1), fs.Bool),
        (a.is_null(), fs.Bool),
        (i.fill_null(0), fs.Int32),
        (i.fill_null(0.5), fs.Float64),
        (f.fill_null(0.5), fs.Float32),
        (d.fill_null(Decimal("0.5")), fs.Decimal(10, 2)),
        (d.fill_null(Decimal("0.125")), fs.Decimal(38, 3)),
        (s.fill_null("?"), fs.String),
        (n.is_in([1, 2.5]), fs.Bool),
        (fs.when(b, i, i), fs.Int32),
        (fs.when(b, n, 0.5), fs.Float64),
        (b.cast(fs.Int32), fs.Int32),
        (n.cast(fs.Decimal(20, 0)), fs.Decimal(20, 0)),
        (day.cast(fs.Timestamp), fs.Timestamp),
        (s.cast(fs.String), fs.String),
        (i // n, fs.Int64),
        (7 % i, fs.Int64),
        (i.abs(), fs.Int64),
        (f.abs(), fs.Float64),
        (f.floor(), fs.Float64),
        (d.ceil(), fs.Decimal(9, 0)),
        (d.round(), fs.Decimal(11, 2)),
        (d.cast(fs.Decimal(38, 2)).round(1), MORE),
        (d.sqrt(), fs.Float64),
        (i.least(i), fs.Int32),
        (i.greatest(d, 1), MORE),
        (s.least("a"), fs.String),
        (f.is_nan(), fs.Bool),
        (y.length(), fs.Int64),
        (s.lower_ascii().strip("x").substring(0, 1).replace("a", ""), fs.String),
        (s.concat(s, "a"), fs.String),
        (s.contains("a") & s.starts_with(s) & s.ends_with(""), fs.Bool),
        (day.year() + t.day_of_year(), fs.Int64),
        (t.hour(), fs.Int64),
        (t.date().days_since(day), fs.Int64),
        (t.microseconds_since(day.cast(fs.Timestamp)), fs.Int64),
        (t.plus("1h").minus("1d").truncate("1w"), fs.Timestamp),
        (t.last().hour(), fs.Int64),
        (i.sum(), fs.Int64),
        (d.sum(), MORE),
        (f.sum(), fs.Float64),
        (d.mean(), fs.Float64),
        (s.max(), fs.String),
        (f.min(), fs.Float32),
        (n.std(), fs.Float64),
        (day.last(), fs.Date),
        (i.last_n(3), fs.Array[fs.Int32]),
        (a.first(), fs.Array[fs.Int64]),
        (a.count_distinct(), fs.Int64),
        (fs.count("s"), fs.Int64),
        (n.percentile(0.5), fs.Float64),
        (b.any() & b.all(), fs.Bool),
        (n.sum(where=s == "a") / fs.count(), fs.Float64),
    ],
    ids=lambda value: value.node.__class__.__name__ if hasattr(value, "node") else str(value),
)
def test_an_expression_has_a_type(expression: Any, data_type: DataType) -> None:
    assert type_of(expression.node, COLUMNS) == data_type


@pytest.mark.parametrize(
    "expression",
    [
        s + s,
        s + 1,
        s / s,
        b * b,
        b + b,
        day - day,
        -s,
        n == s,
        day == datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC),
        b < a.is_null(),
        a < fs.when(b, a, a),
        n & b,
        ~n,
        s.fill_null(0),
        n.is_in(["1"]),
        n.is_in([1, "2"]),
        fs.when(n, 1, 2),
        fs.when(b, 1, "2"),
        s.cast(fs.Int64),
        x.cast(fs.Int64),
        a.cast(fs.Array[fs.Int32]),
        d * d * d * d * d * d * d * d * d * d * d * d * d * d * d * d * d * d * d * d,
        x // 2,
        d % 2,
        b.abs(),
        s.abs(),
        n.floor(),
        n.round(1),
        x.round(1),
        s.sqrt(),
        a.least(a),
        b.greatest(b),
        s.least(1),
        n.is_nan(),
        d.is_nan(),
        n.length(),
        a.length(),
        y.lower_ascii(),
        y.strip(),
        y.contains(b"a"),
        s.starts_with(1),
        n.substring(0, 1),
        s.concat(n),
        n.replace("1", "2"),
        s.year(),
        n.month(),
        day.hour(),
        day.date(),
        day.plus("1d"),
        day.truncate("1w"),
        t.microseconds_since(day),
        t.days_since(t),
        t - t,
        s.sum(),
        b.max(),
        a.min(),
        t.mean(),
        n.any(),
        a.last_n(2),
        n.sum(where=n),
        n.sum(where=s.is_null() & n),
    ],
    ids=str,
)
def test_types_that_do_not_fit_are_refused(expression: Any) -> None:
    with pytest.raises(TypeMismatchError):
        type_of(expression.node, COLUMNS)


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        (x.round(1), "It takes a Decimal."),
        (x // 2, "(x / y).floor()"),
        (day.hour(), "A Date has no time of day."),
        (s + s, ".concat()"),
        (t - t, ".microseconds_since()"),
        (t.days_since(day), "Take the .date() of a Timestamp first."),
    ],
    ids=str,
)
def test_a_refusal_says_what_the_function_takes(expression: Any, hint: str) -> None:
    with pytest.raises(TypeMismatchError) as error:
        type_of(expression.node, COLUMNS)
    assert hint in str(error.value)


def test_a_constant_is_not_taken_from_a_column() -> None:
    with pytest.raises(TypeMismatchError, match="takes a constant"):
        type_of(Call("substring", (Column("s"), Column("n"), fs.lit(1).node)), COLUMNS)


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(MissingColumnError, match="amuont") as error:
        type_of(fs.col("amuont").sum().node, COLUMNS)
    assert "day" in str(error.value)


def test_a_derived_expression_has_the_types_of_its_features() -> None:
    assert type_of(FeatureValue("spend"), {}, {"spend": fs.Date}) == fs.Date


def test_every_aggregation_can_be_written_on_a_column_and_in_a_class() -> None:
    more: dict[str, tuple[Any, ...]] = {"last_n": (2,), "percentile": (0.5,)}
    for name in AGGREGATIONS:
        on_column = getattr(b if name in {"any", "all"} else n, name)(*more.get(name, ()), ago="1d")
        in_class = getattr(fs, name)("b" if name in {"any", "all"} else "n", *more.get(name, ()), ago="1d")
        assert isinstance(on_column.node, Aggregate)
        assert on_column.node == in_class.node
        assert on_column.node.function == name
        assert on_column.node.ago == 86_400_000_000
        type_of(on_column.node, COLUMNS)


def test_a_function_that_is_not_written_as_an_operator_says_its_name() -> None:
    assert all(function.text.count("{}") >= 1 for function in FUNCTIONS.values())
    assert type_of(Column("n"), COLUMNS) == fs.Int64
