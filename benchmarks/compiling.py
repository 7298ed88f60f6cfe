"""Bars about compilation: from definitions to the statement, without running it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import featurestore as fs
from events import HERE, Size, configure, generate
from featurestore.compiler.compile import compile_values
from featurestore.compiler.printing import print_statement
from measure import Bar, Limit, Setting, Work, side_by_side

__all__ = ["WORK"]

SECONDS = Limit("compile time of 1,000 features", 1, "s")
GROWTH = Limit("statement of 1,000 features / of 500", 2.05)
GROUPS = [f"wide_{number}" for number in range(10)]


def _compiling(setting: Setting) -> Iterator[Bar]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(generate(Size.of(0.001), ["even"]) / "even.parquet", folder)
        shutil.copy(HERE / "projects" / "wide" / "features.py", folder)
        configure(folder)
        with fs.open_project(folder) as project:
            loading = side_by_side(1, {"define": lambda: project.definitions})["define"]
            yield from _bars(project, setting, loading.best)


def _bars(project: fs.Project, setting: Setting, loading: float) -> Iterator[Bar]:
    dialect = project.store.dialect

    def statement(groups: list[str]) -> str:
        return print_statement(compile_values(project.select(groups)[0]), dialect)

    layout = project.select(GROUPS)[0]
    query = compile_values(layout)
    if len(layout.columns) != 1000:
        yield SECONDS.failed(f"there are {len(layout.columns)} features")
        return
    timings = side_by_side(
        setting.repeat,
        {
            "whole": lambda: statement(GROUPS),
            "select": lambda: project.select(GROUPS),
            "compile": lambda: compile_values(layout),
            "print": lambda: print_statement(query, dialect),
            "half": lambda: statement(GROUPS[:5]),
        },
    )
    parts = {name: timing.document for name, timing in timings.items()}
    yield SECONDS.met(timings["whole"].best, parts=parts, resolving_definitions=round(loading, 3))
    whole, half = len(statement(GROUPS)), len(statement(GROUPS[:5]))
    yield GROWTH.met(whole / half, characters=[half, whole])


WORK = Work("compile", "the statement of a thousand features", [SECONDS, GROWTH], _compiling)
