"""Addresses of servers: ``host:port``, ``[::1]:port``, or ``unix:/path``."""

from typing import Final

from featurestore.errors import ServingError

__all__ = ["DEFAULT", "checked", "is_local", "with_port"]

DEFAULT: Final = "127.0.0.1:50051"

_UNIX = "unix:"
_LOOPBACK = ("localhost", "[::1]", "127.")


def checked(address: str) -> str:
    """The address, if it names a port or a path.

    Raises:
        ServingError: it names none, and gRPC would choose port 443.
    """
    if address.startswith(_UNIX) or address.rpartition(":")[2].isdecimal():
        return address
    message = f"The address {address!r} has no port."
    raise ServingError(message, hint=f"Write host:port, as in {DEFAULT}.")


def is_local(address: str) -> bool:
    """Nobody reaches the address from another machine."""
    return address.startswith((_UNIX, *_LOOPBACK))


def with_port(address: str, port: int) -> str:
    """The address with the port that the system chose for port 0."""
    return address if address.startswith(_UNIX) else f"{address.rpartition(':')[0]}:{port}"
