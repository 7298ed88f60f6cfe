"""What models read and learn from: feature services, labels, training sets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from featurestore.definitions.durations import Duration, microseconds
from featurestore.definitions.entities import Entity, check_entity
from featurestore.definitions.expressions import Family
from featurestore.definitions.features import Feature, FeatureClass, Selection
from featurestore.definitions.html import Shown
from featurestore.definitions.on_demand import OnDemand
from featurestore.definitions.origin import Origin, announce, origin_here, settle
from featurestore.definitions.references import check_name, check_version, listed
from featurestore.errors import DefinitionError, NameClashError

__all__ = ["FeatureService", "Label", "Selected", "TrainingSet", "selected"]

Selected = Selection | OnDemand[..., Any]


def selected(items: Iterable[object], what: str, origin: Origin | None = None) -> tuple[Selected, ...]:
    """Features, classes, selections and on-demand features, flattened, in order.

    Raises:
        DefinitionError: something else is among them, or there is none.
        NameClashError: two columns have one name.
    """
    where = str(origin) if origin else None
    if isinstance(items, str) or not isinstance(items, Iterable):
        message = f"{what} selects {items!r}, which is no list."
        raise DefinitionError(message, where=where, hint="Put it into a list.")
    found: list[Selected] = []
    for item in items:
        match item:
            case Feature():
                found.append(Selection(item))
            case Selection() | OnDemand():
                found.append(item)
            case FeatureClass():
                found.extend(Selection(member) for member in item)
            case Family():
                found.extend(Selection(member) for member in item.values())
            case FeatureService():
                found.extend(item.features)
            case _:
                message = f"{what} cannot select {item!r}."
                hint = "It selects features, classes of features, on-demand features and services."
                raise DefinitionError(message, where=where, hint=hint)
    if not found:
        message = f"{what} selects nothing."
        raise DefinitionError(message, where=where)
    columns: dict[str, Selected] = {}
    for one in found:
        for column in one.columns:
            if column in columns:
                message = f"{what} would have two columns {column!r}: {columns[column].ref} and {one.ref}."
                raise NameClashError(message, where=where, hint='Rename one of them with .named("...").')
            columns[column] = one
    return tuple(found)


@dataclass(frozen=True, init=False, eq=False, repr=False)
class FeatureService(Shown):
    """What one model reads: features in order, each under its column name.

    Args:
        name: Its name in the project.
        features: Features, classes, selections (``.on()``, ``.named()``), on-demand features.
        version: Its version; without one, the content gives it.
        description: What it is for.
        owner: Who answers for it.
        tags: Free marks.
    """

    kind: ClassVar[str] = "service"

    name: str
    version: str | None
    features: tuple[Selected, ...]
    description: str
    owner: str
    tags: tuple[str, ...]
    origin: Origin

    def __init__(
        self,
        name: str,
        *,
        features: Sequence[object],
        version: str | None = None,
        description: str = "",
        owner: str = "",
        tags: Sequence[str] = (),
    ) -> None:
        origin = origin_here()
        settle(
            self,
            name=check_name(name, "a feature service"),
            version=check_version(version, f"the service {name!r}"),
            features=selected(features, f"The service {name!r}", origin),
            description=description,
            owner=owner,
            tags=listed(tags),
            origin=origin,
        )
        announce(self)


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Label(Shown):
    """What a model shall predict: a column of label rows, each about an entity at its event time.

    Args:
        name: Its name in the project.
        source: The source or transformation whose rows are the label rows.
        column: The column that holds the label.
        entity: What the rows are about.
        version: Its version; without one, the content gives it.
        matures_after: How long after its event time a row's label is final; younger rows are left out.
        description: What is predicted.
        owner: Who answers for it.
        tags: Free marks.
    """

    kind: ClassVar[str] = "label"

    name: str
    version: str | None
    source: object
    column: str
    entity: Entity
    matures_after: int
    description: str
    owner: str
    tags: tuple[str, ...]
    origin: Origin

    def __init__(
        self,
        name: str,
        *,
        source: object,
        column: str,
        entity: Entity,
        version: str | None = None,
        matures_after: Duration = "0s",
        description: str = "",
        owner: str = "",
        tags: Sequence[str] = (),
    ) -> None:
        check_entity(entity, f"the label {name!r}", origin_here())
        settle(
            self,
            name=check_name(name, "a label"),
            version=check_version(version, f"the label {name!r}"),
            source=source,
            column=column,
            entity=entity,
            matures_after=microseconds(matures_after, "matures_after"),
            description=description,
            owner=owner,
            tags=listed(tags),
            origin=origin_here(),
        )
        announce(self)


@dataclass(frozen=True, init=False, eq=False, repr=False)
class TrainingSet(Shown):
    """A label with the features that were known at its time.

    Args:
        name: Its name in the project.
        label: What shall be predicted.
        features: A service, or what a service takes.
        version: Its version; without one, the content gives it.
        drop_null_labels: Whether rows without a label are left out (and counted).
        description: What it is for.
        owner: Who answers for it.
        tags: Free marks.
    """

    kind: ClassVar[str] = "training_set"

    name: str
    version: str | None
    label: Label
    features: tuple[Selected, ...]
    service: FeatureService | None
    drop_null_labels: bool
    description: str
    owner: str
    tags: tuple[str, ...]
    origin: Origin

    def __init__(
        self,
        name: str,
        *,
        label: Label,
        features: FeatureService | Sequence[object],
        version: str | None = None,
        drop_null_labels: bool = False,
        description: str = "",
        owner: str = "",
        tags: Sequence[str] = (),
    ) -> None:
        origin = origin_here()
        if not isinstance(label, Label):
            message = f"The label of the training set {name!r} is {label!r}."
            raise DefinitionError(message, where=str(origin), hint="It is an fs.Label.")
        service = features if isinstance(features, FeatureService) else None
        items = [features] if isinstance(features, FeatureService) else features
        settle(
            self,
            name=check_name(name, "a training set"),
            version=check_version(version, f"the training set {name!r}"),
            label=label,
            features=selected(items, f"The training set {name!r}", origin),
            service=service,
            drop_null_labels=drop_null_labels,
            description=description,
            owner=owner,
            tags=listed(tags),
            origin=origin,
        )
        announce(self)
