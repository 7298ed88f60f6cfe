"""The edges of a project's definitions, column by column.

Edges are direct where values flow and indirect where they only decide. An edge may be superfluous where something
cannot be told, and is opaque then; none is missing.
"""

import functools
from collections.abc import Container, Iterable, Iterator
from typing import NamedTuple

from featurestore.compiler.compile import join_columns
from featurestore.compiler.steps import analyze
from featurestore.definitions.documents import version_ties
from featurestore.definitions.entities import Entity
from featurestore.definitions.nodes import FeatureValue, columns_read, walk
from featurestore.definitions.readable import expression_text
from featurestore.definitions.resolution import Definitions
from featurestore.definitions.resolved import (
    Definition,
    DerivedFeature,
    OnDemandFeature,
    ResolvedLabel,
    ResolvedService,
    ResolvedTrainingSet,
    SelectedFeature,
    SourceTable,
    StepTable,
    StoredFeature,
    Table,
    sources_of,
)
from featurestore.errors import FeaturestoreError
from featurestore.lineage.graph import Graph
from featurestore.lineage.sql_flow import Flow, Texts, UnknownFlowError, shortened, sql_flow
from featurestore.registry.records import EdgeKind, LineageEdge

__all__ = ["column_node", "definition_edges", "definition_nodes"]

ANY = "*"
"""Stands for the columns of a step that does not say which it gives."""


def column_node(table: Table, column: str) -> str:
    """The id of a column: of a source by its name, of a transformation with the version as well."""
    return f"column:{table.name if isinstance(table, SourceTable) else table.ref}.{column}"


def definition_edges(definitions: Definitions) -> tuple[LineageEdge, ...]:
    """All edges between a project's columns, features, labels, services and training sets.

    In the order of the definitions that they lead to; those that only break ties come last. Between two nodes there is
    at most one edge of a kind for each definition.
    """
    tables = _Tables(definitions)
    found = [edge for one in definitions for edge in _merged(one, _readings(one, tables))]
    behind = Graph(found)
    ties = [edge for one in definitions for edge in _merged(one, _ties(one, behind))]
    return tuple(dict.fromkeys([*found, *ties]))


def definition_nodes(definitions: Definitions, of: Container[str] | None = None) -> tuple[str, ...]:
    """The ids of all columns, features, labels, services and training sets, also of those that nothing reads.

    Args:
        definitions: A project.
        of: Ids of definitions, to leave out the nodes of all others; None: leave out none.
    """
    tables = _Tables(definitions)
    wanted = (one for one in definitions if of is None or one.id in of)
    return tuple(dict.fromkeys(node for one in wanted for node in _nodes(one, tables)))


class _Reading(NamedTuple):
    """What a definition reads. ``upstream`` is a node, or a column (a table and its name)."""

    upstream: "str | tuple[Table, str]"
    kind: EdgeKind
    via: str
    opaque: bool = False
    column: str = ""
    """Of a transformation: which of its columns it is made into."""


class _Tables:
    """The columns of a project's tables, and how they flow through its steps."""

    def __init__(self, definitions: Definitions) -> None:
        self._asked: dict[Table, dict[str, None]] = {}
        for one in definitions:
            if isinstance(one.resolved, StoredFeature | ResolvedLabel):
                for reading in _row_readings(one.resolved):
                    if isinstance(reading.upstream, tuple):
                        table, column = reading.upstream
                        self._asked.setdefault(table, {})[column] = None

    def columns(self, table: Table) -> tuple[str, ...]:
        """The columns of a table; of a step that cannot be read those that it declares and those that are asked of it.

        Data frames declare all of their columns, where they do; other steps may give more than they declare.
        """
        if isinstance(table, SourceTable):
            return tuple(table.schema)
        flow = flow_of(table)
        if flow is not None:
            return tuple(flow.columns)
        step = table.transformation
        known = {**dict.fromkeys(step.columns), **self._asked.get(table, {})}
        return tuple(known) if step.columns and step.engine not in {"sql", "ibis"} else (*known, ANY)


@functools.lru_cache(maxsize=4096)
def flow_of(table: StepTable) -> Flow | None:
    """How columns flow through a step; None where that cannot be told, as for code."""
    try:
        return sql_flow(analyze(table))
    except (FeaturestoreError, UnknownFlowError):
        return None  # what is wrong with the step is for plan to say


def _nodes(definition: Definition, tables: _Tables) -> Iterator[str]:
    resolved = definition.resolved
    if isinstance(resolved, Table):
        yield from (column_node(resolved, column) for column in tables.columns(resolved))
    elif not isinstance(resolved, Entity):
        yield definition.id


def _merged(definition: Definition, readings: Iterable[_Reading]) -> Iterator[LineageEdge]:
    """Readings as edges; those between the same nodes with all that they go by."""
    found: dict[tuple[str, str, EdgeKind], list[_Reading]] = {}
    resolved = definition.resolved
    for one in readings:
        upstream = one.upstream if isinstance(one.upstream, str) else column_node(*one.upstream)
        downstream = column_node(resolved, one.column) if isinstance(resolved, StepTable) else definition.id
        found.setdefault((upstream, downstream, one.kind), []).append(one)
    for (upstream, downstream, kind), same in found.items():
        via = "; ".join(dict.fromkeys(one.via for one in same if one.via))
        opaque = all(one.opaque for one in same)
        yield LineageEdge(upstream=upstream, downstream=downstream, kind=kind, via=shortened(via), opaque=opaque)


def _readings(definition: Definition, tables: _Tables) -> Iterator[_Reading]:
    match definition.resolved:
        case StepTable() as step:
            yield from _step_readings(step, tables)
        case StoredFeature() | ResolvedLabel() as rows:
            yield from _row_readings(rows)
        case DerivedFeature() as derived:
            yield from _derived_readings(derived)
        case OnDemandFeature(inputs=inputs):
            for parameter, given in inputs.items():
                if isinstance(given, SelectedFeature):
                    yield _Reading(_feature_node(given), "direct", _selection_text(given, parameter))
        case ResolvedService(features=features):
            for selected in features:
                yield _Reading(_feature_node(selected), "direct", _selection_text(selected, selected.column))
        case ResolvedTrainingSet() as training_set:
            yield from _training_set_readings(training_set, tables)


def _step_readings(step: StepTable, tables: _Tables) -> Iterator[_Reading]:
    flow = flow_of(step)
    if flow is None:
        read = [(table, column) for table in step.inputs.values() for column in tables.columns(table)]
        for column in tables.columns(step):
            for upstream in read:
                yield _Reading(upstream, "direct", str(step.ref), opaque=True, column=column)
        return
    for column, values in flow.columns.items():
        kinds: tuple[tuple[EdgeKind, Texts], ...] = (("direct", values), ("indirect", flow.rows))
        for kind, texts in kinds:
            for cell, text in texts.items():
                via = f"{step.ref}: {text}" if text else str(step.ref)
                yield _Reading((step.inputs[cell.parameter], cell.column), kind, via, column=column)


def _row_readings(definition: StoredFeature | ResolvedLabel) -> Iterator[_Reading]:
    """What a feature or a label reads of its rows: values, conditions, keys, and what says which rows count when."""
    table = definition.table
    if isinstance(definition, ResolvedLabel):
        entity = definition.label.entity
        yield _Reading((table, definition.label.column), "direct", "label")
    else:
        entity = definition.entity
        for one in definition.aggregates:
            if one.argument is not None:
                text = expression_text(one)
                yield from (_Reading((table, column), "direct", text) for column in columns_read(one.argument))
            if one.where is not None:
                text = f"where={expression_text(one.where)}"
                yield from (_Reading((table, column), "indirect", text) for column in columns_read(one.where))
    yield from _key_readings(entity, table)
    yield from _time_readings(table)


def _key_readings(entity: Entity, table: Table) -> Iterator[_Reading]:
    try:
        for key, column in zip(entity.keys, join_columns(entity, table), strict=True):
            yield _Reading((table, column), "indirect", f"key {key} of {entity.name}")
    except FeaturestoreError:
        # The columns are not known before the step runs, or do not fit: either may be meant.
        renamed = {key: column for source in sources_of(table) for key, column in source.source.keys.items()}
        declared = table.schema if isinstance(table, SourceTable) else table.transformation.columns
        for key in entity.keys:
            named = dict.fromkeys((renamed.get(key, key), key))
            for column in [name for name in named if name in declared] or named:
                yield _Reading((table, column), "indirect", f"key {key} of {entity.name}", opaque=True)


def _time_readings(table: Table) -> Iterator[_Reading]:
    """What says when rows count, here and in all tables below: versions are told apart in the sources."""
    declared = table.source if isinstance(table, SourceTable) else table.transformation
    named = {"event time": declared.event_time, "created time": declared.created_time}
    for via, column in named.items():
        if column:
            yield _Reading((table, column), "indirect", via)
    yield from (_Reading((table, column), "indirect", "key of rows") for column in declared.key)
    if isinstance(table, SourceTable):
        if table.source.deleted:
            yield _Reading((table, table.source.deleted), "indirect", "delete mark")
        return
    for below in table.inputs.values():
        yield from _time_readings(below)


def _derived_readings(derived: DerivedFeature) -> Iterator[_Reading]:
    used = {part.parameter for part in walk(derived.expression) if isinstance(part, FeatureValue)}
    for parameter, given in derived.inputs.items():
        # A derived feature has no value while any of its inputs is not to be had.
        kind: EdgeKind = "direct" if parameter in used else "indirect"
        yield _Reading(f"feature:{given.ref}", kind, expression_text(derived.expression))


def _training_set_readings(training_set: ResolvedTrainingSet, tables: _Tables) -> Iterator[_Reading]:
    label = training_set.label
    yield _Reading(f"label:{label.ref}", "direct", "label")
    # Keys and request values are among these columns too.
    opaque = isinstance(label.table, StepTable) and flow_of(label.table) is None
    for column in tables.columns(label.table):
        yield _Reading((label.table, column), "direct", "column of the label rows", opaque=opaque)
    if training_set.service is not None:
        yield _Reading(f"service:{training_set.service}", "direct", "")
        return
    for selected in training_set.features:
        yield _Reading(_feature_node(selected), "direct", _selection_text(selected, selected.column))


def _feature_node(selected: SelectedFeature) -> str:
    kind = "on_demand" if isinstance(selected.feature, OnDemandFeature) else "feature"
    return f"{kind}:{selected.feature.ref}"


def _selection_text(selected: SelectedFeature, name: str) -> str:
    role = ", ".join(f"{key}={column}" for key, column in selected.role)
    return f"{name} on {role}" if role else name


def _ties(definition: Definition, behind: Graph) -> Iterator[_Reading]:
    """The columns of sources that break ties between equally new versions, where no other edge leads from them."""
    resolved = definition.resolved
    if not isinstance(resolved, StoredFeature | ResolvedLabel):
        return
    reached = behind.reached(definition.id, "upstream")
    sources = {source.name: source for source in sources_of(resolved.table)}
    for name, columns in version_ties(resolved):
        for column in columns:
            if column_node(sources[name], column) not in reached:
                yield _Reading((sources[name], column), "indirect", "tie of equally new versions")
