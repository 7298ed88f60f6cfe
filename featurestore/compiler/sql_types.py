"""Types of the columns that a SQL step gives, and the names of our types in SQL.

sqlglot finds out what each name refers to; what arithmetic gives is decided by our own rules, so that it is the same
whatever engine runs it. Each result is cast to the type found here.
"""

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from featurestore.definitions.functions import FUNCTIONS
from featurestore.definitions.types import (
    Array,
    Bool,
    Bytes,
    DataType,
    Date,
    Decimal,
    Float32,
    Float64,
    Int32,
    Int64,
    String,
    Timestamp,
)

__all__ = ["sql_type", "type_of_sql"]

_SQL: Mapping[str, exp.DType] = {
    "Bool": exp.DType.BOOLEAN,
    "Int32": exp.DType.INT,
    "Int64": exp.DType.BIGINT,
    "Float32": exp.DType.FLOAT,
    "Float64": exp.DType.DOUBLE,
    "String": exp.DType.TEXT,
    "Bytes": exp.DType.VARBINARY,
    "Date": exp.DType.DATE,
    "Timestamp": exp.DType.TIMESTAMPTZ,
}
_OURS: Mapping[exp.DType, DataType] = {
    exp.DType.BOOLEAN: Bool,
    exp.DType.TINYINT: Int32,
    exp.DType.SMALLINT: Int32,
    exp.DType.INT: Int32,
    exp.DType.BIGINT: Int64,
    exp.DType.FLOAT: Float32,
    exp.DType.DOUBLE: Float64,
    exp.DType.TEXT: String,
    exp.DType.VARCHAR: String,
    exp.DType.CHAR: String,
    exp.DType.VARBINARY: Bytes,
    exp.DType.DATE: Date,
    exp.DType.TIMESTAMP: Timestamp,
    exp.DType.TIMESTAMPTZ: Timestamp,
}


def sql_type(data_type: DataType) -> exp.DataType:
    """The type in sqlglot's terms."""
    if data_type.is_decimal:
        return exp.DataType.build(f"DECIMAL({data_type.parameters[0]}, {data_type.parameters[1]})")
    if data_type.name in {"Array", "Vector"}:
        item = data_type.parameters[0] if data_type.name == "Array" else Float32
        inner = sql_type(item) if isinstance(item, DataType) else exp.DataType.build("FLOAT")
        return exp.DataType(this=exp.DType.ARRAY, expressions=[inner], nested=True)
    return exp.DataType(this=_SQL[data_type.name])


def _named(sql: exp.DataType | None) -> DataType | None:
    if sql is None:
        return None
    if sql.this == exp.DType.DECIMAL and len(sql.expressions) == 2:
        precision, scale = (int(part.this.this) for part in sql.expressions)
        return Decimal(precision, scale)
    if sql.this == exp.DType.ARRAY and sql.expressions:
        item = _named(sql.expressions[0])
        return Array[item] if item and item.name not in {"Array", "Vector"} else None
    return _OURS.get(sql.this)


def type_of_sql(node: exp.Expr) -> DataType | None:
    """The type of a qualified and annotated expression; None where it is not certain."""
    for kinds, type_of in _RULES:
        if isinstance(node, kinds):
            return type_of(node)
    return None


def _arithmetic(function: str) -> Callable[[exp.Expr], DataType | None]:
    def type_of(node: exp.Expr) -> DataType | None:
        operands = _numbers([node.this, node.expression])
        return FUNCTIONS[function].result(operands) if operands else None

    return type_of


def _literal(node: exp.Expr) -> DataType:
    if node.args.get("is_string"):
        return String
    return Int64 if str(node.this).isdecimal() else Float64


def _numbers(nodes: list[exp.Expr]) -> list[DataType]:
    """The types of ``nodes`` if all are numbers, else nothing."""
    types = [data_type for data_type in map(type_of_sql, nodes) if data_type is not None and data_type.is_numeric]
    return types if len(types) == len(nodes) else []


def _quotient(node: exp.Expr) -> DataType | None:
    operands = _numbers([node.this, node.expression])
    if not operands:
        return None
    whole = node.args.get("typed") and all(data_type.is_integer for data_type in operands)
    return Int64 if whole else Float64


def _branches(node: exp.Expr) -> DataType | None:
    """Of CASE, IF and COALESCE: what their branches have in common."""
    if isinstance(node, exp.Coalesce):
        return _widest([node.this, *node.expressions])
    if isinstance(node, exp.Case):
        branches = [branch.args["true"] for branch in node.args["ifs"]]
        return _widest([*branches, *filter(None, [node.args.get("default")])])
    return _widest([part for part in (node.args.get("true"), node.args.get("false")) if part is not None])


def _truncated(node: exp.Expr) -> DataType | None:
    return Timestamp if type_of_sql(node.this) == Timestamp else None


def _widest(nodes: list[exp.Expr]) -> DataType | None:
    """The one type of all branches, or the number type that holds them all."""
    given = [node for node in nodes if not isinstance(node, exp.Null)]
    types = {type_of_sql(node) for node in given}
    if len(types) == 1:
        return types.pop()
    numbers = _numbers(given)
    return FUNCTIONS["add"].result(numbers) if numbers else None


_Rule = tuple[type[exp.Expr] | tuple[type[exp.Expr], ...], Callable[[exp.Expr], DataType | None]]
_RULES: Sequence[_Rule] = (
    (exp.Column, lambda node: _named(node.type)),
    ((exp.Cast, exp.TryCast), lambda node: _named(node.args["to"])),
    (exp.Literal, _literal),
    ((exp.Alias, exp.Paren, exp.Neg, exp.Abs, exp.Nullif), lambda node: type_of_sql(node.this)),
    (exp.Add, _arithmetic("add")),
    (exp.Sub, _arithmetic("subtract")),
    (exp.Mul, _arithmetic("multiply")),
    (exp.Div, _quotient),
    ((exp.Coalesce, exp.Case, exp.If), _branches),
    ((exp.TimestampTrunc, exp.DateTrunc), _truncated),
    ((exp.Predicate, exp.Connector, exp.Not, exp.Boolean), lambda _: Bool),
    ((exp.Upper, exp.Lower, exp.Trim, exp.Concat, exp.DPipe, exp.Substring, exp.Replace), lambda _: String),
    ((exp.Length, exp.Extract, exp.Hour, exp.Minute, exp.Year, exp.Month, exp.Day), lambda _: Int64),
    ((exp.DayOfWeek, exp.DayOfYear), lambda _: Int64),
)
"""What kind of node gives what type; the first that fits decides."""
