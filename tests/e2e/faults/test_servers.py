"""Servers that die, and clients without gRPC."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from featurestore.errors import DeadlineExceededError, ServerUnavailableError
from featurestore_serving.client import FeatureClient

PROGRAM = """
import sys, time
from featurestore_serving.server import serve
from featurestore_serving.vectors import FeatureVectors

class Slow:
    def get(self, request):
        print("begun", flush=True)
        time.sleep(float(sys.argv[2]))
        return FeatureVectors("checkout@v1", "f", [0] * len(request.entities["id"]), [], [])

serve(Slow(), sys.argv[1], on_start=lambda address: print(address, flush=True))
"""


@contextmanager
def server(address: str, seconds: float) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A server in a process of its own that takes its time for each request."""
    command = [sys.executable, "-c", PROGRAM, address, str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def killed(process: "subprocess.Popen[str]") -> None:
    """Kills a server once it has begun to answer."""
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_server_that_is_killed_in_the_middle_of_a_request_is_told_as_one_that_is_away() -> None:
    with (
        server("127.0.0.1:0", 30) as (process, address),
        FeatureClient(address, timeout=3) as client,
        ThreadPoolExecutor(1) as threads,
    ):
        call = threads.submit(client.get, "checkout", {"id": [1]})
        killed(process)
        away = re.escape(f"No feature server answers at {address}")
        with pytest.raises(ServerUnavailableError, match=away) as told:
            call.result(20)
    assert "featurestore serve" in str(told.value.hint)


def test_a_server_that_comes_back_within_the_deadline_answers_the_request_that_killed_it() -> None:
    with (
        server("127.0.0.1:0", 30) as (process, address),
        FeatureClient(address, timeout=60) as client,
        ThreadPoolExecutor(1) as threads,
    ):
        call = threads.submit(client.get, "checkout", {"id": [1]})
        killed(process)
        with server(address, 0):
            assert call.result(60).to_dicts() == [{"id": 1}]


def without_grpc(code: str, root: Path) -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.modules['grpc'] = None; {code}"
    return subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)


def test_a_client_of_a_server_without_grpc_is_told_what_to_install(tmp_path: Path) -> None:
    code = "from featurestore_serving.client import FeatureClient; FeatureClient('localhost:50051')"
    done = without_grpc(code, tmp_path)
    last = done.stderr.strip().splitlines()[-2:]
    assert last[0].startswith("featurestore.errors.MissingExtraError: Asking a feature server needs the package 'grpc'")
    assert last[1] == "  pip install 'featurestore[serving]'"


def test_a_local_client_needs_no_grpc(root: Path) -> None:
    code = (
        "from featurestore_serving.client import FeatureClient\n"
        "with FeatureClient.local('.') as client:\n"
        "    print(client.get('customers', {'customer_id': [7]}).to_dicts())"
    )
    done = without_grpc(code, root)
    assert done.stdout == "[{'customer_id': 7, 'visits': 1, 'spend': 7.0}]\n", done.stderr


def test_a_server_that_is_slow_is_told_after_the_deadline_and_not_later() -> None:
    with server("127.0.0.1:0", 30) as (_, address), FeatureClient(address, timeout=0.5) as client:
        began = time.monotonic()
        with pytest.raises(DeadlineExceededError, match=r"There is no reply from .* after 0\.5 s"):
            client.get("checkout", {"id": [1]})
        assert time.monotonic() - began < 5
