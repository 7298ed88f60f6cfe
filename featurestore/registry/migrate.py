"""The registry's schema: which version a database has, which this code needs, and the way from one to the other."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Table, column, inspect, select, table

from featurestore.errors import RegistrySchemaError
from featurestore.registry.connection import Database, Place, make_folder, open_database, parse_location
from featurestore.registry.tables import VERSION_TABLE

__all__ = ["NEWEST", "OLDEST_READABLE", "check_readable", "is_present", "open_newest", "schema_version", "upgrade"]

NEWEST: Final = 2
"""Number of the newest migration, which is the schema that this code writes."""

OLDEST_READABLE: Final = 1
"""The oldest schema that this code's Reader understands: a table that is not there yet counts as empty."""

_MIGRATIONS = Path(__file__).parent / "migrations"


def schema_version(connection: Connection, where: str) -> int | None:
    """The schema's number; None for a database without any table.

    Raises:
        RegistrySchemaError: The database holds other tables and no registry.
    """
    present = inspect(connection).get_table_names()
    if VERSION_TABLE in present:
        return int(connection.execute(select(table(VERSION_TABLE, column("version_num")))).scalar_one())
    if not present:
        return None
    raise RegistrySchemaError(
        f"This database is no registry: it holds {_some(present)}.",
        where=where,
        hint="Give the registry a database of its own.",
    )


def check_readable(version: int, where: str) -> None:
    """Make sure that this code can read the schema.

    Raises:
        RegistrySchemaError: It is too old or too new.
    """
    _check_not_newer(version, where)
    if version < OLDEST_READABLE:
        raise RegistrySchemaError(
            f"The registry has schema {version}; this version of featurestore reads {OLDEST_READABLE} to {NEWEST}.",
            where=where,
            hint="The next `featurestore apply` upgrades it; until then, read it with the version that wrote it.",
        )


def upgrade(connection: Connection, where: str) -> None:
    """Bring the schema to the newest version, within the connection's transaction.

    Raises:
        RegistrySchemaError: The schema is newer than this code, or no registry's.
    """
    version = schema_version(connection, where)
    if version is not None:
        _check_not_newer(version, where)
    if version == NEWEST:
        return

    from alembic import command  # noqa: PLC0415  # takes a third of a second, and is needed once per schema
    from alembic.config import Config  # noqa: PLC0415  # idem

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes.update(connection=connection, version_table=VERSION_TABLE)
    command.upgrade(config, "head")


def open_newest(location: str | Path, *, busy_timeout: float) -> tuple[Database, Database]:
    """Open a registry to write to it, and to read it; make it where there is none, upgrade it where it is older.

    Raises:
        ConfigurationError: The location is no place for a registry.
        RegistryUnavailableError: The database cannot be reached, read or written.
        RegistrySchemaError: The schema is too new for this code, or not a registry's.
    """
    place = parse_location(location)
    reading = open_database(place, writable=False, busy_timeout=busy_timeout)
    writing = open_database(place, writable=True, busy_timeout=busy_timeout)
    try:
        make_folder(place)
        # Looking first: opening then does not wait for a long transaction of another's.
        if _present_version(place, reading) != NEWEST:
            with writing.exclusive() as connection:
                upgrade(connection, str(place))
    except BaseException:
        reading.close()
        writing.close()
        raise
    return writing, reading


def is_present(connection: Connection, table: Table) -> bool:
    """Whether the schema, which may be an older one, has the table."""
    return inspect(connection).has_table(table.name)


def _present_version(place: Place, reading: Database) -> int | None:
    if place.file is not None and not place.file.exists():
        return None
    with reading.snapshot() as connection:
        return schema_version(connection, str(place))


def _check_not_newer(version: int, where: str) -> None:
    if version > NEWEST:
        raise RegistrySchemaError(
            f"The registry has schema {version}, and this version of featurestore knows {NEWEST} at most.",
            where=where,
            hint="Upgrade the package: pip install --upgrade featurestore",
        )


def _some(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:3])
    return f"the tables {shown}, …" if len(names) > 3 else f"the tables {shown}"
