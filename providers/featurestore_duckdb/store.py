"""The DuckDB offline store."""

import glob
import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from featurestore.compiler.printing import OVERFLOW, overflow_told, print_stage, print_statement
from featurestore.compiler.query import BoundaryQuery, LabelQuery, Query, RowsQuery, source_relation
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
from featurestore.spi.stores import NO_STAGES, SourceProbe, SourceState, StagedTables
from featurestore_duckdb.dialect import DuckDBDialect
from featurestore_duckdb.settings import DuckDBSettings
from featurestore_duckdb.types import data_type_of

__all__ = ["DuckDBStore", "open_store"]

BATCH_ROWS = 65_536
_READERS = {".parquet": "read_parquet", ".csv": "read_csv", ".json": "read_json", ".jsonl": "read_json"}
_GLOB = re.compile(r"[*?\[]")
_CLOSED = "Read values before the project or the store is closed."


def open_store(settings: DuckDBSettings, root: Path, scratch: Path) -> "DuckDBStore":
    """Opens the store; relative paths refer to ``root``, spilled data goes to ``scratch``.

    Raises:
        ConfigurationError: the database file is not there or cannot be opened.
    """
    return DuckDBStore(_connect(settings, root, scratch), root)


def _connect(settings: DuckDBSettings, root: Path, scratch: Path) -> duckdb.DuckDBPyConnection:
    path = root / settings.database if settings.database else None
    if path is not None and not path.is_file():
        message = f"There is no database {path}."
        raise ConfigurationError(message, hint="The setting `database` names a DuckDB file that exists.")
    # Nothing is fetched from anywhere. What may differ between stores over one file is set after it is opened.
    sealed: dict[str, Any] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    options: dict[str, Any] = {
        "temp_directory": str(scratch / "duckdb"),
        "file_search_path": str(root),
        "memory_limit": settings.memory_limit,
        "threads": settings.threads,
    }
    try:
        connection = duckdb.connect(str(path) if path else ":memory:", read_only=path is not None, config=sealed)
        for name, value in options.items():
            if value is not None:
                connection.execute(f"SET GLOBAL {name} = {DuckDBDialect().text(str(value))}")
    except duckdb.Error as error:
        message = f"DuckDB cannot be opened: {_reason(error)}."
        raise ConfigurationError(message) from error
    return _own_session(connection)


def _own_session(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """No zone of the machine and no variable of a Python program can change a value."""
    connection.execute("SET TimeZone = 'UTC'; SET python_enable_replacements = false")
    # Parquet files keep no NaN in their statistics, and DuckDB concludes from these that there is none: it would fold
    # ISNAN() to false, and drop rows that compare as greater than everything.
    connection.execute("SET disabled_optimizers = 'statistics_propagation'")
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
                parts = {self._shown(file): _file_digest(file) for file in self._files(binding.path)}
            else:
                query = f"SELECT COUNT(*), COALESCE(SUM(HASH(__row)::HUGEINT), 0) FROM {relation} AS __row"
                rows, total = self._connection.execute(query).fetchall()[0]
                parts = {str(binding): str(total)}
        digest = hashlib.sha256("\n".join(f"{part} {value}" for part, value in parts.items()).encode()).hexdigest()
        return SourceState(int(rows), digest, parts)

    def rows(
        self, query: RowsQuery, bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> pa.RecordBatchReader:
        """See `OfflineStore.rows`."""
        cursor = self._with_sources({source.name: source.schema for source in query.sources}, bindings, staged)
        return _streamed(cursor, self.statement(query))

    def run(
        self, query: Query, spine: pa.Table, bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> pa.RecordBatchReader:
        """See `OfflineStore.run`."""
        cursor = self._with_sources({source.name: source.schema for source in query.sources}, bindings, staged)
        with _translated("The features"):
            cursor.register("spine", spine)
        return _streamed(cursor, self.statement(query))

    def boundary_rows(
        self, query: BoundaryQuery, bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> pa.RecordBatchReader:
        """See `OfflineStore.boundary_rows`."""
        cursor = self._with_sources({source.name: source.schema for source in query.query.sources}, bindings, staged)
        columns = [*query.keys, *query.columns]
        reader = _streamed(cursor, self.statement(query))
        schema = pa.schema([field.with_name(name) for field, name in zip(reader.schema, columns, strict=True)])
        named = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in reader)
        return pa.RecordBatchReader.from_batches(schema, named)

    def label_rows(
        self, query: LabelQuery, bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> pa.Table:
        """See `OfflineStore.label_rows`."""
        cursor = self._with_sources({source.name: source.schema for source in query.sources}, bindings, staged)
        with _translated("The label rows"):
            return cursor.sql(self.statement(query)).to_arrow_table(BATCH_ROWS)

    def explain(self, query: Query | BoundaryQuery | LabelQuery) -> str:
        """See `OfflineStore.explain`."""
        stages = query.query.stages if isinstance(query, BoundaryQuery) else query.stages
        return "\n\n".join([*(print_stage(stage, self.dialect) for stage in stages), self.statement(query)])

    def statement(self, query: Query | BoundaryQuery | LabelQuery | RowsQuery) -> str:
        """What is executed for a query."""
        return print_statement(query, self.dialect)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _with_sources(
        self, schemas: Mapping[str, Schema], bindings: Mapping[str, Binding], staged: StagedTables
    ) -> duckdb.DuckDBPyConnection:
        """A cursor in which each source is a view, and each table that was made before."""
        try:
            cursor = _own_session(self._connection.cursor())
        except duckdb.ConnectionException as error:
            message = "The DuckDB store is closed."
            raise EngineError(message, hint=_CLOSED) from error
        taken = {"spine", *(source_relation(name).lower() for name in schemas), *(name.lower() for name in staged)}
        for name, table in staged.items():
            cursor.register(name, table)
        for name in schemas:
            view = self.dialect.name(source_relation(name))
            with self._reading(name, bindings[name]):
                self._refuse_captured(bindings[name], taken)
                cursor.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT * FROM {self._relation(bindings[name])}")
        return cursor

    def _refuse_captured(self, binding: Binding, taken: AbstractSet[str]) -> None:
        """Refuses a query that names a table as the statement names its own relations, and would read those instead."""
        for table in self._connection.get_table_names(binding.query or "SELECT 1", qualified=True):
            parts = [part.strip('"') for part in table.split(".")]
            if parts[-1].lower() in taken and len(parts) < 3:
                message = f"The query reads a table {table}, which is a name of this package's own."
                hint = f"Name it in full: {self._catalog}.main.{parts[-1]}."
                raise UnreadableDataError(message, where=str(binding), hint=hint)

    @property
    def _catalog(self) -> str:
        """The name of the database that holds the tables."""
        return str(self._connection.execute("SELECT current_database()").fetchall()[0][0])

    def _table(self, name: str) -> str:
        """A table's name in full: views and the spine must not be taken for it."""
        parts = name.split(".")
        catalog = self._catalog
        full = [catalog, *(["main"] if len(parts) == 1 else []), *parts] if len(parts) < 3 else parts
        return ".".join(map(self.dialect.name, parts if len(parts) == 2 and parts[0] == catalog else full))

    def _relation(self, binding: Binding) -> str:
        if binding.query is not None:
            return f"({binding.query.rstrip().rstrip(';')}\n)"  # it may end with a comment
        if binding.table is not None:
            return self._table(binding.table)
        path = binding.path or ""
        suffix = Path(path).suffix
        if suffix not in _READERS:
            message = f"{path} is not a file of a kind that DuckDB reads here."
            raise UnreadableDataError(message, hint=f"Files end in {', '.join(_READERS)}.")
        # Only the binding is a pattern; the project's own folder may have any name.
        full = Path(path) if Path(path).is_absolute() else Path(glob.escape(str(self._root))) / path
        return f"{_READERS[suffix]}({self.dialect.text(str(full))})"

    def _files(self, path: str) -> list[Path]:
        full = self._root / path
        if full.exists() or not _GLOB.search(path):
            return [full]
        anchor = Path(path).anchor
        return sorted(found for found in Path(anchor or self._root).glob(path[len(anchor) :]) if found.is_file())

    def _shown(self, file: Path) -> str:
        return str(file.relative_to(self._root) if file.is_relative_to(self._root) else file)

    @contextmanager
    def _reading(self, name: str, binding: Binding) -> Iterator[None]:
        where = f"source {name!r}, {binding}"
        try:
            with _interruptible():
                yield
        except FeaturestoreError:
            raise
        except duckdb.ConnectionException as error:
            message = "The DuckDB store is closed."
            raise EngineError(message, hint=_CLOSED) from error
        except duckdb.CatalogException as error:
            message = f"The table is not there: {_reason(error)}"
            hint = "Check the source's table=, or its binding in the target."
            raise MissingTableError(message, where=where, hint=hint) from error
        except (duckdb.Error, OSError) as error:
            kind = MissingTableError if "No files found" in str(error) else UnreadableDataError
            message = f"The data cannot be read: {_reason(error)}{self._culprit(binding, error)}"
            hint = "Check the source's path= or query=, or its binding in the target."
            raise kind(message, where=where, hint=hint) from error

    def _culprit(self, binding: Binding, error: BaseException) -> str:
        """Which of a source's files fails, where the engine does not say it."""
        if binding.path is None or any(str(file) in str(error) for file in self._files(binding.path)):
            return ""
        for file in self._files(binding.path):
            try:
                self._connection.execute(f"SELECT * FROM {self._relation(Binding(glob.escape(str(file))))} LIMIT 0")
            except duckdb.Error:
                return f" ({self._shown(file)})"
        return ""


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _streamed(cursor: duckdb.DuckDBPyConnection, statement: str) -> pa.RecordBatchReader:
    """The rows of a statement, as they are computed."""
    with _translated("The features"):
        reader = cursor.sql(statement).to_arrow_reader(BATCH_ROWS)
    return pa.RecordBatchReader.from_batches(reader.schema, _batches(reader, cursor))


def _batches(reader: pa.RecordBatchReader, cursor: duckdb.DuckDBPyConnection) -> Iterator[pa.RecordBatch]:
    """The batches of a running query, which keeps its cursor until the last one."""
    try:
        with _translated("The features"):
            yield from reader
    finally:
        cursor.close()


def _reason(error: BaseException) -> str:
    """What an engine's message says before it shows the statement and gives its own advice."""
    advice = ("LINE ", "Possible", "Potential", "Did you mean", "Candidate")
    lines = itertools.takewhile(lambda line: line and not line.startswith(advice), str(error).splitlines())
    return " ".join(line.strip() for line in lines)


@contextmanager
def _interruptible() -> Iterator[None]:
    """DuckDB stops at an interrupt, and tells of it as a plain RuntimeError, or as an error of its own."""
    try:
        yield
    except (RuntimeError, duckdb.Error) as error:
        text = str(error)
        plain = isinstance(error, RuntimeError) and "interrupted" in text.lower()
        if plain or text.rstrip(": \n").endswith("KeyboardInterrupt"):
            raise KeyboardInterrupt from error
        raise


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Engine errors as ours; a failed sum names its feature."""
    try:
        with _interruptible():
            yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        text = str(error)
        if OVERFLOW in text:
            raise overflow_told(text) from error
        if "Out of Range" in text or "Overflow" in text or "out of range" in text:
            message = f"{what}: a number does not fit into its type. {_reason(error)}"
            raise NumberOverflowError(message) from error
        if isinstance(error, duckdb.ConversionException):
            message = f"{what}: a value cannot be converted. {_reason(error)}"
            raise ComputeError(message) from error
        if isinstance(error, duckdb.BinderException):
            message = f"{what}: a column is not there, or of another type than sources.lock.yaml says. {_reason(error)}"
            raise MissingColumnError(message, hint="Compare with `featurestore sources pull --check`.") from error
        message = f"{what} could not be computed by DuckDB: {_reason(error)}"
        raise EngineError(message) from error
