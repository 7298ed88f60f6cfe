"""SIGTERM during a run: as Ctrl-C, it first gives the lease back, so that the next run need not wait."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Terminated", "ending_in_order"]


class Terminated(BaseException):
    """SIGTERM has arrived. Like `KeyboardInterrupt` it is no `Exception`: nobody is to go on."""


@contextmanager
def ending_in_order() -> Iterator[None]:
    """SIGTERM ends the block by `Terminated`, and after it the process as it would have; a second one ends it at once.

    Without effect outside of the main thread, where Python receives no signals, and where the program has a way of its
    own to handle this one.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    received = False

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal received
        received = True
        signal.signal(number, signal.SIG_DFL)
        raise Terminated

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if received:  # whatever came of `Terminated` on its way: engines make errors of their own of it
            signal.raise_signal(signal.SIGTERM)
            raise SystemExit(128 + signal.SIGTERM)  # the first process of a container outlives its own signals
