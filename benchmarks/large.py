"""Bars about memory: far more rows than the engine may hold."""

import multiprocessing
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from by_hand import LAST, WEEK, ByHand, differences
from events import Size, generate, read_spine
from featurestore.errors import FeaturestoreError
from measure import Bar, Limit, Setting, Work, peak_memory, side_by_side
from one_table import KINDS, opened

__all__ = ["WORK"]

GIGABYTES = (4, 1)
"""Four may be enough to hold all that is needed at a time; with one there is more to spill."""
P = ParamSpec("P")
R = TypeVar("R")
LIMITS = {
    gigabytes: {
        "all": Limit(f"30M events x 3M spine rows under {gigabytes} GB: rows returned", 1, "of them", at_least=True),
        "spilled": Limit(f"30M events x 3M spine rows under {gigabytes} GB: spilled", 1, "MB", at_least=True),
        "memory": Limit(f"30M events x 3M spine rows under {gigabytes} GB: peak memory / limit", 1),
    }
    for gigabytes in GIGABYTES
}
SMALLEST = 0.1
"""Below this scale Python itself needs more than the limit."""
SAMPLED = 997


def _large(setting: Setting) -> Iterator[Bar]:
    scale = max(setting.scale, SMALLEST)
    size = Size.of(scale, 30_000_000, 3_000_000)
    _alone(generate, size, ["even"])
    for gigabytes, limits in LIMITS.items():
        yield from _alone(_under, round(gigabytes * 1024 * scale), size, limits, scale == 1)


def _alone(function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
    """Calls a function in a process of its own, so that no other work has a part in its peak of memory."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **options).result()


def _under(megabytes: int, size: Size, limits: Mapping[str, Limit], whole: bool) -> list[Bar]:  # noqa: FBT001 - positions
    try:
        return list(_measured(megabytes, size, limits, whole=whole))
    except FeaturestoreError as error:
        return [limit.failed(str(error).splitlines()[0]) for limit in limits.values()]


def _measured(megabytes: int, size: Size, limits: Mapping[str, Limit], *, whole: bool) -> Iterator[Bar]:
    """The bars of one limit.

    At less than the whole scale, what Python holds anyway would be most of the limit, and is added to it.
    """
    with opened(size, ["even"], f"{megabytes}MiB") as (project, folder):
        spine = read_spine(folder, "even")
        before = peak_memory()
        kept: list[pa.RecordBatch] = []
        rows = 0

        def run() -> None:
            nonlocal rows
            for batch in project.values_at(["last_even", "week_even"], spine):
                first = -rows % SAMPLED
                kept.append(batch.take(pa.array(range(first, batch.num_rows, SAMPLED), pa.int64())))
                rows += batch.num_rows

        with _watched(project.scratch / "duckdb") as most:
            timing = side_by_side(1, {"ours": run})["ours"]
        peak = peak_memory()
    sample = pa.Table.from_batches(kept)
    if found := _differences(folder, spine, sample):
        yield from (limit.failed(f"values differ in a sample: {found}") for limit in limits.values())
        return
    told = {"size": str(size), "memory_limit_mb": megabytes, "seconds": timing.document}
    yield limits["all"].met(rows / spine.num_rows, checked=sample.num_rows, **told)
    yield limits["spilled"].met(most[0] / 2**20, **told)
    allowed = megabytes * 2**20 + (0 if whole else before)
    yield limits["memory"].met(peak / allowed, peak_mb=peak // 2**20, before_mb=before // 2**20, **told)


def _differences(folder: Path, spine: pa.Table, sample: pa.Table) -> dict[str, int]:
    asked = spine.take(pa.array(range(0, spine.num_rows, SAMPLED), pa.int64()))
    if not all(pc.all(pc.equal(asked.column(name), sample.column(name))).as_py() for name in asked.column_names):
        return {"order": asked.num_rows}
    by_hand = ByHand(folder / "even.parquet", asked)
    found = differences(sample, by_hand.table(LAST), KINDS["last"])
    return found | differences(sample, by_hand.table(WEEK["range join"]), KINDS["week"])


@contextmanager
def _watched(folder: Path) -> Iterator[list[int]]:
    """How many bytes of files there were in a folder, at most."""
    most, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            most[0] = max(most[0], sum(_size(file) for file in folder.glob("*")))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        done.set()
        thread.join()


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # removed since the folder was read
        return 0


WORK = Work(
    "memory",
    "more rows than the memory that DuckDB is given",
    [limit for limits in LIMITS.values() for limit in limits.values()],
    _large,
)
