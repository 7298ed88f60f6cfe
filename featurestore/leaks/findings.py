"""What a leak check says: findings, each with an example, and what it could not look into."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Example", "Finding", "Kind", "LeakReport", "Level", "Row", "level_of", "way_out"]

Kind = Literal["step", "query", "label", "serving", "engine", "error", "snapshot", "untimed", "midnight", "unripe"]
Level = Literal["leak", "warning"]

_WARNINGS: frozenset[Kind] = frozenset({"snapshot", "untimed", "midnight", "unripe"})
_WAYS_OUT: Mapping[Kind, str] = {
    "step": 'Make each row of the step from one row alone, or say time="per_boundary": it is given only what is known '
    "at each boundary then.",
    "query": "Bind the source to the raw rows and aggregate in a feature; or say with known_after= or created_time= "
    "when a row of the query is complete.",
    "label": "Do not read what the label is made of. If it is known earlier than matures_after= says, make that as "
    "short; if the rows that hold it come later, say so with created_time=.",
    "serving": "A model would be served other values than it learned from. Report it: no definition may do that.",
    "engine": "Report it, with the definition of the feature.",
    "error": "Mend it: it has to work on what is known at any boundary, also where that is little.",
    "snapshot": 'It is declared so. time="per_boundary" gives values that were known; with a snapshot the evaluation '
    "of a model is not to be trusted.",
    "untimed": "If the table changes, keep its history, as rows with an event_time, and join it with asof_join().",
    "midnight": 'If a row sums up its day, say known_after="1d" on the source; otherwise its values leak a day.',
    "unripe": "Say with created_time= (or known_after=) when a row is known as it stands; otherwise features may know "
    "what came of an event as soon as it began.",
}


def level_of(kind: Kind) -> Level:
    """``leak``: values are wrong. ``warning``: they may be, or were declared to be so."""
    return "warning" if kind in _WARNINGS else "leak"


def way_out(kind: Kind) -> str:
    """What to do about a finding."""
    return _WAYS_OUT[kind]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a source, by its times, its key and the columns that name entities, and what was done with it."""

    source: str
    done: Literal["removed", "altered"]
    columns: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Example:
    """One value that changed. It names an entity: it is for the eyes of who asked, and for no record.

    Args:
        feature: The feature's reference.
        entity: The entity's key.
        boundary: At which boundary.
        before: The value on the warehouse as it is; of the kind ``serving``: what the model learns from.
        after: The value without what was not known; of the kind ``serving``: what is stored online.
        row: The row that made the difference, if one was looked for and found.
    """

    feature: str
    entity: Mapping[str, object] = field(repr=False)
    boundary: datetime.datetime
    before: object = field(repr=False)
    after: object = field(repr=False)
    row: Row | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that knows more than was known.

    Args:
        kind: What is wrong.
        blame: The step, source or label that brings it: ``transformation filled@v1``.
        features: References of the features whose values it reaches.
        message: What is so, in a sentence.
        where: Where the blamed definition is written.
        example: A value that changed; None where nothing had to be computed, or it raised.
        changed: How many values changed, over all features, entities and boundaries.
        compared: How many were compared for these features.
    """

    kind: Kind
    blame: str
    features: tuple[str, ...]
    message: str
    where: str | None = None
    example: Example | None = None
    changed: int = 0
    compared: int = 0

    @property
    def level(self) -> Level:
        """How bad it is."""
        return level_of(self.kind)

    @property
    def hint(self) -> str:
        """What to do."""
        return way_out(self.kind)


@dataclass(frozen=True, slots=True)
class LeakReport:
    """The result of a leak check.

    Args:
        findings: Leaks first.
        features: References of the features that were checked.
        boundaries: How many boundaries were looked at, counted for each schedule.
        values: How many values were compared.
        unchecked: What could not be looked into, and why, a sentence each.
    """

    findings: tuple[Finding, ...]
    features: tuple[str, ...]
    boundaries: int
    values: int
    unchecked: tuple[str, ...] = ()

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """The findings that are more than a warning."""
        return tuple(one for one in self.findings if one.level == "leak")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The other findings."""
        return tuple(one for one in self.findings if one.level == "warning")
