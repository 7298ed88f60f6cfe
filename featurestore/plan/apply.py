"""Carrying out a plan: everything in one transaction, or nothing."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from featurestore.definitions.resolution import Definitions
from featurestore.definitions.resolved import Definition
from featurestore.errors import PlanOutdatedError, RefusedPlanError, VersionTakenError
from featurestore.lineage import definition_edges, definition_nodes
from featurestore.plan.changes import Change
from featurestore.plan.git import GitState
from featurestore.plan.plan import Plan
from featurestore.registry.records import (
    ApplyDraft,
    ApplyRecord,
    BindingRecord,
    DefinitionRecord,
    GroupRecord,
    LineageEdge,
)

if TYPE_CHECKING:
    from featurestore.registry.writer import Writer

__all__ = ["apply"]


def apply(
    plan: Plan,
    definitions: Definitions,
    writer: "Writer",
    *,
    who: str,
    message: str,
    git: GitState,
    at: datetime,
    code_version: str,
    root: Path | None = None,
) -> ApplyRecord | None:
    """Records what the plan says. Where it changes nothing, nothing is recorded, and there is None.

    Args:
        plan: What to do; nothing of it is worked out again.
        definitions: The project that the plan is of: their documents are recorded.
        writer: The registry that it was made against.
        who: Who applies.
        message: Why.
        git: The state of the project's repository.
        at: The time, aware.
        code_version: Version of this package.
        root: The project's folder, to which the recorded places of definitions are relative; None: as they are.

    Raises:
        VersionTakenError: other logic is registered under a version of the plan.
        RefusedPlanError: something else of the plan is refused.
        PlanOutdatedError: the registry or the project has moved since the plan was made.
    """
    _require_allowed(plan)
    _require_current(plan, definitions, writer)
    if not plan.has_changes:
        return None
    draft = ApplyDraft(
        project=plan.project,
        expected_revision=plan.revision,
        at=at,
        who=who,
        message=message,
        code_version=code_version,
        git_commit=git.commit,
        git_dirty=git.dirty,
        definitions=tuple(_records(plan, definitions, plan.of_kind("new"), root)),
        described=tuple(_records(plan, definitions, [change for change in plan.changes if change.describes], root)),
        retired=tuple(change.key for change in plan.of_kind("retired")),
        restored=tuple(change.key for change in plan.of_kind("restored")),
        groups=tuple(
            GroupRecord(
                project=plan.project, id=group.id, entity=group.entity, members=group.members, schedule=group.schedule
            )
            for group in plan.groups
        ),
        bindings=tuple(
            BindingRecord(project=plan.project, source=one.source, document=one.new, columns=one.columns)
            for one in plan.bindings
        ),
        edges=_edges(plan, definitions, writer),
    )
    return writer.record_apply(draft)


def _require_allowed(plan: Plan) -> None:
    refused = plan.refused
    if not refused:
        return
    roots = [change for change in refused if not change.cause] or refused
    listed = "; ".join(f"{change.id} ({change.origin or 'not in the project'}): {change.reason}" for change in roots)
    follow = f"; and {len(refused) - len(roots)} that follow from it" if len(roots) < len(refused) else ""
    message = f"Nothing was applied, for the plan is refused: {listed}{follow}."
    hint = "\n  ".join(dict.fromkeys(change.hint for change in refused if change.hint))
    if all(change.takes_version for change in refused):
        raise VersionTakenError(message, hint=hint)
    raise RefusedPlanError(message, hint=hint)


def _require_current(plan: Plan, definitions: Definitions, writer: "Writer") -> None:
    """Refuses what `Writer.record_apply` could not notice: a plan of another project, or one that changes nothing."""
    planned = {change.id: change.new for change in plan.changes if change.new is not None}
    found = {one.id: one.fingerprint for one in definitions}
    if planned != found:
        differ = sorted(id for id in {*planned, *found} if planned.get(id) != found.get(id))
        message = f"The project is not the one that was planned: {', '.join(differ)}."
        raise PlanOutdatedError(message, hint="Plan again, look at what is left to do, and apply that.")
    revision = writer.reader.revision(plan.project)
    if not plan.has_changes and revision != plan.revision:
        message = f"Project {plan.project} is at revision {revision}, and the plan was made at {plan.revision}."
        raise PlanOutdatedError(message, hint="Plan again, look at what is left to do, and apply that.")


def _records(
    plan: Plan, definitions: Definitions, changes: Iterable[Change], root: Path | None
) -> Iterator[DefinitionRecord]:
    for change in changes:
        one = definitions.by_id[change.id]
        yield DefinitionRecord(
            project=plan.project,
            kind=change.definition,
            name=change.name,
            version=change.version,
            logic=one.fingerprint.logic,
            metadata=one.fingerprint.metadata,
            document=one.logic,
            metadata_document=one.metadata,
            source_text=one.source_text,
            file=_file(one, root),
            line=one.origin.line,
            inputs=one.inputs,
        )


def _edges(plan: Plan, definitions: Definitions, writer: "Writer") -> tuple[LineageEdge, ...]:
    """The edges that lead to what is new or described anew, and any other that is not recorded.

    There are others where a feature is the first to ask for a column of a step that cannot be looked into, and where
    something was applied before edges were recorded.
    """
    changed = {change.id for change in plan.changes if change.kind == "new" or change.describes}
    nodes = set(definition_nodes(definitions, changed))
    recorded = {(one.upstream, one.downstream, one.kind) for one in writer.reader.edges(plan.project)}
    return tuple(
        edge
        for edge in definition_edges(definitions)
        if edge.downstream in nodes or (edge.upstream, edge.downstream, edge.kind) not in recorded
    )


def _file(one: Definition, root: Path | None) -> str:
    path = Path(one.origin.file)
    if root is not None and path.is_absolute() and path.is_relative_to(root.resolve()):
        return path.relative_to(root.resolve()).as_posix()
    return one.origin.file
