"""Derived and on-demand features of one row: one evaluator, for training and for serving (semantics 16)."""

import datetime
import decimal
import math
import operator
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from featurestore.compiler.python_functions import ARITHMETIC, FUNCTIONS_OF_VALUES
from featurestore.compiler.vector import Layout, feature_type
from featurestore.definitions.functions import FUNCTIONS
from featurestore.definitions.nodes import Call, FeatureValue, Literal, Node
from featurestore.definitions.resolved import (
    DerivedFeature,
    OnDemandFeature,
    Role,
    SelectedFeature,
    StoredFeature,
)
from featurestore.definitions.types import DataType, Float32, Float64
from featurestore.errors import NullRequestError, NumberOverflowError, TypeMismatchError, UserCodeError

__all__ = ["Evaluation", "Row", "constant", "evaluation_of", "expression_of"]

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Row:
    """What one row of a vector is evaluated from: values by slot, request values by name, the time in microseconds."""

    slots: Mapping[str, object]
    requests: Mapping[str, object]
    time: int


Evaluate = Callable[[Row], object]


@dataclass(frozen=True)
class Evaluation:
    """How the columns of a layout are made of its slots.

    ``direct`` is column to slot; ``computed`` is columns to the function that gives their values, as a tuple.
    """

    direct: Mapping[str, str]
    computed: Mapping[tuple[str, ...], Callable[[Row], Sequence[object]]]
    slots: tuple[str, ...]
    """The slots that something computed reads."""


def evaluation_of(layout: Layout) -> Evaluation:
    """The evaluation of a layout."""
    direct: dict[str, str] = {}
    computed: dict[tuple[str, ...], Callable[[Row], Sequence[object]]] = {}
    read: dict[str, None] = {}
    for one in layout.selected:
        if isinstance(one.feature, StoredFeature):
            direct[one.column] = layout.slot_of(one.feature, one.role).name
        elif isinstance(one.feature, OnDemandFeature):
            computed[one.columns] = _on_demand(one.feature, layout, read)
        else:
            computed[one.columns] = _single(_value(one, layout, read))
    return Evaluation(direct, computed, tuple(read))


def constant(node: Node) -> object:
    """The value of an expression over literals."""
    evaluate, _ = _expression(node, {})
    return evaluate(Row({}, {}, 0))


def _single(evaluate: Evaluate) -> Callable[[Row], Sequence[object]]:
    return lambda row: (evaluate(row),)


def _value(one: SelectedFeature, layout: Layout, read: dict[str, None]) -> Evaluate:
    """How the value of one feature in its role comes about."""
    feature = one.feature
    if isinstance(feature, StoredFeature):
        slot = layout.slot_of(feature, one.role).name
        read[slot] = None
        return lambda row: row.slots[slot]
    if isinstance(feature, DerivedFeature):
        return _derived(feature, one.role, layout, read)
    whole = _on_demand(feature, layout, read)
    return lambda row: whole(row)[0]


def _derived(feature: DerivedFeature, role: Role, layout: Layout, read: dict[str, None]) -> Evaluate:
    inputs = {
        name: (_value(SelectedFeature(given, (name,), role), layout, read), feature_type(given))
        for name, given in feature.inputs.items()
    }
    return expression_of(feature.expression, inputs, str(feature.ref))


def _on_demand(feature: OnDemandFeature, layout: Layout, read: dict[str, None]) -> Callable[[Row], Sequence[object]]:
    arguments: dict[str, Evaluate] = {}
    for name, given in feature.inputs.items():
        if isinstance(given, SelectedFeature):
            arguments[name] = _value(given, layout, read)
        elif given is None:
            arguments[name] = lambda row: EPOCH + datetime.timedelta(microseconds=row.time)
        else:
            arguments[name] = _request(name)
    definition = feature.definition
    function, outputs = definition.function, definition.outputs
    required = [given.parameter for given in definition.inputs if given.role == "request" and not given.nullable]

    def values(row: Row) -> Sequence[object]:
        given = {name: evaluate(row) for name, evaluate in arguments.items()}
        for name in required:
            if given[name] is None:
                message = f"{feature.ref} takes no null for the request value {name!r}."
                raise NullRequestError(message, hint=f"Annotate it as `{name}: fs.Request[... | None]` to take nulls.")
        try:
            result = function(**given)
        except Exception as error:  # the border to the user's code: whatever it raises is theirs
            message = f"{feature.ref} raised {type(error).__name__}: {error}"
            raise UserCodeError(message, where=str(definition.origin)) from error
        whole = result if definition.is_tuple else (result,)
        if not isinstance(whole, tuple) or len(whole) != len(outputs):
            message = f"{feature.ref} returned {result!r}, and says that it returns {len(outputs)} values."
            raise TypeMismatchError(message, where=str(definition.origin), hint="Return the NamedTuple; null is None.")
        return [_checked(value, data_type, column) for value, (column, data_type) in zip(whole, outputs, strict=True)]

    return values


def _request(name: str) -> Evaluate:
    return lambda row: row.requests[name]


_PYTHON: Mapping[str, tuple[type, ...]] = {
    "Bool": (bool,),
    "Int32": (int,),
    "Int64": (int,),
    "Float32": (float, int),
    "Float64": (float, int),
    "String": (str,),
    "Bytes": (bytes,),
    "Date": (datetime.date,),
    "Timestamp": (datetime.datetime,),
    "Decimal": (decimal.Decimal, int),
    "Array": (list, tuple),
    "Vector": (list, tuple),
}


def _checked(value: object, data_type: DataType, column: str) -> object:
    """What an on-demand function returned, as a value of its declared type."""
    if value is None:
        return None
    fits = isinstance(value, _PYTHON[data_type.name]) and (data_type.name == "Bool") == isinstance(value, bool)
    if data_type.name == "Date" and isinstance(value, datetime.datetime):
        fits = False
    if not fits:
        message = f"{column} returned {value!r} ({type(value).__name__}), and says that it returns {data_type}."
        raise TypeMismatchError(message)
    if isinstance(value, (list, tuple)):
        return _checked_items(value, data_type, column)
    try:
        return _conversion(data_type, data_type)(value)
    except (OverflowError, decimal.InvalidOperation) as error:
        message = f"{column} returned {value}, which does not fit into {data_type}."
        raise NumberOverflowError(message) from error


def _checked_items(value: Sequence[object], data_type: DataType, column: str) -> list[object]:
    item = data_type.parameters[0]
    if isinstance(item, int) and len(value) != item:
        message = f"{column} returned {len(value)} numbers, and says that it returns {data_type}."
        raise TypeMismatchError(message)
    return [_checked(one, item if isinstance(item, DataType) else Float32, column) for one in value]


# --- expressions: the same meaning as their SQL (docs/expressions.md) ------------------------------------------------

Typed = tuple[Evaluate, DataType]
"""How a value comes about, and its type."""


def expression_of(expression: Node, inputs: Mapping[str, Typed], name: str) -> Evaluate:
    """How the value of an expression over other features comes about; ``name`` is told in its errors.

    When it is evaluated it raises `NumberOverflowError` for a number that does not fit its type.
    """
    evaluate, _ = _expression(expression, inputs)

    def value(row: Row) -> object:
        try:
            return evaluate(row)
        except (OverflowError, decimal.InvalidOperation) as error:
            message = f"{name}: a number or a time does not fit into its type."
            raise NumberOverflowError(message) from error

    return value


def _expression(node: Node, inputs: Mapping[str, Typed]) -> Typed:
    match node:
        case Literal(value=value, type=data_type):
            return (lambda _: value), data_type
        case FeatureValue(parameter=parameter):
            return inputs[parameter]
        case Call():
            return _call(node, [_expression(argument, inputs) for argument in node.arguments])
        case _:
            message = f"{node} stands where only features do"
            raise AssertionError(message)


def _call(node: Call, operands: Sequence[Typed]) -> Typed:
    types = [data_type for _, data_type in operands]
    evaluate = [one for one, _ in operands]
    result = node.type or FUNCTIONS[node.function].result(types)
    if result is None:
        message = f"{node.function} was not checked before it was evaluated"
        raise AssertionError(message)
    function = node.function
    if function in _COMPARISONS:
        return _comparison(function, operands), result
    if function in {"and", "or"}:
        return _logical(evaluate, dominant=function == "or"), result
    if function == "if_else":
        condition, then, otherwise = evaluate[0], _as(operands[1], result), _as(operands[2], result)
        return (lambda row: then(row) if condition(row) is True else otherwise(row)), result
    if function == "fill_null":
        value, filler = _as(operands[0], result), _as(operands[1], result)
        return (lambda row: filler(row) if (given := value(row)) is None else given), result
    if function == "is_null":
        return (lambda row: evaluate[0](row) is None), result
    if function == "not":
        return _strict(operator.not_, evaluate), result
    if function == "cast":
        return _as(operands[0], result), result
    if function in FUNCTIONS_OF_VALUES:
        compares = function in {"least", "greatest"}
        given = [_as(operand, result) for operand in operands] if compares else evaluate
        return _strict(FUNCTIONS_OF_VALUES[function], given), result
    wide = [_as(operand, result) if result.is_float else operand[0] for operand in operands]
    return _strict(_within(ARITHMETIC[function], result), wide), result


def _strict(function: Callable[..., Any], operands: Sequence[Evaluate]) -> Evaluate:
    """Null if an operand is null."""

    def value(row: Row) -> object:
        given = [operand(row) for operand in operands]
        return None if any(one is None for one in given) else function(*given)

    return value


_EXACT = decimal.Context(prec=76)


def _within(function: Callable[..., Any], result: DataType) -> Callable[..., Any]:
    """A result that fits into its type; integers and Decimals are exact until then."""
    if result.is_integer:

        def whole(*given: int) -> int | None:
            value: int | None = function(*given)
            if value is not None and value not in _INT64:
                raise OverflowError(value)
            return value

        return whole
    if result.is_decimal:

        def exact(*given: decimal.Decimal | int) -> decimal.Decimal:
            with decimal.localcontext(_EXACT):
                return _quantized(function(*map(decimal.Decimal, given)), result)

        return exact
    return _as_float(function)


def _as_float(function: Callable[..., Any]) -> Callable[..., Any]:
    """Float arithmetic as IEEE 754 has it: too large is infinite, where Python's `float` sometimes raises."""

    def value(*given: float) -> float | None:
        try:
            result: float | None = function(*given)
        except OverflowError:
            return math.inf
        return result

    return value


def _quantized(value: decimal.Decimal, to: DataType) -> decimal.Decimal:
    with decimal.localcontext(_EXACT):
        rounded = value.quantize(decimal.Decimal(1).scaleb(-to.scale), rounding=decimal.ROUND_HALF_UP)
    if not rounded.is_finite() or len(rounded.as_tuple().digits) > int(str(to.parameters[0])):
        raise OverflowError(value)
    return rounded


def _as(operand: Typed, to: DataType) -> Evaluate:
    """An operand as a value of another type."""
    evaluate, data_type = operand
    if data_type == to:
        return evaluate
    return _strict(_conversion(data_type, to), [evaluate])


def _conversion(given: DataType, to: DataType) -> Callable[[Any], Any]:
    if to.name == "Float32":
        return lambda value: struct.unpack("f", struct.pack("f", value))[0]
    if to.is_float:
        return float
    if to.is_decimal:
        return lambda value: _quantized(decimal.Decimal(value), to)
    if to.is_integer:
        limit = 2**31 if to.name == "Int32" else 2**63
        return lambda value: _ranged(int(value), limit)
    if to.name == "Timestamp" and given.name == "Date":
        return lambda value: datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC)
    return lambda value: value


def _ranged(value: int, limit: int) -> int:
    if not -limit <= value < limit:
        raise OverflowError(value)
    return value


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "equal": operator.eq,
    "not_equal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "is_in": lambda value, listed: value in listed,
}


def _comparison(function: str, operands: Sequence[Typed]) -> Evaluate:
    """Numbers are compared as floats where one of them is a float, and exactly where none is."""
    types = [data_type for _, data_type in operands]
    as_floats = len(set(types)) > 1 and any(data_type.is_float for data_type in types)
    wide = [_as(operand, Float64) if as_floats else operand[0] for operand in operands]
    compare = _COMPARISONS[function]
    if function == "is_in":
        return _strict(lambda value, *listed: compare(_ordered(value), [_ordered(one) for one in listed]), wide)
    return _strict(lambda left, right: compare(_ordered(left), _ordered(right)), wide)


def _ordered(value: Any) -> Any:
    """A value as it is compared: NaN equals itself and is the greatest number, text compares by its bytes."""
    if isinstance(value, float):
        return (math.isnan(value), 0.0 if math.isnan(value) else value)
    return value.encode() if isinstance(value, str) else value


def _logical(operands: Sequence[Evaluate], *, dominant: bool) -> Evaluate:
    """Three-valued and/or: the dominant value wins, then null."""

    def value(row: Row) -> object:
        given = [operand(row) for operand in operands]
        if any(one is dominant for one in given):
            return dominant
        return None if any(one is None for one in given) else not dominant

    return value
