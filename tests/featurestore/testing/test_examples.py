"""The examples worked out by hand, answered by the oracle; stores answer them in their conformance tests."""

from featurestore.testing import examples
from featurestore.testing.offline_stores import EXAMPLES, example_cases


class TestOracle:
    """Every example is a test of the oracle."""


for name, example in vars(examples).items():
    if name.startswith("test_"):
        setattr(TestOracle, name, staticmethod(example))


def test_an_example_is_asked_of_every_store_or_only_of_the_oracle() -> None:
    named = {name for name in vars(TestOracle) if name.startswith("test_")}
    assert named == set(EXAMPLES) | examples.ORACLE_ONLY
    assert not set(EXAMPLES) & examples.ORACLE_ONLY


def test_the_cases_of_an_example_are_those_that_it_is_called_with() -> None:
    found = list(example_cases(EXAMPLES["test_a_percentile_interpolates"]))
    assert found[1] == {"q": 0.25, "expected": 15.0}
    assert list(example_cases(EXAMPLES["test_an_offset_moves_every_boundary"])) == [{}]
