"""The rows of sources, printed: each with its times, and of each key the newest version (semantics 3, 4)."""

import textwrap
from collections.abc import Sequence

from featurestore.compiler.dialect import Dialect
from featurestore.compiler.printing.joins import asof_rows
from featurestore.compiler.printing.ordering import tie_order
from featurestore.compiler.query import (
    AliveRows,
    AsofRows,
    BoundaryRows,
    Hidden,
    KnownRows,
    NewestRows,
    RowTimes,
    Several,
    SourceRows,
    Versions,
)
from featurestore.definitions.types import Int64, Schema

__all__ = ["print_rows"]


RowsOfTables = SourceRows | KnownRows | Several | Versions | NewestRows | BoundaryRows | AliveRows | AsofRows


def print_rows(rows: RowsOfTables, dialect: Dialect) -> tuple[str, str]:
    """The query of a relation of rows, and a word about what it is."""
    match rows:
        case SourceRows():
            return _source_rows(rows, dialect), f"the rows of {rows.ref}, with their times"
        case KnownRows():
            return _known_rows(rows, dialect), "from which boundary on each is visible"
        case Several():
            return _several_versions(rows, dialect), "the keys of which there are several versions"
        case Versions():
            return _versions(rows, dialect), "at which boundary a newer version takes its place"
        case NewestRows():
            return _newest_rows(rows, dialect), "of each key the newest version"
        case BoundaryRows():
            return _boundary_rows(rows, dialect), "those visible at the boundary they are made for"
        case AliveRows():
            return _alive_rows(rows, dialect), "those that exist at the boundary"
        case AsofRows():
            return asof_rows(rows, dialect), "each with the newest row at its own time"


def _source_rows(rows: SourceRows, dialect: Dialect) -> str:
    """The rows of a table in the types of its columns, with event and created time, and with its key."""
    times, name = rows.times, dialect.name
    columns = [f"  {dialect.cast(name(column), kind)} AS {name(column)}" for column, kind in rows.columns.items()]
    columns += [f"  {name(column)}" for column in rows.hidden]
    read = "SELECT\n" + ",\n".join(columns) + f"\nFROM {name(rows.table)}"
    hidden = [f"{name(column)} AS {name(Hidden.key(position))}" for position, column in enumerate(sorted(times.key))]
    if times.event_time is not None:
        hidden += [
            f"{_event(times, rows.columns, dialect)} AS {name(Hidden.EVENT)}",
            f"{_created(times, rows.columns, dialect)} AS {name(Hidden.CREATED)}",
        ]
    return f"SELECT *{''.join(f',{chr(10)}  {one}' for one in hidden)}\n{_from(read, 'raw')}" if hidden else read


def _from(query: str, alias: str) -> str:
    return f"FROM (\n{textwrap.indent(query, '  ')}\n) AS {alias}"


def _event(times: RowTimes, columns: Schema, dialect: Dialect) -> str:
    column = times.event_time or ""
    return dialect.micros(dialect.name(column), columns[column])


def _created(times: RowTimes, columns: Schema, dialect: Dialect) -> str:
    """``c``: the created time; where it is null, the event time plus what `known_after` says (semantics 3)."""
    known = _event(times, columns, dialect) + (f" + {times.known_after}" if times.known_after else "")
    if times.created_time is None:
        return known
    created = dialect.name(times.created_time)
    return f"CASE WHEN {created} IS NULL THEN {known} ELSE {dialect.micros(created, columns[times.created_time])} END"


def _known_rows(rows: KnownRows, dialect: Dialect) -> str:
    """Rows with the boundary from which on they are visible; a row that never is, is left out (semantics 3)."""
    times, name = rows.times, dialect.name
    entered, enter = _entered(times, rows.delay, dialect), name(Hidden.ENTER)
    visible = [_visible(times, dialect)]
    if rows.until is not None:
        visible.append(f"{entered} <= {rows.until}")
    return f"SELECT *,\n  {entered} AS {enter}\nFROM {name(rows.rows)}\nWHERE " + "\n  AND ".join(visible)


def _entered(times: RowTimes, delay: int, dialect: Dialect) -> str:
    """``enter`` (semantics 3)."""
    event, created = dialect.name(Hidden.EVENT), dialect.name(Hidden.CREATED)
    if times.created_time is None and (times.known_after or 0) <= delay:
        return event
    known = f"{created} - {delay}" if delay else created
    return f"CASE WHEN {event} > {known} THEN {event} ELSE {known} END"  # null is not greater


def _boundary_rows(rows: BoundaryRows, dialect: Dialect) -> str:
    """Of the rows made for each boundary those visible there, of each key the newest."""
    times, name = rows.times, dialect.name
    boundary, rank = name(Hidden.BOUNDARY), name("__rank")
    visible = f"{_visible(times, dialect)}\n  AND {_entered(times, rows.delay, dialect)} <= {boundary}"
    if not times.key:
        return f"SELECT *\nFROM {name(rows.rows)}\nWHERE {visible}"
    ranked = _ranked(rows, rows.ties, [boundary], dialect) + f"\nWHERE {visible}"
    return f"SELECT *\n{_from(ranked, 'ranked')}\nWHERE {rank} = 1 OR NOT ({_has_key(times, dialect)})"


def _alive_rows(rows: AliveRows, dialect: Dialect) -> str:
    """The rows that exist at the boundary."""
    name = dialect.name
    if rows.at_boundary:
        return f"SELECT *\nFROM {name(rows.rows)}\nWHERE {name(Hidden.BOUNDARY)} = {rows.boundary}"
    alive = f"SELECT *\nFROM {name(rows.rows)}\nWHERE {name(Hidden.ENTER)} <= {rows.boundary}"
    if rows.leave is None:
        return alive
    return f"{alive}\n  AND ({name(rows.leave)} IS NULL OR {rows.boundary} < {name(rows.leave)})"


def _visible(times: RowTimes, dialect: Dialect) -> str:
    """Rows that are visible at some boundary: with finite times, or a deletion, which may lack its event time."""
    event, created = dialect.name(Hidden.EVENT), dialect.name(Hidden.CREATED)
    for deleted in _deleted(times, dialect):
        timeless = f"{deleted} AND {dialect.name(times.event_time or '')} IS NULL"
        return (
            f"{created} IS NOT NULL\n  AND ({event} IS NOT NULL OR {timeless})\n"
            f"  AND (NOT {deleted} OR {_has_key(times, dialect)})"
        )
    return f"{event} IS NOT NULL AND {created} IS NOT NULL"


def _several_versions(rows: Several, dialect: Dialect) -> str:
    """The keys that have more than one version."""
    key = _key(rows.times, dialect)
    return (
        f"SELECT {key}\nFROM {dialect.name(rows.rows)}\nWHERE {_has_key(rows.times, dialect)}\n"
        f"GROUP BY {key}\nHAVING COUNT(*) > 1"
    )


def _versions(rows: Versions, dialect: Dialect) -> str:
    """Rows with the boundary at which a newer version of their key makes each leave (semantics 4).

    Most keys have one version, which never leaves: only the others are put in order.
    """
    times, name = rows.times, dialect.name
    leaves = [name(Hidden.leave(position)) for position in range(len(rows.ties))]
    same = " AND ".join(f"s.{name(column)} = r.{name(column)}" for column in sorted(times.key))
    among = f"EXISTS (SELECT 1 FROM {name(rows.several)} AS s WHERE {same})"
    never = ", ".join(f"{dialect.literal(None, Int64)} AS {leave}" for leave in leaves)
    newer = {ties: f"  {_newer(rows, ties, dialect)}" for ties in rows.ties}
    left = ",\n".join(f"{newer[ties]} AS {leave}" for ties, leave in zip(rows.ties, leaves, strict=True))
    alone = f"SELECT r.*, {never}\nFROM {name(rows.rows)} AS r\nWHERE NOT {among}"
    others = f"SELECT r.*,\n{left}\nFROM {name(rows.rows)} AS r\nWHERE {among}"
    both = f"{alone}\nUNION ALL\n{others}"
    # A version that never counts stays, since it names a live entity all the same (semantics 17).
    if not (kept := _not_deleted(times, dialect)):
        return both
    return f"SELECT *\n{_from(both, 'versions')}\nWHERE {' AND '.join(kept)}"


def _newer(rows: Versions, ties: Sequence[str], dialect: Dialect) -> str:
    times = rows.times
    return (
        f"MIN({dialect.name(Hidden.ENTER)}) OVER (\n    PARTITION BY {_key(times, dialect)}\n"
        f"    ORDER BY {', '.join(_version_order(times, rows.columns, ties, dialect))}\n"
        "    ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING\n  )"
    )


def _newest_rows(rows: NewestRows, dialect: Dialect) -> str:
    """Of each key the newest version, of those created by a time or of all; deletions are gone.

    A label row without an event time stays, so that it can be told of.
    """
    times, name = rows.times, dialect.name
    created, has_key = name(Hidden.CREATED), _has_key(times, dialect)
    known = [] if rows.until is None else [f"({created} IS NULL OR {created} <= {rows.until})"]
    known += [_visible(times, dialect)] if rows.visible else []
    where = "\nWHERE " + "\n  AND ".join(known) if known else ""
    if not times.key:
        return f"SELECT *\nFROM {name(rows.rows)}{where}"
    ranked = _ranked(rows, rows.ties, [], dialect) + where
    kept = " AND ".join([f"({name('__rank')} = 1 OR NOT ({has_key}))", *_not_deleted(times, dialect)])
    return f"SELECT *\n{_from(ranked, 'ranked')}\nWHERE {kept}"


def _ranked(rows: NewestRows | BoundaryRows, ties: Sequence[str], among: Sequence[str], dialect: Dialect) -> str:
    """All rows, each with its rank among the versions of its key (and of equal ``among``): the newest is the first."""
    times, created = rows.times, dialect.name(Hidden.CREATED)
    order = _version_order(times, rows.columns, ties, dialect)
    if times.event_time is not None:
        order.insert(0, f"({created} IS NOT NULL)")
    # Rows without a whole key are versions of nothing.
    alone = f"CASE WHEN {_has_key(times, dialect)} THEN 0 ELSE 1 END"
    return (
        f"SELECT *, ROW_NUMBER() OVER (\n  PARTITION BY {', '.join([*among, _key(times, dialect), alone])}\n"
        f"  ORDER BY {', '.join(f'{part} DESC' for part in order)}\n"
        f") AS {dialect.name('__rank')}\nFROM {dialect.name(rows.rows)}"
    )


def _key(times: RowTimes, dialect: Dialect) -> str:
    return ", ".join(dialect.name(column) for column in sorted(times.key))


def _has_key(times: RowTimes, dialect: Dialect) -> str:
    return " AND ".join(f"{dialect.name(column)} IS NOT NULL" for column in sorted(times.key))


def _deleted(times: RowTimes, dialect: Dialect) -> list[str]:
    """Whether a row is a delete marker, if the source has any."""
    return [f"COALESCE({dialect.name(times.deleted)}, FALSE)"] if times.deleted else []


def _not_deleted(times: RowTimes, dialect: Dialect) -> list[str]:
    return [f"NOT {deleted}" for deleted in _deleted(times, dialect)]


def _version_order(times: RowTimes, columns: Schema, ties: Sequence[str], dialect: Dialect) -> list[str]:
    """Oldest version first: by created time, event time (none last), deletion last, then ties (semantics 4)."""
    event, created = dialect.name(Hidden.EVENT), dialect.name(Hidden.CREATED)
    newest = [] if times.event_time is None else [created, f"({event} IS NULL)", event]
    return [*newest, *_deleted(times, dialect), *tie_order(dialect, ties, columns)]
