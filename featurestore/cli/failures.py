"""Errors as people and programs read them, and the exit codes that they end in."""

import json
import os
import sys
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from featurestore.errors import FeaturestoreError, ProjectImportError, UserCodeError

__all__ = ["Failure", "Frame", "failure_of", "report"]

FAILED = 1
INTERRUPTED = 130
"""What shells give a process that was interrupted."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A line of the user's code on the way to an error; ``text`` is the line itself, where it can be read."""

    file: str
    line: int
    function: str
    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong. ``frames`` and ``raised`` are of an error in the user's own code: its lines, and the error."""

    code: str
    message: str
    where: str | None = None
    hint: str | None = None
    frames: tuple[Frame, ...] = ()
    raised: str | None = None
    exit_code: int = FAILED

    @property
    def text(self) -> str:
        """Lines for a reader."""
        title = f"Error {self.code}" if self.code.startswith("FS") else "Error"
        lines = [f"{click.style(f'{title}:', fg='red', bold=True)} {self.message}"]
        lines += [f"  where: {self.where}"] if self.where else []
        for frame in self.frames:
            lines.append(f"  {frame.file}:{frame.line}, in {frame.function}")
            lines += [f"    {frame.text}"] if frame.text else []
        lines += [f"  {self.raised}"] if self.raised and self.frames else []
        lines += [f"  hint: {self.hint}".replace("\n", "\n        ")] if self.hint else []
        return "\n".join(lines)

    @property
    def document(self) -> dict[str, object]:
        """The same as JSON values."""
        fields = {name: value for name, value in asdict(self).items() if name != "exit_code" and value}
        return {"error": fields}


def failure_of(error: BaseException, root: Path | None) -> Failure:
    """An error as it is told; ``root`` is the project's folder, which the user's own code is in."""
    match error:
        case click.Abort() | KeyboardInterrupt():
            return Failure("interrupted", f"Interrupted. {_left(error)}", exit_code=INTERRUPTED)
        case click.ClickException():
            code = "usage" if isinstance(error, click.UsageError) else "failed"
            return Failure(code, error.format_message(), exit_code=error.exit_code)
        case FeaturestoreError():
            own = isinstance(error, (UserCodeError, ProjectImportError)) and root is not None
            cause = error.__cause__ if own else None
            frames = tuple(_own_frames(cause, root)) if cause and root else ()
            raised = "".join(traceback.format_exception_only(cause)).strip().splitlines()[-1] if cause else None
            return Failure(error.code, error.message, error.where, error.hint, frames, raised)
        case OSError() if error.strerror:
            return Failure("system", f"{error.strerror}.", error.filename and str(error.filename))
        case _:
            message = f"This should not have happened: {type(error).__name__}: {error}"
            hint = "It is a fault of featurestore. Run it again with --debug, and report what that shows."
            return Failure("unexpected", message, hint=hint)


def _left(error: BaseException) -> str:
    """What an interruption says of how things were left; click's own stands around the one that was raised."""
    interruption = error.__cause__ if isinstance(error, click.Abort) else error
    said = str(interruption) if isinstance(interruption, KeyboardInterrupt) else ""
    return said or "Nothing was half written; run it again."


def _own_frames(cause: BaseException, root: Path) -> Iterator[Frame]:
    for frame in traceback.extract_tb(cause.__traceback__):
        file = Path(frame.filename)
        if file.is_relative_to(root) and "site-packages" not in file.parts:
            yield Frame(str(file.relative_to(root)), frame.lineno or 0, frame.name, frame.line or "")
    if isinstance(cause, SyntaxError) and cause.filename and Path(cause.filename).is_relative_to(root):
        file = Path(cause.filename).relative_to(root)
        yield Frame(str(file), cause.lineno or 0, "<module>", (cause.text or "").strip())


def report(error: BaseException, *, root: Path | None, debug: bool, as_json: bool) -> int:
    """Says on the standard error what went wrong, and returns the exit code.

    Args:
        error: What was raised.
        root: The project's folder, if it was found.
        debug: With the whole traceback.
        as_json: As a JSON document; a traceback, if asked for, comes before it.
    """
    if debug:
        click.echo("".join(traceback.format_exception(error)), err=True)
    failure = failure_of(error, root)
    if as_json:
        click.echo(json.dumps(failure.document, ensure_ascii=False), err=True)
    elif isinstance(error, click.UsageError):
        error.show()
    else:
        colored = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        click.echo(failure.text, err=True, color=colored)
    return failure.exit_code
