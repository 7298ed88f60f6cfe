"""What the semantics want to be said about a definition before anybody relies on it."""

from collections.abc import Iterator, Mapping

from featurestore.definitions.resolution import Definitions
from featurestore.definitions.resolved import (
    Definition,
    Group,
    SourceTable,
    StepTable,
    StoredFeature,
    is_timed,
    sources_of,
    steps_of,
)
from featurestore.plan.graph import upstream

__all__ = ["NO_PUBLISH_WITHIN", "group_notes", "notes_of"]

NO_PUBLISH_WITHIN = "serving may be one run behind training (publish_within is 0)"
TRANSPARENT = frozenset({"sql", "ibis"})
"""Engines of steps whose columns can be traced."""
CHOOSING = frozenset({"first", "last", "last_n"})
"""Aggregations that choose rows, so that ties matter."""


def notes_of(definitions: Definitions) -> Mapping[str, tuple[str, ...]]:
    """The notes of each definition, by id."""
    inputs = {one.id: one.inputs for one in definitions}
    tied = _tied(definitions)
    found = {}
    for one in definitions:
        behind = [one, *(definitions.by_id[id] for id in upstream(inputs, one.id))]
        notes = [*_inherited(behind), *(_of_feature(one.resolved) if isinstance(one.resolved, StoredFeature) else ())]
        if one.id in tied:
            notes.append(f"ties between equally new rows are broken per feature ({tied[one.id]} has no key=)")
        found[one.id] = tuple(notes)
    return found


def _inherited(behind: list[Definition]) -> Iterator[str]:
    """What a definition is because something behind it is."""
    tables = [one.resolved for one in behind if isinstance(one.resolved, SourceTable)]
    untimed = sorted(table.name for table in tables if not table.source.is_timed)
    if untimed:
        yield f"not point-in-time (untimed: {', '.join(untimed)})"
    steps = [one.resolved for one in behind if isinstance(one.resolved, StepTable)]
    snapshots = sorted(step.name for step in steps if step.transformation.time == "snapshot")
    if snapshots:
        yield f"not point-in-time (snapshot: {', '.join(snapshots)})"
    opaque = sorted(step.name for step in steps if step.transformation.engine not in TRANSPARENT)
    if opaque:
        yield f"opaque: the columns of {', '.join(opaque)} cannot be traced"
    unverified = sorted(str(one.ref) for one in behind if not one.verified)
    if unverified:
        yield f"unverified: the code of {', '.join(unverified)} calls something that could not be resolved"


def _of_feature(feature: StoredFeature) -> Iterator[str]:
    sources = [given.source for given in sources_of(feature.table)]
    late = sorted(source.name for source in sources if source.is_timed and source.created_time is None)
    if late:
        yield f"computed whole at each boundary: {', '.join(late)} has no created_time"
    untimed = sorted(source.name for source in sources if not source.is_timed)
    if untimed:
        yield f"computed whole when {', '.join(untimed)} changes"
    made = sorted(step.name for step in steps_of(feature.table) if step.transformation.time == "per_boundary")
    if made:
        yield f"computed whole at each boundary, and {', '.join(made)} once for each that a training set asks for"
    if not feature.schedule.publish_within:
        yield NO_PUBLISH_WITHIN


def group_notes(group: Group) -> tuple[str, ...]:
    """What is to be said about all members of a group, once."""
    notes = [note for member in group.members for note in _of_feature(member)]
    return tuple(dict.fromkeys(notes))


def _tied(definitions: Definitions) -> Mapping[str, str]:
    """The features that may choose another of several tied rows than a sibling, and the source that has no key."""
    choosing: dict[tuple[int, str], list[tuple[Definition, StoredFeature]]] = {}
    for one in definitions:
        feature = one.resolved
        if isinstance(feature, StoredFeature) and any(
            part.function in {"first", "last"} for part in feature.aggregates
        ):
            choosing.setdefault((id(feature.table), feature.entity.name), []).append((one, feature))
    found = {}
    for several in choosing.values():
        keyless = [given.name for given in sources_of(several[0][1].table) if not given.source.key]
        if len({feature.columns_read for _, feature in several}) > 1 and keyless and is_timed(several[0][1].table):
            found.update(dict.fromkeys((one.id for one, _ in several), ", ".join(keyless)))
    return found
