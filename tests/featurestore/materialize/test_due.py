"""Which boundaries must run: pure arithmetic on times."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import featurestore as fs
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.resolved import Schedule
from featurestore.materialize import boundaries_between, due, newest_due

orders = fs.Source("orders", table="orders", event_time="at")
customer = fs.Entity("customer", keys={"customer_id": fs.Int64})


@fs.feature(entity=customer, version="v1", every="1h")
def spend(orders: fs.Rows) -> fs.Value:
    return orders.amount.sum()


(GROUP,) = define(
    [spend, orders], {"orders": {"customer_id": fs.Int64, "at": fs.Timestamp, "amount": fs.Float64}}, Settings()
).groups

schedules = st.integers(1, 1_000).flatmap(
    lambda every: st.builds(
        Schedule, st.just(every), st.integers(0, 3_000), st.integers(0, 50), st.integers(0, every - 1)
    )
)
times = st.integers(-(10**6), 10**6)


@pytest.mark.parametrize(
    ("until", "boundary"), [(70, 60), (69, 0), (129, 60), (130, 120), (9, -60), (10, 0), (-51, -120)]
)
def test_a_boundary_is_due_when_its_delay_has_passed_and_not_before(until: int, boundary: int) -> None:
    assert newest_due(Schedule(60, 10, 5), until) == boundary


@given(schedules, times)
def test_the_newest_due_boundary_is_the_greatest_whose_delay_has_passed(schedule: Schedule, until: int) -> None:
    boundary = newest_due(schedule, until)
    assert (boundary - schedule.offset) % schedule.every == 0
    assert boundary + schedule.delay <= until < boundary + schedule.delay + schedule.every


@given(schedules, times, st.integers(0, 10**4))
def test_between_two_times_lie_all_boundaries_but_the_two_themselves(
    schedule: Schedule, after: int, length: int
) -> None:
    before = after + length
    wanted = [time for time in range(after + 1, before) if (time - schedule.offset) % schedule.every == 0]
    assert list(boundaries_between(schedule, after, before)) == wanted


def test_a_group_that_was_never_published_is_due_and_skips_nothing() -> None:
    found = due(GROUP, None, 3 * 3_600_000_000 + 5)
    assert found is not None
    assert (found.boundary, found.published, len(found.skipped)) == (3 * 3_600_000_000, None, 0)


def test_a_group_that_stands_at_the_newest_due_boundary_or_beyond_is_not_due() -> None:
    hour = 3_600_000_000
    assert due(GROUP, 3 * hour, 3 * hour + 5) is None
    assert due(GROUP, 4 * hour, 3 * hour + 5) is None


def test_of_several_due_boundaries_the_newest_is_run_and_the_others_are_skipped() -> None:
    hour = 3_600_000_000
    found = due(replace(GROUP, schedule=Schedule(hour, 0, 0, 7)), hour + 7, 5 * hour + 8)
    assert found is not None
    assert found.boundary == 5 * hour + 7
    assert list(found.skipped) == [2 * hour + 7, 3 * hour + 7, 4 * hour + 7]
