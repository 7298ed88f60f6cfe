"""`featurestore log`: what was applied."""

import click

from featurestore.cli.output import cell, counted, print_json, print_table
from featurestore.cli.projects import opened
from featurestore.cli.session import Command, Session
from featurestore.registry import ApplyRecord

__all__ = ["log"]


@click.command("log", cls=Command, examples=["featurestore log", "featurestore log -n 5", "featurestore log --json"])
@click.option("-n", "number", type=click.IntRange(min=1), metavar="N", help="At most so many.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def log(session: Session, number: int | None, as_json: bool) -> None:
    """List what was applied to the target, newest first: when, by whom, why, from which commit."""
    with opened(session) as project, project.reader() as reader:
        applies = reader.applies(project.name, number)
    if as_json:
        print_json(applies)
    elif not applies:
        click.echo("Nothing was applied yet.")
    else:
        print_table(("revision", "when", "who", "commit", "changes", "message"), map(_row, applies), right={"revision"})


def _row(record: ApplyRecord) -> tuple[object, ...]:
    commit = (record.git_commit or "")[:8] + ("*" if record.git_commit and record.git_dirty else "")
    when = cell(record.at.replace(microsecond=0))
    return record.revision, when, record.who, commit, counted(record.changes), record.message
