"""Looking at values: what a selection of features had at the times of a spine."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from featurestore.compiler.compile import compile_values
from featurestore.compiler.reasons import Reasons, reasons
from featurestore.compiler.vector import Layout, layout_of
from featurestore.definitions.expressions import Family
from featurestore.definitions.resolution import NAMESPACES, gathered
from featurestore.definitions.sources import Binding
from featurestore.errors import SpineError
from featurestore.spi.frames import to_table
from featurestore.spi.refusals import refuse_selected
from featurestore.spi.spines import spine_of
from featurestore.spi.values import Values, values_at

if TYPE_CHECKING:
    from featurestore.project.project import Project

__all__ = ["TIME_COLUMNS", "Explanation", "explain", "look", "select"]

TIME_COLUMNS = ("event_time", "time", "timestamp", "t", "at")


def select(project: "Project", features: Iterable[object] | object) -> tuple[Layout, Mapping[str, Binding]]:
    """See `Project.select`."""
    items = list(features) if isinstance(features, Iterable) and not isinstance(features, (str, Family)) else [features]
    own = {id(one) for one in gathered(project.objects)}
    strangers = [one for one in gathered(items) if id(one) not in own]
    known = project.defined(_replaced(project.objects, strangers)) if strangers else project.definitions
    selected = known.select(items)
    layout = layout_of(selected)
    refuse_selected(selected, project.capabilities, project.store_name)
    return layout, project.bindings_of(known)


def look(project: "Project", features: Iterable[object] | object, spine: object, time: str | None) -> Values:
    """See `Project.values_at`."""
    layout, bindings = select(project, features)
    table = to_table(spine)
    return values_at(layout, spine_of(table, time or _time_column(table), layout), project.store, bindings)


@dataclass(frozen=True)
class Explanation:
    """How a selection of features is computed: the reasons, and the statements with which the target's store does."""

    reasons: Reasons
    statement: str

    def __str__(self) -> str:
        return self.statement


def explain(project: "Project", features: Iterable[object] | object) -> Explanation:
    """See `Project.explain`."""
    layout, _ = select(project, features)
    query = compile_values(layout)
    return Explanation(reasons(layout, query), project.store.explain(query))


def _replaced(objects: Iterable[object], strangers: Iterable[Any]) -> list[object]:
    """The strangers, and ``objects`` without those that refer to one of the same name and version as a stranger."""
    strangers, objects = list(strangers), list(objects)
    own = {id(one) for one in strangers}
    # What was imported before the project was opened are other objects of the same lines: these replace nothing.
    known = {(_identity(one), one.origin) for one in gathered(objects)}
    names = {_identity(one) for one in strangers if (_identity(one), one.origin) not in known}

    def is_replaced(one: object) -> bool:
        return any(_identity(part) in names and id(part) not in own for part in gathered([one]))

    return [one for one in objects if not is_replaced(one)] + strangers


def _identity(one: Any) -> tuple[str, str, str | None]:
    return NAMESPACES[one.kind], one.name, getattr(one, "version", None)


def _time_column(table: Any) -> str:
    """The column that holds the spine's time."""
    named = [name for name in TIME_COLUMNS if name in table.column_names]
    if named:
        return named[0]
    stamped = [field.name for field in table.schema if str(field.type).startswith("timestamp")]
    if len(stamped) == 1:
        return str(stamped[0])
    if not table.column_names:
        message = "The spine is empty: it has neither rows nor columns."
        raise SpineError(message)
    columns = ", ".join(table.column_names)
    message = "It is not clear which column of the spine holds the time."
    hint = f"Name it: time=... (columns are {columns})."
    raise SpineError(message, hint=hint)
