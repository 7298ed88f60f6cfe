import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from featurestore.errors import RegistrySchemaError
from featurestore.registry import Writer, migrate, open_reader, open_writer, tables


def set_version(path: Path, version: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE registry_version SET version_num = ?", [version])


def test_the_migrations_give_exactly_the_tables(writer: Writer) -> None:
    with writer.reader.snapshot() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": tables.VERSION_TABLE})
        assert compare_metadata(context, tables.metadata) == []


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
