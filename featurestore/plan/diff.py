"""From the project's definitions and what is registered to a plan. Reads the registry, and changes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from featurestore.definitions.fingerprints import Fingerprint
from featurestore.definitions.resolution import Definitions
from featurestore.definitions.resolved import Definition, SourceTable
from featurestore.definitions.sources import Binding
from featurestore.plan.changes import Change, ChangeKind, Difference
from featurestore.plan.checks import check_definitions
from featurestore.plan.comparison import Comparison
from featurestore.plan.differences import metadata_differences
from featurestore.plan.graph import USERS, downstream
from featurestore.plan.groups import group_changes
from featurestore.plan.notes import notes_of
from featurestore.plan.plan import Plan
from featurestore.plan.retire import refusal, to_retire
from featurestore.registry.records import DefinitionKind, DefinitionRecord
from featurestore.spi.capabilities import EVERYTHING, Capabilities
from featurestore.spi.stores import SourceProbe

if TYPE_CHECKING:
    from featurestore.registry.reader import Reader

__all__ = ["make_plan"]


def make_plan(
    definitions: Definitions,
    reader: "Reader",
    *,
    target: str,
    bindings: Mapping[str, Binding],
    probes: Mapping[str, SourceProbe] | None = None,
    project: str,
    retire: Sequence[str] = (),
    capabilities: Capabilities = EVERYTHING,
    store: str = "the offline store",
) -> Plan:
    """The plan of a project against a target's registry.

    Args:
        definitions: What the project says.
        reader: The target's registry.
        target: The target's name.
        bindings: Where sources lie in the target; those that are not named lie where their definition says.
        probes: What the engine says of sources, where it was asked; what differs from the project is refused.
        project: The namespace.
        retire: What is to be retired, as ``[kind:]name[@version]``.
        capabilities: What the target's offline store can compute.
        store: That store, for errors.

    Raises:
        FeaturestoreError: one of its kinds: a definition could not be computed, whatever the data.
        RefusedPlanError: that is so of several; all are listed.
        RecordNotFoundError: what is to be retired is not registered.
    """
    check_definitions(definitions, probes or {}, capabilities, store)
    # The revision is asked for first: if somebody applies in between, applying this plan is refused.
    revision = reader.revision(project)
    comparison = Comparison(definitions, project, reader, bindings)
    retiring = to_retire(retire, comparison.live)
    notes = notes_of(definitions)
    changes = [_desired(one, comparison, notes[one.id], retiring) for one in definitions]
    changes += [_left(id, comparison, retiring) for id in comparison.live if id not in definitions.by_id]
    return Plan(
        project=project,
        target=target,
        revision=revision,
        changes=tuple(changes),
        groups=group_changes(definitions.groups, reader.groups(project)),
        bindings=tuple(comparison.bindings.values()),
        notes=_notes(definitions, probes or {}),
    )


def _notes(definitions: Definitions, probes: Mapping[str, SourceProbe]) -> tuple[str, ...]:
    """Columns of the engine that the project does not know: no harm, but worth a word."""
    found = []
    for one in definitions.of_kind("source"):
        table = one.resolved
        if isinstance(table, SourceTable) and table.name in probes:
            more = [name for name in probes[table.name].columns if name not in table.schema]
            if more:
                found.append(f"the source {table.name} has further columns: {', '.join(more)}")
    return tuple(found)


def _desired(one: Definition, comparison: Comparison, notes: tuple[str, ...], retiring: Sequence[str]) -> Change:
    """The change of a definition of the project."""
    record = comparison.registered.get(one.id)
    change = Change(
        kind="unchanged",
        id=one.id,
        definition=cast("DefinitionKind", one.kind),
        name=one.ref.name,
        version=one.ref.version or "",
        old=None if record is None else Fingerprint(record.logic, record.metadata),
        new=one.fingerprint,
        touches=_touched(one.id, comparison),
        notes=notes,
        origin=str(one.origin),
        owner=str(one.metadata["owner"]),
    )
    if one.id in retiring:
        return _retiring(change, comparison, retiring)
    if record is None or change.takes_version:
        return _with_logic(change, comparison)
    return _with_description(change, one, record, comparison)


def _with_logic(change: Change, comparison: Comparison) -> Change:
    """A change of something that has logic which is not registered under its name and version."""
    before, compared = comparison.compared.get(change.id, (None, None))
    change = replace(
        change,
        kind="new",
        before=None if change.takes_version else before,
        differences=(*(compared.differences if compared else ()), *_binding_differences(change, comparison)),
        cause=comparison.causes(change.id),
    )
    if change.old is None or change.new is None:
        return change
    bumps = " and ".join(f"`featurestore bump {id} --downstream`" for id in comparison.to_bump(change.id))
    return replace(
        change,
        kind="refused",
        reason=f"registered with other logic ({change.old.logic:.8} -> {change.new.logic:.8})",
        hint=f"Versions are immutable. {bumps} gives the change its own.",
    )


def _with_description(change: Change, one: Definition, record: DefinitionRecord, comparison: Comparison) -> Change:
    """A change of something that is registered with the same logic."""
    described = one.fingerprint.metadata != record.metadata or set(one.inputs) != set(record.inputs)
    differences = list(_binding_differences(change, comparison))
    if described:
        differences += metadata_differences(comparison.whole[one.id], one)
    binding = comparison.bindings.get(one.ref.name) if one.kind == "source" else None
    kind: ChangeKind
    if record.retired:
        kind = "restored"
    elif binding is not None and binding.is_moved:
        kind = "moved"
    else:
        kind = "metadata" if described or binding is not None else "unchanged"
    return replace(change, kind=kind, differences=tuple(differences), describes=described)


def _binding_differences(change: Change, comparison: Comparison) -> Iterator[Difference]:
    binding = comparison.bindings.get(change.name) if change.definition == "source" else None
    if binding is None or binding.old is None:
        return
    if binding.is_moved:
        yield Difference("binding", _place(binding.old), _place(binding.new))
    old = comparison.columns[binding.source]
    for column in dict.fromkeys((*binding.columns, *old)):
        if old.get(column) != binding.columns.get(column):
            yield Difference(f"columns.{column}", old.get(column), binding.columns.get(column))


def _place(binding: Mapping[str, str]) -> str:
    return ", ".join(f"{what} {value}" for what, value in binding.items())


def _left(id: str, comparison: Comparison, retiring: Sequence[str]) -> Change:
    """The change of what is registered, live, and not in the project."""
    record = comparison.live[id]
    change = Change(
        kind="absent",
        id=id,
        definition=record.kind,
        name=record.name,
        version=record.version,
        old=Fingerprint(record.logic, record.metadata),
        touches=_touched(id, comparison),
    )
    return _retiring(change, comparison, retiring) if id in retiring else change


def _retiring(change: Change, comparison: Comparison, retiring: Sequence[str]) -> Change:
    """What becomes of a wish to retire: refused, or retired."""
    refused = refusal(change.id, retiring, comparison.definitions, comparison.users)
    if refused is not None:
        reason, hint = refused
        return replace(change, kind="refused", reason=f"cannot be retired: {reason}", hint=hint)
    readers = [id for id in comparison.users.get(change.id, ()) if id not in retiring]
    notes = (f"still read by {', '.join(readers)}",) if readers else ()
    return replace(change, kind="retired", notes=notes)


def _touched(id: str, comparison: Comparison) -> tuple[str, ...]:
    return tuple(user for user in downstream(comparison.users, id) if user.startswith(USERS))
