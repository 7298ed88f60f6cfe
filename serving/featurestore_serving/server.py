"""The gRPC server: requests are answered by a `FeatureReader`, on threads; the event loop only moves bytes."""

import asyncio
import logging
import secrets
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from featurestore.errors import FeaturestoreError, RequestError, ServingError
from featurestore_serving import address as addresses
from featurestore_serving.convert import description_message, request_of, vectors_message
from featurestore_serving.failures import METADATA, details_of, failure_of, status_of
from featurestore_serving.service import FeatureReader
from featurestore_serving.v1 import serving_pb2 as pb
from featurestore_serving.v1 import serving_pb2_grpc as pb_grpc

__all__ = ["SERVICE", "Limits", "Server", "serve"]

SERVICE = "featurestore_serving.v1.Serving"
"""The service's full name, under which health and reflection know it."""

M = TypeVar("M", bound=Message)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """What a server takes.

    Attributes:
        request_bytes: The size of a request.
        reply_bytes: The size of a reply.
        concurrent: Requests at once, waiting ones included; further ones are refused.
        threads: Requests that are worked on at once.
        grace: Seconds that requests under way may take once the server is asked to stop.
    """

    request_bytes: int = 16 * 2**20
    reply_bytes: int = 64 * 2**20
    concurrent: int = 256
    threads: int = 8
    grace: float = 20.0


@dataclass(frozen=True)
class _Refusal:
    """A call that fails: its status, and the error that says why."""

    status: grpc.StatusCode
    error: FeaturestoreError


class _Servicer:
    """The two calls. What a reader raises on purpose is told to the caller; of anything else only that it happened."""

    def __init__(self, reader: FeatureReader, limits: Limits, threads: ThreadPoolExecutor) -> None:
        self._reader = reader
        self._limits = limits
        self._threads = threads

    async def GetFeatures(self, message: pb.GetFeaturesRequest, context: Any) -> pb.GetFeaturesResponse:  # noqa: N802 - the name in serving.proto
        """See serving.proto."""
        return await self._reply(lambda: vectors_message(self._reader.get(request_of(message))), context)

    async def DescribeService(self, message: pb.DescribeServiceRequest, context: Any) -> pb.DescribeServiceResponse:  # noqa: N802 - idem
        """See serving.proto."""
        return await self._reply(lambda: description_message(self._reader.describe(message.service)), context)

    async def _reply(self, work: Callable[[], M], context: Any) -> M:
        # If the caller's deadline passes, this coroutine is cancelled, and with it work that has not begun.
        outcome = await asyncio.get_running_loop().run_in_executor(self._threads, self._outcome, work)
        if isinstance(outcome, _Refusal):
            metadata = ((METADATA, failure_of(outcome.error).SerializeToString()),)
            await context.abort(outcome.status, details_of(outcome.error), metadata)
            raise AssertionError  # `abort` has raised
        return outcome

    def _outcome(self, work: Callable[[], M]) -> M | _Refusal:
        """What work gives, or why it is refused: exceptions end here, since a future cannot carry all of them."""
        try:
            reply = work()
        except FeaturestoreError as error:
            return _Refusal(status_of(error), error)
        except Exception:  # the rim: whatever happens inside, the caller gets an answer and no internals
            mark = secrets.token_hex(4)
            logger.exception("Request %s failed.", mark)
            message = f"The server failed. Its log says more under {mark}."
            return _Refusal(grpc.StatusCode.INTERNAL, ServingError(message))
        size, limit = reply.ByteSize(), self._limits.reply_bytes
        if size > limit:
            message = f"The reply has {size:,} bytes, and the server sends at most {limit:,}."
            too_large = RequestError(message, hint="Ask for fewer entities at once, or for fewer features.")
            return _Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, too_large)
        return reply


class Server:
    """A server over a reader. Use it within one event loop: `start`, then `stop`."""

    def __init__(
        self, reader: FeatureReader, address: str = addresses.DEFAULT, *, limits: Limits | None = None
    ) -> None:
        self._limits = limits or Limits()
        self._asked = addresses.checked(address)
        self._threads = ThreadPoolExecutor(self._limits.threads, thread_name_prefix="featurestore-serving")
        self._servicer = _Servicer(reader, self._limits, self._threads)

    async def start(self) -> str:
        """Starts to serve, and returns the address; where port 0 was asked for, with the port that is used.

        Raises:
            ServingError: the address is taken, or not of this machine.
        """
        self._server = grpc.aio.server(
            maximum_concurrent_rpcs=self._limits.concurrent,
            options=[
                ("grpc.max_receive_message_length", self._limits.request_bytes),
                ("grpc.max_send_message_length", self._limits.reply_bytes),
                # Otherwise a second server on one port would silently take half of the requests.
                ("grpc.so_reuseport", 0),
            ],
        )
        self._health = health.aio.HealthServicer()
        pb_grpc.add_ServingServicer_to_server(self._servicer, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)
        bound = self._bind()
        await self._server.start()
        for name in ("", SERVICE):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        if not addresses.is_local(bound):
            logger.warning("%s can be reached from other machines, without encryption and without tokens.", bound)
        return bound

    def _bind(self) -> str:
        try:
            return addresses.with_port(self._asked, self._server.add_insecure_port(self._asked))
        except RuntimeError as error:
            message = f"{self._asked} cannot be served: it is taken, or no address of this machine."
            raise ServingError(message, hint="Choose another port; 0 takes a free one.") from error

    async def stop(self) -> None:
        """Says in health that it is not serving, takes no further requests, and gives those under way their grace."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(self._limits.grace)
        self._threads.shutdown(wait=False, cancel_futures=True)


def serve(
    reader: FeatureReader,
    address: str = addresses.DEFAULT,
    *,
    limits: Limits | None = None,
    on_start: Callable[[str], None] = lambda bound: logger.info("Serving on %s.", bound),
) -> None:
    """Serves until the process gets SIGTERM or SIGINT, then lets requests under way finish. A second signal kills.

    It has to be called in the main thread, where Python receives signals.

    Args:
        reader: Answers the requests.
        address: Where to listen: by default where only this machine reaches it; port 0 takes a free one.
        limits: What the server takes.
        on_start: Called with the address once it is served.

    Raises:
        ServingError: the address is taken, or not of this machine.
    """
    asyncio.run(_serve(Server(reader, address, limits=limits), on_start))


async def _serve(server: Server, on_start: Callable[[str], None]) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for one in signals:
        loop.add_signal_handler(one, asked.set)
    bound = await server.start()
    on_start(bound)
    await asked.wait()
    for one in signals:
        loop.remove_signal_handler(one)
    await server.stop()
