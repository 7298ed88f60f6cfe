"""Stored features of a request: one read of the store, and what its rows are worth at the times asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from featurestore.errors import CorruptRowError, ProviderError
from featurestore.spi.codec import Row, decode_head, decode_row
from featurestore.spi.online import Found, GroupKey, OnlineStore
from featurestore_serving.asked import Asked
from featurestore_serving.fetch_plan import Lookup, ReadableGroup, StoredSlot
from featurestore_serving.vectors import GroupTimes, Status

__all__ = ["WITHOUT_VALUE", "Looked", "look_up"]

WITHOUT_VALUE = (Status.UNAVAILABLE, Status.AHEAD, Status.ERROR)
"""The statuses that carry no value; of several inputs' the first in this order is passed on."""


@dataclass(frozen=True, eq=False)
class Looked:
    """A slot of all entities, as `vectors.Column` has it; ``of_lists`` says that its values are lists."""

    values: Sequence[object]
    statuses: Sequence[Status]
    event_times: Sequence[int | None] | None
    group: str
    messages: Mapping[int, str]
    of_lists: bool


class _Entry(NamedTuple):
    """What an entity's row is worth at one time.

    ``status`` is None where there is a row whose values are to be looked at; ``at`` is then the time for their ttl.
    """

    status: Status | None
    values: tuple[Any, ...]
    at: int
    as_of: int | None
    due: int
    message: str | None = None


@dataclass(frozen=True, eq=False)
class _Published:
    """A published group and what was read of it; rows that cannot be used are there as the reason."""

    group: ReadableGroup
    boundary: int
    rows: Mapping[bytes, Row | str]


@dataclass(eq=False)
class _Reading:
    """What one read of the store brought; rows are decoded when first asked for."""

    found: Mapping[GroupKey, Found | ProviderError]
    keys: Mapping[GroupKey, Sequence[bytes]]
    decoded: dict[GroupKey, _Published] = field(default_factory=dict)

    def published(self, groups: Sequence[ReadableGroup]) -> _Published | str:
        """The first of ``groups`` that is published, or why none of them can be read."""
        reasons = []
        for group in groups:
            found = self.found[group.key]
            if isinstance(found, ProviderError):
                # Whether it is published is not known; an older group in its place might be long out of date.
                return f"The group {group.name} cannot be read: {found.message}"
            if found.marker is None:
                reasons.append(f"Nothing is published for the group {group.name}. Materialize it.")
            elif not found.marker.fingerprint.startswith(group.key.group):
                reasons.append(f"What is published for the group {group.name} has another fingerprint. Materialize it.")
            else:
                return self._decoded(group, found, found.marker.boundary)
        return reasons[0]

    def _decoded(self, group: ReadableGroup, found: Found, boundary: int) -> _Published:
        if group.key not in self.decoded:
            rows = {
                key: _decode(group, row)
                for key, row in zip(self.keys[group.key], found.rows, strict=True)
                if row is not None
            }
            self.decoded[group.key] = _Published(group, boundary, rows)
        return self.decoded[group.key]


def _decode(group: ReadableGroup, data: bytes) -> Row | str:
    try:
        if decode_head(data).group != group.prefix:
            return f"The row is not of the group {group.name}, but of another fingerprint."
        return decode_row(data, group.codec)
    except CorruptRowError as error:
        return error.message


def look_up(asked: Asked, store: OnlineStore) -> tuple[dict[str, Looked], list[GroupTimes]]:
    """The slots that a request needs, by name, and the times of the groups that they were read from.

    The store is asked once, for each key of each group once. What fails makes values UNAVAILABLE and is no error.
    """
    reading = _read(asked, store)
    slots: dict[str, Looked] = {}
    times: dict[tuple[str, tuple[str, ...]], GroupTimes] = {}
    needed = {name for part in asked.parts for name in part.slots}
    for one in asked.lookups:
        published = reading.published(one.groups)
        group = (one.groups[0] if isinstance(published, str) else published.group).key.group
        entries, index = _entries(one, asked, published)
        for slot in one.slots:
            if slot.name in needed:
                slots[slot.name] = _looked(slot, published, entries, index, group)
        as_of, due = [entry.as_of for entry in entries], [entry.due for entry in entries]
        times.setdefault(
            (group, tuple(one.role.values())),
            GroupTimes(group, one.role, [as_of[place] for place in index], [due[place] for place in index]),
        )
    return slots, list(times.values())


def _read(asked: Asked, store: OnlineStore) -> _Reading:
    keys: dict[GroupKey, dict[bytes, None]] = {}
    for one in asked.lookups:
        present = [key for key in asked.keys[one.keys] if key is not None]
        for group in one.groups:
            keys.setdefault(group.key, {}).update(dict.fromkeys(present))
    wanted = {group: list(some) for group, some in keys.items()}
    return _Reading(_found(store, wanted) if wanted else {}, wanted)


def _found(store: OnlineStore, wanted: Mapping[GroupKey, Sequence[bytes]]) -> Mapping[GroupKey, Found | ProviderError]:
    try:
        return store.get_many(wanted)
    except CorruptRowError as error:
        if len(wanted) == 1:
            return dict.fromkeys(wanted, error)
        # One damaged marker fails the whole read: the other groups are then read one by one.
        return {group: _found(store, {group: keys})[group] for group, keys in wanted.items()}
    except ProviderError as error:
        return dict.fromkeys(wanted, error)


def _entries(one: Lookup, asked: Asked, published: _Published | str) -> tuple[list[_Entry], list[int]]:
    """One entry per distinct key and time, and for each entity the place of its entry."""
    entries: list[_Entry] = []
    index: list[int] = []
    places: dict[tuple[bytes | None, int], int] = {}
    due = {time: one.schedule.boundary(time) for time in set(asked.times)}
    for pair in zip(asked.keys[one.keys], asked.times, strict=True):
        place = places.get(pair)
        if place is None:
            place = places[pair] = len(entries)
            key, time = pair
            if isinstance(published, str):
                entries.append(_unavailable(published, due[time]))
            else:
                entries.append(_entry(key, due[time], published, own_time=asked.own_time))
        index.append(place)
    return entries, index


def _unavailable(reason: str, due: int) -> _Entry:
    return _Entry(Status.UNAVAILABLE, (), due, None, due, reason)


def _entry(key: bytes | None, due: int, published: _Published, *, own_time: bool) -> _Entry:
    if key is None:  # it names no entity, at any time
        return _Entry(Status.NOT_FOUND, (), due, None, due)
    row = published.rows.get(key)
    if isinstance(row, str):
        return _unavailable(row, due)
    as_of = published.boundary if row is None else max(row.boundary, published.boundary)
    if own_time and as_of > due:
        return _Entry(Status.AHEAD, (), due, as_of, due)
    if row is None:
        return _Entry(Status.NOT_FOUND, (), due, as_of, due)
    return _Entry(None, row.values, max(as_of, due), as_of, due)


def _looked(
    slot: StoredSlot, published: _Published | str, entries: Sequence[_Entry], index: Sequence[int], group: str
) -> Looked:
    place = 0 if isinstance(published, str) else published.group.places[slot.logic]
    values: list[object] = []
    statuses: list[Status] = []
    reasons: dict[int, str] = {}
    has_event = slot.form.has_event
    events = [entry.values[place + 1] if has_event and entry.values else None for entry in entries]
    for number, (entry, event) in enumerate(zip(entries, events, strict=True)):
        status, value = entry.status, None
        if status is None:
            status, value = _valued(slot, entry.values[place], event, entry.at)
            if status is Status.ERROR:
                reasons[number] = f"{slot.form.feature.ref}: a number does not fit into {slot.type}."
        elif status is Status.NOT_FOUND:
            value = slot.empty
        if entry.message is not None:
            reasons[number] = entry.message
        statuses.append(status)
        values.append(value)
    return Looked(
        values=[values[number] for number in index],
        statuses=[statuses[number] for number in index],
        event_times=[events[number] for number in index] if has_event else None,
        group=group,
        messages={at: reasons[number] for at, number in enumerate(index) if number in reasons} if reasons else {},
        of_lists=slot.type.name in {"Array", "Vector"},
    )


def _valued(slot: StoredSlot, value: object, event: int | None, at: int) -> tuple[Status, object]:
    """The status and the value of what is stored, read at a time."""
    if slot.form.has_expired(event, at):
        return Status.EXPIRED, slot.form.fill
    if value is None:
        return Status.NULL, slot.form.fill
    if slot.widen is None:
        return Status.PRESENT, value
    try:
        return Status.PRESENT, slot.widen(value)
    except ArithmeticError:
        return Status.ERROR, None
