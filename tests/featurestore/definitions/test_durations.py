"""Lengths of time are exact, whole microseconds."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurestore.definitions.durations import duration_text, microseconds
from featurestore.errors import DefinitionError

LONGEST = 10_000 * 365 * 86_400_000_000


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("0s", 0),
        ("1us", 1),
        ("1ms", 1_000),
        ("1s", 1_000_000),
        ("1m", 60_000_000),
        ("1h30m", 5_400_000_000),
        ("1h 30m", 5_400_000_000),
        ("7d", 604_800_000_000),
        ("1w", 604_800_000_000),
        ("007d", 604_800_000_000),
        ("1m1ms", 60_001_000),
    ],
)
def test_a_length_of_time_is_numbers_and_units(text: str, length: int) -> None:
    assert microseconds(text, "every") == length


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        " ",
        "7",
        "d",
        "7 days",
        "7D",
        "1.5h",
        "-7d",
        "7d-1h",
        "1y",
        "1mo",
        "7d;",
        "\u0667d",
        "1M",
        None,
        7,
        7.0,
        [],
        b"7d",
    ],
    ids=repr,
)
def test_what_is_no_length_of_time_is_refused_and_named(wrong: object) -> None:
    with pytest.raises(DefinitionError, match="every"):
        microseconds(wrong, "every")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong", [datetime.timedelta(microseconds=-1), "99999999999999999999d", datetime.timedelta.max]
)
def test_a_length_that_no_calendar_holds_is_refused(wrong: str | datetime.timedelta) -> None:
    with pytest.raises(DefinitionError, match="over"):
        microseconds(wrong, "over")


@given(st.integers(min_value=0, max_value=LONGEST))
def test_the_text_of_a_length_is_that_length(length: int) -> None:
    assert microseconds(duration_text(length), "it") == length


@given(st.timedeltas(min_value=datetime.timedelta(0), max_value=datetime.timedelta(days=3_650_000 - 1)))
def test_a_timedelta_is_its_own_length(length: datetime.timedelta) -> None:
    assert datetime.timedelta(microseconds=microseconds(length, "it")) == length


def test_the_text_uses_the_largest_units_and_no_weeks() -> None:
    week, minute = 604_800_000_000, 60_000_000
    assert [duration_text(length) for length in (0, 1, week, 90 * minute, week + 1)] == [
        "0s",
        "1us",
        "7d",
        "1h30m",
        "7d1us",
    ]
