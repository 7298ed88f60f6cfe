"""`featurestore training-set`: building training sets, and what is recorded of builds."""

import datetime
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import click

from featurestore.cli.completing import training_sets
from featurestore.cli.output import aligned, cell, plural, print_json, print_table, working
from featurestore.cli.projects import opened
from featurestore.cli.session import Command, Session
from featurestore.cli.texts import TIME
from featurestore.definitions.references import Ref, parse_ref
from featurestore.errors import RecordNotFoundError
from featurestore.project import Project
from featurestore.registry import BuildRecord

__all__ = ["build", "list_builds", "rebuild", "show"]

BUILD_ID = re.compile(r"b_[0-9a-f]+")


@click.command(
    "build",
    cls=Command,
    examples=[
        "featurestore training-set build returns",
        "featurestore training-set build returns@v1 --as-of 2024-06-01 --out returns.parquet",
    ],
)
@click.argument("reference", metavar="REF", shell_complete=training_sets)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The Parquet file to write.")
@click.option("--as-of", type=TIME, help="Take the label rows as they were known then.  [default: now]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def build(session: Session, reference: str, out: Path | None, as_of: datetime.datetime | None, as_json: bool) -> None:
    """Build a training set: label rows, with the features as serving would have returned them.

    The rows go to a Parquet file (below .featurestore, if --out names no other), and the build is recorded with all
    that is needed to build it again.
    """
    if out is not None and out.suffix != ".parquet":
        message = f"{out} does not end in .parquet."
        raise click.BadParameter(message, param_hint="--out")
    with opened(session) as project, working(f"Building {reference}…"):
        built = project.training_set(reference).build(out and out.resolve(), as_of=as_of)
    if as_json:
        print_json(built.record)
    else:
        click.echo(f"Built {built.record.training_set}.\n\n{aligned(_summary(built.record))}")


def _summary(record: BuildRecord) -> dict[str, object]:
    statistics = cast("Mapping[str, Mapping[str, Any]]", record.statistics)
    nulls = [f"{name} {column['nulls']:,}" for name, column in statistics.items() if column["nulls"]]
    return {
        "build": record.id,
        "rows": f"{record.rows:,}",
        "left out": f"{plural(record.dropped, 'row')} without a label" if record.dropped else None,
        "columns": len(statistics),
        "with nulls": "\n".join(nulls),
        "as of": record.as_of,
        "written to": record.artifact and _shown(record.artifact),
    }


def _shown(path: str) -> str:
    """The path as it is seen from the current folder, where the file is below it."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


@click.command("rebuild", cls=Command, examples=["featurestore training-set rebuild b_0123456789ab"])
@click.argument("build_id", metavar="BUILD_ID")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A Parquet file for the rows.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def rebuild(session: Session, build_id: str, out: Path | None, as_json: bool) -> None:
    """Build a recorded training set again, as of the same time, and compare the values with the record.

    If they differ, or the definitions are no longer the same, that is an error that says what moved. Nothing is
    recorded.
    """
    with opened(session) as project, working(f"Building {build_id} again…"):
        built = project.rebuild(build_id, out and out.resolve())
    if as_json:
        print_json({"build": build_id, "equal": True, "rows": built.record.rows})
    else:
        click.echo(f"The values are equal: {plural(built.record.rows, 'row')} of {built.record.training_set}.")


@click.command(
    "show",
    cls=Command,
    examples=[
        "featurestore training-set show b_0123456789ab",
        "featurestore training-set show returns            # its newest build",
    ],
)
@click.argument("reference", metavar="BUILD_ID|REF", shell_complete=training_sets)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(session: Session, reference: str, as_json: bool) -> None:
    """Show what the registry holds of a build, named by its id, or of the newest build of a training set."""
    with opened(session) as project:
        record = _recorded(project, reference)
    if as_json:
        print_json(record)
        return
    described: dict[str, object] = {
        "training set": record.training_set,
        "label": record.label,
        "service": record.service,
        **_summary(record),
        "built": f"{cell(record.at)} by {record.who}",
        "commit": record.git_commit and f"{record.git_commit}{' and changes' if record.git_dirty else ''}",
        "packages": "\n".join(f"{name} {version}" for name, version in record.packages.items()),
        "logic": "\n".join(f"{name} {logic[:16]}" for name, logic in record.fingerprints.items()),
    }
    click.echo(f"{aligned(described)}\n")
    _print_statistics(record)


def _print_statistics(record: BuildRecord) -> None:
    statistics = cast("Mapping[str, Mapping[str, Any]]", record.statistics)
    names = ("count", "nulls", "distinct", "min", "mean", "max")
    rows = [(column, *(_number(found.get(name, "")) for name in names)) for column, found in statistics.items()]
    print_table(("column", *names), rows, right=names)


def _number(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value


def _recorded(project: Project, reference: str) -> BuildRecord:
    with project.reader() as reader:
        if BUILD_ID.fullmatch(reference):
            return reader.build(project.name, reference)
        found = _of(reader.builds(project.name), reference)
    if not found:
        message = f"The project {project.name} has no build of {reference}."
        raise RecordNotFoundError(message, hint=f"Build it: featurestore training-set build {reference}")
    return found[0]


def _of(builds: tuple[BuildRecord, ...], reference: str) -> tuple[BuildRecord, ...]:
    """The builds of a training set, of whichever version if none is named; also of one that the project lost."""
    wanted = parse_ref(reference.removeprefix("training_set:"))
    return tuple(one for one in builds if wanted in _refs(one))


def _refs(record: BuildRecord) -> tuple[Ref, Ref]:
    ref = parse_ref(record.training_set.rpartition(":")[2])
    return ref, Ref(ref.name)


@click.command(
    "list", cls=Command, examples=["featurestore training-set list", "featurestore training-set list returns -n 5"]
)
@click.argument("reference", required=False, metavar="[REF]", shell_complete=training_sets)
@click.option("-n", "number", type=click.IntRange(min=1), metavar="N", help="At most so many.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_builds(session: Session, reference: str | None, number: int | None, as_json: bool) -> None:
    """List the builds of the project's training sets (of one, if REF names it), newest first."""
    with opened(session) as project, project.reader() as reader:
        builds = reader.builds(project.name)
    chosen = (builds if reference is None else _of(builds, reference))[:number]
    if as_json:
        print_json(chosen)
    elif not chosen:
        click.echo("Nothing was built yet.")
    else:
        columns = ("build", "training set", "when", "who", "rows", "as of", "written to")
        print_table(columns, map(_row, chosen), right={"rows"})


def _row(record: BuildRecord) -> tuple[object, ...]:
    when, as_of = (cell(time.replace(microsecond=0)) for time in (record.at, record.as_of))
    name = record.training_set.removeprefix("training_set:")
    return record.id, name, when, record.who, f"{record.rows:,}", as_of, _shown(record.artifact or "")
