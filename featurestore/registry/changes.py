"""What an apply writes, worked out before anything is written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table

from featurestore.errors import RecordNotFoundError, RegistryError, VersionTakenError
from featurestore.registry import tables
from featurestore.registry.records import ApplyDraft, DefinitionKey, DefinitionRecord, EventKind, LineageEdge

__all__ = ["Registered", "changes", "counts", "edge_rows"]

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Registered:
    """What an apply must know of a definition that is there already."""

    logic: str
    retired: bool


def changes(draft: ApplyDraft, known: Mapping[DefinitionKey, Registered]) -> Mapping[Table, Sequence[Row]]:
    """The rows that the draft adds, besides that of the apply itself, in an order that foreign keys allow.

    Args:
        draft: What is to be recorded.
        known: All that the project has registered.

    Raises:
        VersionTakenError: A definition is registered with other logic.
        RecordNotFoundError: What is to be described anew, retired or restored is not registered.
        RegistryError: A record is of another project, or what is to be retired is retired already (or the like).
    """
    _check_project(draft)
    new = [record for record in draft.definitions if not _is_known(record, known)]
    for record in draft.described:
        if not _is_known(record, known):
            raise _not_registered(record.key, draft)
    _check_liveness(draft, known)
    described = [*new, *draft.described]
    revision = draft.expected_revision + 1
    return {
        tables.definitions: _rows(tables.definitions, new, draft),
        tables.definition_metadata: _rows(tables.definition_metadata, described, draft),
        tables.definition_events: list(_events(draft, new)),
        tables.groups: _rows(tables.groups, draft.groups, draft),
        tables.bindings: _rows(tables.bindings, draft.bindings, draft),
        tables.lineage_edges: edge_rows(draft.project, ("apply", str(revision)), revision, draft.edges),
    }


def counts(rows: Mapping[Table, Sequence[Row]]) -> Mapping[str, int]:
    """How much of each kind of change there is; kinds that do not occur are left out."""
    found: dict[str, int] = {}
    for event in rows[tables.definition_events]:
        found[event["event"]] = found.get(event["event"], 0) + 1
    for table in (tables.groups, tables.bindings):
        if rows[table]:
            found[table.name] = len(rows[table])
    return found


def edge_rows(project: str, event: tuple[str, str], revision: int, edges: Sequence[LineageEdge]) -> list[Row]:
    """The rows of edges that are recorded with an event.

    Args:
        project: The namespace.
        event: Its kind and its subject.
        revision: The project's, once the event is recorded.
        edges: In the order in which they are to be read back.
    """
    return [
        {
            "project": project,
            "event": event[0],
            "subject": event[1],
            "position": position,
            "revision": revision,
            "upstream": edge.upstream,
            "downstream": edge.downstream,
            "kind": edge.kind,
            "via": edge.via,
            "opaque": edge.opaque,
        }
        for position, edge in enumerate(edges)
    ]


def _is_known(record: DefinitionRecord, known: Mapping[DefinitionKey, Registered]) -> bool:
    registered = known.get(record.key)
    if registered is not None and registered.logic != record.logic:
        raise VersionTakenError(
            f"{record.key} is registered with other logic ({registered.logic:.8} -> {record.logic:.8}).",
            where=f"{record.file}:{record.line}" if record.file else None,
            hint="Versions are immutable: give the change a version of its own.",
        )
    return registered is not None


def _check_project(draft: ApplyDraft) -> None:
    records = (draft.definitions, draft.described, draft.groups, draft.bindings)
    for project in {record.project for some in records for record in some}:
        if project != draft.project:
            raise RegistryError(f"An apply of project {draft.project} holds a record of project {project}.")


def _check_liveness(draft: ApplyDraft, known: Mapping[DefinitionKey, Registered]) -> None:
    for keys, retired, state in ((draft.retired, False, "retired"), (draft.restored, True, "live")):
        for key in keys:
            if key not in known:
                raise _not_registered(key, draft)
            if known[key].retired is not retired:
                raise RegistryError(f"{key} is {state} already.")


def _not_registered(key: DefinitionKey, draft: ApplyDraft) -> RecordNotFoundError:
    return RecordNotFoundError(f"{key} is not registered in project {draft.project}.")


def _rows(table: Table, records: Sequence[object], draft: ApplyDraft) -> list[Row]:
    names = [name for name in table.c.keys() if name != "revision"]  # noqa: SIM118  # its items are columns
    revision = draft.expected_revision + 1
    return [{**{name: getattr(record, name) for name in names}, "revision": revision} for record in records]


def _events(draft: ApplyDraft, new: Sequence[DefinitionRecord]) -> Iterator[Row]:
    happened: Mapping[EventKind, Sequence[DefinitionKey]] = {
        "registered": [record.key for record in new],
        "metadata": [record.key for record in draft.described],
        "retired": draft.retired,
        "restored": draft.restored,
    }
    for event, keys in happened.items():
        for key in keys:
            yield {
                **key._asdict(),
                "project": draft.project,
                "revision": draft.expected_revision + 1,
                "event": event,
            }
