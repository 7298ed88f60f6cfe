"""What is installed: the interpreter, this package, the packages that it needs, and the providers."""

import importlib
import platform
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version

from featurestore.project.diagnosis.findings import Broken, Finding, failed, tried
from featurestore.spi.providers import find_provider, installed_providers

__all__ = ["Requirement", "packages", "providers", "requirement_of"]

CHECK = "installed"
TOOLS = {"demo", "dev"}
"""Extras for those who work on the package itself."""
PARTS = {"offline": "offline store", "online": "online store", "jobs": "job runner"}
"""What a provider can bring."""

_REQUIREMENT = re.compile(r"^([\w.-]+)(?:\[.*?\])?([^;]*)(?:;.*extra == ['\"]([\w-]+)['\"])?")
_BOUND = re.compile(r"(>=|<=|==|<|>)\s*([\d.]+)")


@dataclass(frozen=True, slots=True)
class Requirement:
    """A package that is needed, for everything or for an extra.

    Args:
        name: Its distribution.
        bounds: Comparison and version, of which all must hold.
        extra: None where everything needs it.
    """

    name: str
    bounds: tuple[tuple[str, str], ...]
    extra: str | None = None

    @property
    def wanted(self) -> str:
        """The bounds as they are written."""
        return ",".join(f"{comparison}{bound}" for comparison, bound in self.bounds)

    def is_met_by(self, found: str) -> bool:
        """Whether a version lies within the bounds. Only its numbers count: ``2.0rc1`` is 2.0."""
        return all(_holds(_numbers(found), comparison, _numbers(bound)) for comparison, bound in self.bounds)


def _holds(found: tuple[int, ...], comparison: str, bound: tuple[int, ...]) -> bool:
    width = max(len(found), len(bound))
    one, other = ((*numbers, *[0] * (width - len(numbers))) for numbers in (found, bound))
    return {">=": one >= other, "<=": one <= other, "==": one == other, "<": one < other, ">": one > other}[comparison]


def _numbers(text: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(map(int, found[0].split("."))) if found else ()


def requirement_of(text: str) -> Requirement | None:
    """A requirement as the metadata of a distribution writes it; None if it is not read here."""
    found = _REQUIREMENT.match(text)
    if found is None:
        return None
    return Requirement(found[1], tuple(_BOUND.findall(found[2])), found[3])


def packages() -> Iterator[Finding]:
    """The interpreter, this package, and how each package that it needs stands to what it needs of it."""
    distribution = packages_distributions().get("featurestore", ["featurestore"])[0]
    own = _version(distribution)
    if own is None:
        message = "featurestore is not installed: it is imported from a folder, and providers cannot be found."
        yield Finding(CHECK, "failure", message, hint="pip install -e '.[duckdb]' in that folder.")
        return
    system = f"{platform.system()} {platform.machine()}"
    yield Finding(CHECK, "ok", f"{distribution} {own}, Python {platform.python_version()} on {system}")
    needed = [one for one in map(requirement_of, requires(distribution) or ()) if one and one.extra not in TOOLS]
    yield from _standing([one for one in needed if one.extra is None], "", distribution)
    for extra in dict.fromkeys(one.extra for one in needed if one.extra):
        yield from _standing([one for one in needed if one.extra == extra], extra, distribution)


def _standing(needed: Iterable[Requirement], extra: str, distribution: str) -> Iterator[Finding]:
    """How the packages of an extra stand; of what everything needs, if it is empty."""
    found = {one: _version(one.name) for one in needed}
    install = f"pip install '{distribution}[{extra}]'" if extra else f"pip install '{distribution}'"
    fitting = [f"{one.name} {at}" for one, at in found.items() if at and one.is_met_by(at)]
    title = f"extra {extra}: " if extra else ""
    missing = [one.name for one, at in found.items() if at is None]
    if fitting and not (extra and missing):
        yield Finding(CHECK, "ok", title + ", ".join(fitting))
    for one, at in found.items():
        if at and not one.is_met_by(at):
            message = f"{title}{one.name} {at} is installed, and {one.wanted} is needed."
            yield Finding(CHECK, "warning" if extra else "failure", message, hint=install)
    if missing and extra:
        yield Finding(CHECK, "ok", f"{title}not installed (without {', '.join(missing)})", hint=install)
    elif missing:
        yield Finding(CHECK, "failure", f"Not installed: {', '.join(missing)}.", hint=install)


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def providers() -> Iterator[Finding]:
    """Each installed provider: what it brings, and whether that can be imported."""
    for name, entry in sorted(installed_providers().items()):
        found = tried(partial(_imported, name))
        if isinstance(found, Broken):
            yield failed("providers", found, where=f"provider {name}, {entry.value}", level="warning")
        else:
            yield Finding("providers", "ok", f"{name}: {found}")


def _imported(name: str) -> str:
    """What a provider brings, in words, after importing all of it."""
    provider = find_provider(name)
    brought = {words: part for name, words in PARTS.items() if (part := getattr(provider, name)) is not None}
    for part in brought.values():
        importlib.import_module(part.factory.partition(":")[0])
    return ", ".join(brought) or "nothing"
