"""What git says of a folder, for the record. It is asked, and never relied on."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["GitState", "git_state"]

TIMEOUT = 10
"""Seconds for one question: a huge or remote checkout must not hold up an apply."""


@dataclass(frozen=True, slots=True)
class GitState:
    """The commit that is checked out, and whether the folder differs from it (files that are not added count).

    Both are None where there is no git or no repository; the commit also before the first one.
    """

    commit: str | None = None
    dirty: bool | None = None


def git_state(folder: Path) -> GitState:
    """The state of the repository that holds ``folder``. Never fails."""
    status = _git(folder, "status", "--porcelain", "--", ".")
    if status is None:
        return GitState()
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    return GitState(commit.strip() or None if commit else None, bool(status.strip()))


def _git(folder: Path, *arguments: str) -> str | None:
    program = shutil.which("git")
    if program is None:
        return None
    # Looking must not take the lock that a commit in another window needs.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are constants
            [program, *arguments], cwd=folder, env=environment, capture_output=True, timeout=TIMEOUT, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None
