import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from featurestore.registry import (
    ApplyDraft,
    BuildRecord,
    LedgerEntry,
    LineageEdge,
    ModelRecord,
    open_leases,
    open_writer,
    tables,
)
from featurestore.registry.triggers import append_only


@pytest.fixture
def full(
    tmp_path: Path,
    draft: ApplyDraft,
    build: BuildRecord,
    entry: LedgerEntry,
    model: ModelRecord,
    edges: tuple[LineageEdge, ...],
) -> Path:
    path = tmp_path / "registry.db"
    with open_writer(path) as writer, open_leases(path) as leases:
        writer.record_apply(replace(draft, edges=edges))
        writer.record_build(build)
        writer.record_run(entry)
        writer.record_model(model)
        leases.acquire("shop", "g1", "ann", timedelta(minutes=1), entry.started)
    return path


@pytest.mark.parametrize("table", sorted({*tables.metadata.tables} - tables.MUTABLE))
@pytest.mark.parametrize(
    "statement",
    [
        'UPDATE "{0}" SET project = project',
        'DELETE FROM "{0}"',
        'INSERT OR REPLACE INTO "{0}" SELECT * FROM "{0}"',
        'INSERT INTO "{0}" SELECT * FROM "{0}"',
    ],
    ids=["update", "delete", "replace", "insert again"],
)
def test_the_database_refuses_to_change_or_remove_a_row(full: Path, table: str, statement: str) -> None:
    everything = f'SELECT * FROM "{table}"'  # a table of ours
    with closing(sqlite3.connect(full)) as connection:
        rows = connection.execute(everything).fetchall()
        assert rows
        with pytest.raises(sqlite3.IntegrityError, match=f"{table} is append-only"):
            connection.execute(statement.format(table))
        assert connection.execute(everything).fetchall() == rows


def test_every_dialect_refuses_in_its_own_words() -> None:
    sqlite, postgresql = (" ".join(append_only(name, "audit", ["id"])) for name in ("sqlite", "postgresql"))
    assert sqlite.count("CREATE TRIGGER") == 3
    assert 'BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit"' in postgresql
