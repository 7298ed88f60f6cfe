import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Engine, event

from featurestore.errors import (
    PlanOutdatedError,
    RecordNotFoundError,
    RegistryError,
    RegistryUnavailableError,
    VersionTakenError,
)
from featurestore.registry import (
    ApplyDraft,
    ApplyRecord,
    BuildRecord,
    DefinitionKey,
    DefinitionRecord,
    LedgerEntry,
    LineageEdge,
    ModelRecord,
    Writer,
    open_reader,
    open_writer,
    verify_audit,
)


def _started(action: Callable[[], object]) -> int:
    """Start the action in another process, which exits with 0 if all goes well."""
    child = os.fork()
    if child == 0:
        failed = True
        try:
            action()
            failed = False
        finally:
            # Nothing of the test runner's may run in the child; the parent asserts on the code.
            os._exit(failed)
    return child


def in_child(action: Callable[[], object]) -> int:
    """The exit code of the action in another process; -9 when that was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(_started(action), 0)[1])


def killed_at_statement(number: int, action: Callable[[], object]) -> Callable[[], object]:
    def doomed() -> None:
        statements = iter(range(number))

        @event.listens_for(Engine, "before_cursor_execute")
        def _count(*_: object) -> None:
            if next(statements, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        @event.listens_for(Engine, "commit")
        def _count_commit(*_: object) -> None:
            _count()

        action()

    return doomed


def test_an_apply_is_read_back_as_it_was_recorded(writer: Writer, draft: ApplyDraft) -> None:
    recorded = writer.record_apply(draft)

    assert recorded == ApplyRecord(
        project="shop",
        revision=1,
        at=draft.at,
        who="ann",
        message="first features",
        code_version="0.1.0",
        git_commit="c0ffee",
        git_dirty=True,
        changes={"registered": 2, "groups": 1, "bindings": 1},
    )
    reader = writer.reader
    assert reader.applies("shop") == (recorded,)
    assert reader.definitions("shop") == tuple(replace(record, first_apply=1) for record in draft.definitions)
    assert reader.groups("shop") == tuple(replace(group, revision=1) for group in draft.groups)
    assert reader.bindings("shop") == tuple(replace(binding, revision=1) for binding in draft.bindings)


def test_each_project_has_its_own_revisions_and_definitions(writer: Writer, draft: ApplyDraft) -> None:
    writer.record_apply(draft)
    other = replace(draft, project="bank", definitions=(), groups=(), bindings=())
    other = replace(other, definitions=(replace(draft.definitions[0], project="bank", logic="9" * 64),))

    assert writer.record_apply(other).revision == 1
    assert [record.logic for record in writer.reader.definitions("bank")] == ["9" * 64]
    assert len(writer.reader.definitions("shop")) == 2


def test_an_apply_planned_at_an_older_revision_is_refused_and_names_who_came_first(
    writer: Writer, draft: ApplyDraft
) -> None:
    writer.record_apply(draft)

    with pytest.raises(PlanOutdatedError) as caught:
        writer.record_apply(replace(draft, who="bob"))

    text = str(caught.value)
    assert 'revision 1, and the plan was made at 0. ann applied "first features" at 2024-02-29 12:00:00 UTC.' in text
    assert writer.reader.revision("shop") == 1


def test_an_apply_planned_at_a_revision_that_the_registry_has_not_reached_is_refused(
    writer: Writer, draft: ApplyDraft
) -> None:
    with pytest.raises(PlanOutdatedError, match="at revision 0, and the plan was made at 7"):
        writer.record_apply(replace(draft, expected_revision=7))


def test_of_appliers_at_the_same_time_one_wins_and_the_others_are_told(path: Path, draft: ApplyDraft) -> None:
    start = threading.Barrier(4)
    outcomes: list[object] = []

    def apply(who: str) -> None:
        with open_writer(path) as writer:
            start.wait()
            try:
                outcomes.append(writer.record_apply(replace(draft, who=who)).revision)
            except PlanOutdatedError as error:
                outcomes.append(type(error))

    threads = [threading.Thread(target=apply, args=(who,)) for who in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(map(str, outcomes)) == sorted(map(str, [1, *[PlanOutdatedError] * 3]))
    with open_reader(path) as reader:
        assert reader.revision("shop") == 1
        assert verify_audit(reader) == []


def test_other_logic_under_a_taken_version_is_refused_and_nothing_of_the_apply_is_kept(
    writer: Writer, draft: ApplyDraft, spend: DefinitionRecord
) -> None:
    writer.record_apply(draft)
    changed = replace(spend, logic="f" * 64)
    new = replace(spend, name="another")

    with pytest.raises(VersionTakenError) as caught:
        writer.record_apply(replace(draft, expected_revision=1, definitions=(new, changed)))

    assert "features/spend.py:12: feature:spend@v1 is registered with other logic (11111111 -> ffffffff)." in str(
        caught.value
    )
    assert writer.reader.revision("shop") == 1
    assert len(writer.reader.definitions("shop")) == 2


def test_the_same_logic_again_is_passed_over(writer: Writer, draft: ApplyDraft) -> None:
    writer.record_apply(draft)

    again = writer.record_apply(replace(draft, expected_revision=1, groups=(), bindings=()))

    assert again.changes == {}
    assert {record.first_apply for record in writer.reader.definitions("shop")} == {1}


def test_a_new_description_wins_and_the_logic_stays(writer: Writer, draft: ApplyDraft, spend: DefinitionRecord) -> None:
    writer.record_apply(draft)
    described = replace(spend, metadata="e" * 64, metadata_document={"owner": "bob"}, line=99, source_text="new")

    applied = writer.record_apply(
        replace(draft, expected_revision=1, definitions=(), groups=(), bindings=(), described=(described,))
    )

    assert applied.changes == {"metadata": 1}
    assert writer.reader.definition("shop", "feature", "spend", "v1") == replace(described, first_apply=1)
    assert replace(spend, first_apply=1) in writer.reader.definitions("shop", as_of_revision=1)


def test_a_new_description_with_other_logic_is_refused(
    writer: Writer, draft: ApplyDraft, spend: DefinitionRecord
) -> None:
    writer.record_apply(draft)
    with pytest.raises(VersionTakenError):
        writer.record_apply(
            replace(draft, expected_revision=1, definitions=(), described=(replace(spend, logic="0" * 64),))
        )


def test_a_retired_definition_stays_readable_and_can_be_restored(writer: Writer, draft: ApplyDraft) -> None:
    key = DefinitionKey("feature", "spend", "v1")
    nothing = replace(draft, definitions=(), groups=(), bindings=())
    writer.record_apply(draft)
    writer.record_apply(replace(nothing, expected_revision=1, retired=(key,)))
    assert [record.key for record in writer.reader.definitions("shop") if record.retired] == [key]

    writer.record_apply(replace(nothing, expected_revision=2, restored=(key,)))

    reader = writer.reader
    assert not any(record.retired for record in reader.definitions("shop"))
    assert [record.retired for record in reader.definitions("shop", as_of_revision=2)] == [True, False]
    assert [event.event for event in reader.events("shop") if event.name == "spend"] == [
        "registered",
        "retired",
        "restored",
    ]
    assert [event.event for event in reader.events("shop", revision=2)] == ["retired"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"retired": (DefinitionKey("feature", "unheard", "v1"),)}, RecordNotFoundError),
        ({"restored": (DefinitionKey("feature", "unheard", "v1"),)}, RecordNotFoundError),
        ({"restored": (DefinitionKey("feature", "spend", "v1"),)}, RegistryError),
        ({"at": datetime(2024, 1, 1)}, RegistryError),  # noqa: DTZ001  # naive on purpose
        ({"project": "bank", "expected_revision": 0, "definitions": ()}, RegistryError),
    ],
    ids=["retire unknown", "restore unknown", "restore live", "naive time", "records of another project"],
)
def test_a_draft_that_cannot_be_right_is_refused_whole(
    writer: Writer, draft: ApplyDraft, change: dict[str, object], error: type[RegistryError]
) -> None:
    writer.record_apply(draft)
    with pytest.raises(error):
        writer.record_apply(replace(draft, **{"expected_revision": 1, **change}))  # type: ignore[arg-type]
    assert len(writer.reader.audit()) == 1


def test_describing_what_is_not_registered_is_refused(
    writer: Writer, draft: ApplyDraft, spend: DefinitionRecord
) -> None:
    with pytest.raises(RecordNotFoundError, match="feature:spend@v1 is not registered"):
        writer.record_apply(replace(draft, definitions=(), described=(spend,)))


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, "\ud800"], ids=["nan", "set", "surrogate"])
def test_a_document_that_is_no_json_is_refused(
    writer: Writer, draft: ApplyDraft, spend: DefinitionRecord, value: object
) -> None:
    with pytest.raises(RegistryError):
        writer.record_apply(replace(draft, definitions=(replace(spend, document={"value": value}),)))
    assert writer.reader.revision("shop") == 0


def test_the_newest_binding_of_a_source_wins(writer: Writer, draft: ApplyDraft) -> None:
    writer.record_apply(draft)
    moved = replace(draft.bindings[0], document={"table": "shop.orders"})
    writer.record_apply(replace(draft, expected_revision=1, definitions=(), groups=(), bindings=(moved,)))

    assert writer.reader.bindings("shop") == (replace(moved, revision=2),)
    assert writer.reader.bindings("shop", as_of_revision=1) == (replace(draft.bindings[0], revision=1),)


def test_a_group_that_becomes_current_again_is_the_newest_again(writer: Writer, draft: ApplyDraft) -> None:
    first, second = draft.groups[0], replace(draft.groups[0], id="g2")
    nothing = replace(draft, definitions=(), bindings=())
    for revision, group in enumerate((first, second, first)):
        writer.record_apply(replace(nothing, expected_revision=revision, groups=(group,)))

    assert [(group.id, group.revision) for group in writer.reader.groups("shop")] == [("g1", 3), ("g2", 2)]


def test_a_build_is_read_back_as_it_was_recorded(writer: Writer, build: BuildRecord) -> None:
    writer.record_build(build)

    assert writer.reader.build("shop", build.id) == build
    assert writer.reader.builds("shop") == (build,)


def test_a_build_is_recorded_once(writer: Writer, build: BuildRecord) -> None:
    writer.record_build(build)
    with pytest.raises(RegistryError, match="refused"):
        writer.record_build(replace(build, rows=7))
    assert writer.reader.build("shop", build.id) == build
    assert len(writer.reader.audit()) == 1


def test_ten_thousand_definitions_are_recorded_and_read_in_seconds(
    writer: Writer, draft: ApplyDraft, spend: DefinitionRecord
) -> None:
    many = tuple(replace(spend, name=f"feature_{number}") for number in range(10_000))
    start = time.monotonic()
    writer.record_apply(replace(draft, definitions=many))
    recorded = time.monotonic()
    found = writer.reader.definitions("shop", documents=False)
    read = time.monotonic()

    assert len(found) == 10_000
    # Ten times what it takes on a laptop: only a plan that goes through all rows for each row is as slow.
    assert recorded - start < 10
    assert read - recorded < 2


def test_an_apply_killed_at_any_statement_leaves_nothing_or_all(path: Path, draft: ApplyDraft) -> None:
    open_writer(path).close()

    def apply() -> None:
        with open_writer(path) as writer:
            writer.record_apply(draft)

    number = 0
    while in_child(killed_at_statement(number, apply)) == -signal.SIGKILL:
        with open_reader(path) as reader:
            assert (reader.revision("shop"), reader.definitions("shop"), reader.audit()) == (0, (), ())
        number += 1

    assert number > 8
    with open_reader(path) as reader:
        assert reader.revision("shop") == 1
        assert len(reader.definitions("shop")) == 2
        assert verify_audit(reader) == []


def test_a_first_opening_killed_at_any_statement_can_be_done_again(tmp_path: Path, draft: ApplyDraft) -> None:
    number = 0
    while True:
        path = tmp_path / f"{number}.db"

        def make(path: Path = path) -> None:
            open_writer(path).close()

        if in_child(killed_at_statement(number, make)) != -signal.SIGKILL:
            break
        with open_reader(path) as reader:
            assert reader.revision("shop") == 0
        with open_writer(path) as writer:
            assert writer.record_apply(draft).revision == 1
        number += 1
    assert number > 20


def test_processes_that_open_a_missing_registry_at_once_all_succeed(tmp_path: Path) -> None:
    for attempt in range(5):
        path = tmp_path / str(attempt) / "registry.db"
        go, gone = os.pipe()

        def open_when_told(path: Path = path, go: int = go, gone: int = gone) -> None:
            os.close(gone)
            os.read(go, 1)
            open_writer(path).close()

        children = [_started(open_when_told) for _ in range(4)]
        os.close(go)
        os.close(gone)
        assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4


def test_a_registry_locked_by_another_is_unavailable_after_the_timeout(path: Path, draft: ApplyDraft) -> None:
    with open_writer(path, busy_timeout=0.05) as writer, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RegistryUnavailableError, match="another process is writing"):
            writer.record_apply(draft)
        assert writer.reader.revision("shop") == 0, "readers do not wait"
        other.rollback()
        assert writer.record_apply(draft).revision == 1


def test_a_ledger_entry_is_read_back_as_it_was_recorded_with_its_number(writer: Writer, entry: LedgerEntry) -> None:
    recorded = writer.record_run(entry)
    other = writer.record_run(replace(entry, project="bank"))

    assert recorded == replace(entry, number=1)
    assert other.number == 1, "each project counts for itself"
    assert writer.reader.ledger("shop") == (recorded,)
    assert [(one.action, one.who, one.at) for one in writer.reader.audit()] == [("run", "ann", entry.finished)] * 2
    assert verify_audit(writer.reader) == []


def test_the_same_publication_is_recorded_once_and_the_first_record_stands(writer: Writer, entry: LedgerEntry) -> None:
    first = writer.record_run(entry)
    again = writer.record_run(replace(entry, run_id="r2", who="bob", rows=None, changed=None, checksum=None, mode=None))

    assert again == first
    assert writer.reader.ledger("shop") == (first,)
    assert len(writer.reader.audit()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"boundary": 0},
        {"token": 8},
        {"group_id": "g2"},
        {"kind": "failed", "message": "the warehouse is away"},
        {"kind": "skipped"},
    ],
    ids=", ".join,
)
def test_what_is_not_the_same_publication_is_an_entry_of_its_own(
    writer: Writer, entry: LedgerEntry, change: dict[str, Any]
) -> None:
    writer.record_run(entry)
    assert writer.record_run(replace(entry, **change)).number == 2


def test_failures_are_recorded_as_often_as_they_happen(writer: Writer, entry: LedgerEntry) -> None:
    failure = replace(entry, kind="failed", message="out of memory", rows=None, changed=None, checksum=None)
    assert [writer.record_run(failure).number for _ in range(2)] == [1, 2]


def test_processes_that_complete_the_ledger_at_once_record_one_publication(
    writer: Writer, path: Path, entry: LedgerEntry
) -> None:
    def complete() -> None:
        with open_writer(path) as mine:
            mine.record_run(entry)

    children = [_started(complete) for _ in range(4)]

    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    assert len(writer.reader.ledger("shop")) == 1
    assert verify_audit(writer.reader) == []


def test_a_ledger_entry_killed_at_any_statement_leaves_nothing_or_all(path: Path, entry: LedgerEntry) -> None:
    open_writer(path).close()

    def record() -> None:
        with open_writer(path) as writer:
            writer.record_run(entry)

    number = 0
    while in_child(killed_at_statement(number, record)) == -signal.SIGKILL:
        with open_reader(path) as reader:
            assert (reader.ledger("shop"), reader.audit()) == ((), ())
        number += 1
    assert number > 4
    with open_reader(path) as reader:
        assert len(reader.ledger("shop")) == 1
        assert verify_audit(reader) == []


def test_a_ledger_entry_with_a_naive_time_is_refused_whole(writer: Writer, entry: LedgerEntry) -> None:
    with pytest.raises(RegistryError, match="no time zone"):
        writer.record_run(replace(entry, started=datetime(2024, 1, 1)))  # noqa: DTZ001  # naive on purpose
    assert writer.reader.audit() == ()


def test_a_model_is_read_back_as_it_was_recorded(writer: Writer, model: ModelRecord, build: BuildRecord) -> None:
    writer.record_build(build)
    trained = replace(model, build=build.id, metrics={"auc": 0.75, "folds": [0.7, 0.8]})
    recorded = writer.record_model(trained)

    assert recorded == trained == writer.reader.model("shop", "churn", "v1")
    assert writer.reader.audit()[-1].document.keys() == {"ref", "rows"}
    assert verify_audit(writer.reader) == []


def test_the_same_model_again_is_no_change_whatever_the_circumstances(writer: Writer, model: ModelRecord) -> None:
    first = writer.record_model(model)
    later = replace(model, at=model.at + timedelta(days=1), who="eve", git_commit=None, packages={}, edges=())

    assert writer.record_model(later) == first
    assert writer.reader.models("shop") == (first,)
    assert len(writer.reader.audit()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"service": "service:other@v1"},
        {"service_fingerprint": "9" * 64},
        {"artifact": "s3://models/churn/2"},
        {"checksum": "sha256:b"},
        {"build": "b_0123456789ab"},
        {"fingerprints": {}},
        {"metrics": {"auc": 0.8}},
        {"parameters": {"depth": 3.5}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_content_under_a_taken_model_version_is_refused(
    writer: Writer, model: ModelRecord, build: BuildRecord, change: dict[str, Any]
) -> None:
    writer.record_build(build)
    first = writer.record_model(model)
    with pytest.raises(VersionTakenError, match=rf"Model churn@v1 is recorded with another {next(iter(change))}\."):
        writer.record_model(replace(model, **change))
    assert writer.record_model(replace(model, version="v2", **change)).version == "v2"
    assert writer.reader.model("shop", "churn", "v1") == first


def test_a_model_of_a_build_that_is_not_there_is_refused(
    writer: Writer, model: ModelRecord, build: BuildRecord
) -> None:
    writer.record_build(replace(build, project="bank"))
    with pytest.raises(RecordNotFoundError, match="Project shop has no build b_0123456789ab"):
        writer.record_model(replace(model, build=build.id))
    assert writer.reader.models("shop") == ()


@pytest.mark.parametrize("change", [{"name": "churn@v1"}, {"metrics": {"auc": float("nan")}}], ids=["@", "nan"])
def test_a_model_that_cannot_be_right_is_refused_whole(
    writer: Writer, model: ModelRecord, change: dict[str, Any]
) -> None:
    with pytest.raises(RegistryError):
        writer.record_model(replace(model, **change))
    writer.record_model(model)
    with pytest.raises(RegistryError):
        writer.record_model(replace(model, **change))
    assert len(writer.reader.audit()) == 1


def test_edges_are_recorded_with_their_apply_or_not_at_all(
    writer: Writer, draft: ApplyDraft, edges: tuple[LineageEdge, ...]
) -> None:
    with pytest.raises(RegistryError):
        writer.record_apply(replace(draft, edges=(*edges, replace(edges[0], upstream=cast("str", None)))))
    assert writer.reader.edges("shop") == ()
    writer.record_apply(replace(draft, edges=edges))
    assert writer.reader.edges("shop") == tuple(replace(edge, revision=1) for edge in edges)
    assert "lineage_edges" in cast("dict[str, str]", writer.reader.audit()[0].document["rows"])
