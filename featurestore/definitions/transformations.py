"""Transformations: steps that make a table out of tables."""

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, ClassVar, Generic, Literal, ParamSpec, TypeVar

from featurestore.definitions.durations import Duration, microseconds
from featurestore.definitions.html import Shown
from featurestore.definitions.inputs import Input, inputs_of
from featurestore.definitions.origin import Origin, announce, origin_of, resemble, settle
from featurestore.definitions.references import check_name, check_version, listed
from featurestore.definitions.types import DataType
from featurestore.errors import DefinitionError

__all__ = ["ENGINES", "TIMES", "Transformation", "transformation"]

P = ParamSpec("P")
R = TypeVar("R")

Engine = Literal["sql", "ibis", "pandas", "polars", "spark"]
ENGINES: tuple[str, ...] = typing.get_args(Engine)
Time = Literal["row_wise", "per_boundary", "snapshot"]
TIMES: tuple[str, ...] = typing.get_args(Time)


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Transformation(Shown, Generic[P, R]):
    """A step that makes a table out of tables, written as a function; calling it calls the function."""

    kind: ClassVar[str] = "transformation"

    name: str
    version: str | None
    function: Callable[P, R]
    inputs: tuple[Input, ...]
    engine: str
    time: str
    columns: Mapping[str, DataType]
    event_time: str | None
    created_time: str | None
    known_after: int | None
    key: tuple[str, ...]
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


def transformation(
    *,
    version: str | None = None,
    name: str | None = None,
    engine: Engine = "sql",
    time: Time | None = None,
    columns: Mapping[str, DataType] | None = None,
    event_time: str | None = None,
    created_time: str | None = None,
    known_after: Duration | None = None,
    key: Sequence[str] = (),
    owner: str = "",
    tags: Sequence[str] = (),
) -> Callable[[Callable[P, R]], Transformation[P, R]]:
    """Makes a function a transformation: its parameters are its inputs, by name among the project's definitions.

    Args:
        version: Its version; without one, the content gives it.
        name: Its name; the function's where it is left out.
        engine: What the function returns or works on: SQL, an Ibis expression, a data frame.
        time: ``row_wise``: each row comes from one row of a timed input, and keeps its times. ``per_boundary``:
            computed anew at each boundary. ``snapshot``: made of all that is known now, not point-in-time. SQL and Ibis
            are row-wise unless they say otherwise, which is proven; of code nobody can tell, so it must say.
        columns: The columns of the result; required for data frames.
        event_time: Of a step that is not row-wise: the column that says when a row of the result happened.
        created_time: Of a step that is not row-wise: the column that says when it became known.
        known_after: Of a step that is not row-wise: how long after its event time a row is known.
        key: Of a step that is not row-wise: the columns that identify what a row is about.
        owner: Who answers for it.
        tags: Free marks.
    """

    def decorate(function: Callable[P, R]) -> Transformation[P, R]:
        origin = origin_of(typing.cast("FunctionType", function))
        chosen = check_name(name or function.__name__, "a transformation")
        where = str(origin)
        chosen_time = time or ("row_wise" if engine in {"sql", "ibis"} else None)
        if chosen_time is None:
            message = f"The transformation {chosen!r} is code on {engine} frames, and does not say time=."
            hint = (
                'Say time="row_wise" if each row it gives comes from one row of its input alone '
                '(`featurestore check leaks` looks whether that is so), else time="per_boundary".'
            )
            raise DefinitionError(message, where=where, hint=hint)
        for said, allowed, what in ((engine, ENGINES, "engine"), (chosen_time, TIMES, "time")):
            if said not in allowed:
                message = f"The transformation {chosen!r} says {what}={said!r}."
                raise DefinitionError(message, where=where, hint=f"It is one of {', '.join(allowed)}.")
        if chosen_time == "row_wise" and (event_time or created_time or known_after is not None or key):
            message = f"The transformation {chosen!r} is row-wise: its rows keep the times and the key of their input."
            raise DefinitionError(message, where=where, hint="Leave event_time, created_time, known_after and key out.")
        # Ibis and data frames come as their own types, which say the same as fs.Rows.
        tables = {"rows"} if engine == "sql" else {"rows", "plain"}
        given = inputs_of(typing.cast("FunctionType", function), chosen)
        if not given or any(found.role not in tables for found in given):
            message = f"The inputs of the transformation {chosen!r} are tables: annotate each parameter with fs.Rows."
            raise DefinitionError(message, where=where)
        inputs = tuple(Input(found.parameter, "rows", found.bound) for found in given)
        return announce(
            Transformation(
                function,
                name=chosen,
                version=check_version(version, f"the transformation {chosen!r}"),
                inputs=inputs,
                engine=engine,
                time=chosen_time,
                columns=dict(columns or {}),
                event_time=event_time,
                created_time=created_time,
                known_after=None if known_after is None else microseconds(known_after, "known_after"),
                key=listed(key),
                description=inspect.getdoc(function) or "",
                owner=owner,
                tags=listed(tags),
                origin=origin,
            )
        )

    return decorate
