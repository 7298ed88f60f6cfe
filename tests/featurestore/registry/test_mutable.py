import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from featurestore.errors import LeaseHeldError, LeaseLostError, RegistryError
from featurestore.registry import Leases, Progress, open_leases, open_reader
from featurestore.registry.mutable import leases, progress

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def opened(path: Path) -> Iterator[Leases]:
    with open_leases(path) as found:
        yield found


def test_a_held_group_is_refused_to_all_and_the_error_names_owner_and_expiry(opened: Leases) -> None:
    opened.acquire("shop", "g1", "ann", MINUTE, NOON)
    for owner in ("bob", "ann"):
        with pytest.raises(LeaseHeldError, match=r"ann holds .* group g1 of shop until 2024-02-29 12:01:00 UTC"):
            opened.acquire("shop", "g1", owner, MINUTE, NOON + MINUTE - timedelta(microseconds=1))


def test_groups_and_projects_are_leased_each_for_itself(opened: Leases) -> None:
    found = [
        opened.acquire(project, group, "ann", MINUTE, NOON)
        for project, group in (("shop", "g1"), ("shop", "g2"), ("bank", "g1"))
    ]
    assert [lease.token for lease in found] == [1, 1, 1]
    for lease in found:
        opened.check(lease)
    opened.release(found[0])
    opened.check(found[1])
    opened.check(found[2])


def test_an_expired_lease_is_taken_over_with_a_greater_token_and_the_loser_is_told(opened: Leases) -> None:
    lost = opened.acquire("shop", "g1", "ann", MINUTE, NOON)
    taken = opened.acquire("shop", "g1", "bob", MINUTE, NOON + MINUTE)

    assert taken.token > lost.token
    for attempt in (lambda: opened.renew(lost, NOON + MINUTE), lambda: opened.check(lost)):
        with pytest.raises(LeaseLostError, match=r"ann has lost .* group g1 of shop .*1, the newest 2\): bob has it"):
            attempt()
    opened.release(lost)
    opened.check(taken)


def test_the_same_owner_taking_over_from_itself_is_another_lease(opened: Leases) -> None:
    lost = opened.acquire("shop", "g1", "ann", MINUTE, NOON)
    opened.acquire("shop", "g1", "ann", MINUTE, NOON + MINUTE)
    with pytest.raises(LeaseLostError):
        opened.check(lost)


def test_a_renewed_lease_lasts_its_whole_time_again(path: Path, opened: Leases) -> None:
    lease = opened.acquire("shop", "g1", "ann", MINUTE, NOON)
    renewed = opened.renew(lease, NOON + MINUTE / 2)

    assert (renewed.token, renewed.acquired, renewed.ttl) == (lease.token, NOON, MINUTE)
    with open_reader(path) as reader:
        assert leases(reader, "shop") == (renewed,)
        assert leases(reader, "bank") == ()
    with pytest.raises(LeaseHeldError):
        opened.acquire("shop", "g1", "bob", MINUTE, NOON + MINUTE)
    assert opened.acquire("shop", "g1", "bob", MINUTE, NOON + MINUTE * 3 / 2).token == 2


def test_an_expired_lease_that_nobody_took_is_still_the_owners(opened: Leases) -> None:
    lease = opened.acquire("shop", "g1", "ann", MINUTE, NOON)
    opened.check(lease)
    opened.check(opened.renew(lease, NOON + 5 * MINUTE))


def test_a_released_lease_is_lost_and_can_be_had_at_once(opened: Leases) -> None:
    lease = opened.acquire("shop", "g1", "ann", MINUTE, NOON)
    opened.release(lease)
    with pytest.raises(LeaseLostError, match="nobody has it"):
        opened.check(lease)
    with pytest.raises(LeaseLostError):
        opened.renew(lease, NOON)
    assert opened.acquire("shop", "g1", "bob", MINUTE, NOON).token == 2


def test_tokens_are_not_reused_when_the_leases_are_wiped_out(path: Path, opened: Leases) -> None:
    opened.release(opened.acquire("shop", "g1", "ann", MINUTE, NOON))
    opened.acquire("shop", "g1", "ann", MINUTE, NOON)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM leases")
    assert opened.acquire("shop", "g1", "bob", MINUTE, NOON).token == 3


def test_tokens_grow_when_the_clock_is_set_back(opened: Leases) -> None:
    first = opened.acquire("shop", "g1", "ann", MINUTE, NOON)
    opened.release(first)
    second = opened.acquire("shop", "g1", "bob", MINUTE, NOON - timedelta(days=365))
    third = opened.acquire("shop", "g1", "ann", MINUTE, NOON - timedelta(days=364))
    assert [first.token, second.token, third.token] == [1, 2, 3]
    with pytest.raises(LeaseLostError):
        opened.renew(second, NOON + timedelta(days=365))


@pytest.mark.parametrize(
    ("ttl", "now"),
    [(timedelta(0), NOON), (-MINUTE, NOON), (MINUTE, NOON.replace(tzinfo=None))],
    ids=["no time", "negative", "naive"],
)
def test_a_lease_that_makes_no_sense_is_refused(opened: Leases, ttl: timedelta, now: datetime) -> None:
    for _ in range(2):
        with pytest.raises(RegistryError):
            opened.acquire("shop", "g1", "ann", ttl, now)
    opened.acquire("shop", "g1", "ann", MINUTE, NOON)
    with pytest.raises(RegistryError):
        opened.acquire("shop", "g1", "ann", ttl, now)


def test_of_processes_that_ask_at_once_one_gets_the_lease(path: Path) -> None:
    open_leases(path).close()
    tokens: list[int] = []
    for attempt in range(5):
        answers = asked_at_once(path, 4, NOON + attempt * MINUTE)
        assert answers.count(0) == 3
        tokens += [answer for answer in answers if answer]
    assert tokens == [1, 2, 3, 4, 5]


def asked_at_once(path: Path, number: int, now: datetime) -> list[int]:
    """The token that each of several processes got when all asked at the same time; 0 where the lease was held."""
    go, gone = os.pipe()

    def child() -> int:
        os.close(gone)
        with open_leases(path) as mine:
            os.read(go, 1)
            try:
                return mine.acquire("shop", "g1", "ann", MINUTE, now).token
            except LeaseHeldError:
                return 0

    children = []
    for _ in range(number):
        process = os.fork()
        if process == 0:
            answer = 255
            try:
                answer = child()
            finally:
                # Nothing of the test runner's may run in the child; the parent asserts on the code.
                os._exit(answer)
        children.append(process)
    os.close(go)
    os.close(gone)
    return [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in children]


def test_progress_is_what_was_reported_last_until_it_is_cleared(path: Path, opened: Leases) -> None:
    early = Progress(project="shop", run_id="r1", phase="compute", done=0, total=None, updated=NOON)
    late = Progress(project="shop", run_id="r1", phase="write", done=2**40, total=2**41, updated=NOON + MINUTE)
    other = Progress(project="shop", run_id="r2", phase="compute", done=1, total=2, updated=NOON)
    for report in (early, other, late):
        opened.report(report)
    with open_reader(path) as reader:
        assert progress(reader, "shop") == (late, other)
        assert progress(reader, "bank") == ()
        opened.clear("shop", "r1")
        assert progress(reader, "shop") == (other,)


def test_a_registry_that_was_never_made_has_no_leases_and_no_progress(tmp_path: Path) -> None:
    with open_reader(tmp_path / "none.db") as reader:
        assert leases(reader, "shop") == ()
        assert progress(reader, "shop") == ()
