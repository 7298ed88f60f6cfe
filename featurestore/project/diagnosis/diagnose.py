"""Looking at all of a project, part by part."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from featurestore.definitions.resolution import Definitions, define, gathered
from featurestore.definitions.sources import Binding, Source
from featurestore.errors import ProjectImportError
from featurestore.plan.checks import check_definitions
from featurestore.project.clock import now
from featurestore.project.config import CONFIG_FILE, ProjectConfig, Target, find_root, read_config
from featurestore.project.diagnosis import installed, records, stores
from featurestore.project.diagnosis.findings import Broken, Finding, failed, tried
from featurestore.project.diagnosis.records import Recorded
from featurestore.project.loader import load
from featurestore.project.lock import LOCK_FILE, locked, read_lock
from featurestore.spi.stores import SourceProbe

__all__ = ["PATIENCE", "diagnose"]

PATIENCE = 10.0
"""Seconds that a store or a registry is given to answer."""


@dataclass(frozen=True, slots=True)
class _Files:
    """What a project's files say; what cannot be read is as if it were not there.

    Args:
        objects: What they define; None where they do not import.
        lock: By source, what ``sources.lock.yaml`` says.
        findings: How reading them went.
    """

    objects: list[object] | None = None
    lock: Mapping[str, SourceProbe] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def diagnose(path: Path = Path(), *, target: str | None = None, patience: float = PATIENCE) -> Iterator[Finding]:
    """Looks at what is installed, and at the project in ``path`` or above it on one of its targets, if there is one.

    The project's files are imported. Nothing is written, and no check keeps another from being made; a part that cannot
    be looked at, since another says where it is, is a finding of its own.

    Args:
        path: The project's folder, or one below it.
        target: The target; the default one if None.
        patience: Seconds that each store, and the registry, is given to answer.

    Yields:
        What is found, part by part, as it is found.
    """
    yield from installed.packages()
    yield from installed.providers()
    root = tried(partial(find_root, path))
    if isinstance(root, Broken):
        message = f"There is no {CONFIG_FILE} in {path.expanduser().resolve()} or above it: no project was looked at."
        yield Finding("project", "warning", message, hint="featurestore init FOLDER makes one; -C names one.")
        return
    config = tried(partial(read_config, root))
    if isinstance(config, Broken):
        yield failed("project", config, where=str(root / CONFIG_FILE))
        yield from _read(root, (".",)).findings
        yield _unknown("which sources, registry, stores and job runner there are")
        return
    yield from _on_project(root, config, target, patience)


def _unknown(what: str) -> Finding:
    message = f"Not looked at, since {CONFIG_FILE} does not say it: {what}."
    return Finding("target", "warning", message, hint=f"Mend {CONFIG_FILE}, then look again.")


def _on_project(root: Path, config: ProjectConfig, name: str | None, patience: float) -> Iterator[Finding]:
    chosen = tried(partial(config.target, name))
    on = "" if isinstance(chosen, Broken) else f" on target {chosen.name}"
    yield Finding("project", "ok", f"{config.project}{on}, in {root}")
    files = _read(root, config.definitions)
    if isinstance(chosen, Broken):
        yield from files.findings
        yield failed("target", chosen)
        yield _unknown("which registry, stores and job runner are meant")
        return
    yield from _on_target(root, config, chosen, files, patience)


def _read(root: Path, places: tuple[str, ...]) -> _Files:
    objects, lock = tried(partial(load, root, places)), tried(partial(read_lock, root))
    findings = [_not_loaded(objects)] if isinstance(objects, Broken) else []
    if isinstance(lock, Broken):
        findings.append(failed("sources", lock, where=LOCK_FILE))
    return _Files(
        None if isinstance(objects, Broken) else objects, {} if isinstance(lock, Broken) else lock, tuple(findings)
    )


def _not_loaded(broken: Broken) -> Finding:
    finding = failed("definitions", broken)
    if not isinstance(broken.error, ProjectImportError):
        return finding
    return replace(finding, hint="`featurestore list` shows the lines that led there.")


def _on_target(root: Path, config: ProjectConfig, target: Target, files: _Files, patience: float) -> Iterator[Finding]:
    recorded, of_registry = records.registry(root, target, config.project, now(), patience)
    store, of_store = stores.offline(root, target, patience)
    bound = _bound(target, files, recorded)
    probes, of_sources = stores.sources(store, bound, files.lock, patience)
    if store is not None:
        tried(store.close, patience)  # it may still be busy with a source that did not answer
    definitions, of_definitions = _resolved(config, files, probes)
    yield from (one for one in (*files.findings, *of_definitions) if one.check == "definitions")
    if definitions is not None and recorded.readable:
        yield from _beside_registry(definitions, recorded)
    yield from (one for one in files.findings if one.check == "sources")
    yield from _moved(target, files)
    yield from of_sources
    yield from of_registry
    yield from of_store
    held = _held(recorded, definitions)
    yield from stores.online(root, target, f"{config.project}:{target.name}", held, patience)
    yield from stores.jobs(root, target, patience)
    yield from records.clocks(recorded, now())


def _own(files: _Files) -> dict[str, Source]:
    return {one.name: one for one in gathered(files.objects or ()) if isinstance(one, Source)}


def _bound(target: Target, files: _Files, recorded: Recorded) -> dict[str, Binding]:
    """Where each source lies: by the project's files, or where these do not import, as it was when last applied."""
    if files.objects is not None:
        return {name: target.bound(name, one.binding) for name, one in _own(files).items()}
    return {one.source: target.bound(one.source, _binding(one.document)) for one in recorded.bindings}


def _binding(document: Mapping[str, Any]) -> Binding:
    return Binding(**{name: document.get(name) for name in ("path", "table", "query")})


def _moved(target: Target, files: _Files) -> Iterator[Finding]:
    """Sources that the target moves, and that the project does not have."""
    sources = _own(files)
    for name in target.config.sources if files.objects is not None else ():
        if name not in sources:
            where = f"{CONFIG_FILE}, targets.{target.name}.sources.{name}"
            hint = f"Sources are {', '.join(sorted(sources)) or 'none'}."
            yield Finding("sources", "failure", f"There is no source {name!r}.", where, hint)


def _resolved(
    config: ProjectConfig, files: _Files, probes: Mapping[str, SourceProbe]
) -> tuple[Definitions | None, list[Finding]]:
    """The definitions with their types, which come from the lock, and from the store where that lacks a source."""
    if files.objects is None:
        return None, []
    schemas = locked({**probes, **files.lock})
    definitions = tried(partial(define, files.objects, schemas, config.settings))
    if isinstance(definitions, Broken):
        return None, [failed("definitions", definitions)]
    wrong = tried(partial(check_definitions, definitions, {}))
    if isinstance(wrong, Broken):
        return definitions, [failed("definitions", wrong)]
    message = f"{len(definitions.by_id)} can be computed, in {len(definitions.groups)} stored groups"
    return definitions, [Finding("definitions", "ok", message)]


def _beside_registry(definitions: Definitions, recorded: Recorded) -> Iterator[Finding]:
    """What of the definitions is not in the registry as they are."""
    registered = {str(one.key): one.logic for one in recorded.definitions}
    new = [one.id for one in definitions if one.id not in registered]
    taken = [one.id for one in definitions if registered.get(one.id, one.fingerprint.logic) != one.fingerprint.logic]
    if new:
        message = f"{len(new)} of them not applied: {_some(new)}."
        yield Finding("definitions", "warning", message, hint="featurestore plan, then apply")
    if taken:
        message = f"{len(taken)} with other logic than is registered under their version: {_some(taken)}."
        yield Finding("definitions", "warning", message, hint="featurestore plan says what differs, and what to do.")


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _held(recorded: Recorded, definitions: Definitions | None) -> list[stores.Held]:
    """The groups that are applied; where the definitions do not load, each counts as one of today's."""
    names = {group.id: group.name for group in definitions.groups} if definitions is not None else None
    return [
        stores.Held(
            one.id,
            (names or {}).get(one.id, one.id),
            (entry.boundary, entry.token) if (entry := recorded.published.get(one.id)) else None,
            current=names is None or one.id in names,
        )
        for one in recorded.groups
    ]
