"""What commands print: tables that are not cut when they are piped, and JSON."""

import base64
import dataclasses
import datetime
import decimal
import json
import math
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

__all__ = ["aligned", "cell", "counted", "json_line", "plain", "plural", "print_json", "print_table", "working"]

WIDE = 100_000
"""Columns of an output that is no terminal: nothing is wrapped there."""

NARROWEST = 30
"""Columns that the last column of a table has at least, if need be beyond the edge of the terminal."""


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Collection[str] = ()) -> None:
    """Prints rows under column names; those in ``right`` to the right, as numbers are.

    On a terminal only the last column is folded, and columns in which nothing stands are left out.
    """
    terminal = sys.stdout.isatty()
    cells = [[cell(value) for value in row] for row in rows]
    shown = [at for at, _ in enumerate(columns) if not (terminal and cells) or any(row[at] for row in cells)]
    table = Table(box=SIMPLE_HEAD if terminal else None, pad_edge=False)
    for at in shown:
        side: Literal["left", "right"] = "right" if columns[at] in right else "left"
        table.add_column(Text(columns[at]), justify=side, overflow="fold", no_wrap=at != shown[-1])
    for row in cells:
        table.add_row(*(Text(row[at]) for at in shown))
    fixed = sum(3 + max(map(len, [columns[at], *(row[at] for row in cells)])) for at in shown[:-1])
    width = max(fixed + NARROWEST, Console().width) if terminal else WIDE
    console = Console(highlight=False, markup=False, emoji=False, width=width)
    with console.capture() as captured:
        console.print(table)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    click.echo("\n".join(line for line in lines if line))


def aligned(pairs: Mapping[str, object]) -> str:
    """Names and values in two columns; what is None or empty is left out, further lines of a value are indented."""
    shown = {name: value for name, value in pairs.items() if value not in (None, "", ())}
    width = max((len(name) for name in shown), default=0) + 2
    space = "\n" + " " * width
    return "\n".join(f"{name:<{width}}{cell(value).replace(chr(10), space)}".rstrip() for name, value in shown.items())


def cell(value: object) -> str:
    """A value as it stands in a table: ``null`` for None, times with a trailing Z where they are UTC."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case datetime.datetime():
            return value.isoformat(sep=" ").replace("+00:00", "Z")
        case bytes():
            return f"0x{value.hex()}"
        case list() | tuple():
            return f"[{', '.join(map(cell, value))}]"
        case _:
            return str(value)


def plain(value: Any) -> Any:
    """A value as JSON can say it: times in ISO 8601, bytes in base64, decimals and what is not finite as text."""
    match value:
        case Mapping():
            return {str(name): plain(one) for name, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(one) for one in value]
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime.datetime() | datetime.date():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case decimal.Decimal():
            return str(value)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {one.name: plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
        case _:
            return value


def print_json(document: object) -> None:
    """Prints one JSON document."""
    click.echo(json.dumps(plain(document), indent=2, ensure_ascii=False, allow_nan=False))


def json_line(document: object) -> str:
    """A JSON document in one line."""
    return json.dumps(plain(document), ensure_ascii=False, allow_nan=False)


def plural(number: int, noun: str) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def counted(counts: Mapping[str, int]) -> str:
    """``11 registered, 1 binding``: what there is none of is left out."""
    found = {name: count for name, count in counts.items() if count}
    return ", ".join(f"{count:,} {name.removesuffix('s') if count == 1 else name}" for name, count in found.items())


def working(what: str) -> Status:
    """Shows on the standard error, where that is a terminal, that something is being done; used in ``with``."""
    return Console(stderr=True, highlight=False, markup=False).status(what)
