"""`featurestore check leaks`: looks for values that know what was not known."""

import datetime
from collections.abc import Iterator

import click

from featurestore.cli import completing
from featurestore.cli.output import cell, plural, print_json, working
from featurestore.cli.projects import opened
from featurestore.cli.session import Command, Session
from featurestore.cli.texts import TIME
from featurestore.leaks import Example, Finding, LeakReport

__all__ = ["leaks"]

COLORS = {"leak": "red", "warning": "yellow"}
INDENT = " " * 11
SHOWN = 6
"""Features that a finding names before it counts the rest."""


@click.command(
    "leaks",
    cls=Command,
    examples=[
        "featurestore check leaks",
        "featurestore check leaks Habits mean_amount --entities 1000 --boundaries 12",
        "featurestore check leaks checkout --at 2024-05-01T12:00 --json",
    ],
)
@click.argument("features", nargs=-1, metavar="[REF]...", shell_complete=completing.references)
@click.option("--at", type=TIME, help="Only the boundary that answers for this time.  [default: several]")
@click.option("--entities", type=click.IntRange(1), default=100, show_default=True, help="At each boundary.")
@click.option("--boundaries", type=click.IntRange(1), default=4, show_default=True, help="Of each schedule.")
@click.option("--seed", type=int, default=0, show_default=True, help="Chooses boundaries, entities, altered values.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def leaks(
    session: Session,
    features: tuple[str, ...],
    at: datetime.datetime | None,
    entities: int,
    boundaries: int,
    seed: int,
    as_json: bool,
) -> None:
    """Look for features whose values know what was not known at their time.

    Values at some boundaries are computed as they are, and again with the rows that were not visible there removed or
    altered; they must be the same. REF is a feature, a class of features or a service; without one, all features are
    checked. Nothing is written anywhere. What is printed names entities. The exit code is 1 if a leak is found.
    """
    with opened(session) as project, working("Looking for leaks…") as status:
        report = project.check_leaks(
            list(features) or None,
            at=at,
            boundaries=boundaries,
            entities=entities,
            seed=seed,
            told=lambda what: status.update(f"Looking for leaks: {what}…"),
        )
    if as_json:
        print_json(_document(report))
    else:
        click.echo("\n".join(_lines(report)))
    if report.leaks:
        raise click.exceptions.Exit(1)


def _document(report: LeakReport) -> dict[str, object]:
    findings = [
        {"kind": one.kind, "level": one.level, "hint": one.hint}
        | {name: getattr(one, name) for name in Finding.__slots__ if name != "kind"}
        for one in report.findings
    ]
    return {name: getattr(report, name) for name in LeakReport.__slots__} | {"findings": findings}


def _lines(report: LeakReport) -> Iterator[str]:
    for finding in report.findings:
        yield from _finding(finding)
    for text in report.unchecked:
        yield f"  {'not seen':<9}{text}"
    if report.findings or report.unchecked:
        yield ""
    done = (
        f"{plural(len(report.features), 'feature')} checked on {report.boundaries:,} "
        f"{'boundary' if report.boundaries == 1 else 'boundaries'}, {plural(report.values, 'value')} compared"
    )
    found = f"{plural(len(report.leaks), 'leak')}, {plural(len(report.warnings), 'warning')}"
    yield f"{done}: {found if report.findings else 'no leak found'}."


def _finding(finding: Finding) -> Iterator[str]:
    yield f"  {click.style(f'{finding.level:<9}', fg=COLORS[finding.level])}{finding.message}"
    more = len(finding.features) - SHOWN
    named = ", ".join(finding.features[:SHOWN]) + (f" and {more} more" if more > 0 else "")
    told = {"features": named, "where": finding.where or ""}
    if finding.example is not None:
        told |= {"changed": f"{finding.changed:,} of {plural(finding.compared, 'value')}"} | _example(finding.example)
    told["do"] = finding.hint
    yield from (f"{INDENT}{name}: {text}" for name, text in told.items() if text)


def _example(example: Example) -> dict[str, str]:
    key = ", ".join(f"{name}={cell(value)}" for name, value in example.entity.items())
    told = {
        "example": f"{example.feature} of {key} at {cell(example.boundary)}: "
        f"{cell(example.before)} as it is, {cell(example.after)} without what was not known"
    }
    if example.row is not None:
        columns = ", ".join(f"{name}={cell(value)}" for name, value in example.row.columns.items())
        told["row"] = f"{example.row.source}: {columns}; {example.row.done}, it makes the difference"
    return told
