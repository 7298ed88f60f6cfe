"""Where in a project's files the version of a definition is written."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from featurestore.definitions.resolved import (
    Definition,
    DerivedFeature,
    OnDemandFeature,
    ResolvedLabel,
    ResolvedService,
    ResolvedTrainingSet,
    StepTable,
    StoredFeature,
)
from featurestore.errors import PlanError

__all__ = ["Place", "SourceText", "Sources", "pins", "place_of", "written_version"]

DECORATED = frozenset({"transformation", "feature", "on_demand"})
"""Kinds that are written as decorators; the others are calls."""

_DECORABLE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a version stands, without its quotes: offsets in the bytes of a file."""

    file: str
    start: int
    end: int
    version: str


def written_version(one: Definition) -> str | None:
    """The version that its author gave it; None where the content gives it."""
    match one.resolved:
        case StepTable(transformation=authored):
            return authored.version
        case StoredFeature(feature=feature) | DerivedFeature(feature=feature):
            return feature.version
        case OnDemandFeature(definition=definition):
            return definition.version
        case ResolvedService(service=service):
            return service.version
        case ResolvedLabel(label=label):
            return label.version
        case ResolvedTrainingSet(training_set=training_set):
            return training_set.version
        case _:
            return None


class SourceText:
    """A file as it was when it was read, with the calls in it.

    Raises:
        PlanError: it cannot be read, or is no Python.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        try:
            self.content = Path(file).read_bytes()
            tree = ast.parse(self.content)
        except (OSError, SyntaxError, ValueError) as error:
            message = f"The file cannot be edited: {error}"
            raise PlanError(message, where=file, hint="Give the definition a new version by hand.") from error
        self._line_starts = [0, *(match.end() for match in re.finditer(rb"\n", self.content))]
        nodes = list(ast.walk(tree))
        self._calls = [node for node in nodes if isinstance(node, ast.Call)]
        self._decorated = [node for node in nodes if isinstance(node, _DECORABLE) and node.decorator_list]

    def decorators(self, line: int) -> list[ast.Call]:
        """The calls that decorate the function or class whose decorators or name stand on a line; the innermost."""
        around: list[tuple[int, list[ast.Call]]] = []
        for node in self._decorated:
            first = min(decorator.lineno for decorator in node.decorator_list)
            if first <= line <= node.lineno:
                calls = [decorator for decorator in node.decorator_list if isinstance(decorator, ast.Call)]
                around.append((node.lineno - first, calls))
        return min(around, key=lambda found: found[0])[1] if around else []

    def calls(self, line: int, name: str) -> list[ast.Call]:
        """The calls on a line that are about a name; without such (a name may be computed), all."""
        calls = [call for call in self._calls if call.lineno <= line <= (call.end_lineno or call.lineno)]
        return [call for call in calls if name in _first_arguments(call)] or calls

    def uses(self) -> Iterator[Place]:
        """The references in ``fs.use("spend@v1")`` and the like."""
        for call in self._calls:
            named = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            place = self.text_place(call.args[0]) if named == "use" and call.args else None
            if place is not None:
                yield place

    def text_place(self, node: ast.expr) -> Place | None:
        """The inside of a plain text constant; None for anything else, also one with a prefix or of several parts."""
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or node.end_lineno != node.lineno:
            return None
        # Offsets of the syntax tree count bytes of UTF-8, from the beginning of the line.
        line = self._line_starts[node.lineno - 1]
        start, end = line + node.col_offset + 1, line + (node.end_col_offset or 0) - 1
        whole = self.content[start:end] == node.value.encode()
        return Place(self.file, start, end, node.value) if whole else None


class Sources:
    """The files of a project, each read once."""

    def __init__(self) -> None:
        self._read: dict[str, SourceText] = {}

    def __getitem__(self, file: str) -> SourceText:
        if file not in self._read:
            self._read[file] = SourceText(file)
        return self._read[file]


def place_of(one: Definition, sources: Sources) -> Place:
    """Where the version of a definition is written, as in ``version="v1"``.

    Raises:
        PlanError: its file cannot be read, or the version is not written there as a text.
    """
    source = sources[one.origin.file]
    line = one.origin.line
    calls = source.decorators(line) if one.kind in DECORATED else source.calls(line, one.ref.name)
    values = [keyword.value for call in calls for keyword in call.keywords if keyword.arg == "version"]
    found = [place for value in values if (place := source.text_place(value)) is not None]
    matching = [place for place in found if place.version == one.ref.version]
    if len(matching) != 1:
        reason = "it could be one of several" if matching else "it is not written there as a text"
        message = f"The version of {one.id} cannot be edited: {reason}."
        raise PlanError(message, where=str(one.origin), hint="Give it a new version by hand.")
    return matching[0]


def pins(source: SourceText, renamed: Mapping[str, str]) -> dict[Place, str]:
    """The versions in references such as ``fs.use("spend@v1")`` of a file, and what they become.

    Args:
        source: A file of the project.
        renamed: Old id to new id.
    """
    found = {}
    for place in source.uses():
        old = _renamed(place.version, renamed)
        if old is not None:
            named, _, version = place.version.rpartition("@")
            start = place.start + len(f"{named}@".encode())
            found[Place(source.file, start, place.end, version)] = renamed[old].rpartition("@")[2]
    return found


def _renamed(text: str, renamed: Mapping[str, str]) -> str | None:
    """The id among ``renamed`` that a reference with a version stands for."""
    return next((id for id in renamed if text in {id, id.partition(":")[2]}), None)


def _first_arguments(call: ast.Call) -> Iterator[object]:
    values = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "name")]
    return (value.value for value in values if isinstance(value, ast.Constant))
