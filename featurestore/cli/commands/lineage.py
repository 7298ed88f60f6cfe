"""`featurestore lineage`: what a value is made of, and what is made of it."""

from collections.abc import Callable
from typing import TypeVar

import click

from featurestore.cli.output import print_json, print_table
from featurestore.cli.session import Command, Session
from featurestore.lineage import Graph, models_of, to_document, tree_text
from featurestore.project.config import find_root
from featurestore.project.recorded import recorded_graph, recorded_project

__all__ = ["down", "models", "up"]

F = TypeVar("F", bound=Callable[..., None])


def _question(command: F) -> F:
    """Gives a command what all of these are asked."""
    options = (
        click.argument("reference", metavar="REF"),
        click.option("--depth", type=click.IntRange(min=0), help="Follow at most so many edges.  [default: all]"),
        click.option("--direct-only", is_flag=True, help="Follow values only, not what decides about rows."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.pass_obj,
    )
    for option in reversed(options):
        command = option(command)
    return command


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
    lineage = _graph(session).upstream(reference, depth=depth, direct_only=direct_only)
    print_json(to_document(lineage)) if as_json else click.echo(tree_text(lineage))


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
    lineage = _graph(session).downstream(reference, depth=depth, direct_only=direct_only)
    print_json(to_document(lineage)) if as_json else click.echo(tree_text(lineage))


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
    graph = _graph(session)
    node = graph.resolve(reference)
    found = models_of(graph, node, depth=depth, direct_only=direct_only)
    if as_json:
        print_json({"node": node, "models": [{"id": one, "path": path} for one, path in found.items()]})
    elif not found:
        click.echo(f"No model is downstream of {node}.")
    else:
        print_table(("model", "path"), found.items())


def _graph(session: Session) -> Graph:
    session.root = find_root(session.project_dir)
    return recorded_graph(recorded_project(session.root, target=session.target))
