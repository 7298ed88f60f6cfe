"""How long the package takes to import and its commands to start, each in a process of its own.

`python benchmarks/start_up.py [--runs N]`. The last line is one JSON object; the same goes to `benchmarks/results/`,
with a picture beside it where matplotlib is installed.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results")
PACKAGES = ("featurestore", "click", "rich", "pydantic", "sqlalchemy", "sqlglot")
FLOOR = ("-c", "pass")
WORKS: Sequence[tuple[str, tuple[str, ...], float]] = (
    ("import featurestore", ("-c", "import featurestore"), 0.3),
    ("featurestore --help", ("-m", "featurestore", "--help"), 0.6),
    ("featurestore list", ("-m", "featurestore", "list"), 0.6),
    ("featurestore show", ("-m", "featurestore", "show", "mean_amount"), 0.6),
)
"""What is run, how, and how many seconds it may take beyond nothing at all."""


def seconds(arguments: Sequence[str], folder: Path, runs: int) -> float:
    """The median time of a fresh Python with these arguments."""
    return statistics.median(_once(arguments, folder) for _ in range(runs))


def _once(arguments: Sequence[str], folder: Path) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S603 - our own
    return time.perf_counter() - start


def report(runs: int) -> dict[str, Any]:
    """The figures: seconds, their bars, and their ratio to a Python that does nothing."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name) / "shop"
        _once(("-m", "featurestore", "init", str(project)), Path(name))
        _once(("-m", "featurestore", "sources", "pull"), project)
        floor = seconds(FLOOR, project, runs)
        bars = [_bar(work, seconds(arguments, project, runs), bar, floor) for work, arguments, bar in WORKS]
    machine = {"python": platform.python_version(), "system": platform.platform(), "processor": platform.machine()}
    return {"machine": machine, "versions": _versions(), "runs": runs, "floor": round(floor, 3), "bars": bars}


def _bar(work: str, value: float, bar: float, floor: float) -> dict[str, Any]:
    print(f"{work:<24} {value:6.3f} s   bar {bar} s   {value / floor:5.1f} x an empty Python")
    return {"work": work, "value": round(value, 3), "bar": bar, "ratio": round(value / floor, 1), "holds": value <= bar}


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def draw(figures: dict[str, Any], path: Path) -> None:
    """A bar per work, with its limit."""
    try:
        import matplotlib  # noqa: PLC0415 - the figures do not need it
    except ImportError:
        print("No picture: matplotlib is not installed (pip install matplotlib).")
        return
    matplotlib.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - idem

    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    works = [bar["work"] for bar in figures["bars"]]
    axes.barh(works, [bar["value"] for bar in figures["bars"]], color="#4878a8")
    axes.plot([bar["bar"] for bar in figures["bars"]], works, "|", color="#b03030", markersize=24, label="bar")
    axes.axvline(figures["floor"], color="#888888", linestyle=":", label="an empty Python")
    axes.invert_yaxis()
    axes.set_xlabel("seconds")
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="how often each is run (the median counts)")
    figures = report(parser.parse_args().runs)
    RESULTS.mkdir(exist_ok=True)
    line = json.dumps(figures)
    (RESULTS / "start_up.json").write_text(line + "\n", encoding="utf-8")
    draw(figures, RESULTS / "start_up.png")
    print(line)


if __name__ == "__main__":
    main()
