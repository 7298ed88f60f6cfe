"""Bars about features of one table: against SQL written by hand, and against the same with less asked of it."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

import featurestore as fs
from by_hand import LAST, WEEK, ByHand, differences, twenty, with_knowledge
from events import Size, configure, generate, read_spine
from measure import Bar, Limit, Setting, Work, compared, side_by_side

__all__ = ["WORKS", "computed", "consumed", "opened"]

WEEK_COLUMNS = ("total", "number", "mean", "largest")
ALONE = ("total_7d", "mean_90d")
"""The features that twenty are compared with: of a short window, and of the longest."""
SHAPES = {
    "one_heavy": "one entity holds 20% of all rows",
    "two_hundred": "200 entities hold all rows",
    "million": "entities of five rows each",
}
KINDS = {"last": ("amount",), "week": WEEK_COLUMNS}


@contextmanager
def opened(size: Size, shapes: Sequence[str], memory_limit: str | None = None) -> Iterator[tuple[fs.Project, Path]]:
    """The project over the tables of a size, and its folder."""
    folder = generate(size, shapes)
    configure(folder, memory_limit)
    with fs.open_project(folder) as project:
        yield project, folder


def consumed(batches: Iterable[pa.RecordBatch]) -> int:
    """Reads a result to its end, keeping nothing; returns its rows."""
    return sum(batch.num_rows for batch in batches)


def computed(project: fs.Project, features: Sequence[str], spine: pa.Table) -> Callable[[], int]:
    """`values_at`, to be timed."""
    return lambda: consumed(project.values_at(features, spine))


def _last(setting: Setting) -> Iterator[Bar]:
    size = Size.of(setting.scale)
    with opened(size, ["even"]) as (project, folder):
        spine = read_spine(folder, "even")
        by_hand = ByHand(folder / "even.parquet", spine)
        found = differences(project.values_at("last_even", spine).to_arrow(), by_hand.table(LAST), ["amount"])
        if found:
            yield LAST_LIMIT.failed(f"values differ: {found}")
            return
        hand = lambda: consumed(by_hand.batches(LAST))  # noqa: E731 - a work to be timed
        timings = side_by_side(setting.repeat, {"ours": computed(project, ["last_even"], spine), "hand": hand})
        yield compared(LAST_LIMIT, timings["ours"], timings["hand"], size=str(size))


def _week(setting: Setting) -> Iterator[Bar]:
    size = Size.of(setting.scale)
    with opened(size, ["even"]) as (project, folder):
        spine = read_spine(folder, "even")
        by_hand = ByHand(folder / "even.parquet", spine)
        ours = project.values_at("week_even", spine).to_arrow()
        for way, statement in WEEK.items():
            if found := differences(ours, by_hand.table(statement), WEEK_COLUMNS):
                yield WEEK_LIMIT.failed(f"values differ from those of {way}: {found}")
                return
        works = {way: _by_hand(by_hand, statement) for way, statement in WEEK.items()}
        timings = side_by_side(setting.repeat, {"ours": computed(project, ["week_even"], spine), **works})
        best = min(WEEK, key=lambda way: timings[way].best)
        ways = {way: timings[way].document for way in WEEK}
        yield compared(WEEK_LIMIT, timings["ours"], timings[best], size=str(size), fastest=best, ways=ways)


def _by_hand(by_hand: ByHand, statement: str) -> Callable[[], int]:
    return lambda: consumed(by_hand.batches(statement))


def _twenty(setting: Setting) -> Iterator[Bar]:
    size = Size.of(setting.scale)
    with opened(size, ["even"]) as (project, folder):
        spine = read_spine(folder, "even")
        ours = project.values_at("Twenty", spine).to_arrow()
        columns = [name for name in ours.column_names if name not in spine.column_names]
        if found := differences(ours, ByHand(folder / "even.parquet", spine).table(twenty()), columns):
            yield from (limit.failed(f"values differ: {found}") for limit in TWENTY_LIMITS.values())
            return
        works = {name: computed(project, [f"Twenty.{name}"], spine) for name in ALONE}
        timings = side_by_side(setting.repeat, {"ours": computed(project, ["Twenty"], spine), **works})
        for name, limit in TWENTY_LIMITS.items():
            yield compared(limit, timings["ours"], timings[name], size=str(size))


def _knowledge(setting: Setting) -> Iterator[Bar]:
    yield from _beside_plain(setting, "known", "even", KNOWLEDGE_LIMITS)


def _corrections(setting: Setting) -> Iterator[Bar]:
    yield from _beside_plain(setting, "corrected", "corrected", CORRECTION_LIMITS)


def _beside_plain(setting: Setting, source: str, shape: str, limits: dict[str, Limit]) -> Iterator[Bar]:
    """Features of a source that says when rows became known, beside those of one that does not."""
    size = Size.of(setting.scale)
    with opened(size, ["even", shape]) as (project, folder):
        spine = read_spine(folder, shape)
        expected = ByHand(folder / f"{shape}.parquet", spine).table(with_knowledge(corrections=shape == "corrected"))
        for kind, limit in limits.items():
            ours = project.values_at(f"{kind}_{source}", spine).to_arrow()
            if found := differences(ours, expected, KINDS[kind]):
                yield limit.failed(f"values differ: {found}")
                continue
            works = {name: computed(project, [f"{kind}_{name}"], spine) for name in (source, "even")}
            timings = side_by_side(setting.repeat, works)
            yield compared(limit, timings[source], timings["even"], size=str(size))


def _skew(setting: Setting) -> Iterator[Bar]:
    size, quarter, least = (Size.of(scale) for scale in (setting.scale, setting.scale / 4, 0))
    before = {one: _cpu_by_shape(one, setting.repeat) for one in (quarter, least)}
    with opened(size, ["even", *SHAPES]) as (project, folder):
        for (kind, shape), limit in SKEW_LIMITS.items():
            growth = GROWTH_LIMITS[kind, shape]
            spine = read_spine(folder, shape)
            by_hand = ByHand(folder / f"{shape}.parquet", spine)
            statement = LAST if kind == "last" else WEEK["RANGE frames"]
            ours = project.values_at(f"{kind}_{shape}", spine).to_arrow()
            if found := differences(ours, by_hand.table(statement), KINDS[kind]):
                yield from (one.failed(f"values differ: {found}") for one in (limit, growth))
                continue
            works = {
                "ours": computed(project, [f"{kind}_{shape}"], spine),
                "even": computed(project, [f"{kind}_even"], read_spine(folder, "even")),
                "hand": _by_hand(by_hand, statement),
            }
            timings = side_by_side(setting.repeat, works)
            hand = timings["hand"].document
            yield compared(limit, timings["ours"], timings["even"], size=str(size), by_hand=hand)
            cpu = {one: found[kind, shape] for one, found in before.items()} | {size: timings["ours"].cpu}
            yield _growth(growth, cpu, size, quarter, least)


def _cpu_by_shape(size: Size, repeat: int) -> dict[tuple[str, str], float]:
    """Processor seconds of each kind of feature over each shape of table."""
    found = {}
    with opened(size, list(SHAPES)) as (project, folder):
        for kind, shape in SKEW_LIMITS:
            work = computed(project, [f"{kind}_{shape}"], read_spine(folder, shape))
            work()  # the first run of a statement costs more
            found[kind, shape] = side_by_side(repeat, {"ours": work})["ours"].cpu
    return found


def _growth(limit: Limit, cpu: Mapping[Size, float], size: Size, quarter: Size, least: Size) -> Bar:
    """The power of the rows with which work grows, beyond what the smallest tables cost.

    Processor time counts, since few rows are read by one thread and many by several.
    """
    fixed = cpu[least]
    told = {str(one): round(seconds, 4) for one, seconds in cpu.items()}
    if quarter.rows <= least.rows or cpu[quarter] < 2 * fixed:
        return Bar(limit, None, {"reason": "too few rows to tell it from fixed costs: use a larger scale", "cpu": told})
    exponent = math.log((cpu[size] - fixed) / (cpu[quarter] - fixed)) / math.log(size.rows / quarter.rows)
    return limit.met(exponent, cpu=told)


LAST_LIMIT = Limit("last value with ttl / ASOF JOIN by hand", 1.5)
WEEK_LIMIT = Limit("7-day sum, count, mean, max / best SQL by hand", 1.3)
TWENTY_LIMITS = {name: Limit(f"20 features, 4 windows / one of them ({name})", 3) for name in ALONE}
KNOWLEDGE_LIMITS = {kind: Limit(f"knowledge time, 5% late / plain ({kind})", 1.5) for kind in KINDS}
CORRECTION_LIMITS = {kind: Limit(f"corrections by key, 5% of rows / plain ({kind})", 2.5) for kind in KINDS}
SKEW_LIMITS = {(kind, shape): Limit(f"{SHAPES[shape]} / even ({kind})", 2.5) for kind in KINDS for shape in SHAPES}
GROWTH_LIMITS = {
    (kind, shape): Limit(f"{SHAPES[shape]}: growth ({kind})", 1.5, "power of rows")
    for kind in KINDS
    for shape in SHAPES
}
"""1 is linear, 2 quadratic. With hourly boundaries one entity has at most 1,680 points, however often it is asked."""

WORKS = (
    Work("last", "the last value with a ttl, beside an ASOF JOIN", [LAST_LIMIT], _last),
    Work("windows", "four aggregations of 7 days, beside the best of three statements", [WEEK_LIMIT], _week),
    Work("twenty", "20 features of one table, beside one of them", list(TWENTY_LIMITS.values()), _twenty),
    Work("knowledge", "rows that become known late", list(KNOWLEDGE_LIMITS.values()), _knowledge),
    Work("corrections", "rows that are corrected", list(CORRECTION_LIMITS.values()), _corrections),
    Work(
        "skew",
        "tables whose rows are unevenly distributed",
        [one for key in SKEW_LIMITS for one in (SKEW_LIMITS[key], GROWTH_LIMITS[key])],
        _skew,
    ),
)
