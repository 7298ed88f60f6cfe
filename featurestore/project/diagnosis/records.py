"""A target's registry: whether it can be read, whether it is whole, and what it says that bears on the rest."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, func, select

from featurestore.project.config import CONFIG_FILE, Target
from featurestore.project.diagnosis.findings import Broken, Finding, failed, tried
from featurestore.registry import (
    ApplyRecord,
    BindingRecord,
    DefinitionRecord,
    GroupRecord,
    LedgerEntry,
    Reader,
    open_reader,
    tables,
    verify_audit,
)
from featurestore.registry.connection import Place, open_database, parse_location
from featurestore.registry.migrate import NEWEST, is_present, schema_version
from featurestore.registry.mutable import leases

__all__ = ["Recorded", "clocks", "registry"]

CHEAP = 50_000
"""Rows of a registry that are read at once to verify its audit log."""
TOLERANCE = timedelta(minutes=1)
"""By how much two clocks may differ: well below what a lease lasts."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the registry holds of a project; empty where there is none, or where it cannot be read.

    Args:
        readable: Whether it could be read: only then nothing means that there is nothing.
        applied: The last apply.
        published: The newest publication of each group, by id.
        times: What is recorded of the present, by what it is: when the last of each took place.
        clock: What time the registry's server has, and this machine; None where it has no clock of its own.
    """

    readable: bool = False
    applied: ApplyRecord | None = None
    definitions: tuple[DefinitionRecord, ...] = ()
    bindings: tuple[BindingRecord, ...] = ()
    groups: tuple[GroupRecord, ...] = ()
    published: dict[str, LedgerEntry] = field(default_factory=dict)
    times: dict[str, datetime] = field(default_factory=dict)
    clock: tuple[datetime, datetime] | None = None


@dataclass(frozen=True, slots=True)
class _Look:
    """All that is asked of a registry in one go, so that it has one deadline."""

    version: int
    recorded: Recorded | Broken
    rows: int = 0
    problems: tuple[str, ...] | None = None


def registry(
    root: Path, target: Target, project: str, now: datetime, patience: float
) -> tuple[Recorded, list[Finding]]:
    """What the registry holds of a project, and how it stands itself. No file is made where there is none."""
    where = f"{CONFIG_FILE}, targets.{target.name}.registry"
    found = tried(partial(_location, root, target))
    if isinstance(found, Broken):
        return Recorded(), [failed("registry", found, where=where)]
    location, at = found
    if at.file is not None and (not at.file.exists() or (at.file.is_file() and not at.file.stat().st_size)):
        return Recorded(readable=True), [_none_yet(at)]
    look = tried(partial(_looked, location, at, project, now, patience), patience)
    if isinstance(look, Broken):
        return Recorded(), [failed("registry", look, where=str(at))]
    if look is None:
        return Recorded(readable=True), [_none_yet(at)]
    recorded = Recorded() if isinstance(look.recorded, Broken) else look.recorded
    return recorded, list(_findings(look, at, target, project))


def _location(root: Path, target: Target) -> tuple[str, Place]:
    location = target.registry_location(root / ".featurestore" / target.name)
    return location, parse_location(location)


def _none_yet(place: Place) -> Finding:
    message = "There is no registry yet: nothing was applied to this target."
    return Finding("registry", "warning", message, str(place), "The first `featurestore apply` makes it.")


def _looked(location: str, place: Place, project: str, now: datetime, patience: float) -> _Look | None:
    """What the registry says; None where the database has no table yet."""
    database = open_database(place, writable=False, busy_timeout=patience)
    try:
        with database.snapshot() as connection:
            version = schema_version(connection, str(place))
            rows = _rows(connection) if version is not None else 0
    finally:
        database.close()
    if version is None:
        return None
    with open_reader(location, busy_timeout=patience) as reader:
        recorded = tried(partial(_recorded, reader, project, now, has_clock=place.file is None))
        problems = tuple(one.message for one in verify_audit(reader)) if rows <= CHEAP else None
    return _Look(version, recorded, rows, problems)


def _rows(connection: Connection) -> int:
    """The rows of all tables that the schema has."""
    present = [table for table in tables.metadata.sorted_tables if is_present(connection, table)]
    return sum(connection.execute(select(func.count()).select_from(table)).scalar_one() for table in present)


def _recorded(reader: Reader, project: str, now: datetime, *, has_clock: bool) -> Recorded:
    applies, runs, held = reader.applies(project, 1), reader.runs(project, limit=1), leases(reader, project)
    builds, groups = reader.builds(project, limit=1), reader.groups(project)
    times = {f"revision {one.revision} was applied": one.at for one in applies}
    times |= {f"run {one.run_id} ended": one.finished for one in runs}
    times |= {f"training set {one.id} was built": one.at for one in builds}
    times |= {f"{one.owner} renewed the lease of group {one.group_id}": one.renewed for one in held}
    published = {one.id: reader.published(project, one.id) for one in groups}
    return Recorded(
        readable=True,
        applied=applies[0] if applies else None,
        definitions=reader.definitions(project, documents=False),
        bindings=reader.bindings(project),
        groups=groups,
        published={id: entry for id, entry in published.items() if entry is not None},
        times=times,
        clock=(_server_time(reader), now) if has_clock else None,
    )


def _server_time(reader: Reader) -> datetime:
    with reader.snapshot() as connection:
        found: datetime = connection.execute(select(func.current_timestamp())).scalar_one()
    return found


def _findings(look: _Look, place: Place, target: Target, project: str) -> Iterator[Finding]:
    where = str(place)
    if look.version == NEWEST:
        yield Finding("registry", "ok", f"{where}, schema {look.version}")
    else:
        message = f"The registry has schema {look.version}, and this version writes {NEWEST}."
        hint = "The next `featurestore apply` upgrades it; older versions cannot write it then."
        yield Finding("registry", "warning", message, where, hint)
    if look.problems is None:
        hint = "featurestore.registry.verify_audit does it; it takes a while."
        yield Finding(
            "registry", "ok", f"audit log not verified: {look.rows:,} rows are too many for a look", hint=hint
        )
    elif look.problems:
        more = f" ({len(look.problems) - 1} more)" if len(look.problems) > 1 else ""
        message = f"It was changed behind the registry's back: {look.problems[0]}{more}"
        hint = "Restore it from a backup, or find out who changed it: its records prove nothing until then."
        yield Finding("registry", "failure", message, where, hint)
    else:
        yield Finding("registry", "ok", "audit log whole")
    if isinstance(look.recorded, Broken):
        yield failed("registry", look.recorded, where=where)
    else:
        yield _last_apply(look.recorded.applied, target, project, where)


def _last_apply(applied: ApplyRecord | None, target: Target, project: str, where: str) -> Finding:
    if applied is None:
        message = f"Nothing of project {project} was applied to the target {target.name}."
        return Finding("registry", "warning", message, where, "featurestore apply")
    by = f"{applied.at:%Y-%m-%d %H:%M:%SZ} by {applied.who}, with version {applied.code_version}"
    return Finding("registry", "ok", f"last apply: revision {applied.revision}, {by}")


def clocks(recorded: Recorded, now: datetime) -> Iterator[Finding]:
    """This machine's clock beside the registry's, and beside what is recorded with times."""
    found = list(_astray(recorded, now))
    yield from found
    if not found:
        beside = "the registry's server and its records" if recorded.clock else "what is recorded"
        says = f"agrees with {beside}" if recorded.times else "has nothing recorded to be compared with"
        yield Finding("clocks", "ok", f"{now:%Y-%m-%d %H:%M:%SZ} here, {says}")


def _astray(recorded: Recorded, now: datetime) -> Iterator[Finding]:
    if recorded.clock is not None:
        apart = recorded.clock[0] - recorded.clock[1]
        if abs(apart) > TOLERANCE:
            message = f"This machine's clock differs from the registry's by {abs(apart).total_seconds():,.0f} s."
            hint = "Set the clock: leases and boundaries depend on it."
            yield Finding("clocks", "failure", message, hint=hint)
    for what, time in recorded.times.items():
        if time > now + TOLERANCE:
            message = f"By the registry, {what} at {time:%Y-%m-%d %H:%M:%SZ}, and it is {now:%Y-%m-%d %H:%M:%SZ} here."
            hint = "This machine's clock is behind, or that of the one which wrote it was ahead. Set it."
            yield Finding("clocks", "failure", message, hint=hint)
