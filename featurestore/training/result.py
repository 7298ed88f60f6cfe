"""A training set that was built."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurestore.errors import BuildError
from featurestore.registry.records import BuildRecord
from featurestore.spi.frames import arrow, write_parquet
from featurestore.training.page import build_html

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TrainingBuild"]


@dataclass(frozen=True)
class TrainingBuild:
    """The rows of a build and the record of it. Rows are in memory, or in the Parquet file that was asked for."""

    record: BuildRecord
    _table: "pa.Table | None" = field(repr=False, compare=False)
    _path: Path | None = None

    def to_arrow(self) -> "pa.Table":
        """All rows as one Arrow table.

        Raises:
            BuildError: the file to which they were written is gone.
        """
        return self._table if self._table is not None else self._file().read()

    def to_pandas(self) -> Any:
        """All rows as a pandas frame."""
        arrow("pandas")
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """All rows as a polars frame."""
        return arrow("polars").from_arrow(self.to_arrow())

    def to_parquet(self, path: Path | str) -> None:
        """Writes the rows to a Parquet file, which appears whole or not at all."""
        if self._table is not None:
            write_parquet(self._table.to_batches(), self._table.schema, Path(path))
            return
        with self._file() as file:
            write_parquet(_batches(file), file.schema_arrow, Path(path))

    def _file(self) -> Any:
        if self._path is None or not self._path.exists():
            message = f"The rows of the build {self.record.id} are no longer at {self._path}."
            raise BuildError(message, hint="Build it again as of the same time: rebuild(record, ...).")
        return arrow("pyarrow.parquet").ParquetFile(self._path)

    def __repr__(self) -> str:
        record = self.record
        return f"<build {record.id} of {record.training_set}: {record.rows} rows as of {record.as_of.isoformat()}>"

    def _repr_html_(self) -> str:
        return build_html(self.record)


def _batches(file: Any) -> Iterator["pa.RecordBatch"]:
    yield from file.iter_batches()
