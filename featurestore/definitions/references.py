"""How definitions are named: ``spend_90d``, ``Habits.food@v1``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from featurestore.errors import DefinitionError

__all__ = ["Ref", "check_name", "check_version", "listed", "parse_ref"]

_NAME = re.compile(r"[A-Za-z_]\w*")
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A definition by name, and by version where it is pinned (`version` None: whichever there is)."""

    name: str
    version: str | None = None

    def __str__(self) -> str:
        return f"{self.name}@{self.version}" if self.version else self.name


def parse_ref(text: str) -> Ref:
    """The reference that is written ``name`` or ``name@version``.

    Raises:
        DefinitionError: ``text`` is not a reference.
    """
    name, at, version = text.partition("@")
    if not _DOTTED.fullmatch(name) or (at and not _VERSION.fullmatch(version)):
        message = f"{text!r} is not the name of a definition."
        raise DefinitionError(message, hint="Write name or name@version, as in spend_90d@v1 or Habits.food@v1.")
    return Ref(name, version or None)


def check_name(name: str, what: str) -> str:
    """``name`` if it can name ``what``.

    Raises:
        DefinitionError: it cannot.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.startswith("__"):
        message = f"{name!r} cannot be the name of {what}."
        raise DefinitionError(message, hint="Names are letters, digits and _, and do not begin with a digit or __.")
    return name


def check_version(version: str | None, what: str) -> str | None:
    """``version`` if it can be one; None stands for the version that the content gives.

    Raises:
        DefinitionError: it cannot.
    """
    if version is not None and not (isinstance(version, str) and _VERSION.fullmatch(version)):
        message = f"{version!r} cannot be the version of {what}."
        raise DefinitionError(message, hint="Versions are letters, digits and . _ -, as in v1 or 2024-06.")
    return version


def listed(names: Sequence[str]) -> tuple[str, ...]:
    """Names as a tuple; one text is one name, and not its letters."""
    return (names,) if isinstance(names, str) else tuple(names)
