"""Building again from a record, and keeping records."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from featurestore.definitions.resolution import Definitions
from featurestore.definitions.resolved import ResolvedTrainingSet
from featurestore.definitions.sources import Binding
from featurestore.errors import BuildError, NotReproducedError, ReferenceNotFoundError
from featurestore.registry.records import BuildRecord
from featurestore.spi.stores import OfflineStore
from featurestore.training.build import build
from featurestore.training.comparison import compare_builds, different_fingerprints
from featurestore.training.evidence import fingerprints_of
from featurestore.training.provenance import Provenance
from featurestore.training.result import TrainingBuild

if TYPE_CHECKING:
    from featurestore.registry.writer import Writer

__all__ = ["rebuild", "record"]


def rebuild(
    record: BuildRecord,
    definitions: Definitions,
    store: OfflineStore,
    bindings: Mapping[str, Binding],
    *,
    provenance: Provenance,
    path: Path | None = None,
) -> TrainingBuild:
    """Builds again what ``record`` tells of, as of the same time; returns it if its values are those of the record.

    Arguments are those of `build`. A file at ``path`` is written also where the values differ, so that they can be
    looked at.

    Raises:
        BuildError: the project's definitions are not those of the record.
        NotReproducedError: the values differ; it says which columns, and which sources moved since.
        FeaturestoreError: another of its kinds, as `build` raises it.
    """
    training_set = _training_set(record, definitions)
    _check_fingerprints(record, training_set)
    built = build(
        training_set,
        store,
        bindings,
        as_of=record.as_of,
        provenance=provenance,
        project=record.project,
        path=path,
    )
    comparison = compare_builds(record, built.record)
    if not comparison.equal:
        message = f"The build {record.id} of {record.training_set} could not be reproduced. {comparison.text}"
        hint = "The sources no longer hold what they held; their history would have to be restored."
        if not comparison.sources:
            hint = "No source moved since, so the engine or the code of an on-demand function gave other values."
        raise NotReproducedError(message, hint=hint)
    return built


def _training_set(record: BuildRecord, definitions: Definitions) -> ResolvedTrainingSet:
    try:
        found = definitions.find(record.training_set).resolved
    except ReferenceNotFoundError as error:
        message = f"The build {record.id} is of {record.training_set}, which the project does not define."
        raise BuildError(message, hint=error.hint) from error
    if not isinstance(found, ResolvedTrainingSet):
        message = f"The build {record.id} is of {record.training_set}, which is no training set."
        raise BuildError(message)
    return found


def _check_fingerprints(record: BuildRecord, training_set: ResolvedTrainingSet) -> None:
    now = fingerprints_of(training_set)
    different = different_fingerprints(record.fingerprints, now)
    if not different:
        return
    shown = [
        f"{name} ({record.fingerprints.get(name, 'absent')[:8]} -> {now.get(name, 'absent')[:8]})" for name in different
    ]
    message = f"The build {record.id} cannot be repeated: the project's definitions are other ones. {', '.join(shown)}."
    hint = "Check out the code that built it"
    hint += f" (commit {record.git_commit[:8]})." if record.git_commit else "."
    raise BuildError(message, where=str(training_set.training_set.origin), hint=hint)


def record(build: TrainingBuild, writer: "Writer") -> None:
    """Appends a build's record to the registry, in one transaction. Its file, if it has one, was whole before.

    Raises:
        BuildError: the file is not there.
        RegistryError: the build is recorded already.
        RegistryUnavailableError: the registry cannot be written.
    """
    artifact = build.record.artifact
    if artifact is not None and not Path(artifact).exists():
        message = f"The build {build.record.id} is not recorded: its file {artifact} is not there."
        raise BuildError(message)
    writer.record_build(build.record)
