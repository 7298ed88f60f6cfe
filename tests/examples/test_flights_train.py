import importlib.util
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "flights" / "train.py"
START = datetime(2013, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    pytest.importorskip("sklearn", reason="needs scikit-learn: pip install 'featurestore[demo]'")
    spec = importlib.util.spec_from_file_location("flights_train", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """401 rows, one an hour: `number` and `word` tell the label, `noise` does not; the last row has none."""
    import pyarrow as pa
    import pyarrow.parquet

    rows = range(401)
    labels = [row * 7 % 10 < 3 for row in rows]
    table = pa.table(
        {
            "at": pa.array([START + timedelta(hours=row) for row in rows], pa.timestamp("us", tz="UTC")),
            "number": [None if row % 11 == 0 else int(label) for row, label in zip(rows, labels, strict=True)],
            "word": [f"only-{row}" if row > 350 else str(label) for row, label in zip(rows, labels, strict=True)],
            "noise": [row * row % 13 for row in rows],
            "late": [*labels[:-1], None],
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "build.parquet")
    return tmp_path / "build.parquet"


def test_the_first_three_quarters_of_the_time_train_and_the_rest_tests(script: ModuleType, build: Path) -> None:
    result = script.train(build, ["number"], "late", "at")
    assert result.split == START + timedelta(hours=0.75 * 399)
    assert (result.rows_train, result.rows_test) == (300, 100)


def test_a_feature_that_tells_the_label_ranks_better_than_one_that_does_not(script: ModuleType, build: Path) -> None:
    assert script.train(build, ["number"], "late", "at").auc > 0.9
    assert script.train(build, ["noise"], "late", "at").auc < 0.7


def test_strings_never_seen_in_training_are_missing_values(script: ModuleType, build: Path) -> None:
    assert 0.6 < script.train(build, ["word"], "late", "at").auc < 1


def test_the_same_rows_in_another_order_give_the_same_result(script: ModuleType, tmp_path: Path) -> None:
    """280 equally frequent codes are more than the model takes: which ones it takes must not hang on the order."""
    import pyarrow as pa
    import pyarrow.parquet

    rows = range(6000)
    table = pa.table(
        {
            "at": [START + timedelta(hours=row) for row in rows],
            "code": [f"code-{row % 280}" for row in rows],
            "late": [row % 280 % 3 == 0 for row in rows],
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    pyarrow.parquet.write_table(table.take(list(reversed(rows))), tmp_path / "reversed.parquet")
    result = script.train(tmp_path / "rows.parquet", ["code"], "late", "at")
    assert script.train(tmp_path / "reversed.parquet", ["code"], "late", "at") == result


def test_a_time_is_not_taken_for_a_feature(script: ModuleType, build: Path) -> None:
    with pytest.raises(NotImplementedError, match="timestamp"):
        script.train(build, ["at"], "late", "at")
