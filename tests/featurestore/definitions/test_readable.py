"""The text of an expression is what could have been written."""

import datetime
from decimal import Decimal
from typing import Any

import pytest

import featurestore as fs
from featurestore.definitions.expressions import feature_value
from featurestore.definitions.fingerprints import node_document
from featurestore.definitions.readable import document_text, expression_text

a, b, c = map(fs.col, "abc")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (
            a.sum(over="1w", where=b == "food") / a.sum(over="90d"),
            "a.sum(over=7d, where=b == 'food') / a.sum(over=90d)",
        ),
        (fs.count(), "count()"),
        (fs.count(over="36h", ago="1d"), "count(over=1d12h, ago=1d)"),
        ((a * b).sum(), "(a * b).sum()"),
        (a + b * c, "a + b * c"),
        ((a + b) * c, "(a + b) * c"),
        (a - b - c, "a - b - c"),
        (a - (b - c), "a - (b - c)"),
        (a / (b * c), "a / (b * c)"),
        (-(a + b), "-(a + b)"),
        (-a + b, "-a + b"),
        ((a > 1) & ~(b < 2) | c, "(a > 1) & ~(b < 2) | c"),
        ((a | b) & c, "(a | b) & c"),
        ((a == b) == c, "(a == b) == c"),
        (a.is_null(), "a.is_null()"),
        ((a + 1).is_in([1, -2]), "(a + 1).is_in(1, -2)"),
        (a.fill_null(b"x"), "a.fill_null(b'x')"),
        (fs.lit(1).fill_null(2), "(1).fill_null(2)"),
        (a.cast(fs.Decimal(10, 2)), "a.cast(Decimal(10, 2))"),
        (fs.when(a > 0.5, a, 0), "when(a > 0.5, a, 0)"),
        (fs.last("net amount", ttl="1d", ignore_nulls=True), "col('net amount').last(ttl=1d, ignore_nulls=True)"),
        (fs.percentile("a", 0.5, over="1d"), "a.percentile(0.5, over=1d)"),
        (fs.last_n("a", 3), "a.last_n(3)"),
        (a > Decimal("-1.50"), "a > -1.50"),
        (a == datetime.date(2024, 2, 29), "a == 2024-02-29"),
        (a == datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC), "a == 2024-02-29 12:00:00+00:00"),
        (a == datetime.datetime(1969, 1, 1, 12), "a == 1969-01-01 12:00:00+00:00"),  # noqa: DTZ001 - naive on purpose
        (a & True, "a & True"),
        (a // b % 2, "a // b % 2"),
        (a // (b * c), "a // (b * c)"),
        ((a + 1).abs(), "(a + 1).abs()"),
        (a.round(2), "a.round(2)"),
        (a.least(b, 0), "a.least(b, 0)"),
        (a.strip().substring(0, 3), "a.strip(' ').substring(0, 3)"),
        (a.replace("-", ""), "a.replace('-', '')"),
        (a.concat("-", b), "a.concat('-', b)"),
        (a.plus("90m").truncate("1w"), "a.plus(1h30m).truncate(7d)"),
        (a.minus(datetime.timedelta(seconds=1)).hour(), "a.minus(1s).hour()"),
        (feature_value("day") - feature_value("week"), "day - week"),
    ],
    ids=str,
)
def test_an_expression_reads_as_it_is_written(expression: Any, text: str) -> None:
    assert expression_text(expression.node) == text
    assert document_text(node_document(expression.node)) == text


def test_a_naive_time_that_is_registered_already_still_reads() -> None:
    document = {"literal": {"datetime": ["-31492800000000", 0]}, "type": "Timestamp"}
    assert document_text(document) == "1969-01-01 12:00:00"
