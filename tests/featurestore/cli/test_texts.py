"""Values that arrive as text."""

import datetime
import decimal

import pytest

from featurestore.cli.texts import read_text
from featurestore.definitions.types import (
    Array,
    Bool,
    Bytes,
    DataType,
    Date,
    Decimal,
    Float64,
    Int64,
    String,
    Timestamp,
)


@pytest.mark.parametrize(
    ("text", "data_type", "value"),
    [
        ("7", Int64, 7),
        ("7", String, "7"),
        ("", String, ""),
        ("1.5", Float64, 1.5),
        ("True", Bool, True),
        ("0x00ff", Bytes, b"\x00\xff"),
        ("1.50", Decimal(10, 2), decimal.Decimal("1.50")),
        ("2024-01-02", Date, datetime.date(2024, 1, 2)),
        ("2024-01-02 03:00", Timestamp, datetime.datetime(2024, 1, 2, 3, tzinfo=datetime.UTC)),
        ("[1, 2]", Array[Int64], [1, 2]),
    ],
)
def test_a_text_is_read_as_its_type(text: str, data_type: DataType, value: object) -> None:
    assert read_text(text, data_type) == value


@pytest.mark.parametrize(
    ("text", "data_type"),
    [("seven", Int64), ("7.0", Int64), ("yes", Bool), ("1,5", Decimal(3, 1)), ("soon", Timestamp), ("zz", Bytes)],
)
def test_a_text_that_is_no_such_value_is_refused(text: str, data_type: DataType) -> None:
    with pytest.raises(ValueError, match=f"is no {data_type.name}"):
        read_text(text, data_type)
