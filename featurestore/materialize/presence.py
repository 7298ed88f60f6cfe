"""Whether a run is over that has left its lease behind: told by a lock on a file, not by a clock.

The operating system takes a file's lock away with the process that holds it, however that ended. So a lease whose
holder signed a file that nobody locks any more need not be waited for. It is evidence and no more: where there is none
(another machine, another folder, a file system or a system without such locks) the lease expires as ever, and whoever
might be wrongly held for dead loses to the greater token.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: leases of killed runs expire there
    fcntl = None  # type: ignore[assignment]

__all__ = ["present"]

_LONGEST = 4096


@contextmanager
def present(file: Path, owner: str) -> Iterator[str | None]:
    """Signs ``file`` as ``owner`` and keeps it locked meanwhile.

    Yields:
        Who had signed it before, and is over. None if nobody had, if somebody is at work, or if that cannot be told.
    """
    handle = _locked(file)
    if handle is None:
        yield None
        return
    try:
        yield _signed(handle, owner)
    finally:
        os.close(handle)


def _locked(file: Path) -> int | None:
    if fcntl is None:
        return None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _signed(handle: int, owner: str) -> str | None:
    """Replaces the signature by ``owner``, and returns the one before."""
    try:
        before = os.pread(handle, _LONGEST, 0).decode(errors="replace")
        os.ftruncate(handle, 0)
        os.pwrite(handle, owner.encode(errors="replace")[:_LONGEST], 0)
    except OSError:  # a full disk: then our own end cannot be told
        return None
    return before or None
