"""The leak check on a project's target."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import replace

from featurestore.compiler.vector import Layout
from featurestore.definitions.resolved import ResolvedLabel, StoredFeature
from featurestore.errors import FeaturestoreError, NotSupportedError
from featurestore.leaks import Effort, LeakReport, Told, check_leaks, is_proven
from featurestore.plan import Plan
from featurestore.project.looking import select
from featurestore.project.project import Project
from featurestore.spi.providers import find_provider

__all__ = ["check_project", "with_leak_note"]

SAMPLE = Effort(boundaries=2, entities=20, rows=100_000, narrow=False)
"""How much plan looks at."""
STAGED = frozenset({"per_boundary", "snapshot"})
"""Kinds of steps whose rows are given along with a query: stores that declare one can be given other tables, too."""
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def check_project(
    project: Project,
    features: Iterable[object] | object | None,
    at: datetime.datetime | None,
    effort: Effort,
    told: Told,
) -> LeakReport:
    """See `Project.check_leaks`."""
    if at is not None:
        aware = at if at.tzinfo else at.replace(tzinfo=datetime.UTC)
        effort = replace(effort, at=(aware - EPOCH) // datetime.timedelta(microseconds=1))
    _require_tables(project)
    if features is None:
        stored, bindings = _stored(project), project.bindings
    else:
        layout, bindings = select(project, features)
        stored = _below(layout)
    return check_leaks(stored, _labels(project), project.store, bindings, effort, told)


def _require_tables(project: Project) -> None:
    """Refuses a store that does not read tables given along with a query, which is what altered rows are.

    Raises:
        NotSupportedError: the target's store does not.
    """
    name = project.target.config.offline.provider
    offline = find_provider(name).offline
    if offline is None or not offline.capabilities.steps & STAGED:
        message = f"The store {name} reads no tables beside those of its sources, so rows cannot be altered for it."
        hint = "Check on a target whose store computes steps per boundary, for instance DuckDB with a part of the data."
        raise NotSupportedError(message, where=f"featurestore.yaml, targets.{project.target.name}.offline", hint=hint)


def _stored(project: Project) -> tuple[StoredFeature, ...]:
    return tuple(member for group in project.definitions.groups for member in group.members)


def _below(layout: Layout) -> tuple[StoredFeature, ...]:
    """The stored features that a selection is made of, once each."""
    return tuple(dict.fromkeys(slot.feature for slot in layout.slots))


def _labels(project: Project) -> list[ResolvedLabel]:
    return [one.resolved for one in project.definitions.of_kind("label") if isinstance(one.resolved, ResolvedLabel)]


def with_leak_note(project: Project, plan: Plan) -> Plan:
    """The plan with a note on a small leak check of the features in it that are new, and that are not proven.

    Where all are proven there is no note, and the warehouse is not asked. The note names no entity: plans are saved.
    """
    new = {change.id for change in plan.of_kind("new", "restored", "moved")}
    stored = [
        one.resolved
        for one in project.definitions
        if one.id in new and isinstance(one.resolved, StoredFeature) and not is_proven(one.resolved)
    ]
    if not stored:
        return plan
    try:
        report = check_leaks(stored, _labels(project), project.store, project.bindings, SAMPLE)
    except FeaturestoreError as error:
        return replace(plan, notes=(*plan.notes, f"leak check: not done for {_counted(stored)}: {error.message}"))
    return replace(plan, notes=(*plan.notes, *_said(report)))


def _said(report: LeakReport) -> list[str]:
    if not report.values and not report.leaks:
        return [f"leak check: {_counted(report.features)} could not be checked: there is no entity with a visible row"]
    said = f"leak check: {_counted(report.features)} checked on {report.boundaries} boundaries"
    if not report.leaks:
        return [f"{said}, no leak found"]
    return [
        said,
        *(f"LEAK: {one.message} See: featurestore check leaks {' '.join(one.features)}" for one in report.leaks),
    ]


def _counted(features: Sequence[object]) -> str:
    return f"{len(features)} feature{'' if len(features) == 1 else 's'}"
