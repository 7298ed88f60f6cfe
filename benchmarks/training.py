"""Bars about a training set of several entities: beside its parts, and in seconds."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

import featurestore as fs
from by_hand import differences
from events import CACHE, HERE, configure
from measure import Bar, Limit, Setting, Work, side_by_side
from one_table import computed

__all__ = ["WORK"]

SUM = Limit("40 features of 3 entities, 336,776 flights / sum of the parts", 1.5)
SECONDS = Limit("training set of 40 features, 336,776 flights", 20, "s")
WHOLE = "delays"
PARTS = ("part_airport", "part_weather", "part_carrier", "part_plane", "part_register")
EXAMPLE = HERE.parent / "examples" / "flights"
COLUMNS = ["scheduled_departure", "carrier", "flight", "tailnum", "origin"]


def _training(setting: Setting) -> Iterator[Bar]:
    """The flights are as many as they are, whatever the scale."""
    with fs.open_project(_prepared()) as project:
        spine = pq.read_table(project.root / "flights.parquet", columns=COLUMNS)
        whole = project.values_at(WHOLE, spine).to_arrow()
        names = whole.column_names[spine.num_columns :]
        for part in PARTS:
            alone = project.values_at(part, spine).to_arrow()
            if found := differences(whole, alone, alone.column_names[spine.num_columns :]):
                yield from (limit.failed(f"values of {part} differ: {found}") for limit in (SUM, SECONDS))
                return
        timings = side_by_side(setting.repeat, {name: computed(project, [name], spine) for name in (WHOLE, *PARTS)})
        total = sum(timings[part].best for part in PARTS)
        seconds = {name: timing.document for name, timing in timings.items()}
        yield SUM.met(timings[WHOLE].best / total, features=len(names), rows=spine.num_rows, seconds=seconds)
        project.plan()
        built = side_by_side(setting.repeat, {"build": project.training_set("all_flights").build})["build"]
        yield SECONDS.met(built.best, seconds=built.document, rows=spine.num_rows)


def _prepared() -> Path:
    """The project, over the tables that the example makes."""
    subprocess.run([sys.executable, str(EXAMPLE / "prepare.py")], check=True)  # noqa: S603 - our own
    folder = CACHE / "flights"
    shutil.rmtree(folder, ignore_errors=True)  # a registry of other definitions
    shutil.copytree(HERE / "projects" / "flights", folder)
    for table in ("flights", "weather", "planes"):
        shutil.copy(EXAMPLE / "data" / f"{table}.parquet", folder)
    configure(folder)
    return folder


WORK = Work("training", "a training set of real flights, of several groups and entities", [SUM, SECONDS], _training)
