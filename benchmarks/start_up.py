"""How long the package takes to import and its commands to start, each in a process of its own.

`python benchmarks/start_up.py [--runs N]`. The last line is one JSON object; the same goes to `benchmarks/results/`,
with a picture beside it where matplotlib is installed.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from measure import Bar, Limit, machine, publish, versions

PACKAGES = ("featurestore", "click", "rich", "pydantic", "sqlalchemy", "sqlglot")
FLOOR = ("-c", "pass")
WORKS: Sequence[tuple[Limit, tuple[str, ...]]] = (
    (Limit("import featurestore", 0.3, "s"), ("-c", "import featurestore")),
    (Limit("featurestore --help", 0.6, "s"), ("-m", "featurestore", "--help")),
    (Limit("featurestore list", 0.6, "s"), ("-m", "featurestore", "list")),
    (Limit("featurestore show", 0.6, "s"), ("-m", "featurestore", "show", "mean_amount")),
)
"""How many seconds each may take, and what is run."""


def seconds(arguments: Sequence[str], folder: Path, runs: int) -> float:
    """The median time of a fresh Python with these arguments."""
    return statistics.median(_once(arguments, folder) for _ in range(runs))


def _once(arguments: Sequence[str], folder: Path) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S603 - our own
    return time.perf_counter() - start


def measured(runs: int) -> tuple[float, list[Bar]]:
    """The seconds of a Python that does nothing, and the bars, each with its ratio to that."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name) / "shop"
        _once(("-m", "featurestore", "init", str(project)), Path(name))
        _once(("-m", "featurestore", "sources", "pull"), project)
        floor = seconds(FLOOR, project, runs)
        bars = [_bar(limit, seconds(arguments, project, runs), floor) for limit, arguments in WORKS]
    return floor, bars


def _bar(limit: Limit, value: float, floor: float) -> Bar:
    bar = limit.met(value, ratio=round(value / floor, 1))
    print(f"{bar}   {value / floor:.1f} x an empty Python")
    return bar


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="how often each is run (the median counts)")
    runs = parser.parse_args().runs
    floor, bars = measured(runs)
    figures = {"machine": machine(), "versions": versions(PACKAGES), "runs": runs, "floor": round(floor, 3)}
    publish("start_up", figures, bars)


if __name__ == "__main__":
    main()
