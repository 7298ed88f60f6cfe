"""Asserts of the shipped examples explain themselves, as those of a test file do."""

import pytest

pytest.register_assert_rewrite("featurestore.testing.examples")
