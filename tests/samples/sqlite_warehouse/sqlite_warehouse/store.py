"""The SQLite offline store: one connection per query, in memory, over a database that is only read."""

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pyarrow as pa

from featurestore.compiler.printing import print_statement
from featurestore.compiler.query import BoundaryQuery, Hidden, LabelQuery, Query, RowsQuery, source_relation
from featurestore.definitions.sources import Binding
from featurestore.definitions.types import Bool, Bytes, DataType, Date, Int32, Int64, Schema, String, Timestamp
from featurestore.errors import (
    EngineError,
    MissingColumnError,
    MissingTableError,
    NotSupportedError,
    NumberOverflowError,
    UnreadableDataError,
)
from featurestore.spi.frames import arrow_type
from featurestore.spi.stores import NO_STAGES, OfflineStore, SourceProbe, SourceState, StagedTables
from sqlite_warehouse import SQLiteSettings
from sqlite_warehouse.dialect import SQLiteDialect
from sqlite_warehouse.functions import Failures, install

__all__ = ["TYPES", "SQLiteStore", "open_store"]

BATCH_ROWS = 65_536
STEPS_BETWEEN_SIGNALS = 10_000
TYPES: Mapping[str, DataType] = {
    "BOOLEAN": Bool,
    "INT": Int32,
    "BIGINT": Int64,
    "TEXT": String,
    "BLOB": Bytes,
    "DATE": Date,
    "TIMESTAMP": Timestamp,
}
"""Types as tables declare them."""


def open_store(settings: SQLiteSettings, root: Path, scratch: Path) -> OfflineStore:
    """Opens the store; the database is looked for in ``root`` when it is first read."""
    return SQLiteStore(root / settings.database)


class SQLiteStore:
    """An `OfflineStore` over a SQLite database."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._closed = False
        self.dialect = SQLiteDialect()

    def probe(self, name: str, binding: Binding) -> SourceProbe:
        """See `OfflineStore.probe`."""
        with self._connected({name: {}}, {name: binding}) as (connection, _):
            described = connection.execute(f"PRAGMA table_info({self._view(name)})").fetchall()
        declared = {column: kind for _, column, kind, *_ in described}
        return SourceProbe(
            {column: TYPES[kind] for column, kind in declared.items() if kind in TYPES},
            {column: kind for column, kind in declared.items() if kind not in TYPES},
        )

    def state(self, name: str, binding: Binding) -> SourceState:
        """See `OfflineStore.state`. Rows are digested in any order."""
        with self._connected({name: {}}, {name: binding}) as (connection, _):
            rows = sorted(map(repr, connection.execute(f"SELECT * FROM {self._view(name)}")))
        digest = hashlib.sha256("\n".join(rows).encode("utf-8", "surrogatepass")).hexdigest()
        return SourceState(len(rows), digest, {str(binding): digest})

    def rows(
        self, query: RowsQuery, bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> pa.RecordBatchReader:
        """What steps are given; none is declared, so plan has refused whatever would ask for it."""
        message = f"The rows of {query.rows} are for a step, of which SQLite computes none."
        raise NotSupportedError(message)

    def run(
        self, query: Query, spine: pa.Table, bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> pa.RecordBatchReader:
        """See `OfflineStore.run`. Without steps there is nothing staged, here and below."""
        columns = {Hidden.ROW: Int64, **{output.name: output.type for output in query.outputs}}
        return self._streamed(query, {one.name: one.schema for one in query.sources}, bindings, columns, spine)

    def boundary_rows(
        self, query: BoundaryQuery, bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> pa.RecordBatchReader:
        """See `OfflineStore.boundary_rows`."""
        sources = {one.name: one.schema for one in query.query.sources}
        return self._streamed(query, sources, bindings, {**query.keys, **query.columns})

    def label_rows(
        self, query: LabelQuery, bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> pa.Table:
        """See `OfflineStore.label_rows`."""
        columns = {**query.columns, Hidden.EVENT: Int64}
        return self._streamed(query, {one.name: one.schema for one in query.sources}, bindings, columns).read_all()

    def explain(self, query: Query | BoundaryQuery | LabelQuery) -> str:
        """See `OfflineStore.explain`."""
        return print_statement(query, self.dialect)

    def close(self) -> None:
        """Nothing is opened any more."""
        self._closed = True

    def _streamed(
        self,
        query: Query | BoundaryQuery | LabelQuery,
        sources: Mapping[str, Schema],
        bindings: Mapping[str, Binding],
        columns: Schema,
        spine: pa.Table | None = None,
    ) -> pa.RecordBatchReader:
        """The rows of a query as they are computed; the store must be open when they are asked for."""
        self._require_open()
        schema = pa.schema([(name, arrow_type(data_type)) for name, data_type in columns.items()])

        def batches() -> Iterator[pa.RecordBatch]:
            with self._connected(sources, bindings) as (connection, cursor):
                if spine is not None:
                    _load_spine(connection, spine, self.dialect)
                cursor.execute(self.explain(query))
                while rows := cursor.fetchmany(BATCH_ROWS):
                    arrays = map(_array, zip(*rows, strict=True), columns.values())
                    yield pa.RecordBatch.from_arrays(list(arrays), schema=schema)

        return pa.RecordBatchReader.from_batches(schema, batches())

    def _require_open(self) -> None:
        if self._closed:
            message = "The SQLite store is closed."
            raise EngineError(message, hint="Read values before the project or the store is closed.")

    @contextmanager
    def _connected(
        self, sources: Mapping[str, Schema], bindings: Mapping[str, Binding]
    ) -> Iterator[tuple[sqlite3.Connection, sqlite3.Cursor]]:
        """A connection of its own in which each source is a view; errors are ours."""
        self._require_open()
        failures = Failures()
        connection = sqlite3.connect(":memory:", uri=True, check_same_thread=False)
        try:
            install(connection, failures)
            # Python looks for signals when it is called back, and not while SQLite works.
            connection.set_progress_handler(lambda: 0, STEPS_BETWEEN_SIGNALS)
            connection.execute("ATTACH ? AS warehouse", (f"{self._database.resolve().as_uri()}?mode=ro",))
            for name in sources:
                self._bind(connection, name, bindings[name])
            with closing(connection.cursor()) as cursor:  # an open one would keep the database locked
                yield connection, cursor
        except sqlite3.Error as error:
            raise _translated(error, failures) from error
        finally:
            connection.close()

    def _bind(self, connection: sqlite3.Connection, name: str, binding: Binding) -> None:
        where = f"source {name!r}, {binding}"
        if binding.path is not None:
            message = "SQLite reads tables, and no files."
            raise UnreadableDataError(message, where=where, hint="Bind the source to a table or a query.")
        relation = binding.query or f"SELECT * FROM warehouse.{self.dialect.name(binding.table or '')}"
        try:
            connection.execute(f"CREATE TEMP VIEW {self._view(name)} AS {relation}")
            connection.execute(f"SELECT * FROM {self._view(name)} LIMIT 0")
        except sqlite3.Error as error:
            kind = MissingTableError if "no such table" in str(error) else UnreadableDataError
            message = f"The data cannot be read: {error}."
            raise kind(message, where=where, hint="Check the source's table= or query=.") from error

    def _view(self, name: str) -> str:
        return self.dialect.name(source_relation(name))


def _load_spine(connection: sqlite3.Connection, spine: pa.Table, dialect: SQLiteDialect) -> None:
    names = ", ".join(map(dialect.name, spine.column_names))
    connection.execute(f"CREATE TABLE spine ({names})")
    places = ", ".join("?" * spine.num_columns)
    for batch in spine.to_batches(BATCH_ROWS):
        columns = [column.cast(pa.int32()) if pa.types.is_date(column.type) else column for column in batch.columns]
        rows = zip(*(column.to_pylist() for column in columns), strict=True)
        connection.executemany(f"INSERT INTO spine VALUES ({places})", rows)


def _array(values: Sequence[object], data_type: DataType) -> pa.Array:
    """Values as SQLite has them, as Arrow has them."""
    if data_type.is_integer and any(isinstance(value, float) for value in values):
        message = "A number does not fit into Int64."
        raise NumberOverflowError(message)
    if data_type == Bool:
        return pa.array([None if value is None else bool(value) for value in values], pa.bool_())
    if data_type == Date:
        return pa.array(values, pa.int32()).cast(pa.date32())
    return pa.array(values, arrow_type(data_type))


def _translated(error: sqlite3.Error, failures: Failures) -> BaseException:
    """An error of SQLite as one of ours."""
    text = str(error)
    if failures.first is not None:
        return failures.first
    if text == "interrupted" or "raised exception" in text:
        # What none of our functions raised was raised in them from outside, which is how an interrupt arrives.
        return KeyboardInterrupt()
    if "no such column" in text:
        message = f"A column is not there, or of another type than sources.lock.yaml says: {text}."
        return MissingColumnError(message, hint="Compare with `featurestore sources pull --check`.")
    return EngineError(f"The values could not be computed by SQLite: {text}.")
