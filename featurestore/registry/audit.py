"""The audit log: what was done, in a chain in which each entry holds the hash of the one before.

An entry's hash is the SHA-256 of the canonical JSON of all its other columns, the previous entry's hash among them. Its
document holds, per table, a digest of the rows that were written with it, so the chain covers the other tables too.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Table, insert, select, type_coerce
from sqlalchemy.types import TypeDecorator

from featurestore.registry import tables
from featurestore.registry.canonical import canonical_json
from featurestore.registry.migrate import is_present
from featurestore.registry.reader import Reader

__all__ = ["AuditProblem", "append_entry", "verify_audit"]

GENESIS: Final = "0" * 64
"""Stands for the hash before the first entry."""

_SUBJECT: Final = "subject of the entry"
"""Names the column that says to which entry a row belongs; no table has one of this name."""


@dataclass(frozen=True, slots=True)
class AuditProblem:
    """Something that should not be.

    Args:
        entry: Number of the audit entry; None where rows have no entry.
    """

    entry: int | None
    message: str


@dataclass(frozen=True, slots=True)
class _Coverage:
    """Which rows belong to an entry: those of these tables with the entry's project and subject.

    Edges belong to it as well, by the action as their event.

    Args:
        subject: Under which name the entry's document holds the subject.
        rows: By table, what is equal to the subject.
    """

    subject: str
    rows: Mapping[Table, ColumnElement[Any]]

    @classmethod
    def by_column(cls, name: str, *covered: Table) -> "_Coverage":
        return cls(name, {table: table.c[name] for table in covered})


_COVERAGE: Mapping[str, _Coverage] = {
    "apply": _Coverage.by_column(
        "revision",
        tables.applies,
        tables.definitions,
        tables.definition_metadata,
        tables.definition_events,
        tables.groups,
        tables.bindings,
    ),
    "build": _Coverage.by_column("id", tables.builds),
    "run": _Coverage.by_column("number", tables.ledger_entries),
    "model": _Coverage("ref", {tables.models: tables.models.c.name + "@" + tables.models.c.version}),
}

_Subject = tuple[str, str, str]
"""Action, project, and revision, id, number or ref."""


def append_entry(
    connection: Connection, action: str, project: str, number: int | str, *, at: datetime, who: str
) -> None:
    """Add the entry for something that was recorded.

    To be called in the transaction that wrote the rows, after the last of them, while no other transaction writes.

    Args:
        connection: Of that transaction.
        action: What was done, as `AuditRecord` names it.
        project: The namespace.
        number: Revision of the apply, id of the build, number of the ledger entry, or ref of the model.
        at: When.
        who: By whom.
    """
    coverage = _COVERAGE[action]
    newest = connection.execute(
        select(tables.audit.c.id, tables.audit.c.hash).order_by(tables.audit.c.id.desc()).limit(1)
    ).one_or_none()
    digests = _digests(connection, action, project, number)[action, project, str(number)]
    document = {coverage.subject: number, "rows": digests}
    stored = {
        "id": newest.id + 1 if newest else 1,
        "project": project,
        "at": tables.microseconds(at),
        "who": who,
        "action": action,
        "document": canonical_json(document),
        "previous_hash": newest.hash if newest else GENESIS,
    }
    typed = {"at": at, "document": document, "hash": _hash(stored)}
    connection.execute(insert(tables.audit).values({**stored, **typed}))


def verify_audit(reader: Reader) -> list[AuditProblem]:
    """Find what was changed behind the registry's back. Reads every row, so it costs what the registry weighs.

    Found: entries that were changed, removed from the start or the middle, or put in another order; rows of the other
    tables that were changed, added or removed after their entry was written.

    Not found: entries cut off at the end together with their rows, and a chain that somebody wrote anew from the
    changed place on. Against both, keep the newest entry's hash elsewhere (`Reader.audit`) and compare.

    Returns:
        The problems, in the order of the entries; empty when all is well.
    """
    with reader.snapshot() as connection:
        chain = connection.execute(_stored(tables.audit).order_by(tables.audit.c.id))
        entries = [dict(row) for row in chain.mappings()]
        digests = {key: value for action in _COVERAGE for key, value in _digests(connection, action).items()}
    problems = [*_chain_problems(entries)]
    for entry in entries:
        subject, expected = _recorded(entry)
        actual = digests.pop(subject, {})
        problems += [
            AuditProblem(entry["id"], f"The rows of {_named(subject)} in {name} are not those that were written.")
            for name in sorted({*expected, *actual})
            if expected.get(name) != actual.get(name)
        ]
    problems.sort(key=lambda problem: problem.entry or 0)
    return problems + [AuditProblem(None, f"There are rows of {_named(key)}, and no entry.") for key in digests]


def _chain_problems(entries: Sequence[Mapping[str, Any]]) -> Iterator[AuditProblem]:
    position, previous = 0, GENESIS
    for entry in entries:
        number = entry["id"]
        if number != position + 1:
            yield AuditProblem(number, f"Before entry {number}, {number - position - 1} entries are missing.")
        elif entry["previous_hash"] != previous:
            yield AuditProblem(number, f"Entry {number} does not follow the one before it.")
        if entry["hash"] != _hash({name: value for name, value in entry.items() if name != "hash"}):
            yield AuditProblem(number, f"Entry {number} was changed.")
        position, previous = number, entry["hash"]


def _recorded(entry: Mapping[str, Any]) -> tuple[_Subject, Mapping[str, str]]:
    """What an entry says was written; an entry that makes no sense says that nothing was."""
    try:
        document = json.loads(entry["document"])
        subject = document[_COVERAGE[entry["action"]].subject]
        return (entry["action"], entry["project"], str(subject)), dict(document["rows"])
    except (KeyError, TypeError, ValueError):
        return (entry["action"], entry["project"], ""), {}


def _digests(
    connection: Connection, action: str, project: str | None = None, number: int | str | None = None
) -> dict[_Subject, dict[str, str]]:
    """Per subject and table, the number of rows and a hash of them, whatever their order: ``2:e3b0…``."""
    coverage = _COVERAGE[action]
    found: dict[_Subject, dict[str, str]] = defaultdict(dict)
    edges = tables.lineage_edges
    for table, subject_of in {**coverage.rows, edges: edges.c.subject}.items():
        if not is_present(connection, table):
            continue
        hashes: dict[_Subject, list[str]] = defaultdict(list)
        query = _stored(table).add_columns(subject_of.label(_SUBJECT))
        if table is edges:
            query = query.where(edges.c.event == action)
        if project is not None:
            query = query.where(table.c.project == project, subject_of == subject_of.type.python_type(number))
        for row in connection.execute(query).mappings():
            stored = {name: value for name, value in row.items() if name != _SUBJECT}
            hashes[action, row["project"], str(row[_SUBJECT])].append(_hash(stored))
        for subject, rows in hashes.items():
            found[subject][table.name] = f"{len(rows)}:{hashlib.sha256(''.join(sorted(rows)).encode()).hexdigest()}"
    return found


def _stored(table: Table) -> Select[Any]:
    """All rows with their values as they are stored, so that not even a space can change unnoticed."""

    def plain(column: ColumnElement[Any]) -> ColumnElement[Any]:
        return type_coerce(column, column.type.impl) if isinstance(column.type, TypeDecorator) else column

    return select(*(plain(column).label(column.name) for column in table.c))


def _hash(values: Mapping[str, object]) -> str:
    # Without nulls, a column that a later migration adds leaves the hashes of older rows as they are.
    known = {name: value for name, value in values.items() if value is not None}
    return hashlib.sha256(canonical_json(known).encode()).hexdigest()


def _named(subject: _Subject) -> str:
    action, project, number = subject
    return f"{action} {number} of {project}"
