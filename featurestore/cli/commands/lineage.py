"""`featurestore lineage`: what a value is made of, and what is made of it."""

from collections.abc import Callable

import click

from featurestore.cli.completing import nodes
from featurestore.cli.output import print_json, print_table
from featurestore.cli.recorded import recorded
from featurestore.cli.session import Command, Session
from featurestore.lineage import Lineage, models_of, to_document, tree_text
from featurestore.project.recorded import recorded_graph

__all__ = ["down", "models", "up"]


def _question(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command what all of these are asked."""
    options = (
        click.argument("reference", metavar="REF", shell_complete=nodes),
        click.option(
            "--depth", type=click.IntRange(min=0), metavar="N", help="Follow at most so many edges.  [default: all]"
        ),
        click.option("--direct-only", is_flag=True, help="Follow values only, not what decides about rows."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.pass_obj,
    )
    for option in reversed(options):
        command = option(command)
    return command


def _print(lineage: Lineage, as_json: bool) -> None:
    if as_json:
        print_json(to_document(lineage))
    else:
        click.echo(tree_text(lineage))


@click.command(
    "up",
    cls=Command,
    examples=[
        "featurestore lineage up mean_amount",
        "featurestore lineage up checkout@v1 --depth 2",
        "featurestore lineage up model:returns@v3 --direct-only --json",
    ],
)
@_question
def up(session: Session, reference: str, depth: int | None, direct_only: bool, as_json: bool) -> None:
    """Show what something is made of, down to the columns of sources.

    REF is a column (orders.amount, paid_orders@v1.amount), a feature, label, service, training set, build or model;
    with its kind (service:checkout) where the name alone could mean several. Edges are direct where values flow, and
    indirect where they only decide, as filters and keys do. All that was ever applied to the target is shown, whatever
    the project's files say now.
    """
    _print(recorded_graph(recorded(session)).upstream(reference, depth=depth, direct_only=direct_only), as_json)


@click.command(
    "down",
    cls=Command,
    examples=[
        "featurestore lineage down orders.amount",
        "featurestore lineage down mean_amount --depth 1",
        "featurestore lineage down orders.amount --direct-only --json",
    ],
)
@_question
def down(session: Session, reference: str, depth: int | None, direct_only: bool, as_json: bool) -> None:
    """Show what is made of something, up to the models. For REF see `featurestore lineage up --help`."""
    _print(recorded_graph(recorded(session)).downstream(reference, depth=depth, direct_only=direct_only), as_json)


@click.command(
    "models",
    cls=Command,
    examples=["featurestore lineage models orders.amount", "featurestore lineage models mean_amount --json"],
)
@_question
def models(session: Session, reference: str, depth: int | None, direct_only: bool, as_json: bool) -> None:
    """List the models that something reaches, and whether its values flow into them or only decide.

    For REF see `featurestore lineage up --help`.
    """
    graph = recorded_graph(recorded(session))
    node = graph.resolve(reference)
    found = models_of(graph, node, depth=depth, direct_only=direct_only)
    if as_json:
        print_json({"node": node, "models": [{"id": one, "path": path} for one, path in found.items()]})
    elif not found:
        click.echo(f"No model is downstream of {node}.")
    else:
        print_table(("model", "path"), found.items())
