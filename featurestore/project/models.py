"""Models: recorded with what they were trained on, and the manifest by which their clients know the features."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from featurestore.errors import RecordNotFoundError, RegistryError
from featurestore.plan import git_state
from featurestore.project.clock import current_user, now
from featurestore.registry import BuildRecord, DefinitionKind, LineageEdge, ModelRecord, Reader, Writer
from featurestore.spi.files import replace_file
from featurestore.training import provenance

__all__ = ["manifest_of", "register_model", "write_manifest"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # of two letters at least: C:\ is a drive
_FEATURES = ("feature:", "on_demand:")


def register_model(
    project: str,
    writer: Writer,
    *,
    name: str,
    version: str,
    training_build: str,
    root: Path,
    artifact: str | Path | None = None,
    checksum: str | None = None,
    metrics: Mapping[str, float] | None = None,
) -> ModelRecord:
    """Records a version of a model, trained on a recorded build of a training set.

    Done again with the same content, it records nothing and returns the first record.

    Args:
        project: The namespace.
        writer: The registry that holds the build.
        name: Letters, digits and ``. _ -``; so is the version.
        version: Its version, which no other content can have later.
        training_build: The build's id.
        root: The folder whose git state is recorded.
        artifact: Where the model itself is: a path, or a URI, of which nothing is read.
        checksum: SHA-256 of the artifact; worked out if it is a file here.
        metrics: Finite numbers.

    Raises:
        RecordNotFoundError: there is no such build.
        VersionTakenError: the version is recorded with other content.
        RegistryError: a name or a version cannot be one; the build is not complete, or of definitions that are not
            applied as they were built; the artifact is not there, or is a folder and has no checksum.
    """
    for what, text in (("name", name), ("version", version)):
        if not _NAME.fullmatch(text):
            message = f"{text!r} cannot be the {what} of a model."
            raise RegistryError(message, hint="Write letters, digits and . _ -, beginning with a letter or a digit.")
    build = writer.reader.build(project, training_build)
    _check_build(build, writer.reader)
    place, digest = _artifact(artifact, checksum)
    git = git_state(root)
    origin = provenance(now(), who=current_user(), git_commit=git.commit, git_dirty=git.dirty)
    prints = build.fingerprints
    record = ModelRecord(
        project=project,
        name=name,
        version=version,
        service=build.service,
        service_fingerprint=prints.get(build.service, ""),
        artifact=place,
        checksum=digest,
        at=origin.at,
        who=origin.who,
        build=build.id,
        git_commit=origin.git_commit,
        git_dirty=origin.git_dirty,
        fingerprints={ref: logic for ref, logic in prints.items() if ref.startswith(_FEATURES)},
        metrics=dict(metrics or {}),
        packages=origin.packages,
        edges=(
            LineageEdge(upstream=build.training_set, downstream=f"build:{build.id}", via="build"),
            LineageEdge(upstream=f"build:{build.id}", downstream=f"model:{name}@{version}", via="training"),
        ),
    )
    return writer.record_model(record)


def _check_build(build: BuildRecord, reader: Reader) -> None:
    """Refuses a build whose lineage the registry does not hold."""
    if build.status != "complete":
        message = f"The build {build.id} of {build.training_set} is {build.status}."
        raise RegistryError(message, hint="Train on a complete build: `featurestore training-set list`.")
    registered = {str(one.key): one.logic for one in reader.definitions(build.project, documents=False)}
    different = [
        f"{ref} ({logic:.8} in the build, {f'{registered[ref]:.8} applied' if ref in registered else 'not applied'})"
        for ref, logic in build.fingerprints.items()
        if registered.get(ref) != logic
    ]
    if different:
        message = f"The build {build.id} is of definitions that are not applied as they were built: "
        hint = "Apply the project as it was built, or build the training set again from what is applied."
        raise RegistryError(f"{message}{', '.join(different)}.", hint=hint)


def _artifact(artifact: str | Path | None, checksum: str | None) -> tuple[str, str]:
    """Where it is, and its checksum; empty where there is none."""
    if artifact is None:
        return "", checksum or ""
    if isinstance(artifact, str) and _URI.match(artifact):
        return artifact, checksum or ""
    path = Path(artifact).expanduser().resolve()
    if not path.exists():
        raise RegistryError("The artifact is not there.", where=str(path), hint="Give a path, or a URI as in s3://…")
    if checksum is not None:
        return str(path), checksum
    if path.is_dir():
        raise RegistryError("The artifact is a folder.", where=str(path), hint="Give its checksum as well.")
    with path.open("rb") as file:
        return str(path), hashlib.file_digest(file, "sha256").hexdigest()


def manifest_of(model: ModelRecord, reader: Reader) -> dict[str, object]:
    """What a client that reads for the model is given: the logic of each column that the model was trained with.

    Raises:
        RecordNotFoundError: the model was trained on no recorded build.
    """
    if model.build is None:
        message = f"The model {model.ref} was not trained on a recorded build."
        raise RecordNotFoundError(message, hint="Register it with the build that it was trained on.")
    build = reader.build(model.project, model.build)
    # A training set without a service says in the same form what it selects.
    return {
        "model": model.ref,
        "training_build": build.id,
        "service": build.service.partition(":")[2] or None,
        "fingerprints": dict(_columns(build.service or build.training_set, model.project, reader)),
    }


def _columns(id: str, project: str, reader: Reader) -> Iterator[tuple[str, str]]:
    """The columns of a registered service or training set, in order, each with the logic of its feature."""
    kind, _, ref = id.partition(":")
    name, _, version = ref.partition("@")
    document = reader.definition(project, cast("DefinitionKind", kind), name, version).document
    for columns, selection in cast("list[tuple[list[str], dict[str, Any]]]", document["features"]):
        for column in columns:
            yield column, selection["feature"]


def write_manifest(manifest: Mapping[str, object], path: Path) -> None:
    """Writes a manifest as JSON, for ``FeatureClient(manifest=path)``. Folders are made where they are missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode())
