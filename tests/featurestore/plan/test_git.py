"""What git says, and that nothing depends on it."""

import subprocess
from pathlib import Path

import pytest

from featurestore.plan import GitState, git_state


def git(folder: Path, *arguments: str) -> str:
    options = ("-c", "user.name=Ann", "-c", "user.email=ann@shop.example", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *options, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "project").mkdir()
    return tmp_path


def test_a_repository_says_its_commit_and_whether_the_folder_differs_from_it(repository: Path) -> None:
    project = repository / "project"
    (project / "features.py").write_text("a = 1\n")
    assert git_state(project) == GitState(commit=None, dirty=True)
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message", "First")
    commit = git(repository, "rev-parse", "HEAD")

    assert git_state(project) == GitState(commit, dirty=False)
    (repository / "elsewhere.txt").write_text("no part of the project")
    assert git_state(project) == GitState(commit, dirty=False)
    (project / "new.py").write_text("not added yet")
    assert git_state(project) == GitState(commit, dirty=True)


def test_outside_of_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    assert git_state(tmp_path) == GitState(None, None)
    assert git_state(tmp_path / "not there") == GitState(None, None)


def test_without_git_there_is_no_commit(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert git_state(repository) == GitState(None, None)
