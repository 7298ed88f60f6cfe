import datetime
import decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurestore_serving.columns import UNFIT, pack_times, pack_values, type_of, unpack_times, unpack_values
from featurestore_serving.v1 import serving_pb2 as pb

SCALARS = {
    "Bool": st.booleans(),
    "Int32": st.integers(-(2**31), 2**31 - 1),
    "Int64": st.integers(-(2**63), 2**63 - 1) | st.just(2**53 + 1),
    "Float32": st.floats(width=32),
    "Float64": st.floats(),
    "String": st.text(st.characters(exclude_categories=["Cs"])),
    "Bytes": st.binary(),
    "Date": st.dates(),
    # `fold` tells nothing in UTC.
    "Timestamp": st.datetimes(timezones=st.just(datetime.UTC)).map(lambda time: time.replace(fold=0)),
    "Decimal(38, 9)": st.decimals(allow_nan=False, allow_infinity=False, places=9),
}
TYPES = {
    **SCALARS,
    **{f"Array[{name}]": st.lists(st.none() | scalar, max_size=4) for name, scalar in SCALARS.items()},
    "Vector[1]": st.lists(st.floats(width=32), min_size=1, max_size=1),
    "Vector[8]": st.lists(st.floats(width=32), min_size=8, max_size=8),
}


def through_bytes(message: pb.Values) -> pb.Values:
    back = pb.Values()
    back.ParseFromString(message.SerializeToString())
    return back


@pytest.mark.parametrize("type", TYPES)
@given(data=st.data())
def test_values_of_every_type_come_back_as_they_were(type: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | TYPES[type], max_size=6))
    back = unpack_values(through_bytes(pack_values(values, type)))
    # The text tells NaN, -0.0, digits, zones and types apart, where == does not.
    assert repr(back) == repr(values)


@given(st.sampled_from([name for name in TYPES if "Float32" not in name and "Vector" not in name]), st.data())
def test_the_type_that_python_values_have_carries_them_exactly(type: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | TYPES[type], max_size=6))
    assert repr(unpack_values(through_bytes(pack_values(values, type_of(values))))) == repr(values)


def test_a_naive_timestamp_is_utc() -> None:
    naive = datetime.datetime(2024, 3, 31, 2, 30)  # noqa: DTZ001 - it is the point
    assert unpack_values(pack_values([naive], "Timestamp")) == [naive.replace(tzinfo=datetime.UTC)]


def test_an_aware_timestamp_is_converted() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    local = datetime.datetime(2024, 3, 31, 3, 30, tzinfo=zone)
    assert repr(unpack_values(pack_values([local], "Timestamp"))) == repr([local.astimezone(datetime.UTC)])


def test_a_null_has_its_place_among_the_values() -> None:
    packed = pack_values([None, "x", None], "String")
    assert (list(packed.strings.values), packed.nulls) == (["", "x", ""], b"\1\0\1")


def test_times_come_back_with_their_gaps() -> None:
    assert unpack_times(pack_times([None, -1, 2**62])) == [None, -1, 2**62]


@pytest.mark.parametrize(
    ("values", "named"),
    [([1, "a"], "int and str"), ([1, 2.0], "float and int"), ([object()], "object"), ([[[1]]], "lists of lists")],
)
def test_values_that_are_no_column_are_refused_by_the_names_of_their_types(values: list[object], named: str) -> None:
    with pytest.raises(TypeError, match=named):
        type_of(values)


@pytest.mark.parametrize(
    ("values", "type"),
    [
        ([2**63], "Int64"),
        (["x"], "Int64"),
        (["\ud800"], "String"),
        (["x"], "Bytes"),
        ([1], "Date"),
        ([[1.0]], "Vector[2]"),
        ([1], "Array[Int64]"),
    ],
)
def test_a_value_of_another_type_is_not_packed(values: list[object], type: str) -> None:
    with pytest.raises(UNFIT):
        pack_values(values, type)


@pytest.mark.parametrize(
    "message",
    [
        pb.Values(int64s=pb.Int64s(values=[1, 2]), nulls=b"\0"),
        pb.Values(nulls=b"\1\0"),
        pb.Values(dates=pb.Dates(days=[2**31 - 1])),
        pb.Values(timestamps=pb.Timestamps(microseconds=[2**62])),
        pb.Values(decimals=pb.Decimals(values=["12,5"])),
        pb.Values(arrays=pb.Arrays(lengths=[2], items=pb.Values(bools=pb.Bools(values=[True])))),
        pb.Values(arrays=pb.Arrays(lengths=[0], items=pb.Values(arrays=pb.Arrays(lengths=[])))),
        pb.Values(vectors=pb.Vectors(dimension=0, values=[1.0])),
        pb.Values(vectors=pb.Vectors(dimension=2, values=[1.0])),
        pb.Values(vectors=pb.Vectors(dimension=1, values=[1.0]), nulls=b"\1"),
    ],
)
def test_a_column_that_contradicts_itself_is_not_unpacked(message: pb.Values) -> None:
    with pytest.raises(UNFIT):
        unpack_values(message)


def test_what_stands_in_the_place_of_a_null_does_not_matter() -> None:
    message = pb.Values(decimals=pb.Decimals(values=["rubbish", "1.0"]), nulls=b"\1\0")
    assert unpack_values(message) == [None, decimal.Decimal("1.0")]
