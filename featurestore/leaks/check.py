"""The leak check: values at a boundary must not change when what is not visible there is removed or altered."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from featurestore.definitions.durations import duration_text
from featurestore.definitions.entities import Entity
from featurestore.definitions.resolved import Group, ResolvedLabel, Schedule, StoredFeature, is_timed
from featurestore.definitions.sources import Binding
from featurestore.errors import FeaturestoreError
from featurestore.leaks.blame import Blame, blame_of, deciding_row
from featurestore.leaks.boundaries import chosen_boundaries
from featurestore.leaks.changes import Change, changes_at
from featurestore.leaks.findings import Example, Finding, Kind, LeakReport
from featurestore.leaks.labels import label_columns
from featurestore.leaks.marks import marks
from featurestore.leaks.setting import Effort, MaturingLabel, Setting, sources_below
from featurestore.leaks.worlds import Rows, pulled
from featurestore.spi.stores import OfflineStore

__all__ = ["Told", "check_leaks"]

Told = Callable[[str], None]
"""Is told what is being done."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_leaks(
    features: Sequence[StoredFeature],
    labels: Iterable[ResolvedLabel],
    store: OfflineStore,
    bindings: Mapping[str, Binding],
    effort: Effort,
    told: Told = lambda _: None,
) -> LeakReport:
    """Looks for features whose values know what was not known.

    Errors of user code are findings.

    Args:
        features: What is checked.
        labels: Labels that features may not know before they are final.
        store: The warehouse; nothing is written to it.
        bindings: Where in it each source lies.
        effort: How much is looked at.
        told: Is told what is being done.

    Raises:
        FeaturestoreError: one of its kinds: a source cannot be read.
    """
    tables = sources_below(features)
    sources: dict[str, Rows] = {}
    for table in tables:
        told(f"reading {table.name}")
        sources[table.name] = pulled(table, store, bindings[table.name], effort.rows)
    found = _Found()
    found.unchecked.update(dict.fromkeys(_partly(sources.values(), effort)))
    setting = Setting(store, bindings, sources, tuple(_maturing(labels, sources, found)), effort)
    for group in _groups(features):
        _look(group, setting, found, told)
    told("looking for rows that make the difference")
    findings = [*found.errors, *_findings(found, setting)]
    findings += _unless_found(marks(features, sources, setting.labels), findings)
    return LeakReport(
        tuple(sorted(findings, key=lambda one: one.level != "leak")),
        tuple(str(feature.ref) for feature in features),
        found.boundaries,
        found.values.total(),
        tuple(found.unchecked),
    )


@dataclass
class _Found:
    """What has come so far."""

    changes: list[Change] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    values: Counter[str] = field(default_factory=Counter)
    boundaries: int = 0
    unchecked: dict[str, None] = field(default_factory=dict)


def _partly(sources: Iterable[Rows], effort: Effort) -> Iterator[str]:
    for rows in sources:
        if not rows.whole:
            yield f"Of {rows.table.name} the first {effort.rows:,} rows were looked at."


def _maturing(labels: Iterable[ResolvedLabel], sources: Mapping[str, Rows], found: _Found) -> Iterator[MaturingLabel]:
    """The labels that are final only after a time, and that are made of sources which features read."""
    for label in labels:
        if not label.label.matures_after:
            continue
        columns = label_columns(label)
        if columns is None:
            found.unchecked[f"The label {label.ref} is made by code: whether features know it was not looked into."] = (
                None
            )
        elif shared := {name: cells for name, cells in columns.items() if name in sources}:
            yield MaturingLabel(str(label.ref), str(label.label.origin), shared, label.label.matures_after)


def _groups(features: Sequence[StoredFeature]) -> list[Group]:
    """Features that are computed together: of one entity and one schedule, where time counts at all."""
    together: dict[tuple[int, Schedule], tuple[Entity, list[StoredFeature]]] = {}
    for feature in features:
        if is_timed(feature.table):
            key = id(feature.entity), feature.schedule
            together.setdefault(key, (feature.entity, []))[1].append(feature)
    return [
        Group("", f"{entity.name}, every {duration_text(schedule.every)}", entity, schedule, tuple(members))
        for (_, schedule), (entity, members) in together.items()
    ]


def _look(group: Group, setting: Setting, found: _Found, told: Told) -> None:
    """Compares the values of a group at its boundaries; where they cannot be computed, those of each feature alone."""
    effort, schedule = setting.effort, group.schedule
    if effort.at is not None:
        boundaries: tuple[int, ...] = (schedule.boundary(effort.at),)
    else:
        boundaries = chosen_boundaries(setting.of(group), schedule, effort.boundaries, effort.seed)
    compared: Counter[str] = Counter()
    for number, boundary in enumerate(boundaries, 1):
        told(f"{group.name}: boundary {number} of {len(boundaries)}, {_time(boundary):%Y-%m-%d %H:%M}")
        try:
            one = changes_at(group, boundary, setting)
        except FeaturestoreError as error:
            if len(group.members) == 1:
                found.errors.append(_error(group, boundary, error))
            else:
                for member in group.members:
                    _look(replace(group, members=(member,)), setting, found, told)
            return
        found.changes += one.changes
        compared.update(one.values)
        found.unchecked.update(dict.fromkeys(one.unchecked))
    found.values.update(compared)
    found.boundaries += len(boundaries)
    if not compared:
        refs = ", ".join(str(member.ref) for member in group.members)
        found.unchecked[f"There is no entity to look at for {refs}: no row was visible."] = None


def _error(group: Group, boundary: int, error: FeaturestoreError) -> Finding:
    ref = str(group.members[0].ref)
    message = f"{ref} cannot be computed at {_time(boundary):%Y-%m-%d %H:%M}: {error.message}"
    return Finding("error", f"feature {ref}", (ref,), message, error.where)


# --- findings -------------------------------------------------------------------------------------------------------


def _findings(found: _Found, setting: Setting) -> list[Finding]:
    """One finding for all that one culprit brings."""
    blamed: dict[Blame, list[Change]] = {}
    by_feature: dict[tuple[str, str, object], list[Change]] = {}
    for change in found.changes:
        way: str = "future" if change.treatment.way in {"removed", "altered"} else change.treatment.way
        by_feature.setdefault((change.ref, way, change.treatment.about), []).append(change)
    leaking = {ref for ref, way, _ in by_feature if way != "serving"}
    for (ref, way, _), changes in by_feature.items():
        # A feature that knows the future when it is trained does not know it when it is served: that is said once.
        if way != "serving" or ref not in leaking:
            blamed.setdefault(blame_of(changes[0], setting), []).extend(changes)
    return [_finding(blame, changes, found, setting) for blame, changes in blamed.items()]


def _finding(blame: Blame, changes: Sequence[Change], found: _Found, setting: Setting) -> Finding:
    kind, who, where = blame
    first = changes[0]
    row = deciding_row(first, setting) if setting.effort.narrow else None
    refs = tuple(dict.fromkeys(change.ref for change in changes))
    example = Example(first.ref, first.entity.to_pylist()[0], _time(first.boundary), first.before, first.after, row)
    places = {(one.ref, one.boundary, str(one.entity.to_pylist())) for one in changes}
    compared = sum(found.values[ref] for ref in refs)
    return Finding(kind, who, refs, _SAID[kind].format(who), where, example, len(places), compared)


_SAID: Mapping[Kind, str] = {
    "step": "Values change when rows that were not visible are removed or altered: the {} looks at them.",
    "query": "Values change when raw rows of later times are left out: the query of the {} looks at them.",
    "label": "Values change when the {} is not known yet, which it is not for rows that are visible.",
    "serving": "What is stored online is not what a training set holds at the same boundary: {}.",
    "engine": "Values change when rows that were not visible are removed or altered; no step of the {} is to blame.",
    "snapshot": "Values change when rows that were not visible are removed or altered: the {} is made of all of them.",
}


def _unless_found(more: Iterable[Finding], findings: Sequence[Finding]) -> list[Finding]:
    """What is known without a computation, but for what a computation has shown."""
    shown = {(one.kind, one.blame) for one in findings}
    return [one for one in more if (one.kind, one.blame) not in shown]


def _time(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)
