"""`featurestore model`: recording models, and what is recorded of them."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from featurestore.cli.output import aligned, cell, print_json, print_table
from featurestore.cli.session import Command, Session
from featurestore.project.config import find_root
from featurestore.project.models import manifest_of, register_model, write_manifest
from featurestore.project.recorded import RecordedProject, recorded_project
from featurestore.registry import ModelRecord

__all__ = ["list_models", "register", "show"]


class _Metric(click.ParamType[tuple[str, float]]):
    """A metric, as ``name=value``."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        """The name and the finite number."""
        if isinstance(value, tuple):
            return value
        name, _, text = value.partition("=")
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not name or not math.isfinite(number):
            self.fail(f"{value!r} is no metric. Write a name and a finite number, as in auc=0.81.", param, ctx)
        return name, number


@click.command(
    "register",
    cls=Command,
    examples=[
        "featurestore model register returns --version v1 --training-build b_0123456789ab",
        "featurestore model register returns --version v2 --training-build b_0123456789ab \\",
        "    --artifact s3://models/returns-v2.onnx --metric auc=0.81 --metric log_loss=0.3 --manifest manifest.json",
    ],
)
@click.argument("name")
@click.option("--version", required=True, help="Its version, which no other content can have later.")
@click.option("--training-build", required=True, metavar="BUILD_ID", help="The build that it was trained on.")
@click.option("--artifact", metavar="URI", help="Where the model itself is: a URI, or a path.")
@click.option("--checksum", help="SHA-256 of the artifact.  [default: worked out, if it is a file here]")
@click.option("--metric", "metrics", type=_Metric(), multiple=True, help="As in auc=0.81; may be repeated.")
@click.option(
    "--manifest",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file to write for FeatureClient(manifest=…), which then refuses features of other logic.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def register(
    session: Session,
    name: str,
    version: str,
    training_build: str,
    artifact: str | None,
    checksum: str | None,
    metrics: Sequence[tuple[str, float]],
    manifest: Path | None,
    as_json: bool,
) -> None:
    """Record a version of a model: the build that it was trained on, and with it the service and all features.

    The definitions must be applied as they were built. Done again with the same content, nothing is recorded.
    """
    project = _project(session)
    with project.writer() as writer:
        model = register_model(
            project.name,
            writer,
            name=name,
            version=version,
            training_build=training_build,
            root=project.root,
            artifact=artifact,
            checksum=checksum,
            metrics=dict(metrics),
        )
        if manifest is not None:
            write_manifest(manifest_of(model, writer.reader), manifest)
    if as_json:
        print_json(model)
        return
    click.echo(f"Registered model {model.ref}, trained on {model.build}.")
    if manifest is not None:
        click.echo(f"Wrote {manifest}.")


@click.command("list", cls=Command, examples=["featurestore model list", "featurestore model list --json"])
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_models(session: Session, as_json: bool) -> None:
    """List all versions of the models, newest first: when, by whom, trained on which build."""
    project = _project(session)
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
    project = _project(session)
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


def _project(session: Session) -> RecordedProject:
    session.root = find_root(session.project_dir)
    return recorded_project(session.root, target=session.target)
