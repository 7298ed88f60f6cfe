"""The relations of tables: sources with what is known of their rows, and steps over them."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from featurestore.compiler.query import (
    Hidden,
    KnownRows,
    NewestRows,
    RowsRelation,
    RowTimes,
    Several,
    SourceRows,
    StepRows,
    Versions,
)
from featurestore.compiler.steps import analyze, is_timed
from featurestore.definitions.documents import version_ties
from featurestore.definitions.resolved import ResolvedLabel, SourceTable, StoredFeature, Table, sources_of
from featurestore.definitions.types import DataType
from featurestore.errors import NotSupportedError

__all__ = ["TableRows", "Tables", "Ties", "tie_keys", "ties_of"]

Columns = tuple[str, ...]
Choice = Mapping[str, Columns]
"""Source to the columns that break ties between its versions."""


@dataclass(frozen=True)
class Ties:
    """Of each keyed source below a table: the columns that decide between equally new versions (semantics 4).

    ``fixed`` are those of untimed sources, whose rows are chosen once; ``open`` those of timed ones, where features
    that read other columns may see other rows leave.
    """

    fixed: tuple[tuple[str, Columns], ...]
    open: tuple[tuple[str, Columns], ...]


def ties_of(definition: StoredFeature | ResolvedLabel) -> Ties:
    """What breaks ties between versions for a feature or a label."""
    timed = {source.name: source.source.is_timed for source in sources_of(definition.table)}
    found = version_ties(definition)
    return Ties(
        tuple(one for one in found if not timed[one[0]]),
        tuple(one for one in found if timed[one[0]]),
    )


@dataclass(frozen=True)
class TableRows:
    """A relation of a table's rows: its name, the columns that tell when rows leave, and the one of a feature."""

    name: str
    leaves: Columns
    leave: str | None


@dataclass
class Tables:
    """The relations of tables made so far, each once, in the order in which they are built.

    Features are added first and asked for then: what all of them need decides which columns rows carry. Rows that
    become known after ``until`` are left out; None: no row is.
    """

    until: int | None = None
    relations: list[RowsRelation] = field(default_factory=list)
    sources: dict[str, SourceTable] = field(default_factory=dict)
    _ties: dict[tuple[object, ...], list[tuple[tuple[str, Columns], ...]]] = field(default_factory=dict)
    _made: dict[tuple[object, ...], str] = field(default_factory=dict)

    def add(self, feature: StoredFeature) -> None:
        """Takes note of a feature's table and of its ties."""
        ties = ties_of(feature)
        known = self._ties.setdefault(self._key(feature), [])
        if ties.open not in known:
            known.append(ties.open)

    def of(self, feature: StoredFeature) -> TableRows:
        """The relation of the rows that an added feature aggregates."""
        ties = ties_of(feature)
        open_ties = self._ties[self._key(feature)]
        name = self._rows(feature.table, _delay(feature), dict(ties.fixed), [dict(one) for one in open_ties])
        leaves = _leaves(feature.table, len(open_ties))
        return TableRows(name, leaves, leaves[open_ties.index(ties.open)] if leaves else None)

    def labels(self, label: ResolvedLabel) -> str:
        """The relation of the newest label rows."""
        return self._rows(label.table, None, dict(version_ties(label)), [])

    @staticmethod
    def _key(feature: StoredFeature) -> tuple[object, ...]:
        return feature.table, _delay(feature), ties_of(feature).fixed

    def _rows(self, table: Table, delay: int | None, fixed: Choice, ways: Sequence[Choice]) -> str:
        """The relation of a table's rows: with intervals, or without a ``delay`` the newest of each key."""
        if isinstance(table, SourceTable):
            return self._source_rows(table, delay, fixed, ways)
        inputs = tuple((parameter, self._rows(one, delay, fixed, ways)) for parameter, one in table.inputs.items())
        hidden = _hidden(table, None if delay is None else _leaves(table, len(ways)))
        return self._once(
            ("step", table, inputs, hidden),
            lambda name: StepRows(name, analyze(table), inputs, hidden),
            f"rows_{table.name}",
        )

    def _source_rows(self, table: SourceTable, delay: int | None, fixed: Choice, ways: Sequence[Choice]) -> str:
        self.sources[table.name] = table
        source = table.source
        times = RowTimes(source.event_time, source.created_time, source.known_after, source.key, source.deleted)
        raw = self._once((table,), lambda name: SourceRows(name, table, table.schema, times), f"rows_{table.name}")
        if delay is not None and source.is_timed:
            return self._intervals(table, raw, times, delay, tuple(one.get(table.name, ()) for one in ways))
        if not source.is_timed and not source.key:
            return raw
        ties, until = fixed.get(table.name, ()), self.until if delay is None and source.is_timed else None
        return self._once(
            (table, ties, until),
            lambda name: NewestRows(name, raw, table.schema, times, ties, until),
            f"newest_{table.name}",
        )

    def _intervals(self, table: SourceTable, raw: str, times: RowTimes, delay: int, ties: tuple[Columns, ...]) -> str:
        columns, until = table.schema, self.until
        known = self._once(
            (table, delay), lambda name: KnownRows(name, raw, columns, times, delay, until), f"known_{table.name}"
        )
        if not times.key:
            return known
        several = self._once(("several", known), lambda name: Several(name, known, times), f"several_{table.name}")
        return self._once(
            (known, ties), lambda name: Versions(name, known, several, columns, times, ties), f"versions_{table.name}"
        )

    def _once(self, key: tuple[object, ...], make: Callable[[str], RowsRelation], stem: str) -> str:
        """The name of a relation that is made when it is asked for first."""
        if key not in self._made:
            taken = {relation.name.lower() for relation in self.relations}  # engines do not tell capitals
            name = next(one for one in _names(stem) if one.lower() not in taken)
            self._made[key] = name
            self.relations.append(make(name))
        return self._made[key]


def _names(stem: str) -> Iterator[str]:
    yield stem
    yield from (f"{stem}_{number}" for number in itertools.count(2))


def _delay(feature: StoredFeature) -> int:
    return feature.schedule.delay if is_timed(feature.table) else 0


def _leaves(table: Table, ways: int) -> Columns:
    """The columns that tell when rows of ``table`` leave: one for each way to break ties, none where rows stay."""
    return tuple(map(Hidden.leave, range(ways))) if is_timed(table) and tie_keys(table) else ()


def _hidden(table: Table, leaves: Columns | None) -> Columns:
    """What the rows of a step carry of the rows they are made of; ``leaves`` None: label rows without interval."""
    keys = tuple(Hidden.key(position) for position in range(len(tie_keys(table))))
    if not is_timed(table):
        return keys
    return (Hidden.EVENT, *(() if leaves is None else (Hidden.CREATED, Hidden.ENTER, *leaves)), *keys)


def _carriers(table: Table) -> list[SourceTable]:
    """The sources whose rows a table's rows are: the timed ones, or of an untimed table what it reads first."""
    if isinstance(table, SourceTable):
        return [table]
    return [source for name in analyze(table).carriers for source in _carriers(table.inputs[name])]


def tie_keys(table: Table) -> tuple[DataType, ...]:
    """Types of the key columns of the rows' source, in name order.

    Raises:
        NotSupportedError: rows of sources with different keys are put into one table.
    """
    found = [[source.schema[name] for name in sorted(source.source.key)] for source in _carriers(table)]
    if any(types != found[0] for types in found[1:]):
        message = f"{table.name} puts rows of sources with different key= columns into one table."
        raise NotSupportedError(message, hint="Give the sources keys of the same types, or none.")
    return tuple(found[0])
