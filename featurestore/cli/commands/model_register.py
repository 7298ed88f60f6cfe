"""`featurestore model register`: recording a model, and writing its manifest."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from featurestore.cli.output import print_json
from featurestore.cli.recorded import recorded
from featurestore.cli.session import Command, Session
from featurestore.project.models import manifest_of, register_model, write_manifest

__all__ = ["register"]


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
        "featurestore model register returns --version v2 --training-build b_0123456789ab --metric auc=0.81",
        "featurestore model register returns --version v2 --training-build b_0123456789ab --manifest manifest.json",
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
    project = recorded(session)
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
