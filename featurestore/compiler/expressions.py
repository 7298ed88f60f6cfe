"""Expressions of the definitions, printed as SQL."""

from collections.abc import Callable, Sequence

from featurestore.compiler.dialect import Dialect
from featurestore.compiler.sql_functions import function_sql
from featurestore.definitions.functions import FUNCTIONS
from featurestore.definitions.nodes import Aggregate, Call, Column, FeatureValue, Literal, Node
from featurestore.definitions.types import MAX_PRECISION, Bool, DataType, Date, Decimal, Float64, Timestamp

__all__ = ["Printed", "print_expression"]

Printed = tuple[str, DataType]
"""SQL and the type of its value."""

_SIGNS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "equal": "=",
    "not_equal": "<>",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "and": "AND",
    "or": "OR",
}
_COMPARISONS = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "is_in"}
_WIDENING = {"abs", "floor_divide", "modulo", "least", "greatest"}
"""Functions whose operands are brought to the type of the result, also where it is no float."""


def print_expression(node: Node, leaf: Callable[[Node], Printed], dialect: Dialect) -> Printed:
    """``node`` as SQL. ``leaf`` prints what stands at the ends of the tree: columns, aggregations, other features.

    Operands are brought to the type of the result first, so that no engine's own widening decides.
    """
    match node:
        case Literal(value=value, type=data_type):
            return dialect.literal(value, data_type), data_type
        case Column() | Aggregate() | FeatureValue():
            return leaf(node)
        case Call():
            operands = [print_expression(argument, leaf, dialect) for argument in node.arguments]
            return _call(node, operands, dialect)


def _call(node: Call, operands: Sequence[Printed], dialect: Dialect) -> Printed:
    values = [value for value, _ in operands]
    if node.type is not None:
        return _converted(operands[0], node.type, dialect), node.type
    result = FUNCTIONS[node.function].result([data_type for _, data_type in operands])
    if result is None:
        message = f"{node.function} was not checked before it was printed"
        raise AssertionError(message)
    if node.function in _COMPARISONS:
        return _comparison(node, operands, dialect), Bool
    match node.function:
        case "and" | "or":
            return f"({values[0]} {_SIGNS[node.function]} {values[1]})", result
        case "add" | "subtract" | "multiply":
            operate = _factors if node.function == "multiply" else _widened
            left, right = operate(operands, result, dialect)
            return dialect.computed(_SIGNS[node.function], left, right, result), result
        case "divide":
            left, right = _widened(operands, Float64, dialect)
            return f"(CASE WHEN {right} = 0 THEN NULL ELSE {dialect.divided(left, right)} END)", result
        case "negate":
            return dialect.negated(_widened(operands, result, dialect)[0], result), result
        case "not":
            return f"(NOT {values[0]})", result
        case "is_null":
            return f"({values[0]} IS NULL)", result
        case "fill_null":
            left, right = _widened(operands, result, dialect)
            return f"COALESCE({left}, {right})", result
        case "if_else":
            then, otherwise = _widened(operands[1:], result, dialect)
            return f"(CASE WHEN {values[0]} THEN {then} ELSE {otherwise} END)", result
        case _:
            widens = result.is_float or node.function in _WIDENING
            arguments = _widened(operands, result, dialect) if widens else values
            return function_sql(node, arguments, operands[0][1], result, dialect), result


def _converted(operand: Printed, to: DataType, dialect: Dialect) -> str:
    value, given = operand
    return dialect.midnight(value) if given == Date and to == Timestamp else dialect.cast(value, to)


def _comparison(node: Call, operands: Sequence[Printed], dialect: Dialect) -> str:
    types = [data_type for _, data_type in operands]
    common = types[0] if len(set(types)) == 1 else FUNCTIONS["add"].result(types)
    common = common or types[0]
    values = _widened(operands, common, dialect)
    if node.function != "is_in":
        return dialect.compared(_SIGNS[node.function], values[0], values[1], common)
    found = dialect.among(values[0], values[1:], common)
    unsure = [f"{value} IS NULL" for value, one in zip(values, node.arguments, strict=True) if not _is_literal(one)]
    # SQL finds a value also next to a null; here a null gives null, as everywhere.
    return found if len(unsure) < 2 else f"(CASE WHEN {' OR '.join(unsure)} THEN NULL ELSE {found} END)"


def _is_literal(node: Node) -> bool:
    return isinstance(node, Literal)


def _factors(operands: Sequence[Printed], to: DataType, dialect: Dialect) -> list[str]:
    """Factors of a product. Those of Decimals keep their scale, since the scales add up, and are as wide as can be."""
    if not to.is_decimal:
        return _widened(operands, to, dialect)
    wide = [(one, Decimal(MAX_PRECISION, one[1].scale)) for one in operands]
    return [value for one, factor in wide for value in _widened([one], factor, dialect)]


def _widened(operands: Sequence[Printed], to: DataType, dialect: Dialect) -> list[str]:
    """Operands as values of type ``to``, which only a Decimal may be too narrow for."""
    cast = dialect.cast if to.is_decimal else dialect.widened
    return [value if data_type == to else cast(value, to) for value, data_type in operands]
