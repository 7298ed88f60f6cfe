"""Asserts of the shipped suite explain themselves, as those of a test file do."""

import pytest

pytest.register_assert_rewrite("featurestore.testing.offline_stores", "featurestore.testing.examples")
