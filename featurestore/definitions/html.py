"""How a notebook shows a definition: a small table in which everything is escaped."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, ClassVar

from featurestore.definitions.durations import duration_text
from featurestore.definitions.expressions import Rows, Value, feature_value
from featurestore.definitions.inputs import Input
from featurestore.definitions.readable import expression_text
from featurestore.definitions.references import Ref
from featurestore.definitions.types import Schema

__all__ = ["Shown", "class_html", "definition_html"]

Fact = tuple[str, object]
"""What is said, and in which words; several lines are a list. Empty ones are left out."""


class Shown:
    """A definition as people meet it: its reference, its name in messages, and its table in a notebook."""

    __slots__ = ()

    kind: ClassVar[str]
    name: str

    @property
    def ref(self) -> Ref:
        """Its name and, where it was given one, its version."""
        return Ref(self.name, getattr(self, "version", None))

    def __repr__(self) -> str:
        return f"<{self.kind.replace('_', '-')} {self.ref}>"

    def _repr_html_(self) -> str:
        return definition_html(self)


def definition_html(definition: Any) -> str:
    """The table of one definition, as HTML."""
    kind = definition.kind.replace("_", "-")
    facts = [
        *_OF_KIND[definition.kind](definition),
        ("description", definition.description),
        ("owner", definition.owner),
        ("tags", _tags(definition.tags)),
        ("defined in", str(definition.origin)),
    ]
    return _table(f"{kind} {definition.ref}", facts)


def class_html(name: str, description: str, members: Sequence[Any]) -> str:
    """The table of a class of features, as HTML; its members have all but names and expressions in common."""
    first = members[0]
    facts = [
        ("version", first.version),
        ("entity", first.entity.name),
        ("reads", _reads(first.inputs)),
        ("features", [f"{member.column}: {_expression(member)}" for member in members]),
        ("computed", _schedule(first.cadence)),
        ("description", description),
        ("owner", first.owner),
        ("tags", _tags(first.tags)),
        ("defined in", str(first.origin)),
    ]
    return _table(f"features {name}", facts)


def _table(title: str, facts: Iterable[Fact]) -> str:
    rows = [f"<tr><th>{escape(name)}</th><td>{_cell(value)}</td></tr>" for name, value in facts if value]
    return f'<table class="featurestore"><caption>{escape(title)}</caption>{"".join(rows)}</table>'


def _cell(value: object) -> str:
    lines = value.splitlines() if isinstance(value, str) else value
    assert isinstance(lines, Iterable)  # noqa: S101 - facts are texts and lists of texts
    return "<br>".join(escape(str(line)) for line in lines)


def _entity(entity: Any) -> Iterator[Fact]:
    yield "keys", _schema(entity.keys)


def _source(source: Any) -> Iterator[Fact]:
    yield "lies at", str(source.binding)
    yield from _times(source)
    yield "deleted", source.deleted
    yield "join keys", [f"{key} is called {column}" for key, column in source.keys.items()]
    yield "columns", _schema(source.columns)


def _transformation(step: Any) -> Iterator[Fact]:
    yield "reads", _reads(step.inputs)
    yield "engine", step.engine
    yield "time", step.time.replace("_", " ")
    yield from _times(step)
    yield "columns", _schema(step.columns)


def _times(table: Any) -> Iterator[Fact]:
    yield "event time", table.event_time
    yield "created time", table.created_time
    yield "known after", "" if table.known_after is None else duration_text(table.known_after)
    yield "key", ", ".join(table.key)


def _feature(feature: Any) -> Iterator[Fact]:
    yield "entity", feature.entity.name
    yield "reads", _reads(feature.inputs)
    yield "expression", _expression(feature)
    yield "computed", _schedule(feature.cadence)
    yield "group", feature.group


def _on_demand(definition: Any) -> Iterator[Fact]:
    yield "reads", _reads(definition.inputs)
    yield "gives", [f"{column}: {data_type}" for column, data_type in definition.outputs]


def _service(service: Any) -> Iterator[Fact]:
    yield "features", _selected(service.features)


def _label(label: Any) -> Iterator[Fact]:
    yield "entity", label.entity.name
    yield "reads", _named(label.source)
    yield "column", label.column
    yield "matures after", duration_text(label.matures_after) if label.matures_after else ""


def _training_set(training_set: Any) -> Iterator[Fact]:
    yield "label", str(training_set.label.ref)
    yield "service", str(training_set.service.ref) if training_set.service else ""
    yield "features", _selected(training_set.features)
    yield "rows without a label", "are left out" if training_set.drop_null_labels else "stay"


_OF_KIND: Mapping[str, Callable[[Any], Iterator[Fact]]] = {
    "entity": _entity,
    "source": _source,
    "transformation": _transformation,
    "feature": _feature,
    "on_demand": _on_demand,
    "service": _service,
    "label": _label,
    "training_set": _training_set,
}


def _schema(columns: Schema) -> list[str]:
    return [f"{name}: {data_type}" for name, data_type in columns.items()]


def _tags(tags: Any) -> object:
    if isinstance(tags, Mapping):
        return [f"{column}: {', '.join(marks)}" for column, marks in tags.items()]
    return ", ".join(tags)


def _named(definition: Any) -> str:
    return str(getattr(definition, "ref", definition))


def _reads(inputs: Iterable[Input]) -> list[str]:
    return [_read(given) for given in inputs]


def _read(given: Input) -> str:
    match given.role:
        case "request":
            return f"{given.parameter}: {given.type} of the request"
        case "time":
            return f"{given.parameter}: the time of the request"
        case _:
            return given.parameter if given.bound is None else _named(given.bound)


def _selected(features: Iterable[Any]) -> list[str]:
    return [f"{', '.join(one.columns)}: {one.ref}{_role(getattr(one, 'roles', ()))}" for one in features]


def _role(roles: Iterable[tuple[str, str]]) -> str:
    given = ", ".join(f"{key} from {column}" for key, column in roles)
    return f" ({given})" if given else ""


def _schedule(cadence: Any) -> str:
    said = {
        "every": "every {}",
        "delay": "waits {} for late rows",
        "publish_within": "published within {}",
        "offset": "boundaries moved by {}",
    }
    return ", ".join(
        words.format(duration_text(getattr(cadence, name)))
        for name, words in said.items()
        if getattr(cadence, name) is not None
    )


def _expression(feature: Any) -> str:
    """The expression; what calling the function for it raised, if it cannot be called."""
    if feature.expression is not None:
        return expression_text(feature.expression.node)
    arguments = {
        given.parameter: Rows(given.parameter) if given.role == "rows" else feature_value(given.parameter)
        for given in feature.inputs
    }
    try:
        made = feature.function(**arguments)
    except Exception as error:  # noqa: BLE001 - the user's code; a wrong feature must still be shown
        return f"{type(error).__name__}: {error}"
    return expression_text(made.node) if isinstance(made, Value) else repr(made)
