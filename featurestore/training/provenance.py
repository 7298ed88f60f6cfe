"""Where a build comes from: who, when, which code, which packages."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

__all__ = ["Provenance", "provenance"]

DISTRIBUTION = "featurestore"
PACKAGES = (DISTRIBUTION, "duckdb", "pyarrow", "sqlglot", "pandas", "polars")
"""Distributions whose version may decide a value or how it is shown."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who built when (an aware time), from which commit, with which code.

    ``git_dirty`` is whether there were uncommitted changes; both it and the commit are None outside a repository.
    """

    who: str
    git_commit: str | None
    git_dirty: bool | None
    packages: Mapping[str, str]
    at: datetime
    code_version: str


def provenance(at: datetime, *, who: str, git_commit: str | None = None, git_dirty: bool | None = None) -> Provenance:
    """The provenance of what is built now, with the versions that are installed; packages that are not are left out."""
    packages = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return Provenance(who, git_commit, git_dirty, packages, at, packages.get(DISTRIBUTION, "unknown"))
