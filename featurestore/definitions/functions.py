"""The functions of the expression language and the types they give. What they mean: `docs/expressions.md`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from featurestore.definitions.nodes import Aggregate, Call, Column, FeatureValue, Literal, Node
from featurestore.definitions.types import (
    MAX_PRECISION,
    Array,
    Bool,
    DataType,
    Decimal,
    Float64,
    Int64,
    Schema,
)
from featurestore.errors import MissingColumnError, TypeMismatchError

__all__ = ["AGGREGATIONS", "FUNCTIONS", "Aggregation", "Function", "type_of"]


def _numeric(types: Sequence[DataType]) -> DataType | None:
    if not all(data_type.is_numeric for data_type in types):
        return None
    if any(data_type.is_float for data_type in types):
        return Float64
    if any(data_type.is_decimal for data_type in types):
        return Decimal(MAX_PRECISION, max(data_type.scale for data_type in types))
    return Int64


def _product(types: Sequence[DataType]) -> DataType | None:
    result = _numeric(types)
    if result is None or not result.is_decimal:
        return result
    scale = sum(data_type.scale for data_type in types)
    return Decimal(MAX_PRECISION, scale) if scale <= MAX_PRECISION else None


def _quotient(types: Sequence[DataType]) -> DataType | None:
    return Float64 if _numeric(types) else None


def _comparison(types: Sequence[DataType]) -> DataType | None:
    return Bool if _common(types) and types[0].is_orderable else None


def _equality(types: Sequence[DataType]) -> DataType | None:
    return Bool if _common(types) else None


def _common(types: Sequence[DataType]) -> DataType | None:
    """The one type that all have, or to which numbers are widened."""
    if len(set(types)) == 1:
        return types[0]
    return _numeric(types)


def _filled(types: Sequence[DataType]) -> DataType | None:
    """Filling keeps the type where the filler fits into it, and widens it where not."""
    value, filler = types
    keeps = value.is_float and filler.is_numeric
    keeps = keeps or (value.is_numeric and filler.is_integer)
    keeps = keeps or (value.is_decimal and filler.is_decimal and filler.scale <= value.scale)
    return value if keeps else _common(types)


def _logical(types: Sequence[DataType]) -> DataType | None:
    return Bool if all(data_type == Bool for data_type in types) else None


def _choice(types: Sequence[DataType]) -> DataType | None:
    return _common(types[1:]) if types[0] == Bool else None


@dataclass(frozen=True, slots=True)
class Function:
    """A function of values: how it is written, and its type for its arguments' types (None: they do not fit)."""

    text: str
    result: Callable[[Sequence[DataType]], DataType | None]


FUNCTIONS: Mapping[str, Function] = {
    "add": Function("{} + {}", _numeric),
    "subtract": Function("{} - {}", _numeric),
    "multiply": Function("{} * {}", _product),
    "divide": Function("{} / {}", _quotient),
    "negate": Function("-{}", _numeric),
    "equal": Function("{} == {}", _equality),
    "not_equal": Function("{} != {}", _equality),
    "less": Function("{} < {}", _comparison),
    "less_equal": Function("{} <= {}", _comparison),
    "greater": Function("{} > {}", _comparison),
    "greater_equal": Function("{} >= {}", _comparison),
    "and": Function("{} & {}", _logical),
    "or": Function("{} | {}", _logical),
    "not": Function("~{}", _logical),
    "is_null": Function("{}.is_null()", lambda _: Bool),
    "fill_null": Function("{}.fill_null({})", _filled),
    "is_in": Function("{}.is_in(...)", _equality),
    "if_else": Function("when({}, {}, {})", _choice),
    "cast": Function("{}.cast(...)", lambda types: types[0]),
}

_CASTS: Mapping[str, frozenset[str]] = {
    "Bool": frozenset({"Int32", "Int64"}),
    "Int32": frozenset({"Int64", "Float64", "Decimal"}),
    "Int64": frozenset({"Int32", "Float64", "Decimal"}),
    "Float32": frozenset({"Float64"}),
    "Float64": frozenset(),
    "Decimal": frozenset({"Float64", "Decimal"}),
    "Date": frozenset({"Timestamp"}),
}
"""From which type a value can be cast to which. Only casts that mean one thing on every engine are listed."""


@dataclass(frozen=True, slots=True)
class Aggregation:
    """An aggregation of rows: its type for its argument's type (None: it does not fit), its value over no rows."""

    result: Callable[[DataType], DataType | None]
    empty: object = None
    keeps_order: bool = False
    skips_nulls: bool = True


def _sum(argument: DataType) -> DataType | None:
    if argument.is_float:
        return Float64
    if argument.is_decimal:
        return Decimal(MAX_PRECISION, argument.scale)
    return Int64 if argument.is_integer else None


def _real(argument: DataType) -> DataType | None:
    return Float64 if argument.is_numeric else None


def _extreme(argument: DataType) -> DataType | None:
    return argument if argument.is_orderable else None


def _same(argument: DataType) -> DataType | None:
    return argument


def _truth(argument: DataType) -> DataType | None:
    return Bool if argument == Bool else None


AGGREGATIONS: Mapping[str, Aggregation] = {
    "sum": Aggregation(_sum),
    "count": Aggregation(lambda _: Int64, empty=0),
    "mean": Aggregation(_real),
    "min": Aggregation(_extreme),
    "max": Aggregation(_extreme),
    "std": Aggregation(_real),
    "first": Aggregation(_same, keeps_order=True, skips_nulls=False),
    "last": Aggregation(_same, keeps_order=True, skips_nulls=False),
    "last_n": Aggregation(lambda argument: Array[argument], keeps_order=True),
    "count_distinct": Aggregation(lambda _: Int64, empty=0),
    "approx_distinct": Aggregation(lambda _: Int64, empty=0),
    "percentile": Aggregation(_real),
    "any": Aggregation(_truth, empty=False),
    "all": Aggregation(_truth, empty=True),
}


def type_of(node: Node, columns: Schema, features: Schema | None = None) -> DataType:
    """The type of ``node`` where rows have ``columns`` and parameters bring ``features``.

    Raises:
        MissingColumnError: a column is not there.
        TypeMismatchError: the types of arguments do not fit their function.
    """
    match node:
        case Column(name=name):
            if name not in columns:
                message = f"There is no column {name!r}."
                raise MissingColumnError(message, hint=f"There are: {', '.join(columns) or 'none'}.")
            return columns[name]
        case Literal(type=data_type):
            return data_type
        case FeatureValue(parameter=parameter):
            return (features or {})[parameter]
        case Aggregate():
            return _type_of_aggregate(node, columns)
        case Call():
            return _type_of_call(node, columns, features)


def _type_of_aggregate(node: Aggregate, columns: Schema) -> DataType:
    if node.where is not None and (condition := type_of(node.where, columns)) != Bool:
        message = f"where= of {node.function} is {condition}, not a condition."
        raise TypeMismatchError(message)
    if node.argument is None:
        return Int64
    argument = type_of(node.argument, columns)
    result = AGGREGATIONS[node.function].result(argument)
    if result is None:
        message = f"{node.function}() of {argument} does not exist."
        raise TypeMismatchError(message)
    return result


def _type_of_call(node: Call, columns: Schema, features: Schema | None) -> DataType:
    arguments = [type_of(argument, columns, features) for argument in node.arguments]
    if node.type is not None:
        if node.type == arguments[0] or node.type.name in _CASTS.get(arguments[0].name, frozenset()):
            return node.type
        message = f"{arguments[0]} cannot be cast to {node.type}."
        raise TypeMismatchError(message)
    function = FUNCTIONS[node.function]
    result = function.result(arguments)
    if result is None:
        given = " and ".join(str(argument) for argument in arguments)
        message = f"{node.function}() does not take {given}."
        raise TypeMismatchError(message)
    return result
