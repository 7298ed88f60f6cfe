"""What benchmarks share: timings side by side, bars, the machine and its versions, the JSON line, the picture."""

import json
import math
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results")
PATIENCE = 60.0
"""Seconds after which a work is not repeated any more."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure must keep to: at most ``bar``, or at least."""

    work: str
    bar: float
    unit: str = "x"
    at_least: bool = False

    def met(self, value: float, **details: Any) -> "Bar":
        """The bar with the figure that was measured."""
        return Bar(self, value, details)

    def failed(self, reason: str) -> "Bar":
        """The bar of a work that came to no figure."""
        return Bar(self, None, {"reason": reason})


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit and the figure that was measured; None where there is none, and then the bar does not hold."""

    limit: Limit
    value: float | None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the figure keeps to its limit."""
        if self.value is None:
            return False
        return self.value >= self.limit.bar if self.limit.at_least else self.value <= self.limit.bar

    @property
    def share(self) -> float | None:
        """How much of the limit is used up: above 1 it does not hold."""
        if self.value is None:
            return None
        part, whole = (self.limit.bar, self.value) if self.limit.at_least else (self.value, self.limit.bar)
        return part / whole if whole else math.inf

    @property
    def document(self) -> dict[str, Any]:
        """The bar as JSON has it."""
        value = None if self.value is None else round(self.value, 4)
        sense = {"at_least": True} if self.limit.at_least else {}
        known = {"work": self.limit.work, "value": value, "bar": self.limit.bar, "unit": self.limit.unit, **sense}
        return {**known, "holds": self.holds, **self.details}

    def __str__(self) -> str:
        value = "no figure" if self.value is None else f"{self.value:.3g} {self.limit.unit}"
        sense = "at least" if self.limit.at_least else "at most"
        reason = f"  ({self.details['reason']})" if "reason" in self.details else ""
        verdict = "holds" if self.holds else "DOES NOT HOLD"
        return f"{self.limit.work:<62} {value:>12}   {sense} {self.limit.bar:g} {self.limit.unit}   {verdict}{reason}"


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of repeated runs of one work, and the processor time of the whole process in the best of them."""

    seconds: Sequence[float]
    cpu: float

    @property
    def best(self) -> float:
        """The shortest run: what the machine can do when nothing else takes it."""
        return min(self.seconds)

    @property
    def document(self) -> dict[str, float]:
        """Best, median, processor time, number of runs."""
        median = statistics.median(self.seconds)
        return {
            "best": round(self.best, 4),
            "median": round(median, 4),
            "cpu": round(self.cpu, 4),
            "runs": len(self.seconds),
        }


def side_by_side(repeat: int, works: Mapping[str, Callable[[], object]]) -> dict[str, Timing]:
    """Times works in turns, so that what else the machine does falls on all of them alike.

    A work that has taken longer than `PATIENCE` in all is not run again.
    """
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(repeat):
        for name, work in works.items():
            if sum(seconds for seconds, _ in runs[name]) < PATIENCE:
                cpu, start = time.process_time(), time.perf_counter()
                work()
                runs[name].append((time.perf_counter() - start, time.process_time() - cpu))
    return {
        name: Timing([seconds for seconds, _ in taken], min(cpu for _, cpu in taken)) for name, taken in runs.items()
    }


def compared(limit: Limit, ours: Timing, floor: Timing, **details: Any) -> Bar:
    """A bar of two timings: the ratio of the best runs."""
    cpu = round(ours.cpu / floor.cpu, 2) if floor.cpu else None
    return limit.met(ours.best / floor.best, seconds=ours.document, against=floor.document, ratio_of_cpu=cpu, **details)


@dataclass(frozen=True, slots=True)
class Setting:
    """What the person who measures has chosen.

    Args:
        scale: Of the sizes that the bars are about.
        repeat: How often each work is run, at most.
    """

    scale: float
    repeat: int


@dataclass(frozen=True, slots=True)
class Work:
    """A piece of work: its bars, and what measures them, in a process of its own.

    ``measure`` may stop early; bars that it has not given then have no figure.
    """

    name: str
    about: str
    limits: Sequence[Limit]
    measure: Callable[[Setting], Iterator[Bar]]


def load() -> float:
    """How many processes wanted to run in the last minute, on average."""
    return round(os.getloadavg()[0], 2)


def peak_memory() -> int:
    """The most memory that this process has held so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # the other figure begins with what the parent held
        held = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(held.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def machine() -> dict[str, Any]:
    """Where the figures come from."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load": load(),
    }


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of those packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def publish(name: str, figures: Mapping[str, Any], bars: Sequence[Bar], path: Path | None = None) -> None:
    """Writes the figures as JSON, with a picture beside it, and prints them as the last line.

    Args:
        name: The benchmark's name, which is the file's in `benchmarks/results/`.
        figures: Machine, versions, and what else is said of all bars.
        bars: The bars.
        path: Another file for the JSON.
    """
    target = path or RESULTS / f"{name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({**figures, "bars": [bar.document for bar in bars]})
    target.write_text(line + "\n", encoding="utf-8")
    draw(bars, target.with_suffix(".png"))
    print(line)


def draw(bars: Sequence[Bar], path: Path) -> None:
    """A picture: how much of its limit each work uses up, on a logarithmic axis."""
    try:
        import matplotlib  # noqa: PLC0415 - the figures do not need it
    except ImportError:
        print("No picture: matplotlib is not installed (pip install matplotlib).")
        return
    matplotlib.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - idem

    shares = [bar.share for bar in bars]
    known = [share for share in shares if share and math.isfinite(share)]
    low, high = min([0.1, *known]) / 2, max([2.0, *known]) * 4
    figure, axes = plt.subplots(figsize=(11, 1.2 + 0.36 * len(bars)), layout="constrained")
    for row, (bar, share) in enumerate(zip(bars, shares, strict=True)):
        end = high if share is None else min(max(share, low), high / 4)
        color = "#4878a8" if bar.holds else "#c06050"
        axes.barh(row, end - low, left=low, color="white" if share is None else color, edgecolor=color, height=0.62)
        shown = "no figure" if bar.value is None else f"{bar.value:.3g}"
        sense = "≥" if bar.limit.at_least else "≤"
        at = low if share is None else end
        axes.text(at * 1.06, row, f"{shown} ({sense} {bar.limit.bar:g} {bar.limit.unit})", va="center", fontsize=8)
    axes.axvline(1, color="#b03030", linewidth=1.2)
    axes.set_yticks(range(len(bars)), [bar.limit.work for bar in bars], fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.invert_yaxis()
    axes.set_xlabel("share of the limit (the red line is the limit; blue keeps to it)")
    figure.savefig(path, dpi=120)
    plt.close(figure)
