"""The oracle: `values_at` as plain loops over Python values, written from ``docs/semantics.md``.

It decides what a value must be. Numbers in comments are rules of that page. It is slow on purpose: for every spine row
and feature it looks at all rows of the source again, as they were at the boundary.
"""

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from featurestore.definitions.documents import version_ties
from featurestore.definitions.entities import Entity
from featurestore.definitions.functions import type_of
from featurestore.definitions.nodes import Aggregate, Column, FeatureValue, Node
from featurestore.definitions.resolved import (
    Computed,
    DerivedFeature,
    OnDemandFeature,
    ResolvedLabel,
    Role,
    SelectedFeature,
    StoredFeature,
    Table,
)
from featurestore.definitions.types import DataType, Schema, type_of_value
from featurestore.errors import (
    ColumnTypeError,
    NotSupportedError,
    NullRequestError,
    SpineError,
    UserCodeError,
)
from featurestore.testing.oracle_rows import (
    NO_STEPS,
    Moment,
    Row,
    RowStep,
    Step,
    TableStep,
    TimedRow,
    Warehouse,
    cell,
    key_column,
    rows_at,
    schema_of,
)
from featurestore.testing.oracle_values import (
    EPOCH,
    MICROSECOND,
    aggregate,
    evaluate,
    micros,
    order,
    read_value,
    write_value,
)

__all__ = ["Row", "RowStep", "Step", "TableStep", "label_rows", "rows_seen", "values_at"]


def values_at(
    features: Sequence[SelectedFeature],
    spine: Sequence[Row],
    tables: Mapping[str, Sequence[Row]],
    *,
    time: str,
    steps: Mapping[str, Step] = NO_STEPS,
) -> list[dict[str, object]]:
    """What serving would have returned for each row of the spine.

    Args:
        features: The features, in the order of their columns.
        spine: Rows with a time, the keys of the features' entities and whatever else.
        tables: Source to its rows, in any order. An infinite time is "infinity" or "-infinity".
        time: The spine's column that holds the time; naive is UTC.
        steps: Transformation to what it does: with a row, if it is row-wise, and otherwise with the rows of its tables.

    Returns:
        One row per row of the spine, in order: its own columns untouched, then those of the features.

    Raises:
        SpineError: the spine lacks a key, a request value or a time, or has a column that a feature has.
        SourceError: a table is not there, or a cell is not of its column's type.
        NumberOverflowError: a number does not fit the type of its feature.
        UserCodeError: an on-demand function raised.
        DefinitionError: a step yields rows of timed tables without saying when they happened.
        NotSupportedError: ``steps`` lacks a step, or an as-of join joins an untimed table.
    """
    warehouse = Warehouse(tables, steps)
    results: list[dict[str, object]] = []
    for number, cells in enumerate(spine):
        _check_names(features, cells)
        row = _SpineRow(number, cells, _time_of(number, cells, time))
        result = dict(cells)  # 13: the spine's own columns, untouched
        for selected in features:
            found = _computed(selected.feature, selected.role, row, warehouse)
            types = _types_of(selected.feature, warehouse)
            for column, value, data_type in zip(selected.columns, found, types, strict=True):
                result[column] = write_value(value, data_type)
        results.append(result)
    return results


def rows_seen(
    feature: StoredFeature,
    times: Iterable[datetime.datetime],
    tables: Mapping[str, Sequence[Row]],
    steps: Mapping[str, Step] = NO_STEPS,
) -> tuple[Schema, list[Row]]:
    """The columns of a feature's table, and all of its rows at the boundaries that answer for ``times``."""
    warehouse = Warehouse(tables, steps)
    boundaries = {_boundary(feature, (time - EPOCH) // MICROSECOND) for time in map(_aware, times)}
    found = [rows_at(feature.table, _moment(feature, boundary), warehouse) for boundary in sorted(boundaries)]
    return schema_of(feature.table, warehouse), [row.cells for rows in found for row in rows]


def label_rows(
    label: ResolvedLabel,
    tables: Mapping[str, Sequence[Row]],
    *,
    as_of: datetime.datetime,
    steps: Mapping[str, Step] = NO_STEPS,
) -> list[dict[str, object]]:
    """The rows of a label as they are known at ``as_of`` (19), in order of time: keys, ``t`` and the label.

    Raises:
        SpineError: a row has no time.
    """
    warehouse, end = Warehouse(tables, steps), micros(as_of)
    assert isinstance(end, int)
    moment = Moment(math.inf, end, dict(version_ties(label)), unplaced=True)
    schema, definition = schema_of(label.table, warehouse), label.label
    found: list[tuple[float, dict[str, object]]] = []
    for row in rows_at(label.table, moment, warehouse):
        if math.isinf(row.event_time):
            message = f"A row of the label {label.ref} has no time."
            raise SpineError(message)
        if row.event_time + definition.matures_after > end:
            continue
        keys = _entity_of(row, definition.entity, label.table, schema)
        value = write_value(cell(row.cells, definition.column, schema), schema[definition.column])
        time = EPOCH + int(row.event_time) * MICROSECOND
        cells = dict(zip(definition.entity.keys, keys, strict=True))
        found.append((row.event_time, {**cells, "t": time, definition.column: value}))
    return [cells for _, cells in sorted(found, key=lambda one: one[0])]


def _aware(time: datetime.datetime) -> datetime.datetime:
    return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)  # 15


def _check_names(features: Sequence[SelectedFeature], row: Row) -> None:
    for selected in features:
        for column in selected.columns:
            if column in row:  # 13
                message = f"The spine's column {column!r} has the name of the feature {selected.feature.ref}."
                raise SpineError(message, hint='Rename the feature with .named("...").')


def _time_of(number: int, cells: Row, column: str) -> int:
    given = cells.get(column)
    found = micros(given) if isinstance(given, datetime.datetime) else None
    if not isinstance(found, int):  # 13: a null time is an error
        message = f"Row {number} of the spine has {given!r} in its time column {column!r}."
        raise SpineError(message, hint="Each row asks for a time.")
    return found


@dataclass(frozen=True)
class _SpineRow:
    """A row of the spine, with its position and its time in microseconds."""

    number: int
    cells: Row
    time: int

    def cell(self, column: str) -> object:
        """The value in ``column``."""
        if column not in self.cells:
            message = f"Row {self.number} of the spine has no column {column!r}."
            raise SpineError(message)
        return self.cells[column]

    def key(self, column: str, data_type: DataType) -> object:
        """The value of a join key: compared with those of rows, it must be of their sort (14)."""
        given = self.cell(column)
        if isinstance(given, float):
            message = f"The spine's key column {column!r} holds floats ({given!r}); the key is {data_type}."
            raise SpineError(message, hint='Cast it to integers first, in pandas with .astype("Int64").')
        try:
            return read_value(given, data_type)
        except ColumnTypeError as error:
            message = f"The spine's key column {column!r} holds {given!r}; the key is {data_type}."
            raise SpineError(message) from error


def _computed(feature: Computed, role: Role, spine_row: _SpineRow, warehouse: Warehouse) -> tuple[Any, ...]:
    """The values of a feature's columns for one row of the spine."""
    match feature:
        case StoredFeature():
            renamed = dict(role)
            keys = feature.entity.keys
            key = tuple(spine_row.key(renamed.get(name, name), keys[name]) for name in keys)
            return (_stored(feature, key, spine_row.time, warehouse),)
        case DerivedFeature():  # 16: each input at its own boundary
            inputs = {name: _computed(given, role, spine_row, warehouse)[0] for name, given in feature.inputs.items()}
            return (_derived(feature, inputs, warehouse),)
        case OnDemandFeature():
            return _on_demand(feature, spine_row, warehouse)


def _stored(feature: StoredFeature, key: tuple[object, ...], time: int, warehouse: Warehouse) -> Any:
    boundary = _boundary(feature, time)
    schema = schema_of(feature.table, warehouse)
    rows: list[TimedRow] = []
    if None not in key:  # 13: a null in any key column gives the empty values
        alive = rows_at(feature.table, _moment(feature, boundary), warehouse)  # 5.1, 5.2
        # 5.3; a null key matches no key (14)
        rows = [row for row in alive if _entity_of(row, feature.entity, feature.table, schema) == key]

    def leaf(node: Node) -> object:
        assert isinstance(node, Aggregate)
        return _aggregated(node, rows, boundary, feature, schema)

    return evaluate(feature.expression, leaf, lambda node: type_of(node, schema), str(feature.ref))


def _boundary(feature: StoredFeature, time: int) -> int:
    when = feature.schedule
    lag = when.delay + when.publish_within + when.offset
    return (time - lag) // when.every * when.every + when.offset  # 1


def _moment(feature: StoredFeature, boundary: int) -> Moment:
    return Moment(boundary, boundary + feature.schedule.delay, dict(version_ties(feature)))  # 3, 4


def _aggregated(
    node: Aggregate, rows: Sequence[TimedRow], boundary: int, feature: StoredFeature, schema: Schema
) -> Any:
    def value(expression: Node, row: TimedRow) -> Any:
        def leaf(column: Node) -> object:
            assert isinstance(column, Column)
            return cell(row.cells, column.name, schema)

        return evaluate(expression, leaf, lambda part: type_of(part, schema), str(feature.ref))

    end = boundary - node.ago
    kept = [row for row in rows if node.where is None or value(node.where, row) is True]  # 5.4
    if node.over is not None:
        kept = [row for row in kept if end - node.over < row.event_time <= end]  # 6
    elif node.ago:
        kept = [row for row in kept if row.event_time <= end]  # 6: without over the window has no beginning
    if node.ignore_nulls and node.argument is not None:
        kept = [row for row in kept if value(node.argument, row) is not None]  # 7

    def newness(row: TimedRow) -> tuple[Any, ...]:  # 7, 8
        read = tuple(order(cell(row.cells, name, schema)) for name in feature.columns_read)
        return (row.event_time, row.created_time, row.key, read)

    kept.sort(key=newness)
    if node.ttl is not None:  # 9: the row is chosen first, then it counts or not
        kept = [row for row in kept[-1:] if boundary - node.ttl < row.event_time <= boundary]
    values = [True if node.argument is None else value(node.argument, row) for row in kept]  # count() counts rows
    return aggregate(node.function, values, node.parameter, type_of(node, schema), str(feature.ref))


def _entity_of(row: TimedRow, entity: Entity, table: Table, schema: Schema) -> tuple[object, ...]:
    """The key of the entity that a row belongs to, in the entity's order."""
    found = []
    for key, data_type in entity.keys.items():
        column = key_column(row, key, table)
        value = cell(row.cells, column, schema)
        given = schema.get(column) or (data_type if value is None else type_of_value(value))
        same = given == data_type or (given.is_integer and data_type.is_integer)
        if not same:  # 14: integers match integers of any width, and nothing else
            message = f"The column {column!r} of {table.name!r} is {given}; the key is {data_type}."
            raise ColumnTypeError(message, hint="Cast the column in a transformation.")
        found.append(value)
    return tuple(found)


def _derived(feature: DerivedFeature, inputs: Mapping[str, object], warehouse: Warehouse) -> Any:
    types = {name: _types_of(given, warehouse)[0] for name, given in feature.inputs.items()}

    def leaf(node: Node) -> object:
        assert isinstance(node, FeatureValue)
        return inputs[node.parameter]

    return evaluate(feature.expression, leaf, lambda node: type_of(node, {}, types), str(feature.ref))


def _types_of(feature: Computed, warehouse: Warehouse) -> tuple[DataType, ...]:
    """The types of a feature's columns."""
    match feature:
        case StoredFeature():
            return (type_of(feature.expression, schema_of(feature.table, warehouse)),)
        case DerivedFeature():
            inputs = {name: _types_of(given, warehouse)[0] for name, given in feature.inputs.items()}
            return (type_of(feature.expression, {}, inputs),)
        case OnDemandFeature():
            return tuple(data_type for _, data_type in feature.definition.outputs)


def _on_demand(feature: OnDemandFeature, spine_row: _SpineRow, warehouse: Warehouse) -> tuple[Any, ...]:
    """16: what the user's function makes of features, request values and ``t``; null is None."""
    arguments: dict[str, object] = {}
    for name, given in feature.inputs.items():
        if given is None:
            arguments[name] = EPOCH + spine_row.time * MICROSECOND
        elif isinstance(given, DataType):
            arguments[name] = _request_value(spine_row, name, given)
        elif len(given.columns) > 1:
            message = f"{feature.ref}: {name!r} stands for several values: {', '.join(given.columns)}."
            raise NotSupportedError(message, hint="Take features that are one value each.")
        else:
            arguments[name] = _computed(given.feature, given.role, spine_row, warehouse)[0]
    for given_input in feature.definition.inputs:  # 16: a null only where the function says that it takes one
        if given_input.role == "request" and not given_input.nullable and arguments[given_input.parameter] is None:
            message = f"{feature.ref} takes no null for the request value {given_input.parameter!r}."
            raise NullRequestError(message, where=f"row {spine_row.number} of the spine")
    try:
        result = feature.definition.function(**arguments)
    except Exception as error:  # the border to the user's code: whatever it raises is theirs
        message = f"{feature.ref} raised {type(error).__name__} for row {spine_row.number} of the spine: {error}"
        raise UserCodeError(message, where=str(feature.definition.origin)) from error
    types = _types_of(feature, warehouse)
    found = tuple(result) if feature.definition.is_tuple and result is not None else (result,) * len(types)
    try:
        return tuple(read_value(value, data_type) for value, data_type in zip(found, types, strict=True))
    except ColumnTypeError as error:
        message = f"{feature.ref} returned {result!r} for row {spine_row.number} of the spine."
        raise UserCodeError(message, hint="Return what the annotation says.") from error


def _request_value(spine_row: _SpineRow, name: str, data_type: DataType) -> object:
    try:
        return read_value(spine_row.cell(name), data_type)
    except ColumnTypeError as error:
        message = f"The request value {name!r} must be {data_type}. {error.message}"
        raise SpineError(message) from error
