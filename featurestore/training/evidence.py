"""What a build's record says of its definitions and its sources."""

from collections.abc import Iterable, Mapping
from typing import Any

from featurestore.compiler.vector import Layout
from featurestore.definitions.documents import service_logic
from featurestore.definitions.fingerprints import digest
from featurestore.definitions.resolved import (
    Computed,
    DerivedFeature,
    ResolvedTrainingSet,
    SelectedFeature,
    SourceTable,
    StoredFeature,
    Table,
    sources_of,
)
from featurestore.definitions.sources import Binding
from featurestore.errors import BuildError, SourceError
from featurestore.spi.stores import OfflineStore, SourceState

__all__ = ["bindings_of", "fingerprints_of", "source_names", "source_states", "state_documents", "training_set_id"]


def training_set_id(training_set: ResolvedTrainingSet) -> str:
    """The training set as records name it."""
    return f"training_set:{training_set.ref}"


def fingerprints_of(training_set: ResolvedTrainingSet) -> dict[str, str]:
    """``kind:name@version`` to logic, of the training set and of all that its values come from."""
    found = {
        training_set_id(training_set): training_set.fingerprint.logic,
        f"label:{training_set.label.ref}": training_set.label.fingerprint.logic,
    }
    if training_set.service is not None:
        # What the service selects is what the training set selects, so this is the service's own fingerprint.
        found[f"service:{training_set.service}"] = digest(service_logic(training_set.features))
    found |= _of_table(training_set.label.table)
    for one in training_set.features:
        found |= _of_feature(one.feature)
    return found


def _of_feature(feature: Computed) -> dict[str, str]:
    if isinstance(feature, StoredFeature):
        return {f"feature:{feature.ref}": feature.fingerprint.logic} | _of_table(feature.table)
    if isinstance(feature, DerivedFeature):
        found = {f"feature:{feature.ref}": feature.fingerprint.logic}
        below: Iterable[Computed] = feature.inputs.values()
    else:
        found = {f"on_demand:{feature.ref}": feature.fingerprint.logic}
        below = [given.feature for given in feature.inputs.values() if isinstance(given, SelectedFeature)]
    for given in below:
        found |= _of_feature(given)
    return found


def _of_table(table: Table) -> dict[str, str]:
    if isinstance(table, SourceTable):
        return {f"source:{table.ref}": table.fingerprint.logic}
    found = {f"transformation:{table.ref}": table.fingerprint.logic}
    for given in table.inputs.values():
        found |= _of_table(given)
    return found


def source_names(training_set: ResolvedTrainingSet, layout: Layout) -> tuple[str, ...]:
    """The sources that a build reads, sorted."""
    tables = [training_set.label.table, *(slot.feature.table for slot in layout.slots)]
    return tuple(sorted({source.name for table in tables for source in sources_of(table)}))


def bindings_of(names: Iterable[str], bindings: Mapping[str, Binding], what: str) -> dict[str, Binding]:
    """The bindings of the named sources.

    Raises:
        BuildError: one is missing.
    """
    found = {}
    for name in names:
        if name not in bindings:
            message = f"{what} reads the source {name!r}, and nothing says where it lies."
            raise BuildError(message, hint="Give its binding, as the target or the source itself declares it.")
        found[name] = bindings[name]
    return found


def source_states(store: OfflineStore, bindings: Mapping[str, Binding]) -> dict[str, SourceState]:
    """What each source holds now. Reads them whole.

    Raises:
        SourceError: one of its kinds: a source is not there or cannot be read.
    """
    return {name: store.state(name, binding) for name, binding in bindings.items()}


def state_documents(
    before: Mapping[str, SourceState], store: OfflineStore, bindings: Mapping[str, Binding]
) -> dict[str, dict[str, Any]]:
    """What each source held ``before``, as it is recorded; of one that is another by now, what it holds now as well."""
    documents = {}
    for name, state in before.items():
        documents[name] = _document(state)
        try:
            after = store.state(name, bindings[name])
        except SourceError as error:
            documents[name]["after"] = {"unreadable": error.message}
        else:
            if after.digest != state.digest:
                documents[name]["after"] = _document(after)
    return documents


def _document(state: SourceState) -> dict[str, Any]:
    return {"rows": state.rows, "digest": state.digest, "parts": dict(state.parts)}
