"""A lease that is kept while a run is at work, and the run's progress."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from featurestore.errors import FeaturestoreError, LeaseLostError, RegistryError
from featurestore.registry.mutable import Leases
from featurestore.registry.records import Lease, Progress

__all__ = ["LEASE_TTL", "Clock", "KeptLease", "Report"]

LEASE_TTL = timedelta(seconds=60)
"""How long a group stays locked after the run that holds it was killed, for those who cannot tell that it was."""
BEATS = 6
"""Signs of life in that time: some may be late, or fail because the registry is busy."""

Clock = Callable[[], datetime]
"""Says what time it is, aware."""
Report = Callable[[Progress], None]
"""Is told how far a run is."""


class KeptLease:
    """A lease, renewed from a thread of its own until it is left; then it is given back.

    Use it in ``with``. The thread also writes down how far the run is, for those who ask the registry.

    Args:
        leases: Where the lease is kept.
        lease: The lease.
        run_id: The run that holds it.
        clock: Says the time.
        report: Is told of each step, in the thread of the run.
    """

    def __init__(self, leases: Leases, lease: Lease, run_id: str, clock: Clock, report: Report | None) -> None:
        self.lease = lease
        self._leases = leases
        self._clock = clock
        self._report = report
        self._progress = Progress(
            project=lease.project, run_id=run_id, phase="start", done=0, total=None, updated=lease.acquired
        )
        self._failure: FeaturestoreError | None = None
        self._reported = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease of {lease.group_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        # A lease that cannot be given back expires by itself; the run's own outcome is what counts.
        with suppress(RegistryError):
            self._leases.release(self.lease)
            if self._reported:  # most runs are over before: each transaction costs some milliseconds
                self._leases.clear(self.lease.project, self._progress.run_id)

    def step(self, phase: str, done: int = 0, total: int | None = None) -> None:
        """Says how far the run is, and makes sure that it may go on.

        Raises:
            LeaseLostError: another run has taken the group over.
        """
        if self._failure is not None:
            raise self._failure
        self._progress = replace(self._progress, phase=phase, done=done, total=total, updated=self._clock())
        if self._report is not None:
            self._report(self._progress)

    def confirm(self) -> None:
        """Makes sure, by asking the registry now, that no other run has taken the group over.

        Raises:
            LeaseLostError: another run has.
            RegistryUnavailableError: the registry cannot be asked.
        """
        self._leases.check(self.lease)

    def _keep(self) -> None:
        while not self._over.wait(self.lease.ttl.total_seconds() / BEATS):
            try:
                self._leases.renew(self.lease, self._clock())
                self._reported = True
                self._leases.report(self._progress)
            except LeaseLostError as error:
                self._failure = error
                return
            except RegistryError:
                continue  # It may be busy; what counts is whether the lease is lost when it answers again.
