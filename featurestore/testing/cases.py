"""Generated cases for an engine to be compared with the oracle on: small, and full of edges.

Times lie on a grid of few offsets around one point, and schedules, windows and delays are made of the same lengths, so
that rows fall exactly on boundaries and on the ends of windows, and a microsecond beside them.
"""

import datetime
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from hypothesis import strategies as st

from featurestore.definitions import expressions as fs
from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import RowValue, Value
from featurestore.definitions.features import Cadence, Feature, FeatureClass, features
from featurestore.definitions.functions import AGGREGATIONS, type_of
from featurestore.definitions.inputs import Input
from featurestore.definitions.nodes import aggregates, columns_read
from featurestore.definitions.origin import origin_here
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.resolved import SelectedFeature
from featurestore.definitions.sources import Source
from featurestore.definitions.types import (
    Bool,
    Bytes,
    DataType,
    Date,
    Float32,
    Float64,
    Int32,
    Int64,
    Schema,
    String,
    Timestamp,
)
from featurestore.definitions.types import Decimal as DecimalType
from featurestore.testing.oracle import Row

__all__ = ["Capabilities", "Case", "cases"]

T = TypeVar("T")


@dataclass(frozen=True)
class Capabilities:
    """What cases may ask of an engine.

    ``corrections`` are ``key=`` and ``deleted=``; ``infinite_times`` are rows with an infinite event or created time.
    """

    aggregations: frozenset[str] = frozenset(AGGREGATIONS)
    corrections: bool = True
    ago: bool = True
    untimed: bool = True
    derived: bool = True
    infinite_times: bool = True
    types: frozenset[str] = frozenset(
        {"Bool", "Int32", "Int64", "Float32", "Float64", "Decimal", "String", "Bytes", "Date", "Timestamp"}
    )


@dataclass(frozen=True, repr=False)
class Case:
    """Definitions, the rows of their sources, and a spine; ``features`` are selected from ``define(...)`` of them."""

    objects: Sequence[object]
    schemas: Mapping[str, Schema]
    settings: Settings
    tables: Mapping[str, Sequence[Row]]
    spine: Sequence[Row]
    time: str
    features: Sequence[SelectedFeature]

    def __repr__(self) -> str:
        """The case in lines that a reader can work out by hand."""
        lines = [f"Case: time {self.time!r}"]
        for one in self.objects:
            if isinstance(one, Source):
                parts = ("event_time", "created_time", "known_after", "key", "deleted", "keys")
                said = ", ".join(f"{part}={getattr(one, part)!r}" for part in parts if getattr(one, part))
                lines.append(f"  source {one.name}: {said}; {dict(self.schemas[one.name])}")
                lines.extend(f"    {dict(row)}" for row in self.tables[one.name])
        for selected in self.features:
            found: Any = selected.feature
            of = getattr(found, "schedule", None) or {name: str(given.ref) for name, given in found.inputs.items()}
            lines.append(f"  {selected.column}{dict(selected.role) or ''}: {of} {found.expression}")
        return "\n".join([*lines, "  spine", *(f"    {dict(row)}" for row in self.spine)])

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - the form that printers call
        printer.text(repr(self))


STARTS = tuple(
    datetime.datetime.fromisoformat(text + "+00:00")
    for text in ("2024-05-02T00:00", "1970-01-01T00:00", "1969-12-30T22:00", "2024-02-29T00:00", "2024-03-31T01:00")
)
BEFORE = (0, -60, -15, -10, -5, -120, -75, -70, -1440, -1500, -10080)
AFTER = (0, 15, 60, 10, 5, 75, 70, 120, 45, 1440, 1500, 10080)
"""Minutes of the grid: rows happen before its beginning more often, and spines ask for times after it."""
EDGES = (0, 0, 0, -1, 1, 999_999)
"""Microseconds beside the grid, mostly on it: edges and ties are what cases are for."""
LENGTHS = ("1d", "1h", "2h", "15m")
EVERY = ("1h", "15m", "1d", "1w", "1s")
DELAYS = ("0s", "10m", "1h", "1us")
OFFSETS = ("0s", "10m", "15m", "1us")

ENTITIES: Mapping[str, Mapping[str, DataType]] = {
    "customer": {"customer_id": Int64},
    "route": {"origin": String, "dest": Bytes},
    "seat": {"day": Date, "number": Int32},
}
COLUMNS: Schema = {
    "n": Int64,
    "i": Int32,
    "x": Float64,
    "s": String,
    "flag": Bool,
    "money": DecimalType(10, 2),
    "big": Int64,
    "f": Float32,
    "blob": Bytes,
    "born": Date,
    "seen": Timestamp,
}
"""What features aggregate. Only ``i`` is computed with inside a row: there no sum of two cells can overflow."""
EVENT_TIMES: Schema = {"happened_at": Timestamp, "happened_on": Date}
KNOWN: Schema = {**COLUMNS, **EVENT_TIMES}
TENTH = struct.unpack("f", struct.pack("f", 0.1))[0]
VALUES: Mapping[str, tuple[object, ...]] = {
    "n": (1, 0, 2, -1, None, 2**53 + 1, -(2**53) - 1),
    "i": (1, 0, -1, 7, None, 2**31 - 1, -(2**31)),
    "x": (1.0, 0.0, -0.0, 0.1, -2.5, None, 1e16, -1e16, math.nan, math.inf, -math.inf),
    "s": ("a", "", "b", None, "B", "ä", "aa", "a,b", "a|b", "'", '"', "\\", "\n", "%", "NULL", "𝄞", "\x1f"),
    "flag": (True, False, None),
    "money": (Decimal("1.00"), Decimal("0.01"), Decimal("-0.10"), None, Decimal("99999999.99"), Decimal(0)),
    "big": (1, None, 2**63 - 1, -(2**63), -1, 2**62),
    "f": (1.0, 0.5, TENTH, -0.0, None, math.nan, math.inf, -math.inf),
    "blob": (b"a", b"", b"\x00", b"\xff", None, b"a\x00", b"\x80"),
    "born": tuple(datetime.date(*parts) for parts in ((2024, 5, 1), (1970, 1, 1), (1969, 12, 31), (2024, 2, 29))),
    "seen": (STARTS[0], None, STARTS[1], STARTS[2], STARTS[0] + datetime.timedelta(microseconds=1)),
    "customer_id": (1, 2, None, 2**53 + 1, 2**53),
    "origin": ("a", "b", None, "", "a,b", "'"),
    "dest": (b"b", b"", None, b"\xff", b"a,b"),
    "day": (datetime.date(2024, 5, 1), datetime.date(1969, 12, 31), None),
    "number": (1, 2, None, -(2**31)),
    "order_id": (1, 1, 2, None),
    "part": ("a", "", None),
    "gone": (False, None, True),
}
"""Column to the values that it takes, simple ones first: that is where shrinking ends."""
LITERALS: Mapping[str, object] = {
    **{column: next(value for value in values if value is not None) for column, values in VALUES.items()},
    "x": 0.0,
    "n": 2**53 + 1,
}
OF_NUMBERS = frozenset({"sum", "mean", "std", "percentile"})
OF_ROWS = frozenset({"first", "last", "last_n"})


@st.composite
def cases(draw: st.DrawFn, capabilities: Capabilities = Capabilities()) -> Case:
    """Cases within ``capabilities``. Sources have up to 12 rows, the spine up to 6, and there are up to 6 features."""
    names = draw(st.lists(st.sampled_from(list(ENTITIES)), min_size=1, max_size=2, unique=True))
    entities = [Entity(name, keys=ENTITIES[name]) for name in names]
    sources = [draw(_sources(f"source_{number}", names, capabilities)) for number in range(draw(st.integers(1, 2)))]
    stored = [
        draw(_stored_features(f"f{number}", entities, sources, capabilities))
        for number in range(draw(st.integers(1, 4)))
    ]
    derived = draw(_derived_features(stored)) if capabilities.derived else []
    schemas = {source.name: _schema(source, names, stored) for source in sources}
    start = draw(st.sampled_from(STARTS))
    tables = {
        source.name: draw(_tables(_rows(source, schemas[source.name], start, capabilities))) for source in sources
    }
    objects = [*entities, *sources, *stored, *derived]
    selections: list[object] = [*stored, *derived]
    roles: dict[str, str] = {}
    if draw(st.booleans()):
        first = stored[0]
        roles = {key: f"other_{key}" for key in first.entity.keys}
        selections.append(first.on(**roles).named("in_role"))
    settings, aware = Settings(), draw(st.booleans())
    return Case(
        objects=objects,
        schemas=schemas,
        settings=settings,
        tables=tables,
        spine=draw(st.lists(_spine_rows(names, roles, start, aware=aware), min_size=1, max_size=6)),
        time="t",
        features=define(objects, schemas, settings).select(selections),
    )


@st.composite
def _tables(draw: st.DrawFn, rows: st.SearchStrategy[Row]) -> list[Row]:
    """Up to 12 rows, and often more than a few; some of them twice."""
    found = draw(st.lists(rows, min_size=draw(st.sampled_from((0, 4, 8, 8))), max_size=10))
    return [*found, *found[:2]] if _chance(draw, 6) else found


def _chance(draw: st.DrawFn, one_in: int) -> bool:
    """True once in ``one_in`` times; shrinks to False."""
    return draw(st.integers(0, one_in - 1)) == one_in - 1


@st.composite
def _sources(draw: st.DrawFn, name: str, entities: Sequence[str], capabilities: Capabilities) -> Source:
    timed = not (capabilities.untimed and _chance(draw, 6))
    daily = timed and _chance(draw, 8)
    known_after = draw(st.sampled_from((None, "10m", "1d")))
    keys: tuple[tuple[str, ...], ...] = ((), ("order_id",), ("order_id",), ("part", "order_id"))
    chosen = draw(st.sampled_from(keys if capabilities.corrections else keys[:1]))
    renamed, created, deleted = draw(st.booleans()), not _chance(draw, 3), not _chance(draw, 3)
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


def _schema(source: Source, entities: Sequence[str], stored: Sequence[Feature[..., Any]]) -> Schema:
    """The columns that the source itself, its entities and its features read."""
    own = {"order_id": Int64, "part": String, "loaded_at": Timestamp, "gone": Bool, **EVENT_TIMES}
    read = {
        name
        for one in stored
        if one.expression is not None and one.inputs[0].bound is source
        for name in columns_read(one.expression.node)
    }
    return {
        **{name: own[name] for name in source.own_columns()},
        **{source.keys.get(key, key): ENTITIES[entity][key] for entity in entities for key in ENTITIES[entity]},
        **{name: data_type for name, data_type in COLUMNS.items() if name in read},
    }


@st.composite
def _times(draw: st.DrawFn, start: datetime.datetime, *sides: tuple[int, ...]) -> datetime.datetime:
    minutes = draw(st.sampled_from(draw(st.sampled_from(sides))))
    return start + datetime.timedelta(minutes=minutes, microseconds=draw(st.sampled_from(EDGES)))


@st.composite
def _rows(
    draw: st.DrawFn, source: Source, schema: Schema, start: datetime.datetime, capabilities: Capabilities
) -> dict[str, object]:
    keys: dict[str, object] = {}
    for name in ENTITIES:
        keys |= {source.keys.get(key, key): value for key, value in draw(_keys(name)).items()}
    row: dict[str, object] = {}
    for name, data_type in schema.items():
        if name in {source.event_time, source.created_time}:
            row[name] = _row_time(draw, start, data_type, capabilities)
        else:
            row[name] = keys[name] if name in keys else draw(st.sampled_from(VALUES[name]))
    if source.deleted and source.event_time and _chance(draw, 6):  # deletions that do not say when
        row |= {source.deleted: True, source.event_time: None}
    return row


@st.composite
def _keys(draw: st.DrawFn, entity: str) -> dict[str, object]:
    """An entity's key: mostly the same one, or else rows and spine would seldom meet."""
    if not _chance(draw, 4):
        return {key: VALUES[key][0] for key in ENTITIES[entity]}
    return {key: draw(st.sampled_from(VALUES[key])) for key in ENTITIES[entity]}


def _row_time(draw: st.DrawFn, start: datetime.datetime, data_type: DataType, capabilities: Capabilities) -> object:
    if _chance(draw, 10):
        return None
    if capabilities.infinite_times and data_type == Timestamp and _chance(draw, 16):
        return draw(st.sampled_from(("infinity", "-infinity")))
    time = draw(_times(start, BEFORE, BEFORE, BEFORE, AFTER))
    return time.date() if data_type == Date else time


@st.composite
def _spine_rows(
    draw: st.DrawFn, entities: Sequence[str], roles: Mapping[str, str], start: datetime.datetime, *, aware: bool
) -> dict[str, object]:
    row: dict[str, object] = {"note": draw(st.sampled_from(("x", None)))}
    for entity in entities:
        row |= draw(_keys(entity))
        if set(roles) == set(ENTITIES[entity]):
            row |= {roles[key]: value for key, value in draw(_keys(entity)).items()}
    time = draw(_times(start, AFTER, AFTER, AFTER, AFTER, BEFORE))
    zone = datetime.timezone(datetime.timedelta(hours=2))
    return {**row, "t": time.astimezone(zone) if aware else time.replace(tzinfo=None)}


@st.composite
def _stored_features(
    draw: st.DrawFn, name: str, entities: Sequence[Entity], sources: Sequence[Source], capabilities: Capabilities
) -> Feature[..., Any]:
    source = draw(st.sampled_from(sources))
    every = draw(st.sampled_from(EVERY))
    decorate = features(
        entity=draw(st.sampled_from(entities)),
        source=source,
        every=every,
        delay=draw(st.sampled_from(DELAYS)),
        publish_within=draw(st.sampled_from(("0s", "5m"))),
        offset=draw(st.sampled_from(("0s", "1us") if every in {"1s", "15m"} else OFFSETS)),
    )
    expression = draw(_expressions(source, capabilities))
    made: Any = decorate(type(name.upper(), (), {name: expression}))
    assert isinstance(made, FeatureClass)
    return made[name]


@st.composite
def _expressions(draw: st.DrawFn, source: Source, capabilities: Capabilities) -> Value:
    """One aggregation, filled or not, or two of them in an expression."""
    first, second = draw(_aggregations(source, capabilities)), draw(_aggregations(source, capabilities))
    if not (_can_be_combined(first) and _can_be_combined(second) and _chance(draw, 3)):
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
def _aggregations(draw: st.DrawFn, source: Source, capabilities: Capabilities) -> Value:
    allowed = sorted(
        capabilities.aggregations if source.is_timed or source.key else capabilities.aggregations - OF_ROWS
    )
    function = "last" if "last" in allowed and _chance(draw, 5) else draw(st.sampled_from(allowed))
    over = draw(st.sampled_from((None, None, *LENGTHS))) if source.is_timed else None
    ago = draw(st.sampled_from(("0s", *LENGTHS))) if source.is_timed and capabilities.ago and _chance(draw, 4) else "0s"
    where = draw(_conditions(capabilities)) if _chance(draw, 4) else None
    options: dict[str, Any] = {"over": over, "ago": ago, "where": where}
    if function == "count" and draw(st.booleans()):
        return fs.Rows(source.name).count(**options)
    argument = draw(_arguments(function, source, capabilities))
    if function in {"first", "last"}:
        options["ignore_nulls"] = draw(st.booleans())
    if function == "last" and over is None and source.is_timed and draw(st.booleans()):
        options["ttl"] = draw(st.sampled_from(LENGTHS))
        options.pop("over")
    if function == "last_n":
        options["n"] = draw(st.integers(1, 3))
    if function == "percentile":
        options["q"] = draw(st.sampled_from((0.5, 0.0, 0.25, 0.9, 1.0)))
    aggregate: Any = getattr(argument, function)
    made: Value = aggregate(**options)
    return made


def _names(capabilities: Capabilities, fits: Callable[[DataType], bool]) -> list[str]:
    return [name for name, data_type in COLUMNS.items() if data_type.name in capabilities.types and fits(data_type)]


@st.composite
def _arguments(draw: st.DrawFn, function: str, source: Source, capabilities: Capabilities) -> RowValue:
    """A column that the aggregation takes, or something computed from one."""

    def fits(data_type: DataType) -> bool:
        if function in OF_NUMBERS:
            return data_type.is_numeric
        if function in {"any", "all"}:
            return data_type == Bool
        return data_type.is_orderable if function in {"min", "max"} else True

    names = _names(capabilities, fits)
    if source.event_time and function not in OF_NUMBERS | {"any", "all"}:
        names.append(source.event_time)
    name = draw(st.sampled_from(names))
    column = fs.col(name)
    if name == "i":
        made = (column, column * 2 - 1, -column, column / 7, fs.when(column > 0, column, 0), column + fs.col("i"))
        return draw(st.sampled_from(made))
    if name == "x":
        return draw(st.sampled_from((column, column * 0.5, column.fill_null(0.0))))
    if name == "flag" and function != "last_n":
        return draw(st.sampled_from((column, ~column, column | fs.col("s").is_null())))
    return column


@st.composite
def _conditions(draw: st.DrawFn, capabilities: Capabilities) -> RowValue:
    name = draw(st.sampled_from(_names(capabilities, lambda _: True)))
    column, literal = fs.col(name), LITERALS[name]
    if name == "flag":
        return draw(st.sampled_from((column, ~column, column.is_null(), column.fill_null(value=False))))
    simple = (column == literal, column != literal, column.is_null(), column >= literal, column < literal)
    compound = (column.is_in([literal]), (column == literal) | fs.col("flag"), (column > literal) & ~fs.col("flag"))
    return draw(st.sampled_from((*simple, *compound)))


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
    made = _derived("derived", first.entity, combined, {"a": first, "b": second})
    if not draw(st.booleans()):
        return [made]
    kind = type_of(combined.node, {}, types)
    return [made, _derived("again", first.entity, _filled(fs.feature_value("a"), kind), {"a": made})]


def _type_of_stored(one: Feature[..., Any]) -> DataType:
    assert one.expression is not None
    return type_of(one.expression.node, KNOWN)


def _derived(
    name: str, entity: Entity, expression: Value, inputs: Mapping[str, Feature[..., Any]]
) -> Feature[..., Any]:
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
