"""Sources: the raw tables of the warehouse, and where they lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from featurestore.definitions.durations import Duration, microseconds
from featurestore.definitions.html import Shown
from featurestore.definitions.origin import Origin, announce, origin_here, settle
from featurestore.definitions.references import check_name, listed
from featurestore.definitions.types import DataType
from featurestore.errors import DefinitionError, TypeMismatchError

__all__ = ["Binding", "Source"]


@dataclass(frozen=True, slots=True)
class Binding:
    """Where a source lies in a target: exactly one of a path pattern, a table's name and a query."""

    path: str | None = None
    table: str | None = None
    query: str | None = None

    def __str__(self) -> str:
        return self.path or self.table or f"({self.query})"

    @property
    def document(self) -> dict[str, str]:
        """The binding as it is recorded."""
        parts = {"path": self.path, "table": self.table, "query": self.query}
        return {name: value for name, value in parts.items() if value is not None}


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Source(Shown):
    """A table, files or a query of the warehouse, as raw input.

    Args:
        name: Its name in the project.
        path: Files (a pattern; relative paths are relative to the project), the default binding.
        table: A table's name, the default binding.
        query: A query, the default binding.
        event_time: The column that says when a row happened. Without one the source is *untimed*.
        created_time: The column that says when a row became known.
        known_after: How long after its event time a row becomes known where created_time does not say;
            required if the event time is a Date.
        key: Columns that identify what a row is about: a later row of the same key corrects an earlier one.
        deleted: A boolean column that marks a row as the deletion of its key; needs ``key``.
        keys: Join key to column, where a column is named otherwise.
        columns: Column to type; what is left out comes from ``sources.lock.yaml``.
        tags: Column to marks such as ``pii``.
        description: What one row is.
        owner: Who answers for it.
    """

    kind: ClassVar[str] = "source"

    name: str
    binding: Binding
    event_time: str | None
    created_time: str | None
    known_after: int | None
    key: tuple[str, ...]
    deleted: str | None
    keys: Mapping[str, str]
    columns: Mapping[str, DataType]
    tags: Mapping[str, tuple[str, ...]]
    description: str
    owner: str
    origin: Origin

    def __init__(
        self,
        name: str,
        *,
        path: str | None = None,
        table: str | None = None,
        query: str | None = None,
        event_time: str | None = None,
        created_time: str | None = None,
        known_after: Duration | None = None,
        key: Sequence[str] = (),
        deleted: str | None = None,
        keys: Mapping[str, str] | None = None,
        columns: Mapping[str, DataType] | None = None,
        tags: Mapping[str, Sequence[str]] | None = None,
        description: str = "",
        owner: str = "",
    ) -> None:
        settle(
            self,
            name=check_name(name, "a source"),
            binding=Binding(path, table, query),
            event_time=event_time,
            created_time=created_time,
            known_after=None if known_after is None else microseconds(known_after, "known_after"),
            key=listed(key),
            deleted=deleted,
            keys=dict(keys or {}),
            columns=dict(columns or {}),
            tags={column: listed(marks) for column, marks in (tags or {}).items()},
            description=description,
            owner=owner,
            origin=origin_here(),
        )
        self._check()
        announce(self)

    def _check(self) -> None:
        where = str(self.origin)
        texts = {**self.binding.document, "event_time": self.event_time, "created_time": self.created_time}
        for what, text in {**texts, "deleted": self.deleted}.items():
            if text is not None and not isinstance(text, str):
                message = f"{what} of the source {self.name!r} is {text!r}, not a text."
                raise TypeMismatchError(message, where=where)
        if len(self.binding.document) != 1:
            message = f"The source {self.name!r} must say where it lies: one of path=, table= and query=."
            raise DefinitionError(message, where=where)
        if self.event_time is None and (self.created_time is not None or self.known_after is not None):
            message = f"The source {self.name!r} has no event_time, so it can have no created_time and no known_after."
            raise DefinitionError(message, where=where)
        if self.deleted and not self.key:
            message = f"The source {self.name!r} marks deletions and has no key= that says of what."
            raise DefinitionError(message, where=where)
        for column, data_type in self.columns.items():
            if not isinstance(data_type, DataType):
                message = f"The column {column!r} of the source {self.name!r} has type {data_type!r}."
                raise TypeMismatchError(message, where=where, hint="Types are fs.Int64, fs.String and so on.")

    @property
    def is_timed(self) -> bool:
        """Whether its rows have an event time."""
        return self.event_time is not None

    def own_columns(self) -> tuple[str, ...]:
        """The columns that the source itself reads: times, key, deletion mark; once each."""
        named = (self.event_time, self.created_time, self.deleted, *self.key)
        return tuple(dict.fromkeys(column for column in named if column))

    def __repr__(self) -> str:
        return f"Source({self.name!r}, {str(self.binding)!r})"
