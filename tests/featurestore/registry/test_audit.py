import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from featurestore.registry import (
    ApplyDraft,
    AuditProblem,
    BuildRecord,
    LedgerEntry,
    LineageEdge,
    ModelRecord,
    open_reader,
    open_writer,
    tables,
    verify_audit,
)
from featurestore.registry.audit import _COVERAGE, GENESIS


@pytest.fixture
def path(tmp_path: Path, draft: ApplyDraft, build: BuildRecord) -> Path:
    """A registry of five entries, whose triggers somebody has dropped."""
    path = tmp_path / "registry.db"
    nothing = replace(draft, definitions=(), groups=(), bindings=())
    with open_writer(path) as writer:
        writer.record_apply(draft)
        writer.record_build(build)
        for revision in (1, 2, 3):
            writer.record_apply(replace(nothing, expected_revision=revision))
    with closing(sqlite3.connect(path)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
    return path


def problems_after(path: Path, *statements: str) -> list[AuditProblem]:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0
    with open_reader(path) as reader:
        return verify_audit(reader)


def test_each_apply_and_build_has_an_entry_that_follows_the_one_before(path: Path) -> None:
    with open_reader(path) as reader:
        entries = reader.audit()
        assert verify_audit(reader) == []
    assert [(entry.id, entry.action, entry.who) for entry in entries] == [
        (1, "apply", "ann"),
        (2, "build", "bob"),
        (3, "apply", "ann"),
        (4, "apply", "ann"),
        (5, "apply", "ann"),
    ]
    assert [entry.previous_hash for entry in entries] == [GENESIS, *(entry.hash for entry in entries[:-1])]


@pytest.mark.parametrize(
    "change",
    [
        "who = 'eve'",
        "at = at + 1",
        "action = 'build'",
        "document = replace(document, '\":', '\": ')",
        "document = '[]'",
        "document = '{'",
        'document = \'{"revision":[],"rows":3}\'',
        "project = 'bank'",
        "hash = previous_hash",
    ],
)
def test_a_changed_entry_is_found(path: Path, change: str) -> None:
    problems = problems_after(path, f"UPDATE audit SET {change} WHERE id = 3")  # written above
    assert AuditProblem(3, "Entry 3 was changed.") in problems


@pytest.mark.parametrize(
    ("removed", "problem"),
    [
        ("id = 1", AuditProblem(2, "Before entry 2, 1 entries are missing.")),
        ("id IN (2, 3)", AuditProblem(4, "Before entry 4, 2 entries are missing.")),
    ],
)
def test_removed_entries_are_found(path: Path, removed: str, problem: AuditProblem) -> None:
    problems = problems_after(path, f"DELETE FROM audit WHERE {removed}")  # written above
    assert problem in problems
    assert any(found.entry is None for found in problems), "their rows are left over"


def test_removed_entries_are_found_when_the_others_are_numbered_anew(path: Path) -> None:
    problems = problems_after(path, "DELETE FROM audit WHERE id = 3", "UPDATE audit SET id = id - 1 WHERE id > 3")
    assert AuditProblem(3, "Entry 3 does not follow the one before it.") in problems
    assert AuditProblem(3, "Entry 3 was changed.") in problems


def test_reordered_entries_are_found(path: Path) -> None:
    problems = problems_after(
        path,
        "UPDATE audit SET id = 99 WHERE id = 3",
        "UPDATE audit SET id = 3 WHERE id = 4",
        "UPDATE audit SET id = 4 WHERE id = 99",
    )
    assert {problem.entry for problem in problems} == {3, 4, 5}


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "UPDATE definitions SET logic = 'f' WHERE name = 'spend'",
            AuditProblem(1, "The rows of apply 1 of shop in definitions are not those that were written."),
        ),
        (
            "DELETE FROM definition_events WHERE name = 'spend'",
            AuditProblem(1, "The rows of apply 1 of shop in definition_events are not those that were written."),
        ),
        (
            "DELETE FROM bindings",
            AuditProblem(1, "The rows of apply 1 of shop in bindings are not those that were written."),
        ),
        (
            "UPDATE builds SET statistics = '{}'",
            AuditProblem(2, "The rows of build b_0123456789ab of shop in builds are not those that were written."),
        ),
        (
            "INSERT INTO groups VALUES ('shop', 'g9', 1, 'customer', '[]', '{}')",
            AuditProblem(1, "The rows of apply 1 of shop in groups are not those that were written."),
        ),
        (
            "INSERT INTO applies SELECT project, 9, at, who, '', '', null, null, '' FROM applies LIMIT 1",
            AuditProblem(None, "There are rows of apply 9 of shop, and no entry."),
        ),
        (
            "DELETE FROM audit WHERE id = 5",
            AuditProblem(None, "There are rows of apply 4 of shop, and no entry."),
        ),
    ],
)
def test_rows_changed_added_or_removed_behind_an_entry_are_found(
    path: Path, statement: str, problem: AuditProblem
) -> None:
    assert problems_after(path, statement) == [problem]


def test_the_end_cut_off_with_its_rows_is_not_found_without_a_head_kept_elsewhere(path: Path) -> None:
    with open_reader(path) as reader:
        head = reader.audit()[-1].hash
    assert problems_after(path, "DELETE FROM audit WHERE id = 5", "DELETE FROM applies WHERE revision = 4") == []
    with open_reader(path) as reader:
        assert head not in {entry.hash for entry in reader.audit()}


@pytest.fixture
def longer(
    path: Path, draft: ApplyDraft, entry: LedgerEntry, model: ModelRecord, edges: tuple[LineageEdge, ...]
) -> Path:
    """Entries 6 to 8 more: a run, a model with an edge, an apply with edges."""
    with open_writer(path) as writer:
        writer.record_run(entry)
        writer.record_model(model)
        nothing = replace(draft, definitions=(), groups=(), bindings=())
        writer.record_apply(replace(nothing, expected_revision=4, edges=edges))
    return path


def test_runs_models_and_edges_are_in_the_chain(longer: Path) -> None:
    with open_reader(longer) as reader:
        assert [entry.action for entry in reader.audit()[5:]] == ["run", "model", "apply"]
        assert verify_audit(reader) == []


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "UPDATE ledger_entries SET rows = 0",
            AuditProblem(6, "The rows of run 1 of shop in ledger_entries are not those that were written."),
        ),
        (
            "UPDATE models SET metrics = '{}'",
            AuditProblem(7, "The rows of model churn@v1 of shop in models are not those that were written."),
        ),
        (
            "DELETE FROM lineage_edges WHERE event = 'model'",
            AuditProblem(7, "The rows of model churn@v1 of shop in lineage_edges are not those that were written."),
        ),
        (
            "UPDATE lineage_edges SET via = '' WHERE position = 1",
            AuditProblem(8, "The rows of apply 5 of shop in lineage_edges are not those that were written."),
        ),
        (
            "INSERT INTO lineage_edges VALUES ('shop', 'apply', '4', 0, 4, 'source:a', 'label:c@v1', 'direct', '', 0)",
            AuditProblem(5, "The rows of apply 4 of shop in lineage_edges are not those that were written."),
        ),
        (
            "DELETE FROM audit WHERE id = 8",
            AuditProblem(None, "There are rows of apply 5 of shop, and no entry."),
        ),
    ],
)
def test_runs_models_and_edges_changed_behind_an_entry_are_found(
    longer: Path, statement: str, problem: AuditProblem
) -> None:
    assert problems_after(longer, statement) == [problem]


def test_every_table_of_records_is_covered_by_an_action() -> None:
    covered = {table.name for coverage in _COVERAGE.values() for table in coverage.rows} | {"lineage_edges"}
    assert covered == {*tables.metadata.tables} - tables.MUTABLE - {"audit", "fencing_tokens"}
