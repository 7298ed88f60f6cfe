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
from sqlglot.errors import ErrorLevel, OptimizeError, ParseError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from featurestore.compiler.ibis_steps import ibis_sql
from featurestore.compiler.row_wise import Carried, carried, check_deterministic
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

__all__ = ["Step", "analyze", "is_hidden", "is_timed", "rows_relation", "table_schema", "with_hidden"]

_HIDDEN = frozenset({"__e", "__c", "__enter", "__b", "__bucket", "__row", "__t", "__rank"})
"""The names of `featurestore.compiler.query.Hidden`, which builds on this module."""
_PLACEHOLDER = re.compile(r"\{\s*([A-Za-z_]\w*)\s*\}")


@dataclass(frozen=True)
class Step:
    """A checked SQL step.

    ``query`` is qualified against the names of `rows_relation`; ``columns`` are its results, to which they are cast;
    ``carriers`` are the parameters whose rows its rows are, with their times and keys.
    """

    table: StepTable
    query: exp.Query
    columns: Schema
    carriers: tuple[str, ...]


def rows_relation(parameter: str) -> str:
    """The name under which a step's query sees the rows of its input. SQL does not tell small letters from capitals."""
    return f"input_{parameter.lower()}"


def is_hidden(column: str) -> bool:
    """Whether a column's name is one that rows carry unseen."""
    return column.lower() in _HIDDEN or column.lower().startswith(("__key_", "__leave_"))


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
    check_deterministic(str(table.ref), parsed)
    _check_names(table, parsed)
    spelled = _spelled(parsed, schemas)
    query = _qualified(table, parsed, schemas)
    for order in list(query.find_all(exp.Order)):
        if isinstance(order.parent, exp.Query):
            order.pop()  # rows have no order until an aggregation sorts them
    inputs = _row_wise(table, query).inputs
    carriers = tuple(parameter for parameter in table.inputs if rows_relation(parameter) in inputs)
    return Step(table, query, _columns(table, query, spelled), carriers)


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
    query = step.query.copy()
    carriers = {id(select): (select, alias) for select, alias in _row_wise(step.table, query).path}
    for select in _outer(query):
        for position, (name, data_type) in enumerate(step.columns.items()):
            select.expressions[position].replace(_cast(select.expressions[position], name, data_type))
    for select, alias in carriers.values():
        for name in hidden:
            column = exp.column(name, table=alias, quoted=True)
            select.append("expressions", exp.alias_(column, name, quoted=True))
    named = {rows_relation(parameter): relation for parameter, relation in relations.items()}
    for found in list(query.find_all(exp.Table)):
        if found.name in named:
            relation = exp.to_identifier(named[found.name], quoted=True)
            found.replace(exp.alias_(exp.Table(this=relation), found.alias_or_name, table=True, quoted=True))
    return _said(step, query, dialect)


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
