"""Triggers by which the database itself refuses to change or remove a row.

Migrations call this module, so a registry made last year holds what it says today: add here, change nothing.
"""

from collections.abc import Callable, Mapping, Sequence

__all__ = ["append_only"]


def append_only(dialect: str, table: str, key: Sequence[str]) -> tuple[str, ...]:
    """Statements that make a table append-only.

    Args:
        dialect: ``sqlite`` or ``postgresql``.
        table: Its name.
        key: Columns of its primary key.
    """
    return _STATEMENTS[dialect](table, key)


def _sqlite(table: str, key: Sequence[str]) -> tuple[str, ...]:
    # INSERT OR REPLACE removes the row in its way without firing DELETE triggers, hence the third.
    same = " AND ".join(f'"{column}" = NEW."{column}"' for column in key)
    conditions = {
        "update": f'BEFORE UPDATE ON "{table}"',
        "delete": f'BEFORE DELETE ON "{table}"',
        "replace": f'BEFORE INSERT ON "{table}" WHEN EXISTS (SELECT 1 FROM "{table}" WHERE {same})',
    }
    return tuple(
        f'CREATE TRIGGER "{table}_no_{name}" {condition} '
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {name} refused'); END"
        for name, condition in conditions.items()
    )


def _postgresql(table: str, key: Sequence[str]) -> tuple[str, ...]:  # noqa: ARG001  # one signature for both
    # Per statement, because only such a trigger sees TRUNCATE.
    refuse = (
        "BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only: ' || lower(TG_OP) || ' refused', "
        "ERRCODE = 'integrity_constraint_violation'; END"
    )
    when = f'BEFORE UPDATE OR DELETE OR TRUNCATE ON "{table}" FOR EACH STATEMENT'
    return (
        f"CREATE OR REPLACE FUNCTION featurestore_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ {refuse} $$",
        f'CREATE TRIGGER "{table}_append_only" {when} EXECUTE FUNCTION featurestore_append_only()',
    )


_STATEMENTS: Mapping[str, Callable[[str, Sequence[str]], tuple[str, ...]]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
}
