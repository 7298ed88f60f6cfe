"""Results are compared as semantics 12 and 20 say."""

import datetime
import math
from collections.abc import Sequence
from decimal import Decimal

import pytest

from featurestore.definitions import expressions as fs
from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import Value
from featurestore.definitions.features import features
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.sources import Source
from featurestore.definitions.types import Float64, Int64, Timestamp
from featurestore.errors import NotSupportedError
from featurestore.testing.compare import agree, same

SCHEMA = {"customer_id": Int64, "at": Timestamp, "n": Int64, "x": Float64}
NOON = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)


def compared(expression: Value, expected: object, actual: object, values: Sequence[float] = (1e6, -1e6, 0.1)) -> int:
    """How many differences there are between two results of a feature of a source with ``values`` in x."""
    source = Source("orders", table="orders", event_time="at")

    @features(entity=Entity("customer", keys={"customer_id": Int64}), source=source, every="1h")
    class Seen:
        value = expression

    selected = define([Seen], {"orders": SCHEMA}, Settings()).select([Seen])
    rows = [{"customer_id": 1, "at": NOON, "n": 1, "x": x} for x in values]
    return len(agree([{"value": expected}], [{"value": actual}], selected, {"orders": rows}))


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1, True),
        (1, 1.0, False),
        (True, 1, False),
        (math.nan, math.nan, True),
        (None, math.nan, False),
        (0.0, -0.0, True),
        (Decimal("0.30"), Decimal("0.3"), True),
        (Decimal("0.30"), 0.3, False),
        ("a", "A", False),
        (b"a", "a", False),
        ([1, None], [1, None], True),
        ([1], [1, 2], False),
        (NOON, NOON.astimezone(datetime.timezone(datetime.timedelta(hours=2))), True),
        (NOON, NOON.replace(tzinfo=None), False),
        (NOON.date(), NOON, False),
        (2**53, 2**53 + 1, False),
    ],
)
def test_values_are_the_same_if_they_are_equal_and_of_one_type(left: object, right: object, *, equal: bool) -> None:
    assert same(left, right) is equal
    assert same(right, left) is equal


def test_a_float_sum_has_a_tolerance_on_the_scale_of_its_inputs() -> None:
    assert compared(fs.sum("x"), 0.1, 0.1019) == 0
    assert compared(fs.sum("x"), 0.1, 0.1021) == 1
    assert compared(fs.sum("x") * 2 + fs.count(), 3.2, 3.2039) == 0
    assert compared(fs.sum("x") * 2 + fs.count(), 3.2, 3.2041) == 1


def test_null_nan_and_infinity_have_no_tolerance() -> None:
    for value in (None, math.nan, math.inf):
        assert compared(fs.sum("x"), 0.1, value) == 1
        assert compared(fs.sum("x"), value, value) == 0


def test_what_is_exact_has_no_tolerance() -> None:
    assert compared(fs.max("x"), 0.1, math.nextafter(0.1, 1.0)) == 1
    assert compared(fs.sum("n"), 3, 4) == 1
    assert compared(fs.sum("n"), 3, 3.0) == 1
    assert compared(fs.sum("n") / fs.count(), 1.0, math.nextafter(1.0, 2.0)) == 1


def test_rows_and_columns_must_be_the_same_in_number_and_order() -> None:
    assert agree([{"a": 1}], [], (), {}) == ["There are 0 rows instead of 1."]
    assert "columns" in agree([{"a": 1, "b": 2}], [{"b": 2, "a": 1}], (), {})[0]
    assert agree([{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 3}], (), {}) == ["Row 1: a is 3 instead of 2."]


def test_a_comparison_of_inexact_numbers_is_refused_rather_than_guessed() -> None:
    with pytest.raises(NotSupportedError, match="greater"):
        compared(fs.sum("x") > 1, expected=True, actual=True)
    with pytest.raises(NotSupportedError, match="divide"):
        compared(fs.count() / fs.sum("x"), 1.0, 1.0)
