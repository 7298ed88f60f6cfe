"""The help of groups of commands, as that of commands: with examples that can be typed."""

import shlex
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from featurestore.cli import app
from featurestore.cli.app import Group


def groups(group: Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Group]]:
    yield path, group
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, Group):
            yield from groups(found, (*path, name))


ALL = dict(groups(app))


@pytest.mark.parametrize("path", list(ALL), ids=" ".join)
def test_the_help_of_a_group_has_examples_that_begin_with_its_name(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"])
    assert shown.exit_code == 0
    assert "Examples:" in shown.output
    for example in ALL[path].examples:
        assert example.startswith(" ".join(["featurestore", *path]))
        assert f"  {example}\n" in shown.output


@pytest.mark.parametrize("path", list(ALL), ids=" ".join)
def test_each_example_of_a_group_has_options_and_arguments_that_the_command_takes(path: tuple[str, ...]) -> None:
    for example in ALL[path].examples:
        found: click.Command = app
        words = shlex.split(example, comments=True)[1:]
        while isinstance(found, Group):
            inner = found.get_command(click.Context(found), words.pop(0))
            assert inner is not None, example
            found = inner
        found.make_context("featurestore", words)


def test_each_command_of_a_group_is_named_in_the_line_about_the_group() -> None:
    for name, listed in app.listed.items():
        if (name,) in ALL:
            told = listed.help.rpartition(": ")[2].rstrip(".").split(", ")
            assert told == list(ALL[name,].listed)
