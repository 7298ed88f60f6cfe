"""The relations of tables: sources with what is known of their rows, and steps over them."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from featurestore.compiler.query import (
    AliveRows,
    AsofRows,
    BoundaryRows,
    Hidden,
    KnownRows,
    NewestRows,
    RowsQuery,
    RowsRelation,
    RowTimes,
    Several,
    SourceRows,
    Stage,
    StepRows,
    Versions,
    source_relation,
)
from featurestore.compiler.steps import Step, analyze, per_boundary, table_schema
from featurestore.definitions.documents import version_ties
from featurestore.definitions.resolved import (
    ResolvedLabel,
    Schedule,
    SourceTable,
    StoredFeature,
    Table,
    is_timed,
    sources_of,
    steps_of,
)
from featurestore.definitions.types import DataType, Schema
from featurestore.errors import NotSupportedError

__all__ = ["TableRows", "Tables", "Ties", "raw_rows", "tie_keys", "ties_of"]

Columns = tuple[str, ...]
Choice = Mapping[str, Columns]
"""Source to the columns that break ties between its versions."""


@dataclass(frozen=True)
class Ties:
    """Of each table whose rows have a key: the columns that decide between equally new ones (semantics 4, 7, 8).

    ``fixed`` are those of tables whose rows are chosen once; ``open`` those of timed sources, where features that read
    other columns may see other rows leave.
    """

    fixed: tuple[tuple[str, Columns], ...]
    open: tuple[tuple[str, Columns], ...]


def ties_of(definition: StoredFeature | ResolvedLabel) -> Ties:
    """What breaks ties between rows for a feature or a label."""
    table = definition.table
    found = version_ties(definition)
    chosen_once = {source.name for source in sources_of(table) if not source.source.is_timed}
    if any(step.join is not None or step.transformation.time != "row_wise" for step in steps_of(table)):
        # What is chosen at one place would have to be chosen anew at another, for each way.
        chosen_once = {name for name, _ in found}
    return Ties(
        tuple(one for one in found if one[0] in chosen_once),
        tuple(one for one in found if one[0] not in chosen_once),
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
    stages: list[Stage] = field(default_factory=list)
    _ties: dict[tuple[object, ...], list[tuple[tuple[str, Columns], ...]]] = field(default_factory=dict)
    _made: dict[tuple[object, ...], str] = field(default_factory=dict)

    def add(self, feature: StoredFeature) -> None:
        """Takes note of a feature's table and of its ties."""
        ties = ties_of(feature)
        known = self._ties.setdefault(_shared(feature), [])
        if ties.open not in known:
            known.append(ties.open)

    def of(self, feature: StoredFeature) -> TableRows:
        """The relation of the rows that an added feature aggregates."""
        ties = ties_of(feature)
        ways = self._ties[_shared(feature)]
        wanted = _Wanted(_schedule(feature), dict(ties.fixed), tuple(map(dict, ways)))
        leaves = _leaves(feature.table, len(ways))
        return TableRows(self._rows(feature.table, wanted), leaves, leaves[ways.index(ties.open)] if leaves else None)

    def labels(self, label: ResolvedLabel) -> str:
        """The relation of the newest label rows."""
        ties = ties_of(label)
        return self._rows(label.table, _Wanted(None, dict((*ties.fixed, *ties.open)), (), visible=False))

    def _rows(self, table: Table, wanted: "_Wanted") -> str:
        """The relation of a table's rows."""
        if isinstance(table, SourceTable):
            return self._source_rows(table, wanted)
        step, ref = analyze(table), str(table.ref)
        if step.join is not None:
            return self._as_of(step, wanted)
        if table.transformation.time != "row_wise" or step.query is None:
            return self._staged(step, wanted)
        inputs = tuple((parameter, self._rows(one, wanted)) for parameter, one in table.inputs.items())
        hidden = wanted.hidden(table)
        return self._once(
            (ref, inputs, hidden), lambda name: StepRows(name, step, inputs, hidden), f"rows_{table.name}"
        )

    def _as_of(self, step: Step, wanted: "_Wanted") -> str:
        table, join = step.table, step.join
        assert join is not None  # noqa: S101 - the caller has looked
        left, right = (self._rows(table.inputs[side], wanted) for side in (join.left, join.right))
        hidden, keys = wanted.hidden(table), tie_keys(table.inputs[join.right])
        there = table_schema(table.inputs[join.right])
        joined = {name: step.columns[name] for name in join.joined}
        leaves = tuple(next(iter(wanted.leaves(table.inputs[side])), None) for side in (join.left, join.right))
        return self._once(
            (str(table.ref), left, right, hidden),
            lambda name: AsofRows(
                name, left, right, join.kept, joined, join.on, keys, there, hidden, leaves[0], leaves[1]
            ),
            f"rows_{table.name}",
        )

    def _staged(self, step: Step, wanted: "_Wanted") -> str:
        """The rows of a step that is computed before: the rows themselves, and what is known of them."""
        table, made, ref = step.table, step.table.transformation, str(step.table.ref)
        times = RowTimes(made.event_time, made.created_time, made.known_after, made.key)
        stage = self._stage(step, wanted)
        hidden = stage.hidden if stage.schedule is None else (Hidden.BOUNDARY,)
        raw = self._once(
            ("raw", stage.name),
            lambda name: SourceRows(name, stage.name, ref, step.columns, times, hidden),
            f"rows_{table.name}",
        )
        if made.time == "row_wise":
            return raw
        ties = tuple(sorted(step.columns))
        if wanted.schedule is None or not is_timed(table):
            return self._newest(ref, raw, step.columns, times, ties, wanted)
        if made.time == "snapshot":
            return self._intervals(ref, raw, step.columns, times, wanted.schedule.delay, (ties,))
        delay = wanted.schedule.delay
        return self._once(
            (raw, ties),
            lambda name: BoundaryRows(name, raw, step.columns, times, delay, ties),
            f"known_{table.name}",
        )

    def _stage(self, step: Step, wanted: "_Wanted") -> Stage:
        """What must be computed before for a step."""
        table, time = step.table, step.table.transformation.time
        below = Tables(until=None if time == "snapshot" and wanted.schedule else self.until, stages=self.stages)
        given = wanted if time == "row_wise" else replace(wanted, visible=True)
        given = replace(given, schedule=None) if time == "snapshot" else given
        at_boundary = per_boundary(table) and time == "per_boundary" and wanted.schedule is not None
        relations = {name: below._input(one, given, at_boundary=at_boundary) for name, one in table.inputs.items()}
        hidden = wanted.hidden(table) if time == "row_wise" else ()
        if step.query is None:
            columns = {
                name: (*table_schema(one), *(hidden if name in step.carriers else ()))
                for name, one in table.inputs.items()
            }
            inputs = tuple((name, below._query(relation, columns[name])) for name, relation in relations.items())
        else:
            result = below._once(
                ("result",), lambda name: StepRows(name, step, tuple(relations.items()), ()), f"rows_{table.name}"
            )
            inputs = (("", below._query(result, tuple(step.columns))),)
        made = Stage(
            f"stage_{len(self.stages)}_{table.name}",
            step,
            inputs,
            hidden,
            step.carriers[0] if hidden else None,
            wanted.schedule if at_boundary else None,
        )
        # The same rows are not made twice, whoever reads them.
        same = [one for one in self.stages if replace(one, name=made.name) == made]
        if not same:
            self.stages.append(made)
        return (same or [made])[0]

    def _input(self, table: Table, wanted: "_Wanted", *, at_boundary: bool) -> str:
        """The rows of an input of a stage: those that exist at the boundary for which it is made, or all."""
        rows = self._rows(table, wanted)
        if not at_boundary or not is_timed(table):
            return rows
        leave, made_there = next(iter(wanted.leaves(table)), None), per_boundary(table)
        return self._once(("alive", rows), lambda name: AliveRows(name, rows, leave, made_there), f"alive_{table.name}")

    def _query(self, rows: str, columns: Columns) -> RowsQuery:
        return RowsQuery(tuple(self.relations), rows, columns, tuple(self.sources.values()))

    def _source_rows(self, table: SourceTable, wanted: "_Wanted") -> str:
        self.sources[table.name] = table
        ref, times = table.name, _times_of(table)
        raw = self._once(("raw", ref), lambda name: raw_rows(table, name), f"rows_{table.name}")
        if wanted.schedule is not None and is_timed(table):
            return self._intervals(ref, raw, table.schema, times, wanted.schedule.delay, wanted.ties(ref))
        return self._newest(ref, raw, table.schema, times, wanted.fixed.get(ref, ()), wanted)

    def _newest(self, ref: str, raw: str, columns: Schema, times: RowTimes, ties: Columns, wanted: "_Wanted") -> str:
        timed = times.event_time is not None
        if not timed and not times.key:
            return raw
        until, visible = self.until if timed and wanted.schedule is None else None, timed and wanted.visible
        return self._once(
            ("newest", raw, ties, until, visible),
            lambda name: NewestRows(name, raw, columns, times, ties, until, visible),
            f"newest_{ref.partition('@')[0]}",
        )

    def _intervals(
        self, ref: str, raw: str, columns: Schema, times: RowTimes, delay: int, ties: tuple[Columns, ...]
    ) -> str:
        until, stem = self.until, ref.partition("@")[0]
        known = self._once(
            (raw, delay), lambda name: KnownRows(name, raw, columns, times, delay, until), f"known_{stem}"
        )
        if not times.key:
            return known
        several = self._once(("several", known), lambda name: Several(name, known, times), f"several_{stem}")
        return self._once(
            (known, ties), lambda name: Versions(name, known, several, columns, times, ties), f"versions_{stem}"
        )

    def _once(self, key: tuple[object, ...], make: Callable[[str], RowsRelation], stem: str) -> str:
        """The name of a relation that is made when it is asked for first."""
        if key not in self._made:
            taken = {relation.name.lower() for relation in self.relations}  # engines do not tell capitals
            name = next(one for one in _names(stem) if one.lower() not in taken)
            self._made[key] = name
            self.relations.append(make(name))
        return self._made[key]


@dataclass(frozen=True)
class _Wanted:
    """Which rows of a table are wanted: those that boundaries of a schedule see, or None: the newest, as for labels.

    ``fixed`` and ``ways`` are what `Ties` are, the latter for all features that share the relation. Of the newest rows
    only those are ``visible`` that have times; labels need the others, to tell of them.
    """

    schedule: Schedule | None
    fixed: Choice
    ways: tuple[Choice, ...]
    visible: bool = True

    def ties(self, source: str) -> tuple[Columns, ...]:
        """The columns that break ties between versions of a source, for each way."""
        return tuple({**self.fixed, **way}.get(source, ()) for way in self.ways)

    def leaves(self, table: Table) -> Columns:
        """The columns that tell when rows of ``table`` leave."""
        return () if self.schedule is None else _leaves(table, len(self.ways))

    def hidden(self, table: Table) -> Columns:
        """What the rows of a row-wise step carry of the rows that they are made of."""
        keys = tuple(Hidden.key(position) for position in range(len(tie_keys(table))))
        if not is_timed(table):
            return keys
        if self.schedule is None:
            return (Hidden.EVENT, Hidden.CREATED, *keys)
        if per_boundary(table):
            return (Hidden.EVENT, Hidden.CREATED, Hidden.BOUNDARY, *keys)
        return (Hidden.EVENT, Hidden.CREATED, Hidden.ENTER, *self.leaves(table), *keys)


def _times_of(table: SourceTable) -> RowTimes:
    """What a source says of its rows' times, key and deletion."""
    source = table.source
    return RowTimes(source.event_time, source.created_time, source.known_after, source.key, source.deleted)


def raw_rows(table: SourceTable, name: str) -> SourceRows:
    """The relation ``name`` of all rows of a source."""
    return SourceRows(name, source_relation(table.name), str(table.ref), table.schema, _times_of(table))


def _names(stem: str) -> Iterator[str]:
    yield stem
    yield from (f"{stem}_{number}" for number in itertools.count(2))


def _schedule(feature: StoredFeature) -> Schedule:
    """What of a feature's schedule matters to its rows: the delay, and the boundaries where rows are made for each."""
    if any(step.transformation.time == "per_boundary" for step in steps_of(feature.table)):
        return feature.schedule
    return Schedule(every=1, delay=feature.schedule.delay if is_timed(feature.table) else 0)


def _shared(feature: StoredFeature) -> tuple[object, ...]:
    """Features of which this is equal have their rows in one relation."""
    return feature.table, _schedule(feature), ties_of(feature).fixed


def _leaves(table: Table, ways: int) -> Columns:
    """The columns that tell when rows of ``table`` leave: one for each way to break ties, none where rows stay."""
    if not is_timed(table) or per_boundary(table):
        return ()
    return tuple(map(Hidden.leave, range(ways))) if _can_leave(table) else ()


def _can_leave(table: Table) -> bool:
    """Whether a newer version, or a newer row to join, can take the place of a row."""
    if isinstance(table, SourceTable):
        return bool(table.source.key)
    if table.transformation.time != "row_wise":
        return bool(table.transformation.key)
    return table.join is not None or any(_can_leave(table.inputs[name]) for name in analyze(table).carriers)


def tie_keys(table: Table) -> tuple[DataType, ...]:
    """Types of the key columns of the rows, in name order: those of their source, or those that a step declares.

    Raises:
        NotSupportedError: rows of tables with different keys are put into one.
    """
    if isinstance(table, SourceTable):
        return tuple(table.schema[name] for name in sorted(table.source.key))
    if table.transformation.time != "row_wise":
        return tuple(table_schema(table)[name] for name in sorted(table.transformation.key))
    found = [tie_keys(table.inputs[name]) for name in analyze(table).carriers]
    if any(types != found[0] for types in found[1:]):
        message = f"{table.name} puts rows of sources with different key= columns into one table."
        raise NotSupportedError(message, hint="Give the sources keys of the same types, or none.")
    return found[0]
