"""Generated cases are cases: the oracle computes them, and they reach what they are for."""

from collections import Counter

from hypothesis import HealthCheck, given, settings

from featurestore.definitions.functions import AGGREGATIONS
from featurestore.definitions.resolved import StoredFeature, sources_of
from featurestore.errors import NumberOverflowError
from featurestore.testing.cases import Capabilities, Case, cases
from featurestore.testing.compare import agree
from featurestore.testing.oracle import values_at

LEAN = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
)
EVERYTHING = Capabilities(aggregations=frozenset(AGGREGATIONS))
BARE = Capabilities(
    aggregations=frozenset({"count"}),
    corrections=False,
    ago=False,
    untimed=False,
    derived=False,
    infinite_times=False,
    types=frozenset({"Int64"}),
)


@LEAN
@given(cases(EVERYTHING))
def test_the_order_of_the_rows_changes_nothing(case: Case) -> None:
    try:
        found = values_at(case.features, case.spine, case.tables, time=case.time)
    except NumberOverflowError:
        return
    turned = {name: rows[::-1] for name, rows in case.tables.items()}
    again = values_at(case.features, case.spine, turned, time=case.time)
    assert agree(found, again, case.features, case.tables) == []


@LEAN
@given(cases(BARE))
def test_capabilities_bound_what_cases_ask_for(case: Case) -> None:
    for selected in case.features:
        assert isinstance(selected.feature, StoredFeature)
        assert {one.function for one in selected.feature.aggregates} == {"count"}
        assert all(one.ago == 0 for one in selected.feature.aggregates)
        assert all(not source.source.key and source.source.is_timed for source in sources_of(selected.feature.table))
    assert not any("infinity" in row.values() for rows in case.tables.values() for row in rows)


def test_cases_often_have_values_that_are_not_empty() -> None:
    kinds: Counter[bool] = Counter()

    @LEAN
    @given(cases())
    def look(case: Case) -> None:
        try:
            found = values_at(case.features, case.spine, case.tables, time=case.time)
            empty = values_at(case.features, case.spine, dict.fromkeys(case.tables, ()), time=case.time)
        except NumberOverflowError:
            return
        kinds.update(bool(agree(one, other, (), {})) for one, other in pairs(found, empty))

    look()
    assert kinds[True] > kinds.total() / 5


def pairs(
    found: list[dict[str, object]], empty: list[dict[str, object]]
) -> list[tuple[list[dict[str, object]], list[dict[str, object]]]]:
    """The two results, row by row."""
    return [([one], [other]) for one, other in zip(found, empty, strict=True)]


def test_a_case_is_printed_in_lines_to_work_it_out_by_hand() -> None:
    printed: list[str] = []

    @settings(max_examples=1, derandomize=True, database=None)
    @given(cases())
    def show(case: Case) -> None:
        printed.append(repr(case))

    show()
    assert [word for word in ("source source_0", "f0", "spine") if word not in printed[0]] == []
