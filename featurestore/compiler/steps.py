"""SQL steps: what they read, whether they are row-wise, which columns they give.

A row-wise step makes each of its rows from one row of one timed input, so it may run once over all rows and pass the
row's times, key and interval through as hidden columns (semantics 2).
"""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from featurestore.compiler.ibis_steps import ibis_sql
from featurestore.compiler.sql_types import sql_type, type_of_sql
from featurestore.definitions.resolved import SourceTable, StepTable, Table, sources_of
from featurestore.definitions.types import DataType, Schema
from featurestore.errors import (
    DefinitionError,
    FeaturestoreError,
    LookAheadError,
    MissingColumnError,
    NotSupportedError,
    TypeMismatchError,
)

__all__ = ["Step", "analyze", "is_timed", "rows_relation", "table_schema", "with_hidden"]

_NOT_DETERMINISTIC = frozenset(
    {"random", "rand", "uuid", "gen_random_uuid", "nextval", "now", "today", "getdate", "current_date"}
    | {"current_timestamp", "current_time", "localtime", "localtimestamp", "transaction_timestamp", "setseed"}
    | {"get_current_timestamp", "get_current_time", "clock_timestamp", "sysdate", "rand_canonical", "currval"}
)
_PLACEHOLDER = re.compile(r"\{\s*([A-Za-z_]\w*)\s*\}")


@dataclass(frozen=True)
class Step:
    """A checked SQL step.

    ``query`` is qualified against the names of `rows_relation`; ``columns`` are its results, to which they are cast.
    """

    table: StepTable
    query: exp.Query
    columns: Schema


def rows_relation(parameter: str) -> str:
    """The name under which a step's query sees the rows of its input."""
    return f"input_{parameter}"


def is_timed(table: Table) -> bool:
    """Whether rows of ``table`` have an event time."""
    return any(source.source.is_timed for source in sources_of(table))


def table_schema(table: Table) -> Schema:
    """The visible columns of a table and their types, in order."""
    return table.schema if isinstance(table, SourceTable) else analyze(table).columns


@functools.lru_cache(maxsize=4096)
def analyze(table: StepTable) -> Step:
    """Parses, qualifies, types and checks a step.

    Raises:
        LookAheadError: it is not row-wise, so it could see rows that were not yet known.
        NotSupportedError: it is of a kind that this version cannot compute.
        DefinitionError: its SQL cannot be read, or is not deterministic; columns or types are missing.
    """
    try:
        return _analyze(table)
    except FeaturestoreError as error:
        error.where = error.where or str(table.transformation.origin)
        raise


def _analyze(table: StepTable) -> Step:
    step = table.transformation
    if step.time != "row_wise":
        message = f"{table.ref} says time={step.time!r}, which this version cannot compute."
        raise NotSupportedError(message, hint="Write it row by row, or compute it in the warehouse as a source.")
    if table.join is not None:
        message = f"{table.ref} is an as-of join, which this version cannot compute."
        raise NotSupportedError(message, hint="Join the tables in the warehouse, and make the result a source.")
    if step.engine not in {"sql", "ibis"}:
        message = f"{table.ref} works on {step.engine} data frames, which this version cannot run."
        raise NotSupportedError(message, hint="Return SQL or an Ibis expression.")
    schemas = {rows_relation(name): table_schema(given) for name, given in table.inputs.items()}
    parsed = _parse(table, schemas)
    _check_deterministic(table, parsed)
    query = _qualified(table, parsed, schemas)
    timed = _timed_relations(table)
    for branch in query.find_all(exp.Select):
        _check_row_wise(table, branch, timed)
    _check_branches(table, _outer(query), timed)
    return Step(table, query, _columns(table, query))


def _parse(table: StepTable, schemas: Mapping[str, Schema]) -> exp.Query:
    if table.transformation.engine == "ibis":
        text, dialect = ibis_sql(table, schemas), "duckdb"
    else:
        text, dialect = _substituted(table), table.dialect
    try:
        parsed = sqlglot.parse(text, dialect=dialect)
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        near = f" near {first.get('highlight')!r} (line {first.get('line')})" if first.get("highlight") else ""
        message = f"The SQL of {table.ref} cannot be read as {dialect}{near}: {first.get('description', error)}."
        raise DefinitionError(message) from error
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Query):
        message = f"The SQL of {table.ref} is not one query."
        raise DefinitionError(message, hint="It is one SELECT (or several joined by UNION ALL).")
    return parsed[0]


def _substituted(table: StepTable) -> str:
    text = table.sql or ""
    named = set(_PLACEHOLDER.findall(text))
    if strangers := named - set(table.inputs):
        message = f"The SQL of {table.ref} reads {{{min(strangers)}}}, which is no parameter of it."
        raise DefinitionError(message, hint=f"Its parameters are {', '.join(table.inputs)}.")
    if unused := set(table.inputs) - named:
        message = f"The SQL of {table.ref} does not read its parameter {min(unused)}."
        raise DefinitionError(message, hint=f"Write FROM {{{min(unused)}}}, or take the parameter away.")
    return _PLACEHOLDER.sub(lambda found: rows_relation(found[1]), text)


def _check_deterministic(table: StepTable, query: exp.Query) -> None:
    for node in query.walk():
        if not isinstance(node, exp.Func):
            continue
        name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
        if name in _NOT_DETERMINISTIC:
            message = f"{table.ref} calls {name}(), which gives another value each time."
            raise DefinitionError(message, hint="Take the time from a column of the rows.")


def _qualified(table: StepTable, parsed: exp.Query, schemas: Mapping[str, Schema]) -> exp.Query:
    nested: dict[str, object] = {
        name: {column: sql_type(data_type).sql("duckdb") for column, data_type in schema.items()}
        for name, schema in schemas.items()
    }
    strangers = {found.name for found in parsed.find_all(exp.Table)} - set(schemas)
    strangers -= {found.alias_or_name for found in parsed.find_all(exp.CTE)}
    if strangers:
        message = f"The SQL of {table.ref} reads the table {min(strangers)!r} directly."
        raise DefinitionError(message, hint="Make it a Source and take it as a parameter: only {parameters} are read.")
    try:
        query = qualify(parsed, schema=nested, dialect="duckdb", identify=True)
        query = annotate_types(query, schema=nested, dialect="duckdb")
    except OptimizeError as error:
        message = f"The SQL of {table.ref} names a column that is not there, or is ambiguous: {error}"
        known = "; ".join(f"{name.removeprefix('input_')}: {', '.join(columns)}" for name, columns in schemas.items())
        raise MissingColumnError(message, hint=f"Columns are {known}.") from error
    except SqlglotError as error:
        message = f"The SQL of {table.ref} cannot be understood: {error}"
        raise DefinitionError(message) from error
    return query


def _check_branches(table: StepTable, branches: Sequence[exp.Select], timed: set[str]) -> None:
    with_time = [any(_reads_timed(one, timed) for one in _relations(branch)) for branch in branches]
    if any(with_time) and not all(with_time):
        message = f"{table.ref} puts rows with an event time and rows without one into one table (UNION ALL)."
        raise LookAheadError(message, hint="Give the other source an event_time, or join it instead.")


def _check_row_wise(table: StepTable, select: exp.Select, timed: set[str]) -> None:
    reason = _looks_beyond_its_row(select) or _mixes_rows(select, timed)
    if reason:
        message = f"{table.ref} is not row-wise: {reason}. It could see rows that were not yet known."
        hint = (
            "Row-wise steps project, filter, join to untimed tables and UNION ALL. Aggregate in a feature, where every "
            "window ends at the boundary."
        )
        raise LookAheadError(message, hint=hint)


_BEYOND: Mapping[str, str] = {
    "group": "it groups",
    "having": "it groups",
    "distinct": "it removes duplicates (DISTINCT)",
    "limit": "it limits rows (LIMIT)",
    "offset": "it skips rows (OFFSET)",
    "qualify": "it ranks rows (QUALIFY)",
    "sample": "it samples",
    "windows": "it uses windows",
}


def _looks_beyond_its_row(select: exp.Select) -> str | None:
    for clause, reason in _BEYOND.items():
        if select.args.get(clause):
            return reason
    own = [*select.expressions, select.args.get("where")]
    own += [join.args.get("on") for join in select.args.get("joins") or []]
    for part in filter(None, own):
        for node in part.walk():
            if isinstance(node, exp.Window):
                return f"{node.sql()} is a window function"
            if isinstance(node, exp.AggFunc):
                return f"{node.sql()} aggregates"
            if isinstance(node, (exp.Subquery, exp.Select, exp.Exists)):
                return "it holds a subquery outside of FROM"
            if isinstance(node, (exp.Unnest, exp.Explode, exp.Lateral)):
                return f"{node.sql()} makes several rows out of one"
    return None


def _mixes_rows(select: exp.Select, timed: set[str]) -> str | None:
    parent = select.parent
    if isinstance(parent, exp.SetOperation) and not (isinstance(parent, exp.Union) and not parent.args["distinct"]):
        return f"{type(parent).__name__.upper()} compares rows with each other (only UNION ALL does not)"
    relations = _relations(select)
    with_time = [relation for relation in relations if _reads_timed(relation, timed)]
    if len(with_time) > 1:
        return "it joins two timed tables"
    for join in select.args.get("joins") or []:
        side, kind = (join.side or "").upper(), (join.kind or "").upper()
        if kind not in {"", "INNER", "CROSS", "LEFT", "OUTER"} or side not in {"", "LEFT"}:
            return f"a {f'{side} {kind}'.strip()} JOIN keeps rows of the other table"
        if with_time and side == "LEFT" and relations[0] not in with_time:
            return "a LEFT JOIN keeps rows of the untimed table"
    return None


def _relations(select: exp.Select) -> list[exp.Expr]:
    source = select.args.get("from_") or select.args.get("from")
    if source is None:
        return []
    return [source.this, *(join.this for join in select.args.get("joins") or [])]


def _reads_timed(relation: exp.Expr, timed: set[str]) -> bool:
    """Whether a relation in FROM leads to a timed input, through subqueries and CTEs."""
    if isinstance(relation, exp.Table):
        if relation.name in timed:
            return True
        cte = _cte(relation)
        return cte is not None and _reads_timed(cte.this, timed)
    return any(_reads_timed(found, timed) for found in relation.find_all(exp.Table))


def _cte(relation: exp.Table) -> exp.CTE | None:
    root = relation.root()
    return next((cte for cte in root.find_all(exp.CTE) if cte.alias_or_name == relation.name), None)


def _columns(table: StepTable, query: exp.Query) -> Schema:
    declared = table.transformation.columns
    found: dict[str, DataType] = {}
    branches = [select.selects for select in _outer(query)]
    for position, projection in enumerate(branches[0]):
        name = projection.alias_or_name
        types = [type_of_sql(selects[position]) for selects in branches]
        data_type = declared.get(name) or (types[0] if len(set(types)) == 1 else None)
        if data_type is None:
            message = f"The type of the column {name!r} of {table.ref} cannot be told from its SQL."
            raise TypeMismatchError(message, hint=f'Declare it: columns={{"{name}": fs.Float64}}, or CAST it.')
        if name in found:
            message = f"{table.ref} gives two columns {name!r}."
            raise DefinitionError(message, hint="Name the columns instead of using *, or rename one with AS.")
        found[name] = data_type
    if missing := set(declared) - set(found):
        message = f"{table.ref} declares the column {min(missing)!r} and does not give it."
        raise MissingColumnError(message, hint=f"It gives {', '.join(found)}.")
    return found


def _outer(query: exp.Expr) -> list[exp.Select]:
    """The SELECTs of the outermost UNION ALL, in order."""
    if isinstance(query, exp.SetOperation):
        return _outer(query.left) + _outer(query.right)
    if isinstance(query, exp.Subquery):
        return _outer(query.this)
    return [query] if isinstance(query, exp.Select) else []


def with_hidden(step: Step, relations: Mapping[str, str], hidden: Sequence[str], dialect: str) -> str:
    """The step's SQL in ``dialect``, over ``relations`` (parameter to relation), with hidden columns passed through."""
    query = step.query.copy()
    timed = _timed_relations(step.table)
    for select in list(query.find_all(exp.Select)):
        carrier = _carrier(select, timed)
        if carrier is not None:
            for name in hidden:
                column = exp.column(name, table=carrier.alias_or_name, quoted=True)
                select.append("expressions", exp.alias_(column, name, quoted=True))
    for select in _outer(query):
        for position, (name, data_type) in enumerate(step.columns.items()):
            select.expressions[position].replace(_cast(select.expressions[position], name, data_type))
    for found in list(query.find_all(exp.Table)):
        for parameter, relation in relations.items():
            if found.name == rows_relation(parameter):
                found.replace(exp.alias_(exp.to_table(relation), found.alias_or_name, table=True, quoted=True))
    return query.sql(dialect=dialect, pretty=True)


def _timed_relations(table: StepTable) -> set[str]:
    return {rows_relation(name) for name, given in table.inputs.items() if is_timed(given)}


def _carrier(select: exp.Select, timed: set[str]) -> exp.Expr | None:
    """The relation whose rows a SELECT's rows come from: the timed one, else the first."""
    relations = _relations(select)
    return next((one for one in relations if _reads_timed(one, timed)), relations[0] if relations else None)


def _cast(projection: exp.Expr, name: str, data_type: DataType) -> exp.Expr:
    value = projection.unalias()
    return exp.alias_(exp.cast(value.copy(), sql_type(data_type)), name, quoted=True)
