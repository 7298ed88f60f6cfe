import datetime
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from featurestore.errors import (
    FingerprintDiffersError,
    ReferenceNotFoundError,
    RequestError,
    ServingError,
    StoreUnavailableError,
)
from featurestore_serving.client import FeatureClient
from featurestore_serving.vectors import FeatureVectors, Request


@pytest.fixture
def free_address() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


# What is asked and what comes back


def test_keys_request_values_times_and_columns_reach_the_reader(echo: Any, serve: Any) -> None:
    day = datetime.date(2024, 2, 29)
    at = datetime.datetime(1970, 1, 1, 1, tzinfo=datetime.UTC)
    with FeatureClient(serve(echo).address, manifest={"key": "abc"}) as client:
        client.get(
            "checkout@v1",
            [{"id": day}, {"id": None}],
            request_values={"amount": [1, 2.5], "shop": "Zürich"},
            at=[at, 5],
            features=["key"],
        )
    (request,) = echo.requests
    assert request == Request(
        service="checkout@v1",
        entities={"id": [day, None]},
        request_values={"amount": [1.0, 2.5], "shop": ["Zürich"]},
        at=[3_600_000_000, 5],
        features=["key"],
        fingerprints={"key": "abc"},
    )


def test_what_is_left_out_reaches_the_reader_as_left_out(echo: Any, serve: Any) -> None:
    with FeatureClient(serve(echo).address) as client:
        client.get("checkout", {"id": [1]})
    assert echo.requests == [Request("checkout", {"id": [1]})]


def test_rows_are_keys_and_features(echo: Any, serve: Any) -> None:
    with FeatureClient(serve(echo).address) as client:
        got = client.get("checkout", {"id": [7, 2**53 + 1]})
    assert got.to_dicts() == [{"id": 7, "key": 7}, {"id": 2**53 + 1, "key": 2**53 + 1}]


def test_a_column_that_is_not_there_is_an_error_that_lists_those_that_are(echo: Any) -> None:
    got = FeatureClient.over(echo).get("checkout", {"id": [7]})
    with pytest.raises(RequestError, match=r"no column 'spend'.\s+Columns are key\."):
        got.column("spend")


def test_a_service_can_be_described(echo: Any, serve: Any) -> None:
    with FeatureClient(serve(echo).address) as client:
        assert client.describe("checkout") == echo.describe("checkout")
        with pytest.raises(ReferenceNotFoundError) as raised:
            client.describe("chekout")
    assert (raised.value.where, raised.value.hint) == ("features/checkout.py", "Services are checkout@v1.")


def test_a_key_of_the_wrong_type_is_refused_before_anything_is_sent(free_address: str) -> None:
    with FeatureClient(free_address) as client, pytest.raises(RequestError, match="'id' holds a bool"):
        client.get("checkout", {"id": [True]})


def test_a_client_over_a_reader_in_this_process_closes_what_it_was_given(echo: Any) -> None:
    closed: list[bool] = []
    with FeatureClient.over(echo, close=lambda: closed.append(True)) as client:
        assert client.get("checkout", {"id": [7]}).to_dicts() == [{"id": 7, "key": 7}]
    assert closed == [True]


# Manifests


@pytest.mark.parametrize("remote", [True, False])
def test_features_that_differ_from_the_manifest_are_refused_whatever_the_server_thinks(
    remote: bool, echo: Any, serve: Any
) -> None:
    def client(manifest: dict[str, str]) -> FeatureClient:
        if remote:
            return FeatureClient(serve(echo).address, manifest=manifest)
        return FeatureClient.over(echo, manifest=manifest)

    with client({"key": "abc", "other": "x"}) as same:
        assert same.get("checkout", {"id": [1]}).to_dicts()
    with client({"key": "def"}) as other, pytest.raises(FingerprintDiffersError, match=r"'key' .* is abc, and def in"):
        other.get("checkout", {"id": [1]})
    with client({}) as none, pytest.raises(FingerprintDiffersError, match="not in the manifest"):
        none.get("checkout", {"id": [1]})


def test_a_manifest_may_be_a_file(echo: Any, serve: Any, tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps({"fingerprints": {"key": "abc"}}), encoding="utf-8")
    with FeatureClient(serve(echo).address, manifest=file) as client:
        client.get("checkout", {"id": [1]})
    assert echo.requests[0].fingerprints == {"key": "abc"}


# Servers that are away


def test_a_server_that_is_away_is_an_error_with_its_address_and_what_to_do(free_address: str) -> None:
    with FeatureClient(free_address, timeout=0.5) as client, pytest.raises(ServingError) as raised:
        client.get("checkout", {"id": [1]})
    assert f"No feature server answers at {free_address}" in raised.value.message
    assert "featurestore serve" in str(raised.value.hint)


def test_a_server_that_is_away_is_tried_again_until_the_deadline(free_address: str) -> None:
    begun = time.monotonic()
    with FeatureClient(free_address, timeout=1.0) as client, pytest.raises(ServingError):
        client.get("checkout", {"id": [1]})
    assert 0.4 < time.monotonic() - begun < 3


def test_a_server_that_comes_up_within_the_deadline_answers(free_address: str, echo: Any, serve: Any) -> None:
    starting = threading.Timer(0.5, serve, (echo, free_address))
    starting.start()
    with FeatureClient(free_address, timeout=20) as client:
        assert client.get("checkout", {"id": [7]}).column("key").values == [7]
    starting.join()


def test_a_store_that_is_away_for_a_moment_is_not_the_callers_concern(reader_of: Any, serve: Any) -> None:
    calls: list[Request] = []

    def answer(request: Request) -> FeatureVectors:
        calls.append(request)
        if len(calls) < 3:
            message = "Redis is away."
            raise StoreUnavailableError(message)
        return FeatureVectors("checkout@v1", "f", [0], [], [])

    with FeatureClient(serve(reader_of(answer)).address, timeout=20) as client:
        assert client.get("checkout", {"id": [1]}).to_dicts() == [{"id": 1}]
    assert len(calls) == 3


@pytest.mark.parametrize("error", [RequestError("no"), ServingError("broken"), ValueError("broken")])
def test_nothing_but_absence_is_tried_again(error: Exception, reader_of: Any, serve: Any) -> None:
    def answer(_: Request) -> FeatureVectors:
        raise error

    reader = reader_of(answer)
    with FeatureClient(serve(reader).address) as client, pytest.raises(ServingError):
        client.get("checkout", {"id": [1]})
    assert len(reader.requests) == 1


def test_what_is_no_feature_server_is_called_that(free_address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with FeatureClient(address, timeout=0.5) as client, pytest.raises(ServingError, match=address):
            client.get("checkout", {"id": [1]})


@pytest.mark.parametrize("address", ["localhost", "", "feature-server.example"])
def test_an_address_without_a_port_is_refused(address: str) -> None:
    with pytest.raises(ServingError, match=r"has no port"):
        FeatureClient(address)


@pytest.mark.parametrize("timeout", [0, -1])
def test_a_timeout_that_leaves_no_time_is_refused(timeout: float) -> None:
    with pytest.raises(ServingError, match="leaves no time"):
        FeatureClient("localhost:1", timeout=timeout)


# What it costs to import


def test_importing_the_client_loads_of_the_core_the_errors_alone_and_no_library_but_grpc_and_protobuf() -> None:
    program = "import grpc, google.protobuf, sys; before = set(sys.modules); import featurestore_serving.client; "
    program += "print(*set(sys.modules) - before)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    packages = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names)
    assert {name for name in packages if not name.startswith("_")} <= {
        "featurestore",
        "featurestore_serving",
        "google",
        "grpc",
    }
    assert {name for name in loaded if name.partition(".")[0] == "featurestore"} == {
        "featurestore",
        "featurestore.errors",
    }
    assert "featurestore_serving.server" not in loaded
