"""The DuckDB offline store."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from featurestore.compiler.printing import OVERFLOW, print_label_query, print_query, source_relation
from featurestore.compiler.query import LabelQuery, Query
from featurestore.definitions.sources import Binding
from featurestore.definitions.types import Schema
from featurestore.errors import (
    ComputeError,
    ConfigurationError,
    EngineError,
    FeaturestoreError,
    MissingColumnError,
    MissingTableError,
    NumberOverflowError,
    UnreadableDataError,
)
from featurestore.spi.stores import SourceProbe, SourceState
from featurestore_duckdb.dialect import DuckDBDialect
from featurestore_duckdb.settings import DuckDBSettings
from featurestore_duckdb.types import data_type_of

__all__ = ["DuckDBStore", "open_store"]

BATCH_ROWS = 65_536
_READERS = {".parquet": "read_parquet", ".csv": "read_csv", ".json": "read_json", ".jsonl": "read_json"}
_GLOB = re.compile(r"[*?\[]")


def open_store(settings: DuckDBSettings, root: Path, scratch: Path) -> "DuckDBStore":
    """Opens the store; relative paths refer to ``root``, spilled data goes to ``scratch``.

    Raises:
        ConfigurationError: the database file is not there or cannot be opened.
    """
    return DuckDBStore(_connect(settings, root, scratch), root)


def _connect(settings: DuckDBSettings, root: Path, scratch: Path) -> duckdb.DuckDBPyConnection:
    # Nothing is fetched from anywhere, and a session's zone or settings file cannot change a value.
    options: dict[str, Any] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "temp_directory": str(scratch / "duckdb"),
    }
    if settings.memory_limit:
        options["memory_limit"] = settings.memory_limit
    if settings.threads:
        options["threads"] = settings.threads
    path = root / settings.database if settings.database else None
    if path is not None and not path.exists():
        message = f"There is no database {path}."
        raise ConfigurationError(message, hint="The setting `database` names a DuckDB file that exists.")
    try:
        connection = duckdb.connect(str(path) if path else ":memory:", read_only=path is not None, config=options)
    except duckdb.Error as error:
        message = f"DuckDB cannot be opened: {error}"
        raise ConfigurationError(message) from error
    connection.execute("SET TimeZone = 'UTC'")
    return connection


class DuckDBStore:
    """An `OfflineStore` over one DuckDB connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, root: Path) -> None:
        self._connection = connection
        self._root = root
        self.dialect = DuckDBDialect()

    def probe(self, name: str, binding: Binding) -> SourceProbe:
        """See `OfflineStore.probe`."""
        with self._reading(name, binding):
            described = self._connection.execute(f"DESCRIBE SELECT * FROM {self._relation(binding)}").fetchall()
        found = {str(column): data_type_of(str(engine_type)) for column, engine_type, *_ in described}
        engine_types = {str(column): str(engine_type) for column, engine_type, *_ in described}
        return SourceProbe(
            {column: data_type for column, data_type in found.items() if data_type is not None},
            {column: engine_types[column] for column, data_type in found.items() if data_type is None},
        )

    def state(self, name: str, binding: Binding) -> SourceState:
        """See `OfflineStore.state`. Files are digested byte by byte, tables and queries row by row in any order."""
        with self._reading(name, binding):
            relation = self._relation(binding)
            if binding.path:
                rows = self._connection.execute(f"SELECT COUNT(*) FROM {relation}").fetchall()[0][0]
                parts = {str(file): _file_digest(self._root / file) for file in self._files(binding.path)}
            else:
                query = f"SELECT COUNT(*), COALESCE(SUM(HASH(r)::HUGEINT), 0) FROM {relation} AS r"
                rows, total = self._connection.execute(query).fetchall()[0]
                parts = {str(binding): str(total)}
        digest = hashlib.sha256("\n".join(f"{part} {value}" for part, value in parts.items()).encode()).hexdigest()
        return SourceState(int(rows), digest, parts)

    def run(self, query: Query, spine: pa.Table, bindings: Mapping[str, Binding]) -> pa.RecordBatchReader:
        """See `OfflineStore.run`."""
        cursor = self._with_sources({source.name: source.schema for source in query.sources}, bindings)
        cursor.register("spine", spine)
        statement = print_query(query, self.dialect)
        with _translated("The features"):
            reader = cursor.sql(statement).to_arrow_reader(BATCH_ROWS)
        return pa.RecordBatchReader.from_batches(reader.schema, _batches(reader, cursor))

    def label_rows(self, query: LabelQuery, bindings: Mapping[str, Binding]) -> pa.Table:
        """See `OfflineStore.label_rows`."""
        cursor = self._with_sources({source.name: source.schema for source in query.sources}, bindings)
        with _translated("The label rows"):
            return cursor.sql(print_label_query(query, self.dialect)).to_arrow_table(BATCH_ROWS)

    def explain(self, query: Query) -> str:
        """See `OfflineStore.explain`."""
        return print_query(query, self.dialect)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _with_sources(
        self, schemas: Mapping[str, Schema], bindings: Mapping[str, Binding]
    ) -> duckdb.DuckDBPyConnection:
        """A cursor in which each source is a view."""
        cursor = self._connection.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        for name in schemas:
            view = self.dialect.name(source_relation(name))
            with self._reading(name, bindings[name]):
                cursor.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT * FROM {self._relation(bindings[name])}")
        return cursor

    def _relation(self, binding: Binding) -> str:
        if binding.query is not None:
            return f"({binding.query.rstrip().rstrip(';')})"
        if binding.table is not None:
            return ".".join(self.dialect.name(part) for part in binding.table.split("."))
        path = binding.path or ""
        suffix = Path(path).suffix
        if suffix not in _READERS:
            message = f"{path} is not a file of a kind that DuckDB reads here."
            raise UnreadableDataError(message, hint=f"Files end in {', '.join(_READERS)}.")
        return f"{_READERS[suffix]}({self.dialect.text(str(self._root / path))})"

    def _files(self, path: str) -> list[Path]:
        full = self._root / path
        if not _GLOB.search(path):
            return [Path(path)]
        fixed = Path(*full.parts[: _first_pattern(full)])
        pattern = str(Path(*full.parts[_first_pattern(full) :]))
        return sorted(Path(*found.parts) for found in fixed.glob(pattern))

    @contextmanager
    def _reading(self, name: str, binding: Binding) -> Iterator[None]:
        where = f"source {name!r}, {binding}"
        try:
            yield
        except FeaturestoreError:
            raise
        except duckdb.CatalogException as error:
            message = f"The table is not there: {_first_line(error)}"
            raise MissingTableError(
                message, where=where, hint="Check the source's table=, or its binding in the target."
            ) from error
        except duckdb.IOException as error:
            kind = MissingTableError if "No files found" in str(error) else UnreadableDataError
            message = f"The files cannot be read: {_first_line(error)}"
            raise kind(message, where=where, hint="Check the source's path=, or its binding in the target.") from error
        except (duckdb.InvalidInputException, duckdb.ParserException, duckdb.BinderException) as error:
            message = f"The data cannot be read: {_first_line(error)}"
            raise UnreadableDataError(message, where=where) from error


def _first_pattern(path: Path) -> int:
    return next(position for position, part in enumerate(path.parts) if _GLOB.search(part))


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _batches(reader: pa.RecordBatchReader, cursor: duckdb.DuckDBPyConnection) -> Iterator[pa.RecordBatch]:
    """The batches of a running query, which keeps its cursor until the last one."""
    with _translated("The features"):
        yield from reader
    cursor.close()


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Engine errors as ours; a failed sum names its feature."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        text = str(error)
        if OVERFLOW in text:
            feature = text.partition(OVERFLOW)[2].split()[0]
            message = f"A sum of {feature} does not fit into Int64."
            raise NumberOverflowError(message, hint="Cast the column to Float64 or to a Decimal first.") from error
        if "Out of Range" in text or "Overflow" in text:
            message = f"{what}: a number does not fit into its type. {_first_line(error)}"
            raise NumberOverflowError(message) from error
        if isinstance(error, duckdb.ConversionException):
            message = f"{what}: a value cannot be converted. {_first_line(error)}"
            raise ComputeError(message) from error
        if isinstance(error, duckdb.BinderException):
            message = (
                f"{what}: a column is not there, or of another type than sources.lock.yaml says. {_first_line(error)}"
            )
            raise MissingColumnError(message, hint="Compare with `featurestore sources pull --check`.") from error
        message = f"{what} could not be computed by DuckDB: {_first_line(error)}"
        raise EngineError(message) from error
