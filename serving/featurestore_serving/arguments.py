"""What callers of the client give, as the columns of a `Request`."""

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, Final

from featurestore.errors import RequestError, ServingError

__all__ = ["Entities", "Times", "entity_columns", "fingerprints_of", "request_columns", "times_of"]

Entities = Mapping[str, Iterable[object]] | Sequence[Mapping[str, object]]
"""Key columns by name (lists, arrays or series), none where the service has no entity; or one mapping per entity."""

Times = int | datetime.datetime | Sequence[int | datetime.datetime]
"""One time for all entities, or one each; microseconds since the epoch where it is a number."""

_KEY_TYPES: Final = {int, str, bytes, datetime.date}
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
_EXACT_IN_FLOATS = 2**53


# Entities


def entity_columns(entities: Entities) -> dict[str, list[Any]]:
    """Key columns by name, all of one length, each of int, str, bytes or date, None where null.

    Raises:
        RequestError: they are of another shape or type, or the entities are an empty list, which names no columns.
    """
    columns = _by_column(entities)
    if not columns and not isinstance(entities, Mapping):
        message = "No key columns are given."
        hint = 'Name them, also for no entities: {"customer_id": []}. A service without entities takes {}.'
        raise RequestError(message, hint=hint)
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        message = f"Key columns have one value per entity, and these differ in length: {listed}."
        raise RequestError(message)
    for name, values in columns.items():
        _check_key(name, values)
    return columns


def _by_column(entities: Entities) -> dict[str, list[Any]]:
    if isinstance(entities, Mapping):
        return {name: _listed(name, values) for name, values in entities.items()}
    rows = list(entities)
    names = list(rows[0]) if rows else []
    for position, row in enumerate(rows):
        if set(row) != set(names):
            message = (
                f"The entity at position {position} has the keys {_names(row)}, and the first has {_names(names)}."
            )
            raise RequestError(message, hint="All entities have the same keys; None stands for a null.")
    return {name: [row[name] for row in rows] for name in names}


def _listed(name: str, values: Any) -> list[Any]:
    if hasattr(values, "tolist"):  # arrays and series
        values = values.tolist()
    if isinstance(values, Sequence) and not isinstance(values, (str, bytes)):
        return list(values)
    message = f"The key column {name!r} is a {type(values).__name__} instead of a list of values."
    raise RequestError(message, hint="Give {column: [value, ...]}, or a list with one {column: value} per entity.")


def _names(names: Any) -> str:
    return ", ".join(sorted(map(str, names))) or "none"


def _check_key(name: str, values: list[Any]) -> None:
    """Bool is refused although it is an int in Python, and so are floats, whole or not (semantics 14)."""
    found = set(map(type, values)) - {NoneType}
    if found <= _KEY_TYPES and len(found) <= 1:
        return
    wrong = min(found - _KEY_TYPES or found, key=lambda one: one.__name__)
    position = next(place for place, value in enumerate(values) if type(value) is wrong)
    if wrong in _KEY_TYPES:
        kinds = " and ".join(sorted(one.__name__ for one in found))
        message = f"The key column {name!r} mixes {kinds}."
        raise RequestError(message, hint="Cast it to the type of the entity's key.")
    message = f"The key column {name!r} holds a {wrong.__name__} at position {position}."
    raise RequestError(message, hint=_ADVICE.get(wrong, "Keys are int, str, bytes or date, and None where null."))


_ADVICE = {
    float: "Cast it to integers; pandas makes floats out of integers with a null: astype('Int64').",
    bool: "Keys are int, str, bytes or date; int(value) makes a number of it.",
    datetime.datetime: "A key is a date: value.date().",
}


# Request values and times


def request_columns(values: Mapping[str, object] | None) -> dict[str, list[Any]]:
    """Request values by name: one per entity where a list is given, else one for all.

    Integers among floats become floats.

    Raises:
        RequestError: one of those is too large for a float.
    """
    return {name: _uniform(name, _spread(given)) for name, given in (values or {}).items()}


def _spread(given: Any) -> list[Any]:
    if hasattr(given, "tolist"):  # arrays and series
        given = given.tolist()
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _uniform(name: str, values: list[Any]) -> list[Any]:
    if set(map(type, values)) - {NoneType} != {int, float}:
        return values
    if any(type(value) is int and abs(value) > _EXACT_IN_FLOATS for value in values):
        message = f"The request value {name!r} mixes floats and an integer that no float holds exactly."
        raise RequestError(message, hint="Give only integers, or only floats.")
    return [None if value is None else float(value) for value in values]


def times_of(at: Times | None) -> list[int] | None:
    """Microseconds since the epoch; a naive time is UTC (semantics 15).

    Raises:
        RequestError: one is neither a number nor a datetime.
    """
    if at is None:
        return None
    return [_microseconds(time) for time in (at if isinstance(at, Sequence) else [at])]


def _microseconds(time: object) -> int:
    if isinstance(time, datetime.datetime):
        aware = time if time.tzinfo is not None else time.replace(tzinfo=datetime.UTC)
        return (aware - _EPOCH) // _MICROSECOND
    if type(time) is int:
        return time
    message = f"A time asked for is a {type(time).__name__}."
    raise RequestError(message, hint="Give datetimes, or whole microseconds since the epoch.")


# Manifests


def fingerprints_of(manifest: Mapping[str, str] | str | Path | None) -> dict[str, str] | None:
    """Column to fingerprint, from a mapping or from the file that holds it under "fingerprints".

    Raises:
        ServingError: the file cannot be read, or is none.
    """
    if manifest is None:
        return None
    if isinstance(manifest, Mapping):
        return dict(manifest)
    try:
        fingerprints = json.loads(Path(manifest).read_text(encoding="utf-8"))["fingerprints"]
        return {str(column): str(fingerprint) for column, fingerprint in fingerprints.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        message = f"The manifest cannot be read: {type(error).__name__}: {error}."
        hint = 'It is a JSON file with {"fingerprints": {column: fingerprint}}.'
        raise ServingError(message, where=str(manifest), hint=hint) from error
