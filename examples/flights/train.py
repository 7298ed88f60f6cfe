"""Trains a model on a training set that was built from features, and says how well it ranks flights it has not seen."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

TRAINED_SHARE = 0.75
MOST_CATEGORIES = 255  # what the histogram of one column can hold


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """A trained model, and what it must know of the columns that it reads. It can be pickled.

    Args:
        strings: Column to the strings that the model knows, in the order of its categories; None for other columns.
        classifier: The classifier of scikit-learn.
    """

    strings: Mapping[str, Sequence[str] | None]
    classifier: Any

    def scores(self, rows: pa.Table) -> np.ndarray:
        """How likely the label is true, for each row; `rows` has all columns of the model, and may have others."""
        inputs = {name: model_input(rows[name], strings) for name, strings in self.strings.items()}
        scores: np.ndarray = self.classifier.predict_proba(pd.DataFrame(inputs))[:, 1]
        return scores


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """How well a model does on the time after the one it was trained on.

    Args:
        auc: Area under the ROC curve over the test rows: 0.5 is guessing, 1 is perfect.
        rows_train: Rows before `split`.
        rows_test: Rows from `split` on.
        split: The moment that parts them.
        model: The model itself.
    """

    auc: float
    rows_train: int
    rows_test: int
    split: datetime
    model: Model = dataclasses.field(compare=False, repr=False)


def train(build: Path, features: Sequence[str], label: str, time: str) -> Result:
    """Train on the first three quarters of the time, test on the last.

    Nulls in features are left to the model; rows without a label take no part. The same rows, in whatever order, give
    the same result.

    Args:
        build: A Parquet file or folder of them: one row per label row.
        features: The columns to learn from: numbers, booleans or strings.
        label: The boolean column to predict.
        time: The column with the rows' time.
    """
    columns = list(dict.fromkeys([time, *features, label]))
    rows = pq.read_table(build, columns=columns)
    rows = rows.filter(pc.is_valid(rows[label])).sort_by([(name, "ascending") for name in columns])
    times = rows[time].to_pandas()
    split = times.min() + TRAINED_SHARE * (times.max() - times.min())
    past = (times < split).to_numpy()
    before, after = rows.filter(pa.array(past)), rows.filter(pa.array(~past))
    strings = {name: known_strings(before[name]) for name in features}
    inputs = pd.DataFrame({name: model_input(before[name], known) for name, known in strings.items()})
    classifier = HistGradientBoostingClassifier(
        categorical_features="from_dtype", learning_rate=0.2, max_iter=50, early_stopping=False, random_state=0
    )
    model = Model(strings, classifier.fit(inputs, before[label].to_numpy()))
    return Result(
        auc=auc(model.scores(after), after[label]),
        rows_train=before.num_rows,
        rows_test=after.num_rows,
        split=split.to_pydatetime(),
        model=model,
    )


def auc(scores: np.ndarray, labels: pa.ChunkedArray) -> float:
    """Area under the ROC curve."""
    return float(roc_auc_score(labels.to_numpy(), scores))


def known_strings(column: pa.ChunkedArray) -> list[str] | None:
    """The most frequent strings of a column; None if it holds no strings."""
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return None
    frequent: list[str] = column.to_pandas().value_counts().index[:MOST_CATEGORIES].to_list()
    return frequent


def model_input(column: pa.ChunkedArray, known: Sequence[str] | None) -> pd.Series:
    """The column as the model takes it: floats, or the `known` strings as categories.

    Null and any other string are missing values to the model. A column of times is an error.
    """
    if known is None:
        return pd.Series(column.cast(pa.float64()).to_numpy())
    strings = column.to_pandas()
    return pd.Series(strings.where(strings.isin(known)), dtype=pd.CategoricalDtype(list(known)))
