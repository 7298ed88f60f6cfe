"""A project's groups in its target's online store."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from featurestore.errors import (
    ConfigurationError,
    MaterializationError,
    MissingTableError,
    ProjectError,
    ReferenceNotFoundError,
)
from featurestore.project import Project, open_project
from featurestore.project.clock import now
from featurestore.project.materializing import due_groups, execute, group_status, run_groups
from featurestore.registry import open_leases
from featurestore.registry.records import Progress

Write = Callable[..., Path]
LIVE = """\
project: shop
defaults: {every: 1d}
targets:
  laptop:
    offline: {provider: duckdb}
    online: {provider: sqlite}
"""
DAY = timedelta(days=1)
SECOND = """

visits = fs.Source("visits", path="visits.parquet", event_time="at")


@fs.feature(entity=customer, version="v1")
def visited(visits: fs.Rows) -> fs.Value:
    return visits.count(over="30d")


@fs.features(entity=customer, source=orders, version="v1")
class Two:
    first = fs.first("amount")
    many = fs.count(over="30d")
"""


@pytest.fixture
def live(shop: Path) -> Iterator[Project]:
    """The project with an online store, its definitions applied."""
    (shop / "featurestore.yaml").write_text(LIVE)
    with open_project(shop) as project:
        project.plan().apply("first")
        yield project


@pytest.fixture
def broken(shop: Path) -> Iterator[Project]:
    """The same with two more groups, of which the source of one was lost after it was applied."""
    (shop / "featurestore.yaml").write_text(LIVE)
    code = shop / "spending.py"
    code.write_text(code.read_text() + SECOND)
    (shop / "visits.parquet").write_bytes((shop / "orders.parquet").read_bytes())
    with open_project(shop) as project:
        project.plan().apply("first")
        (shop / "visits.parquet").unlink()
        yield project


def test_applied_groups_are_published_and_doing_it_again_changes_nothing(live: Project) -> None:
    (result,) = live.materialize()
    assert (result.group, result.outcome, result.rows) == ("spend@v1", "published", 2)
    assert live.online.marker(next(iter(live.online.groups()))) is not None
    with live.reader() as reader:
        before = reader.ledger("shop"), reader.audit()
    (again,) = live.materialize("spend@v1")
    assert again.outcome == "current"
    with live.reader() as reader:
        assert (reader.ledger("shop"), reader.audit()) == before


def test_rows_are_under_the_name_of_project_and_target(live: Project) -> None:
    live.materialize()
    assert {group.namespace for group in live.online.groups()} == {"shop:laptop"}


def test_what_is_not_applied_is_refused_before_anything_is_done(live: Project, shop: Path) -> None:
    live.close()
    (shop / "spending.py").write_text((shop / "spending.py").read_text().replace('"30d"', '"60d"'))
    with open_project(shop) as project:
        with pytest.raises(MaterializationError, match=r"does not know spend@v1") as caught:
            project.materialize()
        assert "featurestore apply" in str(caught.value.hint)
        assert list(project.online.groups()) == []
        (status,) = project.status()
        assert (status.applied, status.published) == (False, None)
        assert due_groups(project) == []


def test_a_target_without_an_online_store_says_what_to_write(shop: Path) -> None:
    with open_project(shop) as project:
        project.plan().apply("first")
        with pytest.raises(ConfigurationError, match="has no online store") as caught:
            project.materialize()
    assert "online: {provider: sqlite}" in str(caught.value.hint)


def test_a_closed_project_opens_no_online_store(live: Project) -> None:
    live.close()
    with pytest.raises(ProjectError, match="is closed"):
        _ = live.online


def test_until_brings_the_store_to_what_was_due_then(live: Project) -> None:
    (result,) = live.materialize(until=datetime(2024, 5, 3, 12))  # noqa: DTZ001 - a naive time is UTC
    assert result.boundary == datetime(2024, 5, 3, tzinfo=UTC).timestamp() * 1_000_000
    (later,) = live.materialize(until=datetime(2024, 5, 7, 12, tzinfo=UTC))
    assert later.skipped == 3


def test_a_time_ahead_is_refused(live: Project) -> None:
    with pytest.raises(MaterializationError, match="lies ahead"):
        live.materialize(until=now() + DAY)


def test_a_group_that_does_not_exist_is_an_error_with_a_suggestion(live: Project) -> None:
    with pytest.raises(ReferenceNotFoundError, match="There is no group 'spent@v1'") as caught:
        live.materialize("spent@v1")
    assert "spend@v1" in str(caught.value.hint)


def test_a_group_that_fails_does_not_keep_the_others_from_running(broken: Project) -> None:
    results = {result.group: result for result in run_groups(broken)}
    assert {name: result.outcome for name, result in results.items()} == {
        "spend@v1": "published",
        "visited@v1": "failed",
        "Two": "published",
    }
    assert isinstance(results["visited@v1"].error, MissingTableError)
    with pytest.raises(MissingTableError):
        broken.materialize()
    status = {one.group: one for one in broken.status()}
    assert str(status["visited@v1"].last_error).startswith("MissingTableError: ")
    assert status["Two"].last_error is None


def test_several_failures_are_told_together(broken: Project) -> None:
    (broken.root / "orders.parquet").unlink()
    with pytest.raises(MaterializationError, match="3 of 3 groups failed: ") as caught:
        broken.materialize()
    assert isinstance(caught.value.__cause__, MissingTableError)


def test_a_job_runner_may_execute_one_run_under_its_id(live: Project) -> None:
    group = live.definitions.groups[0]
    result = execute(live, group.id, "r_given")
    assert (result.run_id, result.outcome) == ("r_given", "published")
    with live.reader() as reader:
        assert reader.run("shop", "r_given").rows == 2


def test_status_tells_what_is_due_published_and_late(live: Project) -> None:
    (before,) = live.status()
    assert (before.applied, before.published, before.age, before.behind, before.late) == (True, None, None, None, True)
    assert len(due_groups(live)) == 1
    live.materialize(until=now() - 3 * DAY)
    (behind,) = live.status("spend@v1")
    assert (behind.behind, behind.late, behind.rows) == (3, True, 2)
    assert behind.published == behind.due - 3 * DAY
    (found,) = due_groups(live)
    assert len(found.skipped) == 2
    live.materialize()
    (after,) = group_status(live)
    assert (after.behind, after.late, after.last_error, after.running) == (0, False, None, None)
    assert after.age is not None
    assert 0 <= after.age <= DAY.total_seconds()
    assert after.last_run is not None
    assert due_groups(live) == []


def test_status_tells_who_is_at_work_and_how_far(live: Project) -> None:
    group = live.definitions.groups[0]
    with open_leases(live.target.registry_location(live.scratch)) as leases:
        leases.acquire("shop", group.id, "bob on there (run r_7)", DAY, now())
        leases.report(Progress(project="shop", run_id="r_7", phase="write", done=5, total=9, updated=now()))
        leases.report(Progress(project="shop", run_id="r_6", phase="write", done=1, total=9, updated=now()))
    (status,) = live.status()
    assert status.running == "bob on there (run r_7)"
    assert status.progress is not None
    assert (status.progress.run_id, status.progress.done) == ("r_7", 5)
