"""The queries that sources are bound to: whether they keep rows apart, and the same queries over fewer rows.

A source's query runs in the warehouse before anything is known of its rows. One that groups or ranks can stamp a row
with a time at which not all of it was known; read again over raw rows up to a time, it then gives another row.
"""

from collections.abc import Iterator, Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from featurestore.compiler.dialect import Dialect

__all__ = ["keeps_rows_apart", "limited"]

_MIXING = (
    exp.AggFunc,
    exp.Anonymous,  # it may aggregate
    exp.Distinct,
    exp.Except,
    exp.Exists,
    exp.Group,
    exp.Having,
    exp.Intersect,
    exp.Join,
    exp.Limit,
    exp.Offset,
    exp.Pivot,
    exp.Qualify,
    exp.Window,
)
"""What can make a row out of several."""

_KEEPING = (
    exp.Alias,
    exp.AnyValue,
    exp.Cast,
    exp.DateTrunc,
    exp.First,
    exp.IgnoreNulls,
    exp.Last,
    exp.Max,
    exp.Min,
    exp.Paren,
    exp.TimestampTrunc,
    exp.Window,
)
"""What may stand between a raw time and the time that a query makes of it: it is still a time on the same clock."""


class _UntracedError(Exception):
    """It cannot be told from which column of which table a column comes. Never leaves this module."""


def keeps_rows_apart(query: str, dialect: Dialect) -> bool:
    """Whether each row of a source's query is made of one row; False also where that cannot be told."""
    try:
        parsed = sqlglot.parse_one(query, dialect=dialect.sqlglot)
    except SqlglotError:
        return False
    nested = any(found is not parsed and isinstance(found.parent, _PLACES) for found in parsed.find_all(exp.Query))
    distinct = any(found.args.get("distinct") for found in parsed.find_all(exp.Union))
    return isinstance(parsed, exp.Query) and not nested and not distinct and parsed.find(*_MIXING) is None


_PLACES = (exp.Condition, exp.In, exp.Alias)
"""Where a query is a value, and not a table."""


def limited(query: str, limits: Mapping[str, int], dialect: Dialect) -> str | None:
    """The query over those raw rows only whose times are within limits.

    Args:
        query: A source's query.
        limits: Columns of the query that hold times, each with the latest time that the raw column behind it may have,
            in microseconds. A raw row without a time stays.
        dialect: In which the query is written.

    Returns:
        None where it cannot be told from which raw column a time comes, or where it is not just cut or chosen from one.
    """
    try:
        parsed = sqlglot.parse_one(query, dialect=dialect.sqlglot)
        if not isinstance(parsed, exp.Query):
            return None
        found = [(place, limit) for column, limit in limits.items() for place in _origins(parsed, column, parsed)]
    except (SqlglotError, _UntracedError):
        return None
    wanted: dict[str, dict[str, int]] = {}
    for (table, column), limit in found:
        of_table = wanted.setdefault(_bare(table).sql(dialect.sqlglot), {})
        of_table[column] = min(limit, of_table.get(column, limit))
    for table in list(parsed.find_all(exp.Table)):
        bare = _bare(table).sql(dialect.sqlglot)
        if bare in wanted:
            table.replace(_cut(table, bare, wanted[bare], dialect))
    return parsed.sql(dialect.sqlglot)


def _bare(table: exp.Table) -> exp.Table:
    """A table without its alias and without what is joined to it."""
    found = table.copy()
    for part in ("alias", "joins"):
        found.set(part, None)
    return found


def _cut(table: exp.Table, bare: str, limits: Mapping[str, int], dialect: Dialect) -> exp.Expr:
    """Stands for a table with the rows within limits, under the same name."""
    kept = " AND ".join(
        f"({dialect.name(column)} IS NULL OR {dialect.name(column)} <= {dialect.timestamp(str(limit))})"
        for column, limit in limits.items()
    )
    inner = sqlglot.parse_one(f"SELECT * FROM {bare} WHERE {kept}", dialect=dialect.sqlglot)
    named = exp.TableAlias(this=exp.to_identifier(table.alias_or_name or "raw", quoted=True))
    return exp.Subquery(this=inner, alias=named, joins=table.args.get("joins"))


def _origins(query: exp.Expr, column: str, root: exp.Expr) -> Iterator[tuple[exp.Table, str]]:
    """The tables and raw columns that a column of ``query`` is made of; ``root`` has the WITH that it may name."""
    match query:
        case exp.Subquery():
            yield from _origins(query.this, column, root)
        case exp.Union():
            yield from _origins(query.left, column, root)
            yield from _origins(query.right, column, root)
        case exp.Select():
            yield from _of_select(query, column, root)
        case _:
            raise _UntracedError


def _of_select(select: exp.Select, column: str, root: exp.Expr) -> Iterator[tuple[exp.Table, str]]:
    source = select.args.get("from_")
    if source is None:
        raise _UntracedError
    tables = [source.this, *(join.this for join in select.args.get("joins") or ())]
    named = [one for one in select.expressions if one.alias_or_name.lower() == column.lower()]
    if not named:
        stars = [one for one in select.expressions if isinstance(one, exp.Star)]
        if not stars or len(tables) > 1 or any(stars[0].args.values()):
            raise _UntracedError
        yield from _of_table(tables[0], column, root)
        return
    read = _read(named[0])
    among = [one for one in tables if not read.table or one.alias_or_name.lower() == read.table.lower()]
    if len(among) != 1:
        raise _UntracedError
    yield from _of_table(among[0], read.name, root)


def _read(expression: exp.Expr) -> exp.Column:
    """The one column that a time is made of, by what keeps it on the same clock.

    Raises:
        _UntracedError: it is made in another way.
    """
    while not isinstance(expression, exp.Column):
        later = isinstance(expression, exp.Add) and isinstance(expression.expression, exp.Interval)
        if not later and not isinstance(expression, _KEEPING):
            raise _UntracedError
        expression = expression.this
    return expression


def _of_table(table: exp.Expr, column: str, root: exp.Expr) -> Iterator[tuple[exp.Table, str]]:
    if isinstance(table, exp.Subquery):
        yield from _origins(table, column, root)
        return
    if not isinstance(table, exp.Table):
        raise _UntracedError
    inner = [one for one in root.find_all(exp.CTE) if not table.args.get("db") and one.alias == table.name]
    if inner:
        yield from _origins(inner[0].this, column, root)
    else:
        yield table, column
