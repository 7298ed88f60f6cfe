"""`featurestore materialize`: brings the online store up to date."""

import dataclasses
import datetime
import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.status import Status

from featurestore.cli import completing
from featurestore.cli.output import cell, plural, print_json
from featurestore.cli.projects import opened
from featurestore.cli.session import Command, Session
from featurestore.cli.texts import TIME
from featurestore.materialize import RunResult, time_of
from featurestore.project import Project
from featurestore.project.materializing import execute, run_groups
from featurestore.registry import Progress

__all__ = ["materialize", "of_groups", "told"]

PHASES = {
    "lease": "leasing the group",
    "compute": "computing",
    "stage": "computing",
    "check": "checking the result",
    "write": "writing",
    "empty": "writing entities that are gone from the source",
    "verify": "verifying",
    "publish": "publishing",
    "record": "recording",
}
"""What a run is doing, by phase."""

EVERY = 10.0
"""Seconds between two lines of progress where the standard error is no terminal."""


of_groups = click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="NAME",
    shell_complete=completing.groups,
    help="A group, by name or id; may be repeated.  [default: all]",
)


@click.command(
    "materialize",
    cls=Command,
    examples=[
        "featurestore materialize                             # what is due now",
        "featurestore materialize --group Habits --until 2024-06-01",
        "featurestore materialize --group Habits --rebuild    # all entities anew",
    ],
)
@click.option("--until", type=TIME, help="Only boundaries that were due then.  [default: now]")
@of_groups
@click.option("--rebuild", is_flag=True, help="Compute all entities anew, also where nothing is due.")
@click.option("--run", "run_id", metavar="ID", help="Execute one group's run under this id; for job runners.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def materialize(
    session: Session,
    until: datetime.datetime | None,
    groups: tuple[str, ...],
    rebuild: bool,
    run_id: str | None,
    as_json: bool,
) -> None:
    """Compute what is due of the applied features, and publish it in the target's online store.

    Of several boundaries that are due, the newest is run, with the entities that changed since the published one. It
    can be interrupted, killed and run again at any time: running it again changes nothing. A group that fails does not
    keep the others from running; the exit code is 1 then.
    """
    if run_id is not None and len(groups) != 1:
        message = "--run executes one run: name its group with --group."
        raise click.UsageError(message)
    results: list[RunResult] = []
    with opened(session) as project, _Told() as told:
        try:
            for result in _results(project, groups, until, told, rebuild=rebuild, run_id=run_id):
                results.append(result)
                told.hide()
                _say(result, as_json=as_json)
        except KeyboardInterrupt:
            told.hide()
            message = "Stopped: no lease is held any more, and groups keep what was published of them."
            raise KeyboardInterrupt(message) from None
    if as_json:
        print_json([_document(result) for result in results])
    if any(result.outcome == "failed" for result in results):
        raise click.exceptions.Exit(1)


def _results(
    project: Project,
    groups: tuple[str, ...],
    until: datetime.datetime | None,
    told: "_Told",
    *,
    rebuild: bool,
    run_id: str | None,
) -> Iterator[RunResult]:
    if run_id is None:
        yield from run_groups(project, groups or None, until, rebuild=rebuild, progress=told)
    else:
        yield execute(project, groups[0], run_id, until, rebuild=rebuild, progress=told)


class _Told:
    """Shows on the standard error how far a run is: in place on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._status = Status("", console=Console(stderr=True, highlight=False, markup=False))
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hide()

    def __call__(self, progress: Progress) -> None:
        """Takes a report."""
        if self._terminal:
            self._status.update(told(progress))
            self._status.start()
        elif time.monotonic() - self._last > EVERY:
            self._last = time.monotonic()
            click.echo(f"{progress.run_id}: {told(progress)}", err=True)

    def hide(self) -> None:
        """Takes away what is shown in place, so that a line can be printed."""
        self._status.stop()


def told(progress: Progress) -> str:
    """How far a run is, in words."""
    what = PHASES.get(progress.phase, progress.phase)
    if not progress.done and not progress.total:
        return f"{what}…"
    of = f" of {progress.total:,}" if progress.total else ""
    return f"{what}: {progress.done:,}{of} rows"


def _say(result: RunResult, *, as_json: bool) -> None:
    """Prints a line about a run; where JSON is asked for, only about one that failed."""
    error = result.error
    if error is not None:
        hint = f"\n  hint: {error.hint}" if error.hint else ""
        click.echo(f"{result.group} failed, Error {error.code}: {error.message}{hint}", err=True)
    elif not as_json:
        click.echo(f"{result.group}: {_said(result)}")


def _said(result: RunResult) -> str:
    at = cell(time_of(result.boundary))
    match result.outcome:
        case "submitted":
            return f"submitted as run {result.run_id}, for {at}."
        case "published":
            parts = [plural(result.rows or 0, "row"), f"{result.changed or 0:,} written"]
            parts += [f"{result.emptied:,} of them gone from the source"] if result.emptied else []
            parts += [f"{result.skipped:,} boundaries passed over"] if result.skipped else []
            return f"published at {at} ({result.mode}): {', '.join(parts)}."
        case _:
            done = "the ledger was completed" if result.completed else "nothing to do"
            return f"published at {at} already, {done}."


def _document(result: RunResult) -> dict[str, object]:
    fields = {one.name: getattr(result, one.name) for one in dataclasses.fields(result)}
    error = result.error
    told = error and {"code": error.code, "message": error.message, "hint": error.hint}
    return fields | {"boundary": time_of(result.boundary), "error": told}
