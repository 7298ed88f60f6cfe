"""Errors on the wire: a status code and a sentence for any gRPC client, and the error itself for ours."""

from collections.abc import Iterable, Mapping
from typing import Final

import grpc

import featurestore.errors
from featurestore.errors import (
    AmbiguousReferenceError,
    DeadlineExceededError,
    FeaturestoreError,
    FingerprintDiffersError,
    MissingExtraError,
    NotSupportedError,
    ProjectError,
    ProviderNotFoundError,
    RecordNotFoundError,
    ReferenceNotFoundError,
    RegistrySchemaError,
    RegistryUnavailableError,
    RequestError,
    ServerUnavailableError,
    ServingError,
    SpineError,
    StoreUnavailableError,
)
from featurestore_serving.v1 import serving_pb2 as pb

__all__ = ["METADATA", "details_of", "error_of", "failure_in", "failure_of", "status_of"]

METADATA: Final = "featurestore-failure-bin"
"""Where the `Failure` stands in the trailing metadata."""

_STATUSES: Mapping[type, grpc.StatusCode] = {
    # The caller asks for what is not there, or asks wrongly.
    ReferenceNotFoundError: grpc.StatusCode.NOT_FOUND,
    RecordNotFoundError: grpc.StatusCode.NOT_FOUND,
    NotSupportedError: grpc.StatusCode.UNIMPLEMENTED,
    AmbiguousReferenceError: grpc.StatusCode.INVALID_ARGUMENT,
    RequestError: grpc.StatusCode.INVALID_ARGUMENT,
    SpineError: grpc.StatusCode.INVALID_ARGUMENT,
    # Somebody has to do something before the same request can be answered.
    FingerprintDiffersError: grpc.StatusCode.FAILED_PRECONDITION,
    ProjectError: grpc.StatusCode.FAILED_PRECONDITION,
    RegistrySchemaError: grpc.StatusCode.FAILED_PRECONDITION,
    MissingExtraError: grpc.StatusCode.FAILED_PRECONDITION,
    ProviderNotFoundError: grpc.StatusCode.FAILED_PRECONDITION,
    # It may be answered in a moment. The last two come from a server that the answering one asks itself.
    StoreUnavailableError: grpc.StatusCode.UNAVAILABLE,
    RegistryUnavailableError: grpc.StatusCode.UNAVAILABLE,
    ServerUnavailableError: grpc.StatusCode.UNAVAILABLE,
    DeadlineExceededError: grpc.StatusCode.DEADLINE_EXCEEDED,
    FeaturestoreError: grpc.StatusCode.INTERNAL,
}
_CLASSES: Mapping[str, type[FeaturestoreError]] = {
    one.code: one
    for one in vars(featurestore.errors).values()
    if isinstance(one, type) and issubclass(one, FeaturestoreError)
}

# Metadata is limited to 8 KiB: what follows, as base64 and percent-encoded, is below it.
_MESSAGE_BYTES = 2000
_HINT_BYTES = 1000
_WHERE_BYTES = 300
_DETAILS_BYTES = 600


def status_of(error: FeaturestoreError) -> grpc.StatusCode:
    """The status code of an error: that of its nearest class."""
    return next(_STATUSES[one] for one in type(error).__mro__ if one in _STATUSES)


def failure_of(error: FeaturestoreError) -> pb.Failure:
    """An error as a message; very long texts are cut."""
    return pb.Failure(
        code=error.code,
        message=_cut(error.message, _MESSAGE_BYTES),
        where=_cut(error.where or "", _WHERE_BYTES),
        hint=_cut(error.hint or "", _HINT_BYTES),
    )


def details_of(error: FeaturestoreError) -> str:
    """An error as the one text that every gRPC client shows."""
    return _cut(" ".join(filter(None, [error.message, error.hint])), _DETAILS_BYTES)


def _cut(text: str, limit: int) -> str:
    encoded = text.encode(errors="replace")
    return encoded.decode() if len(encoded) <= limit else encoded[:limit].decode(errors="ignore") + " ..."


def failure_in(metadata: Iterable[tuple[str, str | bytes]] | None) -> pb.Failure | None:
    """The failure that a server sent, if it sent one."""
    for key, value in metadata or ():
        if key == METADATA and isinstance(value, bytes):
            failure = pb.Failure()
            failure.ParseFromString(value)
            return failure
    return None


def error_of(failure: pb.Failure) -> FeaturestoreError:
    """The error that a failure describes; a ServingError if this version does not know its code."""
    found = _CLASSES.get(failure.code, ServingError)
    return found(failure.message, where=failure.where or None, hint=failure.hint or None)
