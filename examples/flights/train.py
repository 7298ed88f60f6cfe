"""Trains a model on a training set that was built from features, and says how well it ranks flights it has not seen."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

TRAINED_SHARE = 0.75
MOST_CATEGORIES = 255  # what the histogram of one column can hold


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """How well a model does on the time after the one it was trained on.

    Args:
        auc: Area under the ROC curve over the test rows: 0.5 is guessing, 1 is perfect.
        rows_train: Rows before `split`.
        rows_test: Rows from `split` on.
        split: The moment that parts them.
    """

    auc: float
    rows_train: int
    rows_test: int
    split: datetime


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
    times, labels = rows[time].to_pandas(), rows[label].to_numpy()
    split = times.min() + TRAINED_SHARE * (times.max() - times.min())
    past = (times < split).to_numpy()
    inputs = pd.DataFrame({name: model_input(rows[name], past) for name in features})
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", early_stopping=False, random_state=0)
    model.fit(inputs[past], labels[past])
    scores = model.predict_proba(inputs[~past])[:, 1]
    return Result(
        auc=float(roc_auc_score(labels[~past], scores)),
        rows_train=int(past.sum()),
        rows_test=int((~past).sum()),
        split=split.to_pydatetime(),
    )


def model_input(column: pa.ChunkedArray, past: np.ndarray) -> pd.Series:
    """The column as the model takes it: floats, or the most frequent strings of the `past` rows as categories.

    Null and any other string are missing values to the model. A column of times is an error.
    """
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return pd.Series(column.cast(pa.float64()).to_numpy())
    strings = column.to_pandas()
    known = strings[past].value_counts().index[:MOST_CATEGORIES]
    return pd.Series(pd.Categorical(strings.where(strings.isin(known)), categories=known))
