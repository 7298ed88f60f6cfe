"""What a request asks and what a reply says: the values between the read path, the server and the client.

All times are microseconds since the epoch, UTC.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from featurestore.errors import RequestError

__all__ = ["Column", "FeatureVectors", "GroupTimes", "Request", "Status"]


class Status(enum.IntEnum):
    """What a value is (semantics 18). UNAVAILABLE, AHEAD and ERROR carry none.

    PRESENT: a value. NULL: the value is null. NOT_FOUND: the entity is not known; the value is that of no rows.
    EXPIRED: the newest row is older than the feature's ttl. AHEAD: only a later boundary than was asked for is there.
    UNAVAILABLE: nothing is published, of another fingerprint, or the store failed. ERROR: the function raised.
    """

    PRESENT = 1
    NULL = 2
    NOT_FOUND = 3
    EXPIRED = 4
    AHEAD = 5
    UNAVAILABLE = 6
    ERROR = 7


@dataclass(frozen=True)
class Request:
    """Entities of one service.

    Attributes:
        service: The service, as ``name`` or ``name@version``.
        entities: Key columns of the service, each with one value per entity (None: null).
        request_values: Request values, each with one value per entity, or with one for all.
        at: The times asked for, one per entity or one for all; None: the server's clock.
        features: Columns wanted; None: all of the service.
        fingerprints: Column to logic fingerprint that the caller was trained with; others are refused.
    """

    service: str
    entities: Mapping[str, Sequence[object]]
    request_values: Mapping[str, Sequence[object]] = field(default_factory=dict)
    at: Sequence[int] | None = None
    features: Sequence[str] | None = None
    fingerprints: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Column:
    """A feature of all entities, in the order of the request.

    ``type`` is written as definitions write it; ``group`` is the id of the group that the values were read from, or
    would be if it were available, None for what was evaluated. ``event_times`` are given for `last` and attributes.
    ``messages`` say by position what an ERROR or UNAVAILABLE was, without keys and values.
    """

    name: str
    type: str
    fingerprint: str
    values: Sequence[object]
    statuses: Sequence[Status]
    event_times: Sequence[int | None] | None = None
    group: str | None = None
    messages: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class GroupTimes:
    """As of when a group's rows are, and as of when they should be: one per entity; ``as_of`` None: nothing was read.

    ``role`` is join key to column, since a group may be read for several entities of one row.
    """

    group: str
    role: Mapping[str, str]
    as_of: Sequence[int | None]
    due: Sequence[int]


@dataclass(frozen=True)
class FeatureVectors:
    """The reply: columns in the service's order, the time used per entity, and the times of the groups."""

    service: str
    fingerprint: str
    times: Sequence[int]
    columns: Sequence[Column]
    groups: Sequence[GroupTimes]

    def column(self, name: str) -> Column:
        """The column called ``name``.

        Raises:
            RequestError: there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        message = f"There is no column {name!r}."
        raise RequestError(message, hint=f"Columns are {', '.join(column.name for column in self.columns)}.")
