"""DuckDB's types and ours."""

import re
from collections.abc import Mapping

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
    Vector,
)

__all__ = ["data_type_of"]

_SCALARS: Mapping[str, DataType] = {
    "BOOLEAN": Bool,
    "TINYINT": Int32,
    "SMALLINT": Int32,
    "INTEGER": Int32,
    "UTINYINT": Int32,
    "USMALLINT": Int32,
    "BIGINT": Int64,
    "UINTEGER": Int64,
    "UBIGINT": Decimal(20, 0),
    "FLOAT": Float32,
    "DOUBLE": Float64,
    "VARCHAR": String,
    "UUID": String,
    "BLOB": Bytes,
    "DATE": Date,
    "TIMESTAMP": Timestamp,
    "TIMESTAMP_S": Timestamp,
    "TIMESTAMP_MS": Timestamp,
    "TIMESTAMP_NS": Timestamp,
    "TIMESTAMP WITH TIME ZONE": Timestamp,
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_LIST = re.compile(r"(.+)\[(\d*)\]")


def data_type_of(name: str) -> DataType | None:
    """Our type for a column of DuckDB's type ``name``; None where we have none (HUGEINT, TIME, INTERVAL, STRUCT …)."""
    if name in _SCALARS:
        return _SCALARS[name]
    if name.startswith("ENUM(") and name.endswith(")"):
        return String
    if match := _DECIMAL.fullmatch(name):
        return Decimal(int(match[1]), int(match[2]))
    if match := _LIST.fullmatch(name):
        if match[2]:
            return Vector[int(match[2])] if match[1] == "FLOAT" else None
        item = _SCALARS.get(match[1])
        return Array[item] if item else None
    return None
