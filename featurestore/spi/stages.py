"""Stages: the tables that code, or a step per boundary, makes before a statement reads them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from featurestore.compiler.query import AliveRows, Hidden, RowsQuery, Stage
from featurestore.compiler.steps import Step
from featurestore.definitions.sources import Binding
from featurestore.errors import ColumnTypeError, FeaturestoreError, MissingColumnError, TypeMismatchError, UserCodeError
from featurestore.spi.frames import arrow, arrow_type
from featurestore.spi.stores import OfflineStore

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["staged"]

ROW = "__row"
"""The column by which a polars step says from which row each of its rows was made; in pandas the index does."""


def staged(
    stages: Sequence[Stage], times: Iterable[int], store: OfflineStore, bindings: Mapping[str, Binding]
) -> dict[str, "pa.Table"]:
    """The tables of ``stages``, by their relations, made in order; all of it is held in memory.

    Args:
        stages: What to make.
        times: The times that are asked for, in microseconds: they say which boundaries count.
        store: Where the sources are, and what computes.
        bindings: Where in it each source lies.

    Raises:
        UserCodeError: a step raised.
        MissingColumnError: a step does not give a column that it declares.
        ColumnTypeError: a column is not of the type that was declared.
    """
    made: dict[str, pa.Table] = {}
    asked = sorted(set(times)) if any(stage.schedule for stage in stages) else []
    for stage in stages:
        if stage.schedule is None:
            tables = [_made(stage, store, bindings, made)]
        else:
            boundaries = dict.fromkeys(map(stage.schedule.boundary, asked))
            tables = [_made_at(stage, one, store, bindings, made) for one in boundaries]
        made[stage.name] = arrow().concat_tables(tables) if tables else _empty(stage)
    return made


def _empty(stage: Stage) -> "pa.Table":
    pa = arrow()
    fields = [(name, arrow_type(data_type)) for name, data_type in stage.step.columns.items()]
    return pa.schema([*fields, (Hidden.BOUNDARY, pa.int64())]).empty_table()


def _made_at(
    stage: Stage,
    boundary: int,
    store: OfflineStore,
    bindings: Mapping[str, Binding],
    made: Mapping[str, "pa.Table"],
) -> "pa.Table":
    """The rows of a stage at one boundary, which they name."""
    inputs = tuple((name, _at(query, boundary)) for name, query in stage.inputs)
    rows = _made(replace(stage, inputs=inputs), store, bindings, made)
    pa = arrow()
    return rows.append_column(Hidden.BOUNDARY, pa.repeat(pa.scalar(boundary, pa.int64()), rows.num_rows))


def _at(query: RowsQuery, boundary: int) -> RowsQuery:
    relations = (replace(one, boundary=boundary) if isinstance(one, AliveRows) else one for one in query.relations)
    return replace(query, relations=tuple(relations))


def _made(
    stage: Stage, store: OfflineStore, bindings: Mapping[str, Binding], made: Mapping[str, "pa.Table"]
) -> "pa.Table":
    inputs = {name: store.rows(query, bindings, made).read_all() for name, query in stage.inputs}
    if stage.step.query is not None:
        return _typed(inputs[""], stage.step)
    hidden = inputs[stage.carrier].select(stage.hidden) if stage.carrier is not None else None
    visible = {
        name: table.select([column for column in table.column_names if column not in stage.hidden])
        for name, table in inputs.items()
    }
    result = _called(stage, visible)
    rows, origin = _FRAMES[stage.step.table.transformation.engine].arrow(stage, result)
    typed = _typed(rows, stage.step)
    if hidden is None:
        return typed
    carried = hidden.take(_origin(stage, origin, hidden.num_rows))
    for name in stage.hidden:
        typed = typed.append_column(name, carried.column(name))
    return typed


def _called(stage: Stage, inputs: Mapping[str, "pa.Table"]) -> Any:
    """What the user's function returns for its inputs."""
    step = stage.step.table
    engine = _FRAMES[step.transformation.engine]
    frames = {name: engine.frame(table) for name, table in inputs.items()}
    try:
        return engine.collected(step.transformation.function(**frames))
    except FeaturestoreError:
        raise
    except Exception as error:
        message = f"{step.ref} raised {type(error).__name__}: {error}"
        raise UserCodeError(message, where=str(step.transformation.origin)) from error


def _origin(stage: Stage, origin: "pa.Array", rows: int) -> "pa.Array":
    """The rows that a row-wise step's rows were made from, by position; checked to be such."""
    pa = arrow()
    step = stage.step.table
    positions = origin.cast(pa.int64())
    bounds = arrow("pyarrow.compute").min_max(positions)
    if positions.null_count or (len(positions) and (bounds["min"].as_py() < 0 or bounds["max"].as_py() >= rows)):
        message = f"{step.ref} gives rows that it cannot tell the origin of."
        raise UserCodeError(message, where=str(step.transformation.origin), hint=_KEEP)
    return positions


_KEEP = (
    f"A row-wise step keeps the index of its input (pandas) or the column {ROW} (polars). "
    'Otherwise say time="per_boundary".'
)


def _typed(table: "pa.Table", step: Step) -> "pa.Table":
    """The declared columns in their types; others are dropped.

    Raises:
        MissingColumnError: one is not there.
        ColumnTypeError: one holds a value that its type cannot hold.
    """
    pa = arrow()
    where = str(step.table.transformation.origin)
    for name in step.columns:
        if name not in table.column_names:
            message = f"{step.table.ref} declares the column {name!r} and does not give it."
            raise MissingColumnError(message, where=where, hint=f"It gave {', '.join(table.column_names) or 'none'}.")
    columns = []
    for name, data_type in step.columns.items():
        try:
            columns.append(table.column(name).cast(arrow_type(data_type)))
        except pa.ArrowException as error:
            message = f"{step.table.ref} gives {name!r} as {table.column(name).type}, and declares {data_type}: {error}"
            raise ColumnTypeError(
                message, where=where, hint="Cast it in the step, or declare what it gives."
            ) from error
    return pa.table(columns, names=list(step.columns))


class _Pandas:
    """pandas frames: Arrow-backed, so that integers with nulls stay exact; the index is the number of the row."""

    @staticmethod
    def frame(table: "pa.Table") -> Any:
        """A frame of the rows."""
        return table.to_pandas(types_mapper=arrow("pandas").ArrowDtype)

    @staticmethod
    def collected(frame: Any) -> Any:
        """What a function returned: nothing is lazy."""
        return frame

    @staticmethod
    def arrow(stage: Stage, frame: Any) -> "tuple[pa.Table, pa.Array]":
        """The rows of a frame, and the index; NaN in columns of numpy's types is null, as it is to pandas."""
        step = stage.step.table
        pandas = arrow("pandas")
        if not isinstance(frame, pandas.DataFrame):
            message = f"{step.ref} returned {type(frame).__name__}, not a pandas DataFrame."
            raise TypeMismatchError(message, where=str(step.transformation.origin))
        pa = arrow()
        try:
            index = pa.array(frame.index) if stage.hidden else pa.nulls(len(frame))
            return pa.Table.from_pandas(frame, preserve_index=False), index
        except pa.ArrowException as error:
            message = f"{step.ref} gives a column of mixed values: {error}"
            raise ColumnTypeError(message, where=str(step.transformation.origin)) from error


class _Polars:
    """polars frames, with a column that numbers the rows."""

    @staticmethod
    def frame(table: "pa.Table") -> Any:
        """A frame of the rows."""
        return arrow("polars").from_arrow(table).with_row_index(ROW)

    @staticmethod
    def collected(frame: Any) -> Any:
        """What a function returned, computed if it is lazy: only then does it raise."""
        return frame.collect() if isinstance(frame, arrow("polars").LazyFrame) else frame

    @staticmethod
    def arrow(stage: Stage, frame: Any) -> "tuple[pa.Table, pa.Array]":
        """The rows of a frame, and their numbers."""
        step = stage.step.table
        if not isinstance(frame, arrow("polars").DataFrame):
            message = f"{step.ref} returned {type(frame).__name__}, not a polars DataFrame."
            raise TypeMismatchError(message, where=str(step.transformation.origin))
        table = frame.to_arrow()
        if not stage.hidden:
            return table, arrow().nulls(table.num_rows)
        if ROW not in table.column_names:
            message = f"{step.ref} dropped the column {ROW}, which tells from which row each of its rows was made."
            raise UserCodeError(message, where=str(step.transformation.origin), hint=_KEEP)
        return table, table.column(ROW)


_FRAMES: Mapping[str, type[_Pandas] | type[_Polars]] = {"pandas": _Pandas, "polars": _Polars}
