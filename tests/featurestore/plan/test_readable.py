"""Fields of definitions read as they could have been written."""

import featurestore as fs
from featurestore.definitions.fingerprints import node_document
from featurestore.plan.readable import field_text


def test_lengths_of_time_read_as_lengths() -> None:
    assert field_text("every", 3_600_000_000) == "1h"
    assert field_text("engine", "sql") == "sql"
    assert field_text("key", ["a", "b"]) == '["a", "b"]'


def test_an_expression_reads_as_it_was_written() -> None:
    assert field_text("expression", node_document(fs.sum("amount", over="7d").node)) == "amount.sum(over=7d)"
