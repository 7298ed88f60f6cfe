"""A query, printed as one SQL statement: a CTE per relation, in the order of the plan."""

import textwrap
from collections.abc import Mapping, Sequence

from featurestore.compiler.dialect import Dialect
from featurestore.compiler.expressions import Printed, print_expression
from featurestore.compiler.query import (
    Asof,
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
    SourceRows,
    StepRows,
    reach,
)
from featurestore.compiler.steps import with_hidden
from featurestore.definitions.functions import AGGREGATIONS, type_of
from featurestore.definitions.nodes import Aggregate, Column, Node
from featurestore.definitions.resolved import Schedule
from featurestore.definitions.types import DataType, Float64, Int64, Schema

__all__ = ["OVERFLOW", "print_boundary_query", "print_label_query", "print_query", "source_relation"]

OVERFLOW = "featurestore overflow in "
"""How the message of a failed sum begins; the feature's reference follows."""

_ASKED = "asked"
"""The relation of the spine with its boundaries."""
_INT64 = ("-9223372036854775808", "9223372036854775807")


def source_relation(name: str) -> str:
    """The relation under which a store brings the source ``name``."""
    return f"source_{name}"


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
            case SourceRows():
                body, told = self._source_rows(relation), f"the rows of {relation.source.ref}, each with its times"
            case StepRows():
                names = dict(relation.inputs)
                body = with_hidden(relation.step, names, relation.hidden, self.dialect.sqlglot)
                told = f"the step {relation.step.table.ref}"
            case Points():
                body, told = self._points(relation), "what the spine asks for"
            case Pass():
                body, told = self._pass(relation), "one row for each entity and boundary that has rows"
            case Entities():
                body, told = self._entities(relation), "the entities that are live at the boundary"
        return f"{self.dialect.name(relation.name)} AS (  -- {told}\n{textwrap.indent(body, '  ')}\n)"

    def _asked(self) -> str:
        """The spine with the boundary that answers for its time, for each schedule (semantics 1)."""
        name = self.dialect.name
        boundaries = [f"  {self._boundary(one)} AS {self._boundary_name(one)}" for one in self._schedules]
        body = "SELECT *,\n" + ",\n".join(boundaries) + f"\nFROM {name('spine')}"
        return f"{name(_ASKED)} AS (  -- the spine, with its boundaries\n{textwrap.indent(body, '  ')}\n)"

    def _boundary_name(self, schedule: Schedule) -> str:
        return self.dialect.name(f"{Hidden.BOUNDARY}_{self._schedules.index(schedule)}")

    # --- rows of a source -------------------------------------------------------------------------------------------

    def _source_rows(self, rows: SourceRows) -> str:
        source = rows.source.source
        name = self.dialect.name
        columns = [f"  {self._typed(column, kind)} AS {name(column)}" for column, kind in rows.columns.items()]
        keys = [f"{name(column)} AS {name(Hidden.key(position))}" for position, column in enumerate(sorted(source.key))]
        read = "SELECT\n" + ",\n".join(columns) + f"\nFROM {name(source_relation(rows.source.name))}"
        if source.event_time is None:
            return self._newest_untimed(rows, read, keys)
        timed = (
            f"SELECT *{''.join(', ' + key for key in keys)},\n"
            f"  {self._event(rows)} AS {name(Hidden.EVENT)},\n"
            f"  {self._created(rows)} AS {name(Hidden.CREATED)}\n"
            f"FROM (\n{textwrap.indent(read, '  ')}\n) AS raw"
        )
        if isinstance(rows.knowledge, Asof):
            return self._newest_as_of(rows, timed, rows.knowledge)
        return self._intervals(rows, timed, rows.knowledge)

    def _typed(self, column: str, data_type: DataType) -> str:
        return self.dialect.cast(self.dialect.name(column), data_type)

    def _event(self, rows: SourceRows) -> str:
        column = rows.source.source.event_time or ""
        return self.dialect.micros(self.dialect.name(column), rows.columns[column])

    def _created(self, rows: SourceRows) -> str:
        """``c``: the created time; where it is null, the event time plus what `known_after` says (semantics 3)."""
        source = rows.source.source
        known = self._event(rows) + (f" + {source.known_after}" if source.known_after else "")
        if source.created_time is None:
            return known
        created = self.dialect.name(source.created_time)
        kind = rows.columns[source.created_time]
        return f"CASE WHEN {created} IS NULL THEN {known} ELSE {self.dialect.micros(created, kind)} END"

    def _intervals(self, rows: SourceRows, timed: str, delay: int) -> str:
        """Rows with ``[enter, leave)``; a row that is never visible is left out (semantics 3 and 4)."""
        source, name = rows.source.source, self.dialect.name
        event, created, enter, leave = map(name, (Hidden.EVENT, Hidden.CREATED, Hidden.ENTER, Hidden.LEAVE))
        known = f"{created} - {delay}" if delay else created
        entered = f"CASE WHEN {event} > {known} THEN {event} ELSE {known} END"  # null is not greater
        if source.created_time is None and (source.known_after or 0) <= delay:
            entered = event
        if not source.key:
            return (
                f"SELECT *,\n  {entered} AS {enter},\n  {self.dialect.cast('NULL', Int64)} AS {leave}\n"
                f"FROM (\n{textwrap.indent(timed, '  ')}\n) AS timed\n"
                f"WHERE {event} IS NOT NULL AND {created} IS NOT NULL"
            )
        visible = (
            f"SELECT *,\n  {entered} AS {enter}\n"
            f"FROM (\n{textwrap.indent(timed, '  ')}\n) AS timed\nWHERE {self._visible(rows)}"
        )
        newer = (
            f"MIN({enter}) OVER (\n    PARTITION BY {self._key(rows)}\n"
            f"    ORDER BY {', '.join(self._version_order(rows))}\n"
            "    ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING\n  )"
        )
        versions = (
            f"SELECT *,\n  CASE WHEN {self._has_key(rows)} THEN {newer} END AS {leave}\n"
            f"FROM (\n{textwrap.indent(visible, '  ')}\n) AS entered"
        )
        # A version that never counts stays, since it names a live entity all the same (semantics 17).
        if not (kept := self._not_deleted(rows)):
            return versions
        return f"SELECT *\nFROM (\n{textwrap.indent(versions, '  ')}\n) AS versions\nWHERE {' AND '.join(kept)}"

    def _newest_as_of(self, rows: SourceRows, timed: str, known: Asof) -> str:
        """The newest versions created by a time; deletions are gone, a row without an event time stays to be told."""
        name = self.dialect.name
        created = name(Hidden.CREATED)
        if not rows.source.source.key:
            return (
                f"SELECT * FROM (\n{textwrap.indent(timed, '  ')}\n) AS timed\n"
                f"WHERE {created} IS NULL OR {created} <= {known.time}"
            )
        partition = f"PARTITION BY {self._key(rows)}, {self._alone(rows)}"
        order = ", ".join(f"{part} DESC" for part in self._descending(rows))
        ranked = (
            f"SELECT *, ROW_NUMBER() OVER ({partition} ORDER BY {order}) AS {name('__rank')}\n"
            f"FROM (\n{textwrap.indent(timed, '  ')}\n) AS timed\nWHERE {created} IS NULL OR {created} <= {known.time}"
        )
        return self._first_ranked(rows, ranked)

    def _newest_untimed(self, rows: SourceRows, read: str, keys: Sequence[str]) -> str:
        """Untimed rows: of each key the newest by its ties, unless that is a deletion."""
        hidden = "".join(", " + key for key in keys)
        if not keys:
            return read
        name = self.dialect.name
        order = ", ".join(f"{part} DESC" for part in self._descending(rows, timed=False))
        partition = f"PARTITION BY {self._key(rows)}, {self._alone(rows)}"
        ranked = (
            f"SELECT *{hidden}, ROW_NUMBER() OVER ({partition} ORDER BY {order}) AS {name('__rank')}\n"
            f"FROM (\n{textwrap.indent(read, '  ')}\n) AS raw"
        )
        return self._first_ranked(rows, ranked)

    def _first_ranked(self, rows: SourceRows, ranked: str) -> str:
        rank = self.dialect.name("__rank")
        newest = f"({rank} = 1 OR NOT ({self._has_key(rows)}))"
        kept = " AND ".join([newest, *self._not_deleted(rows)])
        return f"SELECT *\nFROM (\n{textwrap.indent(ranked, '  ')}\n) AS ranked\nWHERE {kept}"

    def _alone(self, rows: SourceRows) -> str:
        """Part of a partition: rows without a whole key are versions of nothing."""
        return f"CASE WHEN {self._has_key(rows)} THEN 0 ELSE 1 END"

    def _key(self, rows: SourceRows) -> str:
        return ", ".join(self.dialect.name(column) for column in sorted(rows.source.source.key))

    def _has_key(self, rows: SourceRows) -> str:
        return " AND ".join(f"{self.dialect.name(column)} IS NOT NULL" for column in sorted(rows.source.source.key))

    def _deleted(self, rows: SourceRows) -> list[str]:
        """Whether a row is a delete marker, if the source has any."""
        column = rows.source.source.deleted
        return [f"COALESCE({self.dialect.name(column)}, FALSE)"] if column else []

    def _not_deleted(self, rows: SourceRows) -> list[str]:
        return [f"NOT {deleted}" for deleted in self._deleted(rows)]

    def _visible(self, rows: SourceRows) -> str:
        """Rows that are visible at some boundary: with finite times, or a deletion, which may lack its event time."""
        event, created = self.dialect.name(Hidden.EVENT), self.dialect.name(Hidden.CREATED)
        source = rows.source.source
        for deleted in self._deleted(rows):
            timeless = f"{deleted} AND {self.dialect.name(source.event_time or '')} IS NULL"
            return (
                f"{created} IS NOT NULL\n  AND ({event} IS NOT NULL OR {timeless})\n"
                f"  AND (NOT {deleted} OR {self._has_key(rows)})"
            )
        return f"{event} IS NOT NULL AND {created} IS NOT NULL"

    def _version_order(self, rows: SourceRows) -> list[str]:
        """Oldest version first: by created time, event time (none last), deletion last, then ties (semantics 4)."""
        event, created = self.dialect.name(Hidden.EVENT), self.dialect.name(Hidden.CREATED)
        return [created, f"({event} IS NULL)", event, *self._deleted(rows), *self._ties(rows.ties, rows.columns)]

    def _descending(self, rows: SourceRows, *, timed: bool = True) -> list[str]:
        if timed:
            created = self.dialect.name(Hidden.CREATED)
            return [f"({created} IS NOT NULL)", *self._version_order(rows)]
        return [*self._deleted(rows), *self._ties(rows.ties, rows.columns)]

    def _ties(self, columns: Sequence[str], types: Schema, alias: str = "") -> list[str]:
        """What orders rows by ``columns``: null first, and floats by value, whatever the sign of a zero."""
        order = []
        for column in columns:
            order += self._ordered(alias + self.dialect.name(column), types[column])
        return order

    def _ordered(self, value: str, data_type: DataType) -> list[str]:
        return [f"({value} IS NOT NULL)", f"({value} + 0.0)" if data_type.is_float else value]

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
        event, enter, leave = (name(hidden) for hidden in (Hidden.EVENT, Hidden.ENTER, Hidden.LEAVE))
        visible = f"{enter} <= {entities.boundary}"
        if entities.since is None:
            return f"{named}\nWHERE {visible}"
        moments = [enter, leave]
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

    def _pass(self, made: Pass) -> str:
        name = self.dialect.name
        keys = [f"p.{name(key)}" for key, _ in made.keys]
        points, rows = name(made.points), name(made.rows)
        on = [f"r.{name(column)} = p.{name(key)}" for key, column in made.keys]
        if made.timed:
            keys.append(f"p.{name(Hidden.BOUNDARY)}")
            on += self._alive(made)
            if made.reach is not None:
                points, rows = self._bucketed(made, points, rows)
                on.append(f"r.{name(Hidden.BUCKET)} = p.{name(Hidden.BUCKET)}")
        aggregates = [f"{self._aggregate(made, one, ties)} AS {name(column)}" for column, one, ties in made.aggregates]
        return (
            f"SELECT {', '.join(keys)},\n" + ",\n".join(f"  {one}" for one in aggregates) + "\n"
            f"FROM {points} AS p\nJOIN {rows} AS r\n  ON " + "\n  AND ".join(on) + f"\nGROUP BY {', '.join(keys)}"
        )

    def _alive(self, made: Pass) -> list[str]:
        """The rows that a point sees at its boundary and that lie in some window of the pass."""
        name = self.dialect.name
        boundary = f"p.{name(Hidden.BOUNDARY)}"
        event, enter, leave = (f"r.{name(hidden)}" for hidden in (Hidden.EVENT, Hidden.ENTER, Hidden.LEAVE))
        alive = [f"{enter} <= {boundary}", f"({leave} IS NULL OR {boundary} < {leave})"]
        if made.shift:
            alive.append(f"{event} <= {boundary} - {made.shift}")
        if made.reach is not None:
            alive.append(f"{event} > {boundary} - {made.reach}")
        return alive

    def _bucketed(self, made: Pass, points: str, rows: str) -> tuple[str, str]:
        """Points and rows with a time bucket as wide as the windows reach: a window lies in two of them.

        Without it every point would meet all rows of its entity.
        """
        name = self.dialect.name
        width = (made.reach or 0) - made.shift
        end = f"({name(Hidden.BOUNDARY)} - {made.shift})" if made.shift else name(Hidden.BOUNDARY)
        newest = self.dialect.floor_divide(end, width)
        own = self.dialect.floor_divide(name(Hidden.EVENT), width)
        bucket = name(Hidden.BUCKET)
        return (
            f"(\n  SELECT *, {self.dialect.buckets(newest)} AS {bucket}\n  FROM {points}\n)",
            f"(\n  SELECT *, {own} AS {bucket}\n  FROM {rows}\n)",
        )

    def _aggregate(self, made: Pass, one: Aggregate, ties: Sequence[str]) -> str:
        argument = None if one.argument is None else self._row_value(one.argument, made.columns)
        conditions = self._window(made, one)
        if one.where is not None:
            conditions.append(self._row_value(one.where, made.columns)[0])
        if one.ignore_nulls and argument:
            conditions.append(f"{argument[0]} IS NOT NULL")
        condition = " AND ".join(conditions)
        if argument is None:
            return self.dialect.filtered("COUNT(*)", condition)
        if AGGREGATIONS[one.function].keeps_order:
            choose = self.dialect.newest if one.function == "last" else self.dialect.oldest
            return self.dialect.filtered(choose(argument[0], self._order(made, ties)), condition)
        return self._plain(one.function, argument, condition)

    def _window(self, made: Pass, one: Aggregate) -> list[str]:
        """Which of the pass's rows lie in this aggregation's own window (semantics 6, 9)."""
        if not made.timed:
            return []
        boundary, event = f"p.{self.dialect.name(Hidden.BOUNDARY)}", f"r.{self.dialect.name(Hidden.EVENT)}"
        conditions = []
        farthest = reach(one)
        if farthest is not None and farthest != made.reach:
            conditions.append(f"{event} > {boundary} - {farthest}")
        if one.ago != made.shift:
            conditions.append(f"{event} <= {boundary} - {one.ago}")
        return conditions

    def _order(self, made: Pass, ties: Sequence[str]) -> list[str]:
        """What makes a row the newest: event time, created time, key, then the columns that the feature reads."""
        name = self.dialect.name
        order = [f"r.{name(Hidden.EVENT)}", f"r.{name(Hidden.CREATED)}"] if made.timed else []
        for position, data_type in enumerate(made.tie_keys):
            order += self._ordered(f"r.{name(Hidden.key(position))}", data_type)
        return order + self._ties(ties, made.columns, "r.")

    def _row_value(self, node: Node, columns: Schema) -> Printed:
        def column(leaf: Node) -> Printed:
            assert isinstance(leaf, Column)  # noqa: S101 - inside an aggregation there is nothing else
            return f"r.{self.dialect.name(leaf.name)}", columns[leaf.name]

        return print_expression(node, column, self.dialect)

    def _plain(self, function: str, argument: Printed, condition: str) -> str:
        value, data_type = argument
        filtered = self.dialect.filtered
        if function == "min" and data_type.is_float:
            # NaN is the greatest of all to an engine, and taints every aggregate here (semantics 11).
            tainted = filtered(f"BOOL_OR({self.dialect.is_nan(value)})", condition)
            smallest = filtered(f"MIN({value})", condition)
            return f"CASE WHEN {tainted} THEN {self.dialect.literal(float('nan'), data_type)} ELSE {smallest} END"
        if function == "mean":
            total = filtered(f"SUM({value})", condition)
            number = filtered(f"COUNT({value})", condition)
            whole = total if data_type == Float64 else self.dialect.cast(total, Float64)
            return f"CASE WHEN {number} = 0 THEN NULL ELSE {whole} / {number} END"
        if function == "sum" and data_type.is_float and data_type != Float64:
            return filtered(f"SUM({self.dialect.cast(value, Float64)})", condition)
        return filtered(f"{_FUNCTIONS[function]}({value})", condition)

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
            return self._finished(output, leaf, value, passes[made].columns)

        value, data_type = print_expression(output.expression, aggregate, self.dialect)
        return value if data_type == output.type else self.dialect.cast(value, output.type)

    def _finished(self, output: Output, one: Aggregate, value: str, columns: Schema) -> Printed:
        """An aggregation's value out of its pass: unboxed, in its type, and what it is over no rows (semantics 10)."""
        data_type = type_of(one, columns)
        described = AGGREGATIONS[one.function]
        if described.keeps_order:
            return self.dialect.unboxed(value), data_type
        if one.function == "sum" and data_type == Int64:
            failed = self.dialect.failure(f"{OVERFLOW}{output.feature.ref}", Int64)
            low, high = (self.dialect.literal(int(edge), Int64) for edge in _INT64)
            fits = f"{value} BETWEEN {low} AND {high}"
            whole = self.dialect.cast(value, Int64)
            value = f"CASE WHEN {value} IS NULL THEN NULL WHEN {fits} THEN {whole} ELSE {failed} END"
        if described.empty is not None:
            value = f"COALESCE({value}, {self.dialect.literal(described.empty, data_type)})"
        return value, data_type


_FUNCTIONS = {"sum": "SUM", "count": "COUNT", "min": "MIN", "max": "MAX", "any": "BOOL_OR", "all": "BOOL_AND"}
