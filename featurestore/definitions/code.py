"""Identity and purity of Python functions: all that a function's result can depend on, in canonical form.

A function's document holds its own syntax and, by value, every constant, helper and class of the user's project that it
reaches. What lies outside the project (the standard library, numpy) goes in by name only.
"""

import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import FunctionType, MethodType

from featurestore import errors
from featurestore.definitions.code_names import definition_function
from featurestore.definitions.code_source import function_node
from featurestore.definitions.code_values import Json, canonical_value
from featurestore.definitions.code_walk import Walk
from featurestore.definitions.purity import Finding
from featurestore.errors import DefinitionError

__all__ = ["Code", "Finding", "canonical_function", "canonical_value", "in_project"]

_LIBRARIES = tuple(
    Path(path).resolve()
    for path in {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        str(Path(errors.__file__).parent),
    }
)


@dataclass(frozen=True)
class Code:
    """What is known about a function from its code.

    Args:
        document: The canonical form, JSON, the same under every version of Python. Equal documents: equal behavior.
        source: The function as it is written, for readers.
        file: Its file.
        line: The line where it begins, from 1.
        verified: Whether everything that the function reaches is in the document.
        unresolved: What is not, in words, with its place.
        findings: What makes the function impure.
    """

    document: Json
    source: str
    file: str
    line: int
    verified: bool
    unresolved: tuple[str, ...]
    findings: tuple[Finding, ...]


@cache
def in_project(file: str) -> bool:
    """Whether a file is the user's: not of the standard library, an installed package or this package."""
    if file.startswith("<frozen"):
        return False
    path = Path(file)
    if {"site-packages", "dist-packages"} & set(path.parts):
        return False
    resolved = path.resolve()
    return not any(resolved.is_relative_to(library) for library in _LIBRARIES)


def canonical_function(function: Callable[..., object], *, inside: Callable[[str], bool] = in_project) -> Code:
    """The canonical form of a function and all it reaches in its project.

    Its name, docstring, annotations and decorators, comments, layout and place are not in it. Everything else is, and
    so are the values of the constants, closures and defaults that it reads and the code of the helpers and classes it
    uses. Call it when the modules of the project have been imported, so that all names have their values.

    Args:
        function: A function, a definition made of one, a method, a ``partial`` or a cached function.
        inside: Whether a file belongs to the project. The top-level package of the function itself always does, so
            that an installed project has the same document as one on disk.

    Raises:
        DefinitionError: The source of the function or of a helper cannot be read, is not what runs, or is ambiguous.
    """
    plain = _plain(function, inside)
    source, node = function_node(plain)
    home = str(plain.__globals__.get("__name__", "")).partition(".")[0]
    walk = Walk(inside, home, (plain, source))
    value = walk.describe(function)
    return Code(
        document={"value": value, "objects": walk.objects},
        source=source.segment(node),
        file=source.file,
        line=plain.__code__.co_firstlineno,
        verified=not walk.unresolved,
        unresolved=tuple(walk.unresolved),
        findings=tuple(walk.findings),
    )


def _plain(value: object, inside: Callable[[str], bool]) -> FunctionType:
    """The user's own function in a definition, method, partial or wrapper."""
    while True:
        inner: object = definition_function(value)
        if isinstance(value, FunctionType):
            if inside(value.__code__.co_filename) or not hasattr(value, "__wrapped__"):
                return value
        elif isinstance(value, MethodType | staticmethod | classmethod):
            inner = value.__func__
        elif isinstance(value, partial):
            inner = value.func
        value = inner if inner is not None else getattr(value, "__wrapped__", None)
        if value is None:
            raise DefinitionError("This is not a Python function.", hint="Define it with def or lambda.")
