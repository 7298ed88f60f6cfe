"""How a definition differs from what is registered: of its own, and through its inputs."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from featurestore.definitions.fingerprints import canonical_json
from featurestore.definitions.resolved import Definition
from featurestore.plan.changes import Difference
from featurestore.plan.readable import field_text, sql_lines
from featurestore.registry.records import DefinitionRecord

__all__ = ["Compared", "compare", "metadata_differences"]

WHOLE = frozenset({"expression", "key", "keys", "tags", "outputs", "asof_join", "description"})
"""Fields that are shown as one value; in others, each part is a field."""
MOST_LINES = 40

Hashes = Mapping[str, Sequence[str]]
"""Logic fingerprint to the ids of the definitions that have it."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The differences of two versions of a definition's logic, and the inputs (by their new ids) that differ."""

    differences: tuple[Difference, ...]
    inputs: tuple[str, ...]

    @property
    def is_upstream(self) -> bool:
        """Whether nothing differs but inputs."""
        return bool(self.inputs) and not self.differences


def compare(old: DefinitionRecord, new: Definition, old_hashes: Hashes, new_hashes: Hashes) -> Compared:
    """The differences in logic, apart from those that only pass on a difference of an input.

    Args:
        old: What is registered, with its documents.
        new: What the project says.
        old_hashes: Of all that is registered.
        new_hashes: Of all that the project defines.
    """
    own: list[Difference] = []
    inputs: list[str] = []
    for path, before, after in _leaves(old.document, _read_back(new.logic)):
        was, is_ = _one_of(old_hashes, before, old.inputs), _one_of(new_hashes, after, new.inputs)
        if was is not None and is_ is not None:
            if was.partition("@")[0] == is_.partition("@")[0]:
                inputs.append(is_)
            else:
                own.append(Difference(".".join(path), was, is_))
        elif path[0] == "entity":
            inputs.extend(given for given in new.inputs if given.startswith("entity:"))
        elif path[0] in {"sql", "code"}:
            own.append(_code_difference(path[0], old, new))
        elif path == ("features",):
            own.append(Difference("features", _columns(before), _columns(after)))
        else:
            own.append(_difference(path, before, after))
    return Compared(tuple(dict.fromkeys(own)), tuple(dict.fromkeys(inputs)))


def _read_back(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document as the registry would give it back."""
    found: Mapping[str, Any] = json.loads(canonical_json(document))
    return found


def _one_of(hashes: Hashes, logic: object, preferred: Sequence[str]) -> str | None:
    """The definition that a logic fingerprint is of; among several with the same logic, one that is an input."""
    found = hashes.get(logic, ()) if isinstance(logic, str) else ()
    return next((id for id in found if id in preferred), found[0] if found else None)


def _leaves(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """The places in two documents that differ, in the order of the new one."""
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping) and not WHOLE.intersection(path[-1:]):
        for name in dict.fromkeys((*new, *old)):
            yield from _leaves(old.get(name), new.get(name), (*path, name))
    elif path in {("inputs",), ("features",)} and _names(old) == _names(new):
        for before, after in zip(old, new, strict=True):
            name = after[0] if isinstance(after[0], str) else ",".join(after[0])
            yield from _leaves(dict(enumerate(before[1:])), dict(enumerate(after[1:])), (*path, name))
    else:
        yield tuple(map(str, path)), old, new


def _names(parts: object) -> list[object] | None:
    """The first items of a list's parts, which name them."""
    return [part[0] for part in parts] if isinstance(parts, Sequence) else None


def _columns(features: Sequence[Sequence[Any]]) -> str:
    return ", ".join(column for part in features for column in part[0])


def _difference(path: Sequence[str], old: object, new: object) -> Difference:
    texts = [None if value is None else field_text(path[-1], value) for value in (old, new)]
    if any(text is not None and "\n" in text for text in texts):
        return Difference(".".join(path), lines=_diff(*((text or "").splitlines() for text in texts)))
    return Difference(".".join(path), texts[0], texts[1])


def _code_difference(field: str, old: DefinitionRecord, new: Definition) -> Difference:
    """Source text as it was written; where that is the same, what it made or reaches."""
    # The version stands in the text too, and would hide that all else is the same.
    version = rf"""(?<=version=["']){re.escape(old.version)}(?=["'])"""
    written = re.sub(version, str(new.ref.version), old.source_text or "")
    lines = _diff(written.splitlines(), (new.source_text or "").splitlines())
    if not lines and field == "sql":
        lines = _diff(*(sql_lines(_tokens(document)) for document in (old.document, new.logic)))
    elif not lines:
        lines = _diff(*(_code_lines(document.get("code")) for document in (old.document, new.logic)))
    return Difference(field, lines=lines)


def _tokens(document: Mapping[str, Any]) -> Sequence[str]:
    tokens: Sequence[str] = document.get("sql") or ()
    return tokens


def _code_lines(code: object) -> list[str]:
    """The canonical form of code: of use only where helpers and constants differ, which no source text here shows."""
    return json.dumps(code, indent=1, ensure_ascii=False).splitlines()


def _diff(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    lines = list(difflib.unified_diff(old, new, n=1, lineterm=""))[2:]
    shown = [line for line in lines if not line.startswith("@@")]
    more = len(shown) - MOST_LINES
    return (*shown[:MOST_LINES], *([f"... and {more} more lines"] if more > 0 else []))


def metadata_differences(old: DefinitionRecord, new: Definition) -> tuple[Difference, ...]:
    """What differs in description, owner, tags, and the names of inputs whose logic is the same."""
    places = _leaves(old.metadata_document, _read_back(new.metadata))
    differences = [_difference(path, before, after) for path, before, after in places]
    if set(old.inputs) != set(new.inputs):
        differences.append(Difference("inputs", ", ".join(old.inputs), ", ".join(new.inputs)))
    return tuple(differences)
