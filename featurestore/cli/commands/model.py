"""`featurestore model list` and `featurestore model show`: what is recorded of models."""

import click

from featurestore.cli.output import aligned, cell, print_json, print_table
from featurestore.cli.recorded import recorded
from featurestore.cli.session import Command, Session
from featurestore.registry import ModelRecord

__all__ = ["list_models", "show"]


@click.command("list", cls=Command, examples=["featurestore model list", "featurestore model list --json"])
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_models(session: Session, as_json: bool) -> None:
    """List all versions of the models, newest first: when, by whom, trained on which build."""
    project = recorded(session)
    with project.reader() as reader:
        models = reader.models(project.name)
    if as_json:
        print_json(models)
    elif not models:
        click.echo("No model is registered yet.")
    else:
        print_table(("model", "when", "who", "build", "service", "metrics", "artifact"), map(_row, models))


def _row(model: ModelRecord) -> tuple[object, ...]:
    when = cell(model.at.replace(microsecond=0))
    metrics = ", ".join(f"{name}={value}" for name, value in model.metrics.items())
    return model.ref, when, model.who, model.build or "", _bare(model.service), metrics, model.artifact


def _bare(service: str) -> str:
    return service.partition(":")[2]


@click.command(
    "show",
    cls=Command,
    examples=["featurestore model show returns@v1", "featurestore model show returns            # the newest version"],
)
@click.argument("reference", metavar="NAME[@VERSION]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(session: Session, reference: str, as_json: bool) -> None:
    """Show what is recorded of a version of a model, or of the newest."""
    project = recorded(session)
    name, _, version = reference.removeprefix("model:").partition("@")
    with project.reader() as reader:
        model = reader.model(project.name, name, version or None)
    if as_json:
        print_json(model)
        return
    described: dict[str, object] = {
        "model": model.ref,
        "trained on": model.build,
        "service": f"{_bare(model.service)} {model.service_fingerprint[:16]}" if model.service else None,
        "artifact": model.artifact,
        "checksum": model.checksum,
        "metrics": "\n".join(f"{name} {value}" for name, value in model.metrics.items()),
        "registered": f"{cell(model.at)} by {model.who}",
        "commit": model.git_commit and f"{model.git_commit}{' and changes' if model.git_dirty else ''}",
        "packages": "\n".join(f"{name} {number}" for name, number in model.packages.items()),
        "features": "\n".join(f"{ref} {logic[:16]}" for ref, logic in model.fingerprints.items()),
    }
    click.echo(aligned(described))
