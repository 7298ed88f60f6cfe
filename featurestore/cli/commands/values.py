"""`featurestore values`: `values_at` from the shell."""

import datetime
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click

from featurestore.cli.completing import references
from featurestore.cli.output import aligned, json_line, plural, print_table, working
from featurestore.cli.projects import opened
from featurestore.cli.session import Command, Session
from featurestore.cli.texts import TIME, read_text
from featurestore.compiler.vector import Layout
from featurestore.definitions.types import Schema
from featurestore.spi.frames import arrow, write_parquet
from featurestore.spi.values import Values

__all__ = ["values"]

SHOWN = 100
"""Rows of a table that is printed."""


@click.command(
    "values",
    cls=Command,
    examples=[
        "featurestore values mean_amount Habits --key customer_id=7",
        "featurestore values mean_amount --key customer_id=7 --at 2024-05-01T12:00",
        "featurestore values checkout --key customer_id=7 --key amount=49.90     # with a request value",
        "featurestore values checkout --spine spine.csv --time asked_at --out values.parquet",
    ],
)
@click.argument("features", nargs=-1, required=True, metavar="FEATURE...", shell_complete=references)
@click.option("--spine", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file of keys and times.")
@click.option("--key", "keys", multiple=True, metavar="NAME=VALUE", help="A key or request value of a single row.")
@click.option("--at", type=TIME, help="The time of the single row.  [default: now]")
@click.option("--time", metavar="COLUMN", help="The column of the spine that holds the time.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write a .parquet or .csv file instead.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document per row.")
@click.pass_obj
def values(
    session: Session,
    features: tuple[str, ...],
    spine: Path | None,
    keys: tuple[str, ...],
    at: datetime.datetime | None,
    time: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Compute what serving would have returned for entities at times.

    That is done for each row of a file (--spine), or for one entity (--key, once for each of its keys). FEATURE is a
    feature, a class of features, a service or an on-demand feature. Nothing need be applied.
    """
    _check_usage(spine, keys, at, time, out, as_json=as_json)
    with opened(session) as project:
        asked: object = spine
        if spine is None:
            layout, _ = project.select(list(features))
            asked, time = _row(layout, keys, at)
        found = project.values_at(list(features), asked, time=time)
        _give(found, out, single=spine is None, as_json=as_json)


def _check_usage(
    spine: Path | None,
    keys: Sequence[str],
    at: datetime.datetime | None,
    time: str | None,
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    wrong = {
        "Give either --spine or --key.": bool(spine) == bool(keys),
        "--at goes with --key; a spine holds the times of its rows.": spine is not None and at is not None,
        "--time goes with --spine.": spine is None and time is not None,
        "--out and --json exclude each other.": out is not None and as_json,
        "--out names a .parquet or .csv file.": out is not None and out.suffix not in {".parquet", ".csv"},
    }
    for message, found in wrong.items():
        if found:
            raise click.UsageError(message)


def _row(layout: Layout, keys: Sequence[str], at: datetime.datetime | None) -> tuple[list[dict[str, object]], str]:
    """A spine of one row, and the name of its time column."""
    wanted = {**layout.keys, **layout.request_values}
    row: dict[str, object] = {}
    for given in keys:
        name, equals, text = given.partition("=")
        if not equals or name not in wanted or name in row:
            message = f"{given!r} is not wanted{' twice' if name in row else ''}. {_needed(wanted)}"
            raise click.BadParameter(message, param_hint="--key")
        try:
            row[name] = read_text(text, wanted[name])
        except ValueError as error:
            message = f"{name}: {error}."
            raise click.BadParameter(message, param_hint="--key") from None
    if missing := [name for name in wanted if name not in row]:
        message = f"{missing[0]} is missing. {_needed(wanted)}"
        raise click.BadParameter(message, param_hint="--key")
    time = next(name for name in ("time", "event_time", "at", "asked_at") if name not in {*wanted, *layout.columns})
    return [{**row, time: at or datetime.datetime.now(datetime.UTC)}], time


def _needed(wanted: Schema) -> str:
    listed = ", ".join(f"{name} ({data_type})" for name, data_type in wanted.items())
    return f"These features need {listed or 'nothing'}."


def _give(found: Values, out: Path | None, *, single: bool, as_json: bool) -> None:
    if out is not None:
        with working(f"Computing for {out}…"):
            rows = _write(found, out)
        click.echo(f"{plural(rows, 'row')} written to {out}.")
    elif as_json:
        for row in _rows(found):
            click.echo(json_line(row))
    else:
        _print(_rows(found), found, single=single)


def _rows(found: Values) -> Iterator[dict[str, Any]]:
    for batch in found:
        yield from batch.to_pylist()


def _print(rows: Iterator[dict[str, Any]], found: Values, *, single: bool) -> None:
    if single:
        for row in rows:
            click.echo(aligned({name: "null" if value is None else value for name, value in row.items()}))
        return
    shown = list(islice(rows, SHOWN))
    numbers = {field.name for field in found.schema if arrow().types.is_primitive(field.type)}
    print_table(found.schema.names, [list(row.values()) for row in shown], right=numbers)
    if next(rows, None) is not None:
        click.echo(f"These are the first {SHOWN} rows; --json and --out give all.", err=True)


def _write(found: Values, out: Path) -> int:
    """Writes all rows; the file appears whole or not at all. Returns their number."""
    if out.suffix == ".parquet":
        return write_parquet(found, found.schema, out)
    types = arrow().types
    if lists := [field.name for field in found.schema if types.is_nested(field.type)]:
        message = f"A CSV file cannot hold lists, as {lists[0]} does; write a .parquet file."
        raise click.BadParameter(message, param_hint="--out")
    partial = out.with_name(f".{out.name}.partial")
    rows = 0
    try:
        with arrow("pyarrow.csv").CSVWriter(partial, found.schema) as writer:
            for batch in found:
                writer.write_batch(batch)
                rows += batch.num_rows
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return rows
