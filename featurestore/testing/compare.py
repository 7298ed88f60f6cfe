"""Whether two results of `values_at` are equal, as semantics 12 and 20 mean it."""

import datetime
import math
from collections.abc import Mapping, Sequence
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
from featurestore.definitions.types import DataType
from featurestore.errors import NotSupportedError, NumberOverflowError
from featurestore.testing.oracle import Row
from featurestore.testing.oracle_values import evaluate, read_value

__all__ = ["agree", "same"]

TOLERANCE = 1e-9
ROUNDING = 1e-15
"""What arithmetic on inexact numbers may add, of the size of the numbers: a few units in the last place."""


def agree(
    expected: Sequence[Row], actual: Sequence[Row], features: Sequence[SelectedFeature], inputs: Mapping[str, Any]
) -> list[str]:
    """The differences between two results, one sentence each; none where they are equal.

    A column that rule 12 makes exact must be the same, the type of its numbers included. One with a tolerance may
    differ by what the whole source could bring about, which is never less than the tolerance of the rows at hand.

    Args:
        expected: The result that is right.
        actual: The result in question.
        features: The features that both hold.
        inputs: Source to its rows.

    Raises:
        NotSupportedError: for a column there is no bound, for instance a comparison of sums of floats.
    """
    if len(expected) != len(actual):
        return [f"There are {len(actual)} rows instead of {len(expected)}."]
    errors = {
        column: 0.0 if isinstance(selected.feature, OnDemandFeature) else _bound(selected.feature, inputs).error
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


def _bound(feature: StoredFeature | DerivedFeature, inputs: Mapping[str, Sequence[Row]]) -> _Bound:
    if isinstance(feature, DerivedFeature):
        below = {name: _bound(given, inputs) for name, given in feature.inputs.items()}
        types = {name: _type_of(given) for name, given in feature.inputs.items()}
        return _Bounds(feature, inputs, below, types).of(feature.expression)
    return _Bounds(feature, inputs, {}, {}).of(feature.expression)


def _type_of(feature: StoredFeature | DerivedFeature) -> DataType:
    if isinstance(feature, StoredFeature):
        return type_of(feature.expression, _source(feature).schema)
    return type_of(feature.expression, {}, {name: _type_of(given) for name, given in feature.inputs.items()})


def _source(feature: StoredFeature) -> SourceTable:
    if not isinstance(feature.table, SourceTable):
        message = f"{feature.ref} reads a transformation, so its tolerance is not known."
        raise NotSupportedError(message)
    return feature.table


@dataclass(frozen=True)
class _Bounds:
    feature: StoredFeature | DerivedFeature
    inputs: Mapping[str, Sequence[Row]]
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
        assert isinstance(self.feature, StoredFeature)
        if node.function == "approx_distinct":
            count = float(len(self._values(None)))
            return _Bound(count, max(2.0, 0.05 * count))
        values = self._values(node.argument)
        total = float(sum(map(Fraction, values), Fraction(0)))
        inexact = node.function in {"mean", "std", "percentile"} or (
            node.function == "sum" and type_of(node, _source(self.feature).schema).is_float
        )
        return _Bound(total, TOLERANCE * total if inexact else 0.0)

    def _values(self, argument: Node | None) -> list[Any]:
        """The finite numbers, without their signs, that any aggregation of ``argument`` could see."""
        assert isinstance(self.feature, StoredFeature)
        table = _source(self.feature)
        found: list[Any] = []
        for cells in self.inputs[table.name]:

            def leaf(column: Node, cells: Row = cells) -> object:
                assert isinstance(column, Column)
                return read_value(cells[column.name], table.schema[column.name])

            try:
                value = 1 if argument is None else evaluate(argument, leaf, lambda part: type_of(part, table.schema))
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
        schema = _source(self.feature).schema if isinstance(self.feature, StoredFeature) else {}
        return 1.0 if type_of(node, schema, self.types).is_integer else 0.0

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
