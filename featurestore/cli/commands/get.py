"""`featurestore get`: the features of one entity, as the online store has them."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from featurestore.cli.completing import services
from featurestore.cli.extras import serving_extra
from featurestore.cli.output import cell, print_json, print_table
from featurestore.cli.projects import opened
from featurestore.cli.session import Command, Session
from featurestore.cli.texts import TIME, read_text
from featurestore.definitions.types import parse_type
from featurestore.materialize import micros, time_of
from featurestore_serving.reader import local_reader
from featurestore_serving.service import FeatureReader, ServiceDescription
from featurestore_serving.vectors import Column, FeatureVectors, Request, Status

__all__ = ["get"]

TIMEOUT = 5.0
"""Seconds that a server is given to reply."""

WITHOUT_VALUE = {Status.UNAVAILABLE, Status.AHEAD, Status.ERROR}


@click.command(
    "get",
    cls=Command,
    examples=[
        "featurestore get checkout customer_id=7",
        "featurestore get checkout@v1 customer_id=7 amount=49.90           # with a request value",
        "featurestore get checkout customer_id=7 --address 127.0.0.1:50051 # from a server",
        "featurestore get checkout customer_id=7 --at 2024-06-01T12:00 --allow-at",
    ],
)
@click.argument("service", shell_complete=services)
@click.argument("given", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--at", type=TIME, help="Read at this time; a server must allow it.  [default: now]")
@click.option("--allow-at", is_flag=True, help="Allow --at without a server.")
@click.option("--address", metavar="HOST:PORT", help="Ask this server.  [default: the project's own online store]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def get(
    session: Session,
    service: str,
    given: tuple[str, ...],
    at: datetime.datetime | None,
    allow_at: bool,
    address: str | None,
    as_json: bool,
) -> None:
    """Read the features of one entity online: each with its status, its event time, and as of when it is.

    SERVICE is name or name@version; KEY is a key column of the service or a request value, each once. The target's
    online store is read as a server would read it, or a server is asked (--address).

    The store holds the newest values only: what is published later than a time asked for with --at is AHEAD.
    """
    _check_usage(session, at, address, allow_at=allow_at)
    with _reader(session, address, allow_at=allow_at) as reader:
        description = reader.describe(service)
        request = _request(description, given, at)
        vectors = reader.get(request)
    if as_json:
        print_json(_document(request, vectors))
    else:
        _print(vectors)


def _check_usage(session: Session, at: datetime.datetime | None, address: str | None, *, allow_at: bool) -> None:
    wrong = {
        "--allow-at goes with --at.": allow_at and at is None,
        "A server allows --at itself (serve --allow-at): leave --allow-at out.": allow_at and address is not None,
        "--at needs --allow-at: it reads at another time than now.": at is not None and not (allow_at or address),
        "--address asks a server: leave --target and --project-dir out.": address is not None
        and (session.target is not None or session.project_dir != Path()),
    }
    for message, found in wrong.items():
        if found:
            raise click.UsageError(message)


@contextmanager
def _reader(session: Session, address: str | None, *, allow_at: bool) -> Iterator[FeatureReader]:
    if address is None:
        with opened(session) as project:
            yield local_reader(project, allow_at=allow_at)
        return
    with serving_extra():
        from featurestore_serving.remote import RemoteReader  # noqa: PLC0415 - gRPC is an extra
    reader = RemoteReader(address, timeout=TIMEOUT)
    try:
        yield reader
    finally:
        reader.close()


def _request(description: ServiceDescription, given: Sequence[str], at: datetime.datetime | None) -> Request:
    """The request for one entity, of just the service that was described."""
    wanted = {field.name: field.type for field in (*description.entities, *description.request_values)}
    values: dict[str, list[object]] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not equals or name not in wanted or name in values:
            twice = " twice" if name in values else ""
            message = f"{one!r} is not wanted{twice}. {_needed(description.service, wanted)}"
            raise click.UsageError(message)
        try:
            values[name] = [read_text(text, parse_type(wanted[name]))]
        except ValueError as error:
            message = f"{name}: {error}."
            raise click.UsageError(message) from None
    if missing := [name for name in wanted if name not in values]:
        message = f"{missing[0]} is missing. {_needed(description.service, wanted)}"
        raise click.UsageError(message)
    return Request(
        service=description.service,
        entities={field.name: values[field.name] for field in description.entities},
        request_values={field.name: values[field.name] for field in description.request_values},
        at=None if at is None else [micros(at)],
    )


def _needed(service: str, wanted: Mapping[str, str]) -> str:
    listed = ", ".join(f"{name} ({data_type})" for name, data_type in wanted.items())
    return f"{service} needs {listed or 'nothing'}."


def _print(vectors: FeatureVectors) -> None:
    rows = [
        (
            column.name,
            "" if column.statuses[0] in WITHOUT_VALUE else column.values[0],
            column.statuses[0].name,
            _time(_event_time(column)),
            _as_of(column, vectors),
        )
        for column in vectors.columns
    ]
    print_table(("feature", "value", "status", "event time", "as of"), rows)
    for column in vectors.columns:
        if message := column.messages.get(0):
            click.echo(f"{column.name}: {message}", err=True)


def _event_time(column: Column) -> int | None:
    return column.event_times[0] if column.event_times else None


def _time(time: int | None) -> str:
    return "" if time is None else cell(time_of(time))


def _as_of(column: Column, vectors: FeatureVectors) -> str:
    """As of when the column's group was read; for each entity, where it was read for several of the row."""
    read = [one for one in vectors.groups if one.group == column.group]
    times = {_time(one.as_of[0]) for one in read}
    if len(times) <= 1:
        return "".join(times)
    return ", ".join(f"{_time(one.as_of[0]) or '-'} ({', '.join(one.role.values())})" for one in read)


def _document(request: Request, vectors: FeatureVectors) -> dict[str, object]:
    return {
        "service": vectors.service,
        "fingerprint": vectors.fingerprint,
        "time": time_of(vectors.times[0]),
        "entity": {name: values[0] for name, values in request.entities.items()},
        "request_values": {name: values[0] for name, values in request.request_values.items()},
        "features": [
            {
                "name": column.name,
                "value": column.values[0],
                "status": column.statuses[0].name,
                "event_time": _moment(_event_time(column)),
                "type": column.type,
                "fingerprint": column.fingerprint,
                "group": column.group,
                "message": column.messages.get(0),
            }
            for column in vectors.columns
        ],
        "groups": [
            {"group": one.group, "role": one.role, "as_of": _moment(one.as_of[0]), "due": time_of(one.due[0])}
            for one in vectors.groups
        ],
    }


def _moment(time: int | None) -> datetime.datetime | None:
    return None if time is None else time_of(time)
