import platform
from datetime import UTC, datetime
from importlib.metadata import version

from featurestore.training import provenance

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)


def test_versions_are_those_that_are_installed() -> None:
    found = provenance(NOON, who="ann", git_commit="c0ffee", git_dirty=True)
    assert (found.who, found.git_commit, found.git_dirty, found.at) == ("ann", "c0ffee", True, NOON)
    assert found.packages["python"] == platform.python_version()
    assert found.packages["duckdb"] == version("duckdb")
    assert found.code_version == found.packages["featurestore"] == version("featurestore")


def test_outside_a_repository_the_commit_is_unknown() -> None:
    found = provenance(NOON, who="ann")
    assert (found.git_commit, found.git_dirty) == (None, None)
