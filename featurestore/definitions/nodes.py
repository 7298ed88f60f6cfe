"""The tree of an expression: plain frozen values, equal when they say the same.

What people write are the expressions of `featurestore.definitions.expressions`; a tree is what they mean.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from featurestore.definitions.types import DataType

__all__ = ["Aggregate", "Call", "Column", "FeatureValue", "Literal", "Node", "aggregates", "columns_read", "walk"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the row at hand."""

    name: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; ``value`` None is the null of type ``type``."""

    value: object
    type: DataType


@dataclass(frozen=True, slots=True)
class Call:
    """A function of `featurestore.definitions.functions` applied to arguments; ``type`` is the target of a cast."""

    function: str
    arguments: "tuple[Node, ...]"
    type: DataType | None = None


@dataclass(frozen=True, slots=True)
class FeatureValue:
    """The value of another feature, by the name of the parameter that brings it."""

    parameter: str


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregation of a table's rows.

    ``over``, ``ago`` and ``ttl`` are microseconds (None: no bound). ``argument`` is None for ``count()`` of rows.
    ``parameter`` is the n of last_n and the q of percentile.
    """

    function: str
    argument: "Node | None" = None
    over: int | None = None
    ago: int = 0
    where: "Node | None" = None
    ignore_nulls: bool = False
    parameter: float | None = None
    ttl: int | None = None


Node = Column | Literal | Call | FeatureValue | Aggregate


def children(node: Node) -> tuple[Node, ...]:
    """The trees directly below ``node``, in order."""
    match node:
        case Call(arguments=arguments):
            return arguments
        case Aggregate(argument=argument, where=where):
            return tuple(child for child in (argument, where) if child is not None)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """``node`` and everything below it, parents first."""
    yield node
    for child in children(node):
        yield from walk(child)


def columns_read(node: Node) -> tuple[str, ...]:
    """Names of the columns that ``node`` reads, sorted, once each."""
    return tuple(sorted({part.name for part in walk(node) if isinstance(part, Column)}))


def aggregates(node: Node) -> tuple[Aggregate, ...]:
    """The aggregations in ``node``, once each, in the order in which they are written."""
    return tuple(dict.fromkeys(part for part in walk(node) if isinstance(part, Aggregate)))
