"""`values_at(features, spine)`, compiled: from a layout to the relational plan that every engine prints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from featurestore.compiler.query import (
    Aggregated,
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
    reach,
)
from featurestore.compiler.steps import is_hidden, per_boundary, table_schema
from featurestore.compiler.stored import stored_form
from featurestore.compiler.tables import Tables, tie_keys, ties_of
from featurestore.compiler.vector import Layout, Slot
from featurestore.definitions.entities import Entity
from featurestore.definitions.functions import AGGREGATIONS
from featurestore.definitions.nodes import Aggregate, aggregates
from featurestore.definitions.resolved import (
    Group,
    ResolvedLabel,
    Schedule,
    SourceTable,
    StoredFeature,
    Table,
    is_timed,
    sources_of,
)
from featurestore.definitions.types import DataType, Date, Int64
from featurestore.errors import ColumnTypeError, MissingColumnError, TypeMismatchError

__all__ = [
    "check_feature",
    "check_times",
    "compile_boundary",
    "compile_label",
    "compile_values",
    "join_columns",
    "tie_keys",
]


def compile_values(layout: Layout) -> Query:
    """The plan that computes the stored features of ``layout`` for a spine.

    Raises:
        MissingColumnError: a join key or a time column is not there.
        ColumnTypeError: a join key or a time column has another type.
    """
    return _compiled(layout, _Building())


def _compiled(layout: Layout, building: "_Building") -> Query:
    passes: dict[tuple[object, ...], list[Slot]] = {}
    for slot in layout.slots:
        check_feature(slot.feature)
        building.tables.add(slot.feature)
        for aggregate in aggregates(slot.expression):
            passes.setdefault(_shared(slot, aggregate), []).append(slot)
    placed: dict[tuple[str, Aggregate], tuple[str, str]] = {}
    for key, slots in passes.items():
        building.relations.append(_pass(building, bool(key[-1]), tuple(dict.fromkeys(slots)), placed))
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
    relations = (*building.tables.relations, *building.relations)
    tables = building.tables
    return Query(relations, outputs, layout.keys, tuple(tables.sources.values()), tuple(tables.stages))


def compile_boundary(group: Group, boundary: int, since: int | None) -> BoundaryQuery:
    """The plan of what a group's store holds at ``boundary``: stored forms of all live entities.

    Args:
        group: The group.
        boundary: The boundary, in microseconds.
        since: An earlier boundary; entities that have not changed after it are left out. None: none is left out.

    Raises:
        FeaturestoreError: as `compile_values`.
    """
    slots: list[Slot] = []
    columns: dict[str, DataType] = {}
    for form in map(stored_form, group.members):
        columns |= form.columns
        slots += [
            Slot(f"f{len(slots) + number}", form.feature, (), data_type, expression)
            for number, (expression, data_type) in enumerate(form.expressions)
        ]
    building = _Building(Tables(until=boundary))
    query = _compiled(Layout(tuple(slots), (), {}, group.entity.keys, {}), building)
    live = _live(group, slots, building.tables)
    time = group.schedule.due(boundary)
    entities = Entities("spine", live, tuple(group.entity.keys), boundary, since, time)
    relations = (*building.tables.relations, entities, *building.relations)
    return BoundaryQuery(replace(query, relations=relations), group.entity.keys, columns, time)


def _live(group: Group, slots: Sequence[Slot], tables: Tables) -> tuple[LiveRows, ...]:
    """The relations whose rows name the group's entities."""
    live: dict[str, LiveRows] = {}
    for slot in slots:
        table = slot.feature.table
        rows = tables.of(slot.feature)
        found = (*(live[rows.name].aggregates if rows.name in live else ()), *aggregates(slot.expression))
        keys = join_columns(group.entity, table)
        live[rows.name] = LiveRows(
            rows.name, keys, is_timed(table), per_boundary(table), rows.leaves, tuple(dict.fromkeys(found))
        )
    return tuple(live.values())


def _shared(slot: Slot, aggregate: Aggregate) -> tuple[object, ...]:
    """Aggregations with an equal answer share a pass: same rows, same points, all windows bounded or none."""
    feature = slot.feature
    schedule = feature.schedule if is_timed(feature.table) else None
    choice = ties_of(feature).fixed
    return feature.table, slot.keys, feature.entity.name, schedule, choice, reach(aggregate) is None


@dataclass
class _Building:
    """The relations made so far, those of tables first; each once."""

    tables: Tables = field(default_factory=Tables)
    relations: list[Relation] = field(default_factory=list)
    _points: dict[object, str] = field(default_factory=dict)

    def points(self, keys: tuple[str, ...], schedule: Schedule | None) -> str:
        """The relation of a spine's points."""
        if (keys, schedule) not in self._points:
            name = f"points_{len(self._points)}"
            self._points[keys, schedule] = name
            self.relations.append(Points(name, keys, schedule))
        return self._points[keys, schedule]


def _pass(
    building: _Building,
    unbounded: bool,  # noqa: FBT001 - part of what its features share
    slots: Sequence[Slot],
    placed: dict[tuple[str, Aggregate], tuple[str, str]],
) -> Pass:
    first = slots[0].feature
    timed = is_timed(first.table)
    wanted = [(slot, one) for slot in slots for one in aggregates(slot.expression) if (reach(one) is None) == unbounded]
    name = f"pass_{sum(isinstance(relation, Pass) for relation in building.relations)}"
    made: dict[tuple[Aggregate, tuple[str, ...], str | None], Aggregated] = {}
    for slot, one in wanted:
        ties = slot.feature.columns_read if AGGREGATIONS[one.function].keeps_order else ()
        leave = building.tables.of(slot.feature).leave
        found = made.setdefault((one, ties, leave), Aggregated(f"a{len(made)}", one, ties, leave))
        placed[slot.name, one] = (name, found.column)
    shift = min(one.ago for _, one in wanted)
    reaches = [reach(one) or 0 for _, one in wanted]
    return Pass(
        name=name,
        points=building.points(slots[0].keys, first.schedule if timed else None),
        rows=building.tables.of(first).name,
        columns={**table_schema(first.table), Hidden.EVENT: Int64},
        keys=tuple(zip(slots[0].keys, join_columns(first.entity, first.table), strict=True)),
        tie_keys=tie_keys(first.table),
        aggregates=tuple(made.values()),
        timed=timed,
        at_boundary=per_boundary(first.table),
        reach=None if unbounded or not timed else max(*reaches, shift + 1),
        shift=shift,
    )


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
    tables = Tables(until=as_of)
    rows = tables.labels(label)
    mature_before = as_of - definition.matures_after
    return LabelQuery(
        tuple(tables.relations),
        rows,
        columns,
        mature_before,
        tuple(tables.sources.values()),
        tuple(tables.stages),
    )
