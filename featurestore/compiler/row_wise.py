"""The proof that a query is row-wise: that each of its rows is made of one row of a timed input (semantics 2).

It names what may stand in a row-wise query and refuses everything else, known or unknown to it. The query is qualified:
every column says which relation it is of, and no star is left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from featurestore.compiler.scalar_functions import CLOCKS_AND_CHANCE, SCALAR_FUNCTIONS
from featurestore.errors import DefinitionError, LookAheadError

__all__ = ["Carried", "carried", "check_deterministic"]


@dataclass(frozen=True)
class Carried:
    """Where the rows of a query come from.

    Attributes:
        timed: Whether they have an event time.
        inputs: The relations whose rows they are, once each.
        path: The SELECTs that the rows pass through, each with the alias of the relation that carries them there.
    """

    timed: bool
    inputs: tuple[str, ...]
    path: tuple[tuple[exp.Select, str], ...]


_REASONS: Mapping[str, str] = {
    "group": "it groups (GROUP BY)",
    "having": "it groups (HAVING)",
    "distinct": "it removes duplicates (DISTINCT)",
    "limit": "it limits rows (LIMIT)",
    "offset": "it skips rows (OFFSET)",
    "qualify": "it ranks rows (QUALIFY)",
    "sample": "it samples (SAMPLE)",
    "windows": "it uses windows (WINDOW)",
    "pivots": "it pivots (PIVOT)",
    "laterals": "it makes several rows out of one (LATERAL VIEW)",
    "connect": "it recurs (CONNECT BY)",
    "match": "it matches patterns over rows (MATCH_RECOGNIZE)",
    "recursive": "it recurs (WITH RECURSIVE)",
    "by_name": "it matches columns by name (BY NAME)",
    "with_": "it has a WITH inside of a query (write it at the beginning)",
    "version": "it reads another version of the table",
    "when": "it reads another version of the table",
}
"""Clause to what it does."""


def carried(query: exp.Query, timed: Mapping[str, bool]) -> Carried:
    """Proves ``query`` row-wise, over relations of which ``timed`` says whether their rows have an event time.

    Raises:
        LookAheadError: it is not, or not provably; the message is the reason, half a sentence.
    """
    known = {name: Carried(with_time, (name,), ()) for name, with_time in timed.items()}
    with_clause = query.args.get("with_")
    if with_clause is not None:
        _only(with_clause, {"expressions"})
        for cte in with_clause.expressions:
            _only(cte, {"this", "alias", "materialized"})
            if cte.alias in known:
                message = f"its WITH defines {cte.alias!r} twice, or with a name that is taken"
                raise LookAheadError(message)
            known[cte.alias] = _query(cte.this, known)
    return _query(query, known, outermost=True)


def _only(node: exp.Expr, allowed: set[str]) -> None:
    """Refuses a node with other parts than those named."""
    for part, value in node.args.items():
        if value and part not in allowed:
            clause = part.strip("_").upper().replace("_", " ")
            raise LookAheadError(_REASONS.get(part, f"its clause {clause} is not known to keep rows apart"))


def _query(query: exp.Expr, known: Mapping[str, Carried], *, outermost: bool = False) -> Carried:
    own = {"with_"} if outermost else set()
    match query:
        case exp.Select():
            _only(query, own | {"expressions", "from_", "joins", "where"})
            return _select(query, known)
        case exp.Union():
            if query.args.get("distinct") is not False:
                message = "UNION compares rows with each other (only UNION ALL does not)"
                raise LookAheadError(message)
            _only(query, own | {"this", "expression"})
            return _union(_query(query.left, known), _query(query.right, known))
        case exp.SetOperation():
            message = f"{type(query).__name__.upper()} compares rows with each other (only UNION ALL does not)"
            raise LookAheadError(message)
        case exp.Subquery():
            _only(query, own | {"this"})
            return _query(query.this, known)
        case _:
            message = f"{query.sql()} is no SELECT"
            raise LookAheadError(message)


def _union(left: Carried, right: Carried) -> Carried:
    if left.timed != right.timed:
        message = "it puts rows with an event time and rows without one into one table (UNION ALL)"
        raise LookAheadError(message, hint="Give the other source an event_time, or join it instead.")
    return Carried(left.timed, tuple(dict.fromkeys(left.inputs + right.inputs)), left.path + right.path)


def _select(select: exp.Select, known: Mapping[str, Carried]) -> Carried:
    source = select.args.get("from_")
    if source is None:
        message = "a SELECT without FROM makes rows out of nothing"
        raise LookAheadError(message)
    joins: Sequence[exp.Join] = select.args.get("joins") or []
    relations = [(one.alias_or_name, _relation(one, known)) for one in (source.this, *(join.this for join in joins))]
    with_time = [pair for pair in relations if pair[1].timed]
    if len(with_time) > 1:
        message = "it joins two timed tables"
        raise LookAheadError(message)
    for join in joins:
        _check_join(join, keeps_left=not with_time or relations[0] in with_time)
    where = select.args.get("where")
    for part in [*select.expressions, where and where.this, *(join.args.get("on") for join in joins)]:
        for node in part.walk() if part else ():
            _check_value(node)
    alias, found = with_time[0] if with_time else relations[0]
    return Carried(found.timed, found.inputs, (*found.path, (select, alias)))


def _relation(relation: exp.Expr, known: Mapping[str, Carried]) -> Carried:
    match relation:
        case exp.Table(this=exp.Identifier(this=name)) if name in known:
            _only(relation, {"this", "alias"})
            _only(relation.args.get("alias") or relation, {"this", "alias"})
            return known[name]
        case exp.Table(this=exp.Identifier()):
            message = f"it reads {relation.name!r}, which is not defined before"
            raise LookAheadError(message)
        case exp.Subquery(this=exp.Query()):
            _only(relation, {"this", "alias"})
            _only(relation.args.get("alias") or relation, {"this", "alias"})
            return _query(relation.this, known)
        case _:
            message = f"{relation.sql()} in FROM is neither an input nor a subquery"
            raise LookAheadError(message)


def _check_join(join: exp.Join, *, keeps_left: bool) -> None:
    side, kind = (join.side or "").upper(), (join.kind or "").upper()
    if method := (join.method or "").upper():
        message = f"{method} JOIN looks at more than one row of a table"
        raise LookAheadError(message)
    _only(join, {"this", "on", "side", "kind"})
    if (side, kind) not in {("", ""), ("", "INNER"), ("", "CROSS"), ("LEFT", ""), ("LEFT", "OUTER")}:
        message = f"{f'{side} {kind}'.strip()} JOIN depends on which rows the other table has"
        raise LookAheadError(message)
    if side == "LEFT" and not keeps_left:
        message = "LEFT JOIN keeps rows of the untimed table"
        raise LookAheadError(message)


_VALUES = (
    *(exp.Binary, exp.Unary, exp.Between, exp.In, exp.Alias, exp.Tuple, exp.Bracket, exp.Slice, exp.Lambda),
    *(exp.Literal, exp.Null, exp.Boolean, exp.HexString, exp.ByteString, exp.RawString, exp.UnicodeString),
    *(exp.Identifier, exp.Var, exp.DataType, exp.DataTypeParam, exp.Interval, exp.AtTimeZone),
    *(exp.JSONPath, exp.JSONPathPart, exp.JSONKeyValue),
)
"""What values are made of, apart from columns and functions."""


def _check_value(node: exp.Expr) -> None:
    """Refuses a part of an expression that could see more than the row at hand."""
    reason = None
    match node:
        case exp.Window():
            reason = f"{node.sql()} is a window function"
        case exp.AggFunc() | exp.Filter() | exp.WithinGroup():
            reason = f"{node.sql()} aggregates"
        case exp.Query() | exp.Exists() | exp.SubqueryPredicate():
            reason = "it holds a subquery outside of FROM"
        case exp.UDTF() | exp.Explode() | exp.Inline() | exp.Unnest():
            reason = f"{node.sql()} makes several rows out of one"
        case exp.In() if node.args.get("query") or node.args.get("unnest") or node.args.get("field"):
            reason = "it holds a subquery outside of FROM"
        case exp.Column():
            if not node.table or node.args.get("db") or isinstance(node.this, exp.Star):
                reason = f"{node.sql()} is more than one column of the row"
        case exp.Func():
            if not _names(node) & SCALAR_FUNCTIONS or not (any(node.args.values()) or isinstance(node, exp.Pi)):
                reason = f"{node.sql()} is not known to look at one row only"
        case _ if not isinstance(node, _VALUES):
            reason = f"{node.sql()} is not known to look at one row only"
    if reason:
        raise LookAheadError(reason)


def _names(function: exp.Func) -> set[str]:
    """What a function is called, in small letters."""
    if isinstance(function, exp.Anonymous):
        return {function.name.lower()}
    return {name.lower() for name in function.sql_names()}


_MOVING = frozenset({"now", "today", "tomorrow", "yesterday"})


def check_deterministic(name: str, query: exp.Expr) -> None:
    """Refuses a query that reads a clock, chance or the session, anywhere.

    Raises:
        DefinitionError: it does; the message names the function.
    """
    for node in query.walk():
        called = None
        if isinstance(node, exp.Func):
            called = next((one for one in sorted(_names(node)) if _varies(one, node)), None)
        if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and node.this.name.lower() in _MOVING:
            called = node.this.name
        if called:
            message = f"{name} calls {called}(), which gives another value each time."
            raise DefinitionError(message, hint="Take the time from a column of the rows.")


def _varies(called: str, node: exp.Expr) -> bool:
    counted_from_today = called == "age" and len(node.expressions) < 2
    return called in CLOCKS_AND_CHANCE or called.startswith("current_") or counted_from_today
