"""The project beside the registry: what is compared with what, and what made it differ."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from featurestore.definitions.fingerprints import schema_document
from featurestore.definitions.resolution import Definitions
from featurestore.definitions.resolved import Definition, SourceTable
from featurestore.definitions.sources import Binding
from featurestore.plan.changes import BindingChange
from featurestore.plan.differences import Compared, compare
from featurestore.plan.graph import reversed_edges
from featurestore.registry.records import BindingRecord, DefinitionRecord

if TYPE_CHECKING:
    from featurestore.registry.reader import Reader

__all__ = ["Comparison"]


@dataclass(frozen=True)
class Comparison:
    """What the project says beside what is registered, looked up in the ways that planning needs.

    Args:
        definitions: The project's.
        project: The namespace.
        reader: The registry; what is needed of it is read once.
        bound: Where sources lie in the target.
    """

    definitions: Definitions
    project: str
    reader: "Reader"
    bound: Mapping[str, Binding]
    # Answers that were given: inputs meet again further up, over and over.
    _causes: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False)
    _bumps: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False)

    @cached_property
    def registered(self) -> Mapping[str, DefinitionRecord]:
        """By id, live and retired, without documents."""
        return {str(record.key): record for record in self.reader.definitions(self.project, documents=False)}

    @cached_property
    def live(self) -> Mapping[str, DefinitionRecord]:
        """Those that are not retired."""
        return {id: record for id, record in self.registered.items() if not record.retired}

    @cached_property
    def whole(self) -> Mapping[str, DefinitionRecord]:
        """As ``registered``, with documents: several times as slow, so it is read only when something differs."""
        return {str(record.key): record for record in self.reader.definitions(self.project)}

    @cached_property
    def bindings(self) -> Mapping[str, BindingChange]:
        """The bindings to be recorded, by source."""
        recorded = self._recorded
        tables = [one.resolved for one in self.definitions.of_kind("source")]
        changes = {
            table.name: _binding_change(table, self.bound.get(table.name, table.source.binding), recorded)
            for table in tables
            if isinstance(table, SourceTable)
        }
        return {name: change for name, change in changes.items() if change is not None}

    @cached_property
    def columns(self) -> Mapping[str, Mapping[str, str]]:
        """The recorded columns of each source, and their types."""
        return {
            name: {one: str(kind) for one, kind in record.columns.items()} for name, record in self._recorded.items()
        }

    @cached_property
    def _recorded(self) -> Mapping[str, BindingRecord]:
        return {record.source: record for record in self.reader.bindings(self.project)}

    @cached_property
    def users(self) -> Mapping[str, tuple[str, ...]]:
        """Id to the live definitions that have it as an input, whether registered or only in the project."""
        inputs = {id: record.inputs for id, record in self.live.items()}
        return reversed_edges({**inputs, **{one.id: one.inputs for one in self.definitions}})

    @cached_property
    def compared(self) -> Mapping[str, tuple[str, Compared]]:
        """Of what is new or has other logic: the registered id that it is compared with, and the differences."""
        found = {}
        for one in self.definitions:
            before = self._before(one)
            if before is not None:
                record = self.whole[before]
                found[one.id] = (before, compare(record, one, self.old_hashes, self.new_hashes))
        return found

    @cached_property
    def old_hashes(self) -> Mapping[str, list[str]]:
        """Logic to the registered ids that have it."""
        return _by_logic((id, record.logic) for id, record in self.registered.items())

    @cached_property
    def new_hashes(self) -> Mapping[str, list[str]]:
        """Logic to the project's ids that have it."""
        return _by_logic((one.id, one.fingerprint.logic) for one in self.definitions)

    def _before(self, one: Definition) -> str | None:
        """What a definition with other logic is compared with: its version, or the newest whose place it takes."""
        record = self.registered.get(one.id)
        if record is not None:
            return one.id if record.logic != one.fingerprint.logic else None
        left = [
            (older.first_apply, id)
            for id, older in self.live.items()
            if (older.kind, older.name) == (one.kind, one.ref.name) and id not in self.definitions.by_id
        ]
        return max(left)[1] if left else None

    def causes(self, id: str) -> tuple[str, ...]:
        """The definitions whose own change made the inputs of ``id`` differ; none if it has a change of its own."""
        if id not in self._causes:
            compared = self.compared[id][1] if id in self.compared else None
            given = compared.inputs if compared is not None and compared.is_upstream else ()
            self._causes[id] = tuple(dict.fromkeys(root for one in given for root in self.causes(one) or (one,)))
        return self._causes[id]

    def is_taken(self, id: str) -> bool:
        """Whether other logic is registered under the id."""
        record = self.registered.get(id)
        return record is not None and record.logic != self.definitions.by_id[id].fingerprint.logic

    def to_bump(self, id: str) -> tuple[str, ...]:
        """Where a new version, passed on downstream, resolves that the version of ``id`` is taken."""
        if id not in self._bumps:
            above = [given for given in self.compared[id][1].inputs if self.is_taken(given)]
            self._bumps[id] = tuple(dict.fromkeys(root for given in above for root in self.to_bump(given))) or (id,)
        return self._bumps[id]


def _by_logic(pairs: Iterable[tuple[str, str]]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for id, logic in pairs:
        found.setdefault(logic, []).append(id)
    return found


def _binding_change(
    table: SourceTable, binding: Binding, recorded: Mapping[str, BindingRecord]
) -> BindingChange | None:
    columns = schema_document(table.schema)
    record = recorded.get(table.name)
    old = None if record is None else {name: str(value) for name, value in record.document.items()}
    if record is not None and old == binding.document and dict(record.columns) == columns:
        return None
    return BindingChange(source=table.name, old=old, new=binding.document, columns=columns)
