"""Which boundaries must run. Nothing here asks a clock or a store: times are arguments, in microseconds."""

from dataclasses import dataclass

from featurestore.definitions.resolved import Group, Schedule

__all__ = ["Due", "boundaries_between", "due", "newest_due"]


def newest_due(schedule: Schedule, until: int) -> int:
    """The newest boundary whose run may start at ``until``: the greatest ``b`` with ``b + D <= until``."""
    return (until - schedule.delay - schedule.offset) // schedule.every * schedule.every + schedule.offset


def boundaries_between(schedule: Schedule, after: int, before: int) -> range:
    """The boundaries later than ``after`` and earlier than ``before``, oldest first."""
    first = (after - schedule.offset) // schedule.every * schedule.every + schedule.offset + schedule.every
    return range(first, max(first, before), schedule.every)


@dataclass(frozen=True, slots=True)
class Due:
    """A boundary of a group that must run.

    A store keeps the newest row of an entity only, so of several due boundaries just the newest one is run.

    Args:
        group: The group.
        boundary: The boundary.
        published: The boundary that the group's store stands at; None before the first.
        skipped: The boundaries between the two, which will never run.
    """

    group: Group
    boundary: int
    published: int | None
    skipped: range


def due(group: Group, published: int | None, until: int) -> Due | None:
    """What must run of ``group`` at ``until``, where it is published at a boundary or (None) not at all.

    Returns:
        None where the store stands at the newest due boundary, or beyond it.
    """
    boundary = newest_due(group.schedule, until)
    if published is None:
        return Due(group, boundary, None, range(0))
    if published >= boundary:
        return None
    return Due(group, boundary, published, boundaries_between(group.schedule, published, boundary))
