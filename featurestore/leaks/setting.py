"""What a leak check works on, and the ways in which it changes what may not matter."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from featurestore.definitions.resolved import Group, SourceTable, StoredFeature, sources_of
from featurestore.definitions.sources import Binding
from featurestore.leaks.altered import AlteredStore
from featurestore.leaks.worlds import Rows, Unseen, World
from featurestore.spi.stores import OfflineStore

__all__ = ["Effort", "MaturingLabel", "Setting", "Treatment", "Way", "sources_below"]

Way = Literal["removed", "altered", "query", "label", "serving"]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is looked at.

    Args:
        boundaries: At most so many of each schedule, unless ``at`` is given.
        entities: At most so many at each boundary.
        rows: At most so many of each source; the rest is left out.
        seed: Chooses boundaries, entities and altered values: equal seeds make equal checks.
        at: A time in microseconds: only the boundary that answers for it.
        narrow: Whether the row is looked for that makes the difference.
    """

    boundaries: int = 4
    entities: int = 100
    rows: int = 1_000_000
    seed: int = 0
    at: int | None = None
    narrow: bool = True


@dataclass(frozen=True, eq=False)
class MaturingLabel:
    """A label that is final only after a time; ``columns`` are those of sources that it is made of."""

    ref: str
    where: str
    columns: Mapping[str, tuple[str, ...]]
    matures_after: int


@dataclass(frozen=True)
class Setting:
    """The warehouse, the rows of its sources as they were read, and the labels that features may not know."""

    store: OfflineStore
    bindings: Mapping[str, Binding]
    sources: Mapping[str, Rows]
    labels: tuple[MaturingLabel, ...]
    effort: Effort

    def of(self, group: Group) -> tuple[Rows, ...]:
        """The rows of the sources that a group reads."""
        return tuple(self.sources[source.name] for source in sources_below(group.members))

    def reading(self, world: World) -> AlteredStore:
        """The warehouse with the rows of ``world``."""
        return AlteredStore(self.store, world)


def sources_below(features: Sequence[StoredFeature]) -> tuple[SourceTable, ...]:
    """The sources that features read, once each."""
    found = {source.name: source for feature in features for source in sources_of(feature.table)}
    return tuple(found.values())


@dataclass(frozen=True)
class Treatment:
    """A change to the warehouse that may not change values: which rows, and what is done with them.

    Args:
        way: What is done, in a word.
        rows: The rows, so that a few of them can be treated alone.
        world: The rows of all sources, where those named are treated.
        about: What it is about: a label, or a source with a query.
    """

    way: Way
    rows: Unseen
    world: Callable[[Unseen], World]
    about: MaturingLabel | SourceTable | None = None
