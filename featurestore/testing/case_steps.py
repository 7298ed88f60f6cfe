"""Steps of generated cases: for each kind the text of its SQL, and the same in Python for the oracle."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import AsofJoin, Rows
from featurestore.definitions.inputs import use
from featurestore.definitions.sources import Source
from featurestore.definitions.transformations import Transformation, transformation
from featurestore.definitions.types import Schema
from featurestore.testing.case_grid import COLUMNS, EVENT_TIMES, STEP_COLUMNS
from featurestore.testing.oracle_rows import Row, Step
from featurestore.testing.oracle_values import order

__all__ = ["KINDS", "NAMES", "NAMES_SCHEMA", "STEPS", "MadeStep", "Readable", "make_step", "readable"]

NAMES = Source("names", table="names")
"""The untimed table that rows are joined to; a number may have several names."""
NAMES_SCHEMA: Schema = {"n": COLUMNS["n"], "label": STEP_COLUMNS["label"]}

Tables = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Readable:
    """A table as features and steps read it.

    Args:
        table: The source or the transformation.
        keys: Join key to column.
        columns: The columns that features may aggregate, and their types.
        event_time: The column that says when a row happened, if rows have one.
        created_time: The column that says when a row became known.
        key: The columns of its key.
        sources: Names of the sources below.
    """

    table: Source | Transformation[..., Any]
    keys: Mapping[str, str]
    columns: Schema
    event_time: str | None
    created_time: str | None
    key: tuple[str, ...]
    sources: frozenset[str]

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table.name

    @property
    def has_order(self) -> bool:
        """Whether one of its rows is the last: they have times or a key."""
        return bool(self.event_time or self.key)


@dataclass(frozen=True)
class MadeStep(Readable):
    """A step: how it was made, and what it does, in Python."""

    kind: str
    inputs: tuple[Readable, ...]
    function: Step | None


@dataclass(frozen=True)
class _Recipe:
    """What a step of one kind is over given tables. It joins as of the times of its rows if ``sql`` is None.

    ``columns`` are those that features may aggregate, ``added`` those of them that no source has. ``dated`` is what a
    step declares that is not row-wise.
    """

    sql: str | None
    function: Step | None
    columns: Schema
    added: Schema = field(default_factory=dict)
    keys: Mapping[str, str] | None = None
    dated: Mapping[str, Any] = field(default_factory=dict)


def readable(source: Source, entities: Sequence[Entity]) -> Readable:
    """A source as features and steps read it."""
    columns = dict(COLUMNS)
    if source.event_time:
        columns[source.event_time] = EVENT_TIMES[source.event_time]
    keys = {key: source.keys.get(key, key) for entity in entities for key in entity.keys}
    times = source.event_time, source.created_time
    return Readable(source, keys, columns, *times, source.key, frozenset({source.name}))


def make_step(kind: str, name: str, inputs: Sequence[Readable]) -> MadeStep:
    """A step of one of the kinds in `STEPS`, over one table or, where it joins or unites, two."""
    rows, others = inputs[0], inputs[-1]
    made = STEPS[kind](rows, others)
    dated = {"time": "row_wise", **made.dated}
    options: Any = {"name": name, "columns": made.added, **dated}
    row_wise = dated["time"] == "row_wise"
    return MadeStep(
        table=_transformation(made, inputs, options),
        keys=made.keys if made.keys is not None else rows.keys,
        columns=made.columns,
        event_time=rows.event_time if row_wise else dated["event_time"],
        created_time=rows.created_time if row_wise else dated.get("created_time"),
        key=rows.key if row_wise else dated.get("key", ()),
        sources=frozenset().union(*(given.sources for given in inputs)),
        kind=kind,
        inputs=tuple(inputs),
        function=made.function,
    )


def _transformation(made: _Recipe, inputs: Sequence[Readable], options: Any) -> Transformation[..., Any]:
    rows_table, others_table, sql = inputs[0].table, inputs[-1].table, made.sql
    if sql is None:

        @transformation(**options)
        def as_of(rows: Annotated[Rows, use(rows_table)], others: Annotated[Rows, use(others_table)]) -> AsofJoin:
            return rows.asof_join(others, on="n")

        return as_of
    if len(inputs) == 1:

        @transformation(**options)
        def of_one(rows: Annotated[Rows, use(rows_table)]) -> str:  # noqa: ARG001 - a parameter is an input
            return sql

        return of_one

    @transformation(**options)
    def of_two(
        rows: Annotated[Rows, use(rows_table)],  # noqa: ARG001 - a parameter is an input
        others: Annotated[Rows, use(others_table)],  # noqa: ARG001
    ) -> str:
        return sql

    return of_two


def _listed(names: Sequence[str], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{name}"' for name in names)


def _renamed(keys: Mapping[str, str]) -> str:
    return ", ".join(f'"{column}" AS "{key}"' for key, column in keys.items())


def _keys_of(row: Row, keys: Mapping[str, str]) -> dict[str, object]:
    return {key: row[column] for key, column in keys.items()}


def _added(*names: str) -> Schema:
    return {name: STEP_COLUMNS[name] for name in names}


# --- row-wise -----------------------------------------------------------------------------------------------------


def _filter(rows: Readable, _: Readable) -> _Recipe:
    def positive(_: str, row: Any) -> list[Row]:
        return [row] if row["i"] is not None and row["i"] > 0 else []

    return _Recipe('SELECT * FROM {rows} WHERE "i" > 0', positive, rows.columns)


def _projection(rows: Readable, _: Readable) -> _Recipe:
    def doubled(_: str, row: Any) -> list[Row]:
        return [{**row, "doubled": None if row["i"] is None else row["i"] * 2 + 1}]

    sql = 'SELECT *, CAST("i" AS BIGINT) * 2 + 1 AS "doubled" FROM {rows}'
    added = _added("doubled")
    return _Recipe(sql, doubled, {**rows.columns, **added}, added)


UNITED = ("n", "i", "s", "flag")


def _union_all(rows: Readable, others: Readable) -> _Recipe:
    def chosen(parameter: str, row: Row) -> list[Row]:
        keys = (rows if parameter == "rows" else others).keys
        return [{**_keys_of(row, keys), **{name: row[name] for name in UNITED}}]

    parts = [
        f"SELECT {_renamed(given.keys)}, {_listed(UNITED)} FROM {{{parameter}}}"
        for parameter, given in (("rows", rows), ("others", others))
    ]
    columns = {name: COLUMNS[name] for name in UNITED}
    return _Recipe(" UNION ALL ".join(parts), chosen, columns, keys={key: key for key in rows.keys})


def _named(*, left: bool) -> Callable[[Readable, Readable], _Recipe]:
    """Rows joined to the untimed names of their number."""

    def recipe(rows: Readable, _: Readable) -> _Recipe:
        def joined(tables: Tables) -> list[Row]:
            found: list[Row] = []
            for row in tables["rows"]:
                names = [
                    other["label"] for other in tables["others"] if row["n"] is not None and row["n"] == other["n"]
                ]
                found += [{**row, "label": label} for label in names or ([None] if left else [])]
            return found

        join = "LEFT JOIN" if left else "JOIN"
        sql = f'SELECT a.*, b."label" FROM {{rows}} AS a {join} {{others}} AS b ON a."n" = b."n"'
        added = _added("label")
        return _Recipe(sql, joined, {**rows.columns, **added}, added)

    return recipe


def _labels(_rows: Readable, _: Readable) -> _Recipe:
    """What as-of joins join: columns that do not have the names of the other side's."""

    def label(_: str, row: Row) -> list[Row]:
        return [{"n": row["n"], "label": row["s"], "level": row["i"]}]

    added = _added("label", "level")
    sql = 'SELECT "n", "s" AS "label", "i" AS "level" FROM {rows}'
    return _Recipe(sql, label, {"n": COLUMNS["n"], **added}, added, keys={})


def _as_of(rows: Readable, _: Readable) -> _Recipe:
    return _Recipe(None, None, {**rows.columns, **_added("label", "level")}, _added("label", "level"))


# --- of whole tables ----------------------------------------------------------------------------------------------


def _grouped(*, time: str) -> Callable[[Readable, Readable], _Recipe]:
    """The rows of each entity: when the newest happened, how many there are, a sum and a maximum."""

    def recipe(rows: Readable, _: Readable) -> _Recipe:
        happened = str(rows.event_time)
        newest = "newest_at" if EVENT_TIMES[happened].name == "Timestamp" else "newest_on"

        def grouped(tables: Tables) -> list[Row]:
            return [
                {**_keys_of(found[0], rows.keys), newest: max(row[happened] for row in found), **_summary(found)}
                for found in _groups(tables["rows"], lambda row: _keys_of(row, rows.keys))
            ]

        sql = (
            f'SELECT {_renamed(rows.keys)}, max("{happened}") AS "{newest}", count(*) AS "size", '
            'CAST(sum("i") AS BIGINT) AS "total", max("s") AS "greatest" '
            f"FROM {{rows}} GROUP BY {_listed(list(rows.keys.values()))}"
        )
        added = _added(newest, "size", "total", "greatest")
        known_after = "0s" if newest == "newest_on" else None  # a Date has to say it
        dated = {"time": time, "event_time": newest, "known_after": known_after, "key": tuple(rows.keys)}
        return _Recipe(sql, grouped, added, added, {key: key for key in rows.keys}, dated)

    return recipe


def _days(rows: Readable, _: Readable) -> _Recipe:
    """The rows of each entity and day; a day is known when it is over."""
    happened = str(rows.event_time)

    def by_day(tables: Tables) -> list[Row]:
        return [
            {**_keys_of(found[0], rows.keys), "on_day": _day(found[0][happened]), **_summary(found)}
            for found in _groups(tables["rows"], lambda row: {**_keys_of(row, rows.keys), "": _day(row[happened])})
        ]

    sql = (
        f'SELECT {_renamed(rows.keys)}, CAST("{happened}" AS DATE) AS "on_day", count(*) AS "size", '
        'CAST(sum("i") AS BIGINT) AS "total", max("s") AS "greatest" '
        f'FROM {{rows}} GROUP BY {_listed(list(rows.keys.values()))}, CAST("{happened}" AS DATE)'
    )
    added = _added("on_day", "size", "total", "greatest")
    dated = {"time": "per_boundary", "event_time": "on_day", "known_after": "1d", "key": (*rows.keys, "on_day")}
    return _Recipe(sql, by_day, added, added, {key: key for key in rows.keys}, dated)


def _day(time: Any) -> datetime.date:
    return time.date() if isinstance(time, datetime.datetime) else time


def _groups(rows: Sequence[Row], key: Callable[[Row], Mapping[str, object]]) -> list[list[Any]]:
    groups: dict[object, list[Any]] = {}
    for row in rows:
        groups.setdefault(tuple(order(value) for value in key(row).values()), []).append(row)
    return list(groups.values())


def _summary(rows: Sequence[Any]) -> dict[str, object]:
    numbers = [row["i"] for row in rows if row["i"] is not None]
    texts = [row["s"] for row in rows if row["s"] is not None]
    return {
        "size": len(rows),
        "total": sum(numbers) if numbers else None,
        "greatest": max(texts, key=order, default=None),
    }


def _like(rows: Readable) -> dict[str, Any]:
    """The times and the key that the rows of a table have, declared once more."""
    known_after = getattr(rows.table, "known_after", None)
    return {
        "time": "per_boundary",
        "event_time": rows.event_time,
        "created_time": rows.created_time,
        "known_after": None if known_after is None else f"{known_after}us",
        "key": rows.key,
    }


def _window(rows: Readable, _: Readable) -> _Recipe:
    def counted(tables: Tables) -> list[Row]:
        groups = _groups(tables["rows"], lambda row: {"n": row["n"]})
        return [{**row, "peers": len(found)} for found in groups for row in found]

    sql = 'SELECT *, count(*) OVER (PARTITION BY "n") AS "peers" FROM {rows}'
    added = _added("peers")
    return _Recipe(sql, counted, {**rows.columns, **added}, added, dated=_like(rows))


def _distinct(rows: Readable, _: Readable) -> _Recipe:
    happened = str(rows.event_time)
    chosen = {"i": COLUMNS["i"], happened: EVENT_TIMES[happened]}

    def different(tables: Tables) -> list[Row]:
        made = [{**_keys_of(row, rows.keys), **{name: row[name] for name in chosen}} for row in tables["rows"]]
        return [found[0] for found in _groups(made, lambda row: row)]

    sql = f"SELECT DISTINCT {_renamed(rows.keys)}, {_listed(list(chosen))} FROM {{rows}}"
    dated = {**_like(rows), "created_time": None, "key": ()}
    return _Recipe(sql, different, chosen, keys={key: key for key in rows.keys}, dated=dated)


def _pairs(rows: Readable, _: Readable) -> _Recipe:
    """Each row with each row of the other table of one number, whenever they happened."""

    def paired(tables: Tables) -> list[Row]:
        return [
            {**row, "level": other["i"]}
            for row in tables["rows"]
            for other in tables["others"]
            if row["n"] is not None and row["n"] == other["n"]
        ]

    sql = 'SELECT a.*, b."i" AS "level" FROM {rows} AS a JOIN {others} AS b ON a."n" = b."n"'
    added = _added("level")
    return _Recipe(sql, paired, {**rows.columns, **added}, added, dated={**_like(rows), "key": ()})


KINDS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("filter", "projection", "union_all", "join", "left_join"), frozenset({"row_wise"})),
    **dict.fromkeys(("group", "day", "window", "distinct", "pairs"), frozenset({"per_boundary"})),
    "asof_join": frozenset({"row_wise", "asof_join"}),
    "snapshot": frozenset({"snapshot"}),
}
"""What cases may be asked for, and the kinds of steps that a store must declare for it."""
STEPS: Mapping[str, Callable[[Readable, Readable], _Recipe]] = {
    "filter": _filter,
    "projection": _projection,
    "union_all": _union_all,
    "join": _named(left=False),
    "left_join": _named(left=True),
    "asof_join": _as_of,
    "group": _grouped(time="per_boundary"),
    "day": _days,
    "window": _window,
    "distinct": _distinct,
    "pairs": _pairs,
    "snapshot": _grouped(time="snapshot"),
    "labels": _labels,
}
"""Kind to what it is. ``labels`` is a projection that as-of joins use."""
