"""A target's stores, job runner and sources, without making any of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from featurestore.definitions.sources import Binding
from featurestore.project.config import CONFIG_FILE, Target, revealed
from featurestore.project.diagnosis.findings import Broken, Finding, failed, tried
from featurestore.project.lock import LOCK_FILE, schema_changes
from featurestore.spi.codec import Marker
from featurestore.spi.online import OnlineStore
from featurestore.spi.providers import find_provider, open_jobs, open_offline, open_online
from featurestore.spi.stores import OfflineStore, SourceProbe

__all__ = ["Held", "jobs", "offline", "online", "sources"]

DEFAULT_RUNNER = "local"
FILE = "online.db"
"""The file that an embedded store makes in the target's own folder, if its setting `path` names no other."""


@dataclass(frozen=True, slots=True)
class Place:
    """A part of a target, and what opening it takes.

    Args:
        root: The project's folder.
        target: The target.
        part: ``offline``, ``online`` or ``jobs``.
    """

    root: Path
    target: Target
    part: str

    @property
    def where(self) -> str:
        """The place of the settings, for people."""
        return f"{CONFIG_FILE}, targets.{self.target.name}.{self.part}"

    @property
    def scratch(self) -> Path:
        """The target's own folder, which need not be there."""
        return self.root / ".featurestore" / self.target.name

    def settings(self) -> dict[str, Any]:
        """The settings, with references replaced by what they stand for.

        Raises:
            ConfigurationError: a reference leads nowhere.
        """
        config = getattr(self.target.config, self.part)
        written = config.settings if config is not None else {}
        return {name: revealed(value, f"{self.where}.{name}") for name, value in written.items()}

    def opened(self, opening: Callable[..., Any], provider: str) -> Any:
        """What a provider brings for the part.

        Raises:
            FeaturestoreError: one of its kinds, as ``opening`` raises it.
        """
        return opening(provider, self.settings(), self.root, self.scratch, self.where)


def offline(root: Path, target: Target, patience: float) -> tuple[OfflineStore | None, list[Finding]]:
    """The target's offline store, if it opens."""
    place, provider = Place(root, target, "offline"), target.config.offline.provider
    found: OfflineStore | Broken = tried(partial(place.opened, open_offline, provider), patience)
    if isinstance(found, Broken):
        return None, [failed("offline store", found, where=place.where)]
    return found, [Finding("offline store", "ok", f"{provider} opens")]


def jobs(root: Path, target: Target, patience: float) -> Iterator[Finding]:
    """The target's job runner."""
    place, config = Place(root, target, "jobs"), target.config.jobs
    provider = config.provider if config is not None else DEFAULT_RUNNER
    found = tried(partial(place.opened, open_jobs, provider), patience)
    if isinstance(found, Broken):
        yield failed("job runner", found, where=place.where)
    else:
        yield Finding("job runner", "ok", f"{provider}{'' if config else ', as none is named'}")


# --- sources ------------------------------------------------------------------------------------------------------


def sources(
    store: OfflineStore | None, bound: Mapping[str, Binding], lock: Mapping[str, SourceProbe], patience: float
) -> tuple[dict[str, SourceProbe], list[Finding]]:
    """What the store says of each source, as far as it can be read, and how that stands to the lock."""
    if store is None:
        message = f"Not looked at, since the offline store does not open: {', '.join(bound) or 'no source is known'}."
        return {}, [Finding("sources", "warning", message)]
    probes: dict[str, SourceProbe] = {}
    findings: list[Finding] = []
    for name, binding in bound.items():
        found = tried(partial(store.probe, name, binding), patience)
        if isinstance(found, Broken):
            findings.append(failed("sources", found, where=f"source {name!r}, {binding}"))
        else:
            probes[name] = found
            findings.append(_compared(name, binding, lock.get(name), found))
    if not bound:
        findings.append(Finding("sources", "warning", "No source is known."))
    return probes, findings


def _compared(name: str, binding: Binding, locked: SourceProbe | None, found: SourceProbe) -> Finding:
    where = f"source {name!r}, {binding}"
    if locked is None:
        message = f"{name} can be read, and {LOCK_FILE} does not have it yet."
        return Finding("sources", "warning", message, where, "featurestore plan adds it.")
    changes = schema_changes(name, locked, found)
    if broken := [str(one) for one in changes if one.locked is not None]:
        message = f"{name} differs from {LOCK_FILE}: {'; '.join(broken)}."
        hint = "If that is meant, run `featurestore sources pull`, then plan: features that read them change."
        return Finding("sources", "failure", message, where, hint)
    if changes:
        message = f"{name} has columns that {LOCK_FILE} does not know: {', '.join(one.column for one in changes)}."
        return Finding("sources", "warning", message, where, "featurestore sources pull")
    return Finding("sources", "ok", f"{name}: {binding}, {len(found.columns)} columns, as in {LOCK_FILE}")


# --- online store -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    """A group as the ledger has it.

    Args:
        id: The group's id.
        name: How people call it.
        published: (boundary, token) of its newest publication; None before the first.
        current: Whether the project defines it so now; others are of earlier versions.
    """

    id: str
    name: str
    published: tuple[int, int] | None
    current: bool = True


def online(root: Path, target: Target, namespace: str, held: Iterable[Held], patience: float) -> Iterator[Finding]:
    """The target's online store, and whether it holds what the ledger has as published."""
    place, config, groups = Place(root, target, "online"), target.config.online, list(held)
    if config is None:
        message = "none in this target: materialize, status, serve and get need one"
        yield Finding("online store", "ok", message, place.where, "Write there: online: {provider: sqlite}")
        return
    absent = tried(partial(_absent, place, config.provider))
    if isinstance(absent, str):
        yield Finding("online store", "ok", f"{config.provider}: {absent}")
        yield from _compared_with_ledger(groups, {}, place.where)
        return
    if isinstance(absent, Broken):
        yield failed("online store", absent, where=place.where)
        return
    found = tried(partial(_markers, place, config.provider, namespace), patience)
    if isinstance(found, Broken):
        yield failed("online store", found, where=place.where)
        return
    yield Finding("online store", "ok", f"{config.provider} opens")
    yield from _compared_with_ledger(groups, found, place.where)


def _absent(place: Place, provider: str) -> str | None:
    """Why the store is not opened: it is a file, which opening would make. None if it can be opened.

    Raises:
        FeaturestoreError: one of its kinds: there is no such provider, or a setting leads nowhere.
    """
    brought = find_provider(provider).online
    if brought is None or "path" not in brought.settings.model_fields:
        return None
    path = place.settings().get("path")
    file = place.root / str(path) if path else place.scratch / FILE
    if file.exists() and (not file.is_file() or file.stat().st_size):
        return None
    return f"nothing is stored yet; the first materialize makes {_shown(file, place.root)}"


def _shown(file: Path, root: Path) -> str:
    return str(file.relative_to(root) if file.is_relative_to(root) else file)


def _markers(place: Place, provider: str, namespace: str) -> dict[str, Marker | Broken | None]:
    """The marker of each of the project's groups that the store holds, by id; None: it has rows, and no marker."""
    store: OnlineStore = place.opened(open_online, provider)
    try:
        keys = [key for key in store.groups() if key.namespace == namespace]
        return {key.group: tried(partial(store.marker, key)) for key in keys}
    finally:
        store.close()


def _compared_with_ledger(
    groups: Iterable[Held], markers: Mapping[str, Marker | Broken | None], where: str
) -> Iterator[Finding]:
    """Each group of the ledger beside its marker, then what the store holds besides."""
    known = {group.id: group for group in groups}
    for group in known.values():
        marker = markers.get(group.id)
        if isinstance(marker, Broken):
            yield failed("online store", marker, where=f"group {group.name}")
        elif group.current or group.id in markers:
            yield _standing(group, marker, where)
    if strange := sorted(markers.keys() - known.keys()):
        message = f"The store holds groups that the registry does not know: {', '.join(strange)}."
        hint = "Is it the registry of this store? What nobody reads does no harm."
        yield Finding("online store", "warning", message, where, hint)


def _standing(group: Held, marker: Marker | None, where: str) -> Finding:
    ahead = marker is not None and (group.published is None or marker.order > group.published)
    if ahead:
        message = f"{group.name}: the store is ahead of the ledger: a run was killed before it was recorded."
        return Finding("online store", "warning", message, where, "featurestore materialize completes the ledger.")
    if group.published is None:
        message = f"{group.name}: never published; serving has it as UNAVAILABLE."
        return Finding("online store", "warning", message, where, f"featurestore materialize --group {group.name}")
    if marker is None or marker.order < group.published:
        holds = "nothing of it" if marker is None else "an older state"
        message = f"{group.name}: the ledger has it published, and the store holds {holds}."
        hint = f"featurestore materialize --group {group.name} --rebuild"
        return Finding("online store", "failure", message, where, hint)
    return Finding("online store", "ok", f"{group.name}: published, {marker.rows:,} rows")
