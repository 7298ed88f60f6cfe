"""A query, printed as one SQL statement: a CTE per relation, in the order of the plan."""

import datetime
import re
import textwrap
from collections.abc import Mapping, Sequence

from featurestore.compiler.dialect import EPOCH, Dialect
from featurestore.compiler.expressions import Printed, print_expression
from featurestore.compiler.printing.passes import PassPrinter
from featurestore.compiler.printing.rows import print_rows
from featurestore.compiler.query import (
    BoundaryQuery,
    Entities,
    Hidden,
    LabelQuery,
    LiveRows,
    Output,
    Pass,
    Points,
    Query,
    Relation,
    RowsQuery,
    Stage,
    StepRows,
    reach,
)
from featurestore.compiler.steps import with_hidden
from featurestore.definitions.functions import AGGREGATIONS, type_of
from featurestore.definitions.nodes import Aggregate, Node
from featurestore.definitions.resolved import Schedule
from featurestore.definitions.types import Int64
from featurestore.errors import NumberOverflowError

__all__ = [
    "OVERFLOW",
    "overflow_told",
    "print_boundary_query",
    "print_label_query",
    "print_query",
    "print_rows_query",
    "print_stage",
    "print_statement",
]

OVERFLOW = "featurestore overflow in "
"""How the message of a failed sum begins; the feature's reference follows, and the boundary in microseconds."""

_ASKED = "asked"
"""The relation of the spine with its boundaries."""
_INT64 = ("-9223372036854775808", "9223372036854775807")


def print_statement(query: Query | BoundaryQuery | LabelQuery | RowsQuery, dialect: Dialect) -> str:
    """The statement of any query."""
    match query:
        case Query():
            return print_query(query, dialect)
        case BoundaryQuery():
            return print_boundary_query(query, dialect)
        case LabelQuery():
            return print_label_query(query, dialect)
        case RowsQuery():
            return print_rows_query(query, dialect)


def overflow_told(text: str) -> NumberOverflowError:
    """The error that the failure of a sum stands for; ``text`` is what the engine says, with `OVERFLOW` in it."""
    ref, _, rest = text.partition(OVERFLOW)[2].partition(" at ")
    found = re.match(r"-?\d+", rest)
    when = (
        f" at the boundary {EPOCH + datetime.timedelta(microseconds=int(found[0])):%Y-%m-%d %H:%M:%S}Z" if found else ""
    )
    message = f"A sum of {ref} does not fit into Int64{when}."
    return NumberOverflowError(f"{message}.", hint="Cast the column to Float64 or to a Decimal first.")


def print_query(query: Query, dialect: Dialect) -> str:
    """The statement: one row per row of the relation ``spine``, in its order, with a column per output."""
    printer = _Printer(dialect, _schedules(query))
    return _statement(printer.ctes(query), printer.outputs(query))


def _schedules(query: Query) -> tuple[Schedule, ...]:
    found = (one.schedule for one in query.relations if isinstance(one, Points))
    return tuple(dict.fromkeys(schedule for schedule in found if schedule is not None))


def print_label_query(query: LabelQuery, dialect: Dialect) -> str:
    """The statement: the label rows with all their visible columns, ordered by time and then by all columns."""
    printer = _Printer(dialect, ())
    names = [dialect.name(column) for column in query.columns]
    event = dialect.name(Hidden.EVENT)
    body = (
        f"SELECT {', '.join([*names, event])}\nFROM {dialect.name(query.rows)}\n"
        f"WHERE {event} IS NULL OR {event} <= {query.mature_before}\n"
        f"ORDER BY {', '.join([event, *names])}"
    )
    return _statement([printer.cte(relation) for relation in query.relations], body)


def print_boundary_query(query: BoundaryQuery, dialect: Dialect) -> str:
    """The statement: one row per entity, with its keys and the columns of the query, in no order."""
    printer = _Printer(dialect, _schedules(query.query))
    keys = [f"s.{dialect.name(key)}" for key in query.keys]
    return _statement(printer.ctes(query.query), printer.selected(query.query, keys))


def print_stage(stage: Stage, dialect: Dialect) -> str:
    """What is computed before a statement that reads ``stage``: statements, and what is done with their rows."""
    step, often = stage.step.table, "" if stage.schedule is None else ", for each boundary that is asked for"
    told = [f"-- {stage.name}: made before by {step.ref}{often}"]
    for parameter, query in stage.inputs:
        if parameter:
            told.append(f"-- its input {parameter}, given to {step.transformation.engine} code:")
        told.append(print_rows_query(query, dialect) + ";")
    return "\n".join(told)


def print_rows_query(query: RowsQuery, dialect: Dialect) -> str:
    """The statement: the columns of one relation of rows, in no order."""
    printer = _Printer(dialect, ())
    body = f"SELECT {', '.join(map(dialect.name, query.columns))}\nFROM {dialect.name(query.rows)}"
    return _statement([printer.cte(relation) for relation in query.relations], body)


def _statement(relations: Sequence[str], body: str) -> str:
    joined = ",\n".join(relations)
    return f"WITH {joined}\n{body}" if relations else body


class _Printer:
    """Prints relations in one dialect; ``schedules`` are those whose boundaries the spine's rows are given first."""

    def __init__(self, dialect: Dialect, schedules: Sequence[Schedule]) -> None:
        self.dialect = dialect
        self._schedules = schedules

    def ctes(self, query: Query) -> list[str]:
        """All relations, and before the first that needs it the spine with its boundaries."""
        found = [self.cte(relation) for relation in query.relations]
        if self._schedules:
            found.insert(next(i for i, one in enumerate(query.relations) if isinstance(one, Points)), self._asked())
        return found

    def cte(self, relation: Relation) -> str:
        """A relation as ``name AS (query)``, with a word about what it is."""
        match relation:
            case StepRows():
                names = dict(relation.inputs)
                body = with_hidden(relation.step, names, relation.hidden, self.dialect.sqlglot)
                told = f"the step {relation.step.table.ref}"
            case Points():
                body, told = self._points(relation), "what the spine asks for"
            case Pass():
                body = PassPrinter(relation, self.dialect).printed()
                told = "one row for each entity and boundary that has rows"
            case Entities():
                body, told = self._entities(relation), "the entities that are live at the boundary"
            case _:
                body, told = print_rows(relation, self.dialect)
        return f"{self.dialect.name(relation.name)} AS (  -- {told}\n{textwrap.indent(body, '  ')}\n)"

    def _asked(self) -> str:
        """The spine with the boundary that answers for its time, for each schedule (semantics 1)."""
        name = self.dialect.name
        boundaries = [f"  {self._boundary(one)} AS {self._boundary_name(one)}" for one in self._schedules]
        body = "SELECT *,\n" + ",\n".join(boundaries) + f"\nFROM {name('spine')}"
        return f"{name(_ASKED)} AS (  -- the spine, with its boundaries\n{textwrap.indent(body, '  ')}\n)"

    def _boundary_name(self, schedule: Schedule) -> str:
        return self.dialect.name(f"{Hidden.BOUNDARY}_{self._schedules.index(schedule)}")

    # --- points and passes ------------------------------------------------------------------------------------------

    def _points(self, points: Points) -> str:
        name = self.dialect.name
        keys = [name(key) for key in points.keys]
        known = " AND ".join(f"{key} IS NOT NULL" for key in keys)
        if points.schedule is None:
            return f"SELECT DISTINCT {', '.join(keys)}\nFROM {name('spine')}\nWHERE {known}"
        keys.append(f"{self._boundary_name(points.schedule)} AS {name(Hidden.BOUNDARY)}")
        return f"SELECT DISTINCT {', '.join(keys)}\nFROM {name(_ASKED)}\nWHERE {known}"

    def _entities(self, entities: Entities) -> str:
        name = self.dialect.name
        named = "\nUNION ALL\n".join(self._named(live, entities) for live in entities.rows)
        time = self.dialect.literal(entities.time, Int64)
        keys = [name(key) for key in entities.keys]
        known = " AND ".join(f"{key} IS NOT NULL" for key in keys)
        return (
            f"SELECT DISTINCT {', '.join(keys)}, {time} AS {name(Hidden.TIME)}\n"
            f"FROM (\n{textwrap.indent(named, '  ')}\n) AS live\nWHERE {known}"
        )

    def _named(self, live: LiveRows, entities: Entities) -> str:
        """The entities that rows name; those that have changed, if not all are wanted (semantics 17)."""
        name = self.dialect.name
        keys = [f"{name(column)} AS {name(key)}" for column, key in zip(live.keys, entities.keys, strict=True)]
        named = f"SELECT {', '.join(keys)}\nFROM {name(live.name)}"
        if not live.timed:
            return named
        if live.at_boundary:
            return f"{named}\nWHERE {name(Hidden.BOUNDARY)} = {entities.boundary}"
        event, enter = name(Hidden.EVENT), name(Hidden.ENTER)
        visible = f"{enter} <= {entities.boundary}"
        if entities.since is None:
            return f"{named}\nWHERE {visible}"
        moments = [enter, *map(name, live.leaves)]
        moments += [f"{event} + {ago}" for ago in dict.fromkeys(one.ago for one in live.aggregates) if ago]
        moments += [
            f"{event} + {length}" for length in dict.fromkeys(map(reach, live.aggregates)) if length is not None
        ]
        changes = [f"{moment} > {entities.since} AND {moment} <= {entities.boundary}" for moment in moments]
        return f"{named}\nWHERE {visible}\n  AND (\n    " + "\n    OR ".join(changes) + "\n  )"

    def _boundary(self, schedule: Schedule) -> str:
        """``b(t)`` (semantics 1)."""
        time = self.dialect.name(Hidden.TIME)
        lag = schedule.delay + schedule.publish_within + schedule.offset
        number = self.dialect.floor_divide(f"({time} - {lag})" if lag else time, schedule.every)
        shifted = f" + {schedule.offset}" if schedule.offset else ""
        return f"{number} * {schedule.every}{shifted}"

    # --- results ----------------------------------------------------------------------------------------------------

    def outputs(self, query: Query) -> str:
        """The statement's own SELECT: a row per row of the spine, in its order."""
        row = f"s.{self.dialect.name(Hidden.ROW)}"
        return f"{self.selected(query, [row])}ORDER BY {row}"

    def selected(self, query: Query, first: Sequence[str]) -> str:
        """The outputs after the columns ``first`` of the spine."""
        name = self.dialect.name
        passes = {relation.name: relation for relation in query.relations if isinstance(relation, Pass)}
        points = {relation.name: relation for relation in query.relations if isinstance(relation, Points)}
        columns = [*first]
        columns += [f"{self._output(output, passes)} AS {name(output.name)}" for output in query.outputs]
        joins = [self._join(made, points[made.points]) for made in passes.values()]
        return (
            "SELECT "
            + ",\n  ".join(columns)
            + f"\nFROM {name(_ASKED if self._schedules else 'spine')} AS s\n"
            + "".join(f"{join}\n" for join in joins)
        )

    def _join(self, made: Pass, points: Points) -> str:
        name = self.dialect.name
        relation = name(made.name)
        on = [f"{relation}.{name(key)} = s.{name(key)}" for key, _ in made.keys]
        if points.schedule is not None:
            on.append(f"{relation}.{name(Hidden.BOUNDARY)} = s.{self._boundary_name(points.schedule)}")
        return f"LEFT JOIN {relation}\n  ON " + "\n  AND ".join(on)

    def _output(self, output: Output, passes: Mapping[str, Pass]) -> str:
        placed = {one: (made, column) for one, made, column in output.columns}

        def aggregate(leaf: Node) -> Printed:
            assert isinstance(leaf, Aggregate)  # noqa: S101 - between aggregations there is nothing else
            made, column = placed[leaf]
            value = f"{self.dialect.name(made)}.{self.dialect.name(column)}"
            return self._finished(output, leaf, value, passes[made])

        value, data_type = print_expression(output.expression, aggregate, self.dialect)
        return value if data_type == output.type else self.dialect.cast(value, output.type)

    def _finished(self, output: Output, one: Aggregate, value: str, made: Pass) -> Printed:
        """An aggregation's value out of its pass: unboxed, in its type, and what it is over no rows (semantics 10)."""
        data_type = type_of(one, made.columns)
        described = AGGREGATIONS[one.function]
        if not described.skips_nulls:
            return self.dialect.unboxed(value), data_type
        if one.function == "sum" and data_type == Int64:
            boundary = f"{self.dialect.name(made.name)}.{self.dialect.name(Hidden.BOUNDARY)}" if made.timed else None
            failed = self.dialect.failure(f"{OVERFLOW}{output.feature.ref} at ", Int64, boundary)
            low, high = (self.dialect.literal(int(edge), Int64) for edge in _INT64)
            fits = f"{value} BETWEEN {low} AND {high}"
            whole = self.dialect.widened(value, Int64)
            value = f"CASE WHEN {value} IS NULL THEN NULL WHEN {fits} THEN {whole} ELSE {failed} END"
        if described.empty is not None:
            value = f"COALESCE({value}, {self.dialect.literal(described.empty, data_type)})"
        return value, data_type
