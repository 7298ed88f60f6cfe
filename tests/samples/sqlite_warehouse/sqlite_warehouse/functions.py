"""What SQLite lacks, as functions in Python: exact sums, checked types, the newest of some rows, failure."""

import sqlite3
from collections.abc import Callable
from typing import Any, ClassVar

from featurestore.compiler.printing import OVERFLOW, overflow_told
from featurestore.errors import ComputeError, FeaturestoreError, NumberOverflowError

__all__ = ["Failures", "install"]

BOUNDS = {"Bool": (0, 1), "Int32": (-(2**31), 2**31 - 1), "Int64": (-(2**63), 2**63 - 1)}


class Failures:
    """What the functions of one connection raised: SQLite itself says only that one did."""

    def __init__(self) -> None:
        self.first: FeaturestoreError | None = None

    def fail(self, error: FeaturestoreError) -> FeaturestoreError:
        """Keeps an error, to be raised."""
        self.first = self.first or error
        return error


def install(connection: sqlite3.Connection, failures: Failures) -> None:
    """Gives a connection the functions that `SQLiteDialect` prints."""

    def failing(message: str) -> None:
        if message.startswith(OVERFLOW):
            raise failures.fail(overflow_told(message))
        raise failures.fail(ComputeError(message))

    def text(value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        raise failures.fail(ComputeError(f"{value!r} is no text."))

    connection.create_function("fs_fail", 1, failing)
    connection.create_function("fs_String", 1, text, deterministic=True)
    for name in BOUNDS:
        connection.create_function(f"fs_{name}", 1, _whole_number(name, failures), deterministic=True)
    own: Any = connection  # its aggregates are annotated with more than is asked of them
    for name, aggregate in {"SUM": ExactSum, "BOOL_OR": AnyTrue, "BOOL_AND": AllTrue, "fs_newest": Newest}.items():
        own.create_aggregate(name, -1 if name == "fs_newest" else 1, aggregate)
    own.create_aggregate("fs_oldest", -1, Oldest)


def _whole_number(name: str, failures: Failures) -> Callable[[Any], Any]:
    low, high = BOUNDS[name]

    def checked(value: Any) -> Any:
        if value is None or (isinstance(value, int) and low <= value <= high):
            return value
        if isinstance(value, (int, float)):  # a float is what SQLite makes of a number that is too large
            raise failures.fail(NumberOverflowError(f"{value} does not fit into {name}."))
        raise failures.fail(ComputeError(f"{value!r} is no {name}."))

    return checked


class ExactSum:
    """A sum of integers of any size; a float where it does not fit, which is how `fs_Int64` knows."""

    def __init__(self) -> None:
        self.total: int | None = None

    def step(self, value: int | None) -> None:
        if value is not None:
            self.total = (self.total or 0) + value

    def finalize(self) -> int | float | None:
        fits = self.total is None or -(2**63) <= self.total < 2**63
        return self.total if fits or self.total is None else float(self.total)


class AnyTrue:
    """Whether one value is true; null without values."""

    def __init__(self) -> None:
        self.seen: set[int] = set()

    def step(self, value: int | None) -> None:
        if value is not None:
            self.seen.add(value)

    def finalize(self) -> int | None:
        return max(self.seen, default=None)


class AllTrue(AnyTrue):
    """Whether all values are true; null without values."""

    def finalize(self) -> int | None:
        return min(self.seen, default=None)


class Newest:
    """The value of the row that is greatest in the order of the other arguments; null comes first."""

    sign: ClassVar[bool] = True

    def __init__(self) -> None:
        self.found: tuple[Any, ...] | None = None
        self.value: object = None

    def step(self, value: object, *order: Any) -> None:
        place = tuple((part is not None, part) if part is not None else (False,) for part in order)
        if self.found is None or (place > self.found if self.sign else place < self.found):
            self.found, self.value = place, value

    def finalize(self) -> object:
        return self.value


class Oldest(Newest):
    """The value of the row that is smallest."""

    sign = False
