"""`values_at(features, spine)`, compiled: from a layout to the relational plan that every engine prints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

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
from featurestore.compiler.steps import analyze, is_hidden, is_timed, table_schema
from featurestore.compiler.stored import stored_form
from featurestore.compiler.vector import Layout, Slot
from featurestore.definitions.documents import version_ties
from featurestore.definitions.entities import Entity
from featurestore.definitions.nodes import Aggregate, aggregates
from featurestore.definitions.resolved import (
    Group,
    ResolvedLabel,
    Schedule,
    SourceTable,
    StoredFeature,
    Table,
    sources_of,
)
from featurestore.definitions.types import DataType, Date, Int64
from featurestore.errors import ColumnTypeError, MissingColumnError, NotSupportedError, TypeMismatchError

__all__ = [
    "check_feature",
    "check_times",
    "compile_boundary",
    "compile_label",
    "compile_values",
    "join_columns",
    "tie_keys",
]

SUPPORTED = frozenset({"last", "first", "count", "sum", "mean", "min", "max", "any", "all"})


def compile_values(layout: Layout) -> Query:
    """The plan that computes the stored features of ``layout`` for a spine.

    Raises:
        NotSupportedError: a feature uses what this version cannot compute.
        MissingColumnError: a join key or a time column is not there.
        ColumnTypeError: a join key or a time column has another type.
    """
    return _compiled(layout, _Building())


def _compiled(layout: Layout, building: "_Building") -> Query:
    passes: dict[tuple[object, ...], list[Slot]] = {}
    for slot in layout.slots:
        check_feature(slot.feature)
        for aggregate in aggregates(slot.expression):
            passes.setdefault(_shared(slot, aggregate), []).append(slot)
    placed: dict[tuple[str, Aggregate], tuple[str, str]] = {}
    for key, slots in passes.items():
        _add_pass(building, key, tuple(dict.fromkeys(slots)), placed)
    outputs = tuple(
        Output(
            slot.name,
            slot.feature,
            slot.expression,
            tuple((one, *placed[slot.name, one]) for one in aggregates(slot.expression)),
            slot.keys,
            slot.type,
        )
        for slot in layout.slots
    )
    return Query(tuple(building.relations), outputs, layout.keys, tuple(building.sources.values()))


def compile_boundary(group: Group, boundary: int, since: int | None) -> BoundaryQuery:
    """The plan of what a group's store holds at ``boundary``: stored forms of all live entities.

    Args:
        group: The group.
        boundary: The boundary, in microseconds.
        since: An earlier boundary; entities that have not changed after it are left out. None: none is left out.

    Raises:
        FeaturestoreError: as `compile_values`.
    """
    keys = tuple(group.entity.keys)
    slots: list[Slot] = []
    columns: dict[str, DataType] = {}
    for form in map(stored_form, group.members):
        columns |= form.columns
        slots += [
            Slot(f"f{len(slots) + number}", form.feature, (), data_type, expression)
            for number, (expression, data_type) in enumerate(form.expressions)
        ]
    building = _Building()
    query = _compiled(Layout(tuple(slots), (), {}, group.entity.keys, {}), building)
    live: dict[str, LiveRows] = {}
    for slot in slots:
        table = slot.feature.table
        timed = is_timed(table)
        rows = building.rows(table, group.schedule.delay if timed else 0, version_ties(slot.feature))
        before = live.get(rows)
        found = (*(before.aggregates if before else ()), *aggregates(slot.expression))
        live[rows] = LiveRows(rows, join_columns(group.entity, table), timed, tuple(dict.fromkeys(found)))
    entities = Entities("spine", tuple(live.values()), keys, boundary, since, group.schedule.due(boundary))
    rows_first = [one for one in query.relations if isinstance(one, (SourceRows, StepRows))]
    others = [one for one in query.relations if not isinstance(one, (SourceRows, StepRows))]
    return BoundaryQuery(replace(query, relations=(*rows_first, entities, *others)), group.entity.keys, columns)


def _shared(slot: Slot, aggregate: Aggregate) -> tuple[object, ...]:
    """Aggregations with an equal answer share a pass: same rows, same points, all windows bounded or none."""
    feature = slot.feature
    schedule = feature.schedule if is_timed(feature.table) else None
    return feature.table, slot.keys, feature.entity.name, schedule, version_ties(feature), reach(aggregate) is None


@dataclass
class _Building:
    """The relations made so far; each once."""

    relations: list[Relation] = field(default_factory=list)
    sources: dict[str, SourceTable] = field(default_factory=dict)
    _made: dict[object, str] = field(default_factory=dict)

    def rows(self, table: Table, knowledge: int | Asof, ties: Sequence[tuple[str, tuple[str, ...]]]) -> str:
        """The relation of a table's rows; ``ties`` is source to the columns that break ties between versions."""
        key = (table, knowledge, tuple(ties))
        if key not in self._made:
            given = {} if isinstance(table, SourceTable) else table.inputs
            inputs = tuple((parameter, self.rows(one, knowledge, ties)) for parameter, one in given.items())
            name = f"rows_{table.name}_{len(self._made)}"
            if isinstance(table, SourceTable):
                self.sources[table.name] = table
                relation: Relation = SourceRows(name, table, table.schema, knowledge, dict(ties).get(table.name, ()))
            else:
                relation = StepRows(name, analyze(table), inputs, _hidden(table, knowledge))
            self._made[key] = name
            self.relations.append(relation)
        return self._made[key]

    def points(self, keys: tuple[str, ...], schedule: Schedule | None) -> str:
        """The relation of a spine's points."""
        if (keys, schedule) not in self._made:
            name = f"points_{len(self._made)}"
            self._made[keys, schedule] = name
            self.relations.append(Points(name, keys, schedule))
        return self._made[keys, schedule]


def _hidden(table: Table, knowledge: int | Asof) -> tuple[str, ...]:
    keys = tuple(Hidden.key(position) for position in range(len(tie_keys(table))))
    if not is_timed(table):
        return keys
    times = (
        (Hidden.EVENT,) if isinstance(knowledge, Asof) else (Hidden.EVENT, Hidden.CREATED, Hidden.ENTER, Hidden.LEAVE)
    )
    return times + keys


def _carriers(table: Table) -> list[SourceTable]:
    """The sources whose rows a table's rows are: the timed ones, or of an untimed table what it reads first."""
    if isinstance(table, SourceTable):
        return [table]
    return [source for name in analyze(table).carriers for source in _carriers(table.inputs[name])]


def tie_keys(table: Table) -> tuple[DataType, ...]:
    """Types of the key columns of the rows' source, in name order.

    Raises:
        NotSupportedError: rows of sources with different keys are put into one table.
    """
    found = [[source.schema[name] for name in sorted(source.source.key)] for source in _carriers(table)]
    if any(types != found[0] for types in found[1:]):
        message = f"{table.name} puts rows of sources with different key= columns into one table."
        raise NotSupportedError(message, hint="Give the sources keys of the same types, or none.")
    return tuple(found[0])


def _add_pass(
    building: _Building,
    key: tuple[object, ...],
    slots: Sequence[Slot],
    placed: dict[tuple[str, Aggregate], tuple[str, str]],
) -> None:
    first = slots[0]
    table = first.feature.table
    timed = is_timed(table)
    unbounded = key[-1]
    wanted = [(slot, one) for slot in slots for one in aggregates(slot.expression) if (reach(one) is None) == unbounded]
    name = f"pass_{sum(isinstance(relation, Pass) for relation in building.relations)}"
    columns: dict[tuple[Aggregate, tuple[str, ...]], str] = {}
    for slot, one in wanted:
        ties = slot.feature.columns_read if one.function in {"first", "last"} else ()
        column = columns.setdefault((one, ties), f"a{len(columns)}")
        placed[slot.name, one] = (name, column)
    shift = min(one.ago for _, one in wanted)
    reaches = [reach(one) or 0 for _, one in wanted]
    building_rows = building.rows(table, first.feature.schedule.delay if timed else 0, version_ties(first.feature))
    made = Pass(
        name=name,
        points=building.points(first.keys, first.feature.schedule if timed else None),
        rows=building_rows,
        columns={**table_schema(table), Hidden.EVENT: Int64},
        keys=tuple(zip(first.keys, join_columns(first.feature.entity, table), strict=True)),
        tie_keys=tie_keys(table),
        aggregates=tuple((column, one, ties) for (one, ties), column in columns.items()),
        timed=timed,
        reach=None if unbounded or not timed else max(*reaches, shift + 1),
        shift=shift,
    )
    building.relations.append(made)


def join_columns(entity: Entity, table: Table) -> tuple[str, ...]:
    """The columns of ``table`` that hold the entity's keys, in the entity's order.

    Raises:
        MissingColumnError: one is not there.
        ColumnTypeError: one cannot be compared with its key: integers match integers of any width only.
    """
    schema = table_schema(table)
    renamed = {key: column for source in sources_of(table) for key, column in source.source.keys.items()}
    found = []
    for key, data_type in entity.keys.items():
        column = renamed.get(key, key) if renamed.get(key, key) in schema else key
        if column not in schema:
            message = f"{table.name} has no column for the key {key!r} of {entity.name}."
            hint = (
                f"Its columns are {', '.join(schema)}. Name the one that holds it: keys={{{key!r}: ...}} on the source."
            )
            raise MissingColumnError(message, hint=hint)
        if schema[column] != data_type and not (schema[column].is_integer and data_type.is_integer):
            message = f"The key {key!r} of {entity.name} is {data_type}, and {table.name}.{column} is {schema[column]}."
            raise ColumnTypeError(
                message, hint="Declare the key with the column's type, or cast it in a transformation."
            )
        found.append(column)
    return tuple(found)


def check_feature(feature: StoredFeature) -> None:
    """Refuses a feature that could not be computed, whatever the data.

    Raises:
        FeaturestoreError: one of its kinds; the feature is named.
    """
    for one in feature.aggregates:
        if one.function not in SUPPORTED:
            message = f"{feature.ref} uses {one.function}(), which this version cannot compute."
            raise NotSupportedError(message, where=str(feature.feature.origin))
    join_columns(feature.entity, feature.table)
    for source in sources_of(feature.table):
        check_times(source)


def check_times(table: SourceTable) -> None:
    """Refuses a source whose time columns, key or deletion mark are missing or of another type.

    Raises:
        MissingColumnError: a column is not there.
        ColumnTypeError: a column has another type.
    """
    source, schema, where = table.source, table.schema, str(table.source.origin)
    for column in source.own_columns():
        if column not in schema:
            message = f"The source {source.name!r} has no column {column!r}."
            raise MissingColumnError(message, where=where, hint=f"Its columns are {', '.join(schema)}.")
    for column in filter(is_hidden, schema):
        message = f"The source {source.name!r} has a column {column!r}, a name that rows carry unseen."
        raise ColumnTypeError(message, where=where, hint="Bind the source to a query that renames it.")
    wanted: Mapping[str | None, tuple[str, tuple[str, ...]]] = {
        source.event_time: ("event_time", ("Timestamp", "Date")),
        source.created_time: ("created_time", ("Timestamp",)),
        source.deleted: ("deleted", ("Bool",)),
    }
    for named, (what, names) in wanted.items():
        if named is not None and schema[named].name not in names:
            message = f"{what} of the source {source.name!r} is {named!r}, a {schema[named]}."
            raise ColumnTypeError(message, where=where, hint=f"It must be a {' or a '.join(names)}.")
    if source.event_time and schema[source.event_time] == Date and source.known_after is None:
        message = f"The event time of the source {source.name!r} is a Date: stamped at midnight, it would leak the day."
        raise ColumnTypeError(message, where=where, hint='Say when a day is known, as in known_after="1d".')
    for column in source.key:
        if schema[column].name in {"Array", "Vector"}:
            message = f"The key of the source {source.name!r} holds {column!r}, a {schema[column]}."
            raise ColumnTypeError(message, where=where)


def compile_label(label: ResolvedLabel, as_of: int) -> LabelQuery:
    """The plan of the label rows known at ``as_of``.

    Raises:
        TypeMismatchError: the table has no event time.
        MissingColumnError: the label's column or a key is not there.
    """
    table, definition = label.table, label.label
    where = str(definition.origin)
    if not is_timed(table):
        message = f"The label {label.ref} reads {table.name}, which has no event time."
        raise TypeMismatchError(message, where=where, hint="Give its source an event_time.")
    for source in sources_of(table):
        check_times(source)
    columns = table_schema(table)
    join_columns(definition.entity, table)
    if definition.column not in columns:
        message = f"The label {label.ref} reads the column {definition.column!r}, which {table.name} does not have."
        raise MissingColumnError(message, where=where, hint=f"Its columns are {', '.join(columns)}.")
    building = _Building()
    rows = building.rows(table, Asof(as_of), version_ties(label))
    mature_before = as_of - definition.matures_after
    return LabelQuery(tuple(building.relations), rows, columns, mature_before, tuple(building.sources.values()))
