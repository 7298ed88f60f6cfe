"""`featurestore materialize` on a full disk, and ended by a signal."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from featurestore.project import open_project
from featurestore.registry import open_reader
from featurestore.registry.mutable import leases

MATERIALIZE = [sys.executable, "-m", "featurestore", "materialize", "--rebuild"]

FULL = """
mount -t tmpfs -o size={size}k full {folder} || exit 77
cp -r kept/. {folder}
{python} -m featurestore materialize --rebuild --group Habits
echo "status $?"
df --output=avail {folder} | tail -1
mount -o remount,size=100m {folder}
{python} -m featurestore materialize --rebuild --group Habits
echo "status $?"
"""


def stored(root: Path) -> dict[str, object]:
    """What the marker of each group says, but the time and the token."""
    with open_project(root) as project:
        found = {group: project.online.marker(group) for group in project.online.groups()}
        return {key.group: (one.boundary, one.rows, one.checksum) for key, one in found.items() if one is not None}


@pytest.mark.parametrize("spare", [8, 60, 100])
def test_a_full_disk_is_told_and_with_room_again_the_run_goes_on(root: Path, spare: int) -> None:
    """A file system of its own, which is really full: below a user namespace, so that anybody may mount it."""
    scratch = root / ".featurestore"
    scratch.rename(root / "kept")
    scratch.mkdir()
    used = sum(-(-path.stat().st_size // 4096) * 4 for path in (root / "kept").rglob("*") if path.is_file())
    script = FULL.format(size=used + spare, folder=scratch, python=sys.executable)
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or done.returncode == 77:
        pytest.skip(f"needs Linux with unprivileged user namespaces: {done.stderr}")
    first, second = [line for line in done.stdout.splitlines() if line.startswith("status")]
    assert (first, second) == ("status 1", "status 0"), done.stdout + done.stderr
    assert "This should not have happened" not in done.stderr
    assert "Traceback" not in done.stderr
    assert re.search(r"Error FS805: .*the disk is full|Error FS920: .*No space left|Error FS701: ", done.stderr)
    assert "Habits: published at" in done.stdout


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("moment", [0.6, 0.9, 1.3])
def test_a_command_that_is_ended_at_any_moment_keeps_the_next_one_from_nothing(
    root: Path, stop: signal.Signals, moment: float
) -> None:
    before = stored(root)
    with subprocess.Popen(MATERIALIZE, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(moment)
        os.kill(process.pid, stop)
        process.communicate(timeout=60)
    assert process.returncode in {0, -stop}
    if stop is signal.SIGTERM:
        with open_reader(root / ".featurestore" / "laptop" / "registry.db") as reader:
            assert leases(reader, "shop") == ()
    done = subprocess.run(MATERIALIZE, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert stored(root) == before
