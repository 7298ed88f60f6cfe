"""The project that `featurestore init` makes, and commands run on it in this process."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from featurestore.cli import app

Run = Callable[..., Result]


@pytest.fixture
def run() -> Iterator[Run]:
    """Runs a command; what its project leaves in the interpreter is taken away afterwards."""
    path, modules = list(sys.path), set(sys.modules)

    def invoke(*args: object, code: int = 0, given: str | None = None) -> Result:
        result = CliRunner().invoke(app, [str(arg) for arg in args], input=given, catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    yield invoke
    sys.path[:] = path
    for name in {"features", *(set(sys.modules) - modules)}:
        if getattr(sys.modules.get(name), "__file__", None) and name.partition(".")[0] == "features":
            del sys.modules[name]


@pytest.fixture
def shop(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The template's project, as the current folder."""
    folder = tmp_path / "shop"
    run("init", folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def edit(shop: Path) -> Callable[[str, str], None]:
    """Replaces a text in the project's definitions."""

    def replace(old: str, new: str) -> None:
        file = shop / "features.py"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    return replace
