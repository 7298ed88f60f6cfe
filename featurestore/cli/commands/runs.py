"""`featurestore runs`: what the ledger tells of runs."""

from collections.abc import Mapping

import click

from featurestore.cli.completing import groups
from featurestore.cli.output import aligned, cell, print_json, print_table
from featurestore.cli.projects import opened
from featurestore.cli.session import Command, Session
from featurestore.errors import RecordNotFoundError
from featurestore.materialize import time_of
from featurestore.project import Project
from featurestore.registry import LedgerEntry, Reader

__all__ = ["list_runs", "show"]


@click.command("list", cls=Command, examples=["featurestore runs list", "featurestore runs list --group Habits -n 5"])
@click.option("--group", metavar="NAME", shell_complete=groups, help="Only of a group, by name or id.  [default: all]")
@click.option("-n", "number", type=click.IntRange(min=1), metavar="N", help="At most so many.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_runs(session: Session, group: str | None, number: int | None, as_json: bool) -> None:
    """List how runs ended, the last one first: for which boundary, who ran them, and what they wrote."""
    with opened(session) as project, project.reader() as reader:
        names = _names(project)
        runs = reader.runs(project.name, None if group is None else _group_id(project, reader, group), number)
    if as_json:
        print_json([_document(run, names) for run in runs])
    elif not runs:
        click.echo("Nothing has run yet.")
    else:
        columns = ("run", "group", "boundary", "outcome", "when", "who", "rows", "written", "message")
        print_table(columns, [_row(run, names) for run in runs], right={"rows", "written"})


def _names(project: Project) -> dict[str, str]:
    """The names of the project's groups, by id. Those that it had earlier are known by their ids only."""
    return {group.id: group.name for group in project.definitions.groups}


def _group_id(project: Project, reader: Reader, wanted: str) -> str:
    found = [id for id, name in _names(project).items() if wanted in {id, name}]
    found += [record.id for record in reader.groups(project.name) if record.id == wanted]
    if not found:
        message = f"There is no group {wanted!r}."
        raise RecordNotFoundError(message, hint=f"Groups are {', '.join(_names(project).values()) or 'none'}.")
    return found[0]


def _row(run: LedgerEntry, names: Mapping[str, str]) -> tuple[object, ...]:
    return (
        run.run_id,
        names.get(run.group_id, run.group_id),
        cell(time_of(run.boundary)),
        run.kind,
        cell(run.finished.replace(microsecond=0)),
        run.who,
        _number(run.rows),
        _number(run.changed),
        run.message or "",
    )


def _number(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _document(run: LedgerEntry, names: Mapping[str, str]) -> dict[str, object]:
    fields = {name: getattr(run, name) for name in run.__slots__}
    return {"group": names.get(run.group_id), **fields, "boundary": time_of(run.boundary)}


@click.command("show", cls=Command, examples=["featurestore runs show r_0123456789ab"])
@click.argument("run_id", metavar="RUN_ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(session: Session, run_id: str, as_json: bool) -> None:
    """Show what the ledger has of a run: how it ended, and boundaries that were passed over."""
    with opened(session) as project, project.reader() as reader:
        names = _names(project)
        run = reader.run(project.name, run_id)
        skipped = [entry for entry in reader.ledger(project.name, run_id=run_id) if entry.kind == "skipped"]
    if as_json:
        print_json({**_document(run, names), "skipped": [_document(entry, names) for entry in skipped]})
        return
    seconds = (run.finished - run.started).total_seconds()
    described: dict[str, object] = {
        "run": run.run_id,
        "outcome": run.kind,
        "message": run.message,
        "group": names.get(run.group_id, run.group_id),
        "boundary": time_of(run.boundary),
        "mode": run.mode,
        "rows": _number(run.rows),
        "written": _number(run.changed),
        "checksum": run.checksum,
        "started": f"{cell(run.started)} by {run.who}",
        "took": f"{seconds:.1f} s",
        "passed over": "\n".join(f"{cell(time_of(entry.boundary))}: {entry.message}" for entry in skipped),
        "commit": run.git_commit and f"{run.git_commit}{' and changes' if run.git_dirty else ''}",
        "version": run.code_version,
        "logic": run.fingerprint,
        "token": run.token,
        "sources": "\n".join(f"{name} {_place(source)}" for name, source in run.bindings.items()),
    }
    click.echo(aligned(described))


def _place(binding: object) -> str:
    """Where a source was read, as it is recorded: a path, a table or a query."""
    return ", ".join(map(str, binding.values())) if isinstance(binding, Mapping) else str(binding)
