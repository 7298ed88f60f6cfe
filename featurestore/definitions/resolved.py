"""Definitions with everything that they name looked up: what the compiler, the registry and the oracle work on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import AsofJoin
from featurestore.definitions.features import Feature
from featurestore.definitions.fingerprints import Fingerprint
from featurestore.definitions.nodes import Aggregate, Node, aggregates, columns_read
from featurestore.definitions.on_demand import OnDemand
from featurestore.definitions.origin import Origin
from featurestore.definitions.references import Ref
from featurestore.definitions.services import FeatureService, Label, TrainingSet
from featurestore.definitions.sources import Source
from featurestore.definitions.transformations import Transformation
from featurestore.definitions.types import DataType, Schema

__all__ = [
    "Computed",
    "Definition",
    "DerivedFeature",
    "Group",
    "OnDemandFeature",
    "ResolvedLabel",
    "ResolvedService",
    "ResolvedTrainingSet",
    "Role",
    "Schedule",
    "SelectedFeature",
    "SourceTable",
    "StepTable",
    "StoredFeature",
    "Table",
    "is_timed",
    "sources_of",
    "steps_of",
]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When values are computed; all in microseconds. P, D, R and O of the semantics, in this order."""

    every: int
    delay: int = 0
    publish_within: int = 0
    offset: int = 0

    def boundary(self, time: int) -> int:
        """``b(t)``: the newest boundary whose run had to be finished at ``time`` (semantics 1)."""
        lag = self.delay + self.publish_within + self.offset
        return (time - lag) // self.every * self.every + self.offset

    def due(self, boundary: int) -> int:
        """When the values at ``boundary`` should be published."""
        return boundary + self.delay + self.publish_within


@dataclass(frozen=True, eq=False)
class SourceTable:
    """A source and its columns. ``name``, ``ref`` and ``fingerprint`` are those of its definition."""

    source: Source
    ref: Ref
    schema: Schema
    fingerprint: Fingerprint

    @property
    def name(self) -> str:
        """The source's name."""
        return self.source.name


@dataclass(frozen=True, eq=False)
class StepTable:
    """A transformation and its inputs, by parameter.

    ``sql`` is the text that a SQL step returned, with ``{parameter}`` for its inputs; ``join`` what an as-of join
    returned. Both are None for a step that is code.
    """

    transformation: Transformation[..., Any]
    ref: Ref
    inputs: "Mapping[str, Table]"
    sql: str | None
    join: AsofJoin | None
    dialect: str
    fingerprint: Fingerprint

    @property
    def name(self) -> str:
        """The transformation's name."""
        return self.transformation.name


Table = SourceTable | StepTable


def sources_of(table: Table) -> tuple[SourceTable, ...]:
    """The sources below ``table``, once each, in the order in which they are named."""
    if isinstance(table, SourceTable):
        return (table,)
    below = [source for given in table.inputs.values() for source in sources_of(given)]
    return tuple({source.name: source for source in below}.values())


def is_timed(table: Table) -> bool:
    """Whether the rows of ``table`` have an event time: their source's, or the one that a step declares."""
    if isinstance(table, SourceTable):
        return table.source.is_timed
    if table.transformation.time != "row_wise":
        return table.transformation.event_time is not None
    return any(map(is_timed, table.inputs.values()))


def steps_of(table: Table) -> tuple[StepTable, ...]:
    """``table`` and the steps below it, once each, those that are named first at the end."""
    if isinstance(table, SourceTable):
        return ()
    return tuple(dict.fromkeys([*(step for given in table.inputs.values() for step in steps_of(given)), table]))


@dataclass(frozen=True, eq=False)
class StoredFeature:
    """A feature that aggregates the rows of a table, and is computed at boundaries."""

    feature: Feature[..., Any]
    ref: Ref
    entity: Entity
    schedule: Schedule
    table: Table
    expression: Node
    fingerprint: Fingerprint

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """The aggregations in its expression, once each."""
        return aggregates(self.expression)

    @property
    def columns_read(self) -> tuple[str, ...]:
        """The columns that its expression reads, sorted."""
        return columns_read(self.expression)

    @property
    def ttl(self) -> int | None:
        """Its ttl in microseconds, if it has one: then its expression is one `last`, filled or not."""
        return next((found.ttl for found in self.aggregates if found.ttl is not None), None)


@dataclass(frozen=True, eq=False)
class DerivedFeature:
    """A feature that is an expression over other features of its entity; it is not stored."""

    feature: Feature[..., Any]
    ref: Ref
    entity: Entity
    inputs: "Mapping[str, StoredFeature | DerivedFeature]"
    expression: Node
    fingerprint: Fingerprint


Role = tuple[tuple[str, str], ...]
"""Join key to the spine's column, sorted; keys that keep their own name are left out."""


@dataclass(frozen=True, eq=False)
class OnDemandFeature:
    """An on-demand feature. ``inputs`` is parameter to what it takes: a feature, a request value's type, the time."""

    definition: OnDemand[..., Any]
    ref: Ref
    inputs: "Mapping[str, SelectedFeature | DataType | None]"
    fingerprint: Fingerprint

    @property
    def request_values(self) -> Schema:
        """The request values that it takes, by name."""
        return {name: given for name, given in self.inputs.items() if isinstance(given, DataType)}


Computed = StoredFeature | DerivedFeature | OnDemandFeature


@dataclass(frozen=True)
class SelectedFeature:
    """A feature as results hold it: in which column (on-demand: columns), of the entity in which role."""

    feature: Computed
    columns: tuple[str, ...]
    role: Role = ()

    @property
    def column(self) -> str:
        """Its (first) column."""
        return self.columns[0]

    @property
    def key_columns(self) -> dict[str, str]:
        """Join key to the spine's column, in the entity's order; none for an on-demand feature."""
        if isinstance(self.feature, OnDemandFeature):
            return {}
        return {key: dict(self.role).get(key, key) for key in self.feature.entity.keys}


@dataclass(frozen=True, eq=False)
class ResolvedService:
    """A service and the features that it selects, in order."""

    service: FeatureService
    ref: Ref
    features: tuple[SelectedFeature, ...]
    fingerprint: Fingerprint


@dataclass(frozen=True, eq=False)
class ResolvedLabel:
    """A label and the table of its rows."""

    label: Label
    ref: Ref
    table: Table
    fingerprint: Fingerprint


@dataclass(frozen=True, eq=False)
class ResolvedTrainingSet:
    """A training set, its label and its features; ``service`` is the reference of the service it names, if any."""

    training_set: TrainingSet
    ref: Ref
    label: ResolvedLabel
    features: tuple[SelectedFeature, ...]
    service: Ref | None
    fingerprint: Fingerprint


@dataclass(frozen=True)
class Group:
    """Features that are materialized and stored together. Its ``id`` hashes its members; members are sorted."""

    id: str
    name: str
    entity: Entity
    schedule: Schedule
    members: tuple[StoredFeature, ...]


Resolved = (
    Entity
    | SourceTable
    | StepTable
    | StoredFeature
    | DerivedFeature
    | OnDemandFeature
    | ResolvedService
    | ResolvedLabel
    | ResolvedTrainingSet
)


@dataclass(frozen=True)
class Definition:
    """A definition as it is registered and shown.

    ``logic`` and ``metadata`` are the documents that the fingerprint covers; ``inputs`` are the definitions that it
    names, as ``kind:name@version``; ``source_text`` is for reading only.
    """

    kind: str
    ref: Ref
    fingerprint: Fingerprint
    logic: Mapping[str, Any]
    metadata: Mapping[str, Any]
    inputs: tuple[str, ...]
    source_text: str | None
    origin: Origin
    resolved: Resolved = field(repr=False)
    verified: bool = True

    @property
    def id(self) -> str:
        """``kind:name@version``, unique in a project."""
        return f"{self.kind}:{self.ref}"
