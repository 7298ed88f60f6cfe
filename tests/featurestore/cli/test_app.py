"""The tree of commands: quick to start, uniform in its options and its help."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from featurestore.cli import app
from featurestore.cli.app import Group
from featurestore.cli.session import Command


def commands(group: Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        if isinstance(found, Group):
            yield from commands(found, (*path, name))
        else:
            yield (*path, name), found


ALL = dict(commands(app))


def test_help_imports_no_engine_no_parser_and_no_database() -> None:
    code = """
import sys
from featurestore.cli import app
try:
    app.main(["--help"])
except SystemExit:
    print(*sorted(sys.modules))
"""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = set(output.splitlines()[-1].split())
    heavy = {"duckdb", "pyarrow", "pandas", "polars", "numpy", "sqlglot", "alembic", "sqlalchemy", "pydantic", "rich"}
    assert "training-set" in output
    assert not loaded & heavy


@pytest.mark.parametrize("path", list(ALL), ids=" ".join)
def test_each_command_says_what_it_does_and_gives_examples_that_begin_with_its_name(path: tuple[str, ...]) -> None:
    found = ALL[path]
    assert isinstance(found, Command)
    assert found.help
    assert all(example.startswith(f"featurestore {' '.join(path)}") for example in found.examples)
    shown = CliRunner().invoke(app, [*path, "--help"])
    assert shown.exit_code == 0
    assert "Examples:" in shown.output
    assert found.examples[0] in shown.output


@pytest.mark.parametrize("path", list(ALL), ids=" ".join)
def test_each_example_has_options_and_arguments_that_the_command_takes(path: tuple[str, ...], tmp_path: Path) -> None:
    found = ALL[path]
    assert isinstance(found, Command)
    import os
    import shlex

    (tmp_path / "spine.csv").touch()
    (tmp_path / "plan.json").touch()
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        for example in found.examples:
            words = shlex.split(example, comments=True)[1 + len(path) :]
            found.make_context("featurestore", words)
    finally:
        os.chdir(here)


def test_no_two_parameters_of_a_command_have_one_name() -> None:
    for found in ALL.values():
        names = [parameter.name for parameter in found.params]
        assert len(names) == len(set(names))


def test_project_options_stand_before_the_command_or_behind_it(shop: Path, run: "object") -> None:
    outputs = {
        CliRunner().invoke(app, args).output
        for args in (["-C", str(shop), "--target", "laptop", "list"], ["list", "-C", str(shop), "--target", "laptop"])
    }
    assert len(outputs) == 1
    assert "mean_amount" in outputs.pop()


def test_a_target_that_does_not_exist_is_an_error(shop: Path, run: "object") -> None:
    result = CliRunner().invoke(app, ["--target", "moon", "list"])
    assert result.exit_code == 1
    assert "moon" in result.stderr


def test_a_mistyped_command_is_wrong_usage_with_a_suggestion() -> None:
    result = CliRunner().invoke(app, ["plann"])
    assert result.exit_code == 2
    assert "Did you mean plan" in result.stderr


def test_version_is_that_of_the_distribution() -> None:
    assert version("featurestore") in CliRunner().invoke(app, ["--version"]).output
