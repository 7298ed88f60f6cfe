"""A small project's records; tests vary them with `dataclasses.replace`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from featurestore.registry import (
    ApplyDraft,
    BindingRecord,
    BuildRecord,
    DefinitionRecord,
    GroupRecord,
    LedgerEntry,
    LineageEdge,
    ModelRecord,
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


@pytest.fixture
def edges() -> tuple[LineageEdge, ...]:
    return (
        LineageEdge(upstream="column:orders.amount", downstream="column:paid_orders.amount", via="amount"),
        LineageEdge(
            upstream="column:orders.status", downstream="column:paid_orders.amount", kind="indirect", via="status = 'ö'"
        ),
        LineageEdge(upstream="column:paid_orders.amount", downstream="feature:spend@v1", opaque=True),
    )


@pytest.fixture
def entry() -> LedgerEntry:
    return LedgerEntry(
        project="shop",
        group_id="g1",
        boundary=-1,
        token=7,
        fingerprint="6" * 64,
        kind="published",
        run_id="r1",
        started=NOON,
        finished=NOON + timedelta(seconds=9),
        who="ann",
        code_version="0.1.0",
        rows=2**40,
        changed=12,
        checksum="sha256:7",
        mode="changed",
        git_commit="c0ffee",
        git_dirty=False,
        bindings={"orders": {"path": "a.parquet"}},
        source_states={"orders": "sha256:9"},
    )


@pytest.fixture
def model() -> ModelRecord:
    """A model that was trained on no build of the registry's."""
    return ModelRecord(
        project="shop",
        name="churn",
        version="v1",
        service="service:checkout@v1",
        service_fingerprint="8" * 64,
        artifact="s3://models/churn/1",
        checksum="sha256:a",
        at=NOON,
        who="bob",
        git_commit="c0ffee",
        git_dirty=False,
        fingerprints={"feature:spend@v1": "1" * 64},
        metrics={"auc": 0.75, "folds": (0.7, 0.8)},
        parameters={"depth": 3},
        packages={"scikit-learn": "1.5"},
        edges=(LineageEdge(upstream="service:checkout@v1", downstream="model:churn@v1"),),
    )
