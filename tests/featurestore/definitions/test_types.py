"""Types are written, parsed and found as `fs` names them."""

import datetime
import decimal
from typing import Annotated, Any, NewType, Optional

import pytest

import featurestore as fs
from featurestore.definitions.types import DataType, parse_type, python_type_name, type_of_annotation, type_of_value
from featurestore.errors import TypeMismatchError

SCALARS = (fs.Bool, fs.Int32, fs.Int64, fs.Float32, fs.Float64, fs.String, fs.Bytes, fs.Date, fs.Timestamp)
NESTED = (fs.Decimal(10, 2), fs.Decimal(38, 0), fs.Array[fs.Int64], fs.Array[fs.Decimal(5, 5)], fs.Vector[8])


@pytest.mark.parametrize("data_type", [*SCALARS, *NESTED], ids=str)
def test_a_type_is_parsed_from_what_it_is_written_as(data_type: DataType) -> None:
    assert parse_type(f" {data_type} ") == data_type
    assert repr(data_type) == str(data_type)


@pytest.mark.parametrize(
    "text",
    [
        *("", "int", "int64", "Int64?", "Int64]"),
        *("Array", "Array[]", "Array[Int64", "Array[Array[Int64]]", "Array[Vector[2]]"),
        *("Vector[0]", "Vector[-1]", "Vector[Int64]"),
        *("Decimal", "Decimal(10)", "Decimal(39, 0)", "Decimal(2, 3)", "Decimal(0, 0)"),
        "Decimal(99999999999999999999, 1)",
    ],
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(TypeMismatchError):
        parse_type(text)


def test_a_vector_has_a_length_and_not_a_truth() -> None:
    with pytest.raises(TypeMismatchError):
        fs.Vector[True]


def test_an_array_holds_scalars() -> None:
    for wrong in (fs.Array[fs.Int64], fs.Vector[3], int, fs.Decimal):
        with pytest.raises(TypeMismatchError):
            fs.Array[wrong]  # type: ignore[index]


@pytest.mark.parametrize(
    ("value", "data_type"),
    [
        (True, fs.Bool),
        (1, fs.Int64),
        (2**63 - 1, fs.Int64),
        (-(2**63), fs.Int64),
        (1.0, fs.Float64),
        ("", fs.String),
        (b"", fs.Bytes),
        (datetime.date(2024, 2, 29), fs.Date),
        (datetime.datetime(2024, 2, 29, tzinfo=datetime.UTC), fs.Timestamp),
        (decimal.Decimal(0), fs.Decimal(1, 0)),
        (decimal.Decimal("1.50"), fs.Decimal(3, 2)),
        (decimal.Decimal("0.001"), fs.Decimal(3, 3)),
        (decimal.Decimal("1E3"), fs.Decimal(4, 0)),
        (decimal.Decimal("-12.5"), fs.Decimal(3, 1)),
    ],
)
def test_a_literal_has_the_smallest_type_that_holds_it(value: object, data_type: DataType) -> None:
    assert type_of_value(value) == data_type


@pytest.mark.parametrize(
    "value",
    [
        *(
            None,
            [],
            (),
            {},
            pytest.param(object(), id="object"),
            1j,
            datetime.time(1),
            datetime.timedelta(1),
            type("Text", (str,), {})("a"),
        ),
        *(2**63, -(2**63) - 1),
        *(decimal.Decimal(text) for text in ("NaN", "Infinity", "1E39")),
    ],
    ids=repr,
)
def test_a_value_that_no_type_holds_is_no_literal(value: object) -> None:
    with pytest.raises(TypeMismatchError):
        type_of_value(value)


@pytest.mark.parametrize(
    ("annotation", "data_type"),
    [
        (bool, fs.Bool),
        (int, fs.Int64),
        (float | None, fs.Float64),
        (Optional[str], fs.String),  # noqa: UP045 - people write it
        (None | bytes, fs.Bytes),
        (datetime.datetime, fs.Timestamp),
        (datetime.date, fs.Date),
        (list[int], fs.Array[fs.Int64]),
        (list[str] | None, fs.Array[fs.String]),
        (Annotated[decimal.Decimal, fs.Decimal(10, 2)], fs.Decimal(10, 2)),
        (Annotated[list[float], fs.Vector[8]] | None, fs.Vector[8]),
        (Annotated[int, "a note"], fs.Int64),
        (Annotated[int, fs.Int32], fs.Int32),
        (int | str, None),
        (list, None),
        (decimal.Decimal, None),
        (NewType("Amount", float), None),
        (Any, None),
        ("float", None),
        (None, None),
    ],
    ids=str,
)
def test_an_annotation_names_a_type_or_none(annotation: object, data_type: DataType | None) -> None:
    assert type_of_annotation(annotation) == data_type


def test_keys_are_integers_text_bytes_and_days() -> None:
    assert {str(one) for one in (*SCALARS, *NESTED) if one.can_be_key} == {"Int32", "Int64", "String", "Bytes", "Date"}


def test_every_type_reaches_python_as_a_type_that_names_it_again() -> None:
    for data_type in SCALARS:
        python = eval(python_type_name(data_type), {"datetime": datetime})  # noqa: S307 - names of our own
        assert type_of_annotation(python) in {data_type, fs.Int64, fs.Float64}
    assert {python_type_name(one) for one in NESTED} == {"decimal.Decimal", "list"}
