"""A reader that answers as it is told, servers over it on real sockets, and vectors of every type and status."""

import asyncio
import datetime
import decimal
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from featurestore.errors import ReferenceNotFoundError
from featurestore_serving.server import Limits, Server
from featurestore_serving.service import Field, ServiceDescription
from featurestore_serving.vectors import Column, FeatureVectors, GroupTimes, Request, Status

HOUR = 3_600_000_000
UTC = datetime.UTC

VALUES: dict[str, Sequence[object]] = {
    "Bool": [True, False],
    "Int32": [-(2**31), 2**31 - 1, 0],
    "Int64": [2**53 + 1, -(2**63), 2**63 - 1],
    "Float32": [0.5, -0.0, math.nan, math.inf],
    "Float64": [0.1, -0.0, math.nan, -math.inf, 5e-324],
    "String": ["", "Zürich \U0001f9ed", "a\x00b", "'; drop"],
    "Bytes": [b"", b"\x00\xff"],
    "Date": [datetime.date(1969, 12, 31), datetime.date.max, datetime.date.min],
    "Timestamp": [datetime.datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC), datetime.datetime.max.replace(tzinfo=UTC)],
    "Decimal(38, 2)": [decimal.Decimal("12.50"), decimal.Decimal("-999999999999999999999999999999999999.99")],
    "Array[String]": [[], ["x", None, "y"]],
    "Array[Decimal(10, 2)]": [[decimal.Decimal("0.10")], []],
    "Vector[3]": [[0.5, -0.0, math.inf], [1.0, 2.0, 3.0]],
}
WITHOUT_VALUE = {Status.NULL, Status.EXPIRED, Status.AHEAD, Status.UNAVAILABLE, Status.ERROR}


def column_of(type: str, count: int) -> Column:
    """A column in which every status occurs, and every value of the type."""
    statuses = [list(Status)[place % len(Status)] for place in range(count)]
    given = VALUES[type]
    values = [None if one in WITHOUT_VALUE else given[place % len(given)] for place, one in enumerate(statuses)]
    errors = {place: "f raised ValueError" for place, status in enumerate(statuses) if status is Status.ERROR}
    times = [None if value is None else place - HOUR for place, value in enumerate(values)]
    return Column(f"of {type}", type, f"fingerprint {type}", values, statuses, times, "group", errors)


@dataclass
class PreparedReader:
    """Answers with what ``answer`` makes of a request, and remembers the requests."""

    answer: Callable[[Request], FeatureVectors]
    requests: list[Request] = field(default_factory=list)

    def describe(self, service: str) -> ServiceDescription:
        """The only service that it has."""
        if service.partition("@")[0] != "checkout":
            message = f"There is no service {service!r}."
            raise ReferenceNotFoundError(message, where="features/checkout.py", hint="Services are checkout@v1.")
        entities = (Field("customer_id", "Int64"),)
        return ServiceDescription(
            "checkout@v1", "service fingerprint", "For the till.", entities, (Field("amount", "Float64"),),
            (Field("spend", "Decimal(10, 2)", "abc"),),
        )  # fmt: skip

    def get(self, request: Request) -> FeatureVectors:
        """The prepared answer."""
        self.requests.append(request)
        return self.answer(request)


def _every_type(request: Request) -> FeatureVectors:
    count = len(next(iter(request.entities.values())))
    groups = [
        GroupTimes("hourly", {"faa": "origin"}, [HOUR if place % 3 else None for place in range(count)], [HOUR] * count)
    ]
    columns = [column_of(type, count) for type in VALUES]
    return FeatureVectors("checkout@v1", "service fingerprint", list(range(count)), columns, groups)


def _echo(request: Request) -> FeatureVectors:
    (keys,) = request.entities.values()
    column = Column("key", "Int64", "abc", list(keys), [Status.PRESENT] * len(keys))
    return FeatureVectors("checkout@v1", "service fingerprint", [7] * len(keys), [column], [])


@pytest.fixture
def every_type() -> PreparedReader:
    """A reader whose replies have a column of each type, with values of every status."""
    return PreparedReader(_every_type)


@pytest.fixture
def echo() -> PreparedReader:
    """A reader that gives integer keys back as a feature."""
    return PreparedReader(_echo)


@pytest.fixture
def reader_of() -> Callable[[Callable[[Request], FeatureVectors]], PreparedReader]:
    """A reader that answers with a function's result."""
    return PreparedReader


class Running:
    """A server on an event loop of its own."""

    def __init__(self, reader: PreparedReader, address: str, limits: Limits) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = Server(reader, address, limits=limits)
        self._stopped = False
        try:
            self.address = asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(10)
        except BaseException:
            self._end()
            raise

    def stop(self) -> None:
        """Drains the server, and ends its loop."""
        if not self._stopped:
            self._stopped = True
            asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(30)
            self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


Serve = Callable[..., Running]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers, by default on a free port of the loopback, and stops them in the end."""
    running: list[Running] = []

    def start(reader: PreparedReader, address: str = "127.0.0.1:0", **limits: float) -> Running:
        running.append(Running(reader, address, Limits(**limits)))  # type: ignore[arg-type]
        return running[-1]

    yield start
    for one in running:
        one.stop()
