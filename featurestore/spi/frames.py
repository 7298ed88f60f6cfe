"""Frames that people bring and take: Arrow, pandas, polars, rows. The one place that imports Arrow."""

import importlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurestore.definitions.types import DataType
from featurestore.errors import MissingExtraError, SpineError, UnreadableDataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["arrow", "arrow_type", "to_table", "write_parquet"]

ROWS_PER_GROUP = 122_880


def arrow(module: str = "pyarrow") -> Any:
    """The module, imported when it is first needed.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        extra = {"pyarrow": "duckdb"}.get(name, name)
        message = f"The package {name!r} is not installed."
        raise MissingExtraError(message, hint=f"pip install 'featurestore[{extra}]'") from error


def arrow_type(data_type: DataType) -> "pa.DataType":
    """The Arrow type of a feature's column."""
    pa = arrow()
    if data_type.is_decimal:
        return pa.decimal128(*data_type.parameters)
    if data_type.name == "Array" and isinstance(data_type.parameters[0], DataType):
        return pa.list_(arrow_type(data_type.parameters[0]))
    if data_type.name == "Vector":
        return pa.list_(pa.float32(), data_type.parameters[0])
    scalars = {
        "Bool": pa.bool_(),
        "Int32": pa.int32(),
        "Int64": pa.int64(),
        "Float32": pa.float32(),
        "Float64": pa.float64(),
        "String": pa.string(),
        "Bytes": pa.binary(),
        "Date": pa.date32(),
        "Timestamp": pa.timestamp("us", tz="UTC"),
    }
    return scalars[data_type.name]


def to_table(frame: Any, what: str = "The spine") -> "pa.Table":
    """Any frame as an Arrow table: Arrow, pandas, polars, a list of dicts, a dict of columns, a Parquet or CSV file.

    Raises:
        SpineError: it is nothing of these.
        UnreadableDataError: the file cannot be read.
    """
    pa = arrow()
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, (pa.RecordBatch, pa.RecordBatchReader)):
        return pa.Table.from_batches([frame]) if isinstance(frame, pa.RecordBatch) else frame.read_all()
    if isinstance(frame, (str, Path)):
        return read_file(Path(frame), what)
    package = type(frame).__module__.partition(".")[0]
    if package == "pandas":
        # An index with a name may be a key; pyarrow would keep one that counts up as a note only.
        named = any(name is not None for name in frame.index.names)
        return pa.Table.from_pandas(frame, preserve_index=True if named else None)
    if package == "polars" and hasattr(frame, "to_arrow"):
        return frame.to_arrow()
    if isinstance(frame, Mapping):
        return pa.table(dict(frame))
    if isinstance(frame, Sequence) and all(isinstance(row, Mapping) for row in frame):
        return _from_rows(frame)
    message = f"{what} is a {type(frame).__name__}."
    raise SpineError(message, hint="Bring an Arrow table, a pandas or polars frame, a list of dicts, or a file's path.")


def _from_rows(rows: Sequence[Mapping[str, Any]]) -> "pa.Table":
    names = dict.fromkeys(name for row in rows for name in row)
    return arrow().table({name: [row.get(name) for row in rows] for name in names})


def read_file(path: Path, what: str) -> "pa.Table":
    """A Parquet, CSV or Feather file as a table.

    Raises:
        SpineError: it is not there, or of another kind.
        UnreadableDataError: it cannot be read.
    """
    pa = arrow()
    readers = {
        ".parquet": "pyarrow.parquet:read_table",
        ".csv": "pyarrow.csv:read_csv",
        ".arrow": "pyarrow.feather:read_table",
    }
    if not path.exists():
        message = f"{what}: there is no file {path}."
        raise SpineError(message)
    if path.suffix not in readers:
        message = f"{what}: {path} is not a file of a kind that can be read."
        raise SpineError(message, hint=f"Files end in {', '.join(readers)}.")
    module, _, function = readers[path.suffix].partition(":")
    try:
        return getattr(arrow(module), function)(path)
    except (pa.ArrowException, OSError) as error:
        message = f"{what}: {path} cannot be read: {error}"
        raise UnreadableDataError(message) from error


def write_parquet(batches: Iterable["pa.RecordBatch"], schema: "pa.Schema", path: Path) -> int:
    """Writes batches to a Parquet file as they come; it appears whole or not at all. Returns the number of rows.

    A file that is there stays until the new one is whole. Two writers do not disturb each other; the later one wins.

    Raises:
        OSError: it cannot be written.
    """
    parquet = arrow("pyarrow.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    rows = 0
    try:
        with parquet.ParquetWriter(partial, schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch, row_group_size=ROWS_PER_GROUP)
                rows += batch.num_rows
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return rows
