"""Reading from a project's own online store: what the server serves, and a client in the same process asks.

A service is read only if the registry has all that it is made of as the code at hand says it: a checkout that is older
or newer than what was applied must not answer under the same names. Services are refused one by one.
"""

import difflib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from featurestore.definitions.references import parse_ref
from featurestore.definitions.resolution import Definitions
from featurestore.definitions.resolved import Definition, Group, ResolvedService, StoredFeature
from featurestore.errors import (
    AmbiguousReferenceError,
    DefinitionError,
    FeaturestoreError,
    NotSupportedError,
    ReferenceNotFoundError,
    RequestError,
    ServingError,
)
from featurestore.materialize.groups import group_fingerprint
from featurestore.project import Project
from featurestore.registry.records import DefinitionRecord, GroupRecord
from featurestore.spi.online import OnlineStore
from featurestore_serving.fetch import fetch
from featurestore_serving.fetch_plan import FetchPlan, resolve
from featurestore_serving.service import Field, ServiceDescription
from featurestore_serving.vectors import FeatureVectors, Request

__all__ = ["Difference", "LocalReader", "Refusal", "local_reader"]

_LISTED = 5
"""Differences that an error tells; a service over many features would fill pages."""


def _microseconds() -> int:
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A definition of the project that the registry does not have, or has otherwise.

    Attributes:
        id: ``kind:name@version``.
        fault: What is the matter, as a predicate.
        here: Its logic fingerprint in the project.
        registered: The logic fingerprint that is registered; where this version is not, that of the newest one that is.
            None: there is none.
        version: The version that ``registered`` is of.
    """

    id: str
    fault: str
    here: str
    registered: str | None
    version: str | None

    def __str__(self) -> str:
        if self.registered is None:
            return f"{self.id} {self.fault} (here {self.here:.8}, registered is none of the name)"
        return f"{self.id} {self.fault} (here {self.here:.8}, registered {self.registered:.8} as {self.version})"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a service is not served. ``differences`` come inputs first; without any, it cannot be read as defined."""

    service: str
    message: str
    hint: str | None
    differences: tuple[Difference, ...] = ()

    def error(self) -> NotSupportedError:
        """The refusal, to be raised."""
        return NotSupportedError(self.message, hint=self.hint)


@dataclass(frozen=True, eq=False)
class _Served:
    plan: FetchPlan
    description: ServiceDescription


class LocalReader:
    """A `FeatureReader` over an online store; `local_reader` makes it. ``refused`` is by ``name@version``."""

    def __init__(
        self,
        served: Mapping[str, _Served],
        refused: Mapping[str, Refusal],
        elsewhere: Sequence[str],
        store: OnlineStore,
        *,
        allow_at: bool,
        clock: Callable[[], int],
    ) -> None:
        self.refused: Mapping[str, Refusal] = MappingProxyType(dict(refused))
        self._served = dict(served)
        self._elsewhere = elsewhere
        self._store = store
        self._allow_at = allow_at
        self._clock = clock
        self._names = _by_name([*served, *refused])

    @property
    def services(self) -> tuple[str, ...]:
        """The services that are served, as ``name@version``."""
        return tuple(self._served)

    def describe(self, service: str) -> ServiceDescription:
        """See `FeatureReader.describe`."""
        return self._found(service).description

    def get(self, request: Request) -> FeatureVectors:
        """See `FeatureReader.get`."""
        plan = self._found(request.service).plan
        return fetch(plan, request, self._store, clock=self._clock(), allow_at=self._allow_at)

    def _found(self, name: str) -> _Served:
        refs = self._names.get(name, ())
        if len(refs) == 1:
            if refs[0] in self.refused:
                raise self.refused[refs[0]].error()
            return self._served[refs[0]]
        if refs:
            message = f"{name!r} stands for several services: {', '.join(refs)}."
            raise AmbiguousReferenceError(message, hint="Name one with its version.")
        raise self._missing(name)

    def _missing(self, name: str) -> FeaturestoreError:
        try:
            parse_ref(name)
        except DefinitionError as error:
            return RequestError(f"{name!r} is not the name of a service.", hint=error.hint)
        newer = _by_name(self._elsewhere).get(name)
        if newer:
            message = f"The service {', '.join(newer)} is registered, and is not in the code of this reader."
            return NotSupportedError(message, hint="Deploy a checkout that defines it.")
        known = [*self._served, *self.refused]
        close = difflib.get_close_matches(name, [*known, *self._names], n=2, cutoff=0.5)
        hint = f"Did you mean {' or '.join(close)}?" if close else f"Services are {', '.join(known) or 'none'}."
        return ReferenceNotFoundError(f"There is no service {name!r}.", hint=hint)


def _by_name(refs: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """What ``name`` and ``name@version`` stand for."""
    names: dict[str, tuple[str, ...]] = {}
    for ref in refs:
        bare = ref.partition("@")[0]
        names[ref] = (ref,)
        names[bare] = (*names.get(bare, ()), ref)
    return names


def local_reader(project: Project, *, allow_at: bool = False, clock: Callable[[], int] = _microseconds) -> LocalReader:
    """A reader of the project's services in its target's online store.

    The project and the registry are compared now; what is applied later is taken up by a new reader.

    Args:
        project: The project. Closing it closes the store.
        allow_at: Whether requests may bring their own times.
        clock: The present time, in microseconds since the epoch.

    Raises:
        ConfigurationError: the target has no online store, or it cannot be opened.
        ServingError: the project defines no service.
        FeaturestoreError: another of its kinds: definitions are wrong, the registry or the store cannot be reached.
    """
    definitions = project.definitions
    services = definitions.of_kind("service")
    if not services:
        message = f"The project {project.name} defines no service."
        raise ServingError(message, hint='Define what a model reads: fs.FeatureService("checkout", features=[...]).')
    with project.reader() as registry:
        records = {str(record.key): record for record in registry.definitions(project.name, documents=False)}
        groups = (*definitions.groups, *_earlier_groups(definitions, registry.groups(project.name)))
    read = {str(one.ref): _read(one, definitions, records, groups, project.namespace) for one in services}
    served = {ref: found for ref, found in read.items() if isinstance(found, _Served)}
    refused = {ref: found for ref, found in read.items() if isinstance(found, Refusal)}
    elsewhere = [
        f"{record.name}@{record.version}"
        for id, record in records.items()
        if record.kind == "service" and not record.retired and id not in definitions.by_id
    ]
    return LocalReader(served, refused, elsewhere, project.online, allow_at=allow_at, clock=clock)


def _read(
    service: Definition,
    definitions: Definitions,
    records: Mapping[str, DefinitionRecord],
    groups: Sequence[Group],
    namespace: str,
) -> _Served | Refusal:
    """How a service is read, or why it is not."""
    ref, resolved = str(service.ref), service.resolved
    differences = tuple(_differences(service, definitions, records))
    if not records:
        message = f"The service {ref} is refused: nothing of the project is registered."
        return Refusal(ref, message, "Apply it: featurestore apply", differences)
    if differences:
        more = len(differences) - _LISTED
        told = "; ".join(map(str, differences[:_LISTED])) + (f"; and {more} more" if more > 0 else "")
        message = f"The service {ref} is refused: the project differs from what is registered. {told}."
        hint = "Serve the checkout that was applied, or apply this one: `featurestore plan` says what that changes."
        return Refusal(ref, message, hint, differences)
    assert isinstance(resolved, ResolvedService)  # noqa: S101 - what the kind means
    try:
        plan = resolve(resolved, groups, namespace)
    except FeaturestoreError as error:
        return Refusal(ref, f"The service {ref} is refused: {error.message}", error.hint)
    return _Served(plan, _description(plan, resolved.service.description))


def _differences(
    service: Definition, definitions: Definitions, records: Mapping[str, DefinitionRecord]
) -> Iterator[Difference]:
    """What the service is made of, itself included, that is not registered as it is; inputs first."""
    needed: set[str] = set()
    waiting = [service.id]
    while waiting:
        id = waiting.pop()
        if id not in needed:
            needed.add(id)
            waiting.extend(definitions.by_id[id].inputs)
    for one in definitions:
        difference = _difference(one, records) if one.id in needed else None
        if difference is not None:
            yield difference


def _difference(one: Definition, records: Mapping[str, DefinitionRecord]) -> Difference | None:
    here, record = one.fingerprint.logic, records.get(one.id)
    if record is None:
        others = [other for other in records.values() if (other.kind, other.name) == (one.kind, one.ref.name)]
        newest = max(others, key=lambda other: (not other.retired, other.first_apply), default=None)
        logic, version = (newest.logic, newest.version) if newest else (None, None)
        return Difference(one.id, "is not registered", here, logic, version)
    if record.logic != here:
        return Difference(one.id, "is registered with other logic", here, record.logic, record.version)
    if record.retired:
        return Difference(one.id, "is retired", here, record.logic, record.version)
    return None


def _earlier_groups(definitions: Definitions, records: Iterable[GroupRecord]) -> Iterator[Group]:
    """Groups that were applied before, the newest first, as far as the project still has all of their members.

    A feature that gets a sibling is in another group from then on; until that is published, this is where it is read.
    """
    for record in records:
        found = [definitions.by_id.get(member) for member in record.members]
        stored = [one.resolved for one in found if one is not None and isinstance(one.resolved, StoredFeature)]
        if not stored or len(stored) < len(record.members):
            continue
        members = tuple(sorted(stored, key=lambda member: member.ref))
        first = members[0]
        group = Group(record.id, first.feature.group or str(first.ref), first.entity, first.schedule, members)
        # A member may have another logic by now, under the same reference: then its rows are other rows.
        if group_fingerprint(group).startswith(record.id):
            yield group


def _description(plan: FetchPlan, description: str) -> ServiceDescription:
    return ServiceDescription(
        service=plan.service,
        fingerprint=plan.fingerprint,
        description=description,
        entities=tuple(Field(name, str(data_type)) for name, data_type in plan.keys.items()),
        request_values=tuple(Field(name, str(codec.columns[0][1])) for name, codec in plan.request_values.items()),
        features=tuple(
            Field(column, str(data_type), part.fingerprint)
            for part in plan.parts
            for column, data_type in part.columns.items()
        ),
    )
