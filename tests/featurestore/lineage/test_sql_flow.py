"""Columns through SQL steps, by hand and by changing what goes in."""

import functools
from collections import Counter
from collections.abc import Mapping
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import featurestore as fs
from featurestore.compiler.steps import analyze, with_hidden
from featurestore.definitions.fingerprints import Fingerprint
from featurestore.definitions.references import Ref
from featurestore.definitions.resolved import SourceTable, StepTable
from featurestore.definitions.types import Schema
from featurestore.lineage.sql_flow import Flow, InputColumn, sql_flow

PRINT = Fingerprint("0" * 64, "0" * 64)
ORDERS: Schema = {"n": fs.Int64, "Shop": fs.Int64, "paid": fs.Bool, "city": fs.String}
SHOPS: Schema = {"shop": fs.Int64, "size": fs.Int64, "open": fs.Bool}
SCHEMAS = {"orders": ORDERS, "shops": SHOPS}


def step_of(sql: str) -> StepTable:
    @fs.transformation(version="v1")
    def step(orders: fs.Rows) -> str:
        return sql

    sources = {
        "orders": fs.Source("orders", table="orders", event_time="at"),
        "shops": fs.Source("shops", table="shops"),
    }
    inputs = {
        name: SourceTable(source, Ref(name), SCHEMAS[name], PRINT)
        for name, source in sources.items()
        if f"{{{name}}}" in sql
    }
    return StepTable(step, Ref("step", "v1"), inputs, sql, None, "duckdb", PRINT)


def flow(sql: str) -> Flow:
    return sql_flow(analyze(step_of(sql)))


def cells(texts: Mapping[InputColumn, str]) -> str:
    return " ".join(sorted(f"{cell.parameter}.{cell.column}" for cell in texts))


BY_HAND: Mapping[str, tuple[str, dict[str, str], str]] = {
    "star": (
        "SELECT * FROM {orders}",
        {"n": "orders.n", "Shop": "orders.Shop", "paid": "orders.paid", "city": "orders.city"},
        "",
    ),
    "constants come from nowhere": ("SELECT TRUE AS t, n FROM {orders}", {"t": "", "n": "orders.n"}, ""),
    "all branches of a case": (
        "SELECT CASE WHEN paid THEN n ELSE length(city) END AS x FROM {orders}",
        {"x": "orders.paid orders.n orders.city"},
        "",
    ),
    "a lambda": (
        "SELECT CAST(list_transform([n], y -> y + shop) AS BIGINT[]) AS x FROM {orders}",
        {"x": "orders.n orders.Shop"},
        "",
    ),
    "an alias made of an alias": (
        "SELECT n + shop AS a, a + length(city) AS b FROM {orders}",
        {"a": "orders.n orders.Shop", "b": "orders.n orders.Shop orders.city"},
        "",
    ),
    "names change places": ("SELECT n AS shop, shop AS n FROM {orders}", {"shop": "orders.n", "n": "orders.Shop"}, ""),
    "a filter inside decides about all outside": (
        "SELECT x FROM (SELECT n AS x, city FROM {orders} WHERE paid) AS u WHERE length(u.city) > 1",
        {"x": "orders.n"},
        "orders.paid orders.city",
    ),
    "a union goes by position": (
        "SELECT n AS a, shop AS b FROM {orders} WHERE paid UNION ALL SELECT shop AS b, n AS a FROM {orders}",
        {"a": "orders.n orders.Shop", "b": "orders.Shop orders.n"},
        "orders.paid",
    ),
    "a join": (
        "SELECT o.n, s.size FROM {orders} AS o LEFT JOIN {shops} AS s ON s.shop = o.shop AND s.open",
        {"n": "orders.n", "size": "shops.size"},
        "shops.shop shops.open orders.Shop",
    ),
    "a join on equal names gives either": (
        "SELECT shop, n FROM {orders} JOIN {shops} USING (shop)",
        {"Shop": "orders.Shop shops.shop", "n": "orders.n"},
        "orders.Shop shops.shop",
    ),
    "a join to a filtered query": (
        "WITH s AS (SELECT shop, size FROM {shops} WHERE open) SELECT o.n FROM {orders} AS o, s WHERE s.size > o.n",
        {"n": "orders.n"},
        "shops.open shops.size orders.n",
    ),
    "a with of a with": (
        "WITH a AS (SELECT n + 1 AS m, shop FROM {orders} WHERE paid), b(x) AS (SELECT m FROM a) SELECT x FROM b",
        {"x": "orders.n"},
        "orders.paid",
    ),
}


@pytest.mark.parametrize(("sql", "columns", "rows"), BY_HAND.values(), ids=BY_HAND)
def test_columns_flow_as_checked_by_hand(sql: str, columns: Mapping[str, str], rows: str) -> None:
    found = flow(sql)
    expected = {name.lower(): " ".join(sorted(read.split())) for name, read in columns.items()}
    assert {name.lower(): cells(texts) for name, texts in found.columns.items()} == expected
    assert cells(found.rows) == " ".join(sorted(rows.split()))


def test_a_copy_says_how_the_column_was_made_that_it_copies() -> None:
    found = flow("WITH a AS (SELECT n + 1 AS m FROM {orders}) SELECT m AS k FROM a")
    assert found.columns == {"k": {InputColumn("orders", "n"): "n + 1"}}


def test_long_expressions_are_shortened() -> None:
    (texts,) = flow(f"SELECT {' + '.join(['n'] * 200)} AS m FROM {{orders}}").columns.values()
    (text,) = texts.values()
    assert text.startswith("n + n")
    assert len(text) == 80


NUMBERS = ("o.n", "o.shop", "o.n + o.shop", "CASE WHEN o.paid THEN o.n ELSE 7 END", "length(o.city)", "5")
JOINED = ("s.size", "coalesce(s.size, o.n)", "CASE WHEN s.open THEN o.n END")
CONDITIONS = ("o.paid", "o.n > 1", "length(o.city) > 1", "o.shop = o.n")
RELATIONS = (
    "{orders} AS o",
    "(SELECT * FROM {orders} WHERE n < 3) AS o",
    "(SELECT shop AS n, n AS shop, paid, city FROM {orders}) AS o",
    "(SELECT n, shop, paid, city FROM {orders} UNION ALL SELECT shop, n, NOT paid, city FROM {orders} WHERE paid) AS o",
    "kept AS o",
)
JOINS = ("", "JOIN {shops} AS s ON s.shop = o.shop", "LEFT JOIN {shops} AS s ON s.shop = o.shop AND o.paid")


@st.composite
def selects(draw: st.DrawFn) -> str:
    join = draw(st.sampled_from(JOINS))
    values = draw(st.lists(st.sampled_from((*NUMBERS, *JOINED) if join else NUMBERS), min_size=3, max_size=3))
    conditions = draw(st.lists(st.sampled_from((*CONDITIONS, "s.open") if join else CONDITIONS), max_size=2))
    projections = ", ".join(f"CAST({value} AS BIGINT) AS c{at}" for at, value in enumerate(values))
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {projections} FROM {draw(st.sampled_from(RELATIONS))} {join} {where}"


@st.composite
def steps(draw: st.DrawFn) -> str:
    parts = draw(st.lists(selects(), min_size=1, max_size=2))
    text = " UNION ALL ".join(parts)
    cte = "WITH kept AS (SELECT n, shop, paid, city FROM {orders} WHERE city <> 'a') "
    return cte + text if " kept " in text else text


VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "Int64": st.integers(0, 3),
    "Bool": st.booleans(),
    "String": st.sampled_from(["a", "bb", "ccc"]),
}


def tables(size: int) -> st.SearchStrategy[dict[InputColumn, list[Any]]]:
    return st.fixed_dictionaries(
        {
            InputColumn(parameter, column): st.lists(VALUES[kind.name], min_size=size, max_size=size)
            for parameter, schema in SCHEMAS.items()
            for column, kind in schema.items()
        }
    )


@functools.cache
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


SQL = {"Int64": "BIGINT", "Bool": "BOOLEAN", "String": "VARCHAR"}


def result(step: StepTable, data: Mapping[InputColumn, list[Any]]) -> dict[str, Counter[Any]]:
    """Column to how often it has each value."""
    for parameter in step.inputs:
        schema = SCHEMAS[parameter]
        columns = ", ".join(f'unnest(?::{SQL[kind.name]}[]) AS "{name}"' for name, kind in schema.items())
        values = [data[InputColumn(parameter, name)] for name in schema]
        connection().execute(f"CREATE OR REPLACE TABLE rows_{parameter} AS SELECT {columns}", values)
    text = with_hidden(analyze(step), {name: f"rows_{name}" for name in step.inputs}, [], "duckdb")
    found = connection().sql(text)
    lines = found.fetchall()
    return {name: Counter(line[at] for line in lines) for at, name in enumerate(found.columns)}


@settings(max_examples=60, deadline=None)
@given(sql=steps(), data=tables(5), others=tables(5))
def test_whatever_input_column_changes_an_output_column_flows_into_it(
    sql: str, data: dict[InputColumn, list[Any]], others: dict[InputColumn, list[Any]]
) -> None:
    step = step_of(sql)
    known = sql_flow(analyze(step))
    before = result(step, data)
    for cell, values in others.items():
        if cell.parameter not in step.inputs:
            continue
        after = result(step, {**data, cell: values})
        for column, counts in after.items():
            if counts != before[column]:
                assert cell in known.columns[column] or cell in known.rows
