"""`featurestore init`: a small project that runs as it stands."""

import re
import shlex
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from featurestore.cli.session import Command
from featurestore.errors import ProjectError

__all__ = ["init"]

TEMPLATE = files("featurestore.cli") / "template"
SUFFIX = ".txt"
"""Of all files of the template, so that no tool takes them for code of this package."""
NAME = re.compile(r"[a-z][a-z0-9_-]*")


@click.command(
    "init",
    cls=Command,
    on_project=False,
    examples=["featurestore init shop", "featurestore init ~/work/shop --name shop_features"],
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", help="The project's name, its namespace in the registry.  [default: that of the folder]")
def init(folder: Path, name: str | None) -> None:
    """Make a small project in FOLDER, which must be new or empty.

    It holds features of a shop's customers, their orders as a CSV file, a training set and tests. It runs as it stands,
    on DuckDB, and is meant to be changed.
    """
    if folder.exists() and any(folder.iterdir()):
        message = f"The folder {folder} is not empty."
        raise ProjectError(message, hint="Name a new folder; nothing is ever overwritten.")
    chosen = name if name is not None else _slug(folder.resolve().name)
    if not NAME.fullmatch(chosen):
        message = f"{chosen!r} cannot be a project's name: small letters, digits, _ and -, beginning with a letter."
        raise click.BadParameter(message, param_hint="--name")
    for path, text in _texts(TEMPLATE, Path()):
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text.replace("{{project}}", chosen), encoding="utf-8")
    click.echo(f"Made the project {chosen} in {folder}.\n\nNext:")
    click.echo(f"  cd {shlex.quote(str(folder))}")
    click.echo("  featurestore plan")
    click.echo('  featurestore apply -m "First features"')


def _slug(folder: str) -> str:
    """A project's name made of a folder's, as far as there is one in it."""
    return re.sub(r"[^a-z0-9_-]+", "_", folder.lower()).lstrip("0123456789_-").rstrip("_") or "project"


def _texts(folder: Traversable, path: Path) -> list[tuple[Path, str]]:
    """The files of the template: where they go, and what is in them."""
    found = []
    for one in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if one.is_dir():
            found += _texts(one, path / one.name)
        elif one.name.endswith(SUFFIX):
            found.append((path / one.name.removesuffix(SUFFIX), one.read_text(encoding="utf-8")))
    return found
