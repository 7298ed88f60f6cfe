"""Lengths of time: written ``7d``, computed with as whole microseconds."""

import datetime
import re

from featurestore.errors import DefinitionError

__all__ = ["Duration", "duration_text", "microseconds"]

Duration = str | datetime.timedelta
"""``"90d"``, ``"1h30m"`` or a timedelta. A day is 24 hours, a week 7 days; there are no months."""

_UNITS = {"w": 604_800_000_000, "d": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000}
_UNITS |= {"ms": 1_000, "us": 1}
_PART = re.compile(r"([0-9]+)(us|ms|s|m|h|d|w)")
_LONGEST = 10_000 * 365 * _UNITS["d"]


def microseconds(duration: Duration, what: str) -> int:
    """The length of ``duration`` in microseconds; ``what`` names it in errors.

    Raises:
        DefinitionError: not a duration, negative, or longer than 10,000 years (no engine's calendar reaches further).
    """
    if isinstance(duration, datetime.timedelta):
        length = duration // datetime.timedelta(microseconds=1)
        if length < 0:
            message = f"{what} is negative: {duration}."
            raise DefinitionError(message)
        return _bounded(length, what)
    text = duration.replace(" ", "") if isinstance(duration, str) else ""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        message = f"{what} is not a length of time: {duration!r}."
        raise DefinitionError(message, hint='Write numbers and units (us, ms, s, m, h, d, w), as in "90d" or "1h30m".')
    return _bounded(sum(int(number) * _UNITS[unit] for number, unit in parts), what)


def _bounded(length: int, what: str) -> int:
    if length > _LONGEST:
        message = f"{what} is longer than 10,000 years."
        raise DefinitionError(message, hint="Leave a window out to see all rows.")
    return length


def duration_text(length: int) -> str:
    """``length`` microseconds in the largest units that are exact: ``7d``, ``1h30m``, ``0s``."""
    parts = []
    for unit, size in _UNITS.items():
        # Weeks are written as days: features are named after their windows, and `7d` is what people write.
        if unit != "w" and length >= size:
            count, length = divmod(length, size)
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
