"""What shells offer while a command is typed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import Result

from featurestore.cli import app
from featurestore.cli.session import Session
from featurestore.registry import open_reader

Run = Callable[..., Result]

SILENT = "raise SystemExit('the project was imported')\n"


def offered(*words: str, begun: str = "") -> list[str]:
    complete = ShellComplete(app, {"obj": Session()}, "featurestore", "_FEATURESTORE_COMPLETE")
    return [item.value for item in complete.get_completions(list(words), begun)]


@pytest.fixture
def applied(shop: Path, run: Run) -> Path:
    """The template's project, applied; its files do not import any more."""
    run("apply", "--yes")
    (shop / "features.py").write_text(SILENT)
    return shop


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_is_printed(shell: str, run: Run) -> None:
    said = run("completion", shell)
    assert "_FEATURESTORE_COMPLETE" in said.stdout
    assert said.stderr == ""


def test_another_shell_is_wrong_usage(run: Run) -> None:
    assert "'bash', 'zsh', 'fish'" in run("completion", "csh", code=2).stderr


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash: apt-get install bash")
def test_bash_takes_the_script_and_completes_with_it(applied: Path) -> None:
    program = applied / "bin" / "featurestore"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m featurestore "$@"\n')
    program.chmod(0o755)
    script = """
source <(featurestore completion bash)
COMP_WORDS=(featurestore show mean) COMP_CWORD=2
_featurestore_completion featurestore
printf '%s\\n' "${COMPREPLY[@]}"
"""
    environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "--norc", "-c", script], cwd=applied, env=environment, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("mean_amount\n", "")


def test_commands_are_offered() -> None:
    assert offered(begun="tr") == ["training-set"]
    assert offered("training-set", begun="re") == ["rebuild"]


def test_offering_commands_imports_none_of_them() -> None:
    code = """
import sys
from featurestore.cli import app
try:
    app.main([])
except SystemExit:
    print(*sorted(name for name in sys.modules if name.startswith("featurestore.")))
"""
    environment = os.environ | {
        "_FEATURESTORE_COMPLETE": "bash_complete",
        "COMP_WORDS": "featurestore ma",
        "COMP_CWORD": "1",
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    first, *_, loaded = done.stdout.splitlines()
    assert first == "plain,materialize"
    assert not [
        name for name in loaded.split() if name.startswith(("featurestore.cli.commands", "featurestore.project"))
    ]


@pytest.mark.parametrize("command", [["show"], ["explain"], ["explain", "Habits"], ["values"], ["bump"]])
def test_definitions_and_classes_are_offered_as_they_are_applied(command: list[str], applied: Path) -> None:
    assert offered(*command, begun="mean") == ["mean_amount"]
    assert offered(*command, begun="Hab") == [
        "Habits",
        "Habits.last_category",
        "Habits.orders_30d",
        "Habits.orders_7d",
    ]


def test_versions_are_offered_once_one_is_begun(applied: Path) -> None:
    with open_reader(applied / ".featurestore" / "laptop" / "registry.db") as reader:
        versions = [one.version for one in reader.definitions("shop") if one.name == "mean_amount"]
    assert offered("show", begun="mean_amount@") == [f"mean_amount@{version}" for version in versions]


def test_services_training_sets_and_nodes_are_offered_where_they_belong(applied: Path) -> None:
    assert offered("get") == ["checkout"]
    assert offered("training-set", "build") == ["returns"]
    assert offered("lineage", "down", begun="orders.am") == ["orders.amount"]
    assert offered("lineage", "up", begun="check") == ["checkout"]


@pytest.mark.parametrize("command", ["materialize", "status", "due"])
def test_each_group_that_is_offered_can_be_named(command: str, shop: Path, run: Run) -> None:
    run("apply", "--yes")
    names = offered(command, "--group")
    assert len(names) == 2
    for name in names:
        run("due", "--group", name)


def test_targets_are_offered(shop: Path) -> None:
    assert offered("list", "--target") == ["laptop"]
    assert offered("--target") == ["laptop"]


def test_the_folder_that_was_named_is_the_one_that_is_asked(
    applied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert offered("show") == []
    assert offered("-C", str(applied), "show", begun="mean") == ["mean_amount"]


def test_what_is_retired_is_not_offered(shop: Path, run: Run) -> None:
    run("apply", "--yes")
    features = shop / "features.py"
    text = features.read_text()
    features.write_text(text[: text.index("returns = fs.TrainingSet(")])
    run("apply", "--yes", "--retire", "training_set:returns")
    assert offered("training-set", "build") == []


@pytest.mark.parametrize("name", ["registry.db", "featurestore.yaml", "nothing"])
def test_where_nothing_can_be_known_nothing_is_offered_and_nothing_is_said(name: str, shop: Path, run: Run) -> None:
    if name != "nothing":
        run("apply", "--yes")
        place = shop / name if name == "featurestore.yaml" else shop / ".featurestore" / "laptop" / name
        place.write_text("neither [ YAML nor a database")
    environment = os.environ | {
        "_FEATURESTORE_COMPLETE": "bash_complete",
        "COMP_WORDS": "featurestore show ",
        "COMP_CWORD": "2",
    }
    command = [sys.executable, "-m", "featurestore"]
    done = subprocess.run(command, env=environment, cwd=shop, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("", "")
    assert not (shop / ".featurestore" / "laptop").exists() or name != "nothing"


def test_a_registry_on_a_server_is_not_asked(applied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = applied / "featurestore.yaml"
    config.write_text(config.read_text() + "    registry: {url: 'postgresql://me@192.0.2.1/registry'}\n")
    assert offered("show") == []
