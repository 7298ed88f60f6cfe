"""A generated case as code that makes it again."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from featurestore.definitions.durations import duration_text
from featurestore.definitions.entities import Entity
from featurestore.definitions.features import Feature, Selection
from featurestore.definitions.nodes import Aggregate, Call, Column, FeatureValue, Literal, Node
from featurestore.definitions.sources import Source
from featurestore.definitions.types import Schema

if TYPE_CHECKING:
    from featurestore.testing.case_steps import MadeStep
    from featurestore.testing.cases import Case

__all__ = ["code_of"]

IMPORTS = """
import datetime
from decimal import Decimal
from math import inf, nan
from featurestore.definitions import expressions as fs, types
from featurestore.definitions.entities import Entity
from featurestore.definitions.features import features
from featurestore.definitions.sources import Source
from featurestore.testing.case_steps import NAMES, make_step, readable
from featurestore.testing.cases import case_of, derived_feature
""".strip()


def code_of(case: "Case") -> str:
    """Lines of Python after which ``case`` is the case."""
    entities = [one for one in case.objects if isinstance(one, Entity)]
    sources = [one for one in case.objects if isinstance(one, Source)]
    stored = [one for one in case.objects if isinstance(one, Feature) and one.group is not None]
    others = [one for one in case.objects if isinstance(one, Feature) and one.group is None]
    names = {id(one): one.name for one in (*entities, *sources)}
    names |= {id(one.table): f"{one.name}.table" for one in case.made}
    names |= {id(one): f"{one.group}[{one.column!r}]" for one in stored} | {id(one): one.name for one in others}
    classes: dict[str, list[Feature[..., Any]]] = {}
    for one in stored:
        classes.setdefault(str(one.group), []).append(one)
    lines = [
        IMPORTS,
        *(f"{one.name} = Entity({one.name!r}, keys={_schema(one.keys)})" for one in entities),
        *map(_source, sources),
        *(_step(one, entities) for one in case.made),
        *(_class(name, members, names) for name, members in classes.items()),
        *(_derived(one, names) for one in others),
        f"schemas = {{{', '.join(f'{name!r}: {_schema(schema)}' for name, schema in case.schemas.items())}}}",
        *(_rows(f"{name}_rows", rows) for name, rows in case.tables.items()),
        _rows("spine", case.spine),
        _case(case, names),
    ]
    return "\n".join(lines)


def _case(case: "Case", names: Mapping[int, str]) -> str:
    objects = [names[id(one)] for one in case.objects]
    tables = [f"{name!r}: {name}_rows" for name in case.tables]
    selections = [_selection(one, names) for one in case.selections]
    options = [f"made={_list(one.name for one in case.made)}"] if case.made else []
    given = [_list(objects), "schemas", f"{{{', '.join(tables)}}}", "spine", _list(selections), *options]
    return f"case = case_of({', '.join(given)})"


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(texts)}]"


def _selection(one: Any, names: Mapping[int, str]) -> str:
    if not isinstance(one, Selection):
        return names[id(one)]
    roles = ", ".join(f"{key}={column!r}" for key, column in one.roles)
    named = f".named({one.name!r})" if one.name else ""
    return f"{names[id(one.feature)]}.on({roles}){named}"


def _schema(schema: Schema) -> str:
    return f"{{{', '.join(f'{name!r}: types.{kind}' for name, kind in schema.items())}}}"


def _rows(name: str, rows: Iterable[Mapping[str, object]]) -> str:
    return "\n".join([f"{name} = [", *(f"    {dict(row)!r}," for row in rows), "]"])


def _source(one: Source) -> str:
    if one.name == "names":
        return "names = NAMES"
    texts = {name: getattr(one, name) for name in ("event_time", "created_time", "key", "deleted")}
    options = {name: repr(value) for name, value in texts.items() if value}
    if one.known_after is not None:
        options["known_after"] = repr(duration_text(one.known_after))
    if one.keys:
        options["keys"] = repr(dict(one.keys))
    said = "".join(f", {name}={text}" for name, text in options.items())
    return f"{one.name} = Source({one.name!r}, table={one.binding.table!r}{said})"


def _step(one: "MadeStep", entities: Iterable[Entity]) -> str:
    listed = _list(entity.name for entity in entities)
    inputs = [
        f"readable({given.name}, {listed if given.keys else ()})" if isinstance(given.table, Source) else given.name
        for given in one.inputs
    ]
    return f"{one.name} = make_step({one.kind!r}, {one.name!r}, {_list(inputs)})"


def _class(name: str, members: Iterable[Feature[..., Any]], names: Mapping[int, str]) -> str:
    listed = list(members)
    first = listed[0]
    said = {part: getattr(first.cadence, part) for part in ("every", "delay", "publish_within", "offset")}
    cadence = "".join(f", {part}={duration_text(value)!r}" for part, value in said.items() if value)
    source = names[id(first.inputs[0].bound)]
    lines = [f"@features(entity={first.entity.name}, source={source}{cadence})", f"class {name}:"]
    for one in listed:
        assert one.expression is not None
        lines.append(f"    {one.column} = {_text(one.expression.node)}")
    return "\n".join(lines)


def _derived(one: Feature[..., Any], names: Mapping[int, str]) -> str:
    assert one.expression is not None
    inputs = ", ".join(f"{given.parameter!r}: {names[id(given.bound)]}" for given in one.inputs)
    return f"{one.name} = derived_feature({one.name!r}, {one.entity.name}, {_text(one.expression.node)}, {{{inputs}}})"


OPERATORS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "and": "&",
    "or": "|",
}


def _text(node: Node) -> str:
    """An expression as it is written."""
    match node:
        case Column(name=name):
            return f"fs.col({name!r})"
        case FeatureValue(parameter=parameter):
            return f"fs.feature_value({parameter!r})"
        case Literal(value=value):
            return repr(value)
        case Aggregate():
            return _aggregate(node)
        case Call(function=function, arguments=arguments):
            texts = [_text(argument) for argument in arguments]
            return _call(function, texts, node)


def _call(function: str, texts: list[str], node: Call) -> str:
    if function in OPERATORS:
        return f"({texts[0]} {OPERATORS[function]} {texts[1]})"
    match function:
        case "negate":
            return f"(-{texts[0]})"
        case "not":
            return f"(~{texts[0]})"
        case "if_else":
            return f"fs.when({', '.join(texts)})"
        case "is_in":
            return f"{texts[0]}.is_in({_list(texts[1:])})"
        case "cast":
            return f"{texts[0]}.cast(types.{node.type})"
        case _:
            return f"{texts[0]}.{function}({', '.join(texts[1:])})"


def _aggregate(node: Aggregate) -> str:
    options = {
        "over": None if node.over is None else repr(duration_text(node.over)),
        "ago": repr(duration_text(node.ago)) if node.ago else None,
        "ttl": None if node.ttl is None else repr(duration_text(node.ttl)),
        "where": None if node.where is None else _text(node.where),
        "ignore_nulls": "True" if node.ignore_nulls else None,
    }
    said = [f"{name}={text}" for name, text in options.items() if text is not None]
    if node.argument is None:
        return f"fs.{node.function}({', '.join(said)})"
    if node.parameter is not None:
        said.insert(0, repr(int(node.parameter) if node.function == "last_n" else node.parameter))
    return f"{_text(node.argument)}.{node.function}({', '.join(said)})"
