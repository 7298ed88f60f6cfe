"""The oracle: `values_at` as plain loops over Python values, written from ``docs/semantics.md``.

It decides what a value must be. Numbers in comments are rules of that page. It is slow on purpose: for every spine row
and feature it looks at all rows of the source again, as they were at the boundary.
"""

import datetime
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from featurestore.definitions.documents import version_ties
from featurestore.definitions.functions import type_of
from featurestore.definitions.nodes import Aggregate, Column, FeatureValue, Node
from featurestore.definitions.resolved import (
    Computed,
    DerivedFeature,
    OnDemandFeature,
    Role,
    SelectedFeature,
    SourceTable,
    StepTable,
    StoredFeature,
    Table,
    sources_of,
)
from featurestore.definitions.sources import Source
from featurestore.definitions.types import DataType, Schema, type_of_value
from featurestore.errors import (
    ColumnTypeError,
    MissingColumnError,
    MissingTableError,
    NotSupportedError,
    NullRequestError,
    SpineError,
    UserCodeError,
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

__all__ = ["Row", "Step", "values_at"]

Row = Mapping[str, object]
Step = Callable[[str, Row], Iterable[Row]]
"""A row-wise transformation: the parameter whose row it is given and the row, to rows."""

NO_STEPS: Mapping[str, Step] = MappingProxyType({})


@dataclass(frozen=True)
class _Warehouse:
    tables: Mapping[str, Sequence[Row]]
    steps: Mapping[str, Step]


@dataclass(frozen=True)
class _Timed:
    """A row with its event time, its created time and the order of its source's key, all of which steps keep (2)."""

    cells: Row
    source: Source
    event_time: float
    created_time: float
    key: tuple[Any, ...]


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
        steps: Transformation to what it does with a row; only row-wise steps have such a form.

    Returns:
        One row per row of the spine, in order: its own columns untouched, then those of the features.

    Raises:
        SpineError: the spine lacks a key, a request value or a time, or has a column that a feature has.
        SourceError: a table is not there, or a cell is not of its column's type.
        NumberOverflowError: a number does not fit the type of its feature.
        UserCodeError: an on-demand function raised.
        NotSupportedError: a step is not row-wise, or ``steps`` does not hold it.
    """
    warehouse = _Warehouse(tables, steps)
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


def _computed(feature: Computed, role: Role, spine_row: _SpineRow, warehouse: _Warehouse) -> tuple[Any, ...]:
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


def _stored(feature: StoredFeature, key: tuple[object, ...], time: int, warehouse: _Warehouse) -> Any:
    when = feature.schedule
    lag = when.delay + when.publish_within + when.offset
    boundary = (time - lag) // when.every * when.every + when.offset  # 1
    schema = _schema(feature.table, warehouse)
    rows: list[_Timed] = []
    if None not in key:  # 13: a null in any key column gives the empty values
        alive = _rows(feature.table, feature, boundary, warehouse)  # 5.1, 5.2
        rows = [row for row in alive if _entity_of(row, feature, schema) == key]  # 5.3; a null key matches no key (14)

    def leaf(node: Node) -> object:
        assert isinstance(node, Aggregate)
        return _aggregated(node, rows, boundary, feature, schema)

    return evaluate(feature.expression, leaf, lambda node: type_of(node, schema), str(feature.ref))


def _aggregated(node: Aggregate, rows: Sequence[_Timed], boundary: int, feature: StoredFeature, schema: Schema) -> Any:
    def value(expression: Node, row: _Timed) -> Any:
        def leaf(column: Node) -> object:
            assert isinstance(column, Column)
            return _cell(row.cells, column.name, schema)

        return evaluate(expression, leaf, lambda part: type_of(part, schema), str(feature.ref))

    end = boundary - node.ago
    kept = [row for row in rows if node.where is None or value(node.where, row) is True]  # 5.4
    if node.over is not None:
        kept = [row for row in kept if end - node.over < row.event_time <= end]  # 6
    elif node.ago:
        kept = [row for row in kept if row.event_time <= end]  # 6: without over the window has no beginning
    if node.ignore_nulls and node.argument is not None:
        kept = [row for row in kept if value(node.argument, row) is not None]  # 7

    def newness(row: _Timed) -> tuple[Any, ...]:  # 7, 8
        read = tuple(order(_cell(row.cells, name, schema)) for name in feature.columns_read)
        return (row.event_time, row.created_time, row.key, read)

    kept.sort(key=newness)
    if node.ttl is not None:  # 9: the row is chosen first, then it counts or not
        kept = [row for row in kept[-1:] if boundary - node.ttl < row.event_time <= boundary]
    values = [True if node.argument is None else value(node.argument, row) for row in kept]  # count() counts rows
    return aggregate(node.function, values, node.parameter, type_of(node, schema), str(feature.ref))


def _rows(table: Table, feature: StoredFeature, boundary: int, warehouse: _Warehouse) -> Iterator[_Timed]:
    """The rows of ``table`` that exist at ``boundary``."""
    if isinstance(table, SourceTable):
        yield from _versions(table, feature, boundary, warehouse)
        return
    step = _row_wise_step(table, warehouse)
    for parameter, given in table.inputs.items():
        for row in _rows(given, feature, boundary, warehouse):
            for cells in step(parameter, row.cells):
                yield _Timed(cells, row.source, row.event_time, row.created_time, row.key)  # 2


def _row_wise_step(table: StepTable, warehouse: _Warehouse) -> Step:
    if table.transformation.time != "row_wise" or table.join is not None or table.name not in warehouse.steps:
        message = f"The oracle computes row-wise steps that are given to it; {table.name!r} is none."
        raise NotSupportedError(message, hint="Give steps= a function of one row for it.")
    return warehouse.steps[table.name]


def _versions(table: SourceTable, feature: StoredFeature, boundary: int, warehouse: _Warehouse) -> list[_Timed]:
    """The rows of a source that count at ``boundary``: of each key the newest visible version (3, 4)."""
    source, schema = table.source, table.schema
    read = dict(version_ties(feature)).get(table.name, ())  # 8; there are none where there is no key
    counting: list[_Timed] = []
    versions: dict[tuple[Any, ...], list[tuple[tuple[Any, ...], bool, _Timed]]] = {}
    for cells in _raw_rows(table, warehouse):
        marker = _cell(cells, source.deleted, schema) if source.deleted else None
        deleted = marker is True  # 4: a null marker means not deleted
        event_time, created_time = _times(cells, table)
        if not _is_visible(event_time, created_time, boundary, feature.schedule.delay, source, deleted=deleted):
            continue
        if event_time is None:
            event_time = math.inf  # 4: a delete marker's null event time counts as later than any other
        assert created_time is not None
        key_values = [_cell(cells, name, schema) for name in sorted(source.key)]
        key = tuple(order(value) for value in key_values)
        row = _Timed(cells, source, event_time, created_time, key)
        if not source.key or None in key_values:
            if not deleted:  # 4: with a null in its key a row corrects nothing, and a marker does nothing
                counting.append(row)
            continue
        tie = tuple(order(_cell(cells, name, schema)) for name in read)
        versions.setdefault(key, []).append(((created_time, event_time, deleted, tie), deleted, row))
    for versions_of_key in versions.values():
        _, deleted, newest = max(versions_of_key, key=lambda version: version[0])  # 4
        if not deleted:
            counting.append(newest)
    return counting


def _raw_rows(table: SourceTable, warehouse: _Warehouse) -> Sequence[Row]:
    if table.name not in warehouse.tables:
        message = f"There are no rows of the source {table.name!r}."
        raise MissingTableError(message)
    return warehouse.tables[table.name]


def _times(cells: Row, table: SourceTable) -> tuple[float | None, float | None]:
    """``e`` and ``c`` of a row; None where it has none."""
    source, schema = table.source, table.schema
    if source.event_time is None:  # 3: untimed
        return -math.inf, -math.inf
    event_time = micros(_cell(cells, source.event_time, schema))
    created_time = micros(_cell(cells, source.created_time, schema)) if source.created_time else None
    if created_time is None and event_time is not None:  # 3: c = e, or known_after later
        created_time = event_time + (source.known_after or 0)
    return event_time, created_time


def _is_visible(
    event_time: float | None, created_time: float | None, boundary: int, delay: int, source: Source, *, deleted: bool
) -> bool:
    if source.event_time is None:
        return True
    if created_time is None or math.isinf(created_time) or created_time > boundary + delay:
        return False
    if event_time is None:
        return deleted  # 4: such a delete marker enters at c - D
    return not math.isinf(event_time) and event_time <= boundary  # 3


def _schema(table: Table, warehouse: _Warehouse) -> Schema:
    """Column to type. What a step neither declares nor takes from its sources has the type of its first value."""
    if isinstance(table, SourceTable):
        return table.schema
    found: dict[str, DataType] = {}
    for cells in _cells_at_any_time(table, warehouse):
        for name, value in cells.items():
            if value is not None and not isinstance(value, (list, tuple)):
                found.setdefault(name, type_of_value(value))
    for source in sources_of(table):
        found |= source.schema
    return found | dict(table.transformation.columns)


def _cells_at_any_time(table: Table, warehouse: _Warehouse) -> Iterator[Row]:
    if isinstance(table, SourceTable):
        yield from _raw_rows(table, warehouse)
        return
    step = _row_wise_step(table, warehouse)
    for parameter, given in table.inputs.items():
        for cells in _cells_at_any_time(given, warehouse):
            yield from step(parameter, cells)


def _cell(cells: Row, name: str, schema: Schema) -> Any:
    if name not in cells or name not in schema:
        message = f"A row has no column {name!r}; it has {', '.join(cells)}."
        raise MissingColumnError(message)
    return read_value(cells[name], schema[name])


def _entity_of(row: _Timed, feature: StoredFeature, schema: Schema) -> tuple[object, ...]:
    """The key of the entity that a row belongs to, in the entity's order."""
    found = []
    for key, data_type in feature.entity.keys.items():
        column = row.source.keys.get(key, key)
        if isinstance(feature.table, StepTable) and key in row.cells:  # a step may name the column like the key
            column = key
        value = _cell(row.cells, column, schema)
        same = schema[column] == data_type or (schema[column].is_integer and data_type.is_integer)
        if not same:  # 14: integers match integers of any width, and nothing else
            message = f"The column {column!r} of {feature.table.name!r} is {schema[column]}; the key is {data_type}."
            raise ColumnTypeError(message, hint="Cast the column in a transformation.")
        found.append(value)
    return tuple(found)


def _derived(feature: DerivedFeature, inputs: Mapping[str, object], warehouse: _Warehouse) -> Any:
    types = {name: _types_of(given, warehouse)[0] for name, given in feature.inputs.items()}

    def leaf(node: Node) -> object:
        assert isinstance(node, FeatureValue)
        return inputs[node.parameter]

    return evaluate(feature.expression, leaf, lambda node: type_of(node, {}, types), str(feature.ref))


def _types_of(feature: Computed, warehouse: _Warehouse) -> tuple[DataType, ...]:
    """The types of a feature's columns."""
    match feature:
        case StoredFeature():
            return (type_of(feature.expression, _schema(feature.table, warehouse)),)
        case DerivedFeature():
            inputs = {name: _types_of(given, warehouse)[0] for name, given in feature.inputs.items()}
            return (type_of(feature.expression, {}, inputs),)
        case OnDemandFeature():
            return tuple(data_type for _, data_type in feature.definition.outputs)


def _on_demand(feature: OnDemandFeature, spine_row: _SpineRow, warehouse: _Warehouse) -> tuple[Any, ...]:
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
