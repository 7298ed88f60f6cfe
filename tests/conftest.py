"""Options of the test suite. Asserts of what ships for tests explain themselves, as those of a test file do."""

import pytest

pytest.register_assert_rewrite(
    "featurestore.testing.examples", "featurestore.testing.offline_stores", "featurestore.testing.online_stores"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--update-golden``, which writes golden files anew instead of comparing with them."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew; read the diff")
