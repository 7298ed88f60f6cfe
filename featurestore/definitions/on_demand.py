"""On-demand features: plain functions of features, request values and the request's time."""

import inspect
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, ClassVar, Generic, ParamSpec, TypeVar

from featurestore.definitions.html import Shown
from featurestore.definitions.inputs import Input, inputs_of, return_annotation
from featurestore.definitions.origin import Origin, announce, origin_of, resemble, settle
from featurestore.definitions.references import check_name, check_version, listed
from featurestore.definitions.types import DataType, type_of_annotation
from featurestore.errors import DefinitionError

__all__ = ["OnDemand", "on_demand"]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, init=False, eq=False, repr=False)
class OnDemand(Shown, Generic[P, R]):
    """A feature computed when it is asked for; calling it calls the function.

    ``outputs`` is column name and type: one, or one per field of a NamedTuple.
    """

    kind: ClassVar[str] = "on_demand"

    name: str
    version: str | None
    function: Callable[P, R]
    inputs: tuple[Input, ...]
    outputs: tuple[tuple[str, DataType], ...]
    description: str
    owner: str
    tags: tuple[str, ...]
    origin: Origin

    def __init__(self, function: Callable[P, R], **fields: Any) -> None:
        settle(self, function=function, **fields)
        resemble(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function that was decorated."""
        return self.function(*args, **kwargs)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns in results."""
        return tuple(column for column, _ in self.outputs)

    @property
    def is_tuple(self) -> bool:
        """Whether the function returns a NamedTuple, one feature per field."""
        return self.columns != (self.name,)


def on_demand(
    *, version: str | None = None, name: str | None = None, owner: str = "", tags: Sequence[str] = ()
) -> Callable[[Callable[P, R]], OnDemand[P, R]]:
    """Makes a pure, typed function of one row a feature.

    Parameters are features by name (None where a value is null), ``fs.Request[T]`` values and ``fs.RequestTime``. The
    same function runs in training and in serving.

    Args:
        version: Its version; without one, the content gives it.
        name: Its name; the function's where it is left out.
        owner: Who answers for it.
        tags: Free marks.
    """

    def decorate(function: Callable[P, R]) -> OnDemand[P, R]:
        plain = typing.cast("FunctionType", function)
        origin = origin_of(plain)
        chosen = check_name(name or plain.__name__, "an on-demand feature")
        inputs = inputs_of(plain, chosen)
        for found in inputs:
            if found.role in {"rows", "value"} or found.type is None:
                message = f"{chosen!r}: the parameter {found.parameter!r} is no value."
                hint = "Annotate it with the value's type, fs.Request[T] or fs.RequestTime."
                raise DefinitionError(message, where=str(origin), hint=hint)
        return announce(
            OnDemand(
                function,
                name=chosen,
                version=check_version(version, f"the on-demand feature {chosen!r}"),
                inputs=inputs,
                outputs=_outputs(plain, chosen, origin),
                description=inspect.getdoc(function) or "",
                owner=owner,
                tags=listed(tags),
                origin=origin,
            )
        )

    return decorate


def _outputs(function: FunctionType, name: str, origin: Origin) -> tuple[tuple[str, DataType], ...]:
    annotation = return_annotation(function, name)
    if isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields"):
        hints = typing.get_type_hints(annotation, include_extras=True)
        named = [(f"{name}_{field}", type_of_annotation(hints.get(field))) for field in annotation._fields]
    else:
        named = [(name, type_of_annotation(annotation))]
    if not named:
        message = f"{name!r} returns a NamedTuple without fields."
        raise DefinitionError(message, where=str(origin))
    for column, data_type in named:
        if data_type is None:
            message = f"{name!r} does not say of which type {column!r} is."
            hint = "Annotate what it returns: float | None, a list, or a NamedTuple of such types."
            raise DefinitionError(message, where=str(origin), hint=hint)
    return tuple((column, typing.cast("DataType", data_type)) for column, data_type in named)
