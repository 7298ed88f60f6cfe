"""Building a training set: `values_at` over the label rows, and the record of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurestore.compiler.compile import compile_label
from featurestore.compiler.query import Hidden
from featurestore.compiler.steps import table_schema
from featurestore.compiler.vector import Layout
from featurestore.definitions.resolved import ResolvedLabel, ResolvedTrainingSet
from featurestore.definitions.sources import Binding
from featurestore.definitions.types import DataType, Timestamp
from featurestore.errors import BuildError, ColumnTypeError, EngineError, SpineError
from featurestore.registry.records import BuildRecord, new_build_id
from featurestore.spi.frames import arrow, arrow_type, write_parquet
from featurestore.spi.spines import Spine, spine_of
from featurestore.spi.stages import staged
from featurestore.spi.stores import OfflineStore
from featurestore.spi.values import Values, values_at
from featurestore.training.checksums import Checksum, ColumnDigest, ColumnSum, is_exact
from featurestore.training.evidence import (
    bindings_of,
    fingerprints_of,
    source_names,
    source_states,
    state_documents,
    training_set_id,
)
from featurestore.training.inputs import check_inputs, key_columns, time_column
from featurestore.training.marks import column_marks, private_columns
from featurestore.training.provenance import Provenance
from featurestore.training.result import TrainingBuild
from featurestore.training.statistics import ColumnStatistics

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["build"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def build(
    training_set: ResolvedTrainingSet,
    store: OfflineStore,
    bindings: Mapping[str, Binding],
    *,
    as_of: datetime,
    provenance: Provenance,
    project: str,
    path: Path | None = None,
) -> TrainingBuild:
    """Builds a training set from the label rows known at ``as_of``.

    Rows are the label rows in the order of their times; columns are theirs, their time if it is not among these
    (``event_time``), and the features. With ``path`` batches go to a Parquet file as they come: beyond the label rows
    memory is flat, and the file appears whole or not at all. Without it the rows are held in memory.

    Args:
        training_set: What to build.
        store: Where the sources are.
        bindings: Where in it each source lies; it may hold more.
        as_of: The time whose knowledge the label rows show; naive is UTC. Not later than ``provenance.at``.
        provenance: Who builds, when, with which code.
        project: The project's name, for the record.
        path: A Parquet file to be written, or replaced.

    Raises:
        SpineError: label rows have no time.
        BuildError: ``as_of`` lies in the future, or a binding is missing.
        FeaturestoreError: another of its kinds, as `check_inputs` and `values_at` raise it.
    """
    as_of = as_of.replace(tzinfo=UTC) if as_of.tzinfo is None else as_of.astimezone(UTC)
    if as_of > provenance.at:
        message = f"{training_set.ref}: as_of={as_of.isoformat()} lies in the future: what will be known is not known."
        raise BuildError(message)
    layout = check_inputs(training_set)
    read = bindings_of(source_names(training_set, layout), bindings, str(training_set.ref))
    before = source_states(store, read)
    spine, dropped = _spine(training_set, layout, store, read, as_of)
    columns = _columns(training_set, layout)
    values = values_at(layout, spine, store, read)
    batches = _observed(values, columns, spine.table.num_rows)
    table = None
    if path is None:
        table = arrow().Table.from_batches(list(batches), schema=values.schema)
    else:
        write_parquet(batches, values.schema, path)
    record = BuildRecord(
        id=new_build_id(),
        project=project,
        training_set=training_set_id(training_set),
        label=f"label:{training_set.label.ref}",
        service=f"service:{training_set.service}" if training_set.service else "",
        at=provenance.at,
        who=provenance.who,
        status="complete",
        as_of=as_of,
        rows=spine.table.num_rows,
        dropped=dropped,
        code_version=provenance.code_version,
        git_commit=provenance.git_commit,
        git_dirty=provenance.git_dirty,
        artifact=None if path is None else str(path),
        fingerprints=fingerprints_of(training_set),
        bindings={name: binding.document for name, binding in read.items()},
        source_states=state_documents(before, store, read),
        spine=_spine_document(training_set, layout, columns, spine.time),
        statistics={name: column.statistics.document for name, column in columns.items()},
        checksums={name: column.checksum.document for name, column in columns.items()},
        packages=dict(provenance.packages),
    )
    return TrainingBuild(record, table, path)


def _spine(
    training_set: ResolvedTrainingSet,
    layout: Layout,
    store: OfflineStore,
    bindings: Mapping[str, Binding],
    as_of: datetime,
) -> tuple[Spine, int]:
    """The label rows as a spine, and how many were dropped since they have no label."""
    label = training_set.label
    query = compile_label(label, (as_of - _EPOCH) // timedelta(microseconds=1))
    rows = store.label_rows(query, bindings, staged(query.stages, (), store, bindings))
    if missing := rows.column(Hidden.EVENT).null_count:
        message = f"{missing} of the {rows.num_rows} label rows of {label.ref} have no event time."
        hint = "A label is about a moment; leave such rows out in a transformation, or give them a time."
        raise SpineError(message, where=str(label.label.origin), hint=hint)
    dropped = 0
    if training_set.training_set.drop_null_labels:
        kept = rows.filter(rows.column(label.label.column).is_valid())
        rows, dropped = kept, rows.num_rows - kept.num_rows
    return _spine_of_rows(training_set, layout, rows), dropped


def _spine_of_rows(training_set: ResolvedTrainingSet, layout: Layout, rows: "pa.Table") -> Spine:
    """The spine of label rows: their columns as declared, their time, their keys under the names that features take."""
    pa = arrow()
    label, time = training_set.label, time_column(training_set.label)
    events = rows.column(Hidden.EVENT)
    columns = {name: _typed(rows, name, kind, label) for name, kind in table_schema(label.table).items()}
    if time.added:
        columns[time.name] = events.cast(arrow_type(Timestamp))
    table = pa.table(columns)
    keys = {key: columns[column] for key, column in key_columns(label, layout).items() if key != column}
    spine = spine_of(pa.table({**columns, **keys}), time.name, layout)
    if not spine.times.equals(events.cast(pa.int64())):
        message = f"The column {time.name!r} of {label.table.name} is not the event time of its rows."
        hint = "Leave the source's event time as it is, or give the changed column another name."
        raise SpineError(message, where=str(label.label.origin), hint=hint)
    return Spine(table, spine.points, time.name)


def _typed(rows: "pa.Table", name: str, data_type: DataType, label: ResolvedLabel) -> "pa.ChunkedArray":
    try:
        return rows.column(name).cast(arrow_type(data_type))
    except arrow().ArrowException as error:
        message = f"The column {name!r} of {label.table.name} holds a value that is no {data_type}: {error}"
        raise ColumnTypeError(message, where=str(label.label.origin)) from error


@dataclass(frozen=True)
class _Column:
    """What is gathered of a column while its values pass by."""

    type: DataType
    checksum: Checksum
    statistics: ColumnStatistics


def _columns(training_set: ResolvedTrainingSet, layout: Layout) -> dict[str, _Column]:
    time, private = time_column(training_set.label), private_columns(training_set, layout)
    types = dict(table_schema(training_set.label.table))
    if time.added:
        types[time.name] = Timestamp
    exact = dict.fromkeys(types, True)
    exact |= {column: is_exact(one, column) for one in layout.selected for column in one.columns}
    return {
        name: _Column(
            data_type,
            ColumnDigest(data_type) if exact[name] else ColumnSum(data_type),
            ColumnStatistics(data_type, private=name in private),
        )
        for name, data_type in {**types, **layout.columns}.items()
    }


def _observed(values: Values, columns: Mapping[str, _Column], rows: int) -> Iterator["pa.RecordBatch"]:
    """The batches as they are; statistics and checksums are gathered on the way.

    Raises:
        EngineError: they hold more or fewer rows than were asked for.
    """
    given = 0
    for batch in values:
        for name, column in columns.items():
            array = batch.column(name)
            column.checksum.add(array)
            column.statistics.add(array)
        given += batch.num_rows
        yield batch
    if given != rows:
        message = f"The engine gave {given} rows for a spine of {rows}."
        raise EngineError(message)


def _spine_document(
    training_set: ResolvedTrainingSet, layout: Layout, columns: Mapping[str, _Column], time: str
) -> dict[str, Any]:
    """Where rows, keys and times came from; the columns in order; what must be known of some of them."""
    label = training_set.label
    return {
        "label": f"label:{label.ref}",
        "column": label.label.column,
        "rows_of": label.table.name,
        "time": time,
        "keys": key_columns(label, layout),
        "request_values": list(layout.request_values),
        "matures_after": label.label.matures_after,
        "columns": [[name, str(column.type)] for name, column in columns.items()],
        "marks": column_marks(training_set),
    }
