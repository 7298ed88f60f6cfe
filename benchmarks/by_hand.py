"""SQL as one would write it by hand for the same values, as DuckDB runs it without this package.

Each statement gives the spine's row number, called ``row``, then one column per feature, in the spine's order.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from events import THREADS

LAST = """
SELECT s.row, IF(e.happened_at > s.b - INTERVAL 30 DAYS, e.amount, NULL) AS amount
FROM (SELECT row, account, date_trunc('hour', asked_at) AS b FROM spine) AS s
ASOF LEFT JOIN events AS e ON e.account = s.account AND e.happened_at <= s.b
ORDER BY s.row
"""

FRAMES = """
SELECT row, total, number, mean, largest
FROM (
    SELECT row, SUM(amount) OVER w AS total, COUNT(amount) OVER w AS number, AVG(amount) OVER w AS mean,
        MAX(amount) OVER w AS largest
    FROM (
        SELECT row, account, date_trunc('hour', asked_at) AS t, NULL AS amount FROM spine
        UNION ALL
        SELECT NULL, account, happened_at, amount FROM events
    )
    WINDOW w AS (
        PARTITION BY account ORDER BY t
        RANGE BETWEEN INTERVAL '6 days 23:59:59.999999' PRECEDING AND CURRENT ROW
    )
)
WHERE row IS NOT NULL
ORDER BY row
"""

_WEEK = "SUM(e.amount) AS total, COUNT(e.amount) AS number, AVG(e.amount) AS mean, MAX(e.amount) AS largest"

RANGE_JOIN = f"""
SELECT s.row, {_WEEK}
FROM (SELECT row, account, date_trunc('hour', asked_at) AS b FROM spine) AS s
LEFT JOIN events AS e
    ON e.account = s.account AND e.happened_at > s.b - INTERVAL 7 DAYS AND e.happened_at <= s.b
GROUP BY s.row
ORDER BY s.row
"""

BUCKETS = f"""
WITH s AS (
    SELECT row, account, b, epoch_us(b) // 604800000000 - UNNEST([0, 1]) AS bucket
    FROM (SELECT row, account, date_trunc('hour', asked_at) AS b FROM spine)
), e AS (
    SELECT account, happened_at, amount, epoch_us(happened_at) // 604800000000 AS bucket FROM events
), found AS (
    SELECT s.row, {_WEEK}
    FROM s JOIN e
        ON e.account = s.account AND e.bucket = s.bucket
        AND e.happened_at > s.b - INTERVAL 7 DAYS AND e.happened_at <= s.b
    GROUP BY s.row
)
SELECT spine.row, total, COALESCE(number, 0) AS number, mean, largest
FROM spine LEFT JOIN found USING (row)
ORDER BY spine.row
"""

WEEK: Mapping[str, str] = {"RANGE frames": FRAMES, "range join": RANGE_JOIN, "range join by bucket": BUCKETS}
"""The ways to write the windows; the fastest is what counts."""

_VERSIONS = """
    SELECT *, greatest(happened_at, loaded_at) AS enter,
        MIN(greatest(happened_at, loaded_at)) OVER (
            PARTITION BY event ORDER BY loaded_at, happened_at ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS leave
    FROM events
"""
_KNOWN = "SELECT *, greatest(happened_at, loaded_at) AS enter, NULL::TIMESTAMP AS leave FROM events"


def with_knowledge(*, corrections: bool) -> str:
    """The last amount and the week, out of the rows that were known: slow, to check and not to compare times."""
    return f"""
        SELECT s.row, arg_max(e.amount, e.happened_at) AS amount,
            SUM(e.amount) FILTER (e.happened_at > s.b - INTERVAL 7 DAYS) AS total,
            COUNT(e.amount) FILTER (e.happened_at > s.b - INTERVAL 7 DAYS) AS number,
            AVG(e.amount) FILTER (e.happened_at > s.b - INTERVAL 7 DAYS) AS mean,
            MAX(e.amount) FILTER (e.happened_at > s.b - INTERVAL 7 DAYS) AS largest
        FROM (SELECT row, account, date_trunc('hour', asked_at) AS b FROM spine) AS s
        LEFT JOIN ({_VERSIONS if corrections else _KNOWN}) AS e
            ON e.account = s.account AND e.happened_at > s.b - INTERVAL 30 DAYS AND e.happened_at <= s.b
            AND e.enter <= s.b AND (e.leave IS NULL OR s.b < e.leave)
        GROUP BY s.row
        ORDER BY s.row
    """


def twenty() -> str:
    """Five functions over four windows."""
    functions = {"total": "SUM", "number": "COUNT", "mean": "AVG", "largest": "MAX", "smallest": "MIN"}
    columns = ",\n    ".join(
        f"{function}(e.amount) FILTER (e.happened_at > s.b - INTERVAL {days} DAYS) AS {name}_{days}d"
        for name, function in functions.items()
        for days in (1, 7, 30, 90)
    )
    return f"""
        SELECT s.row, {columns}
        FROM (SELECT row, account, date_trunc('hour', asked_at) AS b FROM spine) AS s
        LEFT JOIN events AS e
            ON e.account = s.account AND e.happened_at > s.b - INTERVAL 90 DAYS AND e.happened_at <= s.b
        GROUP BY s.row
        ORDER BY s.row
    """


class ByHand:
    """A DuckDB connection of its own, over the same file and the same spine in memory."""

    def __init__(self, events: Path, spine: pa.Table) -> None:
        self.connection = duckdb.connect(config={"threads": str(THREADS)})
        self.connection.execute("SET enable_progress_bar = false")
        self.connection.execute(f"CREATE VIEW events AS FROM read_parquet('{events}')")
        self.spine = spine.append_column("row", pa.array(range(spine.num_rows), pa.int64()))
        self.connection.register("spine", self.spine)

    def batches(self, statement: str) -> Iterator[pa.RecordBatch]:
        """The result, as it is computed."""
        yield from self.connection.sql(statement).to_arrow_reader(65_536)

    def table(self, statement: str) -> pa.Table:
        """The whole result."""
        return self.connection.sql(statement).to_arrow_table()


def differences(ours: pa.Table, theirs: pa.Table, columns: Sequence[str]) -> dict[str, int]:
    """In how many rows each column differs, floats by more than 1e-9 of their size; columns without any left out."""
    if ours.num_rows != theirs.num_rows:
        return {"rows": abs(ours.num_rows - theirs.num_rows)}
    found = {name: _differing(ours.column(name), theirs.column(name)) for name in columns}
    return {name: number for name, number in found.items() if number}


def _differing(ours: Any, theirs: Any) -> int:
    nulls = pc.not_equal(ours.is_null(), theirs.is_null())
    if pa.types.is_floating(ours.type):
        left, right = (np.nan_to_num(side.to_numpy(), nan=0.0) for side in (ours, theirs.cast(pa.float64())))
        unequal = pa.array(np.abs(left - right) > 1e-9 * np.maximum(1, np.abs(right)))
    else:
        unequal = pc.fill_null(pc.not_equal(ours, theirs.cast(ours.type)), fill_value=False)
    return int(pc.sum(pc.or_(nulls, unequal)).as_py() or 0)
