"""Reading from a server: a `FeatureReader` over a gRPC channel."""

import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

import grpc

from featurestore.errors import (
    DeadlineExceededError,
    FeaturestoreError,
    RequestError,
    ServerUnavailableError,
    ServingError,
)
from featurestore_serving import address as addresses
from featurestore_serving.convert import description_of, request_message, vectors_of
from featurestore_serving.failures import error_of, failure_in
from featurestore_serving.service import ServiceDescription
from featurestore_serving.v1 import serving_pb2 as pb
from featurestore_serving.v1 import serving_pb2_grpc as pb_grpc
from featurestore_serving.vectors import FeatureVectors, Request

__all__ = ["RemoteReader"]

_REPLY_BYTES = 64 * 2**20
_OPTIONS = [
    ("grpc.max_receive_message_length", _REPLY_BYTES),
    ("grpc.max_send_message_length", _REPLY_BYTES),
    # Retries are made here, where they know the deadline of the whole.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # Feature servers are neighbors: a proxy meant for the web must not catch localhost.
    ("grpc.enable_http_proxy", 0),
]


class RemoteReader:
    """Reads from the server at ``address``. It connects with the first call; close it.

    Every call takes at most ``timeout`` seconds. A server that is away is asked again within them, and nothing else is
    tried twice.
    """

    def __init__(self, address: str, *, timeout: float) -> None:
        if not timeout > 0:
            message = f"A timeout of {timeout:g} seconds leaves no time."
            raise ServingError(message)
        self.address = addresses.checked(address)
        self.timeout = timeout
        self._channel = grpc.insecure_channel(self.address, options=_OPTIONS)
        self._stub = pb_grpc.ServingStub(self._channel)

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def describe(self, service: str) -> ServiceDescription:
        """See `FeatureReader.describe`; raises what `get` does if there is no reply."""
        return description_of(self._call(self._stub.DescribeService, pb.DescribeServiceRequest(service=service)))

    def get(self, request: Request) -> FeatureVectors:
        """See `FeatureReader.get`.

        Raises:
            ServerUnavailableError: nobody answers.
            DeadlineExceededError: there is no reply in time.
            ServingError: what answers is no feature server of this version, or a message is too large.
        """
        return vectors_of(self._call(self._stub.GetFeatures, request_message(request)))

    def _call(self, method: Any, message: Any) -> Any:
        until = time.monotonic() + self.timeout
        away = None
        for pause in _pauses():
            try:
                return method(message, timeout=max(until - time.monotonic(), 0.001))
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    # A deadline that passes while the server is away means that it is away.
                    late = away is not None and error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
                    raise self._error(away if late else error) from None
                away = error
            if time.monotonic() + pause >= until:
                break
            time.sleep(pause)
        raise self._error(away) from None

    def _error(self, error: Any) -> FeaturestoreError:
        failure = failure_in(error.trailing_metadata())
        if failure is not None:
            return error_of(failure)
        too_large = _TOO_LARGE_DETAILS in (error.details() or "")
        kind, message, hint = _TOO_LARGE if too_large else _WITHOUT_FAILURE.get(error.code(), _UNKNOWN)
        said = {"address": self.address, "timeout": self.timeout, "code": error.code().name, "details": error.details()}
        return kind(message.format(**said), hint=hint)


_WITHOUT_FAILURE: Mapping[grpc.StatusCode, tuple[type[ServingError], str, str]] = {
    grpc.StatusCode.UNAVAILABLE: (
        ServerUnavailableError,
        "No feature server answers at {address} ({details}).",
        "Start it, for example with `featurestore serve`, or correct the address.",
    ),
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        DeadlineExceededError,
        "There is no reply from {address} after {timeout:g} s.",
        "Ask for fewer entities at once, give more time (FeatureClient(..., timeout=...)), or see why it is slow.",
    ),
    grpc.StatusCode.UNIMPLEMENTED: (
        ServingError,
        "What answers at {address} is no feature server that this client knows ({details}).",
        "Correct the address, or bring client and server to one version.",
    ),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (
        ServingError,
        "The server at {address} has too much to do ({details}).",
        "Ask again later, with fewer requests at once, or run more servers.",
    ),
}
_TOO_LARGE = (
    RequestError,
    "The request, or the reply to it, is too large for {address} ({details} bytes).",
    "Ask for fewer entities at once, or for fewer features: split the request.",
)
_TOO_LARGE_DETAILS = "message larger than max"
"""What gRPC says, on either side, of a message above a limit; its code says the same of a server that is busy."""
_UNKNOWN = (ServingError, "The call to {address} failed: {code}, {details}.", "The server's log may say more.")


def _pauses() -> Iterator[float]:
    """Seconds between attempts: growing, and at random, so that many clients do not come back at once."""
    longest = 0.05
    while True:
        yield random.uniform(longest / 2, longest)  # noqa: S311 - nothing secret
        longest = min(2 * longest, 1.0)
