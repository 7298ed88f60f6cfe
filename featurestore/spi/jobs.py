"""The interface of a job runner: where runs are executed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["JobRunner", "RunRequest"]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run to be executed.

    Args:
        run_id: Names the run; the ledger and the lease know it by this id.
        argv: The command that executes it in a process of its own, with the project's folder as the current one.
    """

    run_id: str
    argv: tuple[str, ...]


class JobRunner(Protocol):
    """A configured runner of jobs."""

    def submit(self, request: RunRequest, execute: Callable[[str], None]) -> None:
        """Has a run executed, here or elsewhere.

        Args:
            request: The run.
            execute: Executes the run of an id in this process. A runner calls it before it returns, and passes on what
                it raises; or it runs ``request.argv`` elsewhere and returns once that is accepted.
        """
