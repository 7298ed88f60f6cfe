"""Questions that both the reader and the writer ask: what is newest, as of a revision."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Select, Table, and_, func, select

from featurestore.registry import tables

__all__ = ["definitions", "edges", "newest", "outcomes", "published"]

_KEY: Final = ("project", "kind", "name", "version")
_LIVENESS: Final = ("registered", "retired", "restored")
_LONG: Final = ("document", "metadata_document", "source_text")


def newest(table: Table, key: Sequence[str], project: str, as_of: int | None) -> Select[Any]:
    """Of the project's rows, the one of the highest revision for each key."""
    return select(table).where(table.c.project == project, _is_newest(table, key, as_of))


def definitions(project: str, as_of: int | None = None, *, documents: bool) -> Select[Any]:
    """Definitions with their newest description and the newest event that says whether they are live.

    ``revision`` is that of the registration, ``event`` the liveness. Without documents, the long columns are left out.
    """
    registered, described, events = tables.definitions, tables.definition_metadata, tables.definition_events
    columns = {**dict(described.c), **dict(registered.c), "event": events.c.event}
    return (
        select(*(column for name, column in columns.items() if documents or name not in _LONG))
        .select_from(registered)
        .join(described, and_(_same(described, registered, _KEY), _is_newest(described, _KEY, as_of)))
        .join(events, and_(_same(events, registered, _KEY), _is_newest(events, _KEY, as_of, event=_LIVENESS)))
        .where(registered.c.project == project)
    )


def published(project: str, group_id: str) -> Select[Any]:
    """A group's publications, the newest first, as stores compare them: by boundary, then token."""
    table = tables.ledger_entries
    mine = (table.c.project == project, table.c.group_id == group_id, table.c.kind == "published")
    return select(table).where(*mine).order_by(table.c.boundary.desc(), table.c.token.desc())


def outcomes(project: str) -> Select[Any]:
    """Of each run, one entry: that it published or else its newest failure."""
    table, other = tables.ledger_entries, tables.ledger_entries.alias()
    outcome = (
        select(other.c.number)
        .where(_same(other, table, ("project", "run_id")), other.c.kind != "skipped")
        .order_by((other.c.kind == "published").desc(), other.c.number.desc())
        .limit(1)
    )
    return select(table).where(table.c.project == project, table.c.number == outcome.correlate(table).scalar_subquery())


def edges(project: str) -> Select[Any]:
    """Edges as they were recorded, the oldest first; the revision comes before what makes an edge what it is."""
    table = tables.lineage_edges
    return (
        select(table.c.revision, table.c.upstream, table.c.downstream, table.c.kind, table.c.via, table.c.opaque)
        .where(table.c.project == project)
        .order_by(table.c.revision, table.c.event, table.c.subject, table.c.position)
    )


def _is_newest(table: Table, key: Sequence[str], as_of: int | None, **among: Sequence[str]) -> ColumnElement[bool]:
    """Whether a row, of those with the given values, has the highest revision for its key.

    A look into the primary key's index per row: joining a grouped table instead took PostgreSQL twenty times as long.
    """
    other = table.alias()
    older = () if as_of is None else (other.c.revision <= as_of,)
    eligible = [other.c[name].in_(values) for name, values in among.items()]
    highest = select(func.max(other.c.revision)).where(_same(other, table, key), *older, *eligible)
    return and_(
        table.c.revision == highest.correlate(table).scalar_subquery(),
        *(table.c[name].in_(values) for name, values in among.items()),
    )


def _same(one: FromClause, other: FromClause, names: Sequence[str]) -> ColumnElement[bool]:
    return and_(*(one.c[name] == other.c[name] for name in names))
