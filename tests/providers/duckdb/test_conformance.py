"""DuckDB keeps the promises of an offline store."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from featurestore.definitions.sources import Binding
from featurestore.definitions.types import Schema
from featurestore.testing.engine import written
from featurestore.testing.offline_stores import OfflineStoreSuite
from featurestore.testing.oracle import Row
from featurestore_duckdb import provider


class TestDuckDB(OfflineStoreSuite):
    provider = provider
    generated_cases = 150

    def load(self, root: Path, name: str, rows: Sequence[Row], schema: Schema) -> Binding:
        return written(name, rows, schema, root, files=2)

    @pytest.mark.long
    def test_many_generated_cases_agree_with_the_oracle(self, tmp_path: Path) -> None:
        self.hunt(tmp_path, 10_000, derandomize=False)
