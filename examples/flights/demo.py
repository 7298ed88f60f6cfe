"""The main job, from definitions to a model, on the flights that left New York in 2013.

`make demo` runs it. Each command is printed before it runs. The last line is one JSON object with the figures.
"""

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prepare import prepare
from train import Result, train

HERE = Path(__file__).parent
LEAKY = HERE / "leaky"
TRAINING_SET = "late_flights"
LABEL, TIME = "late", "scheduled_departure"
BASELINE = ("hour", "carrier", "origin", "dest", "distance")
KEY = ("scheduled_departure", "carrier", "flight", "origin")
LABEL_COLUMNS = {"scheduled_departure", "carrier", "flight", "tailnum", "origin", "dest", "distance", "hour", "late"}


def featurestore(*arguments: str, project: Path) -> dict[str, Any]:
    """Runs a command in a project, prints it as a person would type it, and returns its report."""
    print(f"\n$ cd {project.relative_to(Path.cwd()) if project.is_relative_to(Path.cwd()) else project}")
    print(f"$ featurestore {shlex.join(arguments)}", flush=True)
    command = [sys.executable, "-m", "featurestore", *arguments]
    subprocess.run(command, cwd=project, check=True)  # noqa: S603 - a line of our own
    latest = subprocess.run(
        [sys.executable, "-m", "featurestore", "training-set", "list", "--json"],
        cwd=project,
        check=True,
        capture_output=True,
        text=True,
    )
    builds: list[dict[str, Any]] = json.loads(latest.stdout)
    return builds[0] if builds else {}


def built(project: Path) -> Path:
    """Plans, applies and builds the training set of a project; returns where it lies."""
    featurestore("plan", project=project)
    featurestore("apply", "--yes", "-m", "what is known about a flight before it leaves", project=project)
    record = featurestore("training-set", "build", TRAINING_SET, project=project)
    return Path(record["artifact"])


def features_of(build: Path) -> list[str]:
    """The columns of a build that are features."""
    return [name for name in pq.read_schema(build).names if name not in LABEL_COLUMNS]


def share_changed(honest: Path, leaky: Path) -> float:
    """The share of feature values that differ between two builds, over the rows that both have."""
    names = features_of(honest)
    left, right = (pq.read_table(path).sort_by([(key, "ascending") for key in KEY]) for path in (honest, leaky))
    if left.select(KEY) != right.select(KEY):
        message = "The two projects built different rows."
        raise SystemExit(message)
    changed = sum(changed_values(left.column(name), right.column(name)) for name in names)
    return float(changed / (left.num_rows * len(names)))


def changed_values(left: pa.ChunkedArray, right: pa.ChunkedArray) -> int:
    """How many values differ; null equals null."""
    same = pc.fill_null(pc.equal(left, right), pc.and_(left.is_null(), right.is_null()))
    return len(left) - int(pc.sum(same).as_py() or 0)


def describe(name: str, result: Result) -> None:
    """One line per model."""
    print(f"  {name:<42} AUC {result.auc:.4f}   {result.rows_train:,} rows to learn, {result.rows_test:,} to test")


def main(arguments: Sequence[str]) -> None:
    """Runs the demonstration."""
    del arguments
    clock = Clock()
    prepare(HERE / "data")
    clock.done("prepare")

    print("1. The definitions, planned and applied; a training set of what was known about each flight before it left.")
    honest = built(HERE)
    rows = pq.read_metadata(honest).num_rows
    clock.done("build")

    print(f"\n2. A model of {rows:,} flights: does it arrive more than 15 minutes late? Split by time.")
    features = features_of(honest)
    with_features = train(honest, [*BASELINE, *features], LABEL, TIME)
    baseline = train(honest, BASELINE, LABEL, TIME)
    describe(f"schedule only ({len(BASELINE)} columns)", baseline)
    describe(f"with {len(features)} features", with_features)
    clock.done("train")

    print("\n3. The same definitions in a project that forgets when rows became known, beside it.")
    leaked = built(LEAKY)
    leaky_result = train(leaked, [*BASELINE, *features], LABEL, TIME)
    changed = share_changed(honest, leaked)
    describe("with features that look ahead", leaky_result)
    print(f"  {changed:.2%} of the feature values differ: they saw delays of flights that were still in the air.")
    clock.done("leaky")

    figures = {
        "rows": rows,
        "features": len(features),
        "auc": round(with_features.auc, 4),
        "auc_baseline": round(baseline.auc, 4),
        "auc_leaky": round(leaky_result.auc, 4),
        "changed_by_leak": round(changed, 4),
        "seconds": clock.seconds,
    }
    print(f"\n{json.dumps(figures)}")


class Clock:
    """How long each step took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def done(self, step: str) -> None:
        """Ends a step."""
        now = time.monotonic()
        self.seconds[step] = round(now - self._last, 1)
        self._last = now


if __name__ == "__main__":
    main(sys.argv[1:])
