"""`featurestore status` and `featurestore due`: how groups stand in the online store, and which must run."""

import datetime

import click

from featurestore.cli.commands.materialize import of_groups, told
from featurestore.cli.output import cell, print_json, print_table, working
from featurestore.cli.projects import opened
from featurestore.cli.session import Command, Session
from featurestore.cli.texts import TIME
from featurestore.definitions.durations import duration_text
from featurestore.materialize import Due, time_of
from featurestore.project.materializing import GroupStatus, due_groups, group_status

__all__ = ["due", "status"]


@click.command(
    "status",
    cls=Command,
    examples=["featurestore status", "featurestore status --group Habits", "featurestore status --json"],
)
@of_groups
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(session: Session, groups: tuple[str, ...], as_json: bool) -> None:
    """Show for each group which boundary is due and which is published, its age, and how the last run ended.

    A group is late when a boundary should have been published by now and is not.
    """
    with opened(session) as project, working("Asking the online store…"):
        found = group_status(project, groups or None)
    if as_json:
        print_json(found)
        return
    columns = ("group", "state", "due", "published", "age", "rows", "last run", "ended", "last error")
    print_table(columns, map(_row, found), right={"age", "rows"})


def _row(one: GroupStatus) -> tuple[object, ...]:
    last = one.last_run
    return (
        one.group,
        _state(one),
        cell(one.due),
        cell(one.published) if one.published else "",
        duration_text(int(one.age) * 1_000_000) if one.age is not None else "",
        f"{one.rows:,}" if one.rows is not None else "",
        last.run_id if last else "",
        cell(last.finished.replace(microsecond=0)) if last else "",
        one.last_error or "",
    )


def _state(one: GroupStatus) -> str:
    """One word for it, and what is being done."""
    if one.running:
        return told(one.progress) if one.progress else "running"
    if not one.applied:
        return "not applied"
    if one.late:
        return "late"
    return "due" if one.behind is None or one.behind else "up to date"


@click.command("due", cls=Command, examples=["featurestore due", "featurestore due --until 2024-06-01 --json"])
@click.option("--until", type=TIME, help="What is due then.  [default: now]")
@of_groups
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def due(session: Session, until: datetime.datetime | None, groups: tuple[str, ...], as_json: bool) -> None:
    """List the applied groups that must run, each with the boundary to run and the one that is published.

    Boundaries between the two are not run: the online store keeps the newest values only.
    """
    with opened(session) as project, working("Asking the online store…"):
        found = due_groups(project, groups or None, until)
    if as_json:
        print_json([_document(one) for one in found])
    elif not found:
        click.echo("Nothing is due.")
    else:
        rows = [(one.group.name, *map(_shown, (one.boundary, one.published)), f"{len(one.skipped):,}") for one in found]
        print_table(("group", "boundary", "published", "passed over"), rows, right={"passed over"})


def _shown(boundary: int | None) -> str:
    return "" if boundary is None else cell(time_of(boundary))


def _document(one: Due) -> dict[str, object]:
    return {
        "group": one.group.name,
        "id": one.group.id,
        "boundary": time_of(one.boundary),
        "published": None if one.published is None else time_of(one.published),
        "skipped": len(one.skipped),
    }
