"""What a run is given, and what comes of it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from featurestore.definitions.sources import Binding
from featurestore.errors import FeaturestoreError
from featurestore.registry.mutable import Leases
from featurestore.registry.records import RunMode
from featurestore.registry.writer import Writer
from featurestore.spi.online import OnlineStore
from featurestore.spi.stores import OfflineStore

__all__ = ["Caller", "Outcome", "Records", "RunResult", "Stores", "micros", "new_run_id", "time_of"]

Outcome = Literal["published", "current", "failed", "submitted"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where a run reads and writes.

    Args:
        offline: The warehouse.
        bindings: Where in it each source lies.
        online: The store that is read when features are served.
        namespace: The groups' namespace there, ``project:target``.
        staged: The target's folder for results on their way.
    """

    offline: OfflineStore
    bindings: Mapping[str, Binding]
    online: OnlineStore
    namespace: str
    staged: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The project's registry, to lease groups and to write into the ledger."""

    project: str
    leases: Leases
    writer: Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who runs, on which machine, with which code: as the ledger tells of it.

    ``git_dirty`` is whether there were uncommitted changes; both it and the commit are None outside a repository.
    """

    run_id: str
    who: str
    host: str
    code_version: str
    git_commit: str | None = None
    git_dirty: bool | None = None

    @property
    def owner(self) -> str:
        """How the lease names its holder."""
        return f"{self.who} on {self.host} (run {self.run_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What came of a run.

    Args:
        group: The group's name.
        boundary: For which it was, in microseconds; where the store stands beyond it, that one.
        outcome: ``current`` is that there was nothing to do; ``submitted``, that it goes on elsewhere.
        mode: How it was computed; None where it was not.
        rows: Rows that the store has for the group.
        changed: Rows that were written.
        emptied: How many of them are of entities that the sources have lost.
        skipped: Boundaries that were left out since the one published before.
        completed: Whether the ledger lacked the publication, and got it now.
        error: Why it failed.
    """

    run_id: str
    group: str
    group_id: str
    boundary: int
    outcome: Outcome
    mode: RunMode | None = None
    rows: int | None = None
    changed: int | None = None
    emptied: int = 0
    skipped: int = 0
    completed: bool = False
    error: FeaturestoreError | None = None


def new_run_id() -> str:
    """A fresh id: ``r_`` and 12 hexadecimal digits of chance."""
    return f"r_{secrets.token_hex(6)}"


def micros(time: datetime) -> int:
    """An aware time in microseconds since the epoch."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def time_of(microseconds: int) -> datetime:
    """The other way around, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)
