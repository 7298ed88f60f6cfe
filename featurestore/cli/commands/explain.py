"""`featurestore explain`: the SQL behind features."""

import click

from featurestore.cli.completing import references
from featurestore.cli.output import print_json
from featurestore.cli.projects import opened
from featurestore.cli.session import Command, Session

__all__ = ["explain"]


@click.command(
    "explain",
    cls=Command,
    examples=[
        "featurestore explain mean_amount",
        "featurestore explain Habits mean_amount@v2",
        "featurestore explain checkout",
    ],
)
@click.argument("references", nargs=-1, required=True, metavar="REF...", shell_complete=references)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def explain(session: Session, references: tuple[str, ...], as_json: bool) -> None:
    """Print the statement with which the target's store computes the stored features of REF.

    REF is a feature, a class of features, a service. Derived and on-demand features are evaluated in Python, on the
    statement's result.
    """
    with opened(session) as project:
        text = project.explain(list(references))
    if as_json:
        print_json({"features": references, "statement": text})
    else:
        click.echo(text)
