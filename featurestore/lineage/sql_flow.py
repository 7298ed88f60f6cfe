"""How columns flow through a SQL step: which input columns each column is made of, and which decide about its rows.

Works on what `featurestore.compiler.steps.analyze` has proven row-wise and qualified: SELECTs with WHERE and joins,
UNION ALL, subqueries and WITH, in which every column says of which relation it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlglot import exp

from featurestore.compiler.steps import Join, Step, rows_relation, table_schema

__all__ = ["Flow", "InputColumn", "Texts", "UnknownFlowError", "shortened", "sql_flow"]

LONGEST = 80


class InputColumn(NamedTuple):
    """A column of one of a step's inputs."""

    parameter: str
    column: str


Texts = Mapping[InputColumn, str]
"""Input columns in order, each with the expression in which it is read; empty where it is only copied."""


@dataclass(frozen=True)
class Flow:
    """How columns flow through a step.

    Attributes:
        columns: Of each column of the result: what its values are made of.
        rows: What decides which rows there are, by filters and joins, and so about every column.
    """

    columns: Mapping[str, Texts]
    rows: Texts


class UnknownFlowError(Exception):
    """The query is of a shape that this module cannot follow. Never leaves the package: the step is opaque then."""


def sql_flow(step: Step) -> Flow:
    """The flow through a checked step; names of columns are as inputs and ``step.columns`` spell them.

    Raises:
        UnknownFlowError: the query is of an unknown shape.
    """
    if step.join is not None:
        return _as_of(step.join)
    if step.query is None:
        raise UnknownFlowError
    known = {
        rows_relation(parameter): _input(parameter, table_schema(table))
        for parameter, table in step.table.inputs.items()
    }
    with_clause = step.query.args.get("with_")
    for cte in with_clause.expressions if with_clause else ():
        known[cte.alias] = _Relation.of(cte.this, known, cte.args.get("alias"))
    found = _Relation.of(step.query, known)
    if len(found.columns) != len(step.columns):
        raise UnknownFlowError
    return Flow(dict(zip(step.columns, (texts for _, texts in found.columns), strict=True)), found.rows)


def _as_of(join: Join) -> Flow:
    """The flow through an as-of join: columns pass through, and those that rows meet on decide what they hold."""
    columns = {name: {InputColumn(join.left, name): name} for name in join.kept}
    columns |= {name: {InputColumn(join.right, name): name} for name in join.joined}
    met = f"as-of join on {', '.join(join.on)}"
    return Flow(columns, {InputColumn(side, name): met for side in (join.left, join.right) for name in join.on})


def _input(parameter: str, columns: Iterable[str]) -> "_Relation":
    """Qualified queries have names in small letters."""
    return _Relation(tuple((column.lower(), {InputColumn(parameter, column): ""}) for column in columns), {})


@dataclass(frozen=True)
class _Relation:
    """Columns by position, under the names by which a query calls them."""

    columns: tuple[tuple[str, Texts], ...]
    rows: Texts

    @staticmethod
    def of(
        query: exp.Expr | None, known: "Mapping[str, _Relation]", alias: exp.TableAlias | None = None
    ) -> "_Relation":
        if alias is not None and alias.args.get("columns"):
            raise UnknownFlowError  # qualified queries name columns where they are made
        match query:
            case exp.Select():
                return _select(query, known)
            case exp.Union():
                return _union(_Relation.of(query.left, known), _Relation.of(query.right, known))
            case exp.Subquery():
                return _Relation.of(query.this, known, query.args.get("alias"))
            case exp.Table() if query.name in known:
                return known[query.name]
            case _:
                raise UnknownFlowError

    def column(self, name: str) -> Texts:
        """What is called ``name``: nothing stops an inner query from giving two columns one name."""
        found = [texts for named, texts in self.columns if named == name]
        if not found:
            raise UnknownFlowError
        return _joined(found)


def _select(select: exp.Select, known: Mapping[str, _Relation]) -> _Relation:
    source, joins = select.args.get("from_"), select.args.get("joins") or ()
    if source is None:
        raise UnknownFlowError
    tables = [source.this, *(join.this for join in joins)]
    relations = {table.alias_or_name: _Relation.of(table, known) for table in tables}
    if len(relations) < len(tables):
        raise UnknownFlowError
    rows = [relation.rows for relation in relations.values()]
    if where := select.args.get("where"):
        rows.append(_read(where.this, relations, f"WHERE {_text(where.this, relations)}"))
    conditions = [join.args["on"] for join in joins if join.args.get("on")]
    rows.extend(_read(on, relations, f"JOIN ON {_text(on, relations)}") for on in conditions)
    columns = tuple((projection.alias_or_name, _value(projection, relations)) for projection in select.expressions)
    return _Relation(columns, _joined(rows))


def _union(left: _Relation, right: _Relation) -> _Relation:
    if len(left.columns) != len(right.columns):
        raise UnknownFlowError
    pairs = zip(left.columns, right.columns, strict=True)
    columns = tuple((name, _joined([texts, others])) for (name, texts), (_, others) in pairs)
    return _Relation(columns, _joined([left.rows, right.rows]))


def _value(projection: exp.Expr, relations: Mapping[str, _Relation]) -> Texts:
    value = projection.unalias()
    if isinstance(value, exp.Column):
        return _of(value, relations)  # a copy says how the column was made that it copies
    return _read(value, relations, _text(value, relations))


def _read(expression: exp.Expr, relations: Mapping[str, _Relation], text: str) -> Texts:
    """All that an expression reads, with ``text``."""
    if expression.find(exp.Query, exp.Star):
        raise UnknownFlowError
    return {cell: text for column in expression.find_all(exp.Column, bfs=False) for cell in _of(column, relations)}


def _of(column: exp.Column, relations: Mapping[str, _Relation]) -> Texts:
    if column.table not in relations:
        raise UnknownFlowError
    return relations[column.table].column(column.name)


def _joined(many: Iterable[Texts]) -> Texts:
    found: dict[InputColumn, dict[str, None]] = {}
    for texts in many:
        for cell, text in texts.items():
            found.setdefault(cell, {})[text] = None
    return {cell: "; ".join(filter(None, texts)) for cell, texts in found.items()}


def _text(expression: exp.Expr, relations: Mapping[str, _Relation]) -> str:
    """An expression for readers: in one line, without comments and quotes; relations are named if there are several."""
    several = len(relations) > 1
    bare = expression.copy().transform(
        lambda node: (
            exp.column(node.name, table=node.table.removeprefix("input_") if several else None)
            if isinstance(node, exp.Column)
            else node
        )
    )
    return shortened(bare.sql("duckdb", comments=False))


def shortened(text: str) -> str:
    """``text``, or its beginning where it is too long for a line."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
