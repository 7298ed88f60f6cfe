"""The interface of an offline store: the warehouse that holds the sources and does the work."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from featurestore.definitions.sources import Binding
from featurestore.definitions.types import Schema

if TYPE_CHECKING:
    import pyarrow as pa

    from featurestore.compiler.dialect import Dialect
    from featurestore.compiler.query import BoundaryQuery, LabelQuery, Query, RowsQuery

__all__ = ["NO_STAGES", "OfflineStore", "SourceProbe", "SourceState", "StagedTables"]

StagedTables = Mapping[str, "pa.Table"]
"""Relation to its rows: the stages of a query that were made before."""
NO_STAGES: StagedTables = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SourceProbe:
    """What an engine says of a source: columns of types that we have, and names and engine types of the others."""

    columns: Schema
    left_out: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SourceState:
    """What a source held at a moment: the number of rows, and a digest that changes when its content does.

    ``parts`` are what the digest is made of (files and their own digests), so that a change can be located.
    """

    rows: int
    digest: str
    parts: Mapping[str, str]


class OfflineStore(Protocol):
    """A configured warehouse. All methods may be called from one thread at a time."""

    @property
    def dialect(self) -> "Dialect":
        """How queries are printed for it."""

    def probe(self, name: str, binding: Binding) -> SourceProbe:
        """The columns of a source, as they are now.

        Raises:
            MissingTableError: the table or the files are not there.
            UnreadableDataError: they cannot be read.
        """

    def state(self, name: str, binding: Binding) -> SourceState:
        """The content of a source, as it is now; reads all of it.

        Raises:
            MissingTableError: the table or the files are not there.
            UnreadableDataError: they cannot be read.
        """

    def rows(
        self, query: "RowsQuery", bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> "pa.RecordBatchReader":
        """The rows of a relation, the columns of ``query`` in their order, the rows in none.

        ``staged`` are tables that the query reads beside its sources; their names are the relations'.
        """

    def run(
        self, query: "Query", spine: "pa.Table", bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> "pa.RecordBatchReader":
        """The stored features of ``query`` for ``spine``: columns `Hidden.ROW` and one per output, ordered by row.

        ``spine`` has the columns `Hidden.ROW` and `Hidden.TIME` (Int64) and the query's keys. Batches are streamed; an
        error may come while they are read, as one of `featurestore.errors`.
        """

    def boundary_rows(
        self, query: "BoundaryQuery", bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> "pa.RecordBatchReader":
        """What a group's store holds at a boundary: the entity's keys, then the query's columns; a row per entity.

        Rows are in no order; errors come as they do in `run`.
        """

    def label_rows(
        self, query: "LabelQuery", bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> "pa.Table":
        """The label rows: the query's columns and `Hidden.EVENT`, in the query's order."""

    def explain(self, query: "Query | BoundaryQuery | LabelQuery") -> str:
        """The statement that `run`, `boundary_rows` or `label_rows` executes, after what is made before it."""

    def close(self) -> None:
        """Gives back what it holds; nothing else may be called after."""
