"""What the engine computes is what the oracle says, on generated cases."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings

from featurestore.errors import NumberOverflowError
from featurestore.testing.cases import Case, cases
from featurestore.testing.compare import agree
from featurestore.testing.engine import compute
from featurestore.testing.oracle import values_at

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)


def differences(case: Case) -> list[str]:
    """Where the engine's result differs from the oracle's; an overflow must be an overflow in both."""
    try:
        expected = values_at(case.features, case.spine, case.tables, time=case.time)
    except NumberOverflowError:
        event("overflow")
        with pytest.raises(NumberOverflowError):
            computed(case)
        return []
    return agree(expected, computed(case), case.features, case.tables)


def computed(case: Case) -> list[dict[str, Any]]:
    """The engine's result, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return compute(case.features, case.spine, case.tables, case.schemas, time=case.time, folder=Path(folder))


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=SLOW)
@given(cases())
def test_the_engine_agrees_with_the_oracle(case: Case) -> None:
    assert differences(case) == []


@pytest.mark.long
@settings(max_examples=10_000, deadline=None, suppress_health_check=SLOW)
@given(cases())
def test_the_engine_agrees_with_the_oracle_on_many_cases(case: Case) -> None:
    assert differences(case) == []
