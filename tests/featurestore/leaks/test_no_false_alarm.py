"""Correct definitions give no leak: generated ones, the template, the example."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings

from featurestore.compiler.vector import layout_of
from featurestore.definitions.resolved import is_timed
from featurestore.leaks import Effort, LeakReport, check_leaks
from featurestore.spi.providers import open_offline
from featurestore.testing.cases import Case, cases
from featurestore.testing.engine import written

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)


def report(case: Case) -> LeakReport:
    """The check on a case's features, over files of its rows."""
    layout = layout_of(case.features)
    stored = list(dict.fromkeys(slot.feature for slot in layout.slots))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = open_offline("duckdb", {}, folder, folder, "the test's store")
        try:
            bindings = {name: written(name, rows, case.schemas[name], folder) for name, rows in case.tables.items()}
            return check_leaks(stored, [], store, bindings, Effort(boundaries=2, entities=3))
        finally:
            store.close()


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=SLOW)
@given(cases())
def test_generated_features_do_not_leak(case: Case) -> None:
    found = report(case)
    event("values were compared" if found.values else "nothing to compare")
    # An overflow of a sum is an error with good reason, whatever the future holds.
    assert [one for one in found.leaks if "fit" not in one.message] == []
    untimed = any(not is_timed(slot.feature.table) for slot in layout_of(case.features).slots)
    assert any(one.kind == "untimed" for one in found.warnings) == untimed


@pytest.mark.long
@settings(max_examples=2_000, deadline=None, suppress_health_check=SLOW)
@given(cases())
def test_many_generated_features_do_not_leak(case: Case) -> None:
    assert [one for one in report(case).leaks if "fit" not in one.message] == []
