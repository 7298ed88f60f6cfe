"""The layout of a feature vector: what must be looked up, what is evaluated from it, and in which order it is given."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from featurestore.compiler.steps import table_schema
from featurestore.definitions.functions import type_of
from featurestore.definitions.nodes import Node
from featurestore.definitions.resolved import (
    DerivedFeature,
    OnDemandFeature,
    Role,
    SelectedFeature,
    StoredFeature,
)
from featurestore.definitions.types import DataType, Schema, python_type_name
from featurestore.errors import FeaturestoreError, TypeMismatchError

__all__ = ["Layout", "Slot", "feature_type", "layout_of"]


@dataclass(frozen=True)
class Slot:
    """A stored feature of the entity in one role: ``expression``, of type ``type``, as the column ``name``."""

    name: str
    feature: StoredFeature
    role: Role
    type: DataType
    expression: Node

    @property
    def keys(self) -> tuple[str, ...]:
        """The spine's columns that hold the entity's keys, in the entity's order."""
        return tuple(dict(self.role).get(key, key) for key in self.feature.entity.keys)


@dataclass(frozen=True)
class Layout:
    """What a selection of features takes and gives.

    Attributes:
        slots: The stored features to look up, once per role.
        selected: What is handed out, in order.
        columns: The columns handed out and their types, in order.
        keys: The spine's key columns and their types.
        request_values: The request values that on-demand features take.
    """

    slots: tuple[Slot, ...]
    selected: tuple[SelectedFeature, ...]
    columns: Schema
    keys: Schema
    request_values: Schema

    def slot_of(self, feature: StoredFeature, role: Role) -> Slot:
        """The slot of ``feature`` in ``role``."""
        return next(slot for slot in self.slots if slot.feature is feature and slot.role == role)


def feature_type(feature: StoredFeature | DerivedFeature) -> DataType:
    """The type of a feature's values.

    Raises:
        MissingColumnError: it reads a column that is not there.
        TypeMismatchError: types do not fit.
    """
    try:
        if isinstance(feature, StoredFeature):
            return type_of(feature.expression, table_schema(feature.table))
        inputs = {name: feature_type(given) for name, given in feature.inputs.items()}
        return type_of(feature.expression, {}, inputs)
    except FeaturestoreError as error:
        if error.where is None:
            error.where = f"{feature.feature.origin} ({feature.ref})"
        raise


def layout_of(selected: Sequence[SelectedFeature]) -> Layout:
    """The layout of a selection.

    Raises:
        TypeMismatchError: one spine column would be a key, or a request value, of two types.
    """
    for one in selected:
        for part in _below(one):
            if isinstance(part.feature, OnDemandFeature):
                _check_arguments(part.feature)
    slots: dict[tuple[int, Role], Slot] = {}
    keys: dict[str, DataType] = {}
    requests: dict[str, DataType] = {}
    for one in selected:
        for feature, role in _stored(one):
            if (id(feature), role) not in slots:
                slots[id(feature), role] = Slot(
                    f"f{len(slots)}", feature, role, feature_type(feature), feature.expression
                )
        for entity_keys in _keys(one):
            _merge(keys, entity_keys, "key")
        _merge(requests, _requests(one), "request value")
    columns = {column: data_type for one in selected for column, data_type in _columns(one).items()}
    return Layout(tuple(slots.values()), tuple(selected), columns, keys, requests)


def _check_arguments(feature: OnDemandFeature) -> None:
    """Refuses a parameter that says another type than the feature that comes in has."""
    said = {given.parameter: given.type for given in feature.definition.inputs}
    for name, taken in feature.inputs.items():
        if not isinstance(taken, SelectedFeature) or isinstance(taken.feature, OnDemandFeature):
            continue
        given, wanted = feature_type(taken.feature), said[name]
        if wanted is None or python_type_name(given) == python_type_name(wanted):
            continue
        if given.is_integer and wanted.is_float:  # as Python's own type checkers have it
            continue
        said_type = python_type_name(wanted)
        message = f"{feature.ref}: the parameter {name!r} says {said_type}, and {taken.feature.ref} is {given}."
        hint = f"Annotate it {name}: {python_type_name(given)} | None."
        raise TypeMismatchError(message, where=str(feature.definition.origin), hint=hint)


def _merge(into: dict[str, DataType], more: Schema, what: str) -> None:
    for name, data_type in more.items():
        if into.setdefault(name, data_type) != data_type and not (into[name].is_integer and data_type.is_integer):
            message = f"The {what} {name!r} is {into[name]} for one feature and {data_type} for another."
            raise TypeMismatchError(message, hint="Give the keys of one of them another name with .on().")


def _below(one: SelectedFeature) -> Iterator[SelectedFeature]:
    """``one`` and all features that it is made of, each in its role."""
    yield one
    feature = one.feature
    if isinstance(feature, DerivedFeature):
        for given in feature.inputs.values():
            yield from _below(SelectedFeature(given, (given.feature.column,), one.role))
    elif isinstance(feature, OnDemandFeature):
        for taken in feature.inputs.values():
            if isinstance(taken, SelectedFeature):
                yield from _below(taken)


def _stored(one: SelectedFeature) -> Iterator[tuple[StoredFeature, Role]]:
    for part in _below(one):
        if isinstance(part.feature, StoredFeature):
            yield part.feature, part.role


def _keys(one: SelectedFeature) -> Iterator[Schema]:
    for part in _below(one):
        if not isinstance(part.feature, OnDemandFeature):
            entity = part.feature.entity
            yield {dict(part.role).get(key, key): data_type for key, data_type in entity.keys.items()}


def _requests(one: SelectedFeature) -> Schema:
    parts = [part.feature for part in _below(one) if isinstance(part.feature, OnDemandFeature)]
    return {name: data_type for part in parts for name, data_type in part.request_values.items()}


def _columns(one: SelectedFeature) -> Schema:
    feature = one.feature
    if isinstance(feature, OnDemandFeature):
        return dict(feature.definition.outputs)
    return {one.column: feature_type(feature)}
