"""Which boundaries are looked at: spread over the time of the data, and beside where most of it comes in."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence

from featurestore.definitions.resolved import Schedule
from featurestore.leaks.worlds import Rows
from featurestore.spi.frames import arrow

__all__ = ["chosen_boundaries"]

MOST_TIMES = 50_000
"""Rows of a source whose times are looked at, evenly spread."""


def chosen_boundaries(sources: Iterable[Rows], schedule: Schedule, number: int, seed: int) -> tuple[int, ...]:
    """Up to ``number`` boundaries, oldest first; none where no row is ever visible.

    Boundaries at which nothing lies ahead show nothing. So the last one at which rows come in is left out, unless there
    is no other; then the one before it is taken as well, since there all rows lie ahead.
    """
    entered = Counter(_next_boundary(moment, schedule) for rows in sources for moment in _enters(rows, schedule.delay))
    if not entered:
        return ()
    known = sorted(entered)
    known = known[:-1] or [known[0] - schedule.every, known[0]]
    if len(known) <= number:
        return tuple(known)
    chance = random.Random(seed)  # noqa: S311 - nothing is secret
    busiest = max(known, key=lambda one: (entered[one], one))
    found = {busiest, *_spread(known, entered, number - 1, chance)}
    others = [one for one in known if one not in found]
    chance.shuffle(others)
    found.update(others[: number - len(found)])
    return tuple(sorted(found)[:number])


def _spread(known: Sequence[int], entered: Counter[int], number: int, chance: random.Random) -> Iterable[int]:
    """Boundaries with about as many rows between them."""
    total = sum(entered[one] for one in known)
    wanted = sorted((part + chance.random()) / max(1, number) * total for part in range(number))
    passed = 0
    waiting = list(wanted)
    for one in known:
        passed += entered[one]
        while waiting and waiting[0] <= passed:
            waiting.pop(0)
            yield one


def _enters(rows: Rows, delay: int) -> Iterable[int]:
    """From which boundary time on rows are visible: ``max(e, c - D)`` (semantics 3)."""
    if not rows.is_timed:
        return ()
    compute = arrow("pyarrow.compute")
    known = compute.subtract(rows.created, delay)
    found = compute.max_element_wise(rows.event, known, skip_nulls=False).drop_null().to_pylist()
    step = max(1, len(found) // MOST_TIMES)
    return [int(one) for one in found[::step]]


def _next_boundary(time: int, schedule: Schedule) -> int:
    """The first boundary that is not before ``time``."""
    return -((schedule.offset - time) // schedule.every) * schedule.every + schedule.offset
