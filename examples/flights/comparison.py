"""What a server said against what a training set says: every value of the same entity at the same time."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self

import pyarrow as pa

from featurestore.testing.compare import same

WITHOUT_VALUE = frozenset({"AHEAD", "UNAVAILABLE", "ERROR"})
"""Statuses of what is no answer: it differs, also from a null."""


def status_column(feature: str) -> str:
    """The column of served values' statuses that goes with a feature's column."""
    return f"{feature}:status"


class Difference(NamedTuple):
    """A value that was served otherwise than trained on."""

    feature: str
    key: Mapping[str, Any]
    time: datetime
    served: Any
    trained: Any
    status: str

    def __str__(self) -> str:
        key = ", ".join(f"{name}={value}" for name, value in self.key.items())
        values = f"served {self.served!r} ({self.status}), trained on {self.trained!r}"
        return f"{self.feature} of {key} at {self.time:%Y-%m-%d %H:%M} UTC: {values}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """What came of comparing.

    Args:
        vectors: Rows that were compared.
        statuses: Status to the number of values that were served with it; together they are all that was compared.
        differences: The values that differ, feature by feature.
    """

    vectors: int = 0
    statuses: Counter[str] = dataclasses.field(default_factory=Counter)
    differences: tuple[Difference, ...] = ()

    @property
    def compared(self) -> int:
        """How many values were compared."""
        return self.statuses.total()

    def __add__(self, other: Self) -> "Comparison":
        """Both together."""
        return Comparison(
            vectors=self.vectors + other.vectors,
            statuses=self.statuses + other.statuses,
            differences=self.differences + other.differences,
        )


def compare(
    served: pa.Table, trained: pa.Table, *, key: Sequence[str], time: str, features: Sequence[str]
) -> Comparison:
    """Compare all features of all served rows with the trained row of the same key.

    Values are the same only if they are of one type and, floats included, equal to the last bit: none of these features
    adds up floats, so docs/semantics.md gives none a tolerance (rule 12).

    Args:
        served: The key, the features, and each feature's `status_column`.
        trained: The key and the features; rows that were not served do not matter.
        key: The columns that name a row; its time is one of them.
        time: The column of the time.
        features: The columns to compare.

    Raises:
        ValueError: a key names several trained rows, or a served row has none.
    """
    places = places_of(served, trained, key)
    rows = served.select(list(key)).to_pylist()
    found = Comparison(vectors=served.num_rows)
    for feature in features:
        statuses = served.column(status_column(feature)).to_pylist()
        cells = zip(served.column(feature).to_pylist(), trained.column(feature).take(places).to_pylist(), strict=True)
        differences = tuple(
            Difference(feature, row, row[time], given, wanted, status)
            for row, status, (given, wanted) in zip(rows, statuses, cells, strict=True)
            if status in WITHOUT_VALUE or not same(wanted, given)
        )
        found += Comparison(statuses=Counter(statuses), differences=differences)
    return found


def places_of(served: pa.Table, trained: pa.Table, key: Sequence[str]) -> pa.Array:
    """Where in `trained` the row of each served row is."""
    known = {row: place for place, row in enumerate(keys_of(trained, key))}
    wanted = keys_of(served, key)
    lost = sum(row not in known for row in wanted)
    if lost or len(known) < trained.num_rows:
        twice = trained.num_rows - len(known)
        message = f"{lost} served rows have no trained row, and {twice} trained rows are there twice."
        raise ValueError(message)
    return pa.array([known[row] for row in wanted], pa.int64())


def keys_of(table: pa.Table, key: Sequence[str]) -> list[tuple[object, ...]]:
    """The key of each row."""
    return list(zip(*(table.column(name).to_pylist() for name in key), strict=True))
