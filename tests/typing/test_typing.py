"""Users' code is understood by mypy and pyright: nothing to say about what is right, something about what is wrong."""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from featurestore.definitions.origin import collecting
from featurestore.definitions.resolution import Settings, define

HERE = Path(__file__).parent
MARK = "# expect-error"

Check = Callable[[Path], dict[int, str]]


def mypy(file: Path) -> dict[int, str]:
    """Line to what mypy says of it, of a file that is checked with no settings but ``--strict``."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--output=json", "--cache-dir=../cache"]
    done = subprocess.run([*command, file.name], cwd=file.parent, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {one["line"]: one["message"] for one in found if one["severity"] == "error"}


def pyright(file: Path) -> dict[int, str]:
    """Line to what basedpyright says of it, in its strict mode."""
    settings = {"typeCheckingMode": "strict", "pythonVersion": "3.11"}
    (file.parent / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable, "--outputjson", file.name]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    found = json.loads(done.stdout)
    assert found["summary"]["filesAnalyzed"] == 1
    return {
        one["range"]["start"]["line"] + 1: one["message"]
        for one in found["generalDiagnostics"]
        if one["severity"] == "error"
    }


@pytest.fixture(params=[mypy, pyright], ids=["mypy", "basedpyright"])
def check(request: pytest.FixtureRequest) -> Check:
    """A type checker."""
    found: Check = request.param
    return found


def copied(name: str, folder: Path) -> Path:
    """A file in a folder of its own, checked as a user's would be: without what hides it from our own checks."""
    made = folder / "user" / name
    made.parent.mkdir()
    text = (HERE / name).read_text(encoding="utf-8")
    made.write_text("\n".join("" if line.startswith("# mypy:") else line for line in text.splitlines()) + "\n")
    return made


def test_right_code_is_right(check: Check, tmp_path: Path) -> None:
    assert check(copied("right.py", tmp_path)) == {}


def test_each_mistake_is_seen_and_nothing_else(check: Check, tmp_path: Path) -> None:
    file = copied("wrong.py", tmp_path)
    marked = {number for number, line in enumerate(file.read_text().splitlines(), 1) if line.endswith(MARK)}
    found = check(file)
    assert len(marked) > 30
    assert {line: found.get(line, "") for line in marked ^ set(found)} == {}


def test_right_code_also_runs(tmp_path: Path) -> None:
    file = tmp_path / "right_code.py"
    shutil.copy(HERE / "right.py", file)
    spec = importlib.util.spec_from_file_location("right_code", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["right_code"] = module
    try:
        with collecting() as found:
            spec.loader.exec_module(module)
        definitions = define(found, {}, Settings())
    finally:
        del sys.modules["right_code"]
    assert len(definitions.of_kind("feature")) > 15
