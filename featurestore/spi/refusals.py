"""Definitions that go beyond what an offline store can compute are refused, by name, before anything is computed."""

from collections.abc import Iterable, Iterator

from featurestore.compiler.steps import table_schema
from featurestore.definitions.functions import type_of
from featurestore.definitions.nodes import Node, walk
from featurestore.definitions.resolved import (
    DerivedFeature,
    OnDemandFeature,
    ResolvedLabel,
    SelectedFeature,
    SourceTable,
    StoredFeature,
    Table,
)
from featurestore.definitions.types import DataType, Schema
from featurestore.errors import NotSupportedError
from featurestore.spi.capabilities import Capabilities

__all__ = ["refuse_feature", "refuse_label", "refuse_selected"]


def refuse_selected(selected: Iterable[SelectedFeature], capabilities: Capabilities, store: str) -> None:
    """Refuses features of which the store cannot compute one, be it an input of another.

    Args:
        selected: The features.
        capabilities: What the store can compute.
        store: The store, for errors.

    Raises:
        NotSupportedError: it names the feature and what the store lacks.
    """
    for one in selected:
        match one.feature:
            case StoredFeature() as feature:
                refuse_feature(feature, capabilities, store)
            case DerivedFeature(inputs=inputs):
                below = (SelectedFeature(given, (given.feature.column,)) for given in inputs.values())
                refuse_selected(below, capabilities, store)
            case OnDemandFeature(inputs=taken):
                features = (given for given in taken.values() if isinstance(given, SelectedFeature))
                refuse_selected(features, capabilities, store)


def refuse_feature(feature: StoredFeature, capabilities: Capabilities, store: str) -> None:
    """Refuses a feature that the store cannot compute; as `refuse_selected`."""
    where = str(feature.feature.origin)
    for one in feature.aggregates:
        if one.function not in capabilities.aggregations:
            raise _beyond(f"{feature.ref} uses {one.function}()", store, capabilities.aggregations, where)
    _refuse_table(str(feature.ref), feature.table, capabilities, store, where)
    schema = table_schema(feature.table)
    keys = [data_type for key, data_type in schema.items() if key in _key_columns(feature)]
    for data_type in (*keys, *feature.entity.keys.values(), *_types(feature.expression, schema)):
        _refuse_type(str(feature.ref), data_type, capabilities, store, where)


def refuse_label(label: ResolvedLabel, capabilities: Capabilities, store: str) -> None:
    """Refuses a label whose rows the store cannot hand out: all their columns come along; as `refuse_selected`."""
    where = str(label.label.origin)
    _refuse_table(str(label.ref), label.table, capabilities, store, where)
    for data_type in table_schema(label.table).values():
        _refuse_type(str(label.ref), data_type, capabilities, store, where)


def _key_columns(feature: StoredFeature) -> set[str]:
    """The columns of a source that hold the entity's keys."""
    renamed = feature.table.source.keys if isinstance(feature.table, SourceTable) else {}
    return {renamed.get(key, key) for key in feature.entity.keys}


def _refuse_table(what: str, table: Table, capabilities: Capabilities, store: str, where: str) -> None:
    if isinstance(table, SourceTable):
        for column in table.source.own_columns():
            if column in table.schema:
                _refuse_type(what, table.schema[column], capabilities, store, where)
        return
    step = table.transformation
    kind = "asof_join" if table.join is not None else step.time
    if kind not in capabilities.steps:
        raise _beyond(f"{what} reads {table.ref}, a step of the kind {kind}", store, capabilities.steps, where)
    if step.engine not in capabilities.engines:
        raise _beyond(f"{what} reads {table.ref}, written in {step.engine}", store, capabilities.engines, where)
    for data_type in table_schema(table).values():
        _refuse_type(what, data_type, capabilities, store, where)
    for given in table.inputs.values():
        _refuse_table(what, given, capabilities, store, where)


def _refuse_type(what: str, data_type: DataType, capabilities: Capabilities, store: str, where: str) -> None:
    for one in (data_type, *data_type.parameters):
        if isinstance(one, DataType) and one.name not in capabilities.types:
            raise _beyond(f"{what} needs values of the type {one}", store, capabilities.types, where)


def _types(expression: Node, schema: Schema) -> Iterator[DataType]:
    """The types of all that an expression is made of."""
    for node in walk(expression):
        yield type_of(node, schema)


def _beyond(message: str, store: str, known: Iterable[str], where: str) -> NotSupportedError:
    hint = (
        f"It has {', '.join(sorted(known)) or 'nothing of the kind'}. Compute the rest in the warehouse, as a source."
    )
    return NotSupportedError(f"{message}, which {store} cannot compute.", where=where, hint=hint)
