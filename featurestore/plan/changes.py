"""What a plan consists of: changes of definitions, of groups and of bindings, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from featurestore.definitions.fingerprints import Fingerprint
from featurestore.registry.records import DefinitionKey, DefinitionKind

__all__ = ["BindingChange", "Change", "ChangeKind", "Difference", "GroupChange"]

ChangeKind = Literal["new", "unchanged", "metadata", "refused", "moved", "restored", "absent", "retired"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs, readably.

    Args:
        field: Its path, as in ``delay`` or ``columns.orders.amount``.
        old: What is registered; None where there is nothing.
        new: What the project says; None where there is nothing.
        lines: Of code and SQL: the lines of a unified diff, without its headers. Then ``old`` and ``new`` are None.
    """

    field: str
    old: str | None = None
    new: str | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a plan says of one definition.

    Args:
        kind: ``new``: not registered. ``unchanged``. ``metadata``: same logic, other description. ``refused``: see
            ``reason``. ``moved``: a source that lies elsewhere in this target. ``restored``: it was retired, and
            is in the project again. ``absent``: registered, not in the project; nothing happens to it. ``retired``:
            asked for.
        id: ``kind:name@version``.
        definition: The kind of definition.
        old: The registered fingerprint; None for a new definition.
        new: The project's fingerprint; None for what is not in the project.
        differences: Against what is registered; of a new version: against the one whose place it takes.
        before: The id that ``differences`` of a new version are against.
        touches: Services and training sets that use it, directly or not, by id.
        cause: The definitions further up that changed, if nothing of its own did, by id.
        describes: Whether apply records its description anew.
        reason: Why it is refused.
        hint: The way out of a refusal.
        notes: What the semantics want readers to know of it.
        origin: ``file:line``; None for what is not in the project.
    """

    kind: ChangeKind
    id: str
    definition: DefinitionKind
    name: str
    version: str
    old: Fingerprint | None = None
    new: Fingerprint | None = None
    differences: tuple[Difference, ...] = ()
    before: str | None = None
    touches: tuple[str, ...] = ()
    cause: tuple[str, ...] = ()
    describes: bool = False
    reason: str | None = None
    hint: str | None = None
    notes: tuple[str, ...] = ()
    origin: str | None = None
    owner: str = ""

    @property
    def key(self) -> DefinitionKey:
        """The identity within the project."""
        return DefinitionKey(self.definition, self.name, self.version)

    @property
    def takes_version(self) -> bool:
        """Whether other logic is registered under its name and version."""
        return self.old is not None and self.new is not None and self.old.logic != self.new.logic


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChange:
    """A group that is to be computed and stored, as it was not current before.

    Args:
        id: Hash of its members.
        name: That of the class or of ``group=``, or the reference of a feature that is alone.
        members: Ids of its features, sorted.
        schedule: Microseconds: ``every``, ``delay``, ``publish_within``, ``offset``.
        why: What is different from the groups that its members were in.
        replaces: Ids of those groups.
    """

    id: str
    name: str
    entity: str
    members: tuple[str, ...]
    schedule: Mapping[str, int]
    why: str
    replaces: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingChange:
    """Where a source lies, as it is to be recorded for the target.

    Args:
        source: The source's name.
        old: What is recorded; None for nothing.
        new: The table, files or query.
        columns: Types of its columns, by name.
    """

    source: str
    old: Mapping[str, str] | None
    new: Mapping[str, str]
    columns: Mapping[str, str]

    @property
    def is_moved(self) -> bool:
        """Whether it was elsewhere before."""
        return self.old is not None and self.old != self.new
