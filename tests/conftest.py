"""Options of the test suite."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--update-golden``, which writes golden files anew instead of comparing with them."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew; read the diff")
