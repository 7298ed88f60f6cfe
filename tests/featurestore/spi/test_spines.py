"""The spine: what is accepted, what is said of the rest, and that it comes back untouched."""

import datetime
import decimal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

import featurestore as fs
from featurestore.compiler.query import Hidden
from featurestore.compiler.vector import Layout, layout_of
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.sources import Binding
from featurestore.definitions.types import DataType
from featurestore.errors import SpineError
from featurestore.spi.frames import to_table
from featurestore.spi.providers import open_offline
from featurestore.spi.spines import Spine, spine_of
from featurestore.spi.stores import OfflineStore
from featurestore.spi.values import values_at

T0 = datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC)
ROWS = {
    "id": pa.array([1, 2], pa.int64()),
    "at": pa.array([T0 - datetime.timedelta(days=1)] * 2, pa.timestamp("us", tz="UTC")),
    "amount": pa.array([10.0, 20.0]),
}


def layout(key: DataType = fs.Int64) -> Layout:
    entity = fs.Entity("thing", keys={"id": key})
    rows = fs.Source("rows", path="rows.parquet", event_time="at")

    @fs.features(entity=entity, source=rows, every="1h", version="v1")
    class Things:
        """Things."""

        total = fs.sum("amount")
        many = fs.count()

    schema = {"id": key, "at": fs.Timestamp, "amount": fs.Float64}
    return layout_of(define([Things], {"rows": schema}, Settings()).select([Things]))


def spine(table: Any, key: DataType = fs.Int64, time: str = "t") -> Spine:
    return spine_of(to_table(table), time, layout(key))


def keyed(column: Any, key: DataType = fs.Int64) -> list[object]:
    """The keys as an engine takes them."""
    table = pa.table({"id": column, "t": pa.array([T0] * len(column), pa.timestamp("us", tz="UTC"))})
    keys: list[object] = spine_of(table, "t", layout(key)).points.column("id").to_pylist()
    return keys


def timed(column: Any) -> list[int]:
    """The times as an engine takes them."""
    table = pa.table({"id": pa.array([1] * len(column), pa.int64()), "t": column})
    times: list[int] = spine_of(table, "t", layout()).times.to_pylist()
    return times


def refused(table: Any, key: DataType = fs.Int64, time: str = "t") -> SpineError:
    with pytest.raises(SpineError) as caught:
        spine(table, key, time)
    return caught.value


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfflineStore]:
    root = tmp_path_factory.mktemp("spines")
    pyarrow.parquet.write_table(pa.table(ROWS), root / "rows.parquet")
    opened = open_offline("duckdb", {}, root, root / "scratch", "here")
    yield opened
    opened.close()


def computed(store: OfflineStore, frame: object, key: DataType = fs.Int64) -> pa.Table:
    given = spine_of(to_table(frame), "t", layout(key))
    return values_at(layout(key), given, store, {"rows": Binding("rows.parquet")}).to_arrow()


def test_a_missing_key_names_the_key_and_the_columns() -> None:
    error = refused({"ident": [1], "t": [T0]})
    assert error.message == "The spine has no key column 'id'."
    assert error.hint == "Its columns are ident, t."


def test_a_missing_time_says_how_to_name_it() -> None:
    error = refused({"id": [1], "when": [T0]})
    assert error.message == "The spine has no time column 't'."
    assert "time=..." in (error.hint or "")


def test_a_null_time_names_its_first_row() -> None:
    error = refused({"id": [1, 2, 3], "t": [T0, None, None]})
    assert "is null in row 1 (2 in all)" in error.message
    assert "drop or fill" in (error.hint or "")


@pytest.mark.parametrize("times", [["2024-01-01"], [1], [1.5], [datetime.time(1)]])
def test_a_time_that_is_none_names_its_type(times: list[object]) -> None:
    error = refused({"id": [1], "t": times})
    assert "not a timestamp" in error.message
    assert "Cast it" in (error.hint or "")


def test_a_column_called_like_a_feature_is_refused() -> None:
    error = refused({"id": [1], "t": [T0], "total": [1]})
    assert "column 'total'" in error.message
    assert ".named(" in (error.hint or "")


def test_two_columns_of_one_name_are_refused() -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([T0]), pa.array([2])], names=["id", "t", "id"])
    assert refused(table).message == "The spine has two columns 'id'."


def test_float_keys_say_how_to_cast_them() -> None:
    frame = pd.DataFrame({"id": [1, None], "t": [T0, T0]})
    error = refused(frame)
    assert "'id' of the spine is double, and the key is Int64" in error.message
    assert "spine['id'].astype('Int64')" in (error.hint or "")
    frame["id"] = frame["id"].astype("Int64")
    assert spine(frame).points.column("id").to_pylist() == [1, None]


@pytest.mark.parametrize(
    ("column", "key"),
    [
        (pa.array(["1"]), fs.Int64),
        (pa.array([True]), fs.Int64),
        (pa.array([decimal.Decimal(1)]), fs.Int64),
        (pa.array([1]), fs.String),
        (pa.array([b"a"]), fs.String),
        (pa.array(["a"]), fs.Bytes),
        (pa.array([T0], pa.timestamp("us")), fs.Date),
        (pa.array([1]), fs.Date),
        (pa.array([[1]]), fs.Int64),
    ],
)
def test_a_key_of_another_type_names_both(column: Any, key: DataType) -> None:
    error = refused(pa.table({"id": column, "t": pa.array([T0])}), key)
    assert f"'id' of the spine is {column.type}, and the key is {key}" in error.message
    assert error.hint == "Cast it before."


@pytest.mark.parametrize("width", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
@pytest.mark.parametrize("key", [fs.Int32, fs.Int64])
def test_integers_of_every_width_are_keys(width: str, key: DataType) -> None:
    assert keyed(pa.array([1, None, 127], getattr(pa, width)()), key) == [1, None, 127]


def test_an_unsigned_key_beyond_int64_is_refused_and_not_wrapped() -> None:
    assert keyed(pa.array([2**63 - 1], pa.uint64())) == [2**63 - 1]
    table = pa.table({"id": pa.array([2**63], pa.uint64()), "t": pa.array([T0])})
    assert "holds a value that is no Int64" in refused(table).message


def test_an_int64_beyond_an_int32_key_is_another_key_and_no_error() -> None:
    assert keyed(pa.array([2**40], pa.int64()), fs.Int32) == [2**40]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", None, "b"], pa.large_string()),
        pa.array(["a", None, "b"], pa.string_view()),
        pa.array(["a", None, "b"]).dictionary_encode(),
        pa.array(["a", None, "b"], pa.large_string()).dictionary_encode(),
    ],
)
def test_text_in_every_encoding_is_a_key(column: Any) -> None:
    assert keyed(column, fs.String) == ["a", None, "b"]


@pytest.mark.parametrize("encoding", [pa.binary(), pa.large_binary(), pa.binary(2), pa.binary_view()])
def test_bytes_in_every_encoding_are_keys(encoding: Any) -> None:
    assert keyed(pa.array([b"\x00\xff", None], encoding), fs.Bytes) == [b"\x00\xff", None]


def test_dates_of_both_widths_are_keys() -> None:
    day = datetime.date(1969, 12, 31)
    assert keyed(pa.array([day], pa.date32()), fs.Date) == keyed(pa.array([day], pa.date64()), fs.Date) == [day]


def test_keys_that_are_all_null_are_of_any_type() -> None:
    for key in (fs.Int64, fs.String, fs.Bytes, fs.Date):
        assert keyed(pa.nulls(2), key) == [None, None]


@pytest.mark.parametrize(
    ("column", "micros"),
    [
        (pa.array([-1, -1000, -1001, 1999], pa.timestamp("ns")), [-1, -1, -2, 1]),
        (pa.array([-1, -1001], pa.timestamp("ns", tz="America/New_York")), [-1, -2]),
        (pa.array([-1], pa.timestamp("s")), [-1_000_000]),
        (pa.array([-1], pa.timestamp("ms", tz="UTC")), [-1_000]),
        (pa.array([7], pa.timestamp("us", tz="Asia/Kathmandu")), [7]),
        (pa.array([-1], pa.date32()), [-86_400_000_000]),
        (pa.array([86_400_000], pa.date64()), [86_400_000_000]),
    ],
)
def test_times_of_every_unit_are_floored_to_microseconds(column: Any, micros: list[int]) -> None:
    assert timed(column) == micros


def test_a_naive_time_is_utc_and_an_aware_one_is_converted() -> None:
    east = datetime.timezone(datetime.timedelta(hours=5, minutes=45))
    naive, aware = datetime.datetime(2024, 1, 1, 6), datetime.datetime(2024, 1, 1, 11, 45, tzinfo=east)  # noqa: DTZ001
    assert timed(pa.array([naive])) == timed(pa.array([aware])) == [1_704_088_800_000_000]


def test_a_time_beyond_microseconds_is_refused_and_not_wrapped() -> None:
    table = pa.table({"id": [1], "t": pa.array([2**62], pa.timestamp("s"))})
    assert "beyond what microseconds can count" in refused(table).message


def test_an_empty_spine_gives_no_rows_and_all_columns(store: OfflineStore) -> None:
    columns: dict[str, list[object]] = {"id": [], "t": []}
    for frame in (columns, pd.DataFrame(columns, dtype=object), pl.DataFrame(columns)):
        found = computed(store, frame)
        assert found.num_rows == 0
        assert found.column_names == ["id", "t", "total", "many"]


def test_order_duplicates_and_extra_columns_are_kept(store: OfflineStore) -> None:
    extra: list[object] = [{"deep": [1]}, None, {"deep": []}, {"deep": None}]
    table = pa.table({"x": extra, "id": [2, None, 1, 2], "t": [T0] * 4, "y": ["a", "b", None, "a"]})
    found = computed(store, table)
    assert found.select(["x", "id", "t", "y"]).equals(table)
    assert found.column("total").to_pylist() == [20.0, None, 10.0, 20.0]
    assert found.column("many").to_pylist() == [1, 0, 1, 1]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([2, 1, 2], pa.uint8()),
        pa.array([2, 1, 2], pa.int32()).dictionary_encode(),
        pa.chunked_array([pa.array([2], pa.int16()), pa.array([1, 2], pa.int16())]),
        pa.chunked_array([pa.array([2]).dictionary_encode(), pa.array([1, 2]).dictionary_encode()]),
    ],
)
def test_the_columns_of_the_spine_come_back_in_their_own_types(store: OfflineStore, column: Any) -> None:
    table = pa.table({"id": column, "t": pa.array([0, 1, 2], pa.timestamp("ns", tz="Asia/Tokyo"))})
    found = computed(store, table)
    assert found.schema.field("id").type == column.type
    assert found.column("id").to_pylist() == [2, 1, 2]
    assert found.column("t").equals(table.column("t"))


def test_metadata_of_the_spine_is_kept(store: OfflineStore) -> None:
    fields = [pa.field("id", pa.int64(), metadata={"a": "b"}), pa.field("t", pa.timestamp("us"))]
    table = pa.table([[1], [T0.replace(tzinfo=None)]], schema=pa.schema(fields, metadata={"c": "d"}))
    schema = computed(store, table).schema
    assert schema.metadata == {b"c": b"d"}
    assert schema.field("id").metadata == {b"a": b"b"}


def test_frames_of_every_kind_give_the_same_and_are_not_changed(store: OfflineStore, tmp_path: Path) -> None:
    rows = [{"id": 2, "t": T0}, {"id": 1, "t": T0}]
    table = pa.Table.from_pylist(rows)
    pyarrow.parquet.write_table(table, tmp_path / "spine.parquet")
    pyarrow.csv.write_csv(table, tmp_path / "spine.csv")
    pandas, polars = pd.DataFrame(rows, index=[9, 7]), pl.DataFrame(rows)
    before, columns = pandas.copy(deep=True), {"id": [2, 1], "t": [T0, T0]}
    frames = [
        rows, columns, table, table.to_batches()[0], pandas, polars,
        tmp_path / "spine.parquet", str(tmp_path / "spine.parquet"), tmp_path / "spine.csv",
    ]  # fmt: skip
    for frame in frames:
        assert computed(store, frame).column("total").to_pylist() == [20.0, 10.0], type(frame)
    pd.testing.assert_frame_equal(pandas, before)
    assert polars.equals(pl.DataFrame(rows))
    assert rows == [{"id": 2, "t": T0}, {"id": 1, "t": T0}]
    assert columns == {"id": [2, 1], "t": [T0, T0]}


@pytest.mark.parametrize(("ids", "totals"), [([2, 1, 1], [20.0, 10.0, 10.0]), ([1, 2], [10.0, 20.0])])
def test_a_pandas_index_that_is_a_key_is_a_column(store: OfflineStore, ids: list[int], totals: list[float]) -> None:
    frame = pd.DataFrame({"id": ids, "t": [T0] * len(ids)}).set_index(
        "id"
    )  # the second counts up, like no index at all
    assert computed(store, frame).column("total").to_pylist() == totals


def test_points_are_numbered_as_the_spine_is_ordered() -> None:
    points = spine({"id": [3, 3, 1], "t": [T0] * 3}).points
    assert points.column(Hidden.ROW).to_pylist() == [0, 1, 2]
    assert points.column("id").to_pylist() == [3, 3, 1]
