import datetime
import decimal
import json
import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

import featurestore as fs
from featurestore.definitions.types import DataType
from featurestore.spi.frames import arrow_type
from featurestore.training.statistics import MOST_DISTINCT, ColumnStatistics

NOON = datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)


def document(data_type: DataType, *batches: Sequence[Any], private: bool = False) -> dict[str, Any]:
    found = ColumnStatistics(data_type, private=private)
    for batch in batches:
        found.add(pa.array(batch, arrow_type(data_type)))
    json.dumps(found.document, allow_nan=False)
    return found.document


def test_numbers_are_counted_and_measured_over_all_batches() -> None:
    found = document(fs.Int64, [3, None], [1, 3], [None])
    assert found == {"count": 3, "nulls": 2, "distinct": 2, "min": 1, "max": 3, "mean": pytest.approx(7 / 3)}


def test_nan_and_infinities_are_counted_apart() -> None:
    found = document(fs.Float64, [math.nan, 1.0, math.inf], [-math.inf, math.nan, 2.0, None])
    assert found == {
        "count": 6,
        "nulls": 1,
        "distinct": 5,
        "nan": 2,
        "infinite": 2,
        "min": 1.0,
        "max": 2.0,
        "mean": 1.5,
    }


def test_zeros_of_both_signs_are_one_value() -> None:
    assert document(fs.Float64, [0.0, -0.0])["distinct"] == 1


def test_whole_numbers_stay_exact() -> None:
    found = document(fs.Int64, [2**53 + 1, 2**63 - 1])
    assert (found["min"], found["max"]) == (2**53 + 1, 2**63 - 1)


def test_a_mean_beyond_floats_is_text() -> None:
    assert document(fs.Float64, [1e308, 1e308])["mean"] == "inf"


def test_times_dates_and_decimals_are_text() -> None:
    assert document(fs.Timestamp, [NOON])["min"] == "2024-02-29T12:00:00+00:00"
    assert document(fs.Date, [NOON.date()])["max"] == "2024-02-29"
    found = document(fs.Decimal(10, 2), [decimal.Decimal("1.10"), decimal.Decimal("2.00")])
    assert (found["min"], found["max"], found["mean"]) == ("1.10", "2.00", pytest.approx(1.55))


def test_a_time_beyond_the_years_of_python_can_be_told() -> None:
    found = ColumnStatistics(fs.Timestamp, private=False)
    found.add(pa.array([2**62], pa.int64()).cast(pa.timestamp("us", "UTC")))
    assert found.document["max"] == f"{2**62} microseconds after 1970"


def test_the_mean_of_truth_values_is_the_share_that_is_true() -> None:
    assert document(fs.Bool, [True, False, None, True, True]) == {"count": 4, "nulls": 1, "distinct": 2, "mean": 0.75}


def test_text_shows_its_lengths_and_no_value() -> None:
    found = document(fs.String, ["Zürich", None], ["", "aa"])
    assert found == {
        "count": 3,
        "nulls": 1,
        "distinct": 3,
        "length": {"min": 0, "max": 6, "mean": pytest.approx(8 / 3)},
    }


def test_bytes_and_lists_show_their_lengths_and_no_value() -> None:
    assert document(fs.Bytes, [b"ab", b"ab"])["length"] == {"min": 2, "max": 2, "mean": 2.0}
    assert document(fs.Array[fs.Int64], [[1, 2], None, []]) == {
        "count": 2,
        "nulls": 1,
        "length": {"min": 0, "max": 2, "mean": 1.0},
    }


@pytest.mark.parametrize(("data_type", "values"), [(fs.Int64, [4, 5]), (fs.Date, [NOON.date()]), (fs.Float64, [0.5])])
def test_private_columns_show_counts_only(data_type: DataType, values: list[Any]) -> None:
    found = document(data_type, values, private=True)
    assert set(found) == {"count", "nulls", "distinct"}


def test_distinct_values_are_counted_up_to_a_limit() -> None:
    assert document(fs.Int64, range(MOST_DISTINCT), range(MOST_DISTINCT))["distinct"] == MOST_DISTINCT
    assert document(fs.Int64, range(MOST_DISTINCT), [-1])["distinct"] == f"more than {MOST_DISTINCT}"


def test_a_column_of_nulls_and_an_empty_one_have_no_values_to_show() -> None:
    assert document(fs.Int64, [None]) == {"count": 0, "nulls": 1, "distinct": 0}
    assert document(fs.String) == {"count": 0, "nulls": 0, "distinct": 0}
