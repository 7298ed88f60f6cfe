"""A run: the values of a group at a boundary, from the warehouse into the online store.

It goes through phases, each of which can be the last one, if the process is killed; whoever runs the group next goes
on from there, and the store ends up as after an undisturbed run:

```
lease      nobody else works on the group; the token makes what we write newer than what anybody wrote before us
compute    values_at, over the entities that changed or over all of them
stage      into a file, whole or not at all; found there, it is not computed again
check      one row per entity
write      rows, each newer than what was there, or (another run was ahead) passed over
empty      after a whole computation: entities that the store has and the result has not
verify     what was written is what the store holds; how many rows the group has, and their checksum
publish    the marker says: complete up to the boundary
record     the ledger says so too
```
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from featurestore.compiler.compile import compile_boundary
from featurestore.definitions.resolved import Group, sources_of
from featurestore.errors import (
    FeaturestoreError,
    LeaseHeldError,
    MaterializationError,
    RegistryError,
    ResultRefusedError,
    UnreadableDataError,
)
from featurestore.materialize.due import boundaries_between
from featurestore.materialize.groups import group_fingerprint, group_key, must_be_whole
from featurestore.materialize.leasing import LEASE_TTL, Clock, KeptLease, Report
from featurestore.materialize.presence import present
from featurestore.materialize.result import Caller, Records, RunResult, Stores, micros, time_of
from featurestore.materialize.rows import Packing, Tally, packing
from featurestore.materialize.staging import Staged, Staging, staging
from featurestore.materialize.storing import Storing, Written, counted_on, verified, written
from featurestore.materialize.termination import Terminated, ending_in_order
from featurestore.registry.mutable import leases
from featurestore.registry.records import Lease, LedgerEntry, LedgerKind, RunMode
from featurestore.spi.codec import Marker
from featurestore.spi.online import GroupKey

__all__ = ["current", "materialize"]

_LOOKED_BACK = 20
"""Ledger entries among which a gap is looked for before it is recorded; one more than once does no harm."""
_ENDINGS = {KeyboardInterrupt: "interrupted", Terminated: "terminated"}


@dataclass(frozen=True, kw_only=True)
class _Run:
    group: Group
    boundary: int
    stores: Stores
    records: Records
    caller: Caller
    clock: Clock
    rebuild: bool
    started: datetime

    @property
    def key(self) -> GroupKey:
        return group_key(self.group, self.stores.namespace)

    @property
    def name(self) -> str:
        return f"{self.group.name} at {time_of(self.boundary):%Y-%m-%d %H:%M:%S} UTC"

    def result(self) -> RunResult:
        """The result of having found nothing to do."""
        return RunResult(
            run_id=self.caller.run_id,
            group=self.group.name,
            group_id=self.group.id,
            boundary=self.boundary,
            outcome="current",
        )


@dataclass(frozen=True, slots=True)
class _Work:
    """What is computed: how, since which boundary (None: all), with which token it is written; ``remark``: why so."""

    mode: RunMode
    since: int | None
    before: Marker | None
    packing: Packing
    staging: Staging
    remark: str | None


def materialize(
    group: Group,
    boundary: int,
    *,
    stores: Stores,
    records: Records,
    caller: Caller,
    clock: Clock,
    rebuild: bool = False,
    progress: Report | None = None,
    lease_ttl: timedelta = LEASE_TTL,
) -> RunResult:
    """Brings a group's online store up to ``boundary``. Done again, or where it stands beyond, it changes nothing.

    Args:
        group: The group.
        boundary: The boundary, in microseconds.
        stores: Where to read and write.
        records: The registry.
        caller: Who runs.
        clock: Says the time.
        rebuild: Compute all entities anew and write them, also at the boundary that is published.
        progress: Is told of each phase, and of rows within it. What it raises ends the run.
        lease_ttl: How long the group stays locked if the process is killed, for those who cannot tell that it was:
            other machines, or runs with another folder for staged results.

    Raises:
        MaterializationError: the boundary is not due yet, the result is refused, or the store does not hold it.
        LeaseHeldError: another run is at work on the group; nothing was done.
        LeaseLostError: another run took the group over, since this one gave no sign of life for too long.
        FeaturestoreError: another of its kinds. Whatever ends the run, the ledger has it, and the lease is given back;
            also if it is SIGTERM, unless the program handles that itself.
    """
    now = clock()
    run = _Run(
        group=group,
        boundary=boundary,
        stores=stores,
        records=records,
        caller=caller,
        clock=clock,
        rebuild=rebuild,
        started=now,
    )
    _check_due(run)
    if not rebuild and (found := current(group, boundary, stores=stores, records=records)):
        return replace(found, run_id=caller.run_id)
    with ending_in_order(), present(stores.staged / "signs" / group.id, caller.owner) as gone:
        lease = _acquired(run, lease_ttl, gone)
        with KeptLease(records.leases, lease, caller.run_id, clock, progress) as kept:
            try:
                kept.step("lease")
                return _held(run, kept)
            except BaseException as error:
                # The ledger may be what failed; then the first error is the one to tell.
                with suppress(RegistryError):
                    records.writer.record_run(_entry(run, lease.token, "failed", message=_reason(error)))
                raise


def _acquired(run: _Run, ttl: timedelta, gone: str | None) -> Lease:
    """The group's lease; from ``gone``, whose run is over, it is taken at once.

    Raises:
        LeaseHeldError: another run holds it.
    """
    records, group_id = run.records, run.group.id

    def acquired() -> Lease:
        return records.leases.acquire(records.project, group_id, run.caller.owner, ttl, run.started)

    try:
        return acquired()
    except LeaseHeldError:
        held = leases(records.writer.reader, records.project)
        left = [one for one in held if one.group_id == group_id and one.owner == gone]
        if not left:
            raise
        records.leases.release(left[0])
    return acquired()


def current(group: Group, boundary: int, *, stores: Stores, records: Records) -> RunResult | None:
    """The result of a run for ``boundary`` that has nothing to do; None where it has.

    It has nothing to do where the store stands at the boundary or beyond, and the ledger says the same.
    """
    marker = stores.online.marker(group_key(group, stores.namespace))
    if marker is None or not _reaches(marker, group, boundary) or not _is_recorded(marker, group, records):
        return None
    return RunResult(
        run_id="",
        group=group.name,
        group_id=group.id,
        boundary=marker.boundary,
        outcome="current",
        rows=marker.rows,
    )


def _reaches(marker: Marker, group: Group, boundary: int) -> bool:
    return marker.boundary >= boundary and marker.fingerprint == group_fingerprint(group)


def _is_recorded(marker: Marker, group: Group, records: Records) -> bool:
    newest = records.writer.reader.published(records.project, group.id)
    return newest is not None and (newest.boundary, newest.token) >= marker.order


def _check_due(run: _Run) -> None:
    due = run.boundary + run.group.schedule.delay
    if due > micros(run.started):
        message = f"{run.name} is not due before {time_of(due):%Y-%m-%d %H:%M:%S} UTC."
        raise MaterializationError(message, hint="Rows that belong to it may still come. Run it then.")


def _reason(error: BaseException) -> str:
    """Why a run failed. Of errors that are not ours just the kind: their text may show values."""
    if isinstance(error, FeaturestoreError):
        return f"{type(error).__name__}: {error.message}"
    return _ENDINGS.get(type(error), type(error).__name__)


# --- the phases ---------------------------------------------------------------------------------------------------


def _held(run: _Run, kept: KeptLease) -> RunResult:
    """The run, once nobody else works on the group."""
    marker = run.stores.online.marker(run.key)
    if marker is not None and not run.rebuild and _reaches(marker, run.group, run.boundary):
        return _completed(run, marker, kept)
    _check_not_ahead(run, marker, kept)
    work = _work(run, marker, kept.lease.token)
    staged = _staged(run, work, kept)
    try:
        stored, whole = _stored(run, work, staged, kept)
    except (ResultRefusedError, UnreadableDataError):
        # The next run is to compute it anew. (A run that was overtaken meets files that are gone, and removes none.)
        kept.confirm()
        work.staging.clear()
        raise
    published = _published(run, work, whole, kept)
    work.staging.clear()
    kept.step("record")
    skipped = _record_gap(run, published)
    _record(run, published, mode=work.mode, changed=stored.rows, message=work.remark)
    kept.step("done", whole.rows, whole.rows)
    return replace(
        run.result(),
        outcome="published",
        mode=work.mode,
        rows=whole.rows,
        changed=stored.rows,
        emptied=stored.emptied.rows,
        skipped=skipped,
    )


def _completed(run: _Run, marker: Marker, kept: KeptLease) -> RunResult:
    """What a run has left that was killed after it had published."""
    kept.step("record")
    missing = not _is_recorded(marker, run.group, run.records)
    at = replace(run, boundary=marker.boundary)
    skipped = 0
    if missing:
        _staging(at, "full", None).clear()
        skipped = _record_gap(at, marker)
        _record(at, marker, message="published by a run that was ended before it could record it")
    return replace(at.result(), rows=marker.rows, skipped=skipped, completed=missing)


def _check_not_ahead(run: _Run, marker: Marker | None, kept: KeptLease) -> None:
    """Refuses what could not be published: a marker never goes back."""
    if marker is None or marker.order < (run.boundary, kept.lease.token):
        return
    kept.confirm()
    at = f"{time_of(marker.boundary):%Y-%m-%d %H:%M:%S} UTC"
    if marker.boundary > run.boundary:
        message = f"{run.group.name} is published at {at} already, so it cannot be rebuilt at an earlier boundary."
        raise MaterializationError(message, hint="Rebuild it at that boundary or a later one: leave --until out.")
    message = (
        f"{run.group.name} was published at {at} with the token {marker.token}, and this registry gives out "
        f"{kept.lease.token}: it is not the registry that it was published with."
    )
    hint = "Give the target that registry again, or wait for the next boundary."
    raise MaterializationError(message, where=str(run.key), hint=hint)


def _work(run: _Run, marker: Marker | None, token: int) -> _Work:
    fits = marker is not None and marker.fingerprint == group_fingerprint(run.group)
    mode: RunMode = "changed"
    remark = None
    if run.rebuild:
        mode = "rebuild"
    elif marker is None or not fits or must_be_whole(run.group):
        mode = "full"
    elif (lost := marker.rows - run.stores.online.count(run.key)) > 0:
        mode = "full"  # which entities they were of is not known
        remark = f"computed whole, since the online store had lost {lost:,} of {marker.rows:,} rows"
    since = marker.boundary if mode == "changed" and marker is not None else None
    packed = packing(run.group, run.boundary, token)
    return _Work(mode, since, marker, packed, _staging(run, mode, since), remark)


def _staging(run: _Run, mode: RunMode, since: int | None) -> Staging:
    return staging(
        run.group,
        compile_boundary(run.group, run.boundary, since),
        boundary=run.boundary,
        mode=mode,
        since=since,
        bindings=run.stores.bindings,
        run_id=run.caller.run_id,
        folder=run.stores.staged,
    )


def _staged(run: _Run, work: _Work, kept: KeptLease) -> Staged:
    kept.step("compute")
    staged = work.staging.found()
    if staged is None:
        staged = work.staging.computed(run.stores.offline, run.stores.bindings, lambda rows: kept.step("stage", rows))
    return staged


def _stored(run: _Run, work: _Work, staged: Staged, kept: KeptLease) -> tuple[Written, Tally]:
    """Checks the result, writes it and verifies it; returns what was written and the tally of the whole group."""
    kept.step("check", 0, staged.rows)
    work.staging.check(staged)
    storing = Storing(
        store=run.stores.online,
        key=run.key,
        name=run.name,
        packing=work.packing,
        staged=staged,
        whole=work.since is None,
        counted=None if work.since is None else counted_on(work.before, kept.lease.token),
    )
    found = written(storing, kept)
    return found, verified(storing, found, kept)


def _published(run: _Run, work: _Work, whole: Tally, kept: KeptLease) -> Marker:
    """Sets the marker. A run that lost its lease meanwhile does not come to that."""
    kept.step("publish")
    kept.confirm()
    marker = Marker(
        boundary=run.boundary,
        token=kept.lease.token,
        fingerprint=group_fingerprint(run.group),
        rows=whole.rows,
        checksum=whole.checksum,
        published_at=micros(run.clock()),
    )
    before = work.before
    while not run.stores.online.publish(run.key, marker, expected=before):
        # A run that has lost its lease may have published still; what is older than ours is to be replaced.
        kept.confirm()
        found = run.stores.online.marker(run.key)
        if found == before or (found is not None and found.order >= marker.order):
            message = f"{run.name} cannot be published: another run has published {run.group.name} meanwhile."
            raise MaterializationError(message, where=str(run.key), hint="Run it again.")
        before = found
    return marker


# --- the ledger ---------------------------------------------------------------------------------------------------


def _record(
    run: _Run, marker: Marker, *, mode: RunMode | None = None, changed: int | None = None, message: str | None = None
) -> None:
    entry = _entry(run, marker.token, "published", message=message)
    run.records.writer.record_run(
        replace(entry, rows=marker.rows, checksum=marker.checksum, mode=mode, changed=changed)
    )


def _record_gap(run: _Run, marker: Marker) -> int:
    """Records the boundaries between this one and the one recorded before; returns how many they are.

    They are one entry, under the last of them: a group that runs every second has many after a night.
    """
    reader = run.records.writer.reader
    last = reader.published(run.records.project, run.group.id)
    if last is None or last.boundary >= run.boundary:
        return 0
    gap = boundaries_between(run.group.schedule, last.boundary, run.boundary)
    if not gap:
        return 0
    recorded = reader.ledger(run.records.project, run.group.id, _LOOKED_BACK)
    if not any(entry.kind == "skipped" and entry.boundary == gap[-1] for entry in recorded):
        several = f"{len(gap):,} boundaries were passed over, the first {time_of(gap[0]):%Y-%m-%d %H:%M:%S} UTC"
        message = several if len(gap) > 1 else "passed over"
        run.records.writer.record_run(replace(_entry(run, marker.token, "skipped", message=message), boundary=gap[-1]))
    return len(gap)


def _entry(run: _Run, token: int, kind: LedgerKind, *, message: str | None) -> LedgerEntry:
    sources = {source.name for member in run.group.members for source in sources_of(member.table)}
    return LedgerEntry(
        project=run.records.project,
        group_id=run.group.id,
        boundary=run.boundary,
        token=token,
        fingerprint=group_fingerprint(run.group),
        kind=kind,
        run_id=run.caller.run_id,
        started=run.started,
        finished=run.clock(),
        who=run.caller.who,
        code_version=run.caller.code_version,
        message=message,
        git_commit=run.caller.git_commit,
        git_dirty=run.caller.git_dirty,
        bindings={name: run.stores.bindings[name].document for name in sorted(sources)},
    )
