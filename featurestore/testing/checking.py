"""`check`: users' own unit tests of features, on rows written inline."""

import datetime
import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from featurestore.compiler.vector import Layout, layout_of
from featurestore.definitions.resolution import Definitions, Settings, define, gathered
from featurestore.definitions.resolved import SelectedFeature, SourceTable, StepTable
from featurestore.definitions.sources import Source
from featurestore.definitions.transformations import Transformation
from featurestore.definitions.types import Bool, Schema, Timestamp
from featurestore.errors import ConfigurationError, DefinitionError, MissingColumnError, SpineError
from featurestore.project.config import find_root, read_config
from featurestore.project.lock import locked, read_lock
from featurestore.project.looking import TIME_COLUMNS
from featurestore.testing.engine import compute
from featurestore.testing.inline import Row, cell_of, cells, schema_of
from featurestore.testing.standing_in import source_for, standing_in, tables_of

__all__ = ["check"]

TOLERANCE = 1e-9
"""By how much a float may differ, of its own size or absolutely."""
UNKNOWN: Schema = {"": Bool}
"""Stands for the columns of a source that has no rows, as one of which a transformation's rows take the place."""
MOST_ROWS = 20
"""Rows that a report of differences shows."""


def check(
    feature: object,
    *,
    rows: Mapping[Any, Sequence[Row]],
    spine: Sequence[Row],
    expect: Sequence[object],
    time: str | None = None,
) -> None:
    """Computes features over rows written inline, and compares the values with those that are expected.

    Times are datetimes, dates or text as in ``"2024-01-05 10:00"``, in UTC if they name no zone. Types of columns are
    those that a source declares with ``columns=`` or that the project's ``sources.lock.yaml`` holds, and otherwise
    those of the values. A source's ``created_time`` may be left out: then a row is known when it happens.

    Args:
        feature: A feature, a class of features, a service, an on-demand feature, or a list of these.
        rows: Rows by source. Rows that are given for a transformation stand in for what it gives: they must hold the
            event time of the source that it reads.
        spine: Keys, times and request values: one question per row.
        expect: One value per row of the spine; for several features a dict of values per row, of the columns that are
            to be compared.
        time: The spine's time column; if left out, the one called event_time, time, timestamp, t or at, or else the
            only one that is neither a key nor a request value.

    Raises:
        AssertionError: a value is not the expected one; a table shows where.
        FeaturestoreError: one of its kinds: the features, the rows or the spine cannot be used.
    """
    __tracebackhide__ = True
    items = list(feature) if isinstance(feature, (list, tuple)) else [feature]
    definitions = _definitions(items, rows)
    chosen = definitions.select(items, "check()")
    selected, tables = _with_rows(chosen, definitions, rows)
    layout = layout_of(selected)
    time_column = time or _time_column(spine, layout)
    asked = cells(spine, {**layout.keys, **layout.request_values, time_column: Timestamp}, "The spine")
    wanted = _expected(expect, len(spine), layout)
    with tempfile.TemporaryDirectory() as folder:
        given = {name: found for name, (_, found) in tables.items()}
        schemas = {name: schema for name, (schema, _) in tables.items()}
        values = compute(selected, asked, given, schemas, time=time_column, folder=Path(folder))
    _compare(wanted, values, [*layout.keys, time_column])


# --- definitions --------------------------------------------------------------------------------------------------


def _definitions(items: Sequence[object], rows: Mapping[Any, Sequence[Row]]) -> Definitions:
    """The features and all that they name, with the settings of the project that they are written in."""
    for table in rows:
        if not isinstance(table, (Source, Transformation)):
            message = f"rows= has rows for {table!r}, which is no source and no transformation."
            raise DefinitionError(message)
    objects = gathered([*items, *rows])
    settings, schemas = _project(objects)
    known = {
        one.name: _schema(one, rows.get(one, ()), schemas.get(one.name, {}))
        for one in objects
        if isinstance(one, Source)
    }
    return define(objects, known, settings)


def _project(objects: Iterable[Any]) -> tuple[Settings, Mapping[str, Schema]]:
    """Settings and locked columns of the project that the first object is written in; without one, nothing."""
    first = next(iter(objects), None)
    if first is None:
        return Settings(), {}
    try:
        root = find_root(Path(first.origin.file).parent)
    except ConfigurationError:
        return Settings(), {}
    return read_config(root).settings, locked(read_lock(root))


def _schema(source: Source, rows: Sequence[Row], lock: Schema) -> Schema:
    """The columns of a source. Its times are there even if no row says them."""
    own = {source.event_time: Timestamp, source.created_time: Timestamp, source.deleted: Bool}
    known = {name: data_type for name, data_type in own.items() if name is not None}
    return schema_of(rows, {**known, **lock, **source.columns}, source.name) or UNKNOWN


# --- rows ---------------------------------------------------------------------------------------------------------


def _with_rows(
    chosen: Sequence[SelectedFeature], definitions: Definitions, rows: Mapping[Any, Sequence[Row]]
) -> tuple[tuple[SelectedFeature, ...], dict[str, tuple[Schema, Sequence[Row]]]]:
    """The features as they read the given rows, and the columns and rows of each source that they read then."""
    steps = {one.resolved.transformation: one.resolved for one in definitions if isinstance(one.resolved, StepTable)}
    replaced = [steps[table] for table in rows if isinstance(table, Transformation)]
    stand_ins: dict[StepTable, SourceTable] = {}
    for step in replaced:
        several = sum(other.name == step.name for other in replaced) > 1
        name = f"{step.name}_{len(stand_ins)}" if several else step.name
        stand_ins[step] = _stand_in(step, rows[step.transformation], name)
    selected = standing_in(chosen, stand_ins)
    written = {table: step.transformation for step, table in stand_ins.items()}
    read = {written.get(table, table.source): table for table in tables_of(selected) if isinstance(table, SourceTable)}
    for table in rows:
        if table not in read:
            message = f"rows= has rows for {table.name}, which the features do not read."
            hint = f"With these rows they read {', '.join(sorted(one.name for one in read)) or 'no table'}."
            raise DefinitionError(message, hint=hint)
    return selected, {one.name: (one.schema, _rows_of(one, rows.get(table, ()))) for table, one in read.items()}


def _stand_in(step: StepTable, rows: Sequence[Row], name: str) -> SourceTable:
    """A table of rows in the place of a step."""
    present = dict.fromkeys(column for row in rows for column in row)
    source = source_for(step, present, name)
    schema = _schema(source, rows, step.transformation.columns)
    return SourceTable(source, step.ref, schema, step.fingerprint)


def _rows_of(table: SourceTable, rows: Sequence[Row]) -> list[dict[str, object]]:
    """The rows of a source, as values of its columns' types."""
    source = table.source
    times = {source.event_time, source.created_time, source.deleted, *UNKNOWN}
    if not rows and not set(table.schema) - times:
        message = f"The features read {table.name}, of which there are no rows, and no column is known."
        hint = f"Give rows for it, or declare its columns: columns={{...}} on {table.name}."
        raise DefinitionError(message, hint=hint)
    for number, row in enumerate(rows):
        if source.event_time is not None and source.event_time not in row:
            message = f"{table.name}, row {number} has no {source.event_time!r}, which says when it happened."
            raise MissingColumnError(message)
    return cells(rows, table.schema, table.name)


def _time_column(spine: Sequence[Row], layout: Layout) -> str:
    names = dict.fromkeys(name for row in spine for name in row)
    others = [name for name in names if name not in {*layout.keys, *layout.request_values}]
    named = [name for name in TIME_COLUMNS if name in others]
    if named or len(others) == 1:
        return (named or others)[0]
    message = "It is not clear which column of the spine holds the time."
    raise SpineError(message, hint=f"Name it: time=... (columns are {', '.join(names) or 'none'}).")


# --- values -------------------------------------------------------------------------------------------------------


def _expected(expect: Sequence[object], length: int, layout: Layout) -> list[dict[str, object]]:
    """What is expected of each row of the spine, by column."""
    if len(expect) != length:
        message = f"expect= has {len(expect)} values, and the spine has {length} rows."
        raise SpineError(message, hint="Say one value (or one dict of values) per row of the spine.")
    columns = list(layout.columns)
    found = []
    for number, one in enumerate(expect):
        named = one if isinstance(one, Mapping) else {columns[0]: one}
        strangers = [name for name in named if name not in layout.columns]
        if strangers or (len(columns) > 1 and not isinstance(one, Mapping)):
            wrong = f"names {strangers[0]!r}" if strangers else f"is {one!r}"
            message = f"expect=, row {number} {wrong}, and the features give {', '.join(columns)}."
            raise SpineError(message, hint="Of several features expect a dict: column to value.")
        what = f"expect=, row {number}"
        found.append({str(name): cell_of(value, layout.columns[name], what) for name, value in named.items()})
    return found


def _compare(expected: Sequence[Row], values: Sequence[Row], asked: Sequence[str]) -> None:
    __tracebackhide__ = True
    wrong = [
        (number, column)
        for number, row in enumerate(expected)
        for column in row
        if not _same(row[column], values[number][column])
    ]
    if not wrong:
        return
    header = ["row", *asked, "feature", "expected", "got"]
    table = [_line(number, column, expected, values, asked) for number, column in wrong[:MOST_ROWS]]
    more = f"\n... and {len(wrong) - MOST_ROWS} more" if len(wrong) > MOST_ROWS else ""
    message = (
        f"{len(wrong)} of {sum(map(len, expected))} values are not as expected.\n{_aligned([header, *table])}{more}"
    )
    raise AssertionError(message)


def _line(number: int, column: str, expected: Sequence[Row], values: Sequence[Row], asked: Sequence[str]) -> list[str]:
    question = [_text(values[number][name]) for name in asked]
    return [str(number), *question, column, _text(expected[number][column]), _text(values[number][column])]


def _same(expected: object, got: object) -> bool:
    if isinstance(expected, (list, tuple)) and isinstance(got, (list, tuple)):
        return len(expected) == len(got) and all(map(_same, expected, got))
    if isinstance(expected, float) and isinstance(got, float):
        both_nan = math.isnan(expected) and math.isnan(got)
        return both_nan or math.isclose(expected, got, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return expected == got


def _text(value: object) -> str:
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ").replace("+00:00", "Z")
    return repr(value)


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[position]) for line in lines) for position in range(len(lines[0]))]
    rows = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join(f"  {row.rstrip()}" for row in rows)
