"""The local job runner."""

from collections.abc import Callable
from pathlib import Path

from featurestore.spi.jobs import RunRequest
from featurestore_local.settings import LocalSettings

__all__ = ["LocalRunner", "open_runner"]


def open_runner(settings: LocalSettings, root: Path, scratch: Path) -> "LocalRunner":  # noqa: ARG001 - as for all
    """The runner; it needs neither settings nor folders."""
    return LocalRunner()


class LocalRunner:
    """A `JobRunner` that executes each run at once, in this process."""

    def submit(self, request: RunRequest, execute: Callable[[str], None]) -> None:
        """See `JobRunner.submit`."""
        execute(request.run_id)
