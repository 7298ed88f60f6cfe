"""Why a query is as it is: what features are made of and share, what steps are, and how that is known."""

from collections.abc import Iterator
from dataclasses import dataclass

from featurestore.compiler.query import Pass, Points, Query, Relation
from featurestore.compiler.steps import CODE, analyze, per_boundary
from featurestore.compiler.vector import Layout
from featurestore.definitions.durations import duration_text
from featurestore.definitions.readable import expression_text
from featurestore.definitions.resolved import (
    OnDemandFeature,
    Schedule,
    SelectedFeature,
    SourceTable,
    StepTable,
    StoredFeature,
    Table,
    is_timed,
    sources_of,
    steps_of,
)

__all__ = ["FeatureReason", "PassReason", "Reasons", "TableReason", "reasons"]


@dataclass(frozen=True)
class FeatureReason:
    """A feature as it is handed out: its columns, the expression or function behind it, the passes that it reads."""

    ref: str
    columns: tuple[str, ...]
    how: str
    passes: tuple[str, ...]


@dataclass(frozen=True)
class PassReason:
    """Aggregations that are computed together: over which rows, for which points, joined in which way."""

    name: str
    rows: str
    points: str
    join: str
    features: tuple[str, ...]


@dataclass(frozen=True)
class TableReason:
    """A table below: what it is, how its rows come to have times, and how that is known."""

    ref: str
    what: str
    how: str
    opaque: bool


@dataclass(frozen=True)
class Reasons:
    """What is to be said of a query beside its statement."""

    features: tuple[FeatureReason, ...]
    passes: tuple[PassReason, ...]
    tables: tuple[TableReason, ...]


def reasons(layout: Layout, query: Query) -> Reasons:
    """Why ``query`` computes the features of ``layout`` as it does."""
    placed = {output.name: tuple(dict.fromkeys(made for _, made, _ in output.columns)) for output in query.outputs}
    tables: dict[str, Table] = {}
    for slot in layout.slots:
        below: list[Table] = [*sources_of(slot.feature.table), *steps_of(slot.feature.table)]
        tables |= {str(table.ref): table for table in below}
    relations = {relation.name: relation for relation in query.relations}
    return Reasons(
        tuple(_feature(one, layout, placed) for one in layout.selected),
        tuple(_pass(made, relations, layout, placed) for made in query.relations if isinstance(made, Pass)),
        tuple(map(_table, tables.values())),
    )


def _feature(one: SelectedFeature, layout: Layout, placed: dict[str, tuple[str, ...]]) -> FeatureReason:
    feature = one.feature
    if isinstance(feature, StoredFeature):
        slot = layout.slot_of(feature, one.role)
        return FeatureReason(str(feature.ref), one.columns, expression_text(feature.expression), placed[slot.name])
    if isinstance(feature, OnDemandFeature):
        how = f"in Python, for each row: {feature.definition.name}({', '.join(feature.inputs)})"
        return FeatureReason(str(feature.ref), one.columns, how, ())
    how = f"in Python, for each row: {expression_text(feature.expression)}"
    return FeatureReason(str(feature.ref), one.columns, how, ())


def _pass(made: Pass, relations: dict[str, Relation], layout: Layout, placed: dict[str, tuple[str, ...]]) -> PassReason:
    points = relations[made.points]
    schedule = points.schedule if isinstance(points, Points) else None
    keys = ", ".join(key for key, _ in made.keys)
    users = dict.fromkeys(str(slot.feature.ref) for slot in layout.slots if made.name in placed[slot.name])
    return PassReason(made.name, made.rows, f"{keys}{_at(schedule)}", _join(made), tuple(users))


def _at(schedule: Schedule | None) -> str:
    if schedule is None:
        return ", once: the rows have no times"
    parts = {"delay": schedule.delay, "publish_within": schedule.publish_within, "offset": schedule.offset}
    said = "".join(f", {name} {duration_text(length)}" for name, length in parts.items() if length)
    return f", at boundaries every {duration_text(schedule.every)}{said}"


def _join(made: Pass) -> str:
    if not made.timed:
        return "by entity: all rows"
    if made.at_boundary:
        return "by entity and boundary: rows are made for each"
    if made.reach is None:
        return "by entity: all rows until the boundary, since a window has no beginning"
    width = duration_text(made.reach - made.shift)
    return f"by entity and time bucket of {width}: no window reaches farther back than {duration_text(made.reach)}"


def _table(table: Table) -> TableReason:
    ref = str(table.ref)
    if isinstance(table, SourceTable):
        return TableReason(ref, "source", "; ".join(_source(table)), opaque=False)
    step = table.transformation
    if table.join is not None:
        how = "each left row with the newest right row at its own event time"
        return TableReason(ref, f"as-of join on {', '.join(table.join.on)}", how, opaque=False)
    return TableReason(ref, f"{step.engine} step", _step(table), opaque=step.engine in CODE)


def _source(table: SourceTable) -> Iterator[str]:
    source = table.source
    if not source.is_timed:
        yield "untimed: not point-in-time"
    else:
        known = f"known at {source.created_time}" if source.created_time else "known when it happens"
        known += f" (null: {duration_text(source.known_after)} later)" if source.known_after else ""
        yield f"happens at {source.event_time}, {known}"
    if source.key:
        yield f"of each {', '.join(source.key)} the newest version"


def _step(table: StepTable) -> str:
    step = table.transformation
    if step.time == "snapshot":
        return "a snapshot of all that is known now, made before the statement: not point-in-time"
    if step.time == "per_boundary":
        often = ", once for each boundary" if per_boundary(table) else ""
        return f"per boundary: made before the statement{often}, of the rows that exist there"
    carriers = ", ".join(analyze(table).carriers)
    if step.engine in CODE:
        return f"row-wise over {carriers}, as it says: not proven, `featurestore check leaks` looks"
    if not is_timed(table):
        return "no input has times"
    return f"row-wise over {carriers}, proven from its SQL: each row is made of one row there"
