"""From what a project's files define to one frozen set in which every name is looked up."""

import difflib
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from featurestore.definitions import documents
from featurestore.definitions.checks import check_derived, check_group, check_stored
from featurestore.definitions.code import Code, canonical_function
from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import AsofJoin, Family, Rows, Value, feature_value
from featurestore.definitions.features import Cadence, Feature, FeatureClass, Selection
from featurestore.definitions.fingerprints import digest, fingerprint
from featurestore.definitions.inputs import Input, Use
from featurestore.definitions.on_demand import OnDemand
from featurestore.definitions.references import Ref, parse_ref
from featurestore.definitions.resolved import (
    Definition,
    DerivedFeature,
    Group,
    OnDemandFeature,
    Resolved,
    ResolvedLabel,
    ResolvedService,
    ResolvedTrainingSet,
    Schedule,
    SelectedFeature,
    SourceTable,
    StepTable,
    StoredFeature,
    Table,
)
from featurestore.definitions.services import FeatureService, Label, Selected, TrainingSet, selected
from featurestore.definitions.sources import Source
from featurestore.definitions.transformations import Transformation
from featurestore.definitions.types import DataType, Schema
from featurestore.errors import (
    AmbiguousReferenceError,
    CycleError,
    DefinitionError,
    DuplicateDefinitionError,
    FeaturestoreError,
    ImpureFunctionError,
    NotSupportedError,
    ReferenceNotFoundError,
    TypeMismatchError,
    UserCodeError,
)

__all__ = ["KINDS", "NAMESPACES", "Authored", "Definitions", "Settings", "define", "gathered"]

Authored = (
    Entity
    | Source
    | Transformation[..., Any]
    | Feature[..., Any]
    | OnDemand[..., Any]
    | FeatureService
    | Label
    | TrainingSet
)
KINDS = (Entity, Source, Transformation, Feature, OnDemand, FeatureService, Label, TrainingSet)
NAMESPACES = {
    "entity": "entity",
    "source": "table",
    "transformation": "table",
    "feature": "feature",
    "on_demand": "feature",
    "service": "service",
    "label": "label",
    "training_set": "training_set",
}
"""Kind to namespace: names are unique in a namespace, apart from versions."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a project says once for all of its definitions: its name, the dialect of its SQL, default values."""

    project: str = "project"
    dialect: str = "duckdb"
    cadence: Cadence = field(default_factory=Cadence)
    owner: str = ""


@dataclass(frozen=True)
class Definitions:
    """A project's definitions, resolved. Order is that of kinds (inputs first), then of names."""

    settings: Settings
    by_id: Mapping[str, Definition]
    groups: tuple[Group, ...]
    _resolver: "_Resolver" = field(repr=False, compare=False)

    def __iter__(self) -> Iterator[Definition]:
        return iter(self.by_id.values())

    def __len__(self) -> int:
        return len(self.by_id)

    def of_kind(self, *kinds: str) -> tuple[Definition, ...]:
        """The definitions of the given kinds."""
        return tuple(definition for definition in self if definition.kind in kinds)

    def find(self, text: str) -> Definition:
        """The definition that ``[kind:]name[@version]`` names.

        Raises:
            ReferenceNotFoundError: there is none; close names are listed.
            AmbiguousReferenceError: there are several; they are listed.
        """
        kind, _, rest = text.rpartition(":")
        ref = parse_ref(rest)
        among = [definition for definition in self if not kind or definition.kind == kind]
        found = [one for one in among if one.ref.name == ref.name and ref.version in {None, one.ref.version}]
        if not found:
            raise _not_found(text, [str(one.ref) for one in among], None)
        if len(found) > 1:
            message = f"{text!r} stands for several definitions: {', '.join(one.id for one in found)}."
            raise AmbiguousReferenceError(message, hint="Name one with its kind and version.")
        return found[0]

    def definition_of(self, resolved: Resolved) -> Definition:
        """The definition that ``resolved`` belongs to."""
        return next(definition for definition in self if definition.resolved is resolved)

    def select(self, items: Iterable[object], what: str = "The selection") -> tuple[SelectedFeature, ...]:
        """Features, classes, selections, services and references (as text), resolved, flattened, in order."""
        return self._resolver.selection(selected(self._objects(items), what))

    def _objects(self, items: Iterable[object]) -> Iterator[object]:
        for item in items:
            if not isinstance(item, str):
                yield item
                continue
            members = [] if ":" in item else self._resolver.members_of(parse_ref(item))
            yield from members or [self._resolver.authored_of(self.find(item).resolved)]


def define(objects: Iterable[object], schemas: Mapping[str, Schema], settings: Settings) -> Definitions:
    """Looks up every name, evaluates every definition and computes every fingerprint.

    Args:
        objects: What the project's files define, in any order; what they refer to as objects is added.
        schemas: The columns of each source, as ``sources.lock.yaml`` holds them.
        settings: The project's name, dialect and defaults.

    Raises:
        DefinitionError: or one of its kinds: a definition is wrong; the place is said.
    """
    resolver = _Resolver(gathered(objects), schemas, settings)
    for authored in resolver.authored:
        resolver.definition(authored)
    made = sorted(resolver.made.values(), key=lambda one: (list(NAMESPACES).index(one.kind), one.ref))
    by_id: dict[str, Definition] = {}
    for one in made:
        first = by_id.setdefault(one.id, one)
        if first is not one and (first.origin, first.fingerprint) != (one.origin, one.fingerprint):
            _refuse_twice(first.origin, one)
    stored = [one.resolved for one in by_id.values() if isinstance(one.resolved, StoredFeature)]
    return Definitions(settings, by_id, _groups(stored), resolver)


def _refuse_twice(first: object, second: Any) -> None:
    message = f"The {second.kind.replace('_', '-')} {second.ref} is defined twice."
    raise DuplicateDefinitionError(
        message, where=f"{first} and {second.origin}", hint="Give one of them another name= or version=."
    )


def gathered(objects: Iterable[object]) -> list[Authored]:
    """``objects`` and all that they refer to as objects, once each."""
    found: dict[int, Authored] = {}
    waiting = list(objects)[::-1]
    while waiting:
        one = waiting.pop()
        if isinstance(one, (FeatureClass, Family)):
            waiting.extend(reversed([*(one if isinstance(one, FeatureClass) else one.values())]))
        elif isinstance(one, (Selection, Use)):
            waiting.append(one.feature if isinstance(one, Selection) else one.definition)
        elif isinstance(one, KINDS) and id(one) not in found:
            found[id(one)] = one
            waiting.extend(_referred(one))
    return list(found.values())


def _referred(one: Authored) -> list[object]:
    match one:
        case Feature():
            return [one.entity, *_inputs_as_objects(one.function, one.inputs)]
        case Transformation() | OnDemand():
            return _inputs_as_objects(one.function, one.inputs)
        case FeatureService():
            return list(one.features)
        case Label():
            return [one.source, one.entity]
        case TrainingSet():
            return [one.label, one.service, *one.features]
        case _:
            return []


def _inputs_as_objects(function: object, inputs: Sequence[Input]) -> list[object]:
    """What parameters are bound to, and what has a parameter's name where the function was written.

    The latter brings in what a notebook's cell defined; names are still looked up among all definitions.
    """
    written = getattr(function, "__globals__", {})
    return [written.get(given.parameter) if given.bound is None else given.bound for given in inputs]


def _groups(stored: Sequence[StoredFeature]) -> tuple[Group, ...]:
    named: dict[str, list[StoredFeature]] = {}
    for feature in stored:
        named.setdefault(feature.feature.group or str(feature.ref), []).append(feature)
    groups = []
    for name, features in named.items():
        members = tuple(sorted(features, key=lambda member: member.ref))
        check_group(name, members)
        identity = [[str(member.ref), member.fingerprint.logic] for member in members]
        groups.append(Group(digest({"group": identity})[:16], name, members[0].entity, members[0].schedule, members))
    return tuple(groups)


def _not_found(text: str, names: Sequence[str], where: str | None) -> ReferenceNotFoundError:
    close = difflib.get_close_matches(text, names, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(close)}?" if close else f"There are: {', '.join(sorted(names)) or 'none'}."
    return ReferenceNotFoundError(f"Nothing is called {text!r}.", where=where, hint=hint)


class _Resolver:
    """Resolves definitions on demand, each once, and notices cycles."""

    def __init__(self, authored: Sequence[Authored], schemas: Mapping[str, Schema], settings: Settings) -> None:
        self.authored = authored
        self.made: dict[int, Definition] = {}
        self._schemas = schemas
        self._settings = settings
        self._open: list[Authored] = []
        self._named: dict[tuple[str, str], list[Authored]] = {}
        pinned: dict[tuple[str, Ref], Authored] = {}
        for one in authored:
            namespace = NAMESPACES[one.kind]
            ref = Ref(one.name, getattr(one, "version", None))
            first = pinned.setdefault((namespace, ref), one)
            if first is not one:
                # A file that was imported twice, as by a notebook and by the project, gives two objects of one line.
                if first.origin != one.origin:
                    _refuse_twice(first.origin, one)
                continue
            self._named.setdefault((namespace, one.name), []).append(one)
            if isinstance(one, Feature):
                self._named.setdefault(("column", one.column), []).append(one)

    def authored_of(self, resolved: Resolved) -> Authored:
        """The object that was written for ``resolved``."""
        return next(one for one in self.authored if id(one) in self.made and self.made[id(one)].resolved is resolved)

    def members_of(self, ref: Ref) -> list[Authored]:
        """The features of the class that ``ref`` names, in declared order; none if it names no class."""
        members = [one for one in self.authored if isinstance(one, Feature) and one.name.startswith(f"{ref.name}.")]
        return [one for one in members if ref.version in {None, self.definition(one).ref.version}]

    def definition(self, authored: Authored) -> Definition:
        """The definition of ``authored``."""
        found = self.made.get(id(authored))
        if found is None:
            if authored in self._open:
                names = [str(one.name) for one in (*self._open[self._open.index(authored) :], authored)]
                message = f"Definitions depend on themselves: {' -> '.join(names)}."
                raise CycleError(message, where=str(authored.origin))
            self._open.append(authored)
            try:
                with _placed(authored):
                    found = self._define(authored)
            finally:
                self._open.pop()
            self.made[id(authored)] = found
        return found

    def resolved(self, authored: Any) -> Any:
        """What ``authored`` stands for, resolved."""
        if not isinstance(authored, KINDS):
            message = f"{authored!r} is not a definition."
            raise DefinitionError(message)
        return self.definition(authored).resolved

    def selection(self, chosen: Iterable[Selected]) -> tuple[SelectedFeature, ...]:
        """Selections, resolved."""
        return tuple(self._selected(one) for one in chosen)

    def _selected(self, one: Selected) -> SelectedFeature:
        if isinstance(one, OnDemand):
            return SelectedFeature(self.resolved(one), one.columns)
        roles = tuple((key, column) for key, column in one.roles if key != column)
        return SelectedFeature(self.resolved(one.feature), one.columns, roles)

    def _define(self, one: Authored) -> Definition:
        match one:
            case Entity():
                return self._made(one, (), documents.entity_logic(one), lambda *_: one)
            case Source():
                schema = self._schema(one)
                make_source = functools.partial(SourceTable, one)
                return self._made(
                    one, (), documents.source_logic(one, schema), lambda ref, print_: make_source(ref, schema, print_)
                )
            case Transformation():
                return self._step(one)
            case Feature():
                return self._feature(one)
            case OnDemand():
                return self._on_demand(one)
            case FeatureService():
                features = self.selection(one.features)
                return self._made(
                    one,
                    [part.feature for part in features],
                    documents.service_logic(features),
                    lambda ref, print_: ResolvedService(one, ref, features, print_),
                )
            case Label():
                return self._label(one)
            case TrainingSet():
                return self._training_set(one)

    def _made(
        self,
        one: Authored,
        inputs: Iterable[Resolved],
        logic: Mapping[str, Any],
        make: Any,
        code: Code | None = None,
        source_text: str | None = None,
    ) -> Definition:
        metadata = documents.metadata(one, self._settings.owner)
        print_ = fingerprint(logic, metadata)
        ref = Ref(one.name, getattr(one, "version", None) or print_.version)
        return Definition(
            kind=one.kind,
            ref=ref,
            fingerprint=print_,
            logic=logic,
            metadata=metadata,
            inputs=tuple(dict.fromkeys(self._id_of(given) for given in inputs)),
            source_text=source_text or (code.source if code else None),
            origin=one.origin,
            resolved=make(ref, print_),
            verified=code is None or code.verified,
        )

    def _id_of(self, resolved: Resolved) -> str:
        return next(one.id for one in self.made.values() if one.resolved is resolved)

    def _schema(self, source: Source) -> Schema:
        schema = {**self._schemas.get(source.name, {}), **source.columns}
        if not schema:
            message = f"The columns of the source {source.name!r} are not known."
            hint = "Run `featurestore sources pull`, or declare them with columns=."
            raise DefinitionError(message, hint=hint)
        return schema

    def _input(self, given: Input, namespace: str, name: str) -> Any:
        """The definition that a parameter stands for: what it is bound to, or what has its name."""
        if given.bound is not None:
            bound = given.bound
            if not isinstance(bound, str):
                return bound
            ref = parse_ref(bound)
        else:
            ref = Ref(given.parameter)
        found = self._named.get((namespace, ref.name), [])
        if not found and namespace == "feature":
            found = self._named.get(("column", ref.name), [])
        if ref.version is not None:
            found = [one for one in found if self.definition(one).ref.version == ref.version]
        if not found:
            known = [wanted for space, wanted in self._named if space == namespace]
            error = _not_found(str(ref), known, None)
            error.message = f"{name}: the parameter {given.parameter!r} names no {namespace}. {error.message}"
            raise error
        if len(found) > 1:
            refs = ", ".join(str(self.definition(one).ref) for one in found)
            message = f"{name}: the parameter {given.parameter!r} could be any of {refs}."
            hint = "Pin one: Annotated[..., fs.use(the_definition)], or fs.use('name@version')."
            raise AmbiguousReferenceError(message, hint=hint)
        return found[0]

    def _table(self, given: Input, name: str) -> Table:
        table = self.resolved(self._input(given, "table", name))
        if not isinstance(table, Table):
            message = f"{name}: {given.parameter!r} is {table!r}, not a source or a transformation."
            raise DefinitionError(message)
        return table

    def _step(self, one: Transformation[..., Any]) -> Definition:
        inputs = {given.parameter: self._table(given, one.name) for given in one.inputs}
        code = _code(one.function, one.name)
        sql, join = None, None
        if one.engine == "sql":
            result = _call(one.function, {name: Rows(name) for name in inputs}, one.name)
            join = result if isinstance(result, AsofJoin) else None
            sql = None if join else result
            if join is None and not isinstance(sql, str):
                message = f"The transformation {one.name!r} returned {type(result).__name__}, not the text of a query."
                raise DefinitionError(message, hint='Return SQL, or say engine="ibis", "pandas", "polars" or "spark".')
        logic = documents.step_logic(one, inputs, sql, join, code, self._settings.dialect)
        make = functools.partial(_make_step, one, inputs, sql, join, self._settings.dialect)
        return self._made(one, inputs.values(), logic, make, code)

    def _feature(self, one: Feature[..., Any]) -> Definition:
        rows = [given for given in one.inputs if given.role == "rows"]
        values = [given for given in one.inputs if given.role == "value"]
        if len(rows) + len(values) < len(one.inputs) or (rows and values) or len(rows) > 1 or not one.inputs:
            message = f"{one.name}: a feature reads one table (one fs.Rows) or other features (fs.Value)."
            raise DefinitionError(message, hint="Join tables in a transformation; use fs.on_demand for Python values.")
        self.definition(one.entity)
        code = _code(one.function, one.name) if one.function else None
        if rows:
            table = self._table(rows[0], one.name)
            expression = self._expression(one, {rows[0].parameter: Rows(rows[0].parameter)})
            schedule = self._schedule(one)
            check_stored(one.name, one.entity, table, expression.node)
            logic = documents.stored_logic(one.entity, schedule, table, expression.node)
            return self._made(
                one,
                (one.entity, table),
                logic,
                lambda ref, print_: StoredFeature(one, ref, one.entity, schedule, table, expression.node, print_),
                source_text=code.source if code else None,
            )
        inputs = {given.parameter: self.resolved(self._input(given, "feature", one.name)) for given in values}
        expression = self._expression(one, {name: feature_value(name) for name in inputs})
        check_derived(one, inputs, expression.node)
        return self._made(
            one,
            (one.entity, *inputs.values()),
            documents.derived_logic(one.entity, inputs, expression.node),
            lambda ref, print_: DerivedFeature(one, ref, one.entity, inputs, expression.node, print_),
            source_text=code.source if code else None,
        )

    def _expression(self, one: Feature[..., Any], arguments: Mapping[str, object]) -> Value:
        result = one.expression if one.function is None else _call(one.function, arguments, one.name)
        if not isinstance(result, Value):
            message = f"{one.name} returned {type(result).__name__}, not a value made of aggregations."
            raise TypeMismatchError(message, hint='Return for instance orders.amount.sum(over="7d").')
        return result

    def _schedule(self, one: Feature[..., Any]) -> Schedule:
        default, given = self._settings.cadence, one.cadence
        every = given.every if given.every is not None else default.every
        if not every:
            message = f"{one.name} does not say how often it is computed."
            raise DefinitionError(message, hint='Say every="1h", here or under defaults in featurestore.yaml.')
        named = {
            name: next((value for value in (getattr(given, name), getattr(default, name)) if value is not None), 0)
            for name in ("delay", "publish_within", "offset")
        }
        if named["offset"] >= every:
            message = f"{one.name}: offset must be less than every."
            raise DefinitionError(message)
        return Schedule(every, **named)

    def _on_demand(self, one: OnDemand[..., Any]) -> Definition:
        inputs: dict[str, SelectedFeature | DataType | None] = {}
        for given in one.inputs:
            if given.role == "plain":
                bound = self._input(given, "feature", one.name)
                if not isinstance(bound, (Feature, Selection, OnDemand)):
                    message = f"{one.name}: {given.parameter!r} is {bound!r}, not a feature."
                    raise DefinitionError(message)
                if isinstance(bound, OnDemand) and bound.is_tuple:
                    message = f"{one.name}: {bound.ref} gives several values ({', '.join(bound.columns)}), not one."
                    raise NotSupportedError(message, hint="Let a function of its own return the one that is needed.")
                selection = bound if isinstance(bound, (Selection, OnDemand)) else Selection(bound)
                inputs[given.parameter] = self._selected(selection)
            else:
                inputs[given.parameter] = given.type if given.role == "request" else None
        code = _code(one.function, one.name)
        taken = [given.feature for given in inputs.values() if isinstance(given, SelectedFeature)]
        return self._made(
            one,
            taken,
            documents.on_demand_logic(one, inputs, code),
            lambda ref, print_: OnDemandFeature(one, ref, inputs, print_),
            code,
        )

    def _label(self, one: Label) -> Definition:
        table = self.resolved(one.source)
        if not isinstance(table, Table):
            message = f"The source of the label {one.name!r} is {one.source!r}."
            raise DefinitionError(message, hint="It is an fs.Source or an fs.transformation.")
        self.definition(one.entity)
        return self._made(
            one,
            (one.entity, table),
            documents.label_logic(one, table),
            lambda ref, print_: ResolvedLabel(one, ref, table, print_),
        )

    def _training_set(self, one: TrainingSet) -> Definition:
        label = self.resolved(one.label)
        features = self.selection(one.features)
        service = self.definition(one.service).resolved if one.service else None
        inputs = [label, service] if service else [label, *(part.feature for part in features)]
        ref_of_service = service.ref if isinstance(service, ResolvedService) else None
        return self._made(
            one,
            inputs,
            documents.training_set_logic(one, label, features),
            lambda ref, print_: ResolvedTrainingSet(one, ref, label, features, ref_of_service, print_),
        )


def _make_step(
    one: Transformation[..., Any],
    inputs: Mapping[str, Table],
    sql: str | None,
    join: AsofJoin | None,
    dialect: str,
    ref: Ref,
    print_: Any,
) -> StepTable:
    return StepTable(one, ref, inputs, sql, join, dialect, print_)


def _code(function: Any, name: str) -> Code:
    code = canonical_function(function)
    if code.findings:
        first = code.findings[0]
        message = f"{name}: {first.message} ({first.text.strip()})."
        hint = "A definition must give the same value whenever and wherever it runs."
        raise ImpureFunctionError(message, where=f"{first.file}:{first.line}", hint=hint)
    return code


def _call(function: Any, arguments: Mapping[str, object], name: str) -> Any:
    try:
        return function(**arguments)
    except FeaturestoreError:
        raise
    except Exception as error:  # the border to the user's code: whatever it raises is theirs
        message = f"{name} raised {type(error).__name__}: {error}"
        raise UserCodeError(message) from error


@contextmanager
def _placed(one: Authored) -> Iterator[None]:
    """Says in an error that is raised inside, and does not say it yet, where ``one`` was written."""
    try:
        yield
    except FeaturestoreError as error:
        if error.where is None:
            error.where = str(one.origin)
        raise
