"""Findings, and trying things that may be broken."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from featurestore.errors import FeaturestoreError

__all__ = ["Broken", "Finding", "Level", "failed", "tried"]

Level = Literal["ok", "warning", "failure"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Args:
        check: What was looked at, in a word: ``registry``.
        level: A ``failure`` keeps something from working; a ``warning`` may be meant, and should be known.
        message: What is so, in a sentence.
        where: The place, if there is one.
        hint: What to do about it.
    """

    check: str
    level: Level
    message: str
    where: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """What stands for the result of something that could not be done, and why."""

    error: Exception


def tried(call: Callable[[], T], patience: float | None = None) -> T | Broken:
    """Calls, and keeps whatever that raises; an interruption goes through.

    Args:
        call: What to try.
        patience: Seconds after which it counts as broken; it is left behind then, and ends with the process. Without,
            there is no end, and it is called in this thread.
    """
    if patience is None:
        return _outcome(call)
    found: list[T | Broken] = []
    thread = threading.Thread(target=lambda: found.append(_outcome(call)), daemon=True)
    thread.start()
    thread.join(patience)
    return found[0] if found else Broken(TimeoutError(f"There was no answer within {patience:g} s."))


def _outcome(call: Callable[[], T]) -> T | Broken:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - one broken part must not keep the others from being looked at
        return Broken(error)


def failed(check: str, broken: Broken, *, where: str | None = None, level: Level = "failure") -> Finding:
    """Why something is broken, as a finding; ``where`` counts where the error names no place itself."""
    error = broken.error
    match error:
        case FeaturestoreError():
            return Finding(check, level, error.message, error.where or where, error.hint)
        case TimeoutError() if not error.errno:
            hint = "Another process may keep it locked, or its server cannot be reached."
            return Finding(check, level, str(error), where, hint)
        case _:
            return Finding(check, level, f"{type(error).__name__}: {str(error).partition(chr(10))[0]}", where)
