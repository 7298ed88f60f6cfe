"""The plan: the difference between the project and the registry, as a value that can be read, saved and applied."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from featurestore.definitions.fingerprints import digest
from featurestore.errors import PlanError, PlanOutdatedError
from featurestore.plan.changes import BindingChange, Change, ChangeKind, GroupChange
from featurestore.spi.files import replace_file

__all__ = ["Plan", "load", "require_same", "save"]

FORMAT = 1
"""Of the document; another one is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What apply would do, and all that a reader wants to know before.

    Args:
        project: The only namespace that is looked at.
        target: The target whose registry it was made against.
        revision: That registry's, for this project.
        changes: One per definition of the project, inputs first; then what is registered and not in the project.
        groups: Groups that must be computed.
        bindings: Sources whose place or columns must be recorded.
        notes: What concerns no single definition.
    """

    project: str
    target: str
    revision: int
    changes: tuple[Change, ...]
    groups: tuple[GroupChange, ...] = ()
    bindings: tuple[BindingChange, ...] = ()
    notes: tuple[str, ...] = ()

    def of_kind(self, *kinds: ChangeKind) -> tuple[Change, ...]:
        """The changes of the given kinds, in order."""
        return tuple(change for change in self.changes if change.kind in kinds)

    @property
    def refused(self) -> tuple[Change, ...]:
        """What stands against applying it."""
        return self.of_kind("refused")

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to apply (or refused). What is absent is not."""
        return any(change.kind not in {"unchanged", "absent"} for change in self.changes) or bool(
            self.groups or self.bindings
        )

    @property
    def counts(self) -> Mapping[str, int]:
        """Number of changes of each kind that occurs."""
        found: dict[str, int] = {}
        for change in self.changes:
            found[change.kind] = found.get(change.kind, 0) + 1
        return found

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that would be done: not of notes, nor of places in files, which differ between checkouts."""
        document = self._document()
        del document["notes"]
        for change in document["changes"]:
            del change["origin"]
        return digest(document)

    def to_document(self) -> dict[str, Any]:
        """The plan as JSON values, the same for equal plans."""
        return {"format": FORMAT, "fingerprint": self.fingerprint, **self._document()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Plan":
        """The plan of a document.

        Raises:
            PlanError: it is not the document of a plan, is of another version of this package, or was changed.
        """
        fields = dict(document)
        written, format_ = fields.pop("fingerprint", None), fields.pop("format", None)
        if format_ != FORMAT:
            message = f"This is no plan that this version can read (format {format_!r})."
            raise PlanError(message, hint="Make the plan anew.")
        try:
            plan = msgspec.convert(fields, cls)
        except msgspec.ValidationError as error:
            message = f"This is no plan: {error}"
            raise PlanError(message, hint="Make the plan anew.") from error
        if plan.fingerprint != written:
            message = "The plan was changed after it was made."
            raise PlanError(message, hint="Make the plan anew; a plan is not to be edited.")
        return plan

    def _document(self) -> dict[str, Any]:
        document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return document


def save(plan: Plan, path: Path) -> None:
    """Writes the plan to a file, whole or not at all."""
    text = json.dumps(plan.to_document(), indent=2, ensure_ascii=False) + "\n"
    replace_file(path, text.encode())


def load(path: Path) -> Plan:
    """The plan that was saved in a file.

    Raises:
        PlanError: there is no such file, or it holds no plan.
    """
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        message = f"The plan cannot be read: {error}"
        raise PlanError(message, where=str(path)) from error
    if not isinstance(document, dict):
        message = "The file holds no plan."
        raise PlanError(message, where=str(path))
    try:
        return Plan.from_document(document)
    except PlanError as error:
        error.where = str(path)
        raise


def require_same(saved: Plan, fresh: Plan) -> None:
    """Refuses a saved plan that is not what planning gives now.

    Raises:
        PlanOutdatedError: they differ; it says in what.
    """
    if saved.fingerprint != fresh.fingerprint:
        message = f"The saved plan is not what planning gives now: {'; '.join(_different(saved, fresh))}."
        raise PlanOutdatedError(message, hint="Look at a new plan, and apply that.")


def _different(saved: Plan, fresh: Plan) -> Iterator[str]:
    for what in ("project", "target", "revision"):
        old, new = getattr(saved, what), getattr(fresh, what)
        if old != new:
            yield f"{what} {old} -> {new}"
    yield from _listed({change.id: change for change in saved.changes}, {change.id: change for change in fresh.changes})
    for word in ("groups", "bindings"):
        if getattr(saved, word) != getattr(fresh, word):
            yield f"other {word}"


def _listed(saved: Mapping[str, Change], fresh: Mapping[str, Change]) -> Iterator[str]:
    for id in sorted({*saved, *fresh}):
        old, new = saved.get(id), fresh.get(id)
        if old is None or new is None:
            yield f"{id} was {old.kind if old else 'not there'}, is {new.kind if new else 'not there'}"
        elif old.kind != new.kind:
            yield f"{id} was {old.kind}, is {new.kind}"
        elif old.new != new.new:
            yield f"{id} is another one"
        elif _plain(old) != _plain(new):
            yield f"{id} differs"


def _plain(change: Change) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(change)
    return {name: value for name, value in document.items() if name != "origin"}
