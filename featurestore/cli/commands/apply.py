"""`featurestore apply`: writes what a plan says into the registry."""

import sys
from pathlib import Path

import click

from featurestore.cli.output import counted, plain, print_json, working
from featurestore.cli.projects import opened
from featurestore.cli.session import Command, Session
from featurestore.plan import Plan, load, plan_text, require_same
from featurestore.registry import ApplyRecord

__all__ = ["apply"]


@click.command(
    "apply",
    cls=Command,
    examples=[
        'featurestore apply -m "Spending of a week"',
        "featurestore apply plan.json --yes            # a plan that was saved and reviewed",
        'featurestore apply --retire mean_amount@v1 -m "Nobody uses it any more"',
    ],
)
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-m", "--message", default="", help="Why; it is recorded.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--retire", multiple=True, metavar="REF", help="Retire a definition that is not used any more.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def apply(session: Session, file: Path | None, message: str, yes: bool, retire: tuple[str, ...], as_json: bool) -> None:
    """Plan, show the plan, ask, and record it in the target's registry: all of it or nothing.

    With FILE, a plan that `plan --out` saved is applied, and refused if planning gives another one by now. Nothing is
    removed because it is missing in the project; --retire does that.
    """
    if file is not None and retire:
        message = "A saved plan says itself what it retires; --retire does not go with FILE."
        raise click.UsageError(message)
    if not yes and not sys.stdin.isatty():
        message = "There is nobody to ask. Say --yes to apply without a question."
        raise click.UsageError(message)
    saved = None if file is None else load(file)
    with opened(session) as project:
        with working("Planning…"):
            made = project.plan(retire=retire if saved is None else [one.id for one in saved.of_kind("retired")])
        if saved is not None:
            require_same(saved, made.plan)
        if not as_json or not yes:
            click.echo(plan_text(made.plan), err=as_json)
        if not yes and _is_open(made.plan) and not click.confirm("Apply it?", err=as_json):
            click.echo("Nothing was applied.", err=True)
            raise click.exceptions.Exit(1)
        with working("Applying…"):
            applied = made.apply(message)
    if as_json:
        print_json({"plan": made.plan.to_document(), "applied": plain(applied)})
    else:
        click.echo(_said(applied))


def _is_open(plan: Plan) -> bool:
    """Whether there is a question: something to do, and nothing that stands against it."""
    return plan.has_changes and not plan.refused


def _said(applied: ApplyRecord | None) -> str:
    if applied is None:
        return "There is nothing to apply."
    return f"Applied as revision {applied.revision}: {counted(applied.changes)}."
