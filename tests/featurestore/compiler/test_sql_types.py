"""Types of the columns that a step's SQL gives."""

from collections.abc import Callable

import pytest

from featurestore.compiler.sql_types import sql_type
from featurestore.compiler.steps import analyze, with_hidden
from featurestore.definitions.resolved import StepTable
from featurestore.definitions.types import (
    Array,
    Bool,
    Bytes,
    DataType,
    Date,
    Decimal,
    Float32,
    Float64,
    Int32,
    Int64,
    String,
    Timestamp,
    Vector,
)
from featurestore.errors import MissingColumnError, TypeMismatchError

MakeStep = Callable[..., StepTable]


def type_of(expression: str, make_step: MakeStep, dialect: str = "duckdb") -> DataType:
    return analyze(make_step(f"SELECT {expression} AS x FROM {{orders}}", dialect=dialect)).columns["x"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("small", Int32),
        ("tags", Array[String]),
        ("(amount)", Float64),
        ("1", Int64),
        ("1.5", Float64),
        ("'a'", String),
        ("TRUE", Bool),
        ("small + small", Int64),
        ("small + n", Int64),
        ("n * 2", Int64),
        ("n + price", Decimal(38, 2)),
        ("price + price", Decimal(38, 2)),
        ("price * price", Decimal(38, 4)),
        ("price * amount", Float64),
        ("ratio + n", Float64),
        ("n - amount", Float64),
        ("-price", Decimal(10, 2)),
        ("abs(n)", Int64),
        ("nullif(n, 0)", Int64),
        ("coalesce(n, 0)", Int64),
        ("coalesce(n, 0.5)", Float64),
        ("coalesce(price, n)", Decimal(38, 2)),
        ("CASE WHEN paid THEN n END", Int64),
        ("CASE WHEN paid THEN n ELSE amount END", Float64),
        ("CASE WHEN paid THEN NULL ELSE city END", String),
        ("IF(paid, n, 0)", Int64),
        ("n > 1 AND city LIKE 'a%'", Bool),
        ("NOT paid", Bool),
        ("city IN ('a', 'b')", Bool),
        ("n IS NULL", Bool),
        ("upper(city) || '!'", String),
        ("length(city)", Int64),
        ("extract(year FROM at)", Int64),
        ("date_trunc('day', at)", Timestamp),
        ("CAST(n AS SMALLINT)", Int32),
        ("CAST(n AS DECIMAL(12, 3))", Decimal(12, 3)),
        ("TRY_CAST(city AS DATE)", Date),
        ("at::TIMESTAMPTZ", Timestamp),
        ("CAST(city AS BLOB)", Bytes),
        ("CAST(tags AS VARCHAR[])", Array[String]),
    ],
)
def test_the_type_of_what_is_certain_is_told(expression: str, expected: DataType, make_step: MakeStep) -> None:
    assert type_of(expression, make_step) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "round(amount, 1)",
        "n % 2",
        "at + INTERVAL 1 DAY",
        "date_trunc('day', day)",
        "CASE WHEN paid THEN n ELSE city END",
        "coalesce(city, n)",
        "greatest(n, 1)",
        "NULL",
        "tags[1]",
        "CAST(n AS HUGEINT)",
        "CAST(n AS UBIGINT)",
        "city + 1",
        "CAST(n AS DECIMAL(38, 20)) * CAST(n AS DECIMAL(38, 20))",
    ],
)
def test_what_is_not_certain_asks_for_a_declaration(expression: str, make_step: MakeStep) -> None:
    with pytest.raises(TypeMismatchError, match="The type of the column 'x'") as caught:
        type_of(expression, make_step)
    assert 'columns={"x": ' in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("dialect", "expression", "expected"),
    [
        ("duckdb", "n / 2", Float64),
        ("duckdb", "n / 2.0", Float64),
        ("postgres", "n / 2", Int64),
        ("postgres", "amount / 2", Float64),
        ("bigquery", "n / 2", Float64),
        ("spark", "n / 2", Float64),
        ("snowflake", "amount / 2", Float64),
    ],
)
def test_division_is_that_of_the_projects_dialect(
    dialect: str, expression: str, expected: DataType, make_step: MakeStep
) -> None:
    assert type_of(expression, make_step, dialect) == expected


def test_a_declared_column_is_cast_and_the_others_keep_their_types(make_step: MakeStep) -> None:
    step = make_step("SELECT n % 2 AS parity, n FROM {orders}", columns={"parity": Int32})
    analyzed = analyze(step)
    assert analyzed.columns == {"parity": Int32, "n": Int64}
    assert 'AS INT) AS "parity"' in with_hidden(analyzed, {"orders": "rows_orders"}, [], "duckdb")


def test_a_declared_column_that_is_not_given_is_named(make_step: MakeStep) -> None:
    with pytest.raises(MissingColumnError, match="declares the column 'm'") as caught:
        analyze(make_step("SELECT n FROM {orders}", columns={"m": Int64}))
    assert "It gives n" in (caught.value.hint or "")


def test_branches_of_a_union_agree_on_the_type_or_it_is_declared(make_step: MakeStep) -> None:
    sql = "SELECT n FROM {orders} UNION ALL SELECT amount FROM {refunds}"
    with pytest.raises(TypeMismatchError, match="'n'"):
        analyze(make_step(sql))
    assert analyze(make_step(sql, columns={"n": Float64})).columns == {"n": Float64}


def test_branches_of_different_width_are_refused(make_step: MakeStep) -> None:
    for sql in (
        "SELECT n, city FROM {orders} UNION ALL SELECT n FROM {refunds}",
        "SELECT n FROM {orders} UNION ALL SELECT n, city FROM {refunds}",
    ):
        with pytest.raises(TypeMismatchError, match="columns"):
            analyze(make_step(sql))


@pytest.mark.parametrize(
    ("data_type", "name"),
    [
        (Bool, "BOOLEAN"),
        (Int32, "INT"),
        (Int64, "BIGINT"),
        (Float32, "REAL"),
        (Float64, "DOUBLE"),
        (Decimal(10, 2), "DECIMAL(10, 2)"),
        (String, "TEXT"),
        (Bytes, "BLOB"),
        (Date, "DATE"),
        (Timestamp, "TIMESTAMPTZ"),
        (Array[Int64], "BIGINT[]"),
        (Vector[2], "REAL[]"),
    ],
)
def test_types_have_the_engines_names(data_type: DataType, name: str) -> None:
    assert sql_type(data_type).sql("duckdb") == name
