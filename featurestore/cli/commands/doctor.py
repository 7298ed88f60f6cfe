"""`featurestore doctor`: what is well and what is not, around the project and on this machine."""

from collections.abc import Sequence

import click

from featurestore.cli.output import plural, print_json
from featurestore.cli.session import Command, Session
from featurestore.project.diagnosis import Finding, diagnose

__all__ = ["doctor"]

COLORS = {"ok": "green", "warning": "yellow", "failure": "red"}
INDENT = " " * 11


@click.command(
    "doctor",
    cls=Command,
    examples=["featurestore doctor", "featurestore doctor --target production", "featurestore doctor --json"],
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def doctor(session: Session, as_json: bool) -> None:
    """Look at what is installed, at the project and at the target, and say what is wrong and what to do.

    Looked at are packages and providers, featurestore.yaml, the definitions, each source beside sources.lock.yaml, the
    registry and its audit log, the stores, the job runner, and clocks. All of it is looked at, also where a part is
    broken; outside of a project, what is installed. Nothing is written. The exit code is 1 if something failed.
    """
    found: list[Finding] = []
    for finding in diagnose(session.project_dir, target=session.target):
        if not as_json:
            if not found or found[-1].check != finding.check:
                click.echo(click.style(finding.check, bold=True))
            click.echo(_line(finding))
        found.append(finding)
    if as_json:
        print_json({**_counts(found), "findings": found})
    else:
        click.echo(f"\n{_said(found)}")
    if any(one.level == "failure" for one in found):
        raise click.exceptions.Exit(1)


def _line(finding: Finding) -> str:
    level = click.style(f"{finding.level:<9}", fg=COLORS[finding.level])
    lines = [f"  {level}{finding.message}"]
    lines += [f"where: {finding.where}"] if finding.where and finding.level != "ok" else []
    lines += [f"do: {finding.hint}"] if finding.hint else []
    return "\n".join(lines).replace("\n", f"\n{INDENT}")


def _counts(found: Sequence[Finding]) -> dict[str, int]:
    return {f"{level}s": sum(one.level == level for one in found) for level in ("failure", "warning")}


def _said(found: Sequence[Finding]) -> str:
    counts = _counts(found)
    if not any(counts.values()):
        return "All is well."
    return f"{plural(counts['failures'], 'failure')}, {plural(counts['warnings'], 'warning')}."
