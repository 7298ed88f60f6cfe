"""A bar about memory: far more rows than the engine may hold."""

import multiprocessing
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from by_hand import LAST, WEEK, ByHand, differences
from events import Size, generate, read_spine
from measure import Bar, Limit, Setting, Work, peak_memory, side_by_side
from one_table import KINDS, opened

__all__ = ["WORK"]

ALL = Limit("30M events x 3M spine rows under 4 GB: rows returned", 1, "of them", at_least=True)
SPILLED = Limit("30M events x 3M spine rows under 4 GB: spilled", 1, "MB", at_least=True)
MEMORY = Limit("30M events x 3M spine rows under 4 GB: peak memory / limit", 1)
MEGABYTES = 4096
SMALLEST = 0.1
"""Below this scale Python itself needs more than the limit."""
SAMPLED = 997


def _large(setting: Setting) -> Iterator[Bar]:
    scale = max(setting.scale, SMALLEST)
    size, limit = Size.of(scale, 30_000_000, 3_000_000), round(MEGABYTES * scale)
    # In a process of its own: what writing the tables needs is not what is measured.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(generate, size, ["even"]).result()
    with opened(size, ["even"], f"{limit}MiB") as (project, folder):
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
        yield ALL.failed(f"values differ in a sample: {found}")
        return
    told = {"size": str(size), "memory_limit_mb": limit, "seconds": timing.document}
    yield ALL.met(rows / spine.num_rows, checked=sample.num_rows, **told)
    yield SPILLED.met(most[0] / 2**20, **told)
    # At less than the full scale what Python holds anyway would be most of the limit, and is added to it.
    allowed = limit * 2**20 + (before if scale < 1 else 0)
    yield MEMORY.met(peak / allowed, peak_mb=peak // 2**20, before_mb=before // 2**20, **told)


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


WORK = Work("memory", "more rows than the memory that DuckDB is given", [ALL, SPILLED, MEMORY], _large)
