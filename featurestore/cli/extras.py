"""Packages that only some commands need."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import packages_distributions

from featurestore.errors import MissingExtraError

__all__ = ["serving_extra"]

_SERVING = {"grpc", "grpc_health", "grpc_reflection", "google"}


@contextmanager
def serving_extra() -> Iterator[None]:
    """What is imported inside needs the extra ``serving``.

    Raises:
        MissingExtraError: a package of it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _SERVING:
            raise
        distribution = packages_distributions().get("featurestore", ["featurestore"])[0]
        message = f"This needs the package {error.name!r}, which is not installed."
        raise MissingExtraError(message, hint=f"pip install '{distribution}[serving]'") from error
