"""A warehouse in which sources hold other rows than they do, made without touching it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from featurestore.compiler.query import BoundaryQuery, LabelQuery, Query, RowsQuery, source_relation
from featurestore.definitions.resolved import SourceTable
from featurestore.definitions.sources import Binding
from featurestore.spi.stores import NO_STAGES, OfflineStore, SourceProbe, SourceState, StagedTables

if TYPE_CHECKING:
    import pyarrow as pa

    from featurestore.compiler.dialect import Dialect

__all__ = ["AlteredStore"]


class AlteredStore:
    """An `OfflineStore` whose engine is another's, and that reads some sources from tables in memory.

    Queries reach the engine as they are compiled, but for where rows come from: a source that is replaced is no source
    of the query, and its rows are given along as those of a stage are.
    """

    def __init__(self, store: OfflineStore, tables: "Mapping[str, pa.Table]") -> None:
        self._store = store
        self._tables = {source_relation(name): rows for name, rows in tables.items()}

    @property
    def dialect(self) -> "Dialect":
        """The engine's."""
        return self._store.dialect

    def probe(self, name: str, binding: Binding) -> SourceProbe:
        """See `OfflineStore.probe`; of the warehouse as it is."""
        return self._store.probe(name, binding)

    def state(self, name: str, binding: Binding) -> SourceState:
        """See `OfflineStore.state`; of the warehouse as it is."""
        return self._store.state(name, binding)

    def rows(
        self, query: RowsQuery, bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> "pa.RecordBatchReader":
        """See `OfflineStore.rows`."""
        given, left = self._given(query.sources)
        return self._store.rows(replace(query, sources=left), bindings, {**staged, **given})

    def run(
        self, query: Query, spine: "pa.Table", bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> "pa.RecordBatchReader":
        """See `OfflineStore.run`."""
        given, left = self._given(query.sources)
        return self._store.run(replace(query, sources=left), spine, bindings, {**staged, **given})

    def boundary_rows(
        self, query: BoundaryQuery, bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> "pa.RecordBatchReader":
        """See `OfflineStore.boundary_rows`."""
        given, left = self._given(query.query.sources)
        inner = replace(query.query, sources=left)
        return self._store.boundary_rows(replace(query, query=inner), bindings, {**staged, **given})

    def label_rows(
        self, query: LabelQuery, bindings: Mapping[str, Binding], staged: StagedTables = NO_STAGES
    ) -> "pa.Table":
        """See `OfflineStore.label_rows`."""
        given, left = self._given(query.sources)
        return self._store.label_rows(replace(query, sources=left), bindings, {**staged, **given})

    def explain(self, query: "Query | BoundaryQuery | LabelQuery") -> str:
        """See `OfflineStore.explain`."""
        return self._store.explain(query)

    def close(self) -> None:
        """Does nothing: the engine's store is not its own."""

    def _given(self, sources: tuple[SourceTable, ...]) -> "tuple[dict[str, pa.Table], tuple[SourceTable, ...]]":
        """The tables that stand for some of ``sources``, and the other sources."""
        relations = {source.name: source_relation(source.name) for source in sources}
        given = {one: self._tables[one] for one in relations.values() if one in self._tables}
        return given, tuple(source for source in sources if relations[source.name] not in given)
