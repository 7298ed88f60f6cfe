"""The oracle's rows: which rows of a source or of a step exist at a moment, with their times.

Numbers in comments are rules of ``docs/semantics.md``.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, cast

from featurestore.definitions.resolved import SourceTable, StepTable, Table, sources_of
from featurestore.definitions.sources import Source
from featurestore.definitions.transformations import Transformation
from featurestore.definitions.types import DataType, Schema, type_of_value
from featurestore.errors import (
    ColumnTypeError,
    DefinitionError,
    MissingColumnError,
    MissingTableError,
    NotSupportedError,
)
from featurestore.testing.oracle_values import micros, order, read_value

__all__ = [
    "NO_STEPS",
    "Moment",
    "Row",
    "RowStep",
    "Step",
    "TableStep",
    "TimedRow",
    "Warehouse",
    "cell",
    "key_column",
    "rows_at",
    "schema_of",
]

Row = Mapping[str, object]
RowStep = Callable[[str, Row], Iterable[Row]]
"""A row-wise transformation: the parameter whose row it is given and the row, to rows."""
TableStep = Callable[[Mapping[str, Sequence[Row]]], Iterable[Row]]
"""A transformation of tables: the rows of each parameter, to rows.

Steps per boundary and snapshots have this form. So has a row-wise step that joins timed rows to untimed tables: it is
given one timed row at a time, and the untimed tables whole.
"""
Step = RowStep | TableStep

NO_STEPS: Mapping[str, Step] = MappingProxyType({})
ALWAYS = -math.inf


@dataclass(frozen=True)
class Warehouse:
    """Source to its rows, and transformation to what it does."""

    tables: Mapping[str, Sequence[Row]]
    steps: Mapping[str, Step]


@dataclass(frozen=True)
class Moment:
    """What is looked at: rows that happened up to ``events`` and were known up to ``known``, in microseconds.

    ``ties`` are the columns that decide between equally new versions, by source (4). A label's rows are looked at
    ``unplaced``: those without an event time are there, later than any other, since they are an error (19).
    """

    events: float
    known: float
    ties: Mapping[str, tuple[str, ...]]
    unplaced: bool = False


LATEST = Moment(math.inf, math.inf, MappingProxyType({}))
"""All that is known, whatever its times."""


@dataclass(frozen=True)
class TimedRow:
    """A row with ``e``, ``c``, the order of its table's key, and where it holds join keys: key to column."""

    cells: Row
    event_time: float
    created_time: float
    key: tuple[Any, ...]
    keys: Mapping[str, str]


@dataclass(frozen=True)
class _Version:
    row: TimedRow
    deleted: bool
    has_key: bool
    tie: tuple[Any, ...]


def rows_at(table: Table, moment: Moment, warehouse: Warehouse) -> list[TimedRow]:
    """The rows of ``table`` that exist at ``moment``, in no particular order."""
    if isinstance(table, SourceTable):
        return _newest(_source_versions(table, moment, warehouse))
    if table.join is not None:
        return list(_joined(table, moment, warehouse))
    if table.transformation.time == "row_wise":
        return list(_row_by_row(table, moment, warehouse))
    return _newest(_yielded_versions(table, moment, warehouse))


def schema_of(table: Table, warehouse: Warehouse) -> Schema:
    """Column to type. What a step neither declares nor takes from its inputs has the type of its first value."""
    if isinstance(table, SourceTable):
        return table.schema
    found: dict[str, DataType] = {}
    for cells in _cells_at_any_time(table, warehouse):
        for name, value in cells.items():
            if value is not None and not isinstance(value, (list, tuple)):
                found.setdefault(name, type_of_value(value))
    for given in table.inputs.values():
        found |= schema_of(given, warehouse)
    return found | dict(table.transformation.columns)


def cell(cells: Row, name: str, schema: Schema) -> Any:
    """The value in a column of a row.

    Raises:
        MissingColumnError: there is no such column.
        ColumnTypeError: the value is not of the column's type.
    """
    if name not in cells:
        message = f"A row has no column {name!r}; it has {', '.join(cells)}."
        raise MissingColumnError(message)
    given: Any = cells[name]
    # A step's column that holds nothing but nulls among the latest rows has no type there.
    return given if given is None else read_value(given, schema.get(name) or type_of_value(given))


def key_column(row: TimedRow, key: str, table: Table) -> str:
    """The column in which a row of ``table`` holds a join key. A step may name the column like the key."""
    return key if isinstance(table, StepTable) and key in row.cells else row.keys.get(key, key)


# --- sources ------------------------------------------------------------------------------------------------------


def _source_versions(table: SourceTable, moment: Moment, warehouse: Warehouse) -> Iterator[_Version]:
    """The versions in a source that exist at ``moment``, those that are replaced by now too."""
    source, schema = table.source, table.schema
    read = moment.ties.get(table.name, ())  # 8; there are none where there is no key
    for cells in _raw_rows(table, warehouse):
        # 4: a null marker means not deleted
        deleted = source.deleted is not None and cell(cells, source.deleted, schema) is True
        tie = tuple(order(cell(cells, name, schema)) for name in read)
        times = _times(cells, source, schema)
        yield from _version(cells, times, source, schema, moment, source.keys, tie, deleted=deleted)


def _raw_rows(table: SourceTable, warehouse: Warehouse) -> Sequence[Row]:
    if table.name not in warehouse.tables:
        message = f"There are no rows of the source {table.name!r}."
        raise MissingTableError(message)
    return warehouse.tables[table.name]


Dated = Source | Transformation[..., Any]
"""What declares the times and the key of rows."""


def _times(cells: Row, dated: Dated, schema: Schema) -> tuple[float | None, float | None]:
    """``e`` and ``c`` of a row; None where it has none."""
    if dated.event_time is None:  # 3: untimed
        return ALWAYS, ALWAYS
    event_time = micros(cell(cells, dated.event_time, schema))
    created_time = micros(cell(cells, dated.created_time, schema)) if dated.created_time else None
    if created_time is None and event_time is not None:  # 3: c = e, or known_after later
        created_time = event_time + (dated.known_after or 0)
    return event_time, created_time


def _version(
    cells: Row,
    times: tuple[float | None, float | None],
    dated: Dated,
    schema: Schema,
    moment: Moment,
    keys: Mapping[str, str],
    tie: tuple[Any, ...],
    *,
    deleted: bool = False,
) -> Iterator[_Version]:
    """The row as a version, if it exists at ``moment``."""
    event_time, created_time = times
    if dated.event_time is not None and not _exists(event_time, created_time, moment, deleted=deleted):
        return
    key_values = [cell(cells, name, schema) for name in sorted(dated.key)]
    row = TimedRow(
        cells,
        math.inf if event_time is None else event_time,  # 4: a marker's null event time is later than any other
        ALWAYS if created_time is None else created_time,
        tuple(order(value) for value in key_values),
        keys,
    )
    yield _Version(row, deleted, bool(key_values) and None not in key_values, tie)


def _exists(event_time: float | None, created_time: float | None, moment: Moment, *, deleted: bool) -> bool:
    if created_time is None:
        return moment.unplaced and not deleted
    if math.isinf(created_time) or created_time > moment.known:
        return False
    if event_time is None:
        return deleted or moment.unplaced  # 4: such a delete marker enters at c - D
    return not math.isinf(event_time) and event_time <= moment.events  # 3


def _newest(versions: Iterable[_Version]) -> list[TimedRow]:
    """Of each key the newest version, unless it is a delete marker (4)."""
    counting: list[TimedRow] = []
    of_key: dict[tuple[Any, ...], list[_Version]] = {}
    for version in versions:
        if version.has_key:
            of_key.setdefault(version.row.key, []).append(version)
        elif not version.deleted:  # 4: without a key, or with a null in it, a row corrects nothing
            counting.append(version.row)
    for found in of_key.values():
        newest = max(found, key=lambda one: (one.row.created_time, one.row.event_time, one.deleted, one.tie))
        if not newest.deleted:
            counting.append(newest.row)
    return counting


# --- steps --------------------------------------------------------------------------------------------------------


def _row_by_row(table: StepTable, moment: Moment, warehouse: Warehouse) -> Iterator[TimedRow]:
    """2: rows of a row-wise step, with the times and the key of the row that they are made of."""
    timed = [name for name, given in table.inputs.items() if _is_timed(given)]
    given_rows = {name: rows_at(given, moment, warehouse) for name, given in table.inputs.items()}
    untimed = {name: given_rows[name] for name in table.inputs if timed and name not in timed}
    step = _made_of_one_row(table, {name: [row.cells for row in rows] for name, rows in untimed.items()}, warehouse)
    keys = {key: column for rows in untimed.values() for row in rows for key, column in row.keys.items()}
    for name in timed or table.inputs:
        for row in given_rows[name]:
            for cells in step(name, row.cells):
                yield TimedRow(cells, row.event_time, row.created_time, row.key, {**keys, **row.keys})


def _made_of_one_row(table: StepTable, untimed: Mapping[str, Sequence[Row]], warehouse: Warehouse) -> RowStep:
    """A row-wise step as a function of one row, the untimed tables that it joins being as they are."""
    step = _step(table, warehouse)
    if not untimed:
        return cast("RowStep", step)
    whole = cast("TableStep", step)

    def of_row(parameter: str, row: Row) -> Iterable[Row]:
        return whole({name: [row] if name == parameter else untimed.get(name, ()) for name in table.inputs})

    return of_row


def _yielded_versions(table: StepTable, moment: Moment, warehouse: Warehouse) -> Iterator[_Version]:
    """2: what a step that is given whole tables yields, dated as it declares, like the rows of a source."""
    declared = table.transformation
    if declared.event_time is None and any(map(_is_timed, table.inputs.values())):
        message = f"The transformation {table.name!r} does not say when a row that it yields happened."
        raise DefinitionError(message, where=str(declared.origin), hint="Declare event_time=.")
    given = replace(moment, unplaced=False)
    if declared.time == "snapshot":  # whatever is known now, and whatever its times
        given = replace(LATEST, ties=moment.ties)
    inputs = {name: rows_at(below, given, warehouse) for name, below in table.inputs.items()}
    step = cast("TableStep", _step(table, warehouse))
    schema = schema_of(table, warehouse)
    keys = {key: column for source in sources_of(table) for key, column in source.source.keys.items()}
    for cells in step({name: [row.cells for row in rows] for name, rows in inputs.items()}):
        tie = _all_columns(cells)  # 2
        yield from _version(cells, _times(cells, declared, schema), declared, schema, moment, keys, tie)


def _joined(table: StepTable, moment: Moment, warehouse: Warehouse) -> Iterator[TimedRow]:
    """2: the rows of an as-of join."""
    assert table.join is not None
    left, right = (table.inputs[text.strip("{}")] for text in (table.join.left, table.join.right))
    if not (_is_timed(left) and _is_timed(right)):
        message = f"The as-of join {table.name!r} joins a table without event times."
        raise NotSupportedError(message, hint="Write an ordinary join, as in SELECT ... JOIN.")
    types = schema_of(left, warehouse), schema_of(right, warehouse)
    _check_join_columns(table.name, table.join.on, types)
    empty = dict.fromkeys(_columns_of(right, warehouse))
    by_key: dict[tuple[object, ...], list[TimedRow]] = {}
    for row in rows_at(right, moment, warehouse):
        by_key.setdefault(tuple(cell(row.cells, name, types[1]) for name in table.join.on), []).append(row)
    for row in rows_at(left, moment, warehouse):
        wanted = tuple(cell(row.cells, name, types[0]) for name in table.join.on)
        equal = [] if None in wanted else by_key.get(wanted, [])
        earlier = [other for other in equal if other.event_time <= row.event_time]
        if not earlier:
            yield TimedRow({**empty, **row.cells}, row.event_time, row.created_time, row.key, row.keys)
            continue
        newest = max(
            earlier, key=lambda other: (other.event_time, other.created_time, other.key, _all_columns(other.cells))
        )
        created_time = max(row.created_time, newest.created_time)
        cells = {**empty, **newest.cells, **row.cells}
        yield TimedRow(cells, row.event_time, created_time, row.key, {**newest.keys, **row.keys})


def _check_join_columns(step: str, names: Iterable[str], types: tuple[Schema, Schema]) -> None:
    """14: integers match integers of any width, and nothing else; floats match nothing."""
    for name in names:
        for schema in types:
            if name not in schema:
                message = f"The as-of join {step!r} joins on the column {name!r}, which one side lacks."
                raise MissingColumnError(message)
        one, other = (schema[name] for schema in types)
        if one.is_float or not (one == other or (one.is_integer and other.is_integer)):
            message = f"The as-of join {step!r} joins the column {name!r} of {one} to one of {other}."
            raise ColumnTypeError(message, hint="Cast the column in a transformation.")


def _all_columns(cells: Row) -> tuple[Any, ...]:
    """What orders rows by all of their columns (8)."""
    return tuple(order(cells[name]) for name in sorted(cells))


def _columns_of(table: Table, warehouse: Warehouse) -> list[str]:
    """The names of a table's columns. Those of a step are what it declares, and what it has ever made."""
    if isinstance(table, SourceTable):
        return list(table.schema)
    made = (name for cells in _cells_at_any_time(table, warehouse) for name in cells)
    return list(dict.fromkeys([*table.transformation.columns, *made]))


def _step(table: StepTable, warehouse: Warehouse) -> Step:
    if table.name not in warehouse.steps:
        message = f"The oracle computes steps that are given to it; {table.name!r} is not."
        raise NotSupportedError(message, hint="Give steps= a function for it.")
    return warehouse.steps[table.name]


def _is_timed(table: Table) -> bool:
    if isinstance(table, SourceTable):
        return table.source.is_timed
    if table.transformation.time != "row_wise":
        return table.transformation.event_time is not None
    return any(map(_is_timed, table.inputs.values()))


def _cells_at_any_time(table: Table, warehouse: Warehouse) -> Iterator[Row]:
    """Rows that tell a table's columns: all that were written to a source, and what steps make of them."""
    if isinstance(table, SourceTable):
        yield from _raw_rows(table, warehouse)
        return
    if table.join is not None:
        yield from (row.cells for row in rows_at(table, LATEST, warehouse))
        return
    if table.transformation.time != "row_wise":  # such a step is never given a row that is at no time visible
        all_known = {name: rows_at(given, LATEST, warehouse) for name, given in table.inputs.items()}
        given_rows = {name: [row.cells for row in rows] for name, rows in all_known.items()}
        yield from cast("TableStep", _step(table, warehouse))(given_rows)
        return
    below = {name: list(_cells_at_any_time(given, warehouse)) for name, given in table.inputs.items()}
    timed = [name for name, given in table.inputs.items() if _is_timed(given)]
    untimed = {name: rows for name, rows in below.items() if timed and name not in timed}
    step = _made_of_one_row(table, untimed, warehouse)
    for name in timed or table.inputs:
        for cells in below[name]:
            yield from step(name, cells)
