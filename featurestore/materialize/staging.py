"""What a run has computed, in a Parquet file between the warehouse and the online store.

The file is there whole or not at all. A run that goes on where another was killed reads it instead of asking the
warehouse again, if it was computed for the same: that is written in the file itself.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from featurestore.compiler.query import BoundaryQuery
from featurestore.definitions.fingerprints import canonical_json
from featurestore.definitions.resolved import Group
from featurestore.definitions.sources import Binding
from featurestore.errors import ComputeError, MaterializationError, ResultRefusedError, UnreadableDataError
from featurestore.materialize.groups import group_fingerprint
from featurestore.materialize.rows import BATCH_ROWS
from featurestore.registry.records import RunMode
from featurestore.spi.frames import arrow, arrow_type, write_parquet
from featurestore.spi.stages import staged
from featurestore.spi.stores import OfflineStore

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Staged", "Staging", "staging"]

_NOTE = b"featurestore"


@dataclass(frozen=True, slots=True)
class Staged:
    """A staged result: its file, its rows, and whether it was there already."""

    path: Path
    rows: int
    reused: bool

    def batches(self) -> Iterator["pa.RecordBatch"]:
        """The rows, a few at a time.

        Raises:
            UnreadableDataError: the file is damaged.
        """
        with _reading(self.path), arrow("pyarrow.parquet").ParquetFile(self.path) as file:
            yield from file.iter_batches(batch_size=BATCH_ROWS)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (arrow().ArrowException, OSError) as error:
        message = f"The staged result cannot be read: {error}"
        raise UnreadableDataError(message, where=str(path), hint="Run it again: it is computed anew.") from error


@dataclass(frozen=True)
class Staging:
    """Where the result of a computation is staged, and what it is the result of.

    Args:
        path: The file.
        note: What was computed; a file with another note is not used.
        query: What is computed.
    """

    path: Path
    note: bytes
    query: BoundaryQuery

    def found(self) -> Staged | None:
        """What an earlier run has left, if it was computed for the same and can be read."""
        pa = arrow()
        try:
            metadata = arrow("pyarrow.parquet").read_metadata(self.path)
        except (pa.ArrowException, OSError):
            return None
        same = (metadata.metadata or {}).get(_NOTE) == self.note
        return Staged(self.path, metadata.num_rows, reused=True) if same else None

    def computed(self, store: OfflineStore, bindings: Mapping[str, Binding], reached: Callable[[int], None]) -> Staged:
        """Computes the result and writes it; ``reached`` is told how many rows have come so far.

        Raises:
            MaterializationError: it cannot be written.
            FeaturestoreError: another of its kinds: it cannot be computed.
        """
        pa = arrow()
        columns = {**self.query.keys, **self.query.columns}
        fields = [pa.field(name, arrow_type(data_type)) for name, data_type in columns.items()]
        schema = pa.schema(fields, metadata={_NOTE: self.note})
        made = staged(self.query.query.stages, [self.query.time], store, bindings)
        batches = _cast(store.boundary_rows(self.query, bindings, made), schema, reached)
        try:
            rows = write_parquet(batches, schema, self.path)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            message = f"The result cannot be staged: {reason}."
            hint = "Make room, or check the permissions of the folder; nothing was written to the online store."
            raise MaterializationError(message, where=str(self.path.parent), hint=hint) from error
        return Staged(self.path, rows, reused=False)

    def check(self, staged: Staged) -> None:
        """The quality gates: each row names an entity, and no two name the same.

        Holds the key columns, and no others, in memory.

        Raises:
            ResultRefusedError: a row does not.
            UnreadableDataError: the file is damaged.
        """
        keys = list(self.query.keys)
        with _reading(staged.path):
            table = arrow("pyarrow.parquet").read_table(staged.path, columns=keys)
        nulls = [name for name in keys if table.column(name).null_count]
        twice = table.num_rows - table.group_by(keys).aggregate([]).num_rows
        if not nulls and not twice:
            return
        what = f"a null in {', '.join(nulls)}" if nulls else f"{twice:,} rows whose entity has another one"
        message = f"What was computed has {what}."
        raise ResultRefusedError(message, hint="Nothing of it was written. The engine must give one row per entity.")

    def clear(self) -> None:
        """Removes all that was staged for the group, also by runs that were killed."""
        # What cannot be removed is a file too many, and no reason to fail after the group is published.
        shutil.rmtree(self.path.parent, ignore_errors=True)


def _cast(
    batches: Iterable["pa.RecordBatch"], schema: "pa.Schema", reached: Callable[[int], None]
) -> Iterator["pa.RecordBatch"]:
    """The batches with the types of ``schema``; ``reached`` is told of the rows before the next batch is computed."""
    pa = arrow()
    rows = 0
    for batch in batches:
        columns = []
        for field, column in zip(schema, batch.columns, strict=True):
            try:
                columns.append(column.cast(field.type))
            except pa.ArrowException as error:
                message = f"The engine's column {field.name!r} holds a {column.type} that is no {field.type}."
                raise ComputeError(message) from error
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
        rows += batch.num_rows
        reached(rows)


def staging(
    group: Group,
    query: BoundaryQuery,
    *,
    boundary: int,
    mode: RunMode,
    since: int | None,
    bindings: Mapping[str, Binding],
    run_id: str,
    folder: Path,
) -> Staging:
    """Where a run's result is staged.

    Args:
        group: The group.
        query: What is computed.
        boundary: For which boundary.
        mode: How. Who rebuilds wants it computed anew: then only the same run goes on with what it has staged.
        since: The boundary whose successors are computed; None: all.
        bindings: Where the sources lie.
        run_id: The run.
        folder: The target's folder of staged results.
    """
    sources = {source.name: bindings[source.name].document for source in query.query.sources}
    note = {
        "fingerprint": group_fingerprint(group),
        "boundary": boundary,
        "since": since,
        "sources": sources,
        "run": run_id if mode == "rebuild" else None,
    }
    kind = mode if since is None else str(since)
    return Staging(folder / group.id / f"{boundary}-{kind}.parquet", canonical_json(note).encode(), query)
