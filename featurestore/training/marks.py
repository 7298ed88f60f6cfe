"""What must be known of a column before its values are shown or trusted: is it private, is it point-in-time."""

from collections.abc import Mapping

from sqlglot import exp

from featurestore.compiler.compile import join_columns
from featurestore.compiler.steps import analyze, rows_relation, table_schema
from featurestore.compiler.vector import Layout
from featurestore.definitions.code import canonical_function
from featurestore.definitions.nodes import columns_read
from featurestore.definitions.resolved import (
    Computed,
    DerivedFeature,
    ResolvedTrainingSet,
    SelectedFeature,
    SourceTable,
    StepTable,
    StoredFeature,
    Table,
    sources_of,
)
from featurestore.training.inputs import key_columns

__all__ = ["column_marks", "private_columns"]

UNTIMED = "not point-in-time (untimed)"
UNVERIFIED = "unverified"

_HANDED_OUT = frozenset({"first", "last", "last_n", "min", "max"})
"""Aggregations whose value is a value of the column."""


def private_columns(training_set: ResolvedTrainingSet, layout: Layout) -> frozenset[str]:
    """The columns whose values no record may show: keys, tagged columns, and features that read tagged ones."""
    label = training_set.label
    keys = {*join_columns(label.label.entity, label.table), *key_columns(label, layout).values()}
    own = _tagged(label.table) | keys | _row_keys(label.table)
    features = {column for one in layout.selected if _is_private(one.feature, own) for column in one.columns}
    return frozenset(own & set(table_schema(label.table)) | features)


def _row_keys(table: Table) -> set[str]:
    return {column for source in sources_of(table) for column in source.source.key}


def _is_private(feature: Computed, request: set[str]) -> bool:
    if isinstance(feature, StoredFeature):
        if feature.feature.tags or set(feature.columns_read) & _tagged(feature.table):
            return True
        keys = {*join_columns(feature.entity, feature.table), *_row_keys(feature.table)}
        handed = [one for one in feature.aggregates if one.function in _HANDED_OUT]
        return any(keys & set(columns_read(one.argument)) for one in handed if one.argument is not None)
    if isinstance(feature, DerivedFeature):
        return bool(feature.feature.tags) or any(_is_private(given, request) for given in feature.inputs.values())
    taken = [given.feature for given in feature.inputs.values() if isinstance(given, SelectedFeature)]
    if feature.definition.tags or request & set(feature.request_values):
        return True
    return any(_is_private(given, request) for given in taken)


def _tagged(table: Table) -> set[str]:
    """The columns of a table that are tagged, or made of one that is."""
    if isinstance(table, SourceTable):
        return {column for column, marks in table.source.tags.items() if marks}
    below = {column.lower() for given in table.inputs.values() for column in _tagged(given)}
    return _made_of(table, below) if below else set()


def _made_of(table: StepTable, tagged: set[str]) -> set[str]:
    """The columns of a step whose expressions name a column of ``tagged``; all, where that is not plain to see."""
    step = analyze(table)
    if step.query is None:
        return set(step.columns)
    inputs = {rows_relation(name) for name in table.inputs}
    if any(found.name not in inputs for found in step.query.find_all(exp.Table)) or step.query.find(exp.Subquery):
        named = {found.name.lower() for found in step.query.find_all(exp.Column)}
        return set(step.columns) if named & tagged else set()
    found = set()
    for select in step.query.find_all(exp.Select):
        for name, projection in zip(step.columns, select.selects, strict=True):
            if any(column.name.lower() in tagged for column in projection.find_all(exp.Column)):
                found.add(name)
    return found


def column_marks(training_set: ResolvedTrainingSet) -> Mapping[str, list[str]]:
    """Column to what a reader should know of it, for the columns of which there is something to know.

    A mark of the label rows stands at the label's column.
    """
    label = training_set.label
    found = {label.label.column: _table_marks(label.table)}
    for one in training_set.features:
        found |= dict.fromkeys(one.columns, _marks(one.feature))
    return {column: sorted(marks) for column, marks in found.items() if marks}


def _marks(feature: Computed) -> set[str]:
    if isinstance(feature, StoredFeature):
        return _table_marks(feature.table)
    if isinstance(feature, DerivedFeature):
        return {mark for given in feature.inputs.values() for mark in _marks(given)}
    taken = [given.feature for given in feature.inputs.values() if isinstance(given, SelectedFeature)]
    own = set() if canonical_function(feature.definition.function).verified else {UNVERIFIED}
    return own | {mark for given in taken for mark in _marks(given)}


def _table_marks(table: Table) -> set[str]:
    if isinstance(table, SourceTable):
        return set() if table.source.is_timed else {UNTIMED}
    own = set() if canonical_function(table.transformation.function).verified else {UNVERIFIED}
    return own | {mark for given in table.inputs.values() for mark in _table_marks(given)}
