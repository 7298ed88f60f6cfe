"""Tables, aligned lines and JSON."""

import datetime
import decimal
import json
import math

import pytest

from featurestore.cli.output import aligned, cell, json_line, plural, print_table


def test_a_piped_table_is_not_cut_and_not_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    long = "word " * 60
    print_table(("name", "text"), [("a", long), ("b", "Array[String]")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "text"]
    assert lines[1] == f"a     {long.strip()}"
    assert lines[2] == "b     Array[String]"


def test_numbers_stand_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("rows",), [(5,), (1000,)], right={"rows"})
    assert capsys.readouterr().out == "rows\n   5\n1000\n"


def test_aligned_lines_leave_out_what_is_empty_and_indent_further_lines() -> None:
    assert aligned({"a": "one\ntwo", "gone": None, "empty": "", "long": 0}) == "a     one\n      two\nlong  0"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (datetime.datetime(2024, 1, 2, 3, tzinfo=datetime.UTC), "2024-01-02 03:00:00Z"),
        (b"\x01\xff", "0x01ff"),
        ([1, None], "[1, null]"),
    ],
)
def test_cells_are_readable(value: object, text: str) -> None:
    assert cell(value) == text


def test_a_json_line_holds_what_json_cannot_say_as_text() -> None:
    line = json_line({"nan": math.nan, "at": datetime.date(2024, 1, 2), "d": decimal.Decimal("1.50"), "b": b"\x00"})
    assert json.loads(line) == {"nan": "nan", "at": "2024-01-02", "d": "1.50", "b": "AA=="}


def test_one_is_not_many() -> None:
    assert [plural(number, "row") for number in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]
