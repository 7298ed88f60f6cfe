"""Which SQL is row-wise, what a row-wise step does to hidden columns, and how everything else is refused."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from featurestore.compiler.scalar_functions import SCALAR_FUNCTIONS
from featurestore.compiler.steps import analyze, with_hidden
from featurestore.definitions.references import Ref
from featurestore.definitions.resolved import SourceTable, StepTable
from featurestore.definitions.sources import Source
from featurestore.definitions.types import Float64, Int64, Timestamp
from featurestore.errors import DefinitionError, LookAheadError, MissingColumnError, NotSupportedError

MakeStep = Callable[..., StepTable]
Lines = list[tuple[Any, ...]]

ROW_WISE = {
    "projection": "SELECT amount, n + 1 AS m FROM {orders}",
    "filter": "SELECT amount FROM {orders} WHERE city = 'b' AND n BETWEEN 2 AND 5 OR n IN (1, 2) AND NOT paid",
    "star": "SELECT * FROM {orders}",
    "qualified star": "SELECT o.*, o.n * 2 AS twice FROM {orders} AS o",
    "star without and with other columns": "SELECT * EXCLUDE (tags) REPLACE (n + 1 AS n) FROM {orders}",
    "from first": "FROM {orders} SELECT amount",
    "only from": "FROM {orders}",
    "comments": "SELECT amount -- what was paid\n/* of an order */ FROM {orders}",
    "capitals": 'SELECT AMOUNT, "City" FROM {orders} AS O WHERE o.N > 1',
    "case": "SELECT CASE WHEN n > 2 THEN 'many' ELSE 'few' END AS size, IF(n > 2, 1, 2) AS i FROM {orders}",
    "functions": "SELECT upper(city) AS c, coalesce(n, 0) AS m, CAST(round(amount, 1) AS DOUBLE) AS r, "
    "extract(hour FROM at) AS h, date_trunc('day', at) AS d, length(city) AS l FROM {orders}",
    "lists": "SELECT CAST(list_transform(tags, x -> x || city) AS VARCHAR[]) AS t FROM {orders}",
    "alias of a column before": "SELECT n + 1 AS m, m + 1 AS k FROM {orders}",
    "alias like a column": "SELECT amount AS n, n + 1 AS m FROM {orders}",
    "ctes": "WITH a AS (SELECT * FROM {orders}), b AS (SELECT n, amount FROM a WHERE n > 1) SELECT amount FROM b",
    "columns of a cte": "WITH a(x) AS (SELECT amount FROM {orders}) SELECT x FROM a",
    "subquery": "SELECT x FROM (SELECT amount AS x, n FROM {orders} WHERE n > 1) AS u WHERE n < 5",
    "columns of a subquery": "SELECT x FROM (SELECT amount FROM {orders}) AS u(x)",
    "parentheses": "(SELECT amount FROM {orders})",
    "union all": "SELECT n FROM {orders} UNION ALL SELECT n + 1 FROM {refunds}",
    "one input twice": "SELECT n FROM {orders} UNION ALL SELECT n + 1 FROM {orders}",
    "union all in a subquery": "SELECT n FROM (SELECT n FROM {orders} UNION ALL SELECT n FROM {refunds}) AS u",
    "a cte twice": "WITH a AS (SELECT n FROM {orders}) SELECT n FROM a UNION ALL SELECT n + 1 FROM a",
    "three branches": "SELECT n FROM {orders} UNION ALL SELECT n FROM {refunds} UNION ALL SELECT shop FROM {orders}",
    "join": "SELECT o.n, s.region FROM {orders} AS o JOIN {shops} AS s ON s.shop = o.shop",
    "left join": "SELECT o.n, s.region FROM {orders} AS o LEFT JOIN {shops} AS s ON s.shop = o.shop AND o.n > 2",
    "join on equal names": "SELECT n, shop, region FROM {orders} JOIN {shops} USING (shop)",
    "natural join": "SELECT n, shop, region FROM {orders} NATURAL JOIN {shops}",
    "cross join": "SELECT o.n, s.region FROM {orders} AS o CROSS JOIN {shops} AS s",
    "comma": "SELECT o.n, s.region FROM {orders} AS o, {shops} AS s WHERE o.shop = s.shop",
    "the untimed table first": "SELECT o.n, s.region FROM {shops} AS s JOIN {orders} AS o ON s.shop = o.shop",
    "two untimed tables": "SELECT o.n, a.region FROM {orders} AS o JOIN {shops} AS s ON s.shop = o.shop "
    "LEFT JOIN {areas} AS a ON a.region = s.region",
    "join to a subquery": "SELECT o.n, s.r FROM {orders} AS o JOIN (SELECT shop, region AS r FROM {shops}) AS s "
    "ON s.shop = o.shop",
    "join to a cte": "WITH s AS (SELECT shop, region FROM {shops}), o AS (SELECT n, shop FROM {orders}) "
    "SELECT o.n, s.region FROM o LEFT JOIN s ON s.shop = o.shop",
    "order without a limit": "SELECT n FROM {orders} ORDER BY amount, n DESC",
    "order by of a union": "SELECT n FROM {orders} UNION ALL SELECT n FROM {refunds} ORDER BY 1",
}


def lines(step: StepTable, until: int) -> Lines:
    """What the step gives, sorted, each row with its hidden event time, from the rows with one up to ``until``."""
    text = with_hidden(analyze(step), {name: f"rows_{name}" for name in step.inputs}, ["__e"], "duckdb")
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name, first in (("orders", 0), ("refunds", 100)):
        connection.execute(
            f"""CREATE VIEW rows_{name} AS SELECT i AS customer_id, make_timestamp(i)::TIMESTAMPTZ AS at,
            DATE '2024-05-01' + i::INTEGER AS day, i * 1.5::DOUBLE AS amount, (i * 1.25)::DECIMAL(10, 2) AS price,
            i::FLOAT AS ratio, i::INTEGER AS small, i AS n, chr((97 + i % 3)::INTEGER) AS city, i % 2 AS shop,
            i % 2 = 0 AS paid, ['x', 'y'] AS tags, {first} + i AS __e
            FROM range(6) AS r(i) WHERE {first} + i <= {until}"""
        )
    connection.execute(
        "CREATE VIEW rows_shops AS SELECT * FROM (VALUES (0, 'N'), (1, 'S'), (1, 'T')) AS v(shop, region)"
    )
    connection.execute("CREATE VIEW rows_areas AS SELECT * FROM (VALUES ('N', 'N'), ('S', 'S')) AS v(region, __key_0)")
    found = connection.sql(text).to_arrow_table()
    return sorted(zip(*(column.to_pylist() for column in found.columns), strict=True), key=repr)


@pytest.mark.parametrize("sql", ROW_WISE.values(), ids=ROW_WISE)
def test_what_a_step_gives_of_some_rows_is_that_part_of_what_it_gives_of_all(sql: str, make_step: MakeStep) -> None:
    step = make_step(sql)
    everything = lines(step, 1_000)
    assert everything
    for until in (-1, 0, 3, 5, 101, 103):
        assert lines(step, until) == [line for line in everything if line[-1] <= until]


NOT_ROW_WISE: Sequence[tuple[str, str]] = [
    ("SELECT city, sum(amount) AS s FROM {orders} GROUP BY city", "GROUP BY"),
    ("SELECT n FROM {orders} GROUP BY ALL", "GROUP BY"),
    ("SELECT n FROM {orders} GROUP BY 1", "GROUP BY"),
    ("SELECT n FROM {orders} HAVING max(n) > 1", "HAVING"),
    ("SELECT sum(amount) AS s FROM {orders}", "aggregates"),
    ("SELECT sum(amount) FILTER (WHERE n > 1) AS s FROM {orders}", "aggregates"),
    ("SELECT n + count(*) AS s FROM {orders}", "aggregates"),
    ("SELECT quantile_cont(amount, 0.5) AS s FROM {orders}", "aggregates"),
    ("SELECT CAST(list(n ORDER BY at) AS BIGINT[]) AS s FROM {orders}", "aggregates"),
    ("SELECT n FROM {orders} WHERE n = max(n)", "aggregates"),
    ("SELECT o.n FROM {orders} AS o JOIN {shops} AS s ON s.shop = max(o.n)", "aggregates"),
    ("SELECT my_own(n) AS s FROM {orders}", "MY_OWN"),
    ("SELECT main.my_own(n) AS s FROM {orders}", "MY_OWN"),
    ("SELECT CAST(product(n) AS DOUBLE) AS s FROM {orders}", "PRODUCT"),
    ("SELECT CAST(list_aggregate(tags, 'count') AS BIGINT) AS s FROM {orders}", "LIST_AGGREGATE"),
    ("SELECT sum(n) OVER () AS s FROM {orders}", "window"),
    ("SELECT lag(n) OVER (ORDER BY at) AS s FROM {orders}", "window"),
    ("SELECT n FROM {orders} WINDOW w AS (ORDER BY at)", "WINDOW"),
    ("SELECT n FROM {orders} QUALIFY row_number() OVER (PARTITION BY city ORDER BY at) = 1", "QUALIFY"),
    ("SELECT DISTINCT city FROM {orders}", "DISTINCT"),
    ("SELECT DISTINCT ON (city) city, n FROM {orders}", "DISTINCT"),
    ("SELECT n FROM {orders} LIMIT 5", "LIMIT"),
    ("SELECT n FROM {orders} ORDER BY at LIMIT 5", "LIMIT"),
    ("SELECT n FROM {orders} FETCH FIRST 5 ROWS ONLY", "LIMIT"),
    ("SELECT n FROM {orders} OFFSET 5", "OFFSET"),
    ("(SELECT n FROM {orders}) LIMIT 5", "LIMIT"),
    ("SELECT n FROM {orders} UNION ALL SELECT n FROM {refunds} LIMIT 5", "LIMIT"),
    ("SELECT n FROM {orders} UNION ALL (SELECT n FROM {refunds} LIMIT 5)", "LIMIT"),
    ("WITH a AS (SELECT n FROM {orders} LIMIT 5) SELECT n FROM a", "LIMIT"),
    ("SELECT n FROM (SELECT n FROM {orders} LIMIT 5) AS u", "LIMIT"),
    ("WITH a AS (SELECT sum(n) AS t FROM {orders}) SELECT n FROM {orders}", "aggregates"),
    ("SELECT n FROM {orders} USING SAMPLE 10%", "SAMPLE"),
    ("SELECT n FROM {orders} TABLESAMPLE (10 PERCENT)", "SAMPLE"),
    ("SELECT n FROM {orders} AS o TABLESAMPLE RESERVOIR (5)", "SAMPLE"),
    ("SELECT o.n FROM {orders} AS o JOIN {refunds} AS r ON o.n = r.n", "two timed"),
    ("SELECT o.n FROM {orders} AS o, {refunds} AS r", "two timed"),
    ("SELECT o.n FROM {orders} AS o JOIN {orders} AS p ON o.n = p.n", "two timed"),
    ("WITH a AS (SELECT n FROM {orders}) SELECT a.n FROM a JOIN a AS b ON a.n = b.n", "two timed"),
    ("SELECT o.n FROM {orders} AS o JOIN (SELECT n FROM {refunds}) AS r ON o.n = r.n", "two timed"),
    ("SELECT o.n FROM {orders} AS o RIGHT JOIN {shops} AS s ON s.shop = o.shop", "RIGHT JOIN"),
    ("SELECT o.n FROM {orders} AS o FULL JOIN {shops} AS s ON s.shop = o.shop", "FULL JOIN"),
    ("SELECT o.n FROM {shops} AS s LEFT JOIN {orders} AS o ON s.shop = o.shop", "LEFT JOIN"),
    ("SELECT n FROM {shops} LEFT JOIN {orders} USING (shop)", "LEFT JOIN"),
    ("SELECT o.n FROM {orders} AS o SEMI JOIN {shops} AS s ON s.shop = o.shop", "SEMI JOIN"),
    ("SELECT s.shop FROM {shops} AS s SEMI JOIN {orders} AS o ON s.shop = o.shop", "SEMI JOIN"),
    ("SELECT s.shop FROM {shops} AS s ANTI JOIN {orders} AS o ON s.shop = o.shop", "ANTI JOIN"),
    ("SELECT o.n FROM {orders} AS o ASOF JOIN {shops} AS s ON s.shop >= o.shop", "ASOF JOIN"),
    ("SELECT o.n FROM {orders} AS o POSITIONAL JOIN {shops} AS s", "POSITIONAL JOIN"),
    ("SELECT n FROM {orders} UNION SELECT n FROM {refunds}", "UNION"),
    ("SELECT n FROM {orders} UNION ALL BY NAME SELECT n FROM {refunds}", "BY NAME"),
    ("SELECT n FROM {orders} EXCEPT SELECT n FROM {refunds}", "EXCEPT"),
    ("SELECT n FROM {orders} EXCEPT ALL SELECT n FROM {refunds}", "EXCEPT"),
    ("SELECT n FROM {orders} INTERSECT SELECT n FROM {refunds}", "INTERSECT"),
    ("SELECT n FROM (SELECT n FROM {orders} UNION SELECT n FROM {refunds}) AS u", "UNION"),
    ("SELECT shop FROM {orders} UNION ALL SELECT shop FROM {shops}", "UNION ALL"),
    ("SELECT shop FROM (SELECT shop FROM {orders} UNION ALL SELECT shop FROM {shops}) AS u", "UNION ALL"),
    ("SELECT n FROM {orders} UNION ALL SELECT 1", "without FROM"),
    ("SELECT 1 AS n, (SELECT max(n) FROM {orders}) AS m", "without FROM"),
    ("SELECT n, (SELECT max(n) FROM {orders}) AS m FROM {orders}", "subquery"),
    ("SELECT (SELECT n) AS m FROM {orders}", "subquery"),
    ("SELECT n FROM {orders} WHERE n = (SELECT max(n) FROM {orders})", "subquery"),
    ("SELECT n FROM {orders} WHERE shop IN (SELECT shop FROM {shops})", "subquery"),
    ("SELECT n FROM {orders} AS o WHERE EXISTS (SELECT 1 FROM {orders} AS p WHERE p.n > o.n)", "subquery"),
    ("SELECT s.shop FROM {shops} AS s WHERE EXISTS (SELECT 1 FROM {orders})", "subquery"),
    ("SELECT o.n FROM {orders} AS o JOIN {shops} AS s ON s.shop IN (SELECT shop FROM {orders})", "subquery"),
    ("SELECT o.n FROM {orders} AS o JOIN {shops} AS s ON s.shop = ANY (SELECT shop FROM {orders})", "subquery"),
    ("SELECT n > ALL (SELECT n FROM {orders}) AS m FROM {orders}", "subquery"),
    ("SELECT ARRAY(SELECT n FROM {orders}) AS m FROM {orders}", "subquery"),
    ("SELECT n, UNNEST(tags) AS t FROM {orders}", "several rows"),
    ("SELECT n, t FROM {orders}, UNNEST(tags) AS u(t)", "neither an input"),
    ("SELECT n, generate_series(1, 3) AS t FROM {orders}", "GENERATE_SERIES"),
    ("SELECT n FROM {orders} CROSS JOIN LATERAL (SELECT 1 AS x) AS l", "neither an input"),
    ("SELECT n FROM {orders} AS o, LATERAL (SELECT max(n) AS m FROM {orders} AS p WHERE p.n = o.n) AS l", "neither an"),
    ("SELECT n, x FROM {orders}, (VALUES (1), (2)) AS v(x)", "neither an input"),
    ("SELECT n FROM ({orders})", "neither an input"),
    (
        "WITH RECURSIVE r AS (SELECT n FROM {orders} UNION ALL SELECT n + 1 AS n FROM r WHERE n < 9) SELECT n FROM r",
        "RECURSIVE",
    ),
    ("SELECT n FROM (WITH a AS (SELECT n FROM {orders}) SELECT n FROM a) AS u", "WITH inside"),
    ("SELECT * FROM {orders} PIVOT (sum(amount) FOR city IN ('a', 'b'))", "PIVOT"),
    ("SELECT * FROM {orders} UNPIVOT (v FOR k IN (shop, n))", "PIVOT"),
    ("SELECT n FROM {orders} AT (VERSION => 3)", "another version"),
    ("SELECT n FROM {orders} FOR UPDATE", "LOCKS"),
    ("SELECT x FROM {orders} AS o(x)", "COLUMNS"),
    ("SELECT CAST(o AS VARCHAR) AS everything FROM {orders} AS o", "is not known"),
    ("SELECT CAST(struct_pack(o) AS VARCHAR) AS everything FROM {orders} AS o", "is not known"),
    ("SELECT CAST(list_transform([1], x -> o) AS VARCHAR) AS everything FROM {orders} AS o", "is not known"),
    ("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {orders}", "COLUMNS"),
    ("SELECT max(COLUMNS(*)) FROM {orders}", "aggregates"),
    ("SELECT CAST([x + 1 FOR x IN [n]] AS BIGINT[]) AS m FROM {orders}", "is not known"),
    ("SELECT CAST(read_text('x') AS VARCHAR) AS m FROM {orders}", "READ_TEXT"),
]


@pytest.mark.parametrize(("sql", "reason"), NOT_ROW_WISE, ids=[sql for sql, _ in NOT_ROW_WISE])
def test_what_looks_beyond_its_row_is_refused_with_its_reason(sql: str, reason: str, make_step: MakeStep) -> None:
    with pytest.raises(LookAheadError) as caught:
        analyze(make_step(sql))
    assert reason in caught.value.message
    assert "step@v1" in caught.value.message
    assert caught.value.hint
    assert caught.value.where


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("bigquery", "SELECT AS STRUCT n FROM {orders}"),
        ("bigquery", "SELECT n, t FROM {orders}, UNNEST(tags) AS t"),
        ("bigquery", "SELECT ANY_VALUE(n) AS m FROM {orders}"),
        ("spark", "SELECT n, t FROM {orders} LATERAL VIEW explode(tags) AS t"),
        ("spark", "SELECT explode(tags) AS t FROM {orders}"),
        ("snowflake", "SELECT n, f.value AS v FROM {orders}, LATERAL FLATTEN(tags) AS f"),
        ("snowflake", "SELECT TOP 3 n FROM {orders}"),
        ("snowflake", "SELECT n FROM {orders} SAMPLE (10)"),
        ("postgres", "SELECT generate_series(1, n) AS m FROM {orders}"),
        ("postgres", "SELECT DISTINCT ON (n) n, city FROM {orders}"),
        ("oracle", "SELECT n FROM {orders} CONNECT BY n = PRIOR n"),
    ],
)
def test_other_dialects_look_no_further(dialect: str, sql: str, make_step: MakeStep) -> None:
    with pytest.raises(LookAheadError):
        analyze(make_step(sql, dialect=dialect))


def engine_functions(condition: str) -> list[str]:
    query = f"SELECT DISTINCT function_name FROM duckdb_functions() WHERE {condition} ORDER BY 1"
    found = [str(name) for (name,) in duckdb.connect().execute(query).fetchall()]
    return [name for name in found if name.isidentifier()]


MOVING = "stability <> 'CONSISTENT' AND function_name NOT IN ('error', 'stats', 'vector_type')"


@pytest.mark.parametrize("condition", ["function_type IN ('aggregate', 'window', 'pragma')", MOVING])
def test_no_aggregation_and_no_clock_of_the_engine_is_taken_for_a_function_of_one_row(
    condition: str, make_step: MakeStep
) -> None:
    names = engine_functions(condition)
    accepted = [
        f"{name}({arguments})"
        for name in names
        for arguments in ("", "n", "n, n", "n, n, n", "*")
        if _is_accepted(make_step(f"SELECT CAST({name}({arguments}) AS VARCHAR) AS x FROM {{orders}}"))
    ]
    assert len(names) > 10
    assert accepted == []


def _is_accepted(step: StepTable) -> bool:
    try:
        analyze(step)
    except DefinitionError:
        return False
    return True


def test_no_function_that_counts_as_one_of_a_row_is_another_kind_to_the_engine_or_to_the_parser() -> None:
    others = set(engine_functions(f"function_type IN ('aggregate', 'window', 'table', 'table_macro') OR {MOVING}"))
    scalar = set(engine_functions("function_type IN ('scalar', 'macro')"))
    assert SCALAR_FUNCTIONS & others - scalar == set()
    classes = [
        kind for kind in vars(exp).values() if isinstance(kind, type) and issubclass(kind, (exp.AggFunc, exp.UDTF))
    ]
    named = {name.lower() for kind in classes if issubclass(kind, exp.Func) for name in kind.sql_names()}
    assert SCALAR_FUNCTIONS & named == set()


@pytest.mark.parametrize(
    ("sql", "dialect"),
    [
        ("SELECT random() AS r FROM {orders}", "duckdb"),
        ("SELECT n FROM {orders} WHERE random() < 0.5", "duckdb"),
        ("SELECT n FROM {orders} ORDER BY random()", "duckdb"),
        ("SELECT o.n FROM {orders} AS o JOIN {shops} AS s ON random() < 0.5", "duckdb"),
        ("SELECT now() AS r FROM {orders}", "duckdb"),
        ("SELECT n FROM {orders} WHERE at < now() - INTERVAL 1 DAY", "duckdb"),
        ("SELECT current_date AS r FROM {orders}", "duckdb"),
        ("SELECT today() AS r FROM {orders}", "duckdb"),
        ("SELECT get_current_timestamp() AS r FROM {orders}", "duckdb"),
        ("SELECT current_localtimestamp() AS r FROM {orders}", "duckdb"),
        ("SELECT transaction_timestamp() AS r FROM {orders}", "duckdb"),
        ("SELECT CAST(age(at) AS VARCHAR) AS r FROM {orders}", "duckdb"),
        ("SELECT uuid() AS r FROM {orders}", "duckdb"),
        ("SELECT gen_random_uuid() AS r FROM {orders}", "duckdb"),
        ("SELECT uuidv7() AS r FROM {orders}", "duckdb"),
        ("SELECT nextval('s') AS r FROM {orders}", "duckdb"),
        ("SELECT txid_current() AS r FROM {orders}", "duckdb"),
        ("SELECT current_setting('TimeZone') AS r FROM {orders}", "duckdb"),
        ("SELECT getenv('HOME') AS r FROM {orders}", "duckdb"),
        ("SELECT current_user AS r FROM {orders}", "duckdb"),
        ("SELECT 'now'::TIMESTAMP AS r FROM {orders}", "postgres"),
        ("SELECT DATE 'today' AS r FROM {orders}", "postgres"),
        ("SELECT CURRENT_TIMESTAMP AS r FROM {orders}", "postgres"),
        ("SELECT LOCALTIMESTAMP AS r FROM {orders}", "postgres"),
        ("SELECT clock_timestamp() AS r FROM {orders}", "postgres"),
        ("SELECT statement_timestamp() AS r FROM {orders}", "postgres"),
        ("SELECT CURRENT_DATETIME() AS r FROM {orders}", "bigquery"),
        ("SELECT CURRENT_TIME() AS r FROM {orders}", "bigquery"),
        ("SELECT GENERATE_UUID() AS r FROM {orders}", "bigquery"),
        ("SELECT RAND() AS r FROM {orders}", "bigquery"),
        ("SELECT unix_timestamp() AS r FROM {orders}", "spark"),
        ("SELECT randn() AS r FROM {orders}", "spark"),
        ("SELECT SYSDATE() AS r FROM {orders}", "snowflake"),
        ("SELECT GETDATE() AS r FROM {orders}", "snowflake"),
        ("SELECT UUID_STRING() AS r FROM {orders}", "snowflake"),
        ("SELECT RANDOM() AS r FROM {orders}", "snowflake"),
        ("SELECT SEQ4() AS r FROM {orders}", "snowflake"),
        ("SELECT UNIFORM(1, 10, RANDOM()) AS r FROM {orders}", "snowflake"),
    ],
)
def test_clocks_chance_and_the_session_are_refused(sql: str, dialect: str, make_step: MakeStep) -> None:
    with pytest.raises(DefinitionError, match="gives another value each time") as caught:
        analyze(make_step(sql, dialect=dialect))
    assert not isinstance(caught.value, LookAheadError)


def test_the_time_between_two_columns_is_no_clock(make_step: MakeStep) -> None:
    step = make_step("SELECT date_diff('day', day, CAST(at AS DATE)) AS d FROM {orders}", columns={"d": Int64})
    assert analyze(step).columns == {"d": Int64}


@pytest.mark.parametrize(
    ("sql", "inputs", "message"),
    [
        ("SELECT n FROM {orders}, other", None, "reads the table 'other' directly"),
        ("SELECT n FROM orders", "", "reads the table 'orders' directly"),
        (
            "SELECT n FROM {orders} JOIN main.input_orders AS x USING (n)",
            None,
            "reads the table 'input_orders' directly",
        ),
        ("SELECT n FROM {orders}, 'file.parquet'", None, "directly"),
        ("SELECT n FROM {orders}, read_text('x')", None, "directly"),
        ("SELECT n FROM {orders}, range(3) AS g(x)", None, "directly"),
        ("SELECT n FROM {orders}, information_schema.tables", None, "directly"),
        ("SELECT n INTO x FROM {orders}", None, "directly"),
        ("SELECT n FROM {orders}, {refunds}", "orders", "{refunds}, which is no parameter"),
        ("SELECT n FROM {ORDERS}", "orders", "{ORDERS}, which is no parameter"),
        ("SELECT n FROM {orders}", "orders shops", "does not read its parameter shops"),
        ("SELECT n FROM {orders} -- {shops}", "orders shops", "does not read its parameter shops"),
        ("SELECT '{orders}' AS a FROM {orders}", None, "inside of a text"),
        ("SELECT n FROM {orders}; SELECT 1", None, "not one query"),
        ("INSERT INTO x SELECT n FROM {orders}", None, "not one query"),
        ("DROP TABLE {orders}", None, "not one query"),
        ("CREATE TABLE x AS SELECT n FROM {orders}", None, "not one query"),
        ("PIVOT {orders} ON city USING sum(amount)", None, "not one query"),
        ("", "orders", "not one query"),
        ("SELECT n FROM {orders} WHERE (n > 1", None, "cannot be read as duckdb"),
        ("SELECT n\nFROM {orders}\nWHERE WHERE", None, "line 3"),
        ("SELECT n, city AS n FROM {orders}", None, "two columns 'n'"),
        ("SELECT * FROM {orders} AS o JOIN {shops} AS s ON o.shop = s.shop", None, "two columns 'shop'"),
        ("SELECT n AS __e FROM {orders}", None, "'__e', which rows carry unseen"),
        ('SELECT n AS "__Enter" FROM {orders}', None, "'__Enter', which rows carry unseen"),
        ("SELECT n FROM (SELECT n, n AS __leave_0 FROM {orders}) AS u", None, "'__leave_0'"),
        ("SELECT __leave_0 AS n FROM {orders}", None, "'__leave_0'"),
        ("SELECT CAST(list_transform([1], x -> o.__leave_0) AS VARCHAR) AS t FROM {orders} AS o", None, "'__leave_0'"),
        ("SELECT __key_0 AS n FROM {orders}", None, "'__key_0'"),
        ("WITH input_orders AS (SELECT 1 AS n) SELECT n FROM {orders}", None, "calls a query 'input_orders'"),
        ("WITH Rows_x AS (SELECT n FROM {orders}) SELECT n FROM Rows_x", None, "calls a query 'Rows_x'"),
    ],
)
def test_what_is_no_query_over_its_parameters_is_refused(
    sql: str, inputs: str | None, message: str, make_step: MakeStep
) -> None:
    with pytest.raises(DefinitionError) as caught:
        analyze(make_step(sql, inputs=inputs))
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("SELECT nope FROM {orders}", "nope"),
        ("SELECT o.nope FROM {orders} AS o", "nope"),
        ("SELECT rowid FROM {orders}", "rowid"),
        ("SELECT n FROM {orders} WHERE nope > 1", "nope"),
        ("SELECT shop FROM {orders} AS o JOIN {shops} AS s ON o.shop = s.shop", "shop"),
        ("WITH a AS (SELECT n FROM a) SELECT o.n FROM {orders} AS o, a", "n"),
    ],
)
def test_a_column_that_is_missing_or_ambiguous_is_named_and_the_columns_are_listed(
    sql: str, named: str, make_step: MakeStep
) -> None:
    with pytest.raises(MissingColumnError) as caught:
        analyze(make_step(sql))
    assert named in caught.value.message
    assert "orders: customer_id, at, day" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("duckdb", "SELECT n // 2 AS m, city || '!' AS c, n::DOUBLE AS f FROM {orders}"),
        ("postgres", "SELECT n / 2 AS m, city || '!' AS c, n::float8 AS f FROM {orders}"),
        ("bigquery", "SELECT DIV(n, 2) AS m, CONCAT(city, '!') AS c, CAST(n AS FLOAT64) AS f FROM `{orders}`"),
        ("spark", "SELECT n DIV 2 AS m, concat(city, '!') AS c, double(n) AS f FROM {orders}"),
        ("snowflake", "SELECT FLOOR(n / 2)::BIGINT AS M, city || '!' AS C, n::DOUBLE AS F FROM {orders}"),
    ],
)
def test_the_projects_dialect_is_translated(dialect: str, sql: str, make_step: MakeStep) -> None:
    step = make_step(sql, dialect=dialect, columns={"m" if "AS m" in sql else "M": Int64})
    assert [name.lower() for name in analyze(step).columns] == ["m", "c", "f"]
    assert lines(step, 3) == [(0, "a!", 0.0, 0), (0, "b!", 1.0, 1), (1, "a!", 3.0, 3), (1, "c!", 2.0, 2)]


def test_what_the_engine_cannot_say_is_refused_instead_of_left_out(make_step: MakeStep) -> None:
    step = make_step("SELECT CAST(TO_CHAR(n, '999.9') AS VARCHAR) AS t FROM {orders}", dialect="snowflake")
    with pytest.raises(NotSupportedError, match="cannot be said in duckdb"):
        with_hidden(analyze(step), {"orders": "rows_orders"}, [], "duckdb")


def test_a_step_knows_whose_rows_it_gives(make_step: MakeStep) -> None:
    def carriers(sql: str) -> tuple[str, ...]:
        return analyze(make_step(sql)).carriers

    assert carriers("SELECT s.region FROM {shops} AS s JOIN {orders} AS o ON s.shop = o.shop") == ("orders",)
    assert carriers("SELECT n FROM {refunds} UNION ALL SELECT n FROM {orders}") == ("orders", "refunds")
    assert carriers("SELECT s.shop FROM {shops} AS s JOIN {areas} AS a ON a.region = s.region") == ("shops",)
    assert carriers("SELECT s.shop FROM {areas} AS a JOIN {shops} AS s ON a.region = s.region") == ("areas",)


def test_hidden_columns_come_from_the_carrier_alone(make_step: MakeStep) -> None:
    step = make_step("SELECT s.shop FROM {areas} AS a JOIN (SELECT shop, region FROM {shops}) AS s USING (region)")
    text = with_hidden(analyze(step), {"shops": "rows_shops", "areas": "rows_areas"}, ["__key_0"], "duckdb")
    hidden = [column.sql("duckdb") for column in sqlglot.parse_one(text, dialect="duckdb").find_all(exp.Column)]
    assert [column for column in hidden if "__key_0" in column] == ['"a"."__key_0"']


def test_columns_keep_the_capitals_with_which_they_are_written(make_step: MakeStep) -> None:
    step = make_step('SELECT *, n AS Total, amount AS "Grand Total" FROM {Mixed}', inputs="")
    source = Source("mixed", table="mixed", event_time="At")
    mixed = SourceTable(source, Ref("mixed"), {"At": Timestamp, "n": Int64, "Amount": Float64}, step.fingerprint)
    analyzed = analyze(replace(step, inputs={"Mixed": mixed}))
    assert list(analyzed.columns) == ["At", "n", "Amount", "Total", "Grand Total"]
    assert 'AS "Grand Total"' in with_hidden(analyzed, {"Mixed": "rows_mixed"}, [], "duckdb")
