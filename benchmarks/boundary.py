"""A bar about materialization: what changed since the last boundary, beside all that there is."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pyarrow as pa

from by_hand import differences
from events import Size
from featurestore.compiler.compile import compile_boundary
from measure import Bar, Limit, Setting, Work, compared, side_by_side
from one_table import consumed, opened

__all__ = ["WORK"]

LIMIT = Limit("the 1% of 1M entities that changed / all, 10 features", 0.25)
DAY = datetime(2024, 3, 31, tzinfo=UTC)
KEY = "account"


def _boundary(setting: Setting) -> Iterator[Bar]:
    size = Size.of(setting.scale)
    with opened(size, ["million"]) as (project, _):
        group = next(one for one in project.definitions.groups if one.name == "Stored")
        boundary = group.schedule.boundary(int(DAY.timestamp() * 1_000_000))
        before = boundary - group.schedule.every

        def rows(at: int, since: int | None) -> Callable[[], pa.RecordBatchReader]:
            return lambda: project.store.boundary_rows(compile_boundary(group, at, since), project.bindings)

        everything, changed = (rows(boundary, since)().read_all() for since in (None, before))
        if found := _differences(everything, changed, rows(before, None)().read_all()):
            yield LIMIT.failed(f"values differ: {found}")
            return
        works = {"changed": rows(boundary, before), "all": rows(boundary, None)}
        timings = side_by_side(setting.repeat, {name: _consuming(read) for name, read in works.items()})
        told = {"entities": everything.num_rows, "changed": changed.num_rows, "events": size.events}
        yield compared(LIMIT, timings["changed"], timings["all"], **told)


def _consuming(read: Callable[[], pa.RecordBatchReader]) -> Callable[[], int]:
    return lambda: consumed(read())


def _differences(everything: pa.Table, changed: pa.Table, before: pa.Table) -> dict[str, int]:
    """Where the changed rows put over those of the boundary before do not give all rows."""
    columns = [name for name in everything.column_names if name != KEY]
    kept = before.join(changed.select([KEY]), KEY, join_type="left anti").select(everything.column_names)
    made = pa.concat_tables([kept, changed.select(everything.column_names)]).sort_by(KEY)
    expected = everything.sort_by(KEY)
    return differences(made, expected, [KEY, *columns])


WORK = Work("boundary", "values at a boundary, of all entities and of those that changed", [LIMIT], _boundary)
