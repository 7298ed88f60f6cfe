import datetime
import decimal
import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import featurestore as fs
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.resolved import SelectedFeature
from featurestore.definitions.types import DataType
from featurestore.spi.frames import arrow_type
from featurestore.training.checksums import ColumnDigest, ColumnSum, agree, is_exact

NOON = datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)
COLUMNS: list[tuple[DataType, list[Any]]] = [
    (fs.Int64, [1, None, -(2**63), 2**53 + 1, 0]),
    (fs.Bool, [True, None, False, False, True]),
    (fs.Float64, [0.1, None, math.inf, math.nan, -0.0]),
    (fs.Decimal(10, 2), [decimal.Decimal("1.10"), None, decimal.Decimal("-0.01"), decimal.Decimal(0)]),
    (fs.String, ["", None, "a", "bc", "Zürich"]),
    (fs.Bytes, [b"", None, b"\x00", b"\x00\x00"]),
    (fs.Date, [NOON.date(), None, datetime.date(1969, 12, 31)]),
    (fs.Timestamp, [NOON, None, datetime.datetime(1969, 12, 31, 23, 59, 59, 999_999, datetime.UTC)]),
    (fs.Array[fs.String], [["a", None], None, [], ["b"], [""]]),
    (fs.Array[fs.Int64], [[1], None, [], [2, 3], [None]]),
    (fs.Vector[2], [[1.0, 2.0], None, [0.0, -1.5]]),
]


def digest(data_type: DataType, *arrays: pa.Array) -> str:
    found = ColumnDigest(data_type)
    for array in arrays:
        found.add(array)
    return found.hexdigest


def of(data_type: DataType, values: Sequence[Any]) -> str:
    return digest(data_type, pa.array(values, arrow_type(data_type)))


@pytest.mark.parametrize(("data_type", "values"), COLUMNS)
def test_where_batches_end_does_not_matter(data_type: DataType, values: list[Any]) -> None:
    array = pa.array(values, arrow_type(data_type))
    whole = digest(data_type, array)
    assert digest(data_type, *(array.slice(at, 1) for at in range(len(array)))) == whole
    assert digest(data_type, array.slice(0, 2), array.slice(2, 0), array.slice(2)) == whole


@pytest.mark.parametrize(("data_type", "values"), COLUMNS)
def test_one_value_less_or_null_or_in_another_place_is_seen(data_type: DataType, values: list[Any]) -> None:
    whole = of(data_type, values)
    assert of(data_type, values[:-1]) != whole
    assert of(data_type, [*values, None]) != whole
    assert of(data_type, [values[1], values[0], *values[2:]]) != whole
    assert of(data_type, [None, *values[1:]]) != whole
    assert of(data_type, values[::-1]) != whole


@given(st.lists(st.one_of(st.none(), st.text(max_size=3))), st.lists(st.one_of(st.none(), st.text(max_size=3))))
def test_text_has_one_digest_per_list_of_values(left: list[str | None], right: list[str | None]) -> None:
    assert (of(fs.String, left) == of(fs.String, right)) == (left == right)


def test_null_is_none_of_the_values() -> None:
    assert of(fs.Int64, [None]) != of(fs.Int64, [0])
    assert of(fs.String, [None]) != of(fs.String, [""])
    assert of(fs.Array[fs.Int64], [None]) != of(fs.Array[fs.Int64], [[]])
    assert of(fs.Float64, [None]) != of(fs.Float64, [math.nan])


def test_what_arrow_keeps_below_a_null_does_not_matter() -> None:
    hidden = pa.Array.from_buffers(
        pa.int64(), 2, [pa.array([True, False]).buffers()[1], pa.array([7, 99]).buffers()[1]]
    )
    assert hidden.to_pylist() == [7, None]
    assert digest(fs.Int64, hidden) == of(fs.Int64, [7, None])


@pytest.mark.parametrize("physical", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())])
def test_how_text_is_held_does_not_matter(physical: pa.DataType) -> None:
    values = ["b", None, "a", "b"]
    assert digest(fs.String, pa.array(values, pa.string()).cast(physical)) == of(fs.String, values)


@pytest.mark.parametrize("physical", [pa.int8(), pa.uint16(), pa.int32(), pa.int64()])
def test_the_width_of_integers_does_not_matter(physical: pa.DataType) -> None:
    assert digest(fs.Int64, pa.array([1, None, 100], physical)) == of(fs.Int32, [1, None, 100])


def test_the_unit_and_the_zone_of_times_do_not_matter() -> None:
    for physical in (pa.timestamp("s"), pa.timestamp("ns"), pa.timestamp("us", "Europe/Berlin")):
        array = pa.array([NOON, None], pa.timestamp("us", "UTC"))
        cast = array.cast(physical) if physical.tz else array.cast(pa.timestamp("us")).cast(physical)
        assert digest(fs.Timestamp, cast) == of(fs.Timestamp, [NOON, None])


def test_equal_floats_are_equal_and_others_differ_in_the_last_bit() -> None:
    other_nan = pa.Array.from_buffers(pa.float64(), 1, [None, pa.py_buffer(b"\x01\x00\x00\x00\x00\x00\xf8\xff")])
    assert math.isnan(other_nan[0].as_py())
    assert digest(fs.Float64, other_nan) == of(fs.Float64, [math.nan])
    assert of(fs.Float64, [-0.0]) == of(fs.Float64, [0.0])
    assert of(fs.Float64, [1.0]) != of(fs.Float64, [math.nextafter(1.0, 2.0)])


def test_types_whose_values_cannot_be_equal_have_other_digests() -> None:
    assert len({of(fs.Int64, [0]), of(fs.Bool, [False]), of(fs.Float64, [0.0]), of(fs.Timestamp, [0])}) == 4


def sums(values: Sequence[float | None], *, cut: int = 1) -> dict[str, Any]:
    found = ColumnSum(fs.Float64)
    for part in (values[:cut], values[cut:]):
        found.add(pa.array(part, pa.float64()))
    return found.document


def test_sums_agree_within_their_tolerance_and_not_beyond() -> None:
    assert agree(sums([0.1, 0.2, 0.3]), sums([0.1, 0.2, 0.3 + 1e-16], cut=2))
    assert not agree(sums([0.1, 0.2, 0.3]), sums([0.1, 0.2, 0.3 + 1e-6]))


def test_sums_of_opposite_values_are_measured_by_their_size() -> None:
    assert agree(sums([1e6, -1e6]), sums([1e6, -1e6 + 1e-6]))
    assert not agree(sums([1.0, -1.0]), sums([2.0, -2.0]))


def test_nulls_nan_and_infinities_are_counted_and_compared_exactly() -> None:
    values = [1.0, None, math.nan, math.inf, -math.inf]
    assert sums(values) == {
        "count": 4,
        "nulls": 1,
        "nan": 1,
        "inf": 1,
        "-inf": 1,
        "sum": 1.0,
        "magnitude": 1.0,
    }
    assert not agree(sums(values), sums([1.0, None, math.nan, math.inf, math.inf]))
    assert not agree(sums([1.0, None]), sums([1.0]))


def test_a_sum_beyond_floats_is_text_and_agrees_with_itself() -> None:
    assert sums([1e308, 1e308])["sum"] == "inf"
    assert agree(sums([1e308, 1e308]), sums([1e308, 1e308], cut=2))
    assert not agree(sums([1e308, 1e308]), sums([1e308, 1e307]))


def test_a_hash_and_a_sum_do_not_agree() -> None:
    assert not agree({"sha256": "1"}, sums([1.0]))
    assert agree({"sha256": "1"}, {"sha256": "1"})
    assert not agree({"sha256": "1"}, {"sha256": "2"})


customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
orders = fs.Source("orders", path="orders.parquet", event_time="at")


@fs.features(entity=customer, source=orders, version="v1", every="1d")
class Some:
    total = fs.sum("amount")
    average = fs.mean("amount")
    spread = fs.std("pieces")
    half = fs.percentile("pieces", 0.5)
    share = fs.sum("amount") / fs.count()
    large = fs.sum("amount") > 5.0
    pieces = fs.sum("pieces")
    mean_pieces = fs.mean("pieces")
    price = fs.sum("price")
    newest = fs.last("amount")
    largest = fs.max("amount")
    recent = fs.last_n("amount", 3)
    rate = fs.count(where=fs.col("pieces") > 1) / fs.count()


@fs.feature(entity=customer, version="v1")
def of_total(total: fs.Value) -> fs.Value:
    return total * 2


@fs.feature(entity=customer, version="v1")
def of_newest(newest: fs.Value) -> fs.Value:
    return newest * 2


@fs.on_demand(version="v1")
def log_newest(newest: float | None) -> float | None:
    return math.log(newest) if newest else None


@fs.on_demand(version="v1")
def any_newest(newest: float | None) -> bool:
    return newest is not None


def test_floats_that_engines_add_have_a_tolerance_and_nothing_else_has() -> None:
    schema = {
        "customer_id": fs.Int64,
        "at": fs.Timestamp,
        "amount": fs.Float64,
        "pieces": fs.Int64,
        "price": fs.Decimal(10, 2),
    }
    objects: list[Any] = [Some, of_total, of_newest, log_newest, any_newest]
    chosen: Sequence[SelectedFeature] = define(objects, {"orders": schema}, Settings()).select(objects)
    exact = {one.column for one in chosen if is_exact(one)}
    tolerant = {"total", "average", "spread", "half", "share", "of_total", "log_newest"}
    assert {one.column for one in chosen} - exact == tolerant
