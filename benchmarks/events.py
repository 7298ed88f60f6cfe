"""Generated tables of events, and a project over them, in a folder that is kept from one run to the next.

A table's rows lie in order of time, evenly over a hundred days and no two at one time; an account's rows are found
all over it. Everything follows from row numbers by DuckDB's hash, so that the same version makes the same rows.
"""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
CACHE = HERE / ".cache"
PROJECT = HERE / "projects" / "events"
THREADS = 2
DAYS = 100
FIRST = "TIMESTAMP '2024-01-01'"
BYTES_PER_EVENT, BYTES_PER_POINT = 25, 22
"""As Parquet keeps them, measured."""

ACCOUNTS: Mapping[str, str] = {
    "even": "{h} % ({events} // 100)",
    "one_heavy": "IF(({h} >> 32) % 5 = 0, 0, 1 + {h} % ({events} // 100))",
    "two_hundred": "{h} % 200",
    "million": "{i} * 7919 % ({events} // 5)",
    "corrected": "{h} % ({events} // 100)",
}
"""Whose the row ``i`` with the hash ``h`` is."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many events a table has, and how many rows the spine that asks for values."""

    events: int
    spine: int

    @classmethod
    def of(cls, scale: float, events: int = 5_000_000, spine: int = 500_000) -> "Size":
        """The sizes of a scale; whole multiples of what the tables need."""
        return cls(max(20_000, round(events * scale / 1000) * 1000), max(2_000, round(spine * scale)))

    @property
    def rows(self) -> int:
        """All rows that are read."""
        return self.events + self.spine

    @property
    def folder(self) -> Path:
        """Where its tables are, for this text of this file and this version of DuckDB."""
        made = hashlib.sha256(Path(__file__).read_bytes() + duckdb.__version__.encode()).hexdigest()
        return CACHE / f"events_{self.events}_{self.spine}_{made[:8]}"

    def __str__(self) -> str:
        return f"{self.events:,} events x {self.spine:,} spine rows"


def estimated_bytes(size: Size, shapes: Sequence[str]) -> int:
    """What `generate` will write for these tables, about."""
    missing = [shape for shape in shapes if not (size.folder / f"spine_{shape}.parquet").exists()]
    return len(missing) * (size.events * BYTES_PER_EVENT + size.spine * BYTES_PER_POINT)


def generate(size: Size, shapes: Sequence[str]) -> Path:
    """Writes the tables that are not there yet, their spines, and the project; returns its folder."""
    folder = size.folder
    folder.mkdir(parents=True, exist_ok=True)
    if needed := estimated_bytes(size, shapes):
        print(f"Writing about {needed / 1e6:,.0f} MB of tables ({size}) below {CACHE}.", flush=True)
    for shape in shapes:
        if not (folder / f"spine_{shape}.parquet").exists():
            _write(size, shape)
    shutil.copytree(PROJECT, folder, dirs_exist_ok=True)
    return folder


def _write(size: Size, shape: str) -> None:
    """A table and then its spine: whoever finds the spine finds both."""
    with duckdb.connect(config={"threads": str(THREADS)}) as connection:
        queries = {shape: _events(size, shape), f"spine_{shape}": _spine(size, shape)}
        for name, query in queries.items():
            unfinished = size.folder / f".{name}.parquet"
            connection.execute(f"COPY ({query}) TO '{unfinished}' (FORMAT parquet, ROW_GROUP_SIZE 122880)")
            unfinished.replace(size.folder / f"{name}.parquet")


def _events(size: Size, shape: str) -> str:
    step = DAYS * 86_400_000_000 // size.events
    account = ACCOUNTS[shape].format(i="i", h="h", events=size.events)
    # One row in twenty comes between an hour and three days late, the others within a minute.
    rows = f"""
        SELECT
            i AS event,
            ({account})::BIGINT AS account,
            {FIRST} + to_microseconds(i * {step} + (h >> 8) % {step}) AS happened_at,
            happened_at + to_microseconds(CASE WHEN (h >> 20) % 20 = 0
                THEN 3600000000 + (h >> 24) % 255600000000
                ELSE 1000000 + (h >> 24) % 59000001 END) AS loaded_at,
            ((h >> 16) % 10000) / 100.0::DOUBLE AS amount,
            (1 + (h >> 28) % 9)::INTEGER AS quantity,
            ['food', 'toys', 'books', 'music', 'tools', 'games', 'garden', 'office'][1 + (h >> 12) % 8] AS kind
        FROM (SELECT range::BIGINT AS i, (hash(range) >> 8)::BIGINT AS h FROM range({size.events}))
    """
    if shape != "corrected":
        return rows  # in order, since DuckDB keeps the order of what it reads
    corrections = """
        SELECT * REPLACE (
            amount + 1 AS amount,
            loaded_at + to_microseconds((60000000 + hash(event + 7) % 864000000000)::BIGINT) AS loaded_at
        )
        FROM first WHERE hash(event + 3) % 20 = 0
    """
    return f"WITH first AS ({rows}) FROM first UNION ALL ({corrections}) ORDER BY happened_at, loaded_at"


def _spine(size: Size, shape: str) -> str:
    """Who has many rows is asked for as often; times lie in the last 70 days."""
    account = ACCOUNTS[shape].format(i="i", h="h", events=size.events)
    return f"""
        SELECT ({account})::BIGINT AS account, {FIRST} + to_microseconds({30 * 86_400_000_000} + past) AS asked_at
        FROM (
            SELECT i, (hash(i) >> 8)::BIGINT AS h, k, past
            FROM (
                SELECT
                    range AS k,
                    (hash(range + 11) % {size.events})::BIGINT AS i,
                    (hash(range + 13) % {70 * 86_400_000_000})::BIGINT AS past
                FROM range({size.spine})
            )
        )
        ORDER BY k
    """


def configure(folder: Path, memory_limit: str | None = None) -> None:
    """Writes the project's settings."""
    limit = f", memory_limit: {memory_limit}" if memory_limit else ""
    settings = f"project: events\ntargets:\n  laptop: {{offline: {{provider: duckdb, threads: {THREADS}{limit}}}}}\n"
    (folder / "featurestore.yaml").write_text(settings, encoding="utf-8")


def read_spine(folder: Path, shape: str) -> pa.Table:
    """The spine of a table."""
    return pq.read_table(folder / f"spine_{shape}.parquet")
