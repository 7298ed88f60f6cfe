"""Values at a boundary, and whether two of them are the same but for rounding (semantics 12)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from featurestore.compiler.compile import compile_boundary, compile_values
from featurestore.compiler.query import Hidden
from featurestore.compiler.steps import table_schema
from featurestore.compiler.stored import stored_form
from featurestore.compiler.vector import Layout, Slot
from featurestore.definitions.functions import type_of
from featurestore.definitions.nodes import Aggregate, Call
from featurestore.definitions.resolved import Group, StoredFeature
from featurestore.definitions.sources import Binding
from featurestore.spi.frames import arrow, arrow_type
from featurestore.spi.stages import staged
from featurestore.spi.stores import OfflineStore

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Asked", "asked", "changed", "rounding", "same", "served_values", "values_of"]

TOLERANCE = 1e-9
APPROXIMATE = 0.05
"""By how much an approximate count may be off, of itself; or by 2."""
COMPOSED = 1e-6
"""By how much a value made of inexact ones may differ from what is stored, of itself."""
_SCALES = {"sum": "sum", "mean": "mean", "std": "max", "percentile": "max"}
"""Aggregations of floats that may differ by rounding: what of the inputs' sizes bounds by how much (semantics 12)."""


@dataclass(frozen=True)
class _Part:
    """An aggregation in a feature: its column, the column of what bounds its rounding, its share of that."""

    column: str
    scale: str | None
    approximate: bool


@dataclass(frozen=True)
class Asked:
    """A feature in a result: its own column, and those of the aggregations in it, by which rounding is told."""

    feature: StoredFeature
    column: str
    parts: tuple[_Part, ...]
    slots: tuple[Slot, ...]


def asked(features: Sequence[StoredFeature]) -> tuple[Asked, ...]:
    """What is computed for features: their values, and what is needed to compare them."""
    found: list[Asked] = []
    count = 0
    for feature in features:
        schema = table_schema(feature.table)
        slots: list[Slot] = []

        def slot(node: Any, of: StoredFeature = feature, into: list[Slot] = slots, known: Any = schema) -> str:
            nonlocal count
            into.append(Slot(f"f{count}", of, (), type_of(node, known), node))
            count += 1
            return into[-1].name

        column = slot(feature.expression)
        parts = []
        for one in feature.aggregates:
            inexact = one.function in _SCALES and one.argument is not None and type_of(one.argument, schema).is_float
            scale = slot(_scale(one)) if inexact else None
            parts.append(_Part(slot(one), scale, one.function == "approx_distinct"))
        found.append(Asked(feature, column, tuple(parts), tuple(slots)))
    return tuple(found)


def _scale(one: Aggregate) -> Aggregate:
    assert one.argument is not None  # noqa: S101 - the caller has looked
    sizes = Call("abs", (one.argument,))
    return replace(one, function=_SCALES[one.function], argument=sizes, parameter=None)


def values_of(
    group: Group,
    wanted: Sequence[Asked],
    entities: "pa.Table",
    boundary: int,
    store: OfflineStore,
    bindings: Mapping[str, Binding],
) -> list[dict[str, Any]]:
    """What a training set would hold of entities at the time at which a boundary answers; a row per entity.

    Raises:
        FeaturestoreError: one of its kinds: they cannot be computed.
    """
    pa = arrow()
    slots = tuple(slot for one in wanted for slot in one.slots)
    query = compile_values(Layout(slots, (), {}, group.entity.keys, {}))
    due = group.schedule.due(boundary)
    number = entities.num_rows
    spine = {
        Hidden.ROW: pa.array(range(number), pa.int64()),
        Hidden.TIME: pa.repeat(pa.scalar(due, pa.int64()), number),
    }
    spine |= {key: entities.column(key) for key in group.entity.keys}
    made = staged(query.stages, [due], store, bindings)
    found: list[dict[str, Any]] = store.run(query, pa.table(spine), bindings, made).read_all().to_pylist()
    return found


def served_values(
    group: Group, boundary: int, store: OfflineStore, bindings: Mapping[str, Binding]
) -> "tuple[pa.Table, list[dict[str, Any]]]":
    """The keys of all entities that are live at a boundary, and what reading what is stored of them gives then.

    The values are by the features' references.

    Raises:
        FeaturestoreError: one of its kinds: they cannot be computed.
    """
    pa = arrow()
    query = compile_boundary(group, boundary, None)
    made = staged(query.query.stages, [query.time], store, bindings)
    rows = store.boundary_rows(query, bindings, made).read_all()
    types = {key: pa.int64() if kind.is_integer else arrow_type(kind) for key, kind in query.keys.items()}
    # An engine gives rows in no order; which of them are chosen must not hang on that.
    rows = rows.sort_by([(key, "ascending") for key in query.keys])
    keys = pa.table({key: rows.column(key).cast(data_type) for key, data_type in types.items()})
    forms = [stored_form(member) for member in group.members]
    values = []
    for row in rows.select(list(query.columns)).to_pylist():
        found = {}
        for form in forms:
            ref = str(form.feature.ref)
            expired = form.has_event and form.has_expired(row[f"{ref} event"], boundary)
            found[ref] = form.filled(None if expired else row[ref])
        values.append(found)
    return keys, values


def changed(one: Asked, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a feature has another value, and rounding cannot be why."""
    return not same(before[one.column], after[one.column]) and any(
        not _close(part, before, after) for part in one.parts
    )


def rounding(one: Asked, row: Mapping[str, Any], other: object) -> bool:
    """Whether a value may differ from ``other`` by rounding alone: only inexact features may, by little."""
    inexact = any(part.scale is not None or part.approximate for part in one.parts)
    value = row[one.column]
    if not (inexact and isinstance(value, (int, float)) and isinstance(other, (int, float))):
        return False
    scales = [TOLERANCE * abs(row[part.scale] or 0.0) for part in one.parts if part.scale is not None]
    share = APPROXIMATE if any(part.approximate for part in one.parts) else COMPOSED
    return bool(abs(value - other) <= max(0.0, *scales, share * max(abs(value), abs(other))))


def _close(part: _Part, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    old, new = before[part.column], after[part.column]
    if same(old, new):
        return True
    if old is None or new is None:
        return False
    if part.approximate:
        return bool(abs(old - new) <= max(2, APPROXIMATE * max(old, new)))
    if part.scale is None or not (math.isfinite(old) and math.isfinite(new)):
        return False
    return bool(abs(old - new) <= TOLERANCE * max(before[part.scale] or 0.0, after[part.scale] or 0.0))


def same(old: object, new: object) -> bool:
    """Equal; NaN equals NaN."""
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(same, old, new))
    if isinstance(old, float) and isinstance(new, float) and math.isnan(old):
        return math.isnan(new)
    return bool(old == new)
