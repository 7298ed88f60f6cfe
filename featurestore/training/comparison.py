"""Two builds compared by their records."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from featurestore.registry.records import BuildRecord
from featurestore.training.checksums import agree

__all__ = ["Comparison", "compare_builds", "different_fingerprints"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a build differs from an older one. Empty where it does not.

    Attributes:
        rows: The two numbers of rows, if they differ.
        columns: Columns whose values or order of rows differ, and those that only one of the two has.
        sources: Source to how it moved between the builds, or during one.
        definitions: Definitions whose logic differs, or that only one of the two has, as ``kind:name@version``.
        packages: Package to its two versions, as ``old -> new``.
    """

    rows: tuple[int, int] | None
    columns: tuple[str, ...]
    sources: Mapping[str, str]
    definitions: tuple[str, ...]
    packages: Mapping[str, str]

    @property
    def equal(self) -> bool:
        """Whether the two hold the same values, in the same order, under the same columns."""
        return self.rows is None and not self.columns

    @property
    def text(self) -> str:
        """The comparison in lines for a reader."""
        lines = ["The values are equal." if self.equal else "The values differ."]
        if self.rows is not None:
            lines.append(f"rows: {self.rows[0]:,} -> {self.rows[1]:,}")
        if self.columns:
            lines.append(f"columns that differ: {', '.join(self.columns)}")
        lines += [f"source {name}: {text}" for name, text in self.sources.items()]
        if self.definitions:
            lines.append(f"definitions that differ: {', '.join(self.definitions)}")
        lines += [f"package {name}: {text}" for name, text in self.packages.items()]
        return "\n".join(lines)


def compare_builds(old: BuildRecord, new: BuildRecord) -> Comparison:
    """What differs between two builds of a training set, from their records alone (semantics 20)."""
    return Comparison(
        rows=None if old.rows == new.rows else (old.rows, new.rows),
        columns=_different_columns(old, new),
        sources=_moved(old, new),
        definitions=different_fingerprints(old.fingerprints, new.fingerprints),
        packages={
            name: f"{old.packages.get(name, 'absent')} -> {new.packages.get(name, 'absent')}"
            for name in _names(old.packages, new.packages)
            if old.packages.get(name) != new.packages.get(name)
        },
    )


def different_fingerprints(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """The definitions that are not the same in both, or only in one of them."""
    return tuple(name for name in _names(old, new) if old.get(name) != new.get(name))


def _names(old: Iterable[str], new: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*old, *new]))


def _different_columns(old: BuildRecord, new: BuildRecord) -> tuple[str, ...]:
    before = cast("Mapping[str, Mapping[str, Any]]", old.checksums)
    after = cast("Mapping[str, Mapping[str, Any]]", new.checksums)
    return tuple(
        name
        for name in _names(before, after)
        if name not in before or name not in after or not agree(before[name], after[name])
    )


def _moved(old: BuildRecord, new: BuildRecord) -> dict[str, str]:
    before = cast("Mapping[str, Mapping[str, Any]]", old.source_states)
    after = cast("Mapping[str, Mapping[str, Any]]", new.source_states)
    found = {}
    for name in _names(before, after):
        if name not in before or name not in after:
            found[name] = "read by one of the two only"
            continue
        parts = [_change(before[name], after[name])] if before[name]["digest"] != after[name]["digest"] else []
        parts += [
            f"moved during the {which} build"
            for which, state in (("older", before[name]), ("newer", after[name]))
            if "after" in state
        ]
        if old.bindings.get(name) != new.bindings.get(name):
            parts.append("read from another place")
        if parts:
            found[name] = "; ".join(parts)
    return found


def _change(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Which of a source's parts are other ones now; its parts are files, or the one table or query."""
    old, new = before["parts"], after["parts"]
    kinds = {
        "changed": [part for part in old if part in new and old[part] != new[part]],
        "gone": [part for part in old if part not in new],
        "added": [part for part in new if part not in old],
    }
    said = [f"{_listed(parts)} {kind}" for kind, parts in kinds.items() if parts]
    return f"{', '.join(said)} ({before['rows']:,} -> {after['rows']:,} rows)"


def _listed(parts: list[str]) -> str:
    shown = 3
    more = f" and {len(parts) - shown} more" if len(parts) > shown else ""
    return f"{', '.join(parts[:shown])}{more}"
