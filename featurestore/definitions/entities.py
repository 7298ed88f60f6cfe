"""Entities: what features are about, and the keys that identify it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from featurestore.definitions.html import Shown
from featurestore.definitions.origin import Origin, announce, origin_here, settle
from featurestore.definitions.references import check_name, listed
from featurestore.definitions.types import DataType
from featurestore.errors import DefinitionError, TypeMismatchError

__all__ = ["Entity", "check_entity"]


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Entity(Shown):
    """What features are about: ``Entity("route", keys={"origin": String, "dest": String})``.

    Args:
        name: Its name in the project.
        keys: Join keys and their types, in order: integers, String, Bytes or Date.
        description: What one entity is.
        owner: Who answers for it.
        tags: Free marks.
    """

    kind: ClassVar[str] = "entity"

    name: str
    keys: Mapping[str, DataType]
    description: str
    owner: str
    tags: tuple[str, ...]
    origin: Origin

    def __init__(
        self,
        name: str,
        *,
        keys: Mapping[str, DataType],
        description: str = "",
        owner: str = "",
        tags: Sequence[str] = (),
    ) -> None:
        origin = origin_here()
        check_name(name, "an entity")
        if not keys or not isinstance(keys, Mapping):
            message = f"The entity {name!r} does not say its keys and their types."
            raise DefinitionError(message, where=str(origin), hint='Say keys={"customer_id": fs.Int64}.')
        for key, data_type in keys.items():
            check_name(key, "a join key")
            if not isinstance(data_type, DataType) or not data_type.can_be_key:
                message = f"The key {key!r} of the entity {name!r} has type {data_type}."
                hint = "Keys are Int32, Int64, String, Bytes or Date."
                raise TypeMismatchError(message, where=str(origin), hint=hint)
        settle(self, name=name, keys=dict(keys), description=description, owner=owner, tags=listed(tags), origin=origin)
        announce(self)

    def __repr__(self) -> str:
        keys = ", ".join(f"{key}: {data_type}" for key, data_type in self.keys.items())
        return f"Entity({self.name!r}, {{{keys}}})"


def check_entity(entity: object, what: str, origin: Origin) -> None:
    """Refuses what is no entity where one is wanted.

    Raises:
        DefinitionError: it is a name, or something else.
    """
    if not isinstance(entity, Entity):
        message = f"The entity of {what} is {entity!r}."
        raise DefinitionError(
            message, where=str(origin), hint="It is an fs.Entity, the object itself and not its name."
        )
