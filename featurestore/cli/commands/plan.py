"""`featurestore plan`: what apply would change."""

from pathlib import Path

import click

from featurestore.cli.output import print_json, working
from featurestore.cli.projects import opened
from featurestore.cli.session import Command, Session
from featurestore.plan import plan_text, save

__all__ = ["plan"]

CHANGED = 3


@click.command(
    "plan",
    cls=Command,
    examples=[
        "featurestore plan",
        "featurestore plan --probe --out plan.json     # then: featurestore apply plan.json",
        "featurestore plan --detailed-exitcode         # 0 nothing to do, 3 changes, 1 refused",
    ],
)
@click.option("--probe", is_flag=True, help="Compare the sources with the store too, as apply does.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan, for apply.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 3 if there are changes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def plan(session: Session, probe: bool, out: Path | None, detailed_exitcode: bool, as_json: bool) -> None:
    """Compare the project with the target's registry: what is new, changed, refused, moved, absent.

    The plan says what that touches and what must be computed. Nothing is recorded. A plan that apply would refuse exits
    with 1.
    """
    with opened(session) as project, working("Planning…"):
        made = project.plan(probe=probe).plan
    if out is not None:
        save(made, out)
    if as_json:
        print_json(made.to_document())
    else:
        click.echo(plan_text(made))
        if out is not None:
            click.echo(f"Saved to {out}.")
    if made.refused:
        raise click.exceptions.Exit(1)
    if detailed_exitcode and made.has_changes:
        raise click.exceptions.Exit(CHANGED)
