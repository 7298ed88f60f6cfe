"""What goes into an online store comes out as it was, and damage is noticed."""

import contextlib
import datetime
import decimal
import math
import struct
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurestore.definitions.types import (
    Array,
    Bool,
    Bytes,
    DataType,
    Date,
    Decimal,
    Float32,
    Float64,
    Int32,
    Int64,
    String,
    Timestamp,
    Vector,
)
from featurestore.errors import ComputeError, CorruptRowError, NumberOverflowError, SpineError
from featurestore.spi.codec import (
    Marker,
    Row,
    RowCodec,
    RowHead,
    decode_head,
    decode_marker,
    decode_row,
    encode_key,
    encode_marker,
    encode_row,
    group_prefix,
    row_order,
    rows_checksum,
    sum_checksums,
)

GROUP = bytes(range(8))
INT64 = st.integers(-(2**63), 2**63 - 1)
TOKENS = st.integers(0, 2**64 - 1)
BERLIN_IN_SUMMER = datetime.timezone(datetime.timedelta(hours=2))


def float32(number: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", number))[0])


def unscaled(precision: int, scale: int) -> st.SearchStrategy[decimal.Decimal]:
    """Every value of Decimal(precision, scale), by its digits."""
    context = decimal.Context(prec=precision)
    numbers = st.integers(-(10**precision) + 1, 10**precision - 1)
    return numbers.map(lambda number: decimal.Decimal(number).scaleb(-scale, context))


SCALARS: dict[DataType, st.SearchStrategy[Any]] = {
    Bool: st.booleans(),
    Int32: st.integers(-(2**31), 2**31 - 1),
    Int64: INT64 | st.sampled_from([2**53 + 1, -(2**63), 2**63 - 1]),
    Float32: st.floats(width=32),
    Float64: st.floats() | st.sampled_from([-0.0, math.nan, math.inf, -math.inf, 5e-324]),
    Decimal(38, 12): unscaled(38, 12),
    Decimal(38, 38): unscaled(38, 38),
    Decimal(5, 0): unscaled(5, 0),
    String: st.text(),
    Bytes: st.binary(),
    Date: st.dates(),
    Timestamp: st.datetimes(timezones=st.just(datetime.UTC)),
}
TYPES: dict[DataType, st.SearchStrategy[Any]] = {
    **SCALARS,
    **{Array[item]: st.lists(st.none() | values, max_size=5) for item, values in SCALARS.items()},
    Vector[3]: st.lists(st.floats(width=32), min_size=3, max_size=3),
}


def exactly(value: object) -> object:
    """A form in which values are equal only if they are the same: floats by their bits, one NaN apart from others."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack("<d", value)
    if isinstance(value, list):
        return [exactly(item) for item in value]
    return (type(value), str(value)) if isinstance(value, decimal.Decimal) else (type(value), value)


def positive_zero(value: object) -> object:
    """A Decimal has one zero, as in Arrow."""
    if isinstance(value, list):
        return [positive_zero(item) for item in value]
    return value.copy_abs() if isinstance(value, decimal.Decimal) and value == 0 else value


@pytest.mark.parametrize("data_type", TYPES, ids=str)
@settings(max_examples=50)
@given(data=st.data())
def test_a_value_of_every_type_comes_back_as_it_was(data_type: DataType, data: st.DataObject) -> None:
    value = data.draw(st.none() | TYPES[data_type])
    codec = RowCodec([("x", data_type)])
    (back,) = codec.unpack(codec.pack([value]))
    assert exactly(back) == exactly(positive_zero(value))


@given(
    boundary=INT64,
    token=TOKENS,
    group=st.binary(min_size=8, max_size=8),
    values=st.tuples(*(st.none() | values for values in TYPES.values())),
)
def test_a_row_comes_back_as_it_was(boundary: int, token: int, group: bytes, values: tuple[Any, ...]) -> None:
    codec = RowCodec([(str(data_type), data_type) for data_type in TYPES])
    data = encode_row(Row(boundary, token, group, values), codec)
    back = decode_row(data, codec)
    assert (back.boundary, back.token, back.group) == (boundary, token, group)
    assert [exactly(value) for value in back.values] == [exactly(positive_zero(value)) for value in values]
    assert decode_head(data) == RowHead(boundary, token, group)


@given(st.tuples(INT64, TOKENS), st.tuples(INT64, TOKENS))
def test_rows_compare_as_boundary_and_token_do(left: tuple[int, int], right: tuple[int, int]) -> None:
    codec = RowCodec([])
    orders = [row_order(encode_row(Row(*order, GROUP, ()), codec)) for order in (left, right)]
    assert (orders[0] < orders[1]) == (left < right)
    assert (orders[0] == orders[1]) == (left == right)


def test_a_row_has_the_documented_bytes() -> None:
    codec = RowCodec([("n", Int64), ("x", Float32), ("d", Date), ("s", String)])
    data = encode_row(Row(-1, 2, GROUP, (5, 1.5, datetime.date(1970, 1, 3), None)), codec)
    head = "017fffffffffffffff00000000000000020001020304050607"
    assert data.hex() == head + "9405c4040000c03f02c0"


def test_a_naive_time_is_utc_and_an_aware_one_is_converted() -> None:
    codec = RowCodec([("naive", Timestamp), ("aware", Timestamp)])
    noon = datetime.datetime(1969, 7, 20, 12, 0, 0, 1)  # noqa: DTZ001 - naive times are what is tested
    values = codec.unpack(codec.pack([noon, noon.replace(tzinfo=BERLIN_IN_SUMMER)]))
    assert values == (
        datetime.datetime(1969, 7, 20, 12, 0, 0, 1, datetime.UTC),
        datetime.datetime(1969, 7, 20, 10, 0, 0, 1, datetime.UTC),
    )
    assert all(value.tzinfo is datetime.UTC for value in values)


def test_a_float32_is_rounded_to_its_bits() -> None:
    codec = RowCodec([("x", Float32), ("v", Vector[2])])
    assert codec.unpack(codec.pack([0.1, [0.1, 0.2]])) == (float32(0.1), [float32(0.1), float32(0.2)])


def test_equal_decimals_have_equal_bytes() -> None:
    codec = RowCodec([("x", Decimal(10, 2))])
    forms = ["1.5", "1.50", "15e-1"]
    assert len({codec.pack([decimal.Decimal(form)]) for form in forms}) == 1
    assert str(codec.unpack(codec.pack([decimal.Decimal("1.5")]))[0]) == "1.50"


def test_the_decimal_context_of_the_caller_changes_nothing() -> None:
    codec = RowCodec([("x", Decimal(38, 2))])
    value = decimal.Decimal("123456789012345678901234567890123456.78")
    with decimal.localcontext(decimal.Context(prec=3)):
        assert codec.unpack(codec.pack([value])) == (value,)


@pytest.mark.parametrize(
    ("data_type", "value", "error"),
    [
        (Int32, 2**31, NumberOverflowError),
        (Int64, 2**63, NumberOverflowError),
        (Int64, 2**70, NumberOverflowError),
        (Int64, True, ComputeError),
        (Int64, 1.0, ComputeError),
        (Float64, 1, ComputeError),
        (Float32, 1e39, NumberOverflowError),
        (Vector[1], [1e39], NumberOverflowError),
        (Vector[2], [1.0], ComputeError),
        (Vector[1], [None], ComputeError),
        (Decimal(5, 2), decimal.Decimal("1000.00"), NumberOverflowError),
        (Decimal(5, 2), decimal.Decimal("1.005"), NumberOverflowError),
        (Decimal(5, 2), decimal.Decimal("NaN"), ComputeError),
        (Decimal(5, 2), decimal.Decimal("-Infinity"), ComputeError),
        (Decimal(5, 2), 1.5, ComputeError),
        (String, "\ud800", ComputeError),
        (String, b"x", ComputeError),
        (Bool, 1, ComputeError),
        (Date, datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), ComputeError),
        (Timestamp, datetime.date(2024, 1, 1), ComputeError),
        (Array[Int64], (1, 2), ComputeError),
        (Array[Int64], [1, "x"], ComputeError),
    ],
    ids=str,
)
def test_a_value_that_is_none_of_its_column_is_refused_by_name_and_not_shown(
    data_type: DataType, value: object, error: type[ComputeError]
) -> None:
    codec = RowCodec([("good", Int64), ("bad", data_type)])
    with pytest.raises(ComputeError, match="'bad'") as caught:
        codec.pack([1, value])
    assert type(caught.value) is error


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(ComputeError, match="2 columns, and 1 values"):
        RowCodec([("a", Int64), ("b", Int64)]).pack([1])


WIDE = RowCodec([(str(data_type), data_type) for data_type in (*SCALARS, Vector[2], Array[Decimal(5, 0)])])
WIDE_ROW = encode_row(
    Row(
        1,
        2,
        GROUP,
        (
            True,
            1,
            2**40,
            1.5,
            2.5,
            decimal.Decimal(1),
            decimal.Decimal(0),
            decimal.Decimal(7),
            "text",
            b"bytes",
            datetime.date(2024, 2, 29),
            datetime.datetime(2024, 2, 29, tzinfo=datetime.UTC),
            [1.0, 2.0],
            [decimal.Decimal(3), None],
        ),
    ),
    WIDE,
)


@pytest.mark.parametrize("length", range(len(WIDE_ROW)))
def test_a_row_that_is_cut_short_anywhere_is_corrupt(length: int) -> None:
    with pytest.raises(CorruptRowError):
        decode_row(WIDE_ROW[:length], WIDE)


def test_bytes_after_the_row_are_corrupt() -> None:
    with pytest.raises(CorruptRowError):
        decode_row(WIDE_ROW + b"\0", WIDE)


@given(st.integers(25, len(WIDE_ROW) - 1), st.integers(0, 255))
def test_a_damaged_byte_gives_a_row_or_a_corrupt_one_and_no_other_error(position: int, byte: int) -> None:
    data = bytearray(WIDE_ROW)
    data[position] = byte
    with contextlib.suppress(CorruptRowError):
        decode_row(bytes(data), WIDE)


@pytest.mark.parametrize("function", [row_order, decode_head, lambda data: decode_row(data, WIDE)])
def test_an_unknown_format_is_corrupt_and_says_so(function: Any) -> None:
    with pytest.raises(CorruptRowError, match="format 2"):
        function(b"\x02" + WIDE_ROW[1:])


def test_a_row_of_other_columns_is_corrupt() -> None:
    data = encode_row(Row(0, 0, GROUP, ("text",)), RowCodec([("s", String)]))
    with pytest.raises(CorruptRowError, match="other columns than n"):
        decode_row(data, RowCodec([("n", Int64)]))


@pytest.mark.parametrize("row", [Row(2**63, 0, GROUP, ()), Row(0, -1, GROUP, ()), Row(0, 2**64, GROUP, ())])
def test_a_boundary_or_token_that_would_sort_wrongly_is_refused(row: Row) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        encode_row(row, RowCodec([]))


def test_a_group_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        encode_row(Row(0, 0, b"short", ()), RowCodec([]))


def test_the_prefix_of_a_group_is_its_first_eight_bytes() -> None:
    assert group_prefix("00010203040506070809") == GROUP


# Keys

KEY_VALUES: dict[DataType, st.SearchStrategy[Any]] = {
    Int32: st.integers(-(2**31), 2**31 - 1),
    Int64: INT64,
    String: st.text(st.sampled_from("a:/\\\0%_\x1fé\u0301é\U0001f600 "), max_size=4) | st.text(max_size=4),
    Bytes: st.binary(max_size=4),
    Date: st.dates(),
}


@given(data=st.data())
def test_two_keys_have_equal_bytes_only_if_they_are_equal(data: st.DataObject) -> None:
    types = data.draw(st.lists(st.sampled_from(list(KEY_VALUES)), min_size=1, max_size=3))
    left, right = (tuple(data.draw(KEY_VALUES[data_type]) for data_type in types) for _ in range(2))
    assert (encode_key(left, types) == encode_key(right, types)) == (left == right)


@given(st.lists(st.text("a:/\\\0|", max_size=3), min_size=1, max_size=3), st.lists(st.text("a:/\\\0|", max_size=3)))
def test_parts_of_text_do_not_run_into_each_other(left: list[str], right: list[str]) -> None:
    encoded = [encode_key(parts, [String] * len(parts)) for parts in (left, right)]
    assert (encoded[0] == encoded[1]) == (left == right)


def test_a_key_has_the_documented_bytes() -> None:
    values = (300, "é", b"\0", datetime.date(1969, 12, 31))
    assert encode_key(values, [Int64, String, Bytes, Date]) == bytes.fromhex("94 cd012c a2c3a9 c40100 ff")


def test_integers_are_equal_whatever_their_width() -> None:
    assert encode_key([7], [Int32]) == encode_key([7], [Int64])


def test_a_key_with_a_null_names_no_entity() -> None:
    assert encode_key([1, None], [Int64, String]) is None


@pytest.mark.parametrize(
    ("values", "types", "part"),
    [
        ([1.0], [Int64], "'id' is of type Int64, and a value of type float"),
        ([True], [Int64], "'id' is of type Int64, and a value of type bool"),
        (["1"], [Int64], "'id' is of type Int64, and a value of type str"),
        ([1], [String], "'id' is of type String, and a value of type int"),
        ([b"x"], [String], "'id' is of type String, and a value of type bytes"),
        (
            [datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)],
            [Date],
            "'id' is of type Date, and a value of type datetime",
        ),
        ([2**64], [Int64], "'id' is of type Int64, and a number of more than 64 bits"),
        (["\udc80"], [String], "'id' is of type String, and text with a lone surrogate"),
        ([None, 1.5], [Int64, Int64], "'other' is of type Int64, and a value of type float"),
        ([1, 2], [Int64], "1 parts, and 2 values"),
    ],
)
def test_a_key_of_another_type_is_refused_by_name(values: Sequence[object], types: list[DataType], part: str) -> None:
    with pytest.raises(SpineError, match=part):
        encode_key(values, types, ["id", "other"])


# Markers


@given(
    st.builds(
        Marker,
        boundary=INT64,
        token=TOKENS,
        fingerprint=st.text(),
        rows=st.integers(0, 2**63 - 1),
        checksum=st.text(),
        published_at=INT64,
    )
)
def test_a_marker_comes_back_as_it_was(marker: Marker) -> None:
    assert decode_marker(encode_marker(marker)) == marker


MARKER = encode_marker(Marker(5, 6, "ab", 7, "cd", 8))


@pytest.mark.parametrize("length", range(len(MARKER)))
def test_a_marker_that_is_cut_short_is_corrupt(length: int) -> None:
    with pytest.raises(CorruptRowError):
        decode_marker(MARKER[:length])


def test_a_marker_of_an_unknown_format_is_corrupt() -> None:
    with pytest.raises(CorruptRowError, match="format 9"):
        decode_marker(b"\x09" + MARKER[1:])


# Checksums

ROWS = st.lists(st.tuples(st.binary(max_size=3), st.tuples(INT64, TOKENS), st.text(max_size=3)), max_size=6)


@given(ROWS, st.randoms(use_true_random=False))
def test_a_checksum_knows_keys_and_values_and_no_order_boundary_or_token(rows: Any, random: Any) -> None:
    codec = RowCodec([("s", String)])
    stored = [(key, encode_row(Row(boundary, token, GROUP, (text,)), codec)) for key, (boundary, token), text in rows]
    later = [(key, encode_row(Row(0, 0, bytes(8), (text,)), codec)) for key, _, text in rows]
    random.shuffle(later)
    assert rows_checksum(stored) == rows_checksum(later)
    assert sum_checksums([rows_checksum(stored[:2]), rows_checksum(stored[2:])]) == rows_checksum(stored)
    for place, (key, row) in enumerate(stored):
        others = stored[:place] + stored[place + 1 :]
        assert rows_checksum([*others, (key + b"x", row)]) != rows_checksum(stored)
        assert rows_checksum([*others, (key, row + b"x")]) != rows_checksum(stored)
        assert rows_checksum(others) != rows_checksum(stored)


def test_a_checksum_knows_where_the_key_ends() -> None:
    head = b"\x01" + bytes(24)
    assert rows_checksum([(b"a", head + b"bc")]) != rows_checksum([(b"ab", head + b"c")])


def test_checksums_are_what_they_were() -> None:
    head = b"\x01" + bytes(24)
    parts = [rows_checksum([(b"a", head + text)]) for text in (b"one", b"two", b"three")]
    assert parts[0] == "d7ef7743dbbf2f2e8bc09a56bd0254c8"
    assert sum_checksums(parts) == "afe9dbc8e13e4d5f1362b8f1622980cf"  # Beyond 2^128, and so reduced.


def test_no_rows_have_a_checksum_of_zeros() -> None:
    assert rows_checksum([]) == sum_checksums([]) == "0" * 32
