import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from featurestore.errors import RecordNotFoundError, RegistrySchemaError
from featurestore.registry import (
    ApplyDraft,
    LedgerEntry,
    LineageEdge,
    ModelRecord,
    Writer,
    migrate,
    open_leases,
    open_reader,
    open_writer,
    tables,
    verify_audit,
)
from featurestore.registry.mutable import leases, progress


def set_version(path: Path, version: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE registry_version SET version_num = ?", [version])


def test_the_migrations_give_exactly_the_tables(writer: Writer) -> None:
    with writer.reader.snapshot() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": tables.VERSION_TABLE})
        assert compare_metadata(context, tables.metadata) == []


def test_the_migrations_give_exactly_the_primary_keys(writer: Writer) -> None:
    with writer.reader.snapshot() as connection:
        found = inspect(connection)
        keys = {name: found.get_pk_constraint(name)["constrained_columns"] for name in tables.metadata.tables}
    declared = {name: {*table.primary_key.columns.keys()} for name, table in tables.metadata.tables.items()}
    assert {name: {*key} for name, key in keys.items()} == declared


def test_the_newest_schema_is_that_of_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert [int(script.revision) for script in scripts.walk_revisions()] == list(range(migrate.NEWEST, 0, -1))


@pytest.mark.parametrize("open_registry", [open_reader, open_writer])
def test_a_newer_schema_asks_for_a_newer_package(tmp_path: Path, open_registry: type) -> None:
    path = tmp_path / "registry.db"
    open_writer(path).close()
    set_version(path, "0999")
    with pytest.raises(RegistrySchemaError, match=r"has schema 999.*(?s:.)*pip install --upgrade featurestore"):
        open_registry(path)


def test_a_schema_too_old_to_read_says_what_upgrades_it(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    open_writer(path).close()
    set_version(path, "0000")
    with pytest.raises(RegistrySchemaError, match=r"has schema 0(?s:.)*featurestore apply"):
        open_reader(path)


@pytest.mark.parametrize("open_registry", [open_reader, open_writer])
def test_a_database_of_something_else_is_left_alone(tmp_path: Path, open_registry: type) -> None:
    path = tmp_path / "online.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE rows (id)")
    before = path.read_bytes()
    with pytest.raises(RegistrySchemaError, match="it holds the tables rows"):
        open_registry(path)
    assert path.read_bytes() == before


@pytest.fixture
def oldest(tmp_path: Path) -> Path:
    """A registry of schema 1, as the code of its time wrote it."""
    path = tmp_path / "registry.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / "registry_0001.sql").read_text(encoding="utf-8"))
    return path


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_an_older_registry_can_be_read_and_is_not_changed_by_it(oldest: Path) -> None:
    before = dump(oldest)
    with open_reader(oldest) as reader:
        assert reader.revision("shop") == 2
        assert not any((reader.ledger("shop"), reader.runs("shop"), reader.models("shop"), reader.edges("shop")))
        assert not any((leases(reader, "shop"), progress(reader, "shop")))
        assert verify_audit(reader) == []
        for look in (reader.run, reader.model):
            with pytest.raises(RecordNotFoundError):
                look("shop", "r1")
    assert dump(oldest) == before


@pytest.mark.parametrize("open_registry", [open_writer, open_leases])
def test_an_upgrade_keeps_every_row_and_the_audit_chain(oldest: Path, open_registry: type) -> None:
    with open_reader(oldest) as reader:
        old = (reader.applies("shop"), reader.definitions("shop"), reader.events("shop"), reader.groups("shop"))
        more = (reader.bindings("shop"), reader.builds("shop"), reader.audit())
        before = dump(oldest)
        open_registry(oldest).close()

        assert (reader.applies("shop"), reader.definitions("shop"), reader.events("shop"), reader.groups("shop")) == old
        assert (reader.bindings("shop"), reader.builds("shop"), reader.audit()) == more
        assert verify_audit(reader) == []
    assert {*before} - {*dump(oldest)} == {"INSERT INTO \"registry_version\" VALUES('0001');"}


def test_an_upgraded_registry_has_the_tables_and_triggers_of_a_new_one(oldest: Path, path: Path) -> None:
    open_writer(path).close()
    with open_writer(oldest) as writer, writer.reader.snapshot() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": tables.VERSION_TABLE})
        assert compare_metadata(context, tables.metadata) == []
    assert schema(oldest) == schema(path)


def test_an_upgraded_registry_can_be_added_to(
    oldest: Path, draft: ApplyDraft, entry: LedgerEntry, model: ModelRecord, edges: tuple[LineageEdge, ...]
) -> None:
    with open_writer(oldest) as writer:
        writer.record_apply(replace(draft, expected_revision=2, definitions=(), groups=(), bindings=(), edges=edges))
        writer.record_run(entry)
        writer.record_model(replace(model, build="b_0123456789ab"))
        assert len(writer.reader.edges("shop")) == len(edges) + 1
        assert verify_audit(writer.reader) == []


def schema(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {(name, " ".join(sql.split())) for name, sql in found}
