"""`featurestore init`."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


def test_the_projects_own_tests_pass(shop: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=shop, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_the_projects_own_tests_pass_without_its_folder_on_the_path(shop: Path) -> None:
    pytest_itself = Path(sys.executable).with_name("pytest")
    done = subprocess.run([pytest_itself, "-q"], cwd=shop, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_all_its_files_are_there_and_nothing_is_left_to_fill_in(shop: Path) -> None:
    files = {str(path.relative_to(shop)) for path in shop.rglob("*") if path.is_file()}
    assert files == {
        ".gitignore",
        "README.md",
        "data/orders.csv",
        "features.py",
        "featurestore.yaml",
        "pytest.ini",
        "tests/test_features.py",
    }
    assert not any("{{" in (shop / file).read_text() for file in files)
    assert len((shop / "data" / "orders.csv").read_text().splitlines()) == 201


def test_every_command_of_its_readme_works(shop: Path) -> None:
    block = (shop / "README.md").read_text().split("```")[1]
    commands = [line.partition("#")[0].strip() for line in block.strip().splitlines()]
    assert len(commands) == 10
    for command in commands:
        confirmed = command.replace("apply", "apply --yes")
        line = confirmed.replace("featurestore ", f"{sys.executable} -m featurestore ", 1)
        line = line.replace("python -m pytest", f"{sys.executable} -m pytest")
        done = subprocess.run(line, shell=True, cwd=shop, capture_output=True, text=True, check=False)  # noqa: S602
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def test_it_ends_with_the_three_commands_that_come_next(tmp_path: Path, run: Run) -> None:
    lines = run("init", tmp_path / "a b").stdout.splitlines()
    assert lines[-3:] == [f"  cd '{tmp_path}/a b'", "  featurestore plan", '  featurestore apply -m "First features"']


@pytest.mark.parametrize(("folder", "name"), [("shop", "shop"), ("My Shop", "my_shop"), ("2024", "project")])
def test_the_project_is_named_after_its_folder(tmp_path: Path, run: Run, folder: str, name: str) -> None:
    run("init", tmp_path / folder)
    assert (tmp_path / folder / "featurestore.yaml").read_text().startswith(f"project: {name}\n")


def test_a_name_can_be_given(tmp_path: Path, run: Run) -> None:
    run("init", tmp_path / "shop", "--name", "growth")
    assert (tmp_path / "shop" / "featurestore.yaml").read_text().startswith("project: growth\n")


def test_a_name_that_cannot_be_one_is_wrong_usage_and_nothing_is_written(tmp_path: Path, run: Run) -> None:
    run("init", tmp_path / "shop", "--name", "Growth!", code=2)
    assert not (tmp_path / "shop").exists()


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path, run: Run) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert "not empty" in run("init", tmp_path, code=1).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_will_do(tmp_path: Path, run: Run) -> None:
    run("init", tmp_path)
    assert (tmp_path / "features.py").exists()
