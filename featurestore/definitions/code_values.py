"""Python values in canonical form: JSON in which two values look alike only when they are alike."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from featurestore.errors import DefinitionError

__all__ = ["Json", "canonical_value"]

_LITERALS = "Use None, bool, int, float, str, bytes, Decimal, a date or time, or tuples, lists and dicts of these."

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the naive counterpart, for naive values
_MICROSECOND = timedelta(microseconds=1)
_MOST_DECIMAL_BITS = 10_000  # beyond, Python limits the conversion to decimal digits


def canonical_value(value: object, other: Callable[[object], Json] | None = None) -> Json:
    """The canonical form of a literal.

    None, bool and str are themselves; every other type is a dict with one key, its name. Types are told apart exactly
    (``1``, ``1.0``, ``True`` and ``Decimal(1)`` differ, a subclass is not its base), and so are ``-0.0`` and ``0.0``,
    ``Decimal("1.0")`` and ``Decimal("1.00")``. An aware datetime is its instant in UTC microseconds. The order of
    dicts counts, that of sets does not.

    Args:
        value: A scalar, or a tuple, list, dict, set or frozenset of such.
        other: Asked for the form of any value of another type, and of times with a zone, at any depth.

    Raises:
        DefinitionError: A value is of another type and there is no ``other``.
    """
    if value is None or type(value) in {bool, str}:
        return value  # type: ignore[return-value]
    if other is not None and type(value) in {datetime, time} and value.tzinfo is not None:  # type: ignore[attr-defined]
        return other(value)
    scalar = _SCALARS.get(type(value))
    if scalar is not None:
        return scalar(value)
    if type(value) in {tuple, list}:
        return {type(value).__name__: [canonical_value(item, other) for item in value]}  # type: ignore[attr-defined]
    if type(value) in {set, frozenset}:
        items = [canonical_value(item, other) for item in value]  # type: ignore[attr-defined]
        return {type(value).__name__: sorted(items, key=lambda item: json.dumps(item, sort_keys=True))}
    if type(value) is dict:
        return {"dict": [[canonical_value(key, other), canonical_value(item, other)] for key, item in value.items()]}
    if other is not None:
        return other(value)
    raise DefinitionError(f"A value of type {type(value).__qualname__} cannot be a literal.", hint=_LITERALS)


def _int(value: int) -> Json:
    return {"int": str(value) if value.bit_length() <= _MOST_DECIMAL_BITS else hex(value)}


def _float(value: float) -> Json:
    return {"float": value.hex()}


def _complex(value: complex) -> Json:
    return {"complex": [value.real.hex(), value.imag.hex()]}


def _bytes(value: bytes) -> Json:
    return {"bytes": value.hex()}


def _decimal(value: Decimal) -> Json:
    sign, digits, exponent = value.as_tuple()
    return {"decimal": [sign, "".join(map(str, digits)), exponent]}


def _date(value: date) -> Json:
    return {"date": value.isoformat()}


def _datetime(value: datetime) -> Json:
    if value.utcoffset() is not None:
        return {"datetime_utc": str((value - _EPOCH) // _MICROSECOND)}
    naive = value.replace(tzinfo=None)
    return {"datetime": [str((naive - _NAIVE_EPOCH) // _MICROSECOND), value.fold]}


def _time(value: time) -> Json:
    return {"time": [value.isoformat(), value.fold]}


def _timedelta(value: timedelta) -> Json:
    return {"timedelta": str(value // _MICROSECOND)}


_SCALARS: dict[type, Callable[..., Json]] = {
    int: _int,
    float: _float,
    complex: _complex,
    bytes: _bytes,
    Decimal: _decimal,
    date: _date,
    datetime: _datetime,
    time: _time,
    timedelta: _timedelta,
    type(...): lambda _: {"ellipsis": True},
}
