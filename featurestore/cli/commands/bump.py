"""`featurestore bump`: a new version for a definition whose logic changed."""

import click

from featurestore.cli.completing import references
from featurestore.cli.output import print_json
from featurestore.cli.projects import opened
from featurestore.cli.session import Command, Session
from featurestore.plan import bump as patch_for

__all__ = ["bump"]


@click.command(
    "bump",
    cls=Command,
    examples=[
        "featurestore bump mean_amount",
        "featurestore bump paid_orders --downstream --write",
        "featurestore bump Habits --to 2024-06",
    ],
)
@click.argument("reference", metavar="REF", shell_complete=references)
@click.option("--downstream", is_flag=True, help="Bump all that depends on it and has a version of its own, too.")
@click.option("--to", metavar="VERSION", help="The new version, where v1 -> v2 is not meant.")
@click.option("--write", is_flag=True, help="Make the edits.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def bump(session: Session, reference: str, downstream: bool, to: str | None, write: bool, as_json: bool) -> None:
    """Print the patch that gives REF its next version, for a change of logic that plan refused under the old one.

    REF is a definition or a class of features. With --write the project's files are edited.
    """
    with opened(session) as project:
        with project.reader() as reader:
            registered = {str(record.key) for record in reader.definitions(project.name, documents=False)}
        patch = patch_for(project.definitions, reference, downstream=downstream, to=to, registered=registered)
    if write:
        patch.write()
    if as_json:
        refs = [{"old": old, "new": new} for old, new in patch.refs]
        print_json({"refs": refs, "patch": patch.text, "written": write})
        return
    if not write:
        click.echo(patch.text, nl=False)
    for old, new in patch.refs:
        click.echo(f"{old} -> {new}", err=not write)
    click.echo("The files are edited." if write else "Nothing is edited yet; --write does it.", err=not write)
