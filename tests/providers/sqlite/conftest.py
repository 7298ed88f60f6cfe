"""Asserts of the shipped suite explain themselves, as those of a test file do."""

import pytest

pytest.register_assert_rewrite("featurestore.testing.online_stores")
