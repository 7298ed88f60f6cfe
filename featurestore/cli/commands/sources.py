"""`featurestore sources pull`: what the store says of the sources."""

import click

from featurestore.cli.output import plural, print_json, working
from featurestore.cli.projects import opened
from featurestore.cli.session import Command, Session

__all__ = ["pull"]


@click.command(
    "pull",
    cls=Command,
    examples=["featurestore sources pull", "featurestore sources pull orders", "featurestore sources pull --check"],
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if anything differs.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def pull(session: Session, names: tuple[str, ...], check: bool, as_json: bool) -> None:
    """Ask the store for columns and types of sources, and write them to sources.lock.yaml.

    Without a NAME all sources are asked for. The file belongs into version control; plan and apply take the types from
    there.
    """
    with opened(session) as project, working("Asking the store…"):
        changes = project.pull_sources(names, check=check)
    if as_json:
        print_json({"changes": changes, "written": bool(changes) and not check})
    else:
        for change in changes:
            click.echo(f"  {change}")
        what = "Nothing was written" if check else "sources.lock.yaml is written"
        click.echo(f"{plural(len(changes), 'change')}. {what}." if changes else "sources.lock.yaml is up to date.")
    if check and changes:
        raise click.exceptions.Exit(1)
