"""`featurestore list` and `featurestore show`: the project's definitions."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from featurestore.cli.completing import references
from featurestore.cli.output import aligned, cell, print_json, print_table
from featurestore.cli.projects import opened
from featurestore.cli.session import Command, Session
from featurestore.compiler.steps import table_schema
from featurestore.compiler.vector import feature_type
from featurestore.definitions.durations import duration_text
from featurestore.definitions.entities import Entity
from featurestore.definitions.readable import document_text
from featurestore.definitions.resolution import NAMESPACES, Definitions
from featurestore.definitions.resolved import (
    Definition,
    DerivedFeature,
    OnDemandFeature,
    ResolvedLabel,
    Schedule,
    SourceTable,
    StepTable,
    StoredFeature,
)
from featurestore.errors import FeaturestoreError
from featurestore.project import Project
from featurestore.registry import DefinitionRecord

__all__ = ["list_definitions", "show"]


@click.command(
    "list",
    cls=Command,
    examples=["featurestore list", "featurestore list --kind feature", "featurestore list --json"],
)
@click.option("--kind", type=click.Choice(list(NAMESPACES)), help="Only those of one kind.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_definitions(session: Session, kind: str | None, as_json: bool) -> None:
    """List the definitions of the project, and whether this version of each is registered in the target.

    The warehouse is not asked.
    """
    with opened(session) as project:
        chosen = [one for one in project.definitions if kind in (None, one.kind)]
        registered = _registered(project)
    if as_json:
        print_json([_listed(one, registered) for one in chosen])
        return
    rows = [_listed(one, registered) for one in chosen]
    for row in rows:
        row["registered"] = "retired" if row["retired"] else "yes" if row["registered"] else "no"
    columns = ("kind", "name", "version", "entity", "owner", "registered", "description")
    print_table(columns, [[row[column] or "" for column in columns] for row in rows])


def _listed(one: Definition, registered: Mapping[str, DefinitionRecord]) -> dict[str, Any]:
    record = registered.get(one.id)
    return {
        "kind": one.kind,
        "name": one.ref.name,
        "version": one.ref.version,
        "entity": _entity(one),
        "owner": one.metadata["owner"],
        "registered": record is not None,
        "retired": record is not None and record.retired,
        "description": str(one.metadata["description"]).partition("\n")[0],
    }


def _registered(project: Project) -> dict[str, DefinitionRecord]:
    """What the target's registry holds of the project, by id, without documents."""
    with project.reader() as reader:
        return {str(record.key): record for record in reader.definitions(project.name, documents=False)}


def _entity(one: Definition) -> str | None:
    match one.resolved:
        case StoredFeature() | DerivedFeature():
            return one.resolved.entity.name
        case ResolvedLabel():
            return one.resolved.label.entity.name
        case _:
            return None


@click.command(
    "show",
    cls=Command,
    examples=[
        "featurestore show mean_amount",
        "featurestore show Habits.orders_7d@v1",
        "featurestore show entity:customer --json     # where several kinds have one name",
    ],
)
@click.argument("reference", metavar="REF", shell_complete=references)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(session: Session, reference: str, as_json: bool) -> None:
    """Show everything about one definition: its meaning, its making, its use, and who registered it when.

    The warehouse is not asked.
    """
    with opened(session) as project:
        one = project.definitions.find(reference)
        document = _document(one, project.definitions) | {"registered": _registration(project, one)}
    if as_json:
        print_json(document)
    else:
        click.echo(_text(one, document))


def _document(one: Definition, definitions: Definitions) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind,
        "name": one.ref.name,
        "version": one.ref.version,
        "description": one.metadata["description"],
        "owner": one.metadata["owner"],
        "tags": one.metadata["tags"],
        "entity": _entity(one),
        "columns": _columns(one),
        "schedule": _schedule(one),
        "inputs": one.inputs,
        "used_by": [other.id for other in definitions if one.id in other.inputs],
        "source": _source(one),
        "verified": one.verified,
        "fingerprint": {"logic": one.fingerprint.logic, "metadata": one.fingerprint.metadata},
        "origin": str(one.origin),
    }


def _columns(one: Definition) -> dict[str, str] | str | None:
    """Columns and their types; a text that says why they are not known; None for what has no columns."""
    try:
        match one.resolved:
            case StoredFeature() | DerivedFeature() as resolved:
                return {resolved.feature.column: str(feature_type(resolved))}
            case OnDemandFeature() as resolved:
                return _typed(resolved.definition.outputs)
            case SourceTable() | StepTable() as resolved:
                return _typed(table_schema(resolved).items())
            case Entity() as resolved:
                return _typed(resolved.keys.items())
            case _:
                return None
    except FeaturestoreError as error:
        return f"not known: {error.message}"


def _typed(columns: Iterable[tuple[str, object]]) -> dict[str, str]:
    return {name: str(data_type) for name, data_type in columns}


def _schedule(one: Definition) -> dict[str, Any] | None:
    resolved = one.resolved
    if not isinstance(resolved, StoredFeature):
        return None
    schedule = resolved.schedule
    fields = {name: getattr(schedule, name) for name in ("every", "delay", "publish_within", "offset")}
    return {**fields, "text": _schedule_text(schedule)}


def _schedule_text(schedule: Schedule) -> str:
    words = [f"every {duration_text(schedule.every)}"]
    words += [f"moved by {duration_text(schedule.offset)}"] if schedule.offset else []
    words += [f"{duration_text(schedule.delay)} after the boundary"] if schedule.delay else []
    words += [f"published within {duration_text(schedule.publish_within)}"] if schedule.publish_within else []
    return ", ".join(words)


def _source(one: Definition) -> str | None:
    """The text that was written; of a member of a class its expression, of a source its place."""
    if one.source_text:
        return one.source_text.strip("\n")
    if isinstance(one.resolved, (StoredFeature, DerivedFeature)):
        return document_text(one.logic["expression"])
    return str(one.resolved.source.binding) if isinstance(one.resolved, SourceTable) else None


def _registration(project: Project, one: Definition) -> dict[str, Any] | None:
    """How this version is registered; None if it is not."""
    record = _registered(project).get(one.id)
    if record is None:
        return None
    with project.reader() as reader:
        applied = next((apply for apply in reader.applies(project.name) if apply.revision == record.first_apply), None)
    return {
        "revision": record.first_apply,
        "at": applied and applied.at,
        "who": applied and applied.who,
        "message": applied and applied.message,
        "retired": record.retired,
        "same_logic": record.logic == one.fingerprint.logic,
        "same_metadata": record.metadata == one.fingerprint.metadata,
    }


def _text(one: Definition, document: Mapping[str, Any]) -> str:
    columns = document["columns"]
    listed = (
        columns if isinstance(columns, str) or columns is None else "\n".join(f"{c}: {t}" for c, t in columns.items())
    )
    described = aligned(
        {
            "owner": document["owner"],
            "tags": _tags(document["tags"]),
            "entity": document["entity"],
            "columns": listed,
            "schedule": document["schedule"] and document["schedule"]["text"],
            "inputs": "\n".join(document["inputs"]),
            "used by": "\n".join(document["used_by"]),
            "verified": None if one.verified else "no: its code calls something that could not be resolved",
            "logic": one.fingerprint.logic,
            "metadata": one.fingerprint.metadata,
            "registered": "\n".join(_registered_lines(document["registered"])),
            "written at": document["origin"],
        }
    )
    parts = [one.id, document["description"], described, document["source"] or ""]
    return "\n\n".join(part for part in parts if part)


def _tags(tags: Any) -> str:
    if isinstance(tags, Mapping):
        return "\n".join(f"{column}: {', '.join(marks)}" for column, marks in tags.items())
    return ", ".join(tags)


def _registered_lines(registered: Mapping[str, Any] | None) -> Iterator[str]:
    if registered is None:
        yield "no"
        return
    yield f"{cell(registered['at'])} by {registered['who']}, revision {registered['revision']}"
    if registered["message"]:
        yield registered["message"]
    if registered["retired"]:
        yield "retired"
    if not registered["same_logic"]:
        yield "with other logic: see featurestore plan"
    elif not registered["same_metadata"]:
        yield "with another description: see featurestore plan"
