"""A walk in time: at each due time all that is due is run, then the server is asked for the flights up to the next one.

So the online store goes through the states that it would have had on these days, and a request for a flight's time
reads what would have been read then.
"""

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from comparison import status_column
from featurestore.definitions.resolved import Group
from featurestore.materialize import RunResult, boundaries_between, micros, time_of
from featurestore.project import Project
from featurestore.project.materializing import run_groups, succeeded
from featurestore.registry import Progress
from featurestore_serving.client import FeatureClient
from featurestore_serving.reader import local_reader

SERVE = ("serve", "--allow-at", "--address", "127.0.0.1:0")
SECONDS_TO_STOP = 10.0

BETWEEN = "between runs"
_KEEPING = "lease, marker and ledger"
PARTS = {
    "lease": _KEEPING,
    "compute": "compute",
    "stage": "compute",
    "check": "check",
    "write": "put",
    "empty": "put",
    "verify": "verify",
    "publish": _KEEPING,
    "record": _KEEPING,
    "done": _KEEPING,
}
"""Phase of a run to the part of the work that its time is counted to."""


@contextmanager
def serving(project: Path) -> Iterator[str]:
    """The address of a server of the project, in a process of its own, which ends with the block, however that ends.

    Raises:
        RuntimeError: it did not start; it has said why on the standard error.
    """
    command = [sys.executable, "-m", "featurestore", *SERVE]
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        try:
            assert process.stdout is not None
            said = process.stdout.readline().split()
            if not said:
                message = "The server did not start."
                raise RuntimeError(message)
            yield said[-1]
        finally:
            process.terminate()
            try:
                process.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def in_process(project: Project, manifest: Path | None = None) -> Iterator[FeatureClient]:
    """A client that reads the project's online store without a server."""
    with FeatureClient.over(local_reader(project, allow_at=True), manifest=manifest) as client:
        yield client


# --- asking -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One reply.

    Args:
        places: The rows that were asked for.
        values: Feature to its values, in the order of the rows.
        statuses: Feature to the names of their statuses.
        seconds: How long the caller waited.
    """

    places: Sequence[int]
    values: Mapping[str, Sequence[object]]
    statuses: Mapping[str, Sequence[str]]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Questions:
    """Rows to ask a service for: their entities, request values and times.

    Args:
        rows: The rows, in the order of their times.
        service: The service.
        time: The column of the rows' times.
        entities: The key columns of the service.
        request_values: The columns of its request values.
    """

    rows: pa.Table
    service: str
    time: str
    entities: Sequence[str]
    request_values: Sequence[str]

    @property
    def times(self) -> np.ndarray:
        """The rows' times in microseconds."""
        times: np.ndarray = self.rows.column(self.time).cast(pa.int64()).to_numpy()
        return times

    def ask(self, client: FeatureClient, places: range) -> Answer:
        """Ask for some rows at once, each at its own time."""
        rows = self.rows.slice(places.start, len(places))
        entities = {name: rows.column(name).to_pylist() for name in self.entities}
        request_values = {name: rows.column(name).to_pylist() for name in self.request_values}
        at = rows.column(self.time).to_pylist()
        begin = time.perf_counter()
        vectors = client.get(self.service, entities, request_values=request_values, at=at)
        seconds = time.perf_counter() - begin
        return Answer(
            places=places,
            values={column.name: column.values for column in vectors.columns},
            statuses={column.name: [status.name for status in column.statuses] for column in vectors.columns},
            seconds=seconds,
        )

    def answered(self, answers: Iterable[Answer]) -> pa.Table:
        """The rows that were asked for, with each feature's values and its `status_column`."""
        given = list(answers)
        rows = self.rows.take(pa.array([place for answer in given for place in answer.places], pa.int64()))
        for feature in given[0].values if given else ():
            values = [value for answer in given for value in answer.values[feature]]
            statuses = [status for answer in given for status in answer.statuses[feature]]
            rows = rows.append_column(feature, pa.array(values))
            rows = rows.append_column(status_column(feature), pa.array(statuses, pa.string()))
        return rows


def questions(client: FeatureClient, service: str, rows: pa.Table, time: str) -> Questions:
    """The questions for these rows, whose columns are called as the service calls its keys and request values."""
    described = client.describe(service)
    return Questions(
        rows=rows.sort_by(time),
        service=service,
        time=time,
        entities=[one.name for one in described.entities],
        request_values=[one.name for one in described.request_values],
    )


# --- walking ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Stop:
    """What was done at one due time.

    Args:
        due: The time.
        runs: The runs that published something.
        batch: The reply for all rows up to the next due time; None if there are none.
        single: Replies for single ones of them.
        local: The same ones, in this process.
        parts: Seconds of the runs, by part of the work.
        seconds: How long the runs took; `batch` and the others know their own time.
    """

    due: datetime
    runs: tuple[RunResult, ...]
    batch: Answer | None
    single: Sequence[Answer]
    local: Sequence[Answer]
    parts: Mapping[str, float]
    seconds: float


def timetable(groups: Iterable[Group], start: datetime, end: datetime) -> dict[datetime, list[str]]:
    """Which groups have to be published when, from `start` to `end`, in order.

    At `start` all groups run, so that each of them has its first, full computation there. At `end`, where a walk ends,
    none does.
    """
    table: dict[datetime, list[str]] = {start: [], end: []}
    for group in groups:
        wait = group.schedule.due(0)
        table[start].append(group.name)
        for boundary in boundaries_between(group.schedule, micros(start) - wait, micros(end) - wait):
            table.setdefault(time_of(boundary + wait), []).append(group.name)
    return dict(sorted(table.items()))


def walk(
    project: Project,
    asked: Questions,
    table: Mapping[datetime, Sequence[str]],
    *,
    server: FeatureClient,
    local: FeatureClient,
    single: int,
) -> Iterator[Stop]:
    """Run what is due at each time, and ask for the rows from there to the next one.

    Between two due times nothing is published, so that one request can ask for all of them. The groups of the project
    may be published as soon as they are due: with `publish_within` a store would be ahead of what may be read.

    Args:
        project: Whose groups are run.
        asked: The rows.
        table: The groups that are due at each time; the walk ends at the last one.
        server: Is asked for all rows.
        local: Is asked for the single ones as well.
        single: One row of so many is asked for singly, too.

    Raises:
        FeaturestoreError: a run failed, or a request was refused.
    """
    row_times = asked.times
    for due, following in pairwise(table):
        watch = Stopwatch()
        begin = time.perf_counter()
        results = run(project, table[due], due, watch)
        seconds = time.perf_counter() - begin
        here = range(*(int(place) for place in np.searchsorted(row_times, [micros(due), micros(following)])))
        ones = [range(place, place + 1) for place in here if place % single == 0]
        yield Stop(
            due=due,
            runs=tuple(result for result in results if result.outcome == "published"),
            batch=asked.ask(server, here) if here else None,
            single=[asked.ask(server, one) for one in ones],
            local=[asked.ask(local, one) for one in ones],
            parts=watch.seconds,
            seconds=seconds,
        )


def run(project: Project, groups: Sequence[str], due: datetime, watch: "Stopwatch") -> tuple[RunResult, ...]:
    """Run groups up to the boundary that is due; `watch` learns what took how long.

    Raises:
        FeaturestoreError: a run failed.
    """
    results = []
    for result in run_groups(project, groups, due, progress=watch):
        watch.to(BETWEEN)
        results.append(result)
    watch.to(BETWEEN)
    return succeeded(results)


@dataclass
class Stopwatch:
    """Counts the seconds of runs to the parts of `PARTS`, as the runs tell how far they are."""

    seconds: dict[str, float] = field(default_factory=dict)
    part: str = BETWEEN
    since: float = field(default_factory=time.perf_counter)

    def __call__(self, progress: Progress) -> None:
        """Takes a run's report."""
        self.to(PARTS[progress.phase])

    def to(self, part: str) -> None:
        """From now on the time goes to another part."""
        now = time.perf_counter()
        self.seconds[self.part] = self.seconds.get(self.part, 0.0) + now - self.since
        self.part, self.since = part, now
