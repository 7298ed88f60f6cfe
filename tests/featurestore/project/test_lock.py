"""`sources.lock.yaml`: written whole, read back as it was, and said to be broken where it is."""

import os
from pathlib import Path

import pytest

from featurestore.definitions.types import Array, Decimal, Float64, Int64, String, Vector
from featurestore.errors import ConfigurationError
from featurestore.project.lock import LOCK_FILE, SchemaChange, read_lock, schema_changes, write_lock
from featurestore.spi.stores import SourceProbe

ODD = {
    "": Int64,
    "on": Int64,
    "null": String,
    "1": String,
    'quo"te': Float64,
    "a: b": Decimal(10, 2),
    "größe 日本": Array[String],
    "line\nbreak": Vector[3],
    "~": Int64,
    "# no comment": Int64,
}


def refusal(root: Path, text: str) -> ConfigurationError:
    (root / LOCK_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_lock(root)
    assert "delete it and run `featurestore sources pull`" in (caught.value.hint or "")
    return caught.value


def test_columns_of_any_name_and_type_come_back_in_their_order(tmp_path: Path) -> None:
    lock = {
        "orders": SourceProbe(ODD, {"odd: one": "STRUCT(a INTEGER, b VARCHAR)"}),
        "a": SourceProbe({"x": Int64}, {}),
    }
    write_lock(tmp_path, lock)
    found = read_lock(tmp_path)
    assert found == lock
    assert list(found) == ["a", "orders"]
    assert list(found["orders"].columns) == list(ODD)


def test_without_a_file_nothing_is_locked(tmp_path: Path) -> None:
    assert read_lock(tmp_path) == {}


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("<<<<<<< HEAD\nversion: 1\n=======\n", "sources.lock.yaml:2", "This is not YAML"),
        ("version: 2\nsources: {}\n", "sources.lock.yaml:1", "version: Input should be 1."),
        ("sources:\n  orders: {columns: {a: Int65}}\n", "sources.lock.yaml:2", "sources.orders.columns: a: 'Int65'"),
        ("sources:\n  orders:\n    colums: {}\n", "sources.lock.yaml:2", "sources.orders.columns: Field required."),
        ("sources:\n  orders: {columns: {a: 7}}\n", "sources.lock.yaml:2", "sources.orders.columns.a: Input should be"),
        ("sources: {a: {columns: {}}, a: {columns: {}}}\n", "sources.lock.yaml:1", "a is written twice"),
        ("garbage\n", "sources.lock.yaml:1", "Input should be a valid dictionary"),
    ],
)
def test_a_broken_lock_is_named_with_line_and_way_out(tmp_path: Path, text: str, where: str, message: str) -> None:
    error = refusal(tmp_path, text)
    assert error.where == where
    assert error.message.startswith(message)


def test_a_lock_that_cannot_be_written_is_an_error_that_says_why_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).mkdir()
    with pytest.raises(ConfigurationError) as caught:
        write_lock(tmp_path, {})
    assert "cannot be written: Is a directory" in caught.value.message
    assert caught.value.where == LOCK_FILE
    assert os.listdir(tmp_path) == [LOCK_FILE]  # noqa: PTH208 - a list of names is what is asked


def test_a_write_replaces_the_file_whole(tmp_path: Path) -> None:
    write_lock(tmp_path, {"a": SourceProbe({"x": Int64}, {})})
    write_lock(tmp_path, {"b": SourceProbe({"x": Int64}, {})})
    assert list(read_lock(tmp_path)) == ["b"]
    assert [path.name for path in tmp_path.iterdir()] == [LOCK_FILE]


def test_changes_name_column_and_both_types() -> None:
    old = SourceProbe({"same": Int64, "gone": Int64, "other": Int64, "lost": Int64}, {})
    new = SourceProbe({"same": Int64, "other": String, "added": Float64}, {"lost": "HUGEINT"})
    changes = schema_changes("orders", old, new)
    assert set(changes) == {
        SchemaChange("orders", "gone", "Int64", None),
        SchemaChange("orders", "other", "Int64", "String"),
        SchemaChange("orders", "lost", "Int64", "HUGEINT"),
        SchemaChange("orders", "added", None, "Float64"),
    }
    assert str(changes[0]) == "orders.gone: Int64 -> not there"
    assert schema_changes("orders", new, new) == ()
