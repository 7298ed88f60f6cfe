"""A project's groups, materialized into its target's online store, and how they stand."""

import difflib
import platform
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

from featurestore.definitions.resolved import Group
from featurestore.errors import ConfigurationError, FeaturestoreError, MaterializationError, ReferenceNotFoundError
from featurestore.materialize import (
    Caller,
    Due,
    Records,
    Report,
    RunResult,
    Stores,
    boundaries_between,
    current,
    due,
    group_fingerprint,
    group_key,
    materialize,
    micros,
    new_run_id,
    newest_due,
    time_of,
)
from featurestore.plan import GitState
from featurestore.project.clock import current_user, now
from featurestore.project.config import CONFIG_FILE, revealed
from featurestore.project.project import Project
from featurestore.registry import Lease, LedgerEntry, Progress, Reader, open_leases
from featurestore.registry.mutable import leases, progress
from featurestore.spi.codec import Marker
from featurestore.spi.jobs import JobRunner, RunRequest
from featurestore.spi.online import OnlineStore
from featurestore.spi.providers import open_jobs, open_online

__all__ = ["GroupStatus", "due_groups", "execute", "group_status", "open_online_store", "run_groups", "succeeded"]

DEFAULT_RUNNER = "local"


def open_online_store(project: Project) -> OnlineStore:
    """The target's online store, opened.

    Raises:
        ConfigurationError: the target has none, or it cannot be opened.
        StoreUnavailableError: it cannot be reached.
    """
    found = project.target.config.online
    where = f"{CONFIG_FILE}, targets.{project.target.name}"
    if found is None:
        message = f"The target {project.target.name!r} has no online store."
        raise ConfigurationError(message, where=where, hint="Write there: online: {provider: sqlite}")
    where = f"{where}.online"
    settings = {name: revealed(value, f"{where}.{name}") for name, value in found.settings.items()}
    return open_online(found.provider, settings, project.root, project.scratch, where)


def _runner(project: Project) -> JobRunner:
    found = project.target.config.jobs
    where = f"{CONFIG_FILE}, targets.{project.target.name}.jobs"
    settings = {} if found is None else found.settings
    given = {name: revealed(value, f"{where}.{name}") for name, value in settings.items()}
    return open_jobs(found.provider if found else DEFAULT_RUNNER, given, project.root, project.scratch, where)


# --- which groups -------------------------------------------------------------------------------------------------


def _chosen(project: Project, names: Iterable[str] | None) -> list[Group]:
    """The groups of these names or ids, each once, in the project's order; all for None.

    Raises:
        ReferenceNotFoundError: a name is none of a group.
        MaterializationError: there is no group.
    """
    groups = project.definitions.groups
    if not groups:
        message = f"The project {project.name} has no features that are stored."
        raise MaterializationError(message, hint="Only features that aggregate rows are materialized.")
    if names is None:
        return list(groups)
    wanted = set(names)
    known = {text for group in groups for text in (group.name, group.id)}
    for name in sorted(wanted - known):
        every = sorted(group.name for group in groups)
        close = difflib.get_close_matches(name, every, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Groups are {', '.join(every)}."
        message = f"There is no group {name!r}."
        raise ReferenceNotFoundError(message, hint=hint)
    return [group for group in groups if wanted & {group.name, group.id}]


def _applied(project: Project, reader: Reader) -> set[str]:
    return {record.id for record in reader.groups(project.name)}


def _require_applied(project: Project, groups: Iterable[Group], reader: Reader) -> None:
    applied = _applied(project, reader)
    missing = [group.name for group in groups if group.id not in applied]
    if missing:
        message = (
            f"Nothing was materialized: the registry of target {project.target.name!r} does not know "
            f"{', '.join(missing)} as the project defines it."
        )
        raise MaterializationError(message, hint="Apply first: featurestore apply")


def due_groups(project: Project, names: Iterable[str] | None = None, until: datetime | None = None) -> list[Due]:
    """What must run at ``until`` (now if None), of the groups named (all if None) that are applied."""
    groups = _chosen(project, names)
    with project.reader() as reader:
        applied = _applied(project, reader)
    time = micros(_aware(until or now()))
    found = (due(group, _published(project, group), time) for group in groups if group.id in applied)
    return [one for one in found if one is not None]


def _published(project: Project, group: Group) -> int | None:
    """The boundary that the store stands at; None also where what it has is of another fingerprint."""
    marker = _marker(project, group)
    return None if marker is None else marker.boundary


def _marker(project: Project, group: Group) -> Marker | None:
    marker = project.online.marker(group_key(group, project.namespace))
    return marker if marker is not None and marker.fingerprint == group_fingerprint(group) else None


# --- running ------------------------------------------------------------------------------------------------------


def run_groups(
    project: Project,
    names: Iterable[str] | None = None,
    until: datetime | None = None,
    *,
    rebuild: bool = False,
    progress: Report | None = None,
) -> Iterator[RunResult]:
    """Brings groups up to their newest due boundary, through the target's job runner, one after the other.

    A group that fails does not keep the others from running: its result holds the error.

    Args:
        project: The project.
        names: Groups, by name or id; all if None.
        until: Only boundaries that were due at this time; now if None.
        rebuild: Compute all entities anew, also where nothing is due.
        progress: Is told how far the run at work is.

    Yields:
        The result of each group, when it has one.

    Raises:
        MaterializationError: a group is not applied, or ``until`` lies ahead; nothing was done.
        FeaturestoreError: another of its kinds: the project, the registry or a store cannot be used.
    """
    groups, time = _chosen(project, names), _time(until)
    with project.reader() as reader:
        _require_applied(project, groups, reader)
    runner, stores, git = _runner(project), _stores(project), project.git
    with _records(project) as records:
        for group in groups:
            boundary = newest_due(group.schedule, time)
            found = None if rebuild else current(group, boundary, stores=stores, records=records)
            yield found or _submitted(project, runner, group, boundary, rebuild, stores, records, git, progress)


def _submitted(
    project: Project,
    runner: JobRunner,
    group: Group,
    boundary: int,
    rebuild: bool,  # noqa: FBT001 - all are positional here
    stores: Stores,
    records: Records,
    git: GitState,
    progress: Report | None,
) -> RunResult:
    """The result of one group's run; ``submitted`` where the runner executes it elsewhere."""
    run_id = new_run_id()
    result = RunResult(run_id=run_id, group=group.name, group_id=group.id, boundary=boundary, outcome="submitted")

    def run(id: str) -> None:
        nonlocal result
        result = materialize(
            group,
            boundary,
            stores=stores,
            records=records,
            caller=_caller(id, git),
            clock=now,
            rebuild=rebuild,
            progress=progress,
        )

    try:
        runner.submit(RunRequest(run_id, _argv(project, group, boundary, run_id, rebuild=rebuild)), run)
    except FeaturestoreError as error:
        return replace(result, outcome="failed", error=error)
    return result


def _argv(project: Project, group: Group, boundary: int, run_id: str, *, rebuild: bool) -> tuple[str, ...]:
    until = time_of(boundary + group.schedule.delay).isoformat()
    words = ["featurestore", "materialize", "--target", project.target.name, "--group", group.id, "--until", until]
    return (*words, "--run", run_id, *(["--rebuild"] if rebuild else []))


def execute(
    project: Project,
    name: str,
    run_id: str,
    until: datetime | None = None,
    *,
    rebuild: bool = False,
    progress: Report | None = None,
) -> RunResult:
    """Executes one run in this process, under an id that a job runner has given it.

    Args:
        project: The project.
        name: The group, by name or id.
        run_id: The run.
        until: As for `run_groups`.
        rebuild: As for `run_groups`.
        progress: As for `run_groups`.

    Raises:
        FeaturestoreError: one of its kinds, as `featurestore.materialize.materialize` raises it.
    """
    (group,) = _chosen(project, [name])
    time = _time(until)
    with _records(project) as records:
        _require_applied(project, [group], records.writer.reader)
        return materialize(
            group,
            newest_due(group.schedule, time),
            stores=_stores(project),
            records=records,
            caller=_caller(run_id, project.git),
            clock=now,
            rebuild=rebuild,
            progress=progress,
        )


def succeeded(results: Iterable[RunResult]) -> tuple[RunResult, ...]:
    """The results, if no run of them failed.

    Raises:
        FeaturestoreError: the error of the run that failed; if several did, a MaterializationError that tells all.
    """
    found = tuple(results)
    failed = [(result.group, result.error) for result in found if result.error is not None]
    if not failed:
        return found
    if len(failed) == 1:
        raise failed[0][1]
    told = "; ".join(f"{name}: {error.message}" for name, error in failed)
    message = f"{len(failed)} of {len(found)} groups failed: {told}"
    raise MaterializationError(message, hint="The others are done. Run it again for these.") from failed[0][1]


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)  # a naive time is UTC (semantics 15)


def _time(until: datetime | None) -> int:
    present = now()
    until = present if until is None else _aware(until)
    if until > present:
        message = f"{until:%Y-%m-%d %H:%M:%S %Z} lies ahead: nothing can be computed for it yet."
        raise MaterializationError(message, hint="Leave --until out to run what is due now.")
    return micros(until)


def _stores(project: Project) -> Stores:
    return Stores(
        offline=project.store,
        bindings=project.bindings,
        online=project.online,
        namespace=project.namespace,
        staged=project.scratch / "staged",
    )


@contextmanager
def _records(project: Project) -> Iterator[Records]:
    with project.writer() as writer, open_leases(project.target.registry_location(project.scratch)) as open_for_runs:
        yield Records(project=project.name, leases=open_for_runs, writer=writer)


def _caller(run_id: str, git: GitState) -> Caller:
    return Caller(
        run_id=run_id,
        who=current_user(),
        host=platform.node() or "unknown",
        code_version=version("featurestore"),
        git_commit=git.commit,
        git_dirty=git.dirty,
    )


# --- status -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupStatus:
    """How a group stands.

    Args:
        group: Its name.
        applied: Whether the registry knows it as the project defines it.
        due: The newest boundary whose run may start.
        published: The boundary that the store stands at; None where it stands at none.
        published_at: When it was published.
        age: How old the published boundary is, in seconds.
        behind: Boundaries that are due and not published; None where nothing is published.
        late: Whether a boundary is not published that should be by now.
        rows: Rows of the group in the store.
        last_run: How the newest run ended.
        last_error: Why, if it failed.
        running: Who is at work on it.
        progress: How far that is, if it has told.
    """

    group: str
    id: str
    entity: str
    applied: bool
    due: datetime
    published: datetime | None
    published_at: datetime | None
    age: float | None
    behind: int | None
    late: bool
    rows: int | None
    last_run: LedgerEntry | None
    last_error: str | None
    running: str | None
    progress: Progress | None


def group_status(project: Project, names: Iterable[str] | None = None) -> tuple[GroupStatus, ...]:
    """How the groups named (all if None) stand, in the project's order.

    Raises:
        ReferenceNotFoundError: a name is none of a group.
        StoreUnavailableError: the online store cannot be asked.
    """
    groups, present = _chosen(project, names), now()
    with project.reader() as reader:
        applied = _applied(project, reader)
        held = {one.group_id: one for one in leases(reader, project.name) if one.expires > present}
        told = {one.run_id: one for one in progress(reader, project.name)}
        return tuple(
            _status(project, group, present, reader, held.get(group.id), told, applied=group.id in applied)
            for group in groups
        )


def _status(
    project: Project,
    group: Group,
    present: datetime,
    reader: Reader,
    lease: Lease | None,
    told: Mapping[str, Progress],
    *,
    applied: bool,
) -> GroupStatus:
    time = micros(present)
    marker = _marker(project, group)
    boundary = newest_due(group.schedule, time)
    last = next(iter(reader.runs(project.name, group.id, 1)), None)
    behind = None if marker is None else len(boundaries_between(group.schedule, marker.boundary, boundary + 1))
    running = lease.owner if lease else None
    return GroupStatus(
        group=group.name,
        id=group.id,
        entity=group.entity.name,
        applied=applied,
        due=time_of(boundary),
        published=time_of(marker.boundary) if marker else None,
        published_at=time_of(marker.published_at) if marker else None,
        age=(time - marker.boundary) / 1_000_000 if marker else None,
        behind=behind,
        late=applied and (marker is None or marker.boundary < group.schedule.boundary(time)),
        rows=marker.rows if marker else None,
        last_run=last,
        last_error=last.message if last is not None and last.kind == "failed" else None,
        running=running,
        progress=next((one for id, one in told.items() if running and id in running), None),
    )
