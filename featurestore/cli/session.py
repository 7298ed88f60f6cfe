"""What every command is told: where the project is, and which of its targets is meant."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

__all__ = ["Command", "Session", "project_options", "write_examples"]

C = TypeVar("C", bound=click.Command)


@dataclass
class Session:
    """One call of the program.

    Attributes:
        project_dir: The project's folder, or one below it.
        target: The target's name; None for the default one.
        root: The project's folder, once it is found.
    """

    project_dir: Path = Path()
    target: str | None = None
    root: Path | None = None


def _remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    session = ctx.ensure_object(Session)
    if value is not None and parameter.name is not None:
        setattr(session, parameter.name, value)


def _targets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    from featurestore.cli.completing import targets  # noqa: PLC0415 - needed only where a target is completed

    return targets(ctx, param, incomplete)


def project_options(command: C) -> C:
    """Gives a command the options that all on a project have; also before its name."""
    command.params += [
        click.Option(
            ["-C", "--project-dir"],
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            callback=_remember,
            expose_value=False,
            help="The project's folder, or one below it.  [default: the current one]",
        ),
        click.Option(
            ["--target"],
            metavar="NAME",
            callback=_remember,
            expose_value=False,
            shell_complete=_targets,
            help="The target.  [default: that of featurestore.yaml]",
        ),
    ]
    return debug_option(command)


def debug_option(command: C) -> C:
    """Gives a command the option that all have, in a project or not."""
    # Read by the outermost rim, which also sees errors that come before options are parsed.
    debug = click.Option(["--debug"], is_flag=True, expose_value=False, help="Show the whole traceback of an error.")
    command.params.append(debug)
    return command


class Command(click.Command):
    """A command with examples in its help, on a project or (as the one that makes a project) not."""

    def __init__(self, *args: Any, examples: Sequence[str], on_project: bool = True, **options: Any) -> None:
        super().__init__(*args, **options)
        self.examples = tuple(examples)
        (project_options if on_project else debug_option)(self)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Lists the examples."""
        write_examples(formatter, self.examples)


def write_examples(formatter: click.HelpFormatter, examples: Sequence[str]) -> None:
    """Writes the part of a help that lists examples, a line each."""
    with formatter.section("Examples"):
        for line in examples:
            formatter.write(f"  {line}\n")
