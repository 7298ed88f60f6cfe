"""The functions of the expression language and the types they give. What they mean: `docs/expressions.md`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from featurestore.definitions.nodes import Aggregate, Call, Column, FeatureValue, Literal, Node
from featurestore.definitions.types import (
    MAX_PRECISION,
    Array,
    Bool,
    Bytes,
    DataType,
    Date,
    Decimal,
    Float64,
    Int64,
    Schema,
    String,
    Timestamp,
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


def _whole(types: Sequence[DataType]) -> DataType | None:
    return Int64 if all(data_type.is_integer for data_type in types) else None


def _whole_part(types: Sequence[DataType]) -> DataType | None:
    """A float stays one, a Decimal loses its scale and gains a digit: 9.5 becomes 10."""
    (value,) = types
    if value.is_decimal:
        return Decimal(min(_precision(value) - value.scale + 1, MAX_PRECISION), 0)
    return Float64 if value.is_float else None


def _rounded(types: Sequence[DataType]) -> DataType | None:
    """A digit more, for 9.5 that becomes 10.0."""
    value, digits = types
    if not value.is_decimal or digits != Int64:
        return None
    return Decimal(min(_precision(value) + 1, MAX_PRECISION), value.scale)


def _precision(value: DataType) -> int:
    return int(str(value.parameters[0]))


def _extremum(types: Sequence[DataType]) -> DataType | None:
    common = _common(types)
    return common if common and common.is_orderable else None


def _one_of(*taken: DataType, gives: DataType) -> Callable[[Sequence[DataType]], DataType | None]:
    """A function of one value, of any of the types."""
    return lambda types: gives if len(types) == 1 and types[0] in taken else None


def _exactly(*taken: DataType, gives: DataType) -> Callable[[Sequence[DataType]], DataType | None]:
    """A function of as many values as there are types."""
    return lambda types: gives if tuple(types) == taken else None


def _texts(types: Sequence[DataType]) -> DataType | None:
    return String if all(data_type == String for data_type in types) else None


@dataclass(frozen=True, slots=True)
class Function:
    """A function of values: how it is written, and its type for its arguments' types (None: they do not fit).

    ``takes`` tells what it takes, for those who gave something else. The last ``constants`` arguments are literals,
    because engines agree on them only where their values are known.
    """

    text: str
    result: Callable[[Sequence[DataType]], DataType | None]
    takes: str = ""
    constants: int = 0


_DAY = _one_of(Date, Timestamp, gives=Int64)
_CLOCK = _one_of(Timestamp, gives=Int64)
_MOVED = _exactly(Timestamp, Int64, gives=Timestamp)
_NO_TIME_OF_DAY = "a Timestamp. A Date has no time of day."
_FIXED_LENGTH = "a Timestamp and a length of time. Cast a Date to Timestamp first."


FUNCTIONS: Mapping[str, Function] = {
    "add": Function("{} + {}", _numeric, "numbers. Texts are joined by .concat(), times are moved by .plus()."),
    "subtract": Function(
        "{} - {}",
        _numeric,
        "numbers. Between times there are .microseconds_since() and .days_since(), and .minus() moves a time.",
    ),
    "multiply": Function("{} * {}", _product),
    "divide": Function("{} / {}", _quotient),
    "floor_divide": Function("{} // {}", _whole, "whole numbers. Of others take (x / y).floor()."),
    "modulo": Function("{} % {}", _whole, "whole numbers."),
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
    "abs": Function("{}.abs()", _numeric, "a number."),
    "floor": Function("{}.floor()", _whole_part, "a float or a Decimal."),
    "ceil": Function("{}.ceil()", _whole_part, "a float or a Decimal."),
    "round": Function("{}.round({})", _rounded, "a Decimal. Engines round floats differently.", constants=1),
    "sqrt": Function("{}.sqrt()", _quotient, "a number."),
    "least": Function("{}.least(...)", _extremum, "values of one type that has an order, or numbers."),
    "greatest": Function("{}.greatest(...)", _extremum, "values of one type that has an order, or numbers."),
    "is_nan": Function("{}.is_nan()", lambda types: Bool if types[0].is_float else None, "a float."),
    "length": Function("{}.length()", _one_of(String, Bytes, gives=Int64), "a String or Bytes."),
    "lower_ascii": Function("{}.lower_ascii()", _texts, "a String."),
    "upper_ascii": Function("{}.upper_ascii()", _texts, "a String."),
    "strip": Function("{}.strip({})", _texts, "a String.", constants=1),
    "starts_with": Function("{}.starts_with({})", _exactly(String, String, gives=Bool), "two Strings."),
    "ends_with": Function("{}.ends_with({})", _exactly(String, String, gives=Bool), "two Strings."),
    "contains": Function("{}.contains({})", _exactly(String, String, gives=Bool), "two Strings."),
    "substring": Function(
        "{}.substring({}, {})", _exactly(String, Int64, Int64, gives=String), "a String.", constants=2
    ),
    "concat": Function("{}.concat(...)", _texts, "Strings."),
    "replace": Function("{}.replace({}, {})", _texts, "a String.", constants=2),
    "year": Function("{}.year()", _DAY, "a Date or a Timestamp."),
    "month": Function("{}.month()", _DAY, "a Date or a Timestamp."),
    "day": Function("{}.day()", _DAY, "a Date or a Timestamp."),
    "weekday": Function("{}.weekday()", _DAY, "a Date or a Timestamp."),
    "day_of_year": Function("{}.day_of_year()", _DAY, "a Date or a Timestamp."),
    "hour": Function("{}.hour()", _CLOCK, _NO_TIME_OF_DAY),
    "minute": Function("{}.minute()", _CLOCK, _NO_TIME_OF_DAY),
    "second": Function("{}.second()", _CLOCK, _NO_TIME_OF_DAY),
    "date": Function("{}.date()", _one_of(Timestamp, gives=Date), "a Timestamp."),
    "microseconds_since": Function(
        "{}.microseconds_since({})",
        _exactly(Timestamp, Timestamp, gives=Int64),
        "two Timestamps. Cast a Date to Timestamp first.",
    ),
    "days_since": Function(
        "{}.days_since({})", _exactly(Date, Date, gives=Int64), "two Dates. Take the .date() of a Timestamp first."
    ),
    "plus": Function("{}.plus({})", _MOVED, _FIXED_LENGTH, constants=1),
    "minus": Function("{}.minus({})", _MOVED, _FIXED_LENGTH, constants=1),
    "truncate": Function("{}.truncate({})", _MOVED, _FIXED_LENGTH, constants=1),
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


def _several(argument: DataType) -> DataType | None:
    return None if argument.name in {"Array", "Vector"} else Array[argument]  # an array holds scalars


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
    "last_n": Aggregation(_several, keeps_order=True),
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


_NESTED = "An array holds scalars: take last(), or the items out of it in a transformation."


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
        raise TypeMismatchError(message, hint=_NESTED if node.function == "last_n" else None)
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
        given = " and ".join(str(argument) for argument in arguments[: len(arguments) - function.constants])
        message = f"{node.function}() does not take {given}."
        raise TypeMismatchError(message, hint=f"It takes {function.takes}" if function.takes else None)
    if not all(isinstance(argument, Literal) for argument in node.arguments[len(arguments) - function.constants :]):
        message = f"{node.function}() takes a constant after the value, not an expression."
        raise TypeMismatchError(message)
    return result
