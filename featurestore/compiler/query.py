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
    "BoundaryQuery",
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
    "RowsRelation",
    "Several",
    "SourceRows",
    "StepRows",
    "Versions",
    "reach",
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
    """All rows of a source with their times and key, before anything is known of them."""

    name: str
    source: SourceTable
    columns: Schema
    times: RowTimes


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
    """Of each key the newest version, of all rows or of those created by ``until`` (semantics 19)."""

    name: str
    rows: str
    columns: Schema
    times: RowTimes
    ties: tuple[str, ...]
    until: int | None


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


RowsRelation = SourceRows | KnownRows | Several | Versions | NewestRows | StepRows
Relation = RowsRelation | Points | Pass | Entities


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
    the outputs, ordered by row. ``sources`` are the relations that a store has to bring.
    """

    relations: tuple[Relation, ...]
    outputs: tuple[Output, ...]
    keys: Schema
    sources: tuple[SourceTable, ...]


@dataclass(frozen=True)
class BoundaryQuery:
    """What a group's store holds at a boundary: per entity its keys, then ``columns``, in no order.

    ``query`` has the entities as its spine; its outputs are the columns, in order.
    """

    query: Query
    keys: Schema
    columns: Schema


@dataclass(frozen=True)
class LabelQuery:
    """The label rows known at a time: all visible columns, and `Hidden.EVENT`, ordered so that builds are alike."""

    relations: tuple[Relation, ...]
    rows: str
    columns: Schema
    mature_before: int
    sources: tuple[SourceTable, ...]
