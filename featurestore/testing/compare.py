"""Whether two results of `values_at` are equal, as semantics 12 and 20 mean it."""

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, NoReturn

from featurestore.definitions.functions import type_of
from featurestore.definitions.nodes import Aggregate, Call, Column, FeatureValue, Literal, Node
from featurestore.definitions.resolved import (
    DerivedFeature,
    OnDemandFeature,
    SelectedFeature,
    SourceTable,
    StoredFeature,
)
from featurestore.definitions.types import DataType, Schema
from featurestore.errors import NotSupportedError, NumberOverflowError
from featurestore.testing.oracle import Row, Step, rows_seen
from featurestore.testing.oracle_rows import NO_STEPS
from featurestore.testing.oracle_values import evaluate, read_value

__all__ = ["agree", "same"]

TOLERANCE = 1e-9
ROUNDING = 1e-15
"""What arithmetic on inexact numbers may add, of the size of the numbers: a few units in the last place."""


Seen = Callable[[StoredFeature], tuple[Schema, Sequence[Row]]]
"""The columns of the table that a feature reads, and all rows of it that one of its values could be made of."""


def agree(
    expected: Sequence[Row],
    actual: Sequence[Row],
    features: Sequence[SelectedFeature],
    inputs: Mapping[str, Any],
    *,
    time: str | None = None,
    steps: Mapping[str, Step] = NO_STEPS,
) -> list[str]:
    """The differences between two results, one sentence each; none where they are equal.

    A column that rule 12 makes exact must be the same, the type of its numbers included. One with a tolerance may
    differ by what all rows of its table could bring about: never less than the tolerance of the rows at hand.

    Args:
        expected: The result that is right.
        actual: The result in question.
        features: The features that both hold.
        inputs: Source to its rows.
        time: The column that holds the time; only where features read steps.
        steps: What the steps that features read do, as for the oracle.

    Raises:
        NotSupportedError: for a column there is no bound, for instance a comparison of sums of floats.
    """
    if len(expected) != len(actual):
        return [f"There are {len(actual)} rows instead of {len(expected)}."]

    def seen(feature: StoredFeature) -> tuple[Schema, Sequence[Row]]:
        if isinstance(feature.table, SourceTable):
            return feature.table.schema, inputs[feature.table.name]
        if time is None:
            message = f"{feature.ref} reads a transformation, so its tolerance is not known."
            raise NotSupportedError(message, hint="Say time= and steps=.")
        times: list[Any] = [row[time] for row in expected]
        return rows_seen(feature, times, inputs, steps)

    errors = {
        column: 0.0 if isinstance(selected.feature, OnDemandFeature) else _bound(selected.feature, seen).error
        for selected in features
        for column in selected.columns
    }
    found = []
    for number, (wanted, given) in enumerate(zip(expected, actual, strict=True)):
        if list(wanted) != list(given):
            found.append(f"Row {number} has the columns {list(given)} instead of {list(wanted)}.")
            continue
        for column, value in wanted.items():
            error = errors.get(column, 0.0)
            if not (same(value, given[column]) or _close(value, given[column], error)):
                within = f" (tolerance {error:.3g})" if error else ""
                found.append(f"Row {number}: {column} is {given[column]!r} instead of {value!r}{within}.")
    return found


def same(expected: Any, actual: Any) -> bool:
    """Equal and of one type; NaN equals NaN and -0.0 equals 0.0. Times are equal if both are naive or both aware."""
    if isinstance(expected, list):
        return isinstance(actual, list) and len(expected) == len(actual) and all(map(same, expected, actual))
    if type(expected) is not type(actual):
        return False
    if isinstance(expected, float) and math.isnan(expected):
        return math.isnan(actual)
    if isinstance(expected, datetime.datetime) and (expected.tzinfo is None) != (actual.tzinfo is None):
        return False
    return bool(expected == actual)


def _close(expected: Any, actual: Any, error: float) -> bool:
    numbers = all(type(value) in {float, int} and math.isfinite(value) for value in (expected, actual))
    return error > 0 and numbers and type(expected) is type(actual) and abs(expected - actual) <= error


@dataclass(frozen=True)
class _Bound:
    """How large a value can be, and by how much two right results can differ in it."""

    magnitude: float
    error: float = 0.0


def _bound(feature: StoredFeature | DerivedFeature, seen: Seen) -> _Bound:
    if isinstance(feature, DerivedFeature):
        below = {name: _bound(given, seen) for name, given in feature.inputs.items()}
        types = {name: _type_of(given, seen) for name, given in feature.inputs.items()}
        return _Bounds(feature, {}, (), below, types).of(feature.expression)
    return _Bounds(feature, *seen(feature), {}, {}).of(feature.expression)


def _type_of(feature: StoredFeature | DerivedFeature, seen: Seen) -> DataType:
    if isinstance(feature, StoredFeature):
        return type_of(feature.expression, seen(feature)[0])
    return type_of(feature.expression, {}, {name: _type_of(given, seen) for name, given in feature.inputs.items()})


@dataclass(frozen=True)
class _Bounds:
    feature: StoredFeature | DerivedFeature
    schema: Schema
    rows: Sequence[Row]
    below: Mapping[str, _Bound]
    types: Mapping[str, DataType]

    def of(self, node: Node) -> _Bound:
        """The bound of the value of ``node``."""
        match node:
            case Literal(value=value):
                return _Bound(_size(value))
            case FeatureValue(parameter=parameter):
                return self.below[parameter]
            case Aggregate():
                return self._of_aggregate(node)
            case Call():
                return self._of_call(node)
            case _:
                return _Bound(0.0)

    def _of_aggregate(self, node: Aggregate) -> _Bound:
        if node.function == "approx_distinct":
            count = float(len(self._values(None)))
            return _Bound(count, max(2.0, 0.05 * count))
        values = self._values(node.argument)
        total = float(sum(map(Fraction, values), Fraction(0)))
        inexact = node.function in {"mean", "std", "percentile"} or (
            node.function == "sum" and type_of(node, self.schema).is_float
        )
        return _Bound(total, TOLERANCE * total if inexact else 0.0)

    def _values(self, argument: Node | None) -> list[Any]:
        """The finite numbers, without their signs, that any aggregation of ``argument`` could see."""
        found: list[Any] = []
        for cells in self.rows:

            def leaf(column: Node, cells: Row = cells) -> object:
                assert isinstance(column, Column)
                return read_value(cells[column.name], self.schema[column.name])

            try:
                value = 1 if argument is None else evaluate(argument, leaf, lambda part: type_of(part, self.schema))
            except NumberOverflowError:
                continue  # a row that was aggregated would have ended the computation
            if _is_number(value) and math.isfinite(value):
                found.append(abs(value))
        return found

    def _of_call(self, node: Call) -> _Bound:
        arguments = [self.of(argument) for argument in node.arguments]
        first, last = arguments[0], arguments[-1]
        match node.function:
            case "is_null":
                return _Bound(1.0)
            case "add" | "subtract" | "negate":
                return _rounded(sum(part.magnitude for part in arguments), sum(part.error for part in arguments))
            case "multiply":
                error = _times(first.magnitude, last.error) + _times(last.magnitude, first.error)
                return _rounded(_times(first.magnitude, last.magnitude), error + _times(first.error, last.error))
            case "divide":
                least = self._least(node.arguments[1])
                if last.error or (first.error and not least):
                    self._refuse(node)
                return _rounded(first.magnitude / least, first.error / least) if least else _Bound(math.inf)
            case "fill_null" | "cast":
                return _Bound(max(part.magnitude for part in arguments), max(part.error for part in arguments))
            case "if_else" if not first.error:
                return _Bound(max(arguments[1].magnitude, last.magnitude), max(arguments[1].error, last.error))
        if any(part.error for part in arguments):
            self._refuse(node)
        return _Bound(1.0)  # true or false

    def _least(self, node: Node) -> float:
        """The smallest size that a divisor other than zero can have, 0 where that is not known."""
        if isinstance(node, Literal):
            return _size(node.value)
        return 1.0 if type_of(node, self.schema, self.types).is_integer else 0.0

    def _refuse(self, node: Call) -> NoReturn:
        message = f"{self.feature.ref}: {node.function} of inexact numbers has no tolerance."
        raise NotSupportedError(message)


def _rounded(magnitude: float, error: float) -> _Bound:
    return _Bound(magnitude, error + ROUNDING * magnitude if error else 0.0)


def _times(left: float, right: float) -> float:
    return left * right if left and right else 0.0


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _size(value: Any) -> float:
    return abs(float(value)) if _is_number(value) else 0.0
