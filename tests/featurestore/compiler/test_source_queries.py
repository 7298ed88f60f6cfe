"""Queries of sources: which keep rows apart, and the same over the raw rows up to a time."""

import duckdb
import pytest

from featurestore.compiler.source_queries import keeps_rows_apart, limited
from featurestore_duckdb.dialect import DuckDBDialect

DUCKDB = DuckDBDialect()
RAW = """
    CREATE TABLE raw AS SELECT * FROM (VALUES
        (1, TIMESTAMPTZ '1970-01-01 00:00:10+00', TIMESTAMPTZ '1970-01-01 00:00:11+00', 1.0),
        (2, TIMESTAMPTZ '1970-01-01 00:00:20+00', TIMESTAMPTZ '1970-01-01 00:00:40+00', 2.0),
        (3, TIMESTAMPTZ '1970-01-01 00:00:30+00', TIMESTAMPTZ '1970-01-01 00:00:31+00', 4.0),
        (4, NULL, NULL, 8.0)) AS t(id, seen, loaded, x)
"""


@pytest.mark.parametrize(
    "query",
    [
        "SELECT a, b + 1 AS c FROM t WHERE a > 0",
        "SELECT * FROM (SELECT * FROM t) UNION ALL SELECT * FROM u",
        "WITH o AS (SELECT * FROM t) SELECT * FROM o;",
    ],
)
def test_projections_filters_and_unions_keep_rows_apart(query: str) -> None:
    assert keeps_rows_apart(query, DUCKDB)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT a, sum(b) FROM t GROUP BY a",
        "SELECT DISTINCT a FROM t",
        "SELECT a FROM t UNION SELECT a FROM u",
        "SELECT a, avg(b) OVER () FROM t",
        "SELECT * FROM t LIMIT 3",
        "SELECT * FROM t JOIN u USING (a)",
        "SELECT * FROM t WHERE a IN (SELECT a FROM u)",
        "SELECT a, (SELECT max(b) FROM u) FROM t",
        "SELECT a, some_function(b) FROM t",
        "this is no query",
    ],
)
def test_what_puts_rows_together_does_not_keep_them_apart(query: str) -> None:
    assert not keeps_rows_apart(query, DUCKDB)


@pytest.mark.parametrize(
    ("query", "limits", "expected"),
    [
        ("SELECT seen AS at, sum(x) OVER () AS total FROM raw", {"at": 20}, {11.0}),
        ("SELECT *, sum(x) OVER () AS total FROM raw AS r", {"seen": 20}, {11.0}),
        ("SELECT r.seen AS at, sum(r.x) OVER () AS total FROM raw r", {"at": 10}, {9.0}),
        ("SELECT seen AS at, loaded AS known, sum(x) OVER () AS total FROM raw", {"at": 20, "known": 20}, {9.0}),
        ("SELECT date_trunc('minute', max(seen)) AS at, sum(x) AS total FROM raw", {"at": 29}, {11.0}),
        ("SELECT seen + INTERVAL 1 DAY AS at, sum(x) OVER () AS total FROM raw", {"at": 20}, {11.0}),
        ("WITH o AS (SELECT seen AS s, x FROM raw) SELECT s AS at, sum(x) OVER () AS total FROM o", {"at": 20}, {11.0}),
        ("SELECT at, sum(x) OVER () AS total FROM (SELECT seen AS at, x FROM raw)", {"at": 20}, {11.0}),
        ("SELECT a.seen AS at, (SELECT sum(x) FROM raw) AS total FROM raw a JOIN raw b USING (id)", {"at": 20}, {11.0}),
    ],
)
def test_a_limited_query_sees_the_raw_rows_up_to_the_limit_and_those_without_a_time(
    query: str, limits: dict[str, int], expected: set[float]
) -> None:
    text = limited(query, {column: second * 1_000_000 for column, second in limits.items()}, DUCKDB)
    assert text is not None
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(RAW)
        rows = connection.execute(f"SELECT total FROM ({text})").fetchall()
    assert {row[0] for row in rows} == expected


@pytest.mark.parametrize(
    "query",
    [
        "SELECT coalesce(seen, loaded) AS at, x FROM raw",
        "SELECT seen AT TIME ZONE 'Europe/Berlin' AS at, x FROM raw",
        "SELECT seen - INTERVAL 1 DAY AS at, x FROM raw",
        "SELECT * FROM raw JOIN other USING (id)",
        "SELECT now() AS at, x FROM raw",
        "SELECT 1 AS at",
        "this is no query",
    ],
)
def test_a_time_of_unclear_origin_is_not_guessed(query: str) -> None:
    assert limited(query, {"at": 0}, DUCKDB) is None
