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
