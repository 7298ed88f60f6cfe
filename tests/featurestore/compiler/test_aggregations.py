"""Aggregations of hostile values of every type: the engine against the oracle, within the tolerances of rule 12."""

import datetime
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal as Number
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from featurestore.compiler.vector import layout_of
from featurestore.definitions import expressions as fs
from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import Value, Values
from featurestore.definitions.features import features
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.resolved import SelectedFeature
from featurestore.definitions.sources import Source
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
    Schema,
    String,
    Timestamp,
    Vector,
)
from featurestore.errors import TypeMismatchError
from featurestore.testing.compare import same
from featurestore.testing.engine import compute
from featurestore.testing.oracle import values_at

NAN, INF = math.nan, math.inf
NOON = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)
BEGINNING = datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)
MINUTE = datetime.timedelta(minutes=1)
customer = Entity("customer", keys={"customer_id": Int64})
rows = Source("rows", table="rows", event_time="at")

Column = Sequence[object]

LISTS: Mapping[DataType, Sequence[Column]] = {
    Bool: [[True, False, None, True], [None]],
    Int32: [[2**31 - 1, -(2**31), 0, 0, None], [7], [1, 2]],
    Int64: [
        [2**53 + 1, 2**53, 2**53 + 1, None],
        [2**63 - 1, -(2**63), 2**63 - 1],
        [10**18 + 1, 10**18 + 3],
        [1, 2, 3, 4],
    ],
    Float32: [[0.5, -0.0, 0.0, NAN], [INF, 1.0, None], [3.0e38, -3.0e38, 3.0e38], [1e-40, 3e-40]],
    Float64: [
        [NAN, 1.0, NAN],
        [0.0, -0.0, None],
        [INF, 1.0, 2.0],
        [-INF, 1.0],
        [INF, INF],
        [-INF, INF],
        [-INF, 5.0, INF],
        [1e9 + 0.1, 1e9 + 0.2, 1e9 + 0.3],
        [1e200, -1e200, 0.0],
        [1e308, -1e308, 1e308],
        [1e-200, 3e-200, 0.0],
        [1e-320, 0.0],
        [1e-200, 1e200],
        [1e140, 2e140],
        [0.1] * 10,
        [1e16, 1.0, -1e16],
        [None, None],
        [42.0],
    ],
    Decimal(10, 2): [[Number("0.10"), Number("0.20"), None], [Number("99999999.99"), Number("-99999999.99")]],
    Decimal(38, 0): [[Number("8" * 38), Number(1), Number("8" * 38)], [Number(2**53 + 1), Number(2**53)]],
    Decimal(38, 38): [[Number(f"0.{'1' * 38}"), Number(f"0.{'1' * 37}2")]],
    String: [["", "a", "A", "ä", "a\u0308", None, "a", "\x1f", "'"], ["Zürich", "aarau"]],
    Bytes: [[b"", b"\x00", b"\x00\x00", None, b"\xff", b"\x00"]],
    Date: [[datetime.date(1969, 12, 31), datetime.date(2024, 2, 29), None, datetime.date(1969, 12, 31)]],
    Timestamp: [[NOON, NOON + datetime.timedelta(microseconds=1), None, NOON, BEGINNING]],
    Array[Float64]: [[[], [0.0], [-0.0], [NAN], [NAN], [1.0, 2.0], None, [None], [None, None]]],
    Array[String]: [[["a", "b"], ["ab"], ["a", "b"], [""], [], None]],
    Vector[2]: [[[1.0, 2.0], [2.0, 1.0], [0.0, -0.0], [-0.0, 0.0], None, [NAN, 1.0], [NAN, 1.0]]],
}
"""Type to the values of one customer each, oldest first."""


def selected(column: DataType, values: Mapping[str, Value | Values]) -> tuple[tuple[SelectedFeature, ...], Schema]:
    schema = {"customer_id": Int64, "at": Timestamp, "v": column, "n": Int64}
    made: Any = features(entity=customer, source=rows, every="1h", version="v1")(type("Seen", (), dict(values)))
    return define([made], {"rows": schema}, Settings()).select([made]), schema


def tabled(lists: Sequence[Column]) -> list[dict[str, object]]:
    """A row per value, a minute apart, the last one at noon."""
    return [
        {"customer_id": number, "at": NOON - MINUTE * (len(values) - 1 - place), "v": value, "n": place}
        for number, values in enumerate(lists)
        for place, value in enumerate(values)
    ]


def differences(
    lists: Sequence[Column], column: DataType, values: Mapping[str, Value | Values], folder: Path
) -> list[tuple[object, ...]]:
    """Where the engine differs: customer, feature, what is right, what was given."""
    found, schema = selected(column, values)
    table = tabled(lists)
    spine = [{"customer_id": number, "t": NOON} for number in range(len(lists))]
    wanted = values_at(found, spine, {"rows": table}, time="t")
    given = compute(found, spine, {"rows": table}, {"rows": schema}, time="t", folder=folder)
    return [
        (right["customer_id"], name, right[name], is_[name])
        for right, is_ in zip(wanted, given, strict=True)
        for name in right
        if not (same(right[name], is_[name]) or close(name, lists, right, is_[name]))
    ]


def close(name: str, lists: Sequence[Column], right: Mapping[str, Any], given: Any) -> bool:
    """Within 1e-9 of the greatest input, of a standard deviation, percentile or mean."""
    if name.partition("_")[0] not in {"std", "half", "quarter", "most", "mean"} or not isinstance(given, float):
        return False
    sizes = [abs(Fraction(one)) for one in lists[right["customer_id"]] if isinstance(one, int | float | Number)
             and math.isfinite(one)]  # fmt: skip
    return math.isfinite(given) and abs(Fraction(given) - Fraction(right[name])) <= max(sizes) / 10**9


ANY: Mapping[str, Value | Values] = {
    "distinct": fs.count_distinct("v", over=["1h", "2m"]),
    "about": fs.approx_distinct("v"),
    "even": fs.count_distinct("v", where=fs.col("n") < 2),
    "before": fs.approx_distinct("v", over="1h", ago="2m"),
}
SCALARS: Mapping[str, Value | Values] = {
    "recent": fs.last_n("v", 3, over=["1h", "2m"]),
    "everything": fs.last_n("v", 999_999),
    "newest": fs.last_n("v", 1, where=fs.col("n") < 2),
    "earlier": fs.last_n("v", 2, ago="2m"),
}
NUMBERS: Mapping[str, Value | Values] = {
    "std": fs.std("v", over=["1h", "2m"]),
    "std_of": fs.std("v", where=fs.col("n") < 2),
    "least": fs.percentile("v", 0.0),
    "half": fs.percentile("v", 0.5, over=["1h", "2m"], ago=["0s", "1m"]),
    "quarter": fs.percentile("v", 0.25),
    "most": fs.percentile("v", 0.9, where=fs.col("n") < 2),
    "greatest": fs.percentile("v", 1.0),
}


@pytest.mark.parametrize("column", LISTS, ids=str)
def test_values_of_a_type_are_aggregated_as_the_oracle_says(column: DataType, tmp_path: Path) -> None:
    wanted = {**ANY}
    if column.name not in {"Array", "Vector"}:
        wanted |= SCALARS
    if column.is_numeric:
        wanted |= NUMBERS
    assert differences(LISTS[column], column, wanted, tmp_path) == []


def test_a_standard_deviation_is_that_of_the_deviations_and_not_of_the_squares(tmp_path: Path) -> None:
    found, schema = selected(Float64, {"std": fs.std("v")})
    table = tabled([[1e9 + place % 2 * 1e-3 for place in range(1000)]])
    (given,) = compute(
        found, [{"customer_id": 0, "t": NOON}], {"rows": table}, {"rows": schema}, time="t", folder=tmp_path
    )
    assert given["std"] == pytest.approx(5e-4, rel=1e-3)


@pytest.mark.parametrize("given", [[NAN, INF, 1.0], [INF, 1.0, 2.0], [INF, -INF, 3.0], [1.0, NAN, -INF]], ids=str)
def test_the_order_of_nan_and_infinities_changes_nothing(given: list[object], tmp_path: Path) -> None:
    turns = [given[start:] + given[:start] for start in range(3)] + [given[::-1]]
    wanted = {"sum": fs.sum("v"), "mean": fs.mean("v"), "least": fs.min("v"), "most": fs.max("v"), "std": fs.std("v")}
    assert differences(turns, Float64, wanted, tmp_path) == []


def test_means_of_integers_come_from_exact_sums_and_only_a_final_sum_overflows(tmp_path: Path) -> None:
    top = 2**63 - 1
    lists: list[Column] = [[top, top, -top], [top, 1, -1, -1], [-top, -top, top, top], [2**53 + 1, 0, 0]]
    assert differences(lists, Int64, {"sum": fs.sum("v"), "mean": fs.mean("v")}, tmp_path) == []


def test_the_newest_values_are_told_apart_by_the_columns_that_the_feature_reads(tmp_path: Path) -> None:
    found, schema = selected(Float64, {"recent": fs.last_n("v", 4), "other": fs.last_n("v", 2, where=fs.col("n") > 0)})
    values: list[tuple[float | None, int]] = [(1.0, 1), (NAN, 1), (None, 3), (-0.0, 2), (5.0, 2), (INF, 0)]
    table = [{"customer_id": 0, "at": NOON, "v": value, "n": number} for value, number in values]
    for given in (table, table[::-1]):
        (right,) = values_at(found, [{"customer_id": 0, "t": NOON}], {"rows": given}, time="t")
        (is_,) = compute(
            found, [{"customer_id": 0, "t": NOON}], {"rows": given}, {"rows": schema}, time="t", folder=tmp_path
        )
        assert same(right["recent"], is_["recent"])
        assert same(right["recent"], [NAN, INF, 5.0, 1.0])
        assert same(right["other"], is_["other"])
        assert same(right["other"], [5.0, -0.0])


@pytest.mark.parametrize("column", [Array[Int64], Vector[2]], ids=str)
def test_an_array_holds_no_arrays(column: DataType) -> None:
    found, _ = selected(column, {"recent": fs.last_n("v", 2)})
    with pytest.raises(TypeMismatchError, match=r"last_n\(\) of .* does not exist") as caught:
        layout_of(found)
    assert caught.value.hint == "An array holds scalars: take last(), or the items out of it in a transformation."


def test_pivots_aggregate_each_by_itself(tmp_path: Path) -> None:
    wanted = {
        "distinct": fs.count_distinct("v", over=["1h"]).by("n", [0, 1]),
        "half": fs.percentile("v", 0.5).by("n", [0, 1]),
        "recent": fs.last_n("v", 2, over=["1h", "1m"]).by("n", [0, 1]),
        "std": fs.std("v").by("n", [0]),
    }
    assert differences([[1.0, 2.0], [None, 3.0], [4.0]], Float64, wanted, tmp_path) == []
