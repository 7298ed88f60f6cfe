"""What is stored of a feature, and what is made of it when it is read (semantics 9, 10, 18).

Stored are values before `fill_null`, and of a `last` the newest row's value whatever its age, with its event time: how
old it is, and whether that is too old, is known only when it is read.
"""

from dataclasses import dataclass, replace

from featurestore.compiler.evaluate import constant
from featurestore.compiler.query import Hidden
from featurestore.compiler.steps import table_schema
from featurestore.compiler.vector import feature_type
from featurestore.definitions.functions import AGGREGATIONS, type_of
from featurestore.definitions.nodes import Aggregate, Call, Column, Literal, Node
from featurestore.definitions.resolved import Group, StoredFeature, is_timed
from featurestore.definitions.types import DataType, Int64, Schema

__all__ = ["StoredForm", "row_columns", "stored_form"]


EVENT = Column(Hidden.EVENT)


@dataclass(frozen=True)
class StoredForm:
    """How one feature is stored and read.

    Attributes:
        feature: The feature.
        expression: What is computed: without its filling and its ttl.
        type: The type of what is stored.
        has_event: Whether the event time of the chosen row is stored beside the value.
        ttl: After how long a value has expired, in microseconds.
        fill: What stands for null, as a value of the feature's type; None: nothing does.
        empty: What an entity without rows has, before it is filled.
    """

    feature: StoredFeature
    expression: Node
    type: DataType
    has_event: bool
    ttl: int | None
    fill: object
    empty: object

    @property
    def columns(self) -> tuple[tuple[str, DataType], ...]:
        """Its columns of a stored row: the value, and the event time in microseconds if that is stored."""
        name = str(self.feature.ref)
        value = (name, self.type)
        return (value, (f"{name} event", Int64)) if self.has_event else (value,)

    @property
    def expressions(self) -> tuple[tuple[Node, DataType], ...]:
        """What is computed for each of `columns`; an event time as microseconds."""
        value = (self.expression, self.type)
        if not self.has_event or not isinstance(self.expression, Aggregate):
            return (value,)
        where = self.expression.where
        if self.expression.ignore_nulls and self.expression.argument is not None:
            given = Call("not", (Call("is_null", (self.expression.argument,)),))
            where = given if where is None else Call("and", (where, given))
        # The newest row is one of those that happened last, whichever of them it is.
        event = replace(self.expression, function="max", argument=EVENT, where=where, ignore_nulls=False)
        return value, (event, Int64)

    def has_expired(self, event: int | None, at: int) -> bool:
        """Whether a value whose row happened at ``event`` is too old at ``at``; both in microseconds."""
        return self.ttl is not None and event is not None and event <= at - self.ttl

    def filled(self, value: object) -> object:
        """A value, or what stands for null."""
        return self.fill if value is None else value


def stored_form(feature: StoredFeature) -> StoredForm:
    """How ``feature`` is stored."""
    expression, fill = feature.expression, None
    match expression:
        case Call(function="fill_null", arguments=(inner, Literal() as filler)):
            expression, fill = inner, filler
    if isinstance(expression, Aggregate):
        expression = replace(expression, ttl=None)
    columns = table_schema(feature.table)
    is_last = isinstance(expression, Aggregate) and expression.function == "last"
    return StoredForm(
        feature,
        expression,
        type_of(expression, columns),
        has_event=is_last and is_timed(feature.table),
        ttl=feature.ttl,
        fill=None if fill is None else constant(Call("cast", (fill,), feature_type(feature))),
        empty=constant(_without_rows(expression, columns)),
    )


def _without_rows(node: Node, columns: Schema) -> Node:
    """``node`` with the value over no rows in place of each aggregation (semantics 10)."""
    match node:
        case Aggregate(function=function):
            return Literal(AGGREGATIONS[function].empty, type_of(node, columns))
        case Call(arguments=arguments):
            return replace(node, arguments=tuple(_without_rows(argument, columns) for argument in arguments))
        case _:
            return node


def row_columns(group: Group) -> tuple[tuple[str, DataType], ...]:
    """The columns of a group's stored rows: those of its members, in their order."""
    return tuple(column for member in group.members for column in stored_form(member).columns)
