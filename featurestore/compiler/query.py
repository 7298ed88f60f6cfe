"""The relational plan of `values_at`: a few kinds of relations, each with a name, in the order in which they are built.

A row version lives on boundaries ``[enter, leave)``. Points are the entities and boundaries that a spine asks for;
a pass aggregates, per point, the rows alive at its boundary. All times are microseconds since the epoch.
"""

from dataclasses import dataclass

from featurestore.compiler.steps import Step
from featurestore.definitions.nodes import Aggregate, Node
from featurestore.definitions.resolved import Schedule, SourceTable, StoredFeature
from featurestore.definitions.types import DataType, Schema

__all__ = [
    "Aggregated",
    "AliveRows",
    "AsofRows",
    "BoundaryQuery",
    "BoundaryRows",
    "Entities",
    "Hidden",
    "KnownRows",
    "LabelQuery",
    "LiveRows",
    "NewestRows",
    "Output",
    "Pass",
    "Points",
    "Query",
    "Relation",
    "RowTimes",
    "RowsQuery",
    "RowsRelation",
    "Several",
    "SourceRows",
    "Stage",
    "StepRows",
    "Versions",
    "reach",
    "source_relation",
]


class Hidden:
    """Names of the columns that rows and spines carry beside their own."""

    EVENT = "__e"
    CREATED = "__c"
    ENTER = "__enter"
    BOUNDARY = "__b"
    BUCKET = "__bucket"
    ROW = "__row"
    TIME = "__t"

    @staticmethod
    def key(position: int) -> str:
        """The source's key column at a position, in name order: it breaks ties (semantics 8)."""
        return f"__key_{position}"

    @staticmethod
    def leave(position: int) -> str:
        """The boundary at which a row leaves, by the way to break ties at a position."""
        return f"__leave_{position}"


@dataclass(frozen=True)
class RowTimes:
    """Which columns say when a row happened, when it became known, what it is a version of, whether it deletes."""

    event_time: str | None
    created_time: str | None
    known_after: int | None
    key: tuple[str, ...]
    deleted: str | None = None


@dataclass(frozen=True)
class SourceRows:
    """All rows of a table that a store brings, with their times and key, before anything is known of them.

    Attributes:
        name: Its relation.
        table: The relation that the store brings: a source, or what a stage has made.
        ref: Whose rows they are.
        columns: The visible columns and their types.
        times: What its columns say of a row; nothing, if the rows come with hidden columns.
        hidden: The hidden columns that the table has.
    """

    name: str
    table: str
    ref: str
    columns: Schema
    times: RowTimes
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class KnownRows:
    """Rows with the boundary at which each enters; those that never do are left out (semantics 3).

    ``delay`` is how long after a boundary rows may still come; rows that enter after ``until`` are left out, too.
    """

    name: str
    rows: str
    columns: Schema
    times: RowTimes
    delay: int
    until: int | None


@dataclass(frozen=True)
class Several:
    """The keys of ``rows`` that have more than one version."""

    name: str
    rows: str
    times: RowTimes


@dataclass(frozen=True)
class Versions:
    """Rows with the boundary at which each leaves, in one column for each way to break ties (semantics 4).

    ``ties`` are the columns that break ties between versions of one key; features that read other columns may choose
    other rows.
    """

    name: str
    rows: str
    several: str
    columns: Schema
    times: RowTimes
    ties: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class NewestRows:
    """Of each key the newest version, of all rows or of those created by ``until`` (semantics 19).

    With ``visible`` rows that would never be visible at a boundary are left out.
    """

    name: str
    rows: str
    columns: Schema
    times: RowTimes
    ties: tuple[str, ...]
    until: int | None
    visible: bool


@dataclass(frozen=True)
class BoundaryRows:
    """Rows made for one boundary each, `Hidden.BOUNDARY`: of each key the newest version visible there."""

    name: str
    rows: str
    columns: Schema
    times: RowTimes
    delay: int
    ties: tuple[str, ...]


@dataclass(frozen=True)
class AliveRows:
    """The rows that exist at a boundary, which is set when they are read.

    ``leave`` is as in `Aggregated`; ``at_boundary``: they are made for one boundary each.
    """

    name: str
    rows: str
    leave: str | None
    at_boundary: bool
    boundary: int | None = None


@dataclass(frozen=True)
class AsofRows:
    """Rows of the left table, each with the newest row of the right at its own event time (semantics 2).

    Attributes:
        name: Its relation.
        left: The relation of the left rows.
        right: The relation of the right rows.
        columns: The visible columns that come from the left.
        joined: The visible columns that come from the right, and their types.
        on: The columns that are equal on both sides.
        keys: Types of the right rows' hidden key columns, in order.
        right_columns: All visible columns of the right; in name order they decide between its rows of one time and key.
        hidden: The hidden columns that the result has: an interval, a boundary for which it is made, or neither.
        left_leave: The column that says when a left row leaves; None: it stays.
        right_leave: The same of a right row.
    """

    name: str
    left: str
    right: str
    columns: tuple[str, ...]
    joined: Schema
    on: tuple[str, ...]
    keys: tuple[DataType, ...]
    right_columns: Schema
    hidden: tuple[str, ...]
    left_leave: str | None
    right_leave: str | None


@dataclass(frozen=True)
class StepRows:
    """The rows of a SQL step; ``inputs`` is parameter to relation, ``hidden`` the columns passed through."""

    name: str
    step: Step
    inputs: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]


@dataclass(frozen=True)
class Points:
    """The distinct keys of a spine, each with its boundaries; ``schedule`` None: no boundary matters (untimed)."""

    name: str
    keys: tuple[str, ...]
    schedule: Schedule | None


def source_relation(name: str) -> str:
    """The relation under which a store brings the source ``name``."""
    return f"source_{name}"


def reach(one: Aggregate) -> int | None:
    """How far before a boundary the rows that an aggregation counts may lie; None: as far as there are any.

    A ttl bounds rows as a window does, since the newest row is the last to leave it, and it is no longer for an ago.
    """
    if one.ttl is not None:
        return one.ttl
    return None if one.over is None else one.over + one.ago


@dataclass(frozen=True)
class Aggregated:
    """An aggregation in a column of a pass.

    ``ties`` are the columns that decide between rows of one time and key; ``leave`` is the hidden column that says
    when a row leaves it, None where rows stay.
    """

    column: str
    aggregate: Aggregate
    ties: tuple[str, ...]
    leave: str | None


@dataclass(frozen=True)
class Pass:
    """Aggregations of rows per point, all in one join.

    Attributes:
        name: Its relation.
        points: The relation of its points.
        rows: The relation of its rows.
        columns: The visible columns of the rows.
        keys: Pairs of a point's key column and the rows' column.
        tie_keys: Types of the rows' hidden key columns, in order.
        aggregates: What it computes.
        timed: Whether rows have times.
        at_boundary: Whether rows are made for one boundary each.
        reach: How far back the longest window begins, in microseconds; None where one has no beginning.
        shift: How far back the youngest window ends.
    """

    name: str
    points: str
    rows: str
    columns: Schema
    keys: tuple[tuple[str, str], ...]
    tie_keys: tuple[DataType, ...]
    aggregates: tuple[Aggregated, ...]
    timed: bool
    at_boundary: bool
    reach: int | None
    shift: int


@dataclass(frozen=True)
class LiveRows:
    """A relation of rows that name entities: their key columns, and the aggregations that features make of them.

    ``leaves`` are the hidden columns that say when a row leaves.
    """

    name: str
    keys: tuple[str, ...]
    timed: bool
    at_boundary: bool
    leaves: tuple[str, ...]
    aggregates: tuple[Aggregate, ...]


@dataclass(frozen=True)
class Entities:
    """The entities live at a boundary, as a spine at the time at which that boundary answers (semantics 17).

    ``since`` leaves out those that have not changed after it; None: no entity is left out.
    """

    name: str
    rows: tuple[LiveRows, ...]
    keys: tuple[str, ...]
    boundary: int
    since: int | None
    time: int


RowsRelation = SourceRows | KnownRows | Several | Versions | NewestRows | BoundaryRows | AliveRows | AsofRows | StepRows
Relation = RowsRelation | Points | Pass | Entities


@dataclass(frozen=True)
class RowsQuery:
    """The rows of one relation: the columns named, in no order. Its stages, if any, are those of the whole."""

    relations: tuple[RowsRelation, ...]
    rows: str
    columns: tuple[str, ...]
    sources: tuple[SourceTable, ...]


@dataclass(frozen=True)
class Stage:
    """A table that is made before the statement that reads it: by code, or at one boundary after the other.

    Attributes:
        name: The relation under which stores are given it.
        step: What makes it.
        inputs: For code: parameter to the rows that it is given. For SQL: its result, under an empty name.
        hidden: The hidden columns that each of its rows takes over from the row that it was made from.
        carrier: The parameter whose rows carry these.
        schedule: It is made for each boundary that is asked for, and its rows carry `Hidden.BOUNDARY`. None: it is made
            once.
    """

    name: str
    step: Step
    inputs: tuple[tuple[str, RowsQuery], ...]
    hidden: tuple[str, ...]
    carrier: str | None
    schedule: Schedule | None


@dataclass(frozen=True)
class Output:
    """A stored feature in a result: its expression over the columns of a pass."""

    name: str
    feature: StoredFeature
    expression: Node
    columns: tuple[tuple[Aggregate, str, str], ...]
    """Aggregation, its pass, its column there."""
    keys: tuple[str, ...]
    type: DataType


@dataclass(frozen=True)
class Query:
    """What must be computed for a spine: relations in order, then one row per row of the spine.

    The spine is a relation ``spine`` with `Hidden.ROW`, `Hidden.TIME` and ``keys``; the result has `Hidden.ROW` and
    the outputs, ordered by row. ``sources`` are the relations that a store has to bring, ``stages`` the tables that
    are made before, in order.
    """

    relations: tuple[Relation, ...]
    outputs: tuple[Output, ...]
    keys: Schema
    sources: tuple[SourceTable, ...]
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class BoundaryQuery:
    """What a group's store holds at a boundary: per entity its keys, then ``columns``, in no order.

    ``query`` has the entities as its spine; its outputs are the columns, in order. ``time`` is when the boundary
    answers.
    """

    query: Query
    keys: Schema
    columns: Schema
    time: int


@dataclass(frozen=True)
class LabelQuery:
    """The label rows known at a time: all visible columns, and `Hidden.EVENT`, ordered so that builds are alike."""

    relations: tuple[Relation, ...]
    rows: str
    columns: Schema
    mature_before: int
    sources: tuple[SourceTable, ...]
    stages: tuple[Stage, ...]
