"""Features: expressions over the rows of one table, or over other features."""

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any, ClassVar, Generic, ParamSpec, TypeVar

from featurestore.definitions.durations import Duration, microseconds
from featurestore.definitions.entities import Entity, check_entity
from featurestore.definitions.expressions import Family, Value, Values
from featurestore.definitions.html import Shown, class_html
from featurestore.definitions.inputs import Input, inputs_of
from featurestore.definitions.origin import Origin, announce, origin_here, origin_of, resemble, settle
from featurestore.definitions.references import Ref, check_name, check_version, listed
from featurestore.errors import DefinitionError, NameClashError, ReferenceNotFoundError

__all__ = ["Cadence", "Feature", "FeatureClass", "Selection", "feature", "features", "members"]

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Cadence:
    """When values are computed, as it was written; None: the project's default.

    ``every`` is the length between boundaries, ``delay`` how long a run waits for late rows, ``publish_within`` how
    long it may take, ``offset`` how far boundaries are moved from the epoch. All in microseconds.
    """

    every: int | None = None
    delay: int | None = None
    publish_within: int | None = None
    offset: int | None = None

    @property
    def is_given(self) -> bool:
        """Whether anything was said."""
        return self != Cadence()


def _cadence(
    every: Duration | None, delay: Duration | None, publish_within: Duration | None, offset: Duration | None
) -> Cadence:
    named = {"every": every, "delay": delay, "publish_within": publish_within, "offset": offset}
    return Cadence(**{name: None if given is None else microseconds(given, name) for name, given in named.items()})


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Feature(Shown, Generic[P, R]):
    """A feature. One made from a function is callable with the function's own signature.

    ``expression`` is given for a member of a class; a function is called to give it. ``table`` is the object that a
    class reads; a function's parameters name theirs.
    """

    kind: ClassVar[str] = "feature"

    name: str
    version: str | None
    entity: Entity
    function: Callable[P, R] | None
    inputs: tuple[Input, ...]
    expression: Value | None
    cadence: Cadence
    group: str | None
    description: str
    owner: str
    tags: tuple[str, ...]
    origin: Origin

    def __init__(self, **fields: Any) -> None:
        settle(self, **fields)
        if self.function is not None:
            resemble(self, self.function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function that was decorated."""
        if self.function is None:
            message = f"{self.ref} is written as an expression; there is no function to call."
            raise DefinitionError(message, where=str(self.origin))
        return self.function(*args, **kwargs)

    @property
    def column(self) -> str:
        """The name of its column: the name without the class."""
        return self.name.rpartition(".")[2]

    def on(self, **roles: str) -> "Selection":
        """This feature of the entity whose keys the spine calls otherwise: ``airport_delay.on(faa="origin")``."""
        return Selection(self).on(**roles)

    def named(self, column: str) -> "Selection":
        """This feature under another column name."""
        return Selection(self).named(column)


@dataclass(frozen=True, slots=True)
class Selection:
    """A feature as a service selects it: ``roles`` maps its join keys to the spine's columns."""

    feature: Feature[..., Any]
    roles: tuple[tuple[str, str], ...] = ()
    name: str | None = None

    def on(self, **roles: str) -> "Selection":
        """The same with the join keys taken from the named columns.

        Raises:
            ReferenceNotFoundError: the entity has no such key.
        """
        for key in roles:
            if key not in self.feature.entity.keys:
                message = f"{self.feature.ref}.on({key}=...): the entity {self.feature.entity.name!r} has no such key."
                raise ReferenceNotFoundError(message, hint=f"Its keys are {', '.join(self.feature.entity.keys)}.")
        return replace(self, roles=tuple(sorted({**dict(self.roles), **roles}.items())))

    def named(self, column: str) -> "Selection":
        """The same under another column name."""
        return replace(self, name=check_name(column, "a column"))

    @property
    def column(self) -> str:
        """The name of its column in results."""
        return self.name or self.feature.column

    @property
    def columns(self) -> tuple[str, ...]:
        """The same, as a tuple of one."""
        return (self.column,)

    @property
    def ref(self) -> Ref:
        """The reference of the feature."""
        return self.feature.ref

    def key_column(self, key: str) -> str:
        """The spine's column that holds the join key ``key``."""
        return dict(self.roles).get(key, key)


class FeatureClass:
    """The features of one class: ``Habits.food``, ``Habits["food"]``, iteration in declared order."""

    # Its own attributes are private: a column may be called anything, `name` for instance.
    def __init__(
        self, name: str, members: Mapping[str, Feature[..., Any]], families: Mapping[str, Sequence[str]], doc: str
    ) -> None:
        self._name = name
        self._members = dict(members)
        self._families = {attribute: tuple(columns) for attribute, columns in families.items()}
        self.__doc__ = doc

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("_families", {}):
            return Family({column: self._members[column] for column in self._families[name]})
        if name not in self.__dict__.get("_members", {}):
            # What asks for an attribute (hasattr, a notebook) expects the language's own error.
            message = f"{self!r} has no attribute {name!r}"
            raise AttributeError(message)
        return self._members[name]

    def __getitem__(self, name: str) -> Feature[..., Any]:
        if name not in self._members:
            message = f"{self._name} has no feature {name!r}."
            raise ReferenceNotFoundError(message, hint=f"It has {', '.join(self._members)}.")
        return self._members[name]

    def __iter__(self) -> Iterator[Feature[..., Any]]:
        return iter(self._members.values())

    def _repr_html_(self) -> str:
        return class_html(self._name, self.__doc__ or "", tuple(self))

    def __repr__(self) -> str:
        return f"<features {self.__dict__.get('_name', '')}: {', '.join(self.__dict__.get('_members', ()))}>"


def feature(
    *,
    entity: Entity,
    version: str | None = None,
    name: str | None = None,
    every: Duration | None = None,
    delay: Duration | None = None,
    publish_within: Duration | None = None,
    offset: Duration | None = None,
    group: str | None = None,
    owner: str = "",
    tags: Sequence[str] = (),
) -> Callable[[Callable[P, R]], Feature[P, R]]:
    """Makes a function a feature of ``entity``.

    A parameter annotated ``fs.Rows`` is the table that the feature reads; parameters annotated ``fs.Value`` are other
    features of the same entity, of which it is derived. The docstring is its documentation.

    Args:
        entity: What it is a feature of.
        version: Its version; without one, the content gives it.
        name: Its name; the function's where it is left out.
        every: Length between boundaries, as in "1h".
        delay: How long after a boundary the run waits for late rows.
        publish_within: How long the run may take.
        offset: How far boundaries are moved from the epoch; less than ``every``.
        group: The group in which it is materialized; its own where it is left out.
        owner: Who answers for it.
        tags: Free marks.
    """

    def decorate(function: Callable[P, R]) -> Feature[P, R]:
        plain = typing.cast("FunctionType", function)
        chosen = check_name(name or plain.__name__, "a feature")
        check_entity(entity, f"the feature {chosen!r}", origin_of(plain))
        if group is not None:
            check_name(group, "a group")
        return announce(
            Feature(
                name=chosen,
                version=check_version(version, f"the feature {chosen!r}"),
                entity=entity,
                function=function,
                inputs=inputs_of(plain, chosen),
                expression=None,
                cadence=_cadence(every, delay, publish_within, offset),
                group=group,
                description=inspect.getdoc(function) or "",
                owner=owner,
                tags=listed(tags),
                origin=origin_of(plain),
            )
        )

    return decorate


def features(
    *,
    entity: Entity,
    source: object,
    version: str | None = None,
    name: str | None = None,
    every: Duration | None = None,
    delay: Duration | None = None,
    publish_within: Duration | None = None,
    offset: Duration | None = None,
    owner: str = "",
    tags: Sequence[str] = (),
) -> Callable[[type[C]], type[C]]:
    """Makes a class a group of features over one table: each attribute is a feature, or several.

    Attributes that begin with an underscore are for use inside the class, and are no features.

    Args:
        entity: What they are features of.
        source: The source or transformation whose rows they read.
        version: The version of each of them; without one, the content of each gives its own.
        name: The name of the class in references; the class's where it is left out.
        every: Length between boundaries, as in "1h".
        delay: How long after a boundary the run waits for late rows.
        publish_within: How long the run may take.
        offset: How far boundaries are moved from the epoch; less than ``every``.
        owner: Who answers for them.
        tags: Free marks.
    """

    def decorate(cls: type[C]) -> type[C]:
        origin = origin_here()
        chosen = check_name(name or cls.__name__, "a class of features")
        check_entity(entity, f"the features {chosen!r}", origin)
        public = {attribute: value for attribute, value in _attributes(cls) if not attribute.startswith("_")}
        written = {attribute: value for attribute, value in public.items() if isinstance(value, (Value, Values))}
        strangers = [attribute for attribute in public if attribute not in written]
        if strangers or not written:
            message = f"{chosen}.{strangers[0]} is no feature." if strangers else f"{chosen} holds no feature."
            hint = 'Attributes are expressions such as fs.sum("amount", over="7d").'
            raise DefinitionError(message, where=str(origin), hint=hint)
        families = {
            attribute: value.names(attribute) if isinstance(value, Values) else {attribute: value}
            for attribute, value in written.items()
        }
        made: dict[str, Feature[..., Any]] = {}
        for expressions in families.values():
            for column, expression in expressions.items():
                if column in made:
                    message = f"{chosen}: two attributes give the column {column!r}."
                    raise NameClashError(message, where=str(origin))
                made[column] = Feature(
                    name=f"{chosen}.{check_name(column, 'a feature')}",
                    version=check_version(version, f"the features {chosen!r}"),
                    entity=entity,
                    function=None,
                    inputs=(Input("source", "rows", source),),
                    expression=expression,
                    cadence=_cadence(every, delay, publish_within, offset),
                    group=chosen,
                    description=inspect.getdoc(cls) or "",
                    owner=owner,
                    tags=listed(tags),
                    origin=origin,
                )
        several = {name: list(columns) for name, columns in families.items() if isinstance(written[name], Values)}
        for member in made.values():
            announce(member)
        return typing.cast("type[C]", FeatureClass(chosen, made, several, inspect.getdoc(cls) or ""))

    return decorate


def members(of: type) -> tuple[Feature[..., Any], ...]:
    """The features of a class, in declared order: what iterating it gives, in a way that type checkers know.

    Raises:
        DefinitionError: it is no class decorated with `features`.
    """
    if not isinstance(of, FeatureClass):
        message = f"{of!r} is no class of features."
        raise DefinitionError(message, hint="Decorate it with @fs.features.")
    return tuple(of)


def _attributes(cls: type) -> Iterator[tuple[str, object]]:
    """What a class and the classes that it is made from say, theirs first."""
    for part in reversed(cls.__mro__[:-1]):
        yield from vars(part).items()
