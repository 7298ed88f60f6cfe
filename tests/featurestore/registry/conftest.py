"""A small project's records; tests vary them with `dataclasses.replace`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from featurestore.registry import (
    ApplyDraft,
    BindingRecord,
    BuildRecord,
    DefinitionRecord,
    GroupRecord,
    Writer,
    open_writer,
)

NOON = datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "not yet made" / "registry #1?.db"


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    with open_writer(path) as opened:
        yield opened


@pytest.fixture
def spend() -> DefinitionRecord:
    return DefinitionRecord(
        project="shop",
        kind="feature",
        name="spend",
        version="v1",
        logic="1" * 64,
        metadata="2" * 64,
        document={"sum": "amount", "over": "7d", "nested": [1, None, {"a": 0.5}]},
        metadata_document={"owner": "café 🧡", "tags": []},
        source_text='def spend(orders):\n    """Spending."""\n',
        file="features/spend.py",
        line=12,
        inputs=("source:orders@v1", "entity:customer@v1"),
    )


@pytest.fixture
def draft(spend: DefinitionRecord) -> ApplyDraft:
    return ApplyDraft(
        project="shop",
        expected_revision=0,
        at=NOON,
        who="ann",
        message="first features",
        code_version="0.1.0",
        git_commit="c0ffee",
        git_dirty=True,
        definitions=(
            spend,
            DefinitionRecord(
                project="shop",
                kind="source",
                name="orders",
                version="v1",
                logic="3" * 64,
                metadata="4" * 64,
                document={},
                metadata_document={},
            ),
        ),
        groups=(
            GroupRecord(
                project="shop", id="g1", entity="customer", members=("feature:spend@v1",), schedule={"every": "1h"}
            ),
        ),
        bindings=(
            BindingRecord(
                project="shop", source="orders", document={"path": "a.parquet"}, columns={"amount": "Float64"}
            ),
        ),
    )


@pytest.fixture
def build() -> BuildRecord:
    return BuildRecord(
        id="b_0123456789ab",
        project="shop",
        training_set="training_set:churn@v1",
        label="label:churned@v1",
        service="service:checkout@v1",
        at=NOON,
        who="bob",
        status="complete",
        as_of=datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        rows=2**40,
        dropped=3,
        code_version="0.1.0",
        fingerprints={"feature:spend@v1": "1" * 64},
        bindings={"orders": {"path": "a.parquet"}},
        source_states={"orders": "sha256:9"},
        spine={"label": "label:churned@v1"},
        statistics={"spend": {"mean": 0.1}},
        checksums={"rows": "5"},
        packages={"duckdb": "1.2"},
        artifact="builds/b.parquet",
    )
