"""Steps: what they read, whether they are row-wise, which columns they give.

A row-wise step makes each of its rows from one row of one timed input, so it may run once over all rows and pass the
row's times, key and interval through as hidden columns (semantics 2).
"""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, OptimizeError, ParseError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from featurestore.compiler.ibis_steps import ibis_sql
from featurestore.compiler.row_wise import Carried, carried, check_deterministic
from featurestore.compiler.sql_types import sql_type, type_of_sql
from featurestore.definitions.resolved import SourceTable, StepTable, Table, is_timed
from featurestore.definitions.types import DataType, Date, Schema, Timestamp
from featurestore.errors import (
    ColumnTypeError,
    DefinitionError,
    FeaturestoreError,
    LookAheadError,
    MissingColumnError,
    NotSupportedError,
    TypeMismatchError,
)

__all__ = ["Join", "Step", "analyze", "is_hidden", "per_boundary", "rows_relation", "table_schema", "with_hidden"]

_HIDDEN = frozenset({"__e", "__c", "__enter", "__b", "__bucket", "__row", "__t", "__rank"})
"""The names of `featurestore.compiler.query.Hidden`, which builds on this module."""
_PLACEHOLDER = re.compile(r"\{\s*([A-Za-z_]\w*)\s*\}")


CODE = frozenset({"pandas", "polars"})
"""Engines of steps that are code on data frames."""


@dataclass(frozen=True)
class Join:
    """A checked as-of join: the parameters, the columns ``on`` which rows meet, the columns that come from each."""

    left: str
    right: str
    on: tuple[str, ...]
    kept: tuple[str, ...]
    joined: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """A checked step.

    ``query`` is the query of a SQL step, qualified against the names of `rows_relation`; ``join`` is an as-of join; a
    step that is code has neither. ``columns`` are its results, to which they are cast; ``carriers`` are the parameters
    whose rows its rows are, with their times and keys: none, where it declares its own.
    """

    table: StepTable
    query: exp.Query | None
    join: Join | None
    columns: Schema
    carriers: tuple[str, ...]


def rows_relation(parameter: str) -> str:
    """The name under which a step's query sees the rows of its input. SQL does not tell small letters from capitals."""
    return f"input_{parameter.lower()}"


def is_hidden(column: str) -> bool:
    """Whether a column's name is one that rows carry unseen."""
    return column.lower() in _HIDDEN or column.lower().startswith(("__key_", "__leave_"))


def per_boundary(table: Table) -> bool:
    """Whether the rows of ``table`` are made for one boundary each.

    Raises:
        NotSupportedError: it puts such rows together with others.
    """
    if isinstance(table, SourceTable) or table.transformation.time == "snapshot":
        return False
    if table.transformation.time == "per_boundary":
        return is_timed(table)
    found = {name: per_boundary(given) for name, given in table.inputs.items() if is_timed(given)}
    if len(set(found.values())) > 1:
        made = min(name for name, each in found.items() if each)
        message = f"{table.ref} puts rows that are made per boundary ({made}) together with rows that are not."
        hint = 'Say time="per_boundary" here too, and which column is the event_time.'
        raise NotSupportedError(message, where=str(table.transformation.origin), hint=hint)
    return any(found.values())


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
    if table.join is not None:
        return _check_times(_as_of(table))
    if step.engine in CODE:
        return _check_times(_code(table))
    if step.engine not in {"sql", "ibis"}:
        message = f"{table.ref} works on {step.engine} data frames, which this version cannot run."
        raise NotSupportedError(message, hint="Return SQL or an Ibis expression, or work on pandas or polars frames.")
    schemas = {rows_relation(name): table_schema(given) for name, given in table.inputs.items()}
    parsed = _parse(table, schemas)
    check_deterministic(str(table.ref), parsed)
    _check_names(table, parsed)
    spelled = _spelled(parsed, schemas)
    query = _qualified(table, parsed, schemas)
    if step.time != "row_wise":
        return _check_times(Step(table, query, None, _columns(table, query, spelled), ()))
    for order in list(query.find_all(exp.Order)):
        if isinstance(order.parent, exp.Query):
            order.pop()  # rows have no order until an aggregation sorts them
    inputs = _row_wise(table, query).inputs
    carriers = tuple(parameter for parameter in table.inputs if rows_relation(parameter) in inputs)
    return Step(table, query, None, _columns(table, query, spelled), carriers)


def _as_of(table: StepTable) -> Step:
    """An as-of join: the columns of the left, then those of the right that the left does not have."""
    assert table.join is not None  # noqa: S101 - the caller has looked
    left, right = (side.strip("{}") for side in (table.join.left, table.join.right))
    if table.transformation.time != "row_wise":
        message = f"{table.ref} is an as-of join and says time={table.transformation.time!r}."
        raise DefinitionError(message, hint="Leave time= out: its rows keep the times of the left table.")
    if strangers := {left, right} ^ set(table.inputs):
        message = f"The as-of join {table.ref} does not join its parameters: {', '.join(sorted(strangers))}."
        raise DefinitionError(message, hint="It takes two tables and joins them: left.asof_join(right, on=...).")
    schemas = {side: table_schema(table.inputs[side]) for side in (left, right)}
    for side in (left, right):
        if not is_timed(table.inputs[side]):
            message = f"{table.ref} joins {side} as of a time, and {side} has no event time."
            raise DefinitionError(message, hint="Join it in SQL, where tables without time may be joined.")
        for column in table.join.on:
            if column not in schemas[side]:
                message = f"{table.ref} joins on {column!r}, which {side} does not have."
                raise MissingColumnError(message, hint=f"Its columns are {', '.join(schemas[side])}.")
    for column in table.join.on:
        here, there = schemas[left][column], schemas[right][column]
        if here != there and not (here.is_integer and there.is_integer):
            message = f"{table.ref} joins on {column!r}, which is {here} in {left} and {there} in {right}."
            raise TypeMismatchError(message, hint="Cast one of them in a transformation.")
    joined = tuple(column for column in schemas[right] if column not in schemas[left])
    columns = {**schemas[left], **{column: schemas[right][column] for column in joined}}
    join = Join(left, right, table.join.on, tuple(schemas[left]), joined)
    return Step(table, None, join, columns, (left,))


def _code(table: StepTable) -> Step:
    """A step that is code on data frames: its columns are declared."""
    step = table.transformation
    if not step.columns:
        message = f"{table.ref} is code on {step.engine} frames and does not say which columns it gives."
        raise DefinitionError(message, hint='Declare them: columns={"customer_id": fs.Int64, ...}.')
    timed = tuple(name for name, given in table.inputs.items() if is_timed(given))
    if step.time == "row_wise" and len(timed) > 1:
        message = f"{table.ref} is row-wise and takes {len(timed)} tables with times: {', '.join(timed)}."
        raise NotSupportedError(message, hint="Each of its rows comes from one row of one of them: join them before.")
    carriers = () if step.time != "row_wise" else timed or tuple(table.inputs)[:1]
    return Step(table, None, None, dict(step.columns), carriers)


def _check_times(step: Step) -> Step:
    """Refuses a step that declares times or a key which its columns cannot be.

    Raises:
        DefinitionError: a step that is not row-wise has no event time.
        MissingColumnError: it declares a column that it does not give.
        ColumnTypeError: a column is of another type.
    """
    made, columns, ref = step.table.transformation, step.columns, step.table.ref
    if made.time == "row_wise":
        return step
    if made.event_time is None and not any(map(is_timed, step.table.inputs.values())):
        return step
    if made.event_time is None:
        message = f"{ref} says time={made.time!r} and not which of its columns is the event time of its rows."
        raise DefinitionError(message, hint='Say event_time=, as in event_time="at" and SELECT ..., max(at) AS at.')
    for column in (made.event_time, made.created_time, *made.key):
        if column is not None and column not in columns:
            message = f"{ref} declares {column!r}, and gives no such column."
            raise MissingColumnError(message, hint=f"It gives {', '.join(columns)}.")
    if columns[made.event_time] not in {Timestamp, Date}:
        message = f"The event time of {ref} is {made.event_time!r}, a {columns[made.event_time]}."
        raise ColumnTypeError(message, hint="It must be a Timestamp or a Date.")
    if made.created_time is not None and columns[made.created_time] != Timestamp:
        message = f"The created time of {ref} is {made.created_time!r}, a {columns[made.created_time]}."
        raise ColumnTypeError(message, hint="It must be a Timestamp.")
    if columns[made.event_time] == Date and made.known_after is None:
        message = f"The event time of {ref} is a Date: stamped at midnight, it would leak the day."
        raise ColumnTypeError(message, hint='Say when a day is known, as in known_after="1d".')
    if unfit := [column for column in made.key if columns[column].name in {"Array", "Vector"}]:
        message = f"The key of {ref} holds {unfit[0]!r}, a {columns[unfit[0]]}."
        raise ColumnTypeError(message)
    return step


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
    return _PLACEHOLDER.sub(lambda found: rows_relation(found[1]), text)


def _check_names(table: StepTable, query: exp.Query) -> None:
    """Every input is read, as a table; nothing else is; and no name is one of those that rows carry unseen."""
    read = {found.name.lower() for found in query.find_all(exp.Table) if not found.args.get("db")}
    for parameter in table.inputs:
        if rows_relation(parameter) not in read:
            message = f"The SQL of {table.ref} does not read its parameter {parameter}."
            raise DefinitionError(message, hint=f"Write FROM {{{parameter}}}, or take the parameter away.")
        for literal in query.find_all(exp.Literal):
            if rows_relation(parameter) in literal.name:
                message = f"The SQL of {table.ref} has {{{parameter}}} inside of a text."
                raise DefinitionError(message, hint="{parameters} stand for tables, in FROM and JOIN.")
    for found in query.find_all(exp.CTE):
        if found.alias.lower().startswith(("input_", "rows_")):
            message = f"The SQL of {table.ref} calls a query {found.alias!r} in its WITH."
            raise DefinitionError(message, hint="Names that begin with input_ or rows_ stand for inputs.")
    for identifier in query.find_all(exp.Identifier):
        if is_hidden(identifier.name):
            message = f"The SQL of {table.ref} uses the name {identifier.name!r}, which rows carry unseen."
            raise DefinitionError(message, hint="Choose another name.")


def _qualified(table: StepTable, parsed: exp.Query, schemas: Mapping[str, Schema]) -> exp.Query:
    nested: dict[str, object] = {
        name: {column: sql_type(data_type).sql("duckdb") for column, data_type in schema.items()}
        for name, schema in schemas.items()
    }
    named = {*schemas, *(found.alias.lower() for found in parsed.find_all(exp.CTE))}
    strangers = [
        found.name or found.sql()
        for found in parsed.find_all(exp.Table)
        if found.args.get("db") or found.name.lower() not in named
    ]
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


def _row_wise(table: StepTable, query: exp.Query) -> Carried:
    try:
        return carried(query, {rows_relation(name): is_timed(given) for name, given in table.inputs.items()})
    except LookAheadError as error:
        error.hint = error.hint or (
            "Row-wise steps project, filter, join to untimed tables and UNION ALL. Aggregate in a feature, where every "
            "window ends at the boundary."
        )
        error.message = f"{table.ref} is not row-wise: {error.message}. It could see rows that were not yet known."
        raise


def _spelled(query: exp.Query, schemas: Mapping[str, Schema]) -> Mapping[str, str]:
    """Names in small letters, as qualified queries have them, to how inputs and the text spell them."""
    written = {found.name.lower(): found.name for found in query.find_all(exp.Identifier)}
    return written | {column.lower(): column for schema in schemas.values() for column in schema}


def _columns(table: StepTable, query: exp.Query, spelled: Mapping[str, str]) -> Schema:
    declared = table.transformation.columns
    found: dict[str, DataType] = {}
    branches = [select.selects for select in _outer(query)]
    if len({len(selects) for selects in branches}) > 1:
        message = f"The branches of {table.ref} have {' and '.join(str(len(one)) for one in branches)} columns."
        raise TypeMismatchError(message, hint="UNION ALL puts columns together by their position.")
    for position, projection in enumerate(branches[0]):
        name = spelled.get(projection.alias_or_name, projection.alias_or_name)
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
    """The step's SQL in ``dialect``, over ``relations`` (parameter to relation), with hidden columns passed through.

    Raises:
        NotSupportedError: the dialect cannot say something that the SQL says.
    """
    assert step.query is not None  # noqa: S101 - only queries are printed
    query = step.query.copy()
    if step.table.transformation.time == "row_wise":
        _carry(step, query, hidden)
    for select in _outer(query):
        for position, (name, data_type) in enumerate(step.columns.items()):
            select.expressions[position].replace(_cast(select.expressions[position], name, data_type))
    named = {rows_relation(parameter): relation for parameter, relation in relations.items()}
    for found in list(query.find_all(exp.Table)):
        if found.name in named:
            relation = exp.to_identifier(named[found.name], quoted=True)
            found.replace(exp.alias_(exp.Table(this=relation), found.alias_or_name, table=True, quoted=True))
    return _said(step, query, dialect)


def _carry(step: Step, query: exp.Query, hidden: Sequence[str]) -> None:
    """Lets the hidden columns of the rows that a row-wise query reads pass through it."""
    carriers = {id(select): (select, alias) for select, alias in _row_wise(step.table, query).path}
    for select, alias in carriers.values():
        for name in hidden:
            column = exp.column(name, table=alias, quoted=True)
            select.append("expressions", exp.alias_(column, name, quoted=True))


def _said(step: Step, query: exp.Query, dialect: str) -> str:
    generator = sqlglot.Dialect.get_or_raise(dialect).generator(pretty=True, unsupported_level=ErrorLevel.IGNORE)
    text = generator.generate(query)
    # Sessions are in UTC, so that what sqlglot doubts about time zones is certain here.
    lost = [message for message in generator.unsupported_messages if "timezone" not in message.lower()]
    if lost:
        message = f"The SQL of {step.table.ref} cannot be said in {dialect}: {'; '.join(lost)}."
        raise NotSupportedError(message, where=str(step.table.transformation.origin))
    return text


def _cast(projection: exp.Expr, name: str, data_type: DataType) -> exp.Expr:
    value = projection.unalias()
    return exp.alias_(exp.cast(value.copy(), sql_type(data_type)), name, quoted=True)
