"""The client: features of entities, from a server or from the project at hand.

    client = FeatureClient("localhost:50051")
    client.get("checkout@v1", entities=[{"customer_id": 7}]).to_dicts()

It is made to be imported into other people's services: of the core it imports the errors and nothing else. gRPC is
needed to ask a server, and not to read from a project in this process.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from featurestore.errors import FingerprintDiffersError, MissingExtraError
from featurestore_serving.arguments import (
    Entities,
    Times,
    entity_columns,
    fingerprints_of,
    request_columns,
    times_of,
)
from featurestore_serving.service import FeatureReader, ServiceDescription
from featurestore_serving.vectors import FeatureVectors, Request

if TYPE_CHECKING:
    from featurestore_serving.remote import RemoteReader

__all__ = ["EntityVectors", "FeatureClient"]

Manifest = Mapping[str, str] | str | Path
"""Column to fingerprint, or a JSON file that holds that under ``fingerprints``."""


@dataclass(frozen=True, kw_only=True)
class EntityVectors(FeatureVectors):
    """Feature vectors, and the key columns of the entities that they belong to."""

    entities: Mapping[str, Sequence[object]]

    def to_dicts(self) -> list[dict[str, object]]:
        """One dict per entity: its keys, then its features; None where there is no value."""
        columns = {**self.entities, **{column.name: column.values for column in self.columns}}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


class FeatureClient:
    """Reads features of entities. Several threads may share one; close it, or use it in ``with``.

    Args:
        address: The server's, as ``host:port``. It is connected to with the first call.
        manifest: Fingerprints of the features that a model was trained with; any others are refused.
        timeout: Seconds that a call may take as a whole. A server that is away is tried again within them.

    Raises:
        ServingError: the address has no port, or the manifest cannot be read.
        MissingExtraError: gRPC is not installed.
    """

    def __init__(self, address: str, *, manifest: Manifest | None = None, timeout: float = 5.0) -> None:
        reader = _remote_reader(address, timeout)
        self._set(reader, manifest, reader.close)

    def _set(self, reader: FeatureReader, manifest: Manifest | None, close: Callable[[], None]) -> None:
        self._reader = reader
        self._fingerprints = fingerprints_of(manifest)
        self._close = close

    @classmethod
    def over(
        cls, reader: FeatureReader, *, manifest: Manifest | None = None, close: Callable[[], None] = lambda: None
    ) -> Self:
        """A client that asks ``reader`` in this process, and calls ``close`` when it is closed."""
        client = cls.__new__(cls)
        client._set(reader, manifest, close)
        return client

    @classmethod
    def local(
        cls,
        path: str | Path = ".",
        target: str | None = None,
        *,
        manifest: Manifest | None = None,
        allow_at: bool = False,
    ) -> Self:
        """A client of the project in ``path``: the server's read path, in this process.

        Args:
            path: The project's folder, or one below it.
            target: Whose online store to read; the default target's if None.
            manifest: See the class.
            allow_at: Whether `get` may be given times.

        Raises:
            FeaturestoreError: the project cannot be opened, or its online store.
        """
        from featurestore.project import open_project  # noqa: PLC0415 - a client of a server needs no project
        from featurestore_serving.reader import local_reader  # noqa: PLC0415 - idem

        project = open_project(path, target=target)
        try:
            return cls.over(local_reader(project, allow_at=allow_at), manifest=manifest, close=project.close)
        except BaseException:
            project.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection, or the project."""
        self._close()

    def describe(self, service: str) -> ServiceDescription:
        """What a service reads and gives.

        Raises:
            ReferenceNotFoundError: there is no such service.
            ServerUnavailableError: the server is away.
            DeadlineExceededError: the server is late.
            ServingError: the server is of another version.
        """
        return self._reader.describe(service)

    def get(
        self,
        service: str,
        entities: Entities,
        *,
        request_values: Mapping[str, object] | None = None,
        at: Times | None = None,
        features: Sequence[str] | None = None,
    ) -> EntityVectors:
        """The features of some entities, in their order. What befell single values is in their status.

        Args:
            service: ``name`` or ``name@version``.
            entities: Key columns, ``{"customer_id": [7, 8]}``, or one dict per entity. Keys are int, str, bytes or
                date, None where null. ``{}`` for a service without entities: there are as many rows as request values.
            request_values: What the service's on-demand functions need: a list with one value per entity, or one value
                for all.
            at: The times to read at, one per entity or one for all; by default the server's clock. Servers take times
                only if they were started so, and `local` clients if they were made so.
            features: The columns wanted; by default all.

        Raises:
            RequestError: keys, request values or columns do not fit the service.
            FingerprintDiffersError: a feature is not the one of the manifest.
            ReferenceNotFoundError: there is no such service.
            ServerUnavailableError: the server is away.
            DeadlineExceededError: the server is late.
            ServingError: the server is of another version.
        """
        columns = entity_columns(entities)
        request = Request(
            service=service,
            entities=columns,
            request_values=request_columns(request_values),
            at=times_of(at),
            features=features,
            fingerprints=self._fingerprints,
        )
        vectors = self._reader.get(request)
        self._check(vectors)
        return EntityVectors(
            service=vectors.service,
            fingerprint=vectors.fingerprint,
            times=vectors.times,
            columns=vectors.columns,
            groups=vectors.groups,
            entities=columns,
        )

    def _check(self, vectors: FeatureVectors) -> None:
        """Refuses columns that are not those of the manifest, whatever the server thinks of it."""
        if self._fingerprints is None:
            return
        for column in vectors.columns:
            expected = self._fingerprints.get(column.name)
            if expected != column.fingerprint:
                known = f"{expected:.8} in the manifest" if expected else "not in the manifest"
                message = f"The feature {column.name!r} of {vectors.service} is {column.fingerprint:.8}, and {known}."
                hint = "Ask for the service that the model was trained with, or only for its columns: features=[...]."
                raise FingerprintDiffersError(message, hint=hint)


def _remote_reader(address: str, timeout: float) -> "RemoteReader":
    try:
        from featurestore_serving.remote import RemoteReader  # noqa: PLC0415 - gRPC is an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"grpc", "google"}:
            raise
        distribution = packages_distributions().get("featurestore", ["featurestore"])[0]
        message = f"Asking a feature server needs the package {error.name!r}, which is not installed."
        raise MissingExtraError(message, hint=f"pip install '{distribution}[serving]'") from error
    return RemoteReader(address, timeout=timeout)
