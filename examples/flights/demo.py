"""The main job, from definitions to served predictions, on the flights that left New York in 2013.

`make demo` runs it. Each command is printed before it runs. The last line is one JSON object with the figures. It fails
if a single value is served otherwise than it was trained on.
"""

import json
import pickle
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import groupby
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import featurestore as fs
from comparison import Comparison, compare, places_of
from featurestore_serving.client import FeatureClient
from prepare import prepare
from train import Result, auc, train
from walk import SERVE, Answer, Questions, Stop, in_process, questions, serving, timetable, walk

HERE = Path(__file__).parent
LEAKY = HERE / "leaky"
TRAINING_SET, SERVICE, MODEL = "late_flights", "delays@v1", "lateness"
LABEL, TIME = "late", "scheduled_departure"
BASELINE = ("hour", "carrier", "origin", "dest", "distance")
KEY = ("scheduled_departure", "carrier", "flight", "origin")
LABEL_COLUMNS = {"scheduled_departure", "carrier", "flight", "tailnum", "origin", "dest", "distance", "hour", "late"}

WALK_FROM = datetime(2013, 10, 15, 0, 15, tzinfo=UTC)  # a quarter past midnight, when all groups are due
WALK_TO = WALK_FROM + timedelta(days=11)
SINGLE = 10  # one flight of so many is asked for alone as well
SHOWN = 10


def main() -> None:
    """Runs the demonstration."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))  # so that what was started is stopped as well
    clock = Clock()
    prepare(HERE / "data")
    clock.done("prepare")

    print("1. Definitions, planned and applied; a training set of what was known about each flight before it left.\n")
    start_anew(HERE)
    featurestore("plan", project=HERE)
    record = built(HERE)
    build = Path(record["artifact"])
    features = features_of(build)
    clock.done("build")

    print(f"\n2. A model of {record['rows']:,} flights: does it arrive more than 15 minutes late? Split by time.\n")
    model = train(build, [*BASELINE, *features], LABEL, TIME)
    baseline = train(build, BASELINE, LABEL, TIME)
    describe(f"schedule only ({len(BASELINE)} columns)", baseline)
    describe(f"with {len(features)} features", model)
    manifest = registered(model, baseline, record["id"])
    clock.done("train")

    print("\n3. A walk in time: run what is due, ask for the flights until something is due again, compare.\n")
    walked = walk_through(build, manifest, model, features)
    clock.done("walk")

    print("\n4. What is made of the visibility at an airport, and what the model is made of.\n")
    featurestore("lineage", "down", "weather.visib", project=HERE)
    featurestore("lineage", "models", "weather.visib", project=HERE)
    featurestore("lineage", "up", f"model:{MODEL}@v1", "--direct-only", project=HERE, lines=SHOWN)
    clock.done("lineage")

    print("\n5. The same definitions in a project that forgets when rows became known, beside it.\n")
    leaky, changed = leaked(build, features)
    clock.done("leaky")

    figures = {
        "rows": record["rows"],
        "features": len(features),
        "auc": round(model.auc, 4),
        "auc_baseline": round(baseline.auc, 4),
        "auc_leaky": round(leaky.auc, 4),
        "changed_by_leak": round(changed, 4),
        **walked,
        "seconds": clock.seconds,
    }
    print(f"\n{json.dumps(figures)}")


# --- commands -----------------------------------------------------------------------------------------------------


def featurestore(*arguments: str, project: Path, lines: int | None = None) -> None:
    """Runs a command in a project, after printing it as a person would type it.

    Args:
        arguments: The command's words.
        project: The folder that it runs in.
        lines: How much of what it says is printed; all if None.
    """
    echo("featurestore", *arguments, project=project)
    said = subprocess.run(  # noqa: S603 - a line of our own
        [sys.executable, "-m", "featurestore", *arguments],
        cwd=project,
        check=True,
        stdout=None if lines is None else subprocess.PIPE,
        text=True,
    ).stdout
    shown = (said or "").splitlines()
    for line in shown[:lines]:
        print(line)
    if lines and len(shown) > lines:
        print(f"  … and {len(shown) - lines} lines more")


def echo(*words: str, project: Path) -> None:
    """Prints a command, and where it runs."""
    place = project.relative_to(Path.cwd()) if project.is_relative_to(Path.cwd()) else project
    print(f"{place}$ {shlex.join(words)}", flush=True)


def start_anew(project: Path) -> None:
    """Removes what an earlier demonstration has left: registry, builds and online store."""
    if (project / ".featurestore").exists():
        echo("rm", "-r", ".featurestore", project=project)
        shutil.rmtree(project / ".featurestore")


def built(project: Path, lines: int | None = None) -> dict[str, Any]:
    """Applies a project and builds its training set; returns the record of the build."""
    featurestore("apply", "--yes", "-m", "what is known about a flight before it leaves", project=project, lines=lines)
    featurestore("training-set", "build", TRAINING_SET, project=project, lines=lines)
    listed = subprocess.run(
        [sys.executable, "-m", "featurestore", "training-set", "list", "--json"],
        cwd=project,
        check=True,
        capture_output=True,
        text=True,
    )
    newest: dict[str, Any] = json.loads(listed.stdout)[0]
    return newest


# --- the model ----------------------------------------------------------------------------------------------------


def features_of(build: Path) -> list[str]:
    """The columns of a build that are features."""
    return [name for name in pq.read_schema(build).names if name not in LABEL_COLUMNS]


def describe(name: str, result: Result) -> None:
    """One line per model."""
    print(f"  {name:<42} AUC {result.auc:.4f}   {result.rows_train:,} rows to learn, {result.rows_test:,} to test")


def registered(model: Result, baseline: Result, build_id: str) -> Path:
    """Writes the model, and registers it with the build that it was trained on; returns its manifest."""
    folder = Path(".featurestore") / "laptop" / "models"
    artifact, manifest = folder / f"{MODEL}-v1.pkl", folder / f"{MODEL}-v1.json"
    (HERE / folder).mkdir(parents=True, exist_ok=True)
    (HERE / artifact).write_bytes(pickle.dumps(model.model))
    print()
    featurestore(
        *("model", "register", MODEL, "--version", "v1", "--training-build", build_id),
        *("--metric", f"auc={model.auc:.4f}", "--metric", f"auc_baseline={baseline.auc:.4f}"),
        *("--artifact", str(artifact), "--manifest", str(manifest)),
        project=HERE,
    )
    return HERE / manifest


# --- the walk -----------------------------------------------------------------------------------------------------


def walk_through(build: Path, manifest: Path, model: Result, features: Sequence[str]) -> dict[str, Any]:
    """Walks, compares and predicts; returns the figures.

    Raises:
        SystemExit: a value is served otherwise than it was trained on, or too few were compared.
    """
    trained = pq.read_table(build, filters=(pc.field(TIME) >= WALK_FROM) & (pc.field(TIME) < WALK_TO))
    flights = trained.select([name for name in trained.column_names if name in LABEL_COLUMNS])
    echo("featurestore", *SERVE, project=HERE)
    with (
        serving(HERE) as address,
        FeatureClient(address, manifest=manifest) as server,
        fs.open_project(HERE) as project,
        in_process(project, manifest) as local,
    ):
        table = timetable(project.definitions.groups, WALK_FROM, WALK_TO)
        print(f'>>> client = FeatureClient("{address}", manifest="{manifest.name}")')
        print(f">>> project.materialize(groups, until=due)                    # at each of {len(table) - 1} due times")
        print(f'>>> client.get("{SERVICE}", entities, request_values=…, at=…)  # for the flights until the next one')
        asked = questions(server, SERVICE, flights, TIME)
        stops = told(walk(project, asked, table, server=server, local=local, single=SINGLE))
    return judged(stops, asked, trained, model, features)


def told(walked: Iterable[Stop]) -> list[Stop]:
    """All stops; a line is printed for each day's."""
    stops: list[Stop] = []
    for day, some in groupby(walked, key=lambda stop: stop.due.date()):
        of_day = list(some)
        stops += of_day
        runs = [run for stop in of_day for run in stop.runs]
        full = sum(run.mode != "changed" for run in runs)
        print(
            f"  {day}  {len(runs):>3} runs ({full} full), {sum(run.changed or 0 for run in runs):>6,} rows written in "
            f"{sum(stop.seconds for stop in of_day):4.1f} s;  {sum(len(one.places) for one in batches(of_day)):>5,} "
            f"vectors in batches, {sum(len(stop.single) for stop in of_day):>3} singly",
            flush=True,
        )
    return stops


def batches(stops: Iterable[Stop]) -> list[Answer]:
    """The replies to the batches."""
    return [stop.batch for stop in stops if stop.batch is not None]


def judged(
    stops: Sequence[Stop], asked: Questions, trained: pa.Table, model: Result, features: Sequence[str]
) -> dict[str, Any]:
    """Compares all that was served with the training set, prints what came of it, and returns the figures."""
    served = asked.answered(batches(stops))
    single = [one for stop in stops for one in stop.single]
    local = [one for stop in stops for one in stop.local]
    tables = {"in batches": served, "singly": asked.answered(single), "in process": asked.answered(local)}
    print()
    found = []
    for way, table in tables.items():
        found.append(compare(table, trained, key=KEY, time=TIME, features=features))
        counts = ", ".join(f"{status} {count:,}" for status, count in found[-1].statuses.most_common())
        print(f"  {way:<10} {found[-1].vectors:>6,} vectors, {found[-1].compared:>7,} values: {counts}")
    whole: Comparison = reduce(add, found)
    print(f"  {whole.compared:,} values compared with the training set, {len(whole.differences):,} differ.")
    insist(whole, {way: table.num_rows for way, table in tables.items()}, trained.num_rows)

    scores = model.model.scores(served)
    if not np.array_equal(scores, model.model.scores(trained.take(places_of(served, trained, KEY)))):
        sys.exit("Predictions from served values are others than those from the training set.")
    area = auc(scores, served[LABEL])
    print(f"  {len(scores):,} predictions from served values are those from the training set: AUC {area:.4f}.")
    milliseconds = {"grpc": spread(single), "in_process": spread(local)}
    for way, (middle, high) in milliseconds.items():
        print(f"  one vector, {way:<10}  p50 {middle} ms, p99 {high} ms")
    parts: Counter[str] = reduce(add, (Counter(stop.parts) for stop in stops))
    return {
        "compared": whole.compared,
        "differ": len(whole.differences),
        "statuses": dict(whole.statuses.most_common()),
        "vectors": {way.replace(" ", "_"): table.num_rows for way, table in tables.items()},
        "auc_served": round(area, 4),
        "due_times": len(stops),
        "runs": sum(len(stop.runs) for stop in stops),
        "run_seconds": {part: round(seconds, 1) for part, seconds in parts.most_common()},
        "milliseconds": {way: {"p50": middle, "p99": high} for way, (middle, high) in milliseconds.items()},
    }


def insist(found: Comparison, vectors: Mapping[str, int], flights: int) -> None:
    """Ends the demonstration where values differ, or where too little was compared for the comparison to mean much.

    Raises:
        SystemExit: it says what is the matter.
    """
    if found.differences:
        shown = "\n".join(f"  {one}" for one in found.differences[:SHOWN])
        sys.exit(
            f"{len(found.differences):,} values were served otherwise than trained on, the first of them:\n{shown}"
        )
    if vectors["in batches"] != flights or flights < 10_000 or vectors["singly"] < 1_000:
        sys.exit(f"Of {flights:,} flights {vectors} were asked for: too few.")
    if found.statuses["PRESENT"] < 0.5 * found.compared:
        sys.exit(f"Hardly any value was there to be compared: {dict(found.statuses)}")


def spread(answers: Iterable[Answer]) -> tuple[float, float]:
    """The median and the 99th percentile of how long replies took, in milliseconds."""
    middle, high = np.percentile([1000 * answer.seconds for answer in answers], [50, 99])
    return round(float(middle), 2), round(float(high), 2)


# --- the leak -----------------------------------------------------------------------------------------------------


def leaked(honest: Path, features: Sequence[str]) -> tuple[Result, float]:
    """The model of the project that looks ahead, and the share of its feature values that are others."""
    start_anew(LEAKY)
    build = Path(built(LEAKY, lines=0)["artifact"])
    result = train(build, [*BASELINE, *features], LABEL, TIME)
    changed = share_changed(honest, build)
    describe("with features that look ahead", result)
    print(f"  {changed:.2%} of the feature values differ: they saw delays of flights that were still in the air.")
    return result, changed


def share_changed(honest: Path, leaky: Path) -> float:
    """The share of feature values that differ between two builds, over the rows that both have."""
    names = features_of(honest)
    left, right = (pq.read_table(path).sort_by([(key, "ascending") for key in KEY]) for path in (honest, leaky))
    if left.select(KEY) != right.select(KEY):
        sys.exit("The two projects built different rows.")
    changed = sum(changed_values(left.column(name), right.column(name)) for name in names)
    return float(changed / (left.num_rows * len(names)))


def changed_values(left: pa.ChunkedArray, right: pa.ChunkedArray) -> int:
    """How many values differ; null equals null."""
    same = pc.fill_null(pc.equal(left, right), pc.and_(left.is_null(), right.is_null()))
    return len(left) - int(pc.sum(same).as_py() or 0)


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
    main()
