import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from featurestore.errors import RecordNotFoundError, RegistryUnavailableError
from featurestore.registry import (
    ApplyDraft,
    BuildRecord,
    DefinitionRecord,
    LedgerEntry,
    LineageEdge,
    ModelRecord,
    Writer,
    open_reader,
    open_writer,
    verify_audit,
)


def test_a_registry_that_was_never_made_answers_as_empty_and_is_not_made(path: Path) -> None:
    with open_reader(path) as reader:
        assert reader.revision("shop") == 0
        assert not any((reader.applies("shop"), reader.definitions("shop"), reader.events("shop")))
        assert not any((reader.groups("shop"), reader.bindings("shop"), reader.builds("shop"), reader.audit()))
        assert not any((reader.ledger("shop"), reader.runs("shop"), reader.models("shop"), reader.edges("shop")))
        assert reader.published("shop", "g1") is None
        assert verify_audit(reader) == []
        with pytest.raises(RecordNotFoundError):
            reader.build("shop", "b_0")
    assert not path.parent.exists()


def test_a_reader_can_be_used_in_another_thread(writer: Writer, tmp_path: Path) -> None:
    with open_reader(tmp_path / "none.db") as empty, ThreadPoolExecutor(1) as other:
        assert other.submit(empty.revision, "shop").result() == 0
        assert other.submit(writer.reader.revision, "shop").result() == 0


def test_a_relative_path_stays_what_it_was_when_the_working_folder_changes(
    tmp_path: Path, draft: ApplyDraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_writer("registry.db") as writer:
        writer.record_apply(draft)
        monkeypatch.chdir("/")
        assert writer.reader.revision("shop") == 1


def test_a_file_that_a_killed_process_left_empty_answers_as_empty(tmp_path: Path) -> None:
    file = tmp_path / "registry.db"
    file.touch()
    with open_reader(file) as reader:
        assert reader.revision("shop") == 0
    assert file.stat().st_size == 0


def test_a_reader_cannot_write(writer: Writer, draft: ApplyDraft) -> None:
    writer.record_apply(draft)
    with pytest.raises(RegistryUnavailableError, match="cannot be written"), writer.reader.snapshot() as connection:
        connection.execute(text("CREATE TABLE more (id INTEGER)"))


def test_a_snapshot_does_not_see_what_is_applied_meanwhile(writer: Writer, draft: ApplyDraft) -> None:
    count = text("SELECT count(*) FROM applies")
    with writer.reader.snapshot() as connection:
        before = connection.execute(count).scalar_one()
        writer.record_apply(draft)
        assert connection.execute(count).scalar_one() == before == 0
    assert writer.reader.revision("shop") == 1


def test_revision_and_definitions_as_of_the_past_leave_out_what_came_later(
    writer: Writer, draft: ApplyDraft, spend: DefinitionRecord
) -> None:
    writer.record_apply(draft)
    later = draft.at + timedelta(days=1)
    new = replace(spend, version="v2", logic="8" * 64)
    writer.record_apply(replace(draft, expected_revision=1, at=later, definitions=(new,), groups=(), bindings=()))
    reader = writer.reader

    assert reader.revision("shop", at=draft.at - timedelta(microseconds=1)) == 0
    assert reader.revision("shop", at=draft.at) == 1
    assert reader.revision("shop", at=later) == reader.revision("shop") == 2
    assert [str(record.key) for record in reader.definitions("shop", as_of_revision=1)] == [
        "feature:spend@v1",
        "source:orders@v1",
    ]
    assert [record.first_apply for record in reader.definitions("shop")] == [1, 2, 1]
    assert reader.definitions("shop", as_of_revision=0) == ()


def test_definitions_without_documents_differ_in_nothing_else(writer: Writer, draft: ApplyDraft) -> None:
    writer.record_apply(draft)
    assert writer.reader.definitions("shop", documents=False) == tuple(
        replace(record, document={}, metadata_document={}, source_text=None)
        for record in writer.reader.definitions("shop")
    )


def test_applies_come_newest_first_and_as_many_as_asked_for(writer: Writer, draft: ApplyDraft) -> None:
    nothing = replace(draft, definitions=(), groups=(), bindings=())
    for revision in range(3):
        writer.record_apply(replace(nothing, expected_revision=revision))
    assert [apply.revision for apply in writer.reader.applies("shop", limit=2)] == [3, 2]


def test_builds_come_newest_first_and_of_the_training_set_asked_for(writer: Writer, build: BuildRecord) -> None:
    builds = [
        build,
        replace(build, id="b_1", at=build.at + timedelta(hours=1)),
        replace(build, id="b_2", training_set="training_set:other@v1"),
        replace(build, id="b_3", project="bank"),
    ]
    for one in builds:
        writer.record_build(one)
    reader = writer.reader
    assert [one.id for one in reader.builds("shop")] == ["b_1", "b_0123456789ab", "b_2"]
    assert [one.id for one in reader.builds("shop", "training_set:churn@v1", limit=1)] == ["b_1"]


def test_a_missing_record_is_answered_with_what_is_close(writer: Writer, draft: ApplyDraft, build: BuildRecord) -> None:
    writer.record_apply(draft)
    writer.record_build(build)
    with pytest.raises(RecordNotFoundError, match=r"Close to it: spend@v1\."):
        writer.reader.definition("shop", "feature", "spent", "v1")
    with pytest.raises(RecordNotFoundError, match=r"Close to it: b_0123456789ab\."):
        writer.reader.build("shop", "b_0123456789ac")
    with pytest.raises(RecordNotFoundError):
        writer.reader.build("bank", build.id)


def test_the_ledger_comes_newest_first_and_of_the_group_or_run_asked_for(writer: Writer, entry: LedgerEntry) -> None:
    one = writer.record_run(entry)
    two = writer.record_run(replace(entry, group_id="g2", run_id="r2"))
    three = writer.record_run(replace(entry, boundary=5, run_id="r2"))
    reader = writer.reader
    assert reader.ledger("shop") == (three, two, one)
    assert reader.ledger("shop", "g1") == (three, one)
    assert reader.ledger("shop", "g1", limit=1) == (three,)
    assert reader.ledger("shop", run_id="r2") == (three, two)
    assert reader.ledger("bank") == ()


def test_the_newest_publication_is_the_one_that_stores_let_win(writer: Writer, entry: LedgerEntry) -> None:
    newest = writer.record_run(replace(entry, boundary=10, token=9))
    writer.record_run(replace(entry, boundary=10, token=8))
    writer.record_run(replace(entry, boundary=9, token=11))
    writer.record_run(replace(entry, boundary=11, token=12, kind="failed"))
    writer.record_run(replace(entry, boundary=12, token=13, kind="skipped"))
    writer.record_run(replace(entry, boundary=13, group_id="g2"))
    assert writer.reader.published("shop", "g1") == newest
    assert writer.reader.published("shop", "g3") is None
    assert writer.reader.published("bank", "g1") is None


def test_a_run_ended_with_its_publication_or_else_with_its_newest_failure(writer: Writer, entry: LedgerEntry) -> None:
    failed = replace(entry, kind="failed")
    writer.record_run(replace(failed, message="first"))
    gave_up = writer.record_run(replace(failed, message="second"))
    writer.record_run(replace(entry, kind="skipped", boundary=-2))
    writer.record_run(replace(failed, run_id="r2"))
    published = writer.record_run(replace(entry, run_id="r2", group_id="g2"))
    writer.record_run(replace(failed, run_id="r2", message="too late"))
    writer.record_run(replace(entry, kind="skipped", run_id="r3"))
    writer.record_run(replace(failed, project="bank"))
    reader = writer.reader
    assert reader.runs("shop") == (published, gave_up)
    assert reader.runs("shop", limit=1) == (published,)
    assert reader.runs("shop", "g1") == (gave_up,)
    assert reader.run("shop", "r1") == gave_up
    with pytest.raises(RecordNotFoundError, match=r"no finished run r22(?s:.)*Close to it: r2\."):
        reader.run("shop", "r22")


def test_models_come_newest_first_with_the_edges_of_each(writer: Writer, model: ModelRecord) -> None:
    later = model.at + timedelta(hours=1)
    edge = LineageEdge(upstream="feature:spend@v1", downstream="model:churn@v2")
    first = writer.record_model(model)
    second = writer.record_model(replace(model, version="v2", at=later, edges=(edge,)))
    other = writer.record_model(replace(model, name="fraud", edges=()))
    writer.record_model(replace(model, project="bank"))
    reader = writer.reader
    assert reader.models("shop") == (second, first, other)
    assert reader.model("shop", "churn") == second
    assert second.edges == (edge,)
    with pytest.raises(RecordNotFoundError, match=r"no model churm@v1\.(?s:.)*Close to it: churn@v1"):
        reader.model("shop", "churm", "v1")


def test_an_edge_comes_once_with_the_newest_revision_that_recorded_it(
    writer: Writer, draft: ApplyDraft, model: ModelRecord, edges: tuple[LineageEdge, ...]
) -> None:
    nothing = replace(draft, definitions=(), groups=(), bindings=())
    writer.record_apply(replace(nothing, edges=edges))
    writer.record_apply(replace(nothing, expected_revision=1, edges=(edges[1], replace(edges[0], kind="indirect"))))
    writer.record_model(model)
    writer.record_apply(replace(nothing, project="bank", edges=edges))

    first, second, third = edges
    assert writer.reader.edges("shop") == (
        replace(first, revision=1),
        replace(second, revision=2),
        replace(third, revision=1),
        replace(first, kind="indirect", revision=2),
        replace(model.edges[0], revision=2),
    )
    assert writer.reader.edges("shop", as_of_revision=1) == tuple(replace(edge, revision=1) for edge in edges)
    assert writer.reader.edges("shop", as_of_revision=0) == ()


def test_a_hundred_thousand_edges_load_in_under_a_second(writer: Writer, draft: ApplyDraft) -> None:
    many = tuple(
        LineageEdge(upstream=f"column:orders.c{number % 1000}", downstream=f"feature:f{number // 10}@v1", via="sum")
        for number in range(100_000)
    )
    writer.record_apply(replace(draft, edges=many))

    def seconds() -> float:
        # Of the processor: other processes may keep it busy.
        start = time.process_time()
        assert len(writer.reader.edges("shop")) == 100_000
        return time.process_time() - start

    assert min(seconds() for _ in range(3)) < 1
