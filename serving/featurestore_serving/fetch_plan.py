"""What must be known of a service to read it: where its features are stored, how they are decoded and evaluated.

Nothing here depends on a request, so it is worked out once per fingerprint of a service.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from featurestore.compiler.evaluate import Row, constant, evaluation_of
from featurestore.compiler.stored import StoredForm, row_columns, stored_form
from featurestore.compiler.vector import Layout, Slot, layout_of
from featurestore.definitions.nodes import Call, Literal
from featurestore.definitions.resolved import (
    Computed,
    Group,
    OnDemandFeature,
    ResolvedService,
    Schedule,
    SelectedFeature,
)
from featurestore.definitions.types import DataType, Schema
from featurestore.errors import ServingError
from featurestore.spi.codec import RowCodec, group_prefix
from featurestore.spi.online import GroupKey

__all__ = ["FetchPlan", "KeyColumns", "Lookup", "Part", "ReadableGroup", "StoredGroup", "StoredSlot", "resolve"]

KeyColumns = tuple[tuple[str, DataType], ...]
"""The request's columns that hold an entity's key, with the key's types, in the entity's order."""


@dataclass(frozen=True)
class StoredGroup:
    """A group as its rows show it; its members need not be defined any more.

    Attributes:
        id: The group's id, with which its marker's fingerprint begins.
        name: What it is called in messages.
        columns: The columns of its rows and their types, in order.
        places: Logic fingerprint of a member to the place of its value; its event time, if stored, comes next.
    """

    id: str
    name: str
    columns: tuple[tuple[str, DataType], ...]
    places: Mapping[str, int]

    @classmethod
    def of(cls, group: Group) -> "StoredGroup":
        """How the rows of ``group`` look."""
        places: dict[str, int] = {}
        place = 0
        for member in group.members:
            places[member.fingerprint.logic] = place
            place += len(stored_form(member).columns)
        return cls(group.id, group.name, row_columns(group), places)


@dataclass(frozen=True, eq=False)
class ReadableGroup:
    """A group in an online store; ``prefix`` is how its rows name it."""

    key: GroupKey
    name: str
    prefix: bytes
    codec: RowCodec
    places: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class StoredSlot:
    """A stored feature of the entity in one role, and what is made of what is stored.

    Attributes:
        name: The name of its slot in the service's layout.
        form: How it is stored.
        type: The type in which it is given.
        widen: From what is stored to that type; None where it is the same. Raises ArithmeticError if it does not fit.
        empty: What an entity without a row is given: the value over no rows, filled.
    """

    name: str
    form: StoredForm
    type: DataType
    widen: Callable[[object], object] | None
    empty: object

    @property
    def logic(self) -> str:
        """The fingerprint by which groups hold it."""
        return self.form.feature.fingerprint.logic


@dataclass(frozen=True, eq=False)
class Lookup:
    """Stored features of one entity in one role that the same groups hold, the preferred group first."""

    keys: KeyColumns
    role: Mapping[str, str]
    schedule: Schedule
    groups: tuple[ReadableGroup, ...]
    slots: tuple[StoredSlot, ...]


@dataclass(frozen=True, eq=False)
class Part:
    """What the service selects in one place: a feature, or an on-demand function of several columns.

    Attributes:
        ref: The feature.
        fingerprint: Its logic fingerprint.
        columns: The columns that it gives and their types.
        slots: The slots that it is made of.
        keys: The key columns that it needs.
        request_values: The request values that it needs.
        evaluate: Its values, one per column; None: it is the one slot.
        functions: Where an on-demand function below it is written, to its reference.
    """

    ref: str
    fingerprint: str
    columns: Schema
    slots: tuple[str, ...]
    keys: Schema
    request_values: Schema
    evaluate: Callable[[Row], Sequence[object]] | None
    functions: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class FetchPlan:
    """A service, ready to be read. ``keys`` and ``request_values`` are all that a request may bring."""

    service: str
    fingerprint: str
    parts: tuple[Part, ...]
    lookups: tuple[Lookup, ...]
    keys: Schema
    request_values: Mapping[str, RowCodec]


def resolve(service: ResolvedService, groups: Sequence[Group | StoredGroup], namespace: str) -> FetchPlan:
    """How ``service`` is read.

    Args:
        service: The service.
        groups: Where its features may be stored, the preferred ones first; others among them do no harm. A feature is
            read from the first one that holds its fingerprint and is published when it is read.
        namespace: That of the groups in the store, ``project:target``.

    Raises:
        ServingError: no group holds one of its features.
        DefinitionError: its types do not fit.
    """
    layout = layout_of(service.features)
    readable = _readable(groups, {slot.feature.fingerprint.logic for slot in layout.slots}, namespace)
    return FetchPlan(
        service=str(service.ref),
        fingerprint=service.fingerprint.logic,
        parts=tuple(_part(one, layout) for one in service.features),
        lookups=_lookups(layout.slots, readable),
        keys=layout.keys,
        request_values={name: RowCodec(((name, kind),)) for name, kind in layout.request_values.items()},
    )


def _readable(groups: Sequence[Group | StoredGroup], wanted: set[str], namespace: str) -> list[ReadableGroup]:
    found: dict[str, ReadableGroup] = {}
    for group in groups:
        one = StoredGroup.of(group) if isinstance(group, Group) else group
        if one.id not in found and not wanted.isdisjoint(one.places):
            key = GroupKey(namespace, one.id)
            found[one.id] = ReadableGroup(key, one.name, group_prefix(one.id), RowCodec(one.columns), one.places)
    return list(found.values())


def _lookups(slots: Sequence[Slot], readable: Sequence[ReadableGroup]) -> tuple[Lookup, ...]:
    together: dict[tuple[KeyColumns, Schedule, tuple[ReadableGroup, ...]], list[Slot]] = {}
    for slot in slots:
        groups = tuple(group for group in readable if slot.feature.fingerprint.logic in group.places)
        if not groups:
            message = f"No group holds the feature {slot.feature.ref} ({slot.feature.fingerprint.logic:.8})."
            raise ServingError(message, hint="Apply the project, so that its groups are those of its definitions.")
        keys = tuple(zip(slot.keys, slot.feature.entity.keys.values(), strict=True))
        together.setdefault((keys, slot.feature.schedule, groups), []).append(slot)
    return tuple(
        Lookup(
            keys=keys,
            role=dict(zip(members[0].feature.entity.keys, members[0].keys, strict=True)),
            schedule=schedule,
            groups=groups,
            slots=tuple(_stored_slot(member) for member in members),
        )
        for (keys, schedule, groups), members in together.items()
    )


def _stored_slot(slot: Slot) -> StoredSlot:
    form = stored_form(slot.feature)
    widen = None if form.type == slot.type else _widening(form.type, slot.type)
    empty = form.empty if widen is None or form.empty is None else widen(form.empty)
    return StoredSlot(slot.name, form, slot.type, widen, form.filled(empty))


def _widening(given: DataType, to: DataType) -> Callable[[object], object]:
    """A filler can be of a wider type than what it fills: then so is the feature."""
    return lambda value: constant(Call("cast", (Literal(value, given),), to))


def _part(one: SelectedFeature, layout: Layout) -> Part:
    alone = layout_of((one,))
    evaluation = evaluation_of(replace(layout, selected=(one,)))
    return Part(
        ref=str(one.feature.ref),
        fingerprint=one.feature.fingerprint.logic,
        columns=alone.columns,
        slots=(*evaluation.direct.values(), *evaluation.slots),
        keys=alone.keys,
        request_values=alone.request_values,
        evaluate=next(iter(evaluation.computed.values()), None),
        functions={str(found.definition.origin): str(found.ref) for found in _on_demand_below(one.feature)},
    )


def _on_demand_below(feature: Computed) -> Iterator[OnDemandFeature]:
    """The on-demand features that ``feature`` is made of, itself included; derived ones are made of none."""
    if isinstance(feature, OnDemandFeature):
        yield feature
        for given in feature.inputs.values():
            if isinstance(given, SelectedFeature):
                yield from _on_demand_below(given.feature)
