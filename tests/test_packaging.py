"""The distribution holds what it promises: packages at their own names, entry points, extras, errors with codes."""

import importlib
import inspect
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from featurestore import errors
from featurestore.errors import FeaturestoreError

ROOT = Path(__file__).parents[1]
PROVIDERS = sorted(path.name for path in (ROOT / "providers").glob("featurestore_*") if (path / "__init__.py").exists())
WITHOUT_DEPENDENCIES = {"local", "sqlite"}
"""Providers that need nothing beyond the core, and so no extra."""
DIALECTS = {"bigquery", "spark"}
"""Packages that print SQL and have no store yet, and so nothing that could be configured or installed for it."""
GROUP = "featurestore.providers"


@pytest.fixture(scope="module")
def project() -> Any:
    """What ``pyproject.toml`` says of the distribution."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (file,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(file).namelist())


def test_every_provider_has_an_entry_point_and_an_extra_of_its_name(project: Any) -> None:
    names = {name.removeprefix("featurestore_") for name in PROVIDERS}
    declared = project["entry-points"][GROUP]
    assert "duckdb" in names
    assert set(declared) == names - DIALECTS
    assert all(target.partition(":")[0] == f"featurestore_{name}" for name, target in declared.items())
    assert names - WITHOUT_DEPENDENCIES - DIALECTS <= set(project["optional-dependencies"])
    assert not DIALECTS & set(project["optional-dependencies"])


def test_every_entry_point_is_installed_and_loads(project: Any) -> None:
    installed = {point.name: point for point in entry_points(group=GROUP)}
    assert set(installed) >= set(project["entry-points"][GROUP]), "install again: pip install -e ."
    for name in project["entry-points"][GROUP]:
        assert installed[name].load() is not None


def test_every_command_loads(project: Any) -> None:
    for target in project["scripts"].values():
        module, _, name = target.partition(":")
        assert callable(getattr(importlib.import_module(module), name))


def test_the_wheel_holds_each_package_under_its_own_name(wheel: set[str]) -> None:
    tops = {name.partition("/")[0] for name in wheel}
    assert {"featurestore", *PROVIDERS} <= tops
    assert not tops & {"providers", "serving", "tests", "docs", "examples"}
    assert all(top == "featurestore" or top.startswith(("featurestore_", "featurestore-")) for top in tops)


def test_the_wheel_holds_types_and_migrations_and_every_module(wheel: set[str]) -> None:
    assert "featurestore/py.typed" in wheel
    assert any(name.startswith("featurestore/registry/migrations/versions/") for name in wheel)
    written = {str(path.relative_to(ROOT)) for path in (ROOT / "featurestore").rglob("*.py")}
    written |= {str(path.relative_to(ROOT / "providers")) for path in (ROOT / "providers").rglob("*.py")}
    assert written <= wheel


def test_the_wheel_names_its_entry_points(wheel: set[str]) -> None:
    assert any(re.fullmatch(r"featurestore-[^/]+\.dist-info/entry_points\.txt", name) for name in wheel)
    assert any(re.fullmatch(r"featurestore-[^/]+\.dist-info/licenses/LICENSE", name) for name in wheel)


ERRORS = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, FeaturestoreError) and found.__module__ == errors.__name__
]


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [found.__dict__.get("code") for found in ERRORS]
    assert None not in codes
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"FS\d{3}", str(code)) for code in codes)
    assert set(errors.__all__) == {found.__name__ for found in ERRORS}


def test_the_tree_in_the_documentation_is_the_tree_of_the_errors() -> None:
    drawn: dict[str, tuple[str, str | None]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"(?P<branch>[│├└─ ]*)(?P<name>\w+Error) +(?P<code>FS\d{3})", line):
            depth = len(found["branch"]) // 4
            above[depth:] = [found["name"]]
            drawn[found["name"]] = (found["code"], above[depth - 1] if depth else None)
    assert drawn == {
        found.__name__: (found.code, found.__bases__[0].__name__ if found is not FeaturestoreError else None)
        for found in ERRORS
    }


def test_every_error_says_when_it_is_raised() -> None:
    assert [found.__name__ for found in ERRORS if not (found.__doc__ or "").strip()] == []
