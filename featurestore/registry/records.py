"""What the registry holds, as frozen values.

Documents are what JSON can say: mappings with text keys, sequences, text, whole and finite numbers, booleans, null.
Times are aware and come back in UTC, to the microsecond. A *ref* is ``kind:name@version``.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

__all__ = [
    "ApplyDraft",
    "ApplyRecord",
    "AuditRecord",
    "BindingRecord",
    "BuildRecord",
    "BuildStatus",
    "DefinitionEvent",
    "DefinitionKey",
    "DefinitionKind",
    "DefinitionRecord",
    "Document",
    "EdgeKind",
    "EventKind",
    "GroupRecord",
    "Lease",
    "LedgerEntry",
    "LedgerKind",
    "LineageEdge",
    "ModelRecord",
    "Progress",
    "RunMode",
    "new_build_id",
]

Document = Mapping[str, object]
DefinitionKind = Literal[
    "entity", "source", "transformation", "feature", "on_demand", "service", "label", "training_set"
]
EventKind = Literal["registered", "metadata", "retired", "restored"]
BuildStatus = Literal["complete", "failed"]
LedgerKind = Literal["published", "skipped", "failed"]
RunMode = Literal["full", "changed", "rebuild"]
EdgeKind = Literal["direct", "indirect"]


class DefinitionKey(NamedTuple):
    """What identifies a definition within a project."""

    kind: DefinitionKind
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionRecord:
    """A definition with its newest description.

    ``logic`` and ``document`` never change; all that only describes (``metadata`` and below, except ``first_apply``)
    may be recorded anew under the same version, and the newest wins. The text and the inputs are among it: a docstring
    is part of the text, and an input may be exchanged for another version with the same logic.

    Args:
        logic: SHA-256 of what decides the values, 64 hexadecimal digits.
        metadata: SHA-256 of what describes, 64 hexadecimal digits.
        document: The canonical form that ``logic`` is the hash of.
        metadata_document: The canonical form that ``metadata`` is the hash of.
        source_text: The code as written, for reading only: nothing ever runs it.
        inputs: The refs that it reads.
        first_apply: Revision of the apply that registered it; 0 while it is not registered.
        retired: Whether the newest of its events retired it.
    """

    project: str
    kind: DefinitionKind
    name: str
    version: str
    logic: str
    metadata: str
    document: Document
    metadata_document: Document
    source_text: str | None = None
    file: str | None = None
    line: int | None = None
    inputs: tuple[str, ...] = ()
    first_apply: int = 0
    retired: bool = False

    @property
    def key(self) -> DefinitionKey:
        """The identity within the project."""
        return DefinitionKey(self.kind, self.name, self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionEvent:
    """Something that an apply did to a definition."""

    project: str
    revision: int
    kind: DefinitionKind
    name: str
    version: str
    event: EventKind


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRecord:
    """Features that are materialized and stored together.

    Args:
        id: Hash of the members and the schedule; the same id always means the same group.
        members: Refs of the features.
        schedule: Interval, delay and what else says when it runs.
        revision: Newest apply that named the group; 0 while it is not recorded.
    """

    project: str
    id: str
    entity: str
    members: tuple[str, ...]
    schedule: Document
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingRecord:
    """Where a source lives in this target.

    Args:
        document: The table, files or query.
        columns: Type of each column.
        revision: The apply that said so; 0 while it is not recorded.
    """

    project: str
    source: str
    document: Document
    columns: Document
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageEdge:
    """One node of the lineage is made from another.

    A node is named by what it is: ``column:orders.amount`` (of a source or a transformation), ``feature:spend@v1``,
    ``on_demand:…``, ``label:…``, ``service:…`` and ``training_set:…`` likewise, ``build:b_…``, ``model:churn@v3``.

    Args:
        kind: Direct where values flow; indirect where they only decide (filters, joins, windows).
        via: The column or expression by which it does.
        opaque: Whether the step cannot be looked into, so that the edge is a safe assumption.
        revision: The project's revision when the edge was recorded last; 0 while it is not, or before the first apply.
    """

    upstream: str
    downstream: str
    kind: EdgeKind = "direct"
    via: str = ""
    opaque: bool = False
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyDraft:
    """All that one apply changes; what it does not name stays as it is.

    Args:
        expected_revision: The project's revision when the changes were worked out; 0 for an empty registry.
        message: Why.
        git_dirty: Whether there were uncommitted changes; None outside a git repository.
        code_version: Version of this package.
        definitions: New ones. One that is already registered with the same logic is passed over.
        described: Registered ones with a new description.
        retired: Live ones that are to be retired.
        restored: Retired ones that are to be live again.
        groups: Groups of the project from now on, as far as they are new or newly current.
        bindings: New ones and those that moved.
        edges: All that lead to what is new or described anew.
    """

    project: str
    expected_revision: int
    at: datetime
    who: str
    message: str
    code_version: str
    git_commit: str | None = None
    git_dirty: bool | None = None
    definitions: tuple[DefinitionRecord, ...] = ()
    described: tuple[DefinitionRecord, ...] = ()
    retired: tuple[DefinitionKey, ...] = ()
    restored: tuple[DefinitionKey, ...] = ()
    groups: tuple[GroupRecord, ...] = ()
    bindings: tuple[BindingRecord, ...] = ()
    edges: tuple[LineageEdge, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRecord:
    """An apply that took place; project and revision identify it.

    Args:
        revision: 1 for the first apply of a project, and one more for each.
        changes: How many definitions were ``registered``, described anew (``metadata``), ``retired`` and ``restored``,
            and how many ``groups`` and ``bindings`` were recorded.
    """

    project: str
    revision: int
    at: datetime
    who: str
    message: str
    code_version: str
    git_commit: str | None
    git_dirty: bool | None
    changes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRecord:
    """The evidence of one build of a training set. It holds no row-level value.

    Args:
        id: See `new_build_id`.
        training_set: Ref, as are ``label`` and ``service``.
        fingerprints: Logic of each definition that took part, by ref.
        bindings: Where each source was read, by name.
        source_states: What each source held (a digest or a snapshot's name), by name.
        as_of: The time whose knowledge the label rows show.
        spine: Where keys and times came from.
        rows: Rows in the training set.
        dropped: Label rows that were left out.
        statistics: Per column.
        checksums: Of the result's content, never of a file's bytes.
        packages: Version of each package that took part.
        artifact: Where the result was written, if it was.
    """

    id: str
    project: str
    training_set: str
    label: str
    service: str
    at: datetime
    who: str
    status: BuildStatus
    as_of: datetime
    rows: int
    dropped: int
    code_version: str
    git_commit: str | None = None
    git_dirty: bool | None = None
    artifact: str | None = None
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    bindings: Document = field(default_factory=dict)
    source_states: Document = field(default_factory=dict)
    spine: Document = field(default_factory=dict)
    statistics: Document = field(default_factory=dict)
    checksums: Document = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """What became of a boundary of a group in one attempt at a run.

    A run that goes on where a killed one stopped knows less than that one did: what it cannot know is None.

    Args:
        boundary: Whole microseconds since the epoch.
        token: The fencing token that was written with the rows; 0 where no lease was had.
        fingerprint: Combined logic of the group's members.
        rows: Rows that the store holds for the group at the boundary.
        changed: Rows that were written.
        checksum: Of the rows' content.
        message: Why it failed or was skipped. Must not hold values of rows.
        bindings: Where each source was read, by name.
        source_states: What each source held (a digest or a snapshot's name), by name.
        number: 1 for the project's first entry, and one more for each; 0 while it is not recorded.
    """

    project: str
    group_id: str
    boundary: int
    token: int
    fingerprint: str
    kind: LedgerKind
    run_id: str
    started: datetime
    finished: datetime
    who: str
    code_version: str
    rows: int | None = None
    changed: int | None = None
    checksum: str | None = None
    mode: RunMode | None = None
    message: str | None = None
    git_commit: str | None = None
    git_dirty: bool | None = None
    bindings: Document = field(default_factory=dict)
    source_states: Document = field(default_factory=dict)
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """A model, as one that reads features: what it was trained on, and where it is.

    Args:
        name: Without ``@``, which stands between name and version.
        build: Id of the training set's build; None if it was trained on something else.
        service: Ref.
        service_fingerprint: Logic of the service.
        fingerprints: Logic of each feature that it reads, by ref.
        artifact: URI of the model itself.
        checksum: Of the artifact.
        packages: Version of each package that took part.
        edges: All that lead to the model.
    """

    project: str
    name: str
    version: str
    service: str
    service_fingerprint: str
    artifact: str
    checksum: str
    at: datetime
    who: str
    build: str | None = None
    git_commit: str | None = None
    git_dirty: bool | None = None
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    metrics: Document = field(default_factory=dict)
    parameters: Document = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    edges: tuple[LineageEdge, ...] = ()

    @property
    def ref(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to materialize a group, for a while.

    Args:
        owner: Says who holds it, to people.
        token: Greater than that of every earlier lease of the group, whatever the clocks said.
        acquired: When it was had.
        renewed: The owner's last sign of life.
        expires: From then on, another may take it over.
    """

    project: str
    group_id: str
    owner: str
    token: int
    acquired: datetime
    renewed: datetime
    expires: datetime

    @property
    def ttl(self) -> timedelta:
        """How long it lasts without being renewed."""
        return self.expires - self.renewed


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is.

    Args:
        phase: What it is at.
        done: Units of the phase that are behind it.
        total: All units of the phase, where that is known.
        updated: When it said so.
    """

    project: str
    run_id: str
    phase: str
    done: int
    total: int | None
    updated: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """A link of the chain that `featurestore.registry.audit` describes.

    Args:
        id: 1 for the first entry, and one more for each.
        action: ``apply``, ``build``, ``run`` or ``model``.
    """

    id: int
    project: str
    at: datetime
    who: str
    action: str
    document: Document
    previous_hash: str
    hash: str


def new_build_id() -> str:
    """A fresh id: ``b_`` and 12 hexadecimal digits of chance."""
    return f"b_{secrets.token_hex(6)}"
