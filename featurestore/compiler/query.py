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
    "Asof",
    "BoundaryQuery",
    "Entities",
    "Hidden",
    "LabelQuery",
    "LiveRows",
    "Output",
    "Pass",
    "Points",
    "Query",
    "Relation",
    "SourceRows",
    "StepRows",
    "reach",
]


class Hidden:
    """Names of the columns that rows and spines carry beside their own."""

    EVENT = "__e"
    CREATED = "__c"
    ENTER = "__enter"
    LEAVE = "__leave"
    BOUNDARY = "__b"
    BUCKET = "__bucket"
    ROW = "__row"
    TIME = "__t"

    @staticmethod
    def key(position: int) -> str:
        """The source's key column at a position, in name order: it breaks ties (semantics 8)."""
        return f"__key_{position}"


@dataclass(frozen=True)
class Asof:
    """Knowledge as of one time, for label rows: the newest versions created by then (semantics 19)."""

    time: int


@dataclass(frozen=True)
class SourceRows:
    """The rows of a source with their times, key and interval.

    ``knowledge`` is the delay for which enter and leave are computed, or the time of a label's build. ``ties`` are the
    columns that break ties between versions of one key (semantics 4).
    """

    name: str
    source: SourceTable
    columns: Schema
    knowledge: int | Asof
    ties: tuple[str, ...]


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
class Pass:
    """Aggregations of rows per point, all in one join.

    Attributes:
        name: Its relation.
        points: The relation of its points.
        rows: The relation of its rows.
        columns: The visible columns of the rows.
        keys: Pairs of a point's key column and the rows' column.
        tie_keys: Types of the rows' hidden key columns, in order.
        aggregates: Column name, aggregation, and the other columns that break ties in it.
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
    aggregates: tuple[tuple[str, Aggregate, tuple[str, ...]], ...]
    timed: bool
    reach: int | None
    shift: int


@dataclass(frozen=True)
class LiveRows:
    """A relation of rows that name entities: their key columns, and the aggregations that features make of them."""

    name: str
    keys: tuple[str, ...]
    timed: bool
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


Relation = SourceRows | StepRows | Points | Pass | Entities


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
