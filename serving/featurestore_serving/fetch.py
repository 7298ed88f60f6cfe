"""The read path: the features of a service for some entities, as the online store has them (semantics 16, 18).

The server and a client in the same process both call it. Apart from the store it is a function of its arguments.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from featurestore.compiler.evaluate import Row
from featurestore.errors import NullRequestError, UserCodeError
from featurestore.spi.online import OnlineStore
from featurestore_serving.asked import Asked, check
from featurestore_serving.fetch_plan import FetchPlan, Part, StoredGroup, resolve
from featurestore_serving.lookups import WITHOUT_VALUE, Looked, look_up
from featurestore_serving.vectors import Column, FeatureVectors, Request, Status

__all__ = ["FetchPlan", "StoredGroup", "fetch", "resolve"]


def fetch(plan: FetchPlan, request: Request, store: OnlineStore, *, clock: int, allow_at: bool) -> FeatureVectors:
    """The features of the request's entities, with the status of each value.

    Args:
        plan: The service that the request names, resolved.
        request: What is asked.
        store: Where the rows are; it is read once.
        clock: The time by the server's clock, in microseconds.
        allow_at: Whether a request may bring its own times.

    Raises:
        RequestError: the request cannot be answered as it was asked. What is wrong with single values, and a store
            that fails, is in their status.
    """
    asked = check(plan, request, clock=clock, allow_at=allow_at)
    slots, groups = look_up(asked, store)
    rows = _rows(asked, slots)
    columns: list[Column] = []
    for part in asked.parts:
        evaluate = part.evaluate
        given = [_stored(part, slots)] if evaluate is None else _evaluated(part, evaluate, rows, slots)
        columns += [column for column in given if column.name in asked.columns]
    return FeatureVectors(plan.service, plan.fingerprint, asked.times, columns, groups)


def _stored(part: Part, slots: Mapping[str, Looked]) -> Column:
    (name, data_type), looked = next(iter(part.columns.items())), slots[part.slots[0]]
    return Column(
        name=name,
        type=str(data_type),
        fingerprint=part.fingerprint,
        values=looked.values,
        statuses=looked.statuses,
        event_times=looked.event_times,
        group=looked.group,
        messages=looked.messages,
    )


def _rows(asked: Asked, slots: Mapping[str, Looked]) -> Sequence[Row]:
    """What features are evaluated from, per entity; none if nothing is evaluated."""
    computed = [part for part in asked.parts if part.evaluate is not None]
    if not computed:
        return []
    names = tuple(dict.fromkeys(name for part in computed for name in part.slots))
    stored = _dicts(names, [_own(slots[name]) for name in names], len(asked.times))
    requests = _dicts(tuple(asked.request_values), list(asked.request_values.values()), len(asked.times))
    return [Row(*given) for given in zip(stored, requests, asked.times, strict=True)]


def _own(looked: Looked) -> Sequence[Any]:
    """The values, lists copied: a function that changes one must not change it for others."""
    if not looked.of_lists:
        return looked.values
    values: Sequence[Any] = looked.values
    return [None if value is None else list(value) for value in values]


def _dicts(names: Sequence[str], columns: Sequence[Sequence[object]], length: int) -> list[dict[str, object]]:
    if not names:
        return [{} for _ in range(length)]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _evaluated(
    part: Part, evaluate: Callable[[Row], Sequence[object]], rows: Sequence[Row], slots: Mapping[str, Looked]
) -> list[Column]:
    blocked = _blocked(part, slots)
    messages: dict[int, str] = {}
    results: list[Sequence[object] | Status] = []
    for position, row in enumerate(rows):
        if position in blocked:
            status, message = blocked[position]
            if message is not None:
                messages[position] = message
            results.append(status)
            continue
        try:
            results.append(evaluate(row))
        except Exception as error:  # noqa: BLE001 - the border to the user's code: one value fails, not the request
            messages[position] = _fault(part, error)
            results.append(Status.ERROR)
    return [_column(part, name, place, results, messages) for place, name in enumerate(part.columns)]


def _column(
    part: Part, name: str, place: int, results: Sequence[Sequence[object] | Status], messages: Mapping[int, str]
) -> Column:
    values = [None if isinstance(result, Status) else result[place] for result in results]
    return Column(
        name=name,
        type=str(part.columns[name]),
        fingerprint=part.fingerprint,
        values=values,
        statuses=[
            result if isinstance(result, Status) else Status.NULL if value is None else Status.PRESENT
            for result, value in zip(results, values, strict=True)
        ],
        messages=messages,
    )


def _blocked(part: Part, slots: Mapping[str, Looked]) -> dict[int, tuple[Status, str | None]]:
    """The positions at which an input has no value, with the status and the message to pass on."""
    blocked: dict[int, tuple[Status, str | None]] = {}
    for name in part.slots:
        looked = slots[name]
        if set(looked.statuses).isdisjoint(WITHOUT_VALUE):
            continue
        for position, status in enumerate(looked.statuses):
            if status in WITHOUT_VALUE and (position not in blocked or _before(status, blocked[position][0])):
                blocked[position] = (status, looked.messages.get(position))
    return blocked


def _before(one: Status, other: Status) -> bool:
    return WITHOUT_VALUE.index(one) < WITHOUT_VALUE.index(other)


def _fault(part: Part, error: Exception) -> str:
    """Which function raised what: no text of the exception, since it may hold keys and values."""
    if isinstance(error, UserCodeError):
        return f"{part.functions.get(error.where or '', part.ref)} raised {type(error.__cause__).__name__}."
    if isinstance(error, NullRequestError):
        return error.message
    return f"{part.ref} cannot be evaluated: {type(error).__name__}."
