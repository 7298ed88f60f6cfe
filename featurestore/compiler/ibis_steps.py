"""Ibis steps: the expression that the function returns, as SQL."""

from collections.abc import Mapping
from typing import Any

from featurestore.definitions.resolved import StepTable
from featurestore.definitions.types import DataType, Schema
from featurestore.errors import DefinitionError, FeaturestoreError, MissingExtraError, UserCodeError

__all__ = ["ibis_sql"]

_IBIS: Mapping[str, str] = {
    "Bool": "boolean",
    "Int32": "int32",
    "Int64": "int64",
    "Float32": "float32",
    "Float64": "float64",
    "String": "string",
    "Bytes": "binary",
    "Date": "date",
    "Timestamp": "timestamp('UTC', 6)",
}


def ibis_sql(table: StepTable, schemas: Mapping[str, Schema]) -> str:
    """The SQL (in DuckDB's dialect) of an Ibis step over relations with the given columns.

    Raises:
        MissingExtraError: Ibis is not installed.
        UserCodeError: the function raised.
        DefinitionError: it returned something else than a table expression.
    """
    try:
        import ibis  # noqa: PLC0415 - an extra; only who writes Ibis steps needs it
    except ImportError as error:
        message = f"{table.ref} is written in Ibis, which is not installed."
        raise MissingExtraError(message, hint="pip install 'featurestore[ibis]'") from error
    tables = {
        parameter: ibis.table({name: _ibis_type(kind) for name, kind in schema.items()}, name=relation)
        for parameter, (relation, schema) in zip(table.inputs, schemas.items(), strict=True)
    }
    step = table.transformation
    try:
        expression: Any = step.function(**tables)
    except FeaturestoreError:
        raise
    except Exception as error:  # the border to the user's code: whatever it raises is theirs
        message = f"{table.ref} raised {type(error).__name__}: {error}"
        raise UserCodeError(message, where=str(step.origin)) from error
    if not isinstance(expression, ibis.expr.types.Table):
        message = f"{table.ref} returned {type(expression).__name__}, not an Ibis table."
        raise DefinitionError(message, where=str(step.origin))
    return str(ibis.to_sql(expression, dialect="duckdb"))


def _ibis_type(data_type: DataType) -> str:
    if data_type.is_decimal:
        return f"decimal({data_type.parameters[0]}, {data_type.parameters[1]})"
    if data_type.name == "Array" and isinstance(data_type.parameters[0], DataType):
        return f"array<{_ibis_type(data_type.parameters[0])}>"
    return _IBIS.get(data_type.name, "array<float32>")
