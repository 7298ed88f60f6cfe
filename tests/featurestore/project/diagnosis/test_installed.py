"""What is installed beside what is needed."""

from importlib.metadata import requires

import pytest

from featurestore.project.diagnosis.installed import Requirement, packages, providers, requirement_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sqlglot<31,>=30", Requirement("sqlglot", (("<", "31"), (">=", "30")))),
        ("duckdb<3,>=2.0; extra == 'duckdb'", Requirement("duckdb", (("<", "3"), (">=", "2.0")), "duckdb")),
        (
            "ibis-framework[duckdb]<13,>=10; extra == 'ibis'",
            Requirement("ibis-framework", (("<", "13"), (">=", "10")), "ibis"),
        ),
        ("click", Requirement("click", ())),
    ],
)
def test_a_requirement_is_read_as_metadata_writes_it(text: str, expected: Requirement) -> None:
    assert requirement_of(text) == expected


def test_every_requirement_of_this_package_has_bounds() -> None:
    for text in requires("featurestore") or ():
        found = requirement_of(text)
        assert found is not None
        assert found.bounds, text


@pytest.mark.parametrize(
    ("version", "met"),
    [("2.0", True), ("2.0.0", True), ("2.10.1", True), ("3.0", False), ("1.9.9", False), ("2.5rc1", True)],
)
def test_versions_compare_by_their_numbers(version: str, met: bool) -> None:
    assert Requirement("duckdb", ((">=", "2.0"), ("<", "3"))).is_met_by(version) is met


def test_here_nothing_is_missing() -> None:
    assert {one.level for one in [*packages(), *providers()]} == {"ok"}
