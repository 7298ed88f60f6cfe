"""Providers: packages that bring stores. Built-in ones are found as a stranger's would be, by their entry point."""

import difflib
import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points, packages_distributions
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from featurestore.errors import (
    ConfigurationError,
    FeaturestoreError,
    MissingExtraError,
    ProviderError,
    ProviderNotFoundError,
)
from featurestore.spi.capabilities import EVERYTHING, Capabilities
from featurestore.spi.jobs import JobRunner
from featurestore.spi.online import OnlineStore
from featurestore.spi.stores import OfflineStore

__all__ = [
    "GROUP",
    "JobProvider",
    "OfflineProvider",
    "OnlineProvider",
    "Provider",
    "find_provider",
    "installed_providers",
    "open_jobs",
    "open_offline",
    "open_offline_of",
    "open_online",
]

GROUP = "featurestore.providers"


@dataclass(frozen=True)
class OfflineProvider:
    """How an offline store is opened: the model of its settings, and a factory; and what it can compute.

    The factory is given as ``module:function`` so that naming a provider imports no driver. It takes the settings, the
    project's folder (to which relative paths refer) and the target's own folder for scratch files.
    """

    settings: type[BaseModel]
    factory: str
    capabilities: Capabilities = EVERYTHING


@dataclass(frozen=True)
class OnlineProvider:
    """How an online store is opened; the arguments are those of `OfflineProvider`."""

    settings: type[BaseModel]
    factory: str


@dataclass(frozen=True)
class JobProvider:
    """How a job runner is opened; the arguments are those of `OfflineProvider`."""

    settings: type[BaseModel]
    factory: str


@dataclass(frozen=True)
class Provider:
    """What an installable package brings. ``drivers`` are the modules without which it cannot work."""

    name: str
    extra: str
    drivers: tuple[str, ...] = ()
    offline: OfflineProvider | None = None
    online: OnlineProvider | None = None
    jobs: JobProvider | None = None


def installed_providers() -> Mapping[str, EntryPoint]:
    """The providers that are installed, by name."""
    return {found.name: found for found in entry_points(group=GROUP)}


def find_provider(name: str) -> Provider:
    """The provider called ``name``.

    Raises:
        ProviderNotFoundError: none is installed under this name.
        MissingExtraError: it is, without its driver.
        ProviderError: it is, and does not import.
    """
    installed = installed_providers()
    if name not in installed:
        close = difflib.get_close_matches(name, installed, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Installed are: {', '.join(sorted(installed)) or 'none'}."
        message = f"No provider {name!r} is installed."
        raise ProviderNotFoundError(message, hint=hint)
    try:
        provider: Provider = installed[name].load()
    except ImportError as error:
        message = f"The provider {name!r} cannot be imported: {error}."
        raise ProviderError(message, hint=f"It is installed as {installed[name].value}.") from error
    for driver in provider.drivers:
        if importlib.util.find_spec(driver) is None:
            message = f"The provider {name!r} needs the package {driver!r}, which is not installed."
            raise MissingExtraError(message, hint=f"pip install '{_distribution()}[{provider.extra}]'")
    return provider


def _distribution() -> str:
    """The name under which this package is distributed, as installed."""
    return packages_distributions().get("featurestore", ["featurestore"])[0]


def open_offline(name: str, settings: Mapping[str, Any], root: Path, scratch: Path, where: str) -> OfflineStore:
    """Opens the offline store of a target; ``where`` names the place of its settings in errors.

    Raises:
        ConfigurationError: the provider has no offline store, or its settings are wrong.
        ProviderNotFoundError: there is no such provider.
        MissingExtraError: its driver is not installed.
    """
    return open_offline_of(find_provider(name), settings, root, scratch, where)


def open_offline_of(
    provider: Provider, settings: Mapping[str, Any], root: Path, scratch: Path, where: str
) -> OfflineStore:
    """Opens the offline store of a provider that is at hand; as `open_offline`."""
    store: OfflineStore = _opened(provider, "offline", settings, root, scratch, where)
    return store


def open_online(name: str, settings: Mapping[str, Any], root: Path, scratch: Path, where: str) -> OnlineStore:
    """Opens the online store of a target; as `open_offline`.

    Raises:
        StoreUnavailableError: the store cannot be opened.
    """
    store: OnlineStore = _opened(find_provider(name), "online", settings, root, scratch, where)
    return store


def open_jobs(name: str, settings: Mapping[str, Any], root: Path, scratch: Path, where: str) -> JobRunner:
    """Opens the job runner of a target; as `open_offline`."""
    runner: JobRunner = _opened(find_provider(name), "jobs", settings, root, scratch, where)
    return runner


_MISSING = {"offline": "has no offline store", "online": "has no online store", "jobs": "runs no jobs"}


def _opened(provider: Provider, part: str, settings: Mapping[str, Any], root: Path, scratch: Path, where: str) -> Any:
    """What a provider brings for one part of a target, opened."""
    brought = getattr(provider, part)
    if brought is None:
        message = f"The provider {provider.name!r} {_MISSING[part]}."
        raise ConfigurationError(message, where=where)
    module, _, function = brought.factory.partition(":")
    checked = _checked(brought.settings, settings, where)
    try:
        return getattr(importlib.import_module(module), function)(checked, root, scratch)
    except FeaturestoreError as error:
        error.where = error.where or where
        raise


def _checked(model: type[BaseModel], settings: Mapping[str, Any], where: str) -> BaseModel:
    try:
        return model.model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        known = ", ".join(model.model_fields)
        reason = "there is no such setting" if first["type"] == "extra_forbidden" else first["msg"]
        message = f"{place or 'settings'}: {reason}."
        raise ConfigurationError(message, where=where, hint=f"Settings are: {known}.") from None
