"""What the parameters of a decorated function stand for."""

import datetime
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType, UnionType
from typing import Annotated, Any, Literal, TypeVar

from featurestore.definitions.expressions import Rows, Value
from featurestore.definitions.origin import origin_of
from featurestore.definitions.types import DataType, type_of_annotation
from featurestore.errors import DefinitionError

__all__ = ["Input", "Request", "RequestTime", "Use", "inputs_of", "use"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Use:
    """Binds a parameter to a definition: the object itself, or its reference."""

    definition: object


def use(definition: object) -> Use:
    """Binds a parameter to ``definition`` explicitly: ``Annotated[fs.Rows, fs.use(paid_orders)]``."""
    return Use(definition)


@dataclass(frozen=True, slots=True)
class _RequestMark:
    time: bool


Request = Annotated[T, _RequestMark(time=False)]
"""``amount: fs.Request[float]``: a value that comes with the request, or from the label's row."""

RequestTime = Annotated[datetime.datetime, _RequestMark(time=True)]
"""The time of the request or of the spine's row: an aware datetime in UTC."""

Role = Literal["rows", "value", "request", "time", "plain"]


@dataclass(frozen=True, slots=True)
class Input:
    """A parameter: what it is for, what it is bound to (None: whatever has its name), and its type if one is said.

    ``rows`` is a table, ``value`` another feature inside an expression, ``request`` a value of the request, ``time``
    the request's time and ``plain`` a feature's value as a Python object.
    """

    parameter: str
    role: Role
    bound: object = None
    type: DataType | None = None
    nullable: bool = False


def inputs_of(function: FunctionType, name: str) -> tuple[Input, ...]:
    """The parameters of ``function``, in order.

    Raises:
        DefinitionError: a parameter has no annotation, or is one of ``*args`` and ``**kwargs``.
    """
    hints = _hints(function, name)
    return tuple(
        _input(parameter, hints.get(parameter.name), function, name)
        for parameter in inspect.signature(function).parameters.values()
    )


def _hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        message = f"An annotation of {name!r} cannot be read: {error}."
        raise DefinitionError(message, where=str(origin_of(typing.cast("FunctionType", function)))) from error


def return_annotation(function: FunctionType, name: str) -> object:
    """What ``function`` says that it returns; None where it says nothing."""
    return _hints(function, name).get("return")


def _input(parameter: inspect.Parameter, annotation: object, function: FunctionType, name: str) -> Input:
    where = str(origin_of(function))
    if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY}:
        message = (
            f"{name!r}: parameters are inputs by name, so there can be no *, ** and no positional-only parameters."
        )
        raise DefinitionError(message, where=where)
    if annotation is None:
        message = f"{name!r}: the parameter {parameter.name!r} has no annotation."
        hint = "Say what it is: fs.Rows, fs.Value, fs.Request[float], fs.RequestTime, or the value's type."
        raise DefinitionError(message, where=where, hint=hint)
    if parameter.default is not parameter.empty:
        message = f"{name!r}: the parameter {parameter.name!r} has a default, which no input would ever leave to it."
        raise DefinitionError(message, where=where)
    optional, annotation = _without_none(annotation)
    extras = typing.get_args(annotation)[1:] if typing.get_origin(annotation) is Annotated else ()
    bound = next((extra.definition for extra in extras if isinstance(extra, Use)), None)
    mark = next((extra for extra in extras if isinstance(extra, _RequestMark)), None)
    value = typing.get_args(annotation)[0] if extras else annotation
    nullable = optional or type(None) in typing.get_args(value)
    if mark is not None:
        role: Role = "time" if mark.time else "request"
        found = Input(parameter.name, role, None, type_of_annotation(annotation), nullable)
        if found.type is None:
            message = f"{name!r}: {parameter.name!r} must be a value of a type that we have, not {value}."
            raise DefinitionError(message, where=where)
        return found
    if value is Rows:
        return Input(parameter.name, "rows", bound)
    if value is Value:
        return Input(parameter.name, "value", bound)
    return Input(parameter.name, "plain", bound, type_of_annotation(annotation), nullable)


def _without_none(annotation: object) -> tuple[bool, object]:
    """Whether ``annotation`` is ``Annotated[...] | None``, and the part that says what the parameter is for."""
    if typing.get_origin(annotation) in {typing.Union, UnionType}:
        members = [member for member in typing.get_args(annotation) if member is not type(None)]
        if len(members) == 1 and typing.get_origin(members[0]) is Annotated:
            return True, members[0]
    return False, annotation
