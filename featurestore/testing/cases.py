"""Generated cases for an engine to be compared with the oracle on: small, and full of edges.

Times lie on a grid of few offsets around one point, and schedules, windows and delays are made of the same lengths, so
that rows fall exactly on boundaries and on the ends of windows, and a microsecond beside them.
"""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from featurestore.definitions import expressions as fs
from featurestore.definitions.durations import microseconds
from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import RowValue, Value, Values
from featurestore.definitions.features import Cadence, Feature, FeatureClass, features
from featurestore.definitions.functions import AGGREGATIONS, type_of
from featurestore.definitions.inputs import Input
from featurestore.definitions.nodes import aggregates, columns_read
from featurestore.definitions.origin import origin_here
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.resolved import SelectedFeature
from featurestore.definitions.sources import Source
from featurestore.definitions.types import Bool, DataType, Int64, Schema, String, Timestamp
from featurestore.testing.case_code import code_of
from featurestore.testing.case_grid import (
    COLUMNS,
    DELAYS,
    ENTITIES,
    EVENT_TIMES,
    EVERY,
    KNOWN,
    LENGTHS,
    LITERALS,
    OFFSETS,
    STARTS,
    chance,
)
from featurestore.testing.case_rows import edges_of, spines
from featurestore.testing.case_rows import tables as rows_of
from featurestore.testing.case_steps import NAMES, NAMES_SCHEMA, STEPS, MadeStep, Readable, make_step, readable
from featurestore.testing.oracle import Row, Step

__all__ = ["Capabilities", "Case", "case_of", "cases", "derived_feature"]


@dataclass(frozen=True)
class Capabilities:
    """What cases may ask of an engine.

    ``corrections`` are ``key=`` and ``deleted=``; ``infinite_times`` are rows with an infinite event or created time;
    ``steps`` are keys of `featurestore.testing.case_steps.STEPS`, none unless they are named.
    """

    aggregations: frozenset[str] = frozenset(AGGREGATIONS)
    corrections: bool = True
    ago: bool = True
    untimed: bool = True
    derived: bool = True
    infinite_times: bool = True
    steps: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset(
        {"Bool", "Int32", "Int64", "Float32", "Float64", "Decimal", "String", "Bytes", "Date", "Timestamp"}
    )


@dataclass(frozen=True, repr=False)
class Case:
    """Definitions, the rows of their sources, and a spine; ``features`` are selected from ``define(...)`` of them.

    Its text is code that makes it again. ``selections`` are what ``features`` were selected by, ``made`` the steps,
    those below first.
    """

    objects: Sequence[object]
    schemas: Mapping[str, Schema]
    settings: Settings
    tables: Mapping[str, Sequence[Row]]
    spine: Sequence[Row]
    time: str
    features: Sequence[SelectedFeature]
    selections: Sequence[object] = ()
    made: Sequence[MadeStep] = ()

    @property
    def steps(self) -> dict[str, Step]:
        """What the steps do, as the oracle takes them."""
        return {one.name: one.function for one in self.made if one.function is not None}

    def __repr__(self) -> str:
        return code_of(self)

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - the form that printers call
        printer.text("\n" + repr(self))


def case_of(
    objects: Sequence[object],
    schemas: Mapping[str, Schema],
    tables: Mapping[str, Sequence[Row]],
    spine: Sequence[Row],
    selections: Sequence[object],
    *,
    made: Sequence[MadeStep] = (),
) -> Case:
    """A case of the given definitions and rows."""
    settings = Settings()
    features = define(objects, schemas, settings).select(selections)
    return Case(objects, schemas, settings, tables, spine, "t", features, selections, made)


OF_NUMBERS = frozenset({"sum", "mean", "std", "percentile"})
OF_ROWS = frozenset({"first", "last", "last_n"})
READ_BY_STEPS = frozenset({"n", "i", "s", "flag"})
PIVOTS: Mapping[str, Sequence[object]] = {"s": ("a", "a|b", "B"), "i": (1, 7), "flag": (True, False), "label": ("a",)}
"""Columns that pivots take, and the values that they list."""


@st.composite
def cases(draw: st.DrawFn, capabilities: Capabilities = Capabilities()) -> Case:
    """Cases within ``capabilities``. Sources have up to 14 rows, the spine up to 7; there are up to 5 classes."""
    names = draw(st.lists(st.sampled_from(list(ENTITIES)), min_size=1, max_size=2, unique=True))
    entities = [Entity(name, keys=ENTITIES[name]) for name in names]
    sources = [draw(_sources(f"source_{number}", names, capabilities)) for number in range(draw(st.integers(1, 2)))]
    tables = [readable(source, entities) for source in sources]
    made = draw(_steps(tables, capabilities)) if capabilities.steps else []
    read: list[Readable] = [*tables, *(made[-1:] * 3)]  # where there is a step, it is what the case is about
    classes = [
        draw(_feature_classes(f"f{number}", entities, read, capabilities)) for number in range(draw(st.integers(1, 4)))
    ]
    stored = [member for one in classes for member in one]
    derived = draw(_derived_features(stored)) if capabilities.derived else []
    schemas = {source.name: _schema(source, names, stored, made) for source in sources}
    if any(NAMES.name in one.sources for one in made):
        sources, schemas = [*sources, NAMES], {**schemas, NAMES.name: NAMES_SCHEMA}
    selections: list[object] = [*stored, *derived]
    roles: dict[str, str] = {}
    if draw(st.booleans()):
        first = stored[0]
        roles = {key: f"other_{key}" for key in first.entity.keys}
        selections.append(first.on(**roles).named("in_role"))
    objects = [*entities, *sources, *(one.table for one in made), *stored, *derived]
    start = draw(st.sampled_from(STARTS))
    spine: list[Any] = draw(spines(names, roles, start))
    case = case_of(objects, schemas, {}, spine, selections, made=made)
    edges = edges_of(start, case.features, [row["t"] for row in spine])
    endless = capabilities.infinite_times
    return replace(
        case,
        tables={
            source.name: draw(rows_of(source, schemas[source.name], edges, infinite_times=endless))
            for source in sources
        },
    )


@st.composite
def _steps(draw: st.DrawFn, sources: Sequence[Readable], capabilities: Capabilities) -> list[MadeStep]:
    """Steps one upon another, the topmost last: one of some kind, maybe a filter over it; maybe none."""
    timed = [source for source in sources if source.event_time]
    kinds = [kind for kind in STEPS if kind in capabilities.steps and (timed or kind in {"filter", "projection"})]
    if not kinds or not draw(st.booleans()):
        return []
    kind = draw(st.sampled_from(kinds))
    rows = draw(st.sampled_from(sources if kind in {"filter", "projection", "union_all"} else timed))
    # Rows of tables with different keys have no order in common in which ties could be broken.
    alike = [
        source
        for source in sources
        if bool(source.event_time) == bool(rows.event_time) and (kind != "union_all" or source.key == rows.key)
    ]
    made: list[MadeStep] = []
    inputs = [rows]
    if kind in {"join", "left_join"}:
        inputs.append(readable(NAMES, ()))
    elif kind in {"union_all", "pairs", "asof_join"}:
        inputs.append(draw(st.sampled_from(alike)))
    if kind == "asof_join":
        made.append(make_step("labels", "step_labels", [inputs.pop()]))
        inputs.append(made[-1])
    made.append(make_step(kind, "step", inputs))
    if "filter" in capabilities.steps and "i" in made[-1].columns and chance(draw, 3):
        made.append(make_step("filter", "step_above", [made[-1]]))
    return made


@st.composite
def _sources(draw: st.DrawFn, name: str, entities: Sequence[str], capabilities: Capabilities) -> Source:
    timed = not (capabilities.untimed and chance(draw, 6))
    daily = timed and chance(draw, 8)
    known_after = draw(st.sampled_from((None, "10m", "1d")))
    keys: tuple[tuple[str, ...], ...] = ((), ("order_id",), ("order_id",), ("part", "order_id"))
    chosen = draw(st.sampled_from(keys if capabilities.corrections else keys[:1]))
    renamed, created, deleted = draw(st.booleans()), not chance(draw, 3), not chance(draw, 3)
    return Source(
        name,
        table=name,
        event_time=("happened_on" if daily else "happened_at") if timed else None,
        created_time="loaded_at" if timed and created else None,
        known_after=(known_after or ("1d" if daily else None)) if timed else None,
        key=chosen,
        deleted="gone" if chosen and deleted else None,
        keys={key: f"the_{key}" for entity in entities for key in ENTITIES[entity]} if renamed else None,
    )


def _schema(
    source: Source, entities: Sequence[str], stored: Sequence[Feature[..., Any]], made: Sequence[MadeStep]
) -> Schema:
    """The columns that the source itself, its entities, its features and steps over it read."""
    own = {"order_id": Int64, "part": String, "loaded_at": Timestamp, "gone": Bool, **EVENT_TIMES}
    above = [one.table for one in made if source.name in one.sources]
    read = {
        name
        for one in stored
        if one.expression is not None and one.inputs[0].bound in (source, *above)
        for name in columns_read(one.expression.node)
    }
    read |= READ_BY_STEPS if above else set()
    return {
        **{name: own[name] for name in source.own_columns()},
        **{source.keys.get(key, key): ENTITIES[entity][key] for entity in entities for key in ENTITIES[entity]},
        **{name: data_type for name, data_type in COLUMNS.items() if name in read},
    }


@st.composite
def _feature_classes(
    draw: st.DrawFn, name: str, entities: Sequence[Entity], tables: Sequence[Readable], capabilities: Capabilities
) -> FeatureClass:
    """A class of one feature, or of those of a list of windows and of a pivot."""
    table = draw(st.sampled_from(tables))
    every = draw(st.sampled_from(EVERY))
    decorate = features(
        entity=draw(st.sampled_from(entities)),
        source=table.table,
        every=every,
        delay=draw(st.sampled_from(DELAYS)),
        publish_within=draw(st.sampled_from(("0s", "5m"))),
        offset=draw(st.sampled_from(("0s", "1us") if every in {"1s", "15m"} else OFFSETS)),
    )
    several = chance(draw, 5)
    expression: Any = draw(_families(table, capabilities)) if several else draw(_expressions(table, capabilities))
    made: Any = decorate(type(name.upper(), (), {name: expression}))
    assert isinstance(made, FeatureClass)
    return made


@st.composite
def _families(draw: st.DrawFn, table: Readable, capabilities: Capabilities) -> Value | Values:
    """One aggregation over two windows and shifts, or by the values of a column, or both."""
    made: Value | Values = draw(_aggregations(table, capabilities))
    assert isinstance(made, Value)
    (one,) = aggregates(made.node)
    if table.event_time and one.ttl is None and draw(st.booleans()):
        windows = draw(st.lists(st.sampled_from(LENGTHS), min_size=2, max_size=2, unique=True))
        shifts = draw(st.sampled_from((("0s",), ("0s", "1h")))) if capabilities.ago else ("0s",)
        made = Values(
            {
                (f"ago{shift}", window): Value(replace(one, over=microseconds(window, ""), ago=microseconds(shift, "")))
                for shift in shifts
                for window in windows
            }
        )
    pivots = [name for name in _names(table, capabilities, lambda _: True) if name in PIVOTS]
    if draw(st.booleans()) and pivots:
        column = draw(st.sampled_from(pivots))
        made = made.by(column, PIVOTS[column])
    return made


@st.composite
def _expressions(draw: st.DrawFn, source: Readable, capabilities: Capabilities) -> Value:
    """One aggregation, filled or not, or two of them in an expression."""
    first, second = draw(_aggregations(source, capabilities)), draw(_aggregations(source, capabilities))
    if not (_can_be_combined(first) and _can_be_combined(second) and chance(draw, 3)):
        return _maybe_filled(draw, first)
    return _maybe_filled(draw, _combined(draw, first, second, lambda value: type_of(value.node, KNOWN)))


def _can_be_combined(value: Value) -> bool:
    """A ttl is for a whole feature (semantics 9), and what is made of an approximate count has no tolerance."""
    return all(one.ttl is None and one.function != "approx_distinct" for one in aggregates(value.node))


def _maybe_filled(draw: st.DrawFn, value: Value) -> Value:
    if not draw(st.booleans()):
        return value
    return _filled(value, type_of(value.node, KNOWN))


def _filled(value: Value, data_type: DataType) -> Value:
    fillers: Mapping[str, object] = {
        "Bool": False,
        "String": "??",
        "Bytes": b"?",
        "Date": datetime.date(2000, 1, 1),
        "Timestamp": STARTS[1],
        "Array": None,
    }
    filler = fillers.get(data_type.name, -1)
    return value if filler is None else value.fill_null(filler)


def _combined(draw: st.DrawFn, first: Value, second: Value, kind: Callable[[Value], DataType]) -> Value:
    """Two values in one expression; sums of floats are neither compared nor divided by, since they are inexact."""
    types = kind(first), kind(second)
    numeric = all(data_type.is_numeric for data_type in types)
    divisible = numeric and types[1].is_integer
    exact = not any(data_type.is_float for data_type in types)
    choices: list[Callable[[], Value]] = []
    if numeric:
        choices += [lambda: first + second, lambda: first - second, lambda: first * 2 + second, lambda: -first]
    if divisible:
        choices += [lambda: first / second]
    if exact and (numeric or types[0] == types[1]) and types[0].name != "Array":
        choices += [lambda: first == second, lambda: fs.when(first != second, first, second)]
        if types[0].is_orderable:
            choices += [lambda: first < second, lambda: ~(first >= second) | first.is_null()]
    if not choices:
        choices += [first.is_null, lambda: first.is_null() & ~second.is_null()]
    return draw(st.sampled_from(choices))()


@st.composite
def _aggregations(draw: st.DrawFn, source: Readable, capabilities: Capabilities) -> Value:
    chosen = capabilities.aggregations - (frozenset() if source.has_order else OF_ROWS)
    allowed = [name for name in sorted(chosen) if name == "count" or _names(source, capabilities, _fits(name))]
    function = "last" if "last" in allowed and chance(draw, 5) else draw(st.sampled_from(allowed))
    over = draw(st.sampled_from((None, None, *LENGTHS))) if source.event_time else None
    ago = (
        draw(st.sampled_from(("0s", *LENGTHS))) if source.event_time and capabilities.ago and chance(draw, 4) else "0s"
    )
    compared = any(name in LITERALS for name in _names(source, capabilities, lambda _: True))
    where = draw(_conditions(source, capabilities)) if compared and chance(draw, 4) else None
    options: dict[str, Any] = {"over": over, "ago": ago, "where": where}
    named = bool(_names(source, capabilities, _fits(function)))
    if function == "count" and not (named and draw(st.booleans())):
        return fs.Rows(source.name).count(**options)
    argument = draw(_arguments(function, source, capabilities))
    if function in {"first", "last"}:
        options["ignore_nulls"] = draw(st.booleans())
    if function == "last" and over is None and source.event_time and draw(st.booleans()):
        options["ttl"] = draw(st.sampled_from(LENGTHS))
        options.pop("over")
    if function == "last_n":
        options["n"] = draw(st.integers(1, 3))
    if function == "percentile":
        options["q"] = draw(st.sampled_from((0.5, 0.0, 0.25, 0.9, 1.0)))
    aggregate: Any = getattr(argument, function)
    made: Value = aggregate(**options)
    return made


def _names(table: Readable, capabilities: Capabilities, fits: Callable[[DataType], bool]) -> list[str]:
    return [name for name, kind in table.columns.items() if kind.name in capabilities.types and fits(kind)]


def _fits(function: str) -> Callable[[DataType], bool]:
    """Which types an aggregation takes."""

    def fits(data_type: DataType) -> bool:
        if function in OF_NUMBERS:
            return data_type.is_numeric
        if function in {"any", "all"}:
            return data_type == Bool
        return data_type.is_orderable if function in {"min", "max"} else True

    return fits


@st.composite
def _arguments(draw: st.DrawFn, function: str, source: Readable, capabilities: Capabilities) -> RowValue:
    """A column that the aggregation takes, or something computed from one."""
    name = draw(st.sampled_from(_names(source, capabilities, _fits(function))))
    column = fs.col(name)
    if name == "i":
        made = (column, column * 2 - 1, -column, column / 7, fs.when(column > 0, column, 0), column + fs.col("i"))
        return draw(st.sampled_from(made))
    if name == "x":
        return draw(st.sampled_from((column, column * 0.5, column.fill_null(0.0))))
    if name == "flag" and function != "last_n" and "s" in source.columns:
        return draw(st.sampled_from((column, ~column, column | fs.col("s").is_null())))
    return column


@st.composite
def _conditions(draw: st.DrawFn, source: Readable, capabilities: Capabilities) -> RowValue:
    """A comparison, or two of them and a test for null."""
    first, second = (draw(_comparisons(source, capabilities)) for _ in range(2))
    if not chance(draw, 3):
        return first
    return draw(st.sampled_from((first & second, first | second, ~first & (second | first.is_null()))))


@st.composite
def _comparisons(draw: st.DrawFn, source: Readable, capabilities: Capabilities) -> RowValue:
    name = draw(st.sampled_from([name for name in _names(source, capabilities, lambda _: True) if name in LITERALS]))
    column, literal = fs.col(name), LITERALS[name]
    if name == "flag":
        return draw(st.sampled_from((column, ~column, column.is_null(), column.fill_null(value=False))))
    plain = (column == literal, column != literal, column.is_null(), column >= literal, column < literal)
    return draw(st.sampled_from((*plain, column.is_in([literal]))))


@st.composite
def _derived_features(draw: st.DrawFn, stored: Sequence[Feature[..., Any]]) -> list[Feature[..., Any]]:
    """Up to one feature of two others of one entity, and one of that."""
    first = stored[0]
    second = draw(st.sampled_from([one for one in stored if one.entity is first.entity]))
    approximate = any(
        found.function == "approx_distinct"
        for one in (first, second)
        if one.expression is not None
        for found in aggregates(one.expression.node)
    )
    if approximate or not draw(st.booleans()):
        return []
    types = {"a": _type_of_stored(first), "b": _type_of_stored(second)}
    combined = _combined(
        draw, fs.feature_value("a"), fs.feature_value("b"), lambda value: type_of(value.node, {}, types)
    )
    made = derived_feature("derived", first.entity, combined, {"a": first, "b": second})
    if not draw(st.booleans()):
        return [made]
    kind = type_of(combined.node, {}, types)
    return [made, derived_feature("again", first.entity, _filled(fs.feature_value("a"), kind), {"a": made})]


def _type_of_stored(one: Feature[..., Any]) -> DataType:
    assert one.expression is not None
    return type_of(one.expression.node, KNOWN)


def derived_feature(
    name: str, entity: Entity, expression: Value, inputs: Mapping[str, Feature[..., Any]]
) -> Feature[..., Any]:
    """A feature of others, by parameter, as an expression of them."""
    return Feature(
        name=name,
        version=None,
        entity=entity,
        function=None,
        inputs=tuple(Input(parameter, "value", bound) for parameter, bound in inputs.items()),
        expression=expression,
        cadence=Cadence(),
        group=None,
        description="",
        owner="",
        tags=(),
        origin=origin_here(),
    )
