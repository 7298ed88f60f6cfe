import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from featurestore.errors import (
    ConfigurationError,
    DeadlineExceededError,
    FeaturestoreError,
    FingerprintDiffersError,
    MissingExtraError,
    NotSupportedError,
    ReferenceNotFoundError,
    RegistryUnavailableError,
    RequestError,
    ServerUnavailableError,
    ServingError,
    SpineError,
    StoreUnavailableError,
)
from featurestore_serving.client import FeatureClient
from featurestore_serving.server import SERVICE, Limits, Server
from featurestore_serving.v1 import serving_pb2 as pb
from featurestore_serving.v1 import serving_pb2_grpc as pb_grpc
from featurestore_serving.vectors import FeatureVectors, Request

ANSWER = Callable[[Request], FeatureVectors]
NO_ROWS = FeatureVectors("checkout@v1", "f", [], [], [])


@contextmanager
def connected(address: str) -> Iterator[Any]:
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        yield channel


def refused(address: str, message: pb.GetFeaturesRequest | None = None) -> Any:
    """What a client in another language would see of a call that fails."""
    with connected(address) as channel, pytest.raises(grpc.RpcError) as raised:
        pb_grpc.ServingStub(channel).GetFeatures(message or pb.GetFeaturesRequest(service="checkout"), timeout=10)
    return raised.value


# Values


def test_values_of_all_types_and_statuses_arrive_as_the_reader_gave_them(every_type: Any, serve: Any) -> None:
    entities = {"id": list(range(20))}
    with FeatureClient(serve(every_type).address) as client:
        served = client.get("checkout", entities)
    read = FeatureClient.over(every_type).get("checkout", entities)
    assert repr(served) == repr(read)


def test_ten_thousand_entities_arrive_in_their_order(every_type: Any, serve: Any) -> None:
    entities = {"id": list(range(10_000))}
    with FeatureClient(serve(every_type).address, timeout=60) as client:
        served = client.get("checkout", entities)
    assert served.times == list(range(10_000))
    assert repr(served) == repr(FeatureClient.over(every_type).get("checkout", entities))


def test_no_entities_give_a_reply_without_rows(every_type: Any, serve: Any) -> None:
    with FeatureClient(serve(every_type).address) as client:
        assert client.get("checkout", {"id": []}).to_dicts() == []


def test_requests_that_run_at_once_get_their_own_replies(echo: Any, serve: Any) -> None:
    with FeatureClient(serve(echo).address, timeout=60) as client, ThreadPoolExecutor(16) as threads:
        asked = [[first, first + 1] for first in range(400)]
        replies = list(threads.map(lambda keys: client.get("checkout", {"id": keys}).column("key").values, asked))
    assert replies == asked


# Errors


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ReferenceNotFoundError("There is no service 'x'."), grpc.StatusCode.NOT_FOUND),
        (NotSupportedError("Zürich@v2 is newer than this server."), grpc.StatusCode.UNIMPLEMENTED),
        (RequestError("The key column 'id' is missing."), grpc.StatusCode.INVALID_ARGUMENT),
        (SpineError("The key 'id' is of type Int64."), grpc.StatusCode.INVALID_ARGUMENT),
        (FingerprintDiffersError("spend is abc, not def."), grpc.StatusCode.FAILED_PRECONDITION),
        (StoreUnavailableError("Redis is away."), grpc.StatusCode.UNAVAILABLE),
        (RegistryUnavailableError("The registry is away."), grpc.StatusCode.UNAVAILABLE),
        (ServerUnavailableError("The next server is away."), grpc.StatusCode.UNAVAILABLE),
        (DeadlineExceededError("The next server is late."), grpc.StatusCode.DEADLINE_EXCEEDED),
        (ConfigurationError("There is no online store."), grpc.StatusCode.FAILED_PRECONDITION),
        (MissingExtraError("duckdb is not installed."), grpc.StatusCode.FAILED_PRECONDITION),
        (FeaturestoreError("Something else."), grpc.StatusCode.INTERNAL),
    ],
)
def test_an_error_of_the_reader_has_its_status_and_is_raised_by_the_client_as_it_was(
    error: FeaturestoreError, status: grpc.StatusCode, reader_of: Any, serve: Any
) -> None:
    error.hint = "Do this."

    def answer(_: Request) -> FeatureVectors:
        raise error

    address = serve(reader_of(answer)).address
    call = refused(address)
    assert (call.code(), call.details()) == (status, f"{error.message} Do this.")
    with FeatureClient(address, timeout=0.5) as client, pytest.raises(FeaturestoreError) as raised:
        client.get("checkout", {"id": [1]})
    assert (type(raised.value), str(raised.value)) == (type(error), str(error))


@pytest.mark.parametrize("kind", [ValueError, StopIteration, KeyError])
def test_an_error_that_nobody_expected_tells_the_caller_nothing_of_the_inside(
    kind: type[Exception], reader_of: Any, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(_: Request) -> FeatureVectors:
        raise kind("key 4711 in /srv/features.py")

    with caplog.at_level(logging.ERROR):
        call = refused(serve(reader_of(answer)).address)
    told = f"{call.details()} {call.trailing_metadata()}"
    assert call.code() == grpc.StatusCode.INTERNAL
    assert not any(word in told for word in ("4711", "features.py", kind.__name__, "Traceback"))
    (record,) = [record for record in caplog.records if record.name == "featurestore_serving.server"]
    assert record.exc_info is not None
    assert record.getMessage().split()[1] in call.details()


def test_a_request_that_contradicts_itself_is_an_invalid_argument(echo: Any, serve: Any) -> None:
    entities = {"id": pb.Values(int64s=pb.Int64s(values=[1]), nulls=b"\0\0")}
    call = refused(serve(echo).address, pb.GetFeaturesRequest(service="checkout", entities=entities))
    assert call.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "'id'" in call.details()


def test_a_request_above_the_limit_is_refused_unread(echo: Any, serve: Any) -> None:
    running = serve(echo, request_bytes=1000)
    with FeatureClient(running.address) as client, pytest.raises(RequestError, match="too large") as raised:
        client.get("checkout", {"id": [2**60] * 1000})
    assert raised.value.hint
    assert echo.requests == []


def test_a_reply_above_the_limit_is_an_error_that_says_what_to_do(echo: Any, serve: Any) -> None:
    running = serve(echo, reply_bytes=1000)
    with FeatureClient(running.address) as client, pytest.raises(RequestError, match="at most 1,000") as raised:
        client.get("checkout", {"id": [2**60] * 1000})
    assert raised.value.hint == "Ask for fewer entities at once, or for fewer features."


# Time


class Gate:
    """An answer that waits until it is let through, and says when it waits."""

    def __init__(self) -> None:
        self.waiting = threading.Semaphore(0)
        self.opened = threading.Event()

    def answer(self, request: Request) -> FeatureVectors:
        self.waiting.release()
        assert self.opened.wait(30)
        return FeatureVectors("checkout@v1", "f", [0] * len(request.entities["id"]), [], [])


@pytest.fixture
def gate(serve: Any) -> Iterator[Gate]:
    one = Gate()  # opened before `serve` drains its servers
    yield one
    one.opened.set()


def test_a_deadline_ends_the_call_and_the_work_that_has_not_begun(gate: Gate, reader_of: Any, serve: Any) -> None:
    reader = reader_of(gate.answer)
    with FeatureClient(serve(reader, threads=1).address, timeout=0.3) as client, ThreadPoolExecutor(2) as threads:
        begun = time.monotonic()
        calls = [threads.submit(client.get, "checkout", {"id": [1]}) for _ in range(2)]
        for call in calls:
            with pytest.raises(ServingError, match=r"no reply from 127\.0\.0\.1:\d+ after 0\.3 s"):
                call.result(10)
    assert time.monotonic() - begun < 5
    time.sleep(0.5)  # the server hears of the end of a call a moment after the caller
    gate.opened.set()
    time.sleep(0.3)
    assert len(reader.requests) == 1


def test_more_requests_at_once_than_the_server_takes_are_refused(gate: Gate, reader_of: Any, serve: Any) -> None:
    running = serve(reader_of(gate.answer), concurrent=1)
    with FeatureClient(running.address) as client, ThreadPoolExecutor(1) as threads:
        first = threads.submit(client.get, "checkout", {"id": [1]})
        assert gate.waiting.acquire(timeout=10)
        assert refused(running.address).code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        with FeatureClient(running.address) as other, pytest.raises(ServingError, match="has too much to do") as told:
            other.get("checkout", {"id": [1]})
        assert "again later" in str(told.value.hint)
        gate.opened.set()
        assert first.result(10).to_dicts() == [{"id": 1}]


# Health, reflection, stopping


def test_health_says_that_the_service_is_serving(echo: Any, serve: Any) -> None:
    with connected(serve(echo).address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", SERVICE):
            reply = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
            assert reply.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_describes_the_service_to_tools(echo: Any, serve: Any) -> None:
    with connected(serve(echo).address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert SERVICE in set(database.get_services())
        described = database.FindFileContainingSymbol(SERVICE)
        assert [method.name for method in described.service[0].method] == ["GetFeatures", "DescribeService"]


def test_stopping_lets_requests_under_way_finish_and_takes_no_others(gate: Gate, reader_of: Any, serve: Any) -> None:
    running = serve(reader_of(gate.answer))
    with connected(running.address) as channel, FeatureClient(running.address) as client:
        states = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SERVICE), timeout=20)
        assert next(states).status == health_pb2.HealthCheckResponse.SERVING
        with ThreadPoolExecutor(2) as threads:
            first = threads.submit(client.get, "checkout", {"id": [1]})
            assert gate.waiting.acquire(timeout=10)
            stopping = threads.submit(running.stop)
            assert next(states).status == health_pb2.HealthCheckResponse.NOT_SERVING
            states.cancel()
            with FeatureClient(running.address, timeout=0.5) as late, pytest.raises(ServingError):
                late.get("checkout", {"id": [2]})
            assert not stopping.done()
            gate.opened.set()
            assert first.result(10).to_dicts() == [{"id": 1}]
            stopping.result(10)


def test_a_request_that_outlasts_the_grace_is_cut_off(gate: Gate, reader_of: Any, serve: Any) -> None:
    running = serve(reader_of(gate.answer), grace=0.2)
    with FeatureClient(running.address, timeout=1) as client, ThreadPoolExecutor(1) as threads:
        call = threads.submit(client.get, "checkout", {"id": [1]})
        assert gate.waiting.acquire(timeout=10)
        running.stop()
        with pytest.raises(ServingError):
            call.result(10)


PROGRAM = """
import time
from featurestore_serving.server import serve
from featurestore_serving.vectors import FeatureVectors

class Reader:
    def get(self, request):
        print("begun", flush=True)
        time.sleep(1)
        return FeatureVectors("checkout@v1", "f", [0] * len(request.entities["id"]), [], [])

serve(Reader(), "127.0.0.1:0", on_start=lambda address: print(address, flush=True))
print("done", flush=True)
"""


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_the_server_and_ends_the_process_in_order(stop: signal.Signals) -> None:
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with FeatureClient(address) as client, ThreadPoolExecutor(1) as threads:
            call = threads.submit(client.get, "checkout", {"id": [1]})
            assert process.stdout.readline() == "begun\n"
            os.kill(process.pid, stop)
            assert call.result(10).to_dicts() == [{"id": 1}]
        rest, errors = process.communicate(timeout=10)
    assert (process.returncode, rest, errors) == (0, "done\n", "")


# Addresses


def test_the_default_address_is_reached_from_this_machine_only(echo: Any) -> None:
    assert Server(echo)._asked == "127.0.0.1:50051"


def test_an_address_that_is_taken_is_an_error_and_not_shared(echo: Any, serve: Any) -> None:
    address = serve(echo).address
    with pytest.raises(ServingError, match="cannot be served: it is taken"):
        serve(echo, address)


def test_serving_other_machines_without_encryption_is_warned_of(
    echo: Any, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    serve(echo)
    assert not caplog.records
    serve(echo, "0.0.0.0:0")
    assert "can be reached from other machines" in caplog.text


def test_a_server_can_listen_on_a_socket_file(echo: Any, serve: Any, tmp_path: Any) -> None:
    running = serve(echo, f"unix:{tmp_path}/s")
    with FeatureClient(running.address) as client:
        assert client.get("checkout", {"id": [5]}).column("key").values == [5]


def test_limits_have_defaults_that_fit_ten_thousand_entities() -> None:
    assert Limits().request_bytes >= 10_000 * 100
