"""Bars beside Feast: the same definitions and the same rows, in an environment that is made for it."""

import json
import subprocess
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from events import HERE, Size
from measure import Bar, Limit, Setting, Timing, Work, side_by_side
from one_table import computed, opened

__all__ = ["WORK"]

SIZE = Size(144_000, 20_000)
ENVIRONMENT = HERE / ".environments" / "feast"
STORES: Mapping[str, Limit] = {
    "dask": Limit("Feast's default offline store / ours, 144k x 20k", 20, at_least=True),
    "duckdb": Limit("Feast's DuckDB offline store / ours, 144k x 20k", 5, at_least=True),
}
MODES: Mapping[str, str] = {"known": "latest_known", "all": "latest_even"}
"""What Feast is told about created times, and the features that mean the same."""
COLUMNS = ("amount", "quantity", "kind")

# One spine row in twenty asks exactly one ttl after an event.
SPINE = """
    SELECT row_number() OVER () - 1 AS row, account, asked_at, edge FROM (
        (SELECT account, asked_at, FALSE AS edge FROM '{folder}/spine_even.parquet' LIMIT {rows} - {rows} // 20)
        UNION ALL
        SELECT account, happened_at + INTERVAL 1 DAY, TRUE
        FROM '{folder}/even.parquet' WHERE event % 100 = 50 AND event // 100 < {rows} // 20
    )
"""

DIFFERING = """
    SELECT reason, count(*)
    FROM (
        SELECT CASE
            WHEN f.row IS NULL AND (k.amount, k.quantity, k.kind) IS NOT DISTINCT FROM (NULL, NULL, NULL) THEN 'dropped'
            WHEN (f.amount, f.quantity, f.kind) IS NOT DISTINCT FROM (k.amount, k.quantity, k.kind) THEN NULL
            WHEN k.edge THEN 'edge'
            WHEN (f.amount, f.quantity, f.kind) IS NOT DISTINCT FROM (a.amount, a.quantity, a.kind) THEN 'unknown'
            ELSE 'unexplained'
        END AS reason
        FROM known AS k LEFT JOIN feast AS f USING (row) JOIN everything AS a USING (row)
    )
    WHERE reason IS NOT NULL
    GROUP BY reason
    ORDER BY reason
"""
REASONS = {
    "dropped": "Feast leaves the spine's row out, where no event lies within the ttl; here it stays, with nulls",
    "edge": "asked exactly one ttl after the event: Feast still counts it, semantics 9 does not",
    "unknown": "Feast counts a row before it was created, unless filter_by_created_timestamp is set",
    "unexplained": "unexplained",
}


def _feast(setting: Setting) -> Iterator[Bar]:
    python = _environment()
    installed = subprocess.run(  # noqa: S603 - our own
        [str(python), "-m", "pip", "list", "--format=json"], check=True, capture_output=True, text=True
    )
    found = {one["name"]: one["version"] for one in json.loads(installed.stdout)}
    versions = {name: found[name] for name in ("feast", "duckdb", "dask", "pandas", "pyarrow")}
    with opened(SIZE, ["even"]) as (project, folder), ExitStack() as stack:
        spine = _spine(folder)
        ours = {mode: project.values_at(feature, spine).to_arrow() for mode, feature in MODES.items()}
        asked = {store: stack.enter_context(_running(python, folder, store)) for store in STORES}
        differing = {
            (store, mode): _differing(ours, _saved(asked[store], mode, folder)) for store in STORES for mode in MODES
        }
        works: dict[str, Callable[[], object]] = {"ours": computed(project, [MODES["known"]], spine)}
        works |= {f"{store} {mode}": _asking(asked[store], mode) for store in STORES for mode in MODES}
        timings = side_by_side(setting.repeat, works)
        for store, limit in STORES.items():
            told = {mode: differing[store, mode] for mode in MODES}
            if any(REASONS["unexplained"] in found for found in told.values()):
                yield limit.failed(f"values differ: {told}")
                continue
            yield _bar(limit, timings, store, {"differences": told, "environment": versions})


def _bar(limit: Limit, timings: Mapping[str, Timing], store: str, told: Mapping[str, object]) -> Bar:
    """Of the two ways to ask Feast, the faster counts."""
    # What processor time Feast takes is not seen from here.
    seconds = {mode: {**timings[f"{store} {mode}"].document, "cpu": None} for mode in MODES}
    best = min(timings[f"{store} {mode}"].best for mode in MODES)
    return limit.met(
        best / timings["ours"].best, seconds=timings["ours"].document, against=seconds, size=str(SIZE), **told
    )


def _environment() -> Path:
    """A Python that has Feast: made when it is not there. Remove the folder to have a newer Feast."""
    python = ENVIRONMENT / "bin" / "python"
    mark = ENVIRONMENT / ".installed"
    if not mark.exists():
        print(f"Installing the newest Feast (about 700 MB) into {ENVIRONMENT}.", flush=True)
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "feast[duckdb]"]
        subprocess.run(install, check=True)  # noqa: S603 - our own
        mark.touch()
    return python


def _spine(folder: Path) -> pa.Table:
    with duckdb.connect() as connection:
        spine = connection.sql(SPINE.format(folder=folder, rows=SIZE.spine)).to_arrow_table()
    pq.write_table(spine, folder / "spine.parquet")
    return spine


@contextmanager
def _running(python: Path, folder: Path, store: str) -> Iterator["subprocess.Popen[str]"]:
    program = [str(python), str(HERE / "feast_program.py"), str(folder), store]
    pipe = subprocess.PIPE
    with (
        _log(folder, store).open("w") as log,
        subprocess.Popen(program, stdin=pipe, stdout=pipe, stderr=log, text=True) as process,  # noqa: S603 - our own
    ):
        yield process
        _stream(process.stdin).close()


def _log(folder: Path, store: str) -> Path:
    """What Feast and the packages that it uses print."""
    return folder / f"feast_{store}.log"


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None  # noqa: S101 - both ends are pipes
    return stream


def _ask(process: "subprocess.Popen[str]", line: str) -> None:
    stdin = _stream(process.stdin)
    stdin.write(f"{line}\n")
    stdin.flush()
    if not _stream(process.stdout).readline():
        message = f"Feast's program ended; its last words are in {SIZE.folder}."
        raise RuntimeError(message)


def _asking(process: "subprocess.Popen[str]", mode: str) -> Callable[[], None]:
    return lambda: _ask(process, mode)


def _saved(process: "subprocess.Popen[str]", mode: str, folder: Path) -> pa.Table:
    file = folder / f"feast_{mode}.parquet"
    _ask(process, f"{mode} {file}")
    return pq.read_table(file)


def _differing(ours: Mapping[str, pa.Table], feast: pa.Table) -> dict[str, int]:
    """In how many rows Feast's values are not ours, and why so."""
    with duckdb.connect() as connection:
        for name, table in {"feast": feast, "known": ours["known"], "everything": ours["all"]}.items():
            connection.register(name, table)
        return {REASONS[reason]: rows for reason, rows in connection.sql(DIFFERING).fetchall()}


WORK = Work("feast", "the same definitions and rows in Feast", list(STORES.values()), _feast)
