"""The offline path measured: `values_at` on DuckDB beside SQL by hand, beside simpler cases, and beside Feast.

`python benchmarks/values_at.py [--scale 0.01] [--only NAME ...]`. Each piece of work runs in a process of its own;
what is compared runs in turns, after the results were checked to be equal. The last line is one JSON object; the same
goes to `benchmarks/results/`, with a picture beside it.
"""

import argparse
import multiprocessing
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import boundary
import compiling
import feast_beside
import large
import one_table
import training
from measure import Bar, Setting, Work, load, machine, peak_memory, publish, versions

PACKAGES = ("featurestore", "duckdb", "pyarrow", "sqlglot", "numpy")
WORKS: Sequence[Work] = (
    *one_table.WORKS,
    large.WORK,
    training.WORK,
    boundary.WORK,
    compiling.WORK,
    feast_beside.WORK,
)


def measured(work: Work, setting: Setting, patience: float) -> list[Bar]:
    """The bars of a work, all of them: also those that came to no figure, with the reason why."""
    started, found, failure = load(), [], ""
    reason = f"did not finish in {patience:.0f} s"
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(work.name, setting, sender), daemon=False)
    process.start()
    sender.close()
    end = time.monotonic() + patience
    finished = False
    while receiver.poll(max(0.0, end - time.monotonic())):
        try:
            message = receiver.recv()
        except EOFError:
            finished = True
            break
        if isinstance(message, Bar):
            bar = replace(message, details={**message.details, "load": [started, load()]})
            print(bar, flush=True)
            found.append(bar)
        else:
            failure = str(message)
    if finished:
        process.join(60)
        reason = failure or f"the process ended with {process.exitcode}"
    process.kill()
    process.join()
    given = {bar.limit for bar in found}
    missing = [limit.failed(reason) for limit in work.limits if limit not in given]
    for bar in missing:
        print(bar, flush=True)
    return found + missing


def _measure(name: str, setting: Setting, sender: Connection) -> None:
    """The work, in its own process."""
    work = next(one for one in WORKS if one.name == name)
    try:
        for bar in work.measure(setting):
            sender.send(replace(bar, details={**bar.details, "peak_memory_mb": peak_memory() // 2**20}))
    except Exception as error:  # noqa: BLE001 - whatever a work fails of is what is reported of its bars
        traceback.print_exc()
        sender.send(f"{type(error).__name__}: {error}".splitlines()[0])
    sender.close()


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.01, help="of the sizes that the bars are about, up to 1")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[work.name for work in WORKS], help="these works")
    parser.add_argument("--list", action="store_true", help="list the works and their bars")
    parser.add_argument("--skip-feast", action="store_true", help="leave out the comparison that installs Feast")
    parser.add_argument("--repeat", type=int, default=5, help="how often each is run")
    parser.add_argument("--patience", type=float, default=900, help="seconds after which a work is given up")
    parser.add_argument("--json", type=Path, help="another file for the result")
    options = parser.parse_args()
    if options.list:
        for work in WORKS:
            print(f"{work.name:<12} {work.about}")
            for limit in work.limits:
                print(
                    f"{'':<12}   {limit.work}: {'at least' if limit.at_least else 'at most'} {limit.bar:g} {limit.unit}"
                )
        return
    if not 0 < options.scale <= 1:
        parser.error("--scale lies between 0 and 1")
    setting = Setting(options.scale, options.repeat)
    print(f"Scale {setting.scale:g}: that share of the rows which the bars are named after.")
    bars: list[Bar] = []
    for work in WORKS:
        if options.only and work.name not in options.only:
            continue
        if options.skip_feast and work is feast_beside.WORK:
            print("Feast is left out, as --skip-feast asks.")
            continue
        print(f"\n{work.name}: {work.about} (load {load()})", flush=True)
        bars += measured(work, setting, options.patience)
    figures = {"machine": machine(), "versions": versions(PACKAGES), "scale": setting.scale, "threads": 2}
    print(f"\n{sum(bar.holds for bar in bars)} of {len(bars)} bars hold.")
    publish("values_at", figures, bars, options.json)


if __name__ == "__main__":
    main()
