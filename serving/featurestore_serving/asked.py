"""A request, checked against its service: all that can be wrong with it is noticed before anything is read."""

import datetime
import decimal
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from featurestore.errors import ComputeError, FingerprintDiffersError, RequestError, SpineError
from featurestore.spi.codec import RowCodec, encode_key
from featurestore_serving.fetch_plan import FetchPlan, KeyColumns, Lookup, Part
from featurestore_serving.vectors import Request

__all__ = ["Asked", "check"]

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
_FIRST = (datetime.datetime.min.replace(tzinfo=datetime.UTC) - _EPOCH) // _MICROSECOND
_LAST = (datetime.datetime.max.replace(tzinfo=datetime.UTC) - _EPOCH) // _MICROSECOND
_OF_INTEGERS: Mapping[str, Callable[[int], object]] = {"Float32": float, "Float64": float, "Decimal": decimal.Decimal}
"""Types of which a request value may be written as an integer."""


@dataclass(frozen=True, eq=False)
class Asked:
    """A request that can be answered.

    Attributes:
        parts: What of the service is wanted, in its order.
        columns: The columns that are wanted.
        lookups: What must be read for that.
        times: The time of each entity, in microseconds.
        own_time: Whether the request brought the times; else they are the server's clock.
        keys: The encoded key of each entity, per key columns; None where a part of it is null.
        request_values: Request value to one value per entity, of its type.
    """

    parts: tuple[Part, ...]
    columns: Collection[str]
    lookups: tuple[Lookup, ...]
    times: Sequence[int]
    own_time: bool
    keys: Mapping[KeyColumns, Sequence[bytes | None]]
    request_values: Mapping[str, Sequence[object]]


def check(plan: FetchPlan, request: Request, *, clock: int, allow_at: bool) -> Asked:
    """What ``request`` asks of ``plan``.

    Raises:
        RequestError: it cannot be answered as it was asked.
        FingerprintDiffersError: it expects other features.
    """
    known = {column: part for part in plan.parts for column in part.columns}
    columns = _wanted(plan, request, known)
    _check_fingerprints(plan, request, known)
    parts = tuple(part for part in plan.parts if not columns.isdisjoint(part.columns))
    _check_names("key column", request.entities, plan.keys, [name for part in parts for name in part.keys])
    wanted_values = [name for part in parts for name in part.request_values]
    _check_names("request value", request.request_values, plan.request_values, wanted_values)
    length = _length(request)
    slots = {name for part in parts for name in part.slots}
    lookups = tuple(one for one in plan.lookups if any(slot.name in slots for slot in one.slots))
    return Asked(
        parts=parts,
        columns=columns,
        lookups=lookups,
        times=_times(request, length, clock, allow_at=allow_at),
        own_time=request.at is not None,
        keys={keys: _encoded(keys, request.entities) for keys in dict.fromkeys(one.keys for one in lookups)},
        request_values={
            name: _typed(name, plan.request_values[name], values, length)
            for name, values in request.request_values.items()
        },
    )


def _wanted(plan: FetchPlan, request: Request, known: Mapping[str, Part]) -> frozenset[str]:
    if request.features is None:
        return frozenset(known)
    if isinstance(request.features, str) or not request.features:
        message = f"The request names no list of features: {request.features!r}."
        raise RequestError(message, hint="Leave the list out to get all features of the service.")
    for column in request.features:
        if column not in known:
            message = f"The service {plan.service} has no feature {column!r}."
            raise RequestError(message, hint=f"Its features are {', '.join(known)}.")
    return frozenset(request.features)


def _check_fingerprints(plan: FetchPlan, request: Request, known: Mapping[str, Part]) -> None:
    differ = [
        f"{column} ({known[column].ref if column in known else 'not there'}): expected {expected}, "
        f"the service has {known[column].fingerprint if column in known else 'none'}"
        for column, expected in (request.fingerprints or {}).items()
        if column not in known or known[column].fingerprint != expected
    ]
    if differ:
        message = f"The service {plan.service} does not give what the request expects. {'; '.join(differ)}."
        hint = "Read the version of the service that the model was trained with, or train the model again."
        raise FingerprintDiffersError(message, hint=hint)


def _check_names(what: str, given: Mapping[str, object], known: Collection[str], needed: Sequence[str]) -> None:
    unknown = [name for name in given if name not in known]
    missing = [name for name in dict.fromkeys(needed) if name not in given]
    for names, fault in ((unknown, "is not one of the service's"), (missing, "is missing")):
        if names:
            message = f"The {what} {names[0]!r} {fault}."
            raise RequestError(message, hint=f"The service takes the {what}s {', '.join(known) or '(none)'}.")


def _length(request: Request) -> int:
    """How many entities there are: without key columns as many as there are request values, or times."""
    for what, columns in (("key column", request.entities), ("request value", request.request_values)):
        for name, values in columns.items():
            if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
                message = f"The {what} {name!r} is one {type(values).__name__}, and not a list of values."
                raise RequestError(message, hint="Give a list with one value per entity.")
    lengths = {name: len(values) for name, values in request.entities.items()}
    if len(set(lengths.values())) > 1:
        counted = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        message = f"The key columns differ in length: {counted}."
        raise RequestError(message, hint="Give each of them one value per entity.")
    if lengths:
        return next(iter(lengths.values()))
    others = [len(values) for values in request.request_values.values()]
    others += [] if request.at is None else [len(request.at)]
    return max((length for length in others if length != 1), default=1)


def _repeated(what: str, values: Sequence[object], length: int) -> None:
    if len(values) not in {1, length}:
        message = f"{what} has {len(values)} values for {length} entities."
        raise RequestError(message, hint="Give one value per entity, or one for all.")


def _times(request: Request, length: int, clock: int, *, allow_at: bool) -> Sequence[int]:
    if request.at is None:
        return [clock] * length
    if not allow_at:
        message = "The request names its own time, which this reader does not allow."
        raise RequestError(message, hint="Leave `at` out, or start the server with --allow-at.")
    _repeated("`at`", request.at, length)
    for position, time in enumerate(request.at):
        if type(time) is not int or not _FIRST <= time <= _LAST:
            message = f"`at` holds a value of type {type(time).__name__} at position {position} that is no time."
            raise RequestError(message, hint="Give integers: microseconds since 1970-01-01 00:00 UTC.")
    return request.at if len(request.at) == length else [*request.at] * length


def _encoded(keys: KeyColumns, entities: Mapping[str, Sequence[object]]) -> Sequence[bytes | None]:
    names, types = [name for name, _ in keys], [data_type for _, data_type in keys]
    encoded: list[bytes | None] = []
    try:
        for values in zip(*(entities[name] for name in names), strict=True):
            encoded.append(encode_key(values, types, names))  # noqa: PERF401 - an error needs the position reached
    except SpineError as error:
        message = f"{error.message.rstrip('.')}, at position {len(encoded)}."
        raise RequestError(message, hint=error.hint) from error
    return encoded


def _typed(name: str, codec: RowCodec, values: Sequence[object], length: int) -> Sequence[object]:
    """The values as a stored value of the same type would be: times in UTC, Decimals with the digits of their scale."""
    _repeated(f"The request value {name!r}", values, length)
    _, data_type = codec.columns[0]
    of_integer = _OF_INTEGERS.get(data_type.name)
    typed: list[object] = []
    try:
        for value in values:
            given = of_integer(value) if of_integer is not None and type(value) is int else value
            typed.append(codec.unpack(codec.pack((given,)))[0])
    except (ComputeError, OverflowError):
        _refuse_value(name, codec, values[len(typed)], len(typed))
    if len(typed) == length:
        return typed
    # Lists are copied: a function that changes its own must not change it for others.
    return [list(value) if isinstance(value, list) else value for value in typed * length]


def _refuse_value(name: str, codec: RowCodec, value: object, position: int) -> NoReturn:
    """Says the type that was given, and not the value: errors are logged, request values are not."""
    _, data_type = codec.columns[0]
    message = (
        f"The request value {name!r} is of type {data_type}; "
        f"at position {position} is one of type {type(value).__name__} that does not fit."
    )
    raise RequestError(message, hint=f"Give a value of {data_type}.")
