import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from featurestore.materialize.presence import present

SIGNER = """
import sys, time
from pathlib import Path
from featurestore.materialize.presence import present

with present(Path(sys.argv[1]), "the other one"):
    print("signed", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "signs" / "group"


def test_who_signs_first_finds_nobody_and_who_comes_after_finds_who_is_over(file: Path) -> None:
    with present(file, "ann") as before:
        assert before is None
    with present(file, "bob") as before:
        assert before == "ann"
    with present(file, "Zoë, a name that is longer") as before:
        assert before == "bob"
    with present(file, "c") as before:
        assert before == "Zoë, a name that is longer"


def test_as_long_as_somebody_is_at_work_nobody_is_said_to_be_over(file: Path) -> None:
    found: list[str | None] = []

    def look() -> None:
        with present(file, "bob") as before:
            found.append(before)

    with present(file, "ann"):
        look()
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert found == [None, None]
    with present(file, "bob") as before:
        assert before == "ann"


def test_a_process_that_is_stopped_is_not_over_and_one_that_is_killed_is(file: Path) -> None:
    command = [sys.executable, "-c", SIGNER, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "signed\n"
        process.send_signal(signal.SIGSTOP)
        with present(file, "ann") as before:
            assert before is None
        process.kill()
        process.wait()
    with present(file, "ann") as before:
        assert before == "the other one"


def test_where_a_file_cannot_be_made_it_cannot_be_told(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with present(tmp_path / "taken" / "group", "ann") as before:
        assert before is None


def test_the_file_is_let_go_of(file: Path) -> None:
    with present(file, "ann"):
        inside = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the names alone
    with present(file, "ann"):
        assert set(os.listdir("/proc/self/fd")) == inside  # noqa: PTH208 - idem
