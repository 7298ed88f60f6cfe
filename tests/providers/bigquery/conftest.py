"""GoogleSQL without the cloud: Google's own analyzer and reference implementation, built to WebAssembly."""

import ctypes
import datetime
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pytest

from featurestore.compiler.dialect import UNFIT
from featurestore.compiler.printing import OVERFLOW
from featurestore.errors import NumberOverflowError
from featurestore_bigquery.dialect import BigQueryDialect

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
DAY = datetime.date(1970, 1, 1)
MICROSECOND = datetime.timedelta(microseconds=1)
WIDE = Context(prec=80)
SCALE = 38
"""Digits after the point of a BIGNUMERIC."""
REFUSED = (OVERFLOW, UNFIT, "overflow", "out of range", "not in range")
"""What messages about a number that does not fit hold."""


def type_name(kind: pa.DataType) -> str:
    """The GoogleSQL type of a column."""
    if pa.types.is_decimal(kind):
        return "BIGNUMERIC"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz else "DATETIME"
    if pa.types.is_integer(kind):
        return "INT64"
    names = {"bool": "BOOL", "double": "DOUBLE", "string": "STRING", "binary": "BYTES", "date32[day]": "DATE"}
    return names[str(kind)]


ARROW = {
    "BOOL": pa.bool_(),
    "INT64": pa.int64(),
    "DOUBLE": pa.float64(),
    "STRING": pa.string(),
    "BYTES": pa.binary(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
    "BIGNUMERIC": None,  # whatever holds the digits
}


def put(value: Any, name: str, cell: Any) -> None:
    """Writes a value that is not null into a message of its type."""
    match name:
        case "BIGNUMERIC":
            units = int(value.scaleb(SCALE, WIDE))
            cell.bignumeric_value = units.to_bytes(units.bit_length() // 8 + 1, "little", signed=True)
        case "TIMESTAMP":
            micros = (value - EPOCH) // MICROSECOND
            cell.timestamp_value.SetInParent()
            cell.timestamp_value.seconds, cell.timestamp_value.nanos = micros // 10**6, micros % 10**6 * 1000
        case "DATE":
            cell.date_value = (value - DAY).days
        case _:
            setattr(cell, f"{name.lower()}_value", value)


def taken(cell: Any) -> Any:
    """The value in a message; None for null."""
    field = cell.WhichOneof("value")
    match field:
        case None:
            return None
        case "bignumeric_value":
            units = int.from_bytes(cell.bignumeric_value, "little", signed=True)
            return Decimal(units).scaleb(-SCALE, WIDE).normalize(WIDE)
        case "timestamp_value":
            found = cell.timestamp_value
            return EPOCH + datetime.timedelta(seconds=found.seconds, microseconds=found.nanos // 1000)
        case "date_value":
            return DAY + datetime.timedelta(days=cell.date_value)
        case _:
            return getattr(cell, field)


class GoogleSQL:
    """GoogleSQL as an engine under test; as BigQuery sets it, without what BigQuery lacks of types."""

    dialect = BigQueryDialect()

    def __init__(self, client: Any) -> None:
        from zetasql.types.proto_model import generated  # noqa: F401 - without it messages are unknown
        from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
        from zetasql.wasi._pb2.zetasql.proto import options_pb2
        from zetasql.wasi._pb2.zetasql.public import options_pb2 as public_options
        from zetasql.wasi._pb2.zetasql.public import type_pb2

        self._client, self._service = client, service
        self._kinds = {name.removeprefix("TYPE_"): number for name, number in type_pb2.TypeKind.items()}
        self._names = {number: name for name, number in self._kinds.items()}
        wanted = service.LanguageOptionsRequest(maximum_features=True)
        self._language = self._call("GetLanguageOptions", wanted, options_pb2.LanguageOptionsProto)
        self._language.product_mode = public_options.PRODUCT_EXTERNAL

    def _call(self, name: str, request: Any, response: Any) -> Any:
        return self._client.call_grpc_func(f"ZetaSqlLocalService_{name}", request, response)

    def _prepared(self, request: Any, tables: Mapping[str, pa.Schema], zone: str) -> Any:
        """A request with what it needs to understand a statement."""
        request.options.default_timezone = zone
        request.options.language_options.CopyFrom(self._language)
        catalog = request.simple_catalog
        catalog.name = "root"
        catalog.builtin_function_options.language_options.CopyFrom(self._language)
        for number, (name, schema) in enumerate(tables.items(), 1):
            table = catalog.table.add(name=name, serialization_id=number)
            for field in schema:
                table.column.add(name=field.name).type.type_kind = self._kinds[type_name(field.type)]
        return request

    def check(self, statement: str, tables: Mapping[str, pa.Schema]) -> None:
        """Resolves names and types; an error is GoogleSQL's own."""
        request = self._service.AnalyzeRequest(sql_statement=statement)
        self._call("Analyze", self._prepared(request, tables, "UTC"), self._service.AnalyzeResponse)

    def compute(self, statement: str, tables: Mapping[str, pa.Table], zone: str = "America/New_York") -> pa.Table:
        """Runs a statement, in sessions whose zone is not UTC."""
        from zetasql.core.exceptions import ServerError

        schemas = {name: table.schema for name, table in tables.items()}
        request = self._prepared(self._service.PrepareQueryRequest(sql=statement), schemas, zone)
        for name, table in tables.items():
            data = request.table_content[name].table_data
            data.SetInParent()
            names = [type_name(field.type) for field in table.schema]
            for values in zip(*(column.to_pylist() for column in table.columns), strict=True):
                row = data.row.add()
                for value, kind in zip(values, names, strict=True):
                    cell = row.cell.add()
                    if value is not None:
                        put(value, kind, cell)
        try:
            return self._evaluated(request)
        except ServerError as error:
            if any(part in str(error) for part in REFUSED):
                raise NumberOverflowError(str(error)) from error
            raise

    def _evaluated(self, request: Any) -> pa.Table:
        from google.protobuf.empty_pb2 import Empty

        service = self._service
        prepared = self._call("PrepareQuery", request, service.PrepareQueryResponse).prepared
        number = prepared.prepared_query_id
        try:
            wanted = service.EvaluateQueryRequest(prepared_query_id=number)
            rows = self._call("EvaluateQuery", wanted, service.EvaluateQueryResponse).content.table_data.row
        finally:
            self._call("UnprepareQuery", service.UnprepareQueryRequest(prepared_query_id=number), Empty)
        columns = [
            pa.array([taken(row.cell[position]) for row in rows], ARROW[self._names[column.type.type_kind]])
            for position, column in enumerate(prepared.columns)
        ]
        return pa.table(columns, names=[column.name for column in prepared.columns])


@pytest.fixture(scope="session")
def google_sql(missing: Callable[[str], NoReturn], request: pytest.FixtureRequest) -> GoogleSQL:
    """The reference implementation. Its machine code is kept between runs, since making it takes half a minute."""
    try:
        from zetasql.core import wasm_client
        from zetasql.wasi import get_wasm_path
    except ImportError:
        missing("The reference implementation of GoogleSQL is not installed: pip install --group engines")
    cache = request.config.cache
    assert cache is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wasm_client, "Module", _kept_modules(cache.mkdir("googlesql")))
        return GoogleSQL(_client(wasm_client)(get_wasm_path()))


def _kept_modules(folder: Path) -> Any:
    """What stands in for wasmtime's modules: the same, compiled once for each version of all that is involved."""
    import platform
    from importlib.metadata import version

    import wasmtime

    path = folder / f"{version('zetasql')}-{version('wasmtime')}-{platform.machine()}.compiled"

    class Kept:
        @staticmethod
        def from_file(engine: Any, source: str) -> Any:
            if path.exists():
                return wasmtime.Module.deserialize_file(engine, str(path))
            module = wasmtime.Module.from_file(engine, source)
            path.write_bytes(module.serialize())
            return module

    return Kept


def _client(wasm_client: Any) -> Any:
    """The package's client, which copies messages byte by byte in Python, with copies in one piece."""

    class Client(wasm_client.WasmClient):  # type: ignore[misc, unused-ignore]
        def _address(self, pointer: int) -> int:
            return int(ctypes.addressof(self.memory.data_ptr().contents)) + pointer

        def write_bytes(self, ptr: int, data: bytes) -> None:
            ctypes.memmove(self._address(ptr), data, len(data))

        def read_bytes(self, ptr: int, size: int) -> bytes:
            return ctypes.string_at(self._address(ptr), size)

    return Client
