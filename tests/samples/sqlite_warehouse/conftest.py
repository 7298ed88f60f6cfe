"""The sample is found as if it were installed: its folder holds the package, and what says that it is a provider."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("featurestore.testing.offline_stores", "featurestore.testing.examples")
