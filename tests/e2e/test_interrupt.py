"""Ctrl-C at any moment: nothing is half written, and running again goes on."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from featurestore.registry import open_reader, verify_audit

MOMENTS = (0.05, 0.3, 0.6, 0.9, 1.2, 1.6)
"""Seconds after the start of a command, which takes one or two."""

INTERRUPTED = {130, -signal.SIGINT}
"""The command noticed; or Python was not far enough to notice."""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    run("init", str(folder), folder=tmp_path)
    return folder


def run(*arguments: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "featurestore", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def interrupt(*arguments: str, folder: Path, after: float) -> str:
    """Starts a command and presses Ctrl-C; returns what it said."""
    command = [sys.executable, "-m", "featurestore", *arguments]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(after)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode in {0, *INTERRUPTED}, said
    return said if process.returncode == 130 else ""


def unfinished(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if "partial" in path.name or path.suffix == ".tmp"]


def test_an_interrupted_apply_leaves_all_or_nothing(shop: Path) -> None:
    said = [interrupt("apply", "--yes", "-m", "first", folder=shop, after=moment) for moment in MOMENTS]
    assert all("Interrupted" in text and "Traceback" not in text for text in said if text)
    run("apply", "--yes", "-m", "again", folder=shop)
    with open_reader(shop / ".featurestore" / "laptop" / "registry.db") as reader:
        assert reader.revision("shop") == 1
        assert len(reader.definitions("shop")) == 11
        assert verify_audit(reader) == []
    assert unfinished(shop) == []


def test_an_interrupted_build_leaves_no_file_that_is_not_recorded_whole(shop: Path) -> None:
    run("apply", "--yes", folder=shop)
    for moment in MOMENTS:
        interrupt("training-set", "build", "returns", folder=shop, after=moment)
    run("training-set", "build", "returns", folder=shop)
    with open_reader(shop / ".featurestore" / "laptop" / "registry.db") as reader:
        builds = reader.builds("shop")
        assert builds
        assert all(Path(build.artifact or "").exists() for build in builds)
        assert verify_audit(reader) == []
    assert unfinished(shop) == []
