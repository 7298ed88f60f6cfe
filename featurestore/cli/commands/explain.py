"""`featurestore explain`: how features are computed, and why so."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from featurestore.cli.completing import references
from featurestore.cli.output import print_json
from featurestore.cli.projects import opened
from featurestore.cli.session import Command, Session

if TYPE_CHECKING:
    from featurestore.compiler.reasons import Reasons

__all__ = ["explain"]


@click.command(
    "explain",
    cls=Command,
    examples=[
        "featurestore explain mean_amount",
        "featurestore explain Habits mean_amount@v2",
        "featurestore explain checkout --sql",
    ],
)
@click.argument("references", nargs=-1, required=True, metavar="REF...", shell_complete=references)
@click.option("--sql", is_flag=True, help="Print the statements alone.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def explain(session: Session, references: tuple[str, ...], sql: bool, as_json: bool) -> None:
    """Print how the target's store computes REF, and why so.

    Which features share a pass over which rows, how rows and points are joined, which steps are row-wise and how that
    is known, what is opaque; then the statements. REF is a feature, a class of features, a service.
    """
    with opened(session) as project:
        found = project.explain(list(references))
    if as_json:
        print_json({"references": references, **asdict(found.reasons), "statement": found.statement})
        return
    if not sql:
        click.echo("\n".join(_lines(found.reasons)) + "\n")
    click.echo(found.statement)


def _lines(found: "Reasons") -> Iterator[str]:
    yield "Features"
    for feature in found.features:
        passes = f"  ({', '.join(feature.passes)})" if feature.passes else ""
        yield f"  {', '.join(feature.columns)}  {feature.ref}  {feature.how}{passes}"
    if found.passes:
        yield "\nPasses: what is computed together"
    for made in found.passes:
        yield f"  {made.name}  {', '.join(made.features)}"
        yield f"    for {made.points}"
        yield f"    joins {made.rows} {made.join}"
    if found.tables:
        yield "\nTables"
    for table in found.tables:
        yield f"  {table.ref}  {table.what}{' (opaque)' if table.opaque else ''}"
        yield f"    {table.how}"
    yield "\nStatement"
