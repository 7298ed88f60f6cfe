"""Generated cases are cases: the oracle computes them, and they reach what they are for."""

import datetime
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from featurestore.definitions.functions import AGGREGATIONS
from featurestore.definitions.resolved import StoredFeature, sources_of
from featurestore.definitions.sources import Source
from featurestore.errors import NumberOverflowError
from featurestore.testing.case_grid import ENTITIES
from featurestore.testing.case_rows import edges_of
from featurestore.testing.case_steps import KINDS
from featurestore.testing.cases import Capabilities, Case, cases
from featurestore.testing.compare import agree
from featurestore.testing.oracle import Row, values_at
from featurestore.testing.oracle_values import EPOCH

LEAN = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
)
EVERYTHING = Capabilities(aggregations=frozenset(AGGREGATIONS), steps=frozenset(KINDS))
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
        found = values_at(case.features, case.spine, case.tables, time=case.time, steps=case.steps)
    except NumberOverflowError:
        return
    turned = {name: rows[::-1] for name, rows in case.tables.items()}
    again = values_at(case.features, case.spine, turned, time=case.time, steps=case.steps)
    assert agree(found, again, case.features, case.tables, time=case.time, steps=case.steps) == []


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


@LEAN
@given(cases(EVERYTHING))
def test_the_text_of_a_case_is_code_that_makes_it_again(case: Case) -> None:
    made: dict[str, Any] = {}
    exec(repr(case), made)  # noqa: S102 - that it can be run is what is promised
    again: Case = made["case"]
    assert repr(again) == repr(case)
    prints = [[one.feature.fingerprint for one in found.features] for found in (case, again)]
    assert prints[0] == prints[1]
    assert (again.schemas, again.spine) == (case.schemas, case.spine)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_of_step_that_an_engine_computes_is_asked_for(kind: str) -> None:
    kinds: set[str] = set()

    @settings(LEAN, max_examples=10)
    @given(cases(Capabilities(steps=frozenset({kind}))))
    def look(case: Case) -> None:
        kinds.update(one.kind for one in case.made)

    look()
    assert kinds - {"labels"} == {kind}


def test_cases_reach_what_rows_are_hard_for() -> None:
    seen: Counter[str] = Counter()

    @LEAN
    @given(cases())
    def look(case: Case) -> None:
        seen.update(set(_hard(case)))

    look()
    assert [hard for hard in HARD if not seen[hard]] == []


HARD = (
    "empty table",
    "twice",
    "moved",
    "event moved",
    "corrected early",
    "on an edge",
    "spine twice",
    "family",
)


def _hard(case: Case) -> Iterator[str]:
    """What a case has that is hard."""
    if any(case.spine.count(row) > 1 for row in case.spine):
        yield "spine twice"
    if len({one.feature.feature.group for one in _stored(case)}) < len({one.feature.ref for one in _stored(case)}):
        yield "family"
    times: list[Any] = [row["t"] for row in case.spine]
    edges = edges_of(EPOCH, case.features, times)
    for source in (one for one in case.objects if isinstance(one, Source)):
        rows = case.tables[source.name]
        if not rows:
            yield "empty table"
        if any(rows.count(row) > 1 for row in rows):
            yield "twice"
        if any(row.get(str(source.event_time)) in edges.events for row in rows):
            yield "on an edge"
        if source.key:
            yield from _corrected(source, rows)


def _stored(case: Case) -> list[Any]:
    return [one for one in case.features if isinstance(one.feature, StoredFeature)]


def _corrected(source: Source, rows: Sequence[Row]) -> Iterator[str]:
    for one, other in itertools.combinations(rows, 2):
        if any(one[name] is None or one[name] != other[name] for name in source.key):
            continue
        differ = {name for name in one if one[name] != other[name]}
        if differ & {source.keys.get(key, key) for keys in ENTITIES.values() for key in keys}:
            yield "moved"
        if source.event_time in differ:
            yield "event moved"
        times: list[Any] = [
            row[name] for row in (one, other) for name in (source.created_time, source.event_time) if name
        ]
        if source.created_time and all(isinstance(time, datetime.datetime) for time in times):
            (known, happened), (known_too, happened_too) = times[:2], times[2:]
            if (known < known_too) != (max(known, happened) < max(known_too, happened_too)):
                yield "corrected early"
