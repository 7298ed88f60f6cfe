"""What the semantics refuse about an expression, whatever its types."""

from collections.abc import Mapping, Sequence
from typing import Any

from featurestore.definitions.durations import duration_text
from featurestore.definitions.entities import Entity
from featurestore.definitions.features import Feature
from featurestore.definitions.nodes import Aggregate, Call, Column, FeatureValue, Literal, Node, aggregates, walk
from featurestore.definitions.resolved import DerivedFeature, StepTable, StoredFeature, Table, is_timed, sources_of
from featurestore.errors import DefinitionError, TypeMismatchError

__all__ = ["check_derived", "check_group", "check_stored"]


def check_stored(name: str, entity: Entity, table: Table, expression: Node) -> None:
    """Refuses what no data could make right in a feature over rows.

    Raises:
        DefinitionError: the expression aggregates nothing, bounds ages twice, or asks an untimed table for time.
    """
    found = aggregates(expression)
    if not found:
        message = f"{name} aggregates nothing, so it has no value per {entity.name}."
        raise DefinitionError(message, hint='Aggregate a column, as in orders.amount.sum(over="7d").')
    for one in found:
        below = [part for argument in (one.argument, one.where) if argument is not None for part in walk(argument)]
        if any(isinstance(part, Aggregate) for part in below):
            message = f"{name}: an aggregation cannot be taken of an aggregation."
            raise TypeMismatchError(message)
        if one.ttl is not None and not _is_whole(one, expression):
            message = f"{name}: ttl= is for a feature that is one last(), filled or not; this one is more."
            raise DefinitionError(message, hint="Make the last() a feature of its own and derive this one from it.")
    _check_between(name, expression)
    if not is_timed(table):
        _check_untimed(name, table, found)


def _is_whole(one: Aggregate, expression: Node) -> bool:
    match expression:
        case Call(function="fill_null", arguments=(value, Literal())):
            return value == one
        case _:
            return expression == one


def _check_between(name: str, node: Node) -> None:
    """Columns may only stand inside aggregations."""
    match node:
        case Column(name=column):
            message = f"{name}: the column {column!r} stands outside of an aggregation."
            raise TypeMismatchError(message)
        case Call(arguments=arguments):
            for argument in arguments:
                _check_between(name, argument)


def _check_untimed(name: str, table: Table, found: Sequence[Aggregate]) -> None:
    for one in found:
        if one.over is not None or one.ttl is not None or one.ago:
            message = f"{name}: {table.name} has no event time, so it has no windows and no ages."
            raise DefinitionError(message, hint="Leave over=, ago= and ttl= out, or give the source an event_time.")
        keyed = any(source.source.key for source in sources_of(table))
        if isinstance(table, StepTable) and table.transformation.time != "row_wise":
            keyed = bool(table.transformation.key)
        if one.function in {"first", "last", "last_n"} and not keyed:
            message = f"{name}: {table.name} has neither an event time nor a key=, so no row of it is the last."
            raise DefinitionError(message, hint="Say key= (what a row is about) on the source.")


def check_derived(
    feature: Feature[..., Any], inputs: Mapping[str, StoredFeature | DerivedFeature], expression: Node
) -> None:
    """Refuses what no data could make right in a feature over features.

    Raises:
        DefinitionError: an input is of another entity, or a cadence is said where none applies.
    """
    for parameter, given in inputs.items():
        if not isinstance(given, (StoredFeature, DerivedFeature)):
            message = f"{feature.name}: {parameter!r} is neither a stored nor a derived feature."
            raise DefinitionError(message, hint="Take on-demand features in another @fs.on_demand function.")
        if given.entity is not feature.entity and given.entity.name != feature.entity.name:
            message = (
                f"{feature.name} is of {feature.entity.name!r}, and its input {given.ref} of {given.entity.name!r}."
            )
            raise DefinitionError(message, hint="Use fs.on_demand to combine features of several entities.")
    if feature.cadence.is_given or feature.group:
        message = f"{feature.name} is derived: it is evaluated when it is read, from what its inputs are then."
        raise DefinitionError(message, hint="Leave every, delay, publish_within, offset and group out.")
    if aggregates(expression):
        message = f"{feature.name} is derived from features, and aggregates rows as well."
        raise DefinitionError(message, hint="Make the aggregation a feature of its own and take it as an fs.Value.")
    if not any(isinstance(part, FeatureValue) for part in walk(expression)):
        message = f"{feature.name} uses none of its inputs."
        raise DefinitionError(message)


def check_group(name: str, members: Sequence[StoredFeature]) -> None:
    """Refuses a group whose members cannot be computed together.

    Raises:
        DefinitionError: entities or schedules differ.
    """
    first = members[0]
    for other in members[1:]:
        if other.entity.name != first.entity.name:
            message = f"The group {name!r} mixes entities: {first.ref} and {other.ref}."
            raise DefinitionError(message, where=str(other.feature.origin))
        if other.schedule != first.schedule:
            given = [
                f"{member.ref}: every {duration_text(member.schedule.every)}, "
                f"delay {duration_text(member.schedule.delay)}, "
                f"publish_within {duration_text(member.schedule.publish_within)}, "
                f"offset {duration_text(member.schedule.offset)}"
                for member in (first, other)
            ]
            message = f"The members of the group {name!r} are computed at different times: {'; '.join(given)}."
            raise DefinitionError(message, where=str(other.feature.origin), hint="Put one of them into another group.")
