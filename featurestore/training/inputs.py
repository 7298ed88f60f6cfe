"""What a training set takes from its label rows: keys, request values and the time, checked before data is read."""

from dataclasses import dataclass

from featurestore.compiler.steps import table_schema
from featurestore.compiler.vector import Layout, layout_of
from featurestore.definitions.resolved import ResolvedLabel, ResolvedTrainingSet, SourceTable, sources_of
from featurestore.definitions.types import DataType
from featurestore.errors import ColumnTypeError, MissingColumnError, NameClashError

__all__ = ["ADDED_TIME", "TimeColumn", "check_inputs", "key_columns", "time_column"]

ADDED_TIME = "event_time"
"""The column in which the label rows' times are given where they have no column of their own."""


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """The column that holds ``t``; ``added`` where the label rows do not bring it themselves."""

    name: str
    added: bool


def check_inputs(training_set: ResolvedTrainingSet) -> Layout:
    """The layout of a training set whose label rows bring all that its features take.

    Raises:
        MissingColumnError: a key or a request value is not among the columns of the label rows.
        ColumnTypeError: it is, with another type.
        NameClashError: a column of the label rows has the name of a feature's column.
        TypeMismatchError: a key or a request value would be of two types.
    """
    layout = layout_of(training_set.features)
    label = training_set.label
    columns, where = table_schema(label.table), str(training_set.training_set.origin)
    what = f"The training set {training_set.ref}"
    for key, column in key_columns(label, layout).items():
        need = f"the key {key!r} ({layout.keys[key]})"
        _check_column(what, need, column, layout.keys[key], label, where, is_key=True)
    for name, data_type in layout.request_values.items():
        _check_column(what, f"the request value {name!r} ({data_type})", name, data_type, label, where, is_key=False)
    given = {**dict.fromkeys(columns, f"a column of {label.table.name}")}
    time = time_column(label)
    if time.added:
        if time.name in columns:
            message = f"{what} would have two columns {time.name!r}: the rows' time, and one of {label.table.name}."
            raise NameClashError(message, where=where, hint=f"Give the column of {label.table.name} another name.")
        given[time.name] = "the time of the label rows"
    for column in layout.columns:
        if column in given:
            message = f"{what} would have two columns {column!r}: a feature and {given[column]}."
            raise NameClashError(message, where=where, hint='Rename the feature with .named("...").')
    return layout


def key_columns(label: ResolvedLabel, layout: Layout) -> dict[str, str]:
    """Key column that the features take (roles applied) to the column of the label rows that holds it.

    It has the same name, unless ``keys=`` of a source below the label rows names another.
    """
    columns = table_schema(label.table)
    renamed = {key: column for source in sources_of(label.table) for key, column in source.source.keys.items()}
    return {key: renamed[key] if renamed.get(key) in columns else key for key in layout.keys}


def time_column(label: ResolvedLabel) -> TimeColumn:
    """Where the label rows' time stands: in their source's own column if it is visible, else in one that is added."""
    columns = table_schema(label.table)
    own = {source.source.event_time for source in sources_of(label.table)} - {None}
    named = [name for name in own if len(own) == 1]
    if not isinstance(label.table, SourceTable):
        named.append(ADDED_TIME)  # a step may rename the time; whether it kept its values is checked when they are read
    for name in named:
        if name is not None and name in columns and columns[name].name in {"Timestamp", "Date"}:
            return TimeColumn(name, added=False)
    return TimeColumn(ADDED_TIME, added=True)


def _check_column(
    what: str, need: str, column: str, wanted: DataType, label: ResolvedLabel, where: str, *, is_key: bool
) -> None:
    columns = table_schema(label.table)
    rows = f"{label.table.name}, the label rows of {label.ref} ({label.label.origin})"
    if column not in columns:
        message = f"{what} needs {need}, and there is no column {column!r} in {rows}."
        hint = f"Its columns are {', '.join(columns)}."
        if is_key:
            hint += ' Add the column, or take the feature in another role: .on(key="column").'
        raise MissingColumnError(message, where=where, hint=hint)
    given = columns[column]
    fits = given == wanted or (given.is_integer and wanted.is_integer)
    if not is_key:  # a number that a service would take for a float as well
        fits = fits or (wanted.is_float and given.is_numeric)
    if not fits:
        message = f"{what} needs {need}, and the column {column!r} of {rows} is {given}."
        hint = "Cast it in a transformation that the label reads."
        if given.is_float and wanted.is_integer:
            hint = f"A float cannot be compared with whole numbers. {hint}"
        raise ColumnTypeError(message, where=where, hint=hint)
