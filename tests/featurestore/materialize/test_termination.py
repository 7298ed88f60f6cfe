import os
import signal
import subprocess
import sys
import threading

import pytest

from featurestore.materialize.termination import Terminated, ending_in_order

PROGRAM = """
import os, signal, sys
from featurestore.materialize.termination import ending_in_order

def terminate():
    os.kill(os.getpid(), signal.SIGTERM)

with ending_in_order():
    try:
        {body}
    finally:
        print("in order", flush=True)
print("went on")
"""


def ended(body: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    "body",
    [
        "terminate()",
        # An engine makes an error of its own of whatever interrupts it.
        "exec('''try:\\n    terminate()\\nexcept BaseException:\\n    raise RuntimeError''')",
        "exec('''try:\\n    terminate()\\nexcept BaseException:\\n    pass''')",
    ],
)
def test_sigterm_ends_the_process_as_it_would_have_and_lets_it_clean_up_before(body: str) -> None:
    assert ended(body) == (-signal.SIGTERM, "in order\n")


def test_a_second_sigterm_does_not_wait_for_the_cleaning_up() -> None:
    assert ended("exec('''try:\\n    terminate()\\nfinally:\\n    terminate()''')") == (-signal.SIGTERM, "")


def test_without_sigterm_nothing_happens_and_nothing_is_left() -> None:
    with ending_in_order():
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_program_that_handles_sigterm_itself_is_left_to_it() -> None:
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        with ending_in_order():
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received == [signal.SIGTERM]


def test_other_threads_may_run_too() -> None:
    done: list[bool] = []

    def run() -> None:
        with ending_in_order():
            done.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done == [True]


def test_what_is_terminated_is_not_taken_for_a_failure_to_go_on_from() -> None:
    assert not issubclass(Terminated, Exception)
