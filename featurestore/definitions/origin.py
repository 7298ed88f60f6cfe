"""Where a definition was written, and who is collecting definitions at the moment.

Nothing is registered globally: a definition announces itself to the collection that is open in its context, and to
nobody if none is.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import TypeVar

__all__ = ["Origin", "announce", "collecting", "origin_here", "origin_of", "resemble", "settle"]

D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Origin:
    """A line of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{_shown(self.file)}:{self.line}"


def _shown(file: str) -> str:
    """The path as it is seen from the current folder, where the file is below it."""
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return file


def origin_of(function: FunctionType | type) -> Origin:
    """Where a function is written."""
    code = getattr(function, "__code__", None)
    return Origin(code.co_filename, code.co_firstlineno) if code else origin_here()


def origin_here() -> Origin:
    """The line of the user's that called us."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _OWN:
        frame = frame.f_back
    return Origin(frame.f_code.co_filename, frame.f_lineno)


_OWN = {"featurestore", "dataclasses"}
_collected: ContextVar[list[object] | None] = ContextVar("collected", default=None)


def announce(definition: D) -> D:
    """Hands ``definition`` to the open collection, if there is one, and returns it."""
    found = _collected.get()
    if found is not None:
        found.append(definition)
    return definition


@contextmanager
def collecting() -> Iterator[list[object]]:
    """Opens a collection: the list grows by each definition made inside."""
    found: list[object] = []
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


def settle(definition: object, **fields: object) -> None:
    """Gives a frozen definition its fields, from inside its own constructor."""
    for name, value in fields.items():
        object.__setattr__(definition, name, value)


def resemble(definition: object, function: object) -> None:
    """Gives a decorated definition the name, the documentation and the signature of its function."""
    named = ("__module__", "__name__", "__qualname__", "__doc__")
    settle(definition, __wrapped__=function, **{name: getattr(function, name) for name in named})
