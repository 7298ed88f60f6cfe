"""Requests, feature vectors and descriptions as protobuf messages, and back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

from featurestore.errors import RequestError, ServingError
from featurestore_serving.columns import (
    UNFIT,
    pack_times,
    pack_values,
    type_of,
    unpack_times,
    unpack_values,
)
from featurestore_serving.service import Field, ServiceDescription
from featurestore_serving.v1 import serving_pb2 as pb
from featurestore_serving.vectors import Column, FeatureVectors, GroupTimes, Request, Status

__all__ = [
    "description_message",
    "description_of",
    "request_message",
    "request_of",
    "vectors_message",
    "vectors_of",
]

T = TypeVar("T")

_STATUSES: Final[Mapping[int, Status]] = {status.value: status for status in Status}


# Requests


def request_message(request: Request) -> pb.GetFeaturesRequest:
    """A request as a message. The types of its columns are those of their Python values.

    No `at`, `features` or `fingerprints` and empty ones are the same in a message: all, or the server's clock.

    Raises:
        RequestError: a column holds values of several types, or some that no type holds; or `features` is empty.
    """
    if request.features is not None and not request.features:
        message = "No columns are asked for: `features` is empty."
        raise RequestError(message, hint="Name some, or leave it out to get all columns of the service.")
    entities = {name: _sent("key column", name, values) for name, values in request.entities.items()}
    values = {name: _sent("request value", name, given) for name, given in request.request_values.items()}
    return pb.GetFeaturesRequest(
        service=request.service,
        entities=entities,
        request_values=values,
        at=request.at,
        features=request.features,
        fingerprints=request.fingerprints,
    )


def _sent(what: str, name: str, values: Sequence[object]) -> pb.Values:
    try:
        type = type_of(values)
    except TypeError as error:
        message = f"The {what} {name!r} holds values of {error}, which cannot be sent as one column."
        raise RequestError(message, hint="Give one Python type per column: int, str, bytes, date, and so on.") from None
    try:
        return pack_values(values, type)
    except UNFIT:
        position = next(place for place, value in enumerate(values) if not _fits(value, type))
        message = f"The {what} {name!r} holds at position {position} a value that does not fit {type}."
        hint = "Integers have at most 64 bits, and text has no lone surrogates."
        raise RequestError(message, hint=hint) from None


def request_of(message: pb.GetFeaturesRequest) -> Request:
    """The request in a message.

    Raises:
        RequestError: a column contradicts itself.
    """
    return Request(
        service=message.service,
        entities={name: _received("key column", name, message.entities[name]) for name in message.entities},
        request_values={
            name: _received("request value", name, message.request_values[name]) for name in message.request_values
        },
        at=list(message.at) or None,
        features=list(message.features) or None,
        fingerprints=dict(message.fingerprints) or None,
    )


def _received(what: str, name: str, values: pb.Values) -> list[Any]:
    try:
        return unpack_values(values)
    except UNFIT as error:
        message = f"The {what} {name!r} cannot be read: {error}."
        raise RequestError(message, hint="It was not packed as serving.proto says.") from None


# Feature vectors


def vectors_message(vectors: FeatureVectors) -> pb.GetFeaturesResponse:
    """Feature vectors as a message. A value that is none of its column's type becomes an ERROR; the others go out."""
    return pb.GetFeaturesResponse(
        service=vectors.service,
        fingerprint=vectors.fingerprint,
        entities=len(vectors.times),
        times=_once(vectors.times),
        columns=[_column_message(column) for column in vectors.columns],
        groups=[_group_message(group) for group in vectors.groups],
    )


def _column_message(column: Column) -> pb.Column:
    try:
        values = pack_values(column.values, column.type)
    except UNFIT:
        column = _without_unfit(column)
        values = pack_values(column.values, column.type)
    return pb.Column(
        name=column.name,
        type=column.type,
        fingerprint=column.fingerprint,
        values=values,
        statuses=cast("Sequence[pb.Status]", _once(column.statuses)),
        event_times=None if column.event_times is None else pack_times(column.event_times),
        group=column.group,
        notes=_notes(column.messages),
    )


def _without_unfit(column: Column) -> Column:
    unfit = {place for place, value in enumerate(column.values) if not _fits(value, column.type)}
    said = dict.fromkeys(sorted(unfit), f"The value of {column.name} is none of {column.type}.")
    return Column(
        name=column.name,
        type=column.type,
        fingerprint=column.fingerprint,
        values=[None if place in unfit else value for place, value in enumerate(column.values)],
        statuses=[Status.ERROR if place in unfit else status for place, status in enumerate(column.statuses)],
        event_times=column.event_times,
        group=column.group,
        messages={**column.messages, **said},
    )


def _fits(value: object, type: str) -> bool:
    try:
        pack_values([value], type)
    except UNFIT:
        return False
    return True


def _notes(messages: Mapping[int, str]) -> Iterable[pb.Note]:
    positions: dict[str, list[int]] = {}
    for position, text in messages.items():
        positions.setdefault(text, []).append(position)
    return [pb.Note(text=text, positions=places) for text, places in positions.items()]


def _group_message(times: GroupTimes) -> pb.GroupTimes:
    pairs = list(zip(times.as_of, times.due, strict=True))
    places = {pair: place for place, pair in enumerate(dict.fromkeys(pairs))}
    return pb.GroupTimes(
        group=times.group,
        role=times.role,
        periods=[pb.Period(as_of=as_of, due=due) for as_of, due in places],
        indexes=_once([places[pair] for pair in pairs]),
    )


def _once(values: Sequence[T]) -> Sequence[T]:
    """The values, or one for all if they are equal."""
    return values[:1] if len(set(values)) == 1 else values


def vectors_of(message: pb.GetFeaturesResponse) -> FeatureVectors:
    """The feature vectors in a message.

    Raises:
        ServingError: the message contradicts itself, or says what this version does not know.
    """
    count = message.entities
    try:
        return FeatureVectors(
            service=message.service,
            fingerprint=message.fingerprint,
            times=_each(message.times, count),
            columns=[_column_of(column, count) for column in message.columns],
            groups=[_group_of(group, count) for group in message.groups],
        )
    except (*UNFIT, LookupError) as error:
        text = f"The reply cannot be read: {error}."
        raise ServingError(
            text, hint="The server is newer or broken; bring client and server to one version."
        ) from None


def _column_of(message: pb.Column, count: int) -> Column:
    values = unpack_values(message.values)
    if len(values) != count:
        text = f"the column {message.name!r} has {len(values)} values for {count} entities"
        raise ValueError(text)
    return Column(
        name=message.name,
        type=message.type,
        fingerprint=message.fingerprint,
        values=values,
        statuses=[_STATUSES[status] for status in _each(message.statuses, count)],
        event_times=unpack_times(message.event_times) if message.HasField("event_times") else None,
        group=message.group if message.HasField("group") else None,
        messages={position: note.text for note in message.notes for position in note.positions},
    )


def _group_of(message: pb.GroupTimes, count: int) -> GroupTimes:
    periods = [(period.as_of if period.HasField("as_of") else None, period.due) for period in message.periods]
    pairs = [periods[index] for index in _each(message.indexes, count)]
    return GroupTimes(
        group=message.group,
        role=dict(message.role),
        as_of=[as_of for as_of, _ in pairs],
        due=[due for _, due in pairs],
    )


def _each(values: Sequence[T], count: int) -> list[T]:
    """One value per entity, where one may have been sent for all."""
    if len(values) == count:
        return list(values)
    if len(values) == 1:
        return list(values) * count
    text = f"there are {len(values)} entries for {count} entities"
    raise ValueError(text)


# Descriptions


def description_message(description: ServiceDescription) -> pb.DescribeServiceResponse:
    """A description as a message."""
    return pb.DescribeServiceResponse(
        service=description.service,
        fingerprint=description.fingerprint,
        description=description.description,
        entities=_field_messages(description.entities),
        request_values=_field_messages(description.request_values),
        features=_field_messages(description.features),
    )


def _field_messages(fields: Iterable[Field]) -> list[pb.Field]:
    return [pb.Field(name=field.name, type=field.type, fingerprint=field.fingerprint) for field in fields]


def description_of(message: pb.DescribeServiceResponse) -> ServiceDescription:
    """The description in a message."""
    return ServiceDescription(
        service=message.service,
        fingerprint=message.fingerprint,
        description=message.description,
        entities=_fields_of(message.entities),
        request_values=_fields_of(message.request_values),
        features=_fields_of(message.features),
    )


def _fields_of(messages: Iterable[pb.Field]) -> tuple[Field, ...]:
    return tuple(Field(field.name, field.type, field.fingerprint) for field in messages)
