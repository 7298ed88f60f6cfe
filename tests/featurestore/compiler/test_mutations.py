"""The suite of offline stores sees when a plan is wrong: each way to break it is caught, by the example that is named.

A mutation breaks the compiled plan, the dialect or the printed statement in one place. It must change the statement of
the example that catches it, so that it cannot outlive what it breaks; and some example must fail.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from featurestore.compiler.dialect import Dialect
from featurestore.compiler.printing import print_statement
from featurestore.compiler.query import (
    Aggregated,
    BoundaryQuery,
    Entities,
    KnownRows,
    LabelQuery,
    NewestRows,
    Pass,
    Points,
    Query,
    RowsQuery,
    SourceRows,
    Versions,
    reach,
)
from featurestore.definitions.nodes import Aggregate, Call, Literal, Node
from featurestore.definitions.resolved import SelectedFeature
from featurestore.definitions.sources import Binding
from featurestore.definitions.types import Schema
from featurestore.errors import NumberOverflowError
from featurestore.testing import examples
from featurestore.testing.engine import written
from featurestore.testing.offline_stores import EXAMPLES, OfflineStoreSuite, example_cases
from featurestore.testing.oracle import Row, Step
from featurestore_duckdb import provider
from featurestore_duckdb.dialect import DuckDBDialect
from featurestore_duckdb.store import DuckDBStore


@dataclass(frozen=True)
class Mutation:
    """A way to break plans: what is wrong then, and the test of the suite that sees it first."""

    wrong: str
    caught_by: str
    plan: Callable[[Any], Any] = field(default=lambda plan: plan)
    text: Callable[[str], str] = field(default=lambda text: text)
    dialect: Dialect = field(default_factory=DuckDBDialect)


# --- how plans are broken --------------------------------------------------------------------------------------------


def relations(kind: type[Any], change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Changes the relations of one kind."""

    def changed(plan: Any) -> Any:
        return replace(plan, relations=tuple(change(one) if isinstance(one, kind) else one for one in plan.relations))

    return changed


def fields(kind: type[Any], **values: object) -> Callable[[Any], Any]:
    """Gives fields of the relations of one kind other values."""
    return relations(kind, lambda one: replace(one, **values))


def schedules(**values: int) -> Callable[[Any], Any]:
    """Gives the schedules of points other values."""
    return relations(
        Points, lambda one: one if one.schedule is None else replace(one, schedule=replace(one.schedule, **values))
    )


def times(**values: object) -> Callable[[Any], Any]:
    """Gives the times of rows other values."""
    kinds: Any = SourceRows | KnownRows | Versions | NewestRows
    return relations(kinds, lambda one: replace(one, times=replace(one.times, **values)))


def aggregated(change: Callable[[Aggregated], Aggregated]) -> Callable[[Any], Any]:
    """Changes what passes compute, and not what outputs make of it."""
    return relations(Pass, lambda one: replace(one, aggregates=tuple(map(change, one.aggregates))))


def aggregates(change: Callable[[Aggregate], Aggregate]) -> Callable[[Any], Any]:
    """Changes every aggregation, wherever it stands, and the bounds of passes with it."""

    def of_pass(made: Pass) -> Pass:
        changed = [replace(one, aggregate=change(one.aggregate)) for one in made.aggregates]
        reaches = [reach(one.aggregate) for one in changed]
        shift = min(one.aggregate.ago for one in changed)
        bound = None if None in reaches else max(shift + 1, *(one or 0 for one in reaches))
        return replace(made, aggregates=tuple(changed), shift=shift, reach=bound if made.timed else None)

    def of_node(node: Node) -> Node:
        match node:
            case Aggregate():
                return change(node)
            case Call(arguments=arguments):
                return replace(node, arguments=tuple(map(of_node, arguments)))
            case _:
                return node

    def changed(plan: Any) -> Any:
        outputs = tuple(
            replace(
                output,
                expression=of_node(output.expression),
                columns=tuple((change(one), made, column) for one, made, column in output.columns),
            )
            for output in plan.outputs
        )
        return replace(relations(Pass, of_pass)(plan), outputs=outputs)

    return changed


def filled_first(plan: Query) -> Query:
    """Fills the column of a `last`, and no more what it gives."""
    fillers = {
        output.columns[0][0]: output.expression.arguments[1]
        for output in plan.outputs
        if isinstance(output.expression, Call) and output.expression.function == "fill_null"
    }

    def change(one: Aggregate) -> Aggregate:
        filler = fillers.get(one)
        return one if filler is None or one.argument is None else replace(one, argument=fill(one.argument, filler))

    moved: Query = aggregates(change)(plan)
    outputs = [
        replace(output, expression=output.expression.arguments[0])
        if isinstance(output.expression, Call) and output.expression.function == "fill_null"
        else output
        for output in moved.outputs
    ]
    return replace(moved, outputs=tuple(outputs))


def fill(node: Node, filler: Node) -> Node:
    return Call("fill_null", (node, filler if isinstance(filler, Literal) else node))


def one_schedule(plan: Query) -> Query:
    """Gives all points the schedule of the first."""
    schedule = next(one.schedule for one in plan.relations if isinstance(one, Points))
    changed: Query = fields(Points, schedule=schedule)(plan)
    return changed


def entities(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Changes which entities a boundary has."""
    return relations(Entities, change)


def live(**values: object) -> Callable[[Any], Any]:
    """Changes what is known of the rows that name entities."""
    return entities(lambda one: replace(one, rows=tuple(replace(rows, **values) for rows in one.rows)))


def said(pattern: str, instead: str) -> Callable[[str], str]:
    """Says something else wherever ``pattern`` is said."""
    return lambda text: re.sub(pattern, instead, text)


class BlindToNaN(DuckDBDialect):
    def is_nan(self, value: str) -> str:
        return f"({value} <> {value})"  # which is false in DuckDB, also of NaN


class Truncating(DuckDBDialect):
    def floor_divide(self, value: str, size: int) -> str:
        return f"({value} // {size})"


class Backwards(DuckDBDialect):
    def oldest(self, value: str, order: Sequence[str], condition: str) -> str:
        return self.newest(value, order, condition)


MUTATIONS = (
    # 1 Boundary
    Mutation(
        "the delay of a schedule is ignored",
        "test_a_boundary_answers_from_the_time_its_run_had_to_be_finished",
        schedules(delay=0),
    ),
    Mutation(
        "publish_within is ignored",
        "test_a_boundary_answers_from_the_time_its_run_had_to_be_finished",
        schedules(publish_within=0),
    ),
    Mutation("the offset is ignored", "test_an_offset_moves_every_boundary", schedules(offset=0)),
    Mutation(
        "boundaries before 1970 are rounded towards it",
        "test_boundaries_before_1970_are_found_downwards",
        dialect=Truncating(),
    ),
    Mutation(
        "all features are computed at one boundary",
        "test_derived_features_see_each_input_at_its_own_boundary",
        one_schedule,
    ),
    # 3 Visible
    Mutation(
        "a row on the boundary is not visible",
        "test_a_row_is_visible_from_its_event_and_its_creation_less_the_delay",
        text=said(r'("__enter") <= p\.', r"\1 < p."),
    ),
    Mutation(
        "a row known just at the end of the delay is not visible",
        "test_a_row_is_visible_from_its_event_and_its_creation_less_the_delay",
        relations(KnownRows, lambda one: replace(one, delay=one.delay - 1)),
    ),
    Mutation(
        "rows may come a minute after the delay",
        "test_a_row_is_visible_from_its_event_and_its_creation_less_the_delay",
        relations(KnownRows, lambda one: replace(one, delay=one.delay + 60_000_000)),
    ),
    Mutation(
        "the delay of rows is ignored",
        "test_a_row_is_visible_from_its_event_and_its_creation_less_the_delay",
        fields(KnownRows, delay=0),
    ),
    Mutation(
        "the created time is ignored",
        "test_a_row_is_visible_from_its_event_and_its_creation_less_the_delay",
        times(created_time=None),
    ),
    Mutation(
        "a row that is known in advance is visible before it happens",
        "test_a_row_is_visible_from_its_event_and_its_creation_less_the_delay",
        text=said(r'CASE WHEN "__e" > (.+) THEN "__e" ELSE \1 END', r"\1"),
    ),
    Mutation("known_after is ignored", "test_known_after_stands_in_for_a_created_time", times(known_after=None)),
    # 4 Corrections
    Mutation(
        "a corrected version stays",
        "test_a_correction_moves_an_order_to_another_customer_and_a_marker_removes_it",
        aggregated(lambda one: replace(one, leave=None)),
    ),
    Mutation(
        "a corrected version stays for one boundary more",
        "test_a_later_version_brings_a_deleted_key_back",
        text=said(r'(p\."__b") < (r\."__leave)', r"\1 <= \2"),
    ),
    Mutation(
        "a deletion is a version like others",
        "test_a_correction_moves_an_order_to_another_customer_and_a_marker_removes_it",
        times(deleted=None),
    ),
    Mutation(
        "a deletion without an event time comes before versions",
        "test_a_null_event_of_a_marker_is_later_than_any_event_of_the_same_created_time",
        text=said(r'\("__e" IS NULL\)', '("__e" IS NOT NULL)'),
    ),
    Mutation(
        "a deletion among equals comes anywhere",
        "test_between_equal_created_times_the_later_event_is_newer_then_the_marker_then_the_greater_columns",
        text=said(r'(ORDER BY .*), COALESCE\("gone", FALSE\)', r"\1"),
    ),
    Mutation(
        "ties between versions are not broken",
        "test_between_equal_created_times_the_later_event_is_newer_then_the_marker_then_the_greater_columns",
        relations(Versions, lambda one: replace(one, ties=tuple(() for _ in one.ties))),
    ),
    Mutation(
        "ties between versions of untimed rows are not broken",
        "test_an_untimed_source_is_corrected_by_the_greater_columns_and_its_markers",
        fields(NewestRows, ties=()),
    ),
    # 5 Order of work
    Mutation(
        "where is ignored",
        "test_the_newest_row_is_taken_among_those_that_where_keeps",
        aggregates(lambda one: replace(one, where=None)),
    ),
    # 6 Window
    Mutation(
        "a window includes its beginning",
        "test_a_window_excludes_its_beginning_and_includes_its_end",
        text=said(r'(r\."__e") > (p\."__b" - )', r"\1 >= \2"),
    ),
    Mutation(
        "a shifted window excludes its end",
        "test_ago_shifts_both_ends",
        text=said(r'(r\."__e") <= (p\."__b" - )', r"\1 < \2"),
    ),
    Mutation("ago is ignored", "test_ago_shifts_both_ends", aggregates(lambda one: replace(one, ago=0))),
    Mutation(
        "windows have no beginning",
        "test_a_window_excludes_its_beginning_and_includes_its_end",
        aggregates(lambda one: replace(one, over=None)),
    ),
    Mutation(
        "of the two time buckets of a window one is left out",
        "test_a_window_excludes_its_beginning_and_includes_its_end",
        text=said(r"UNNEST\(\[0, 1\]\)", "UNNEST([0])"),
    ),
    Mutation(
        "time buckets are off by one",
        "test_a_window_excludes_its_beginning_and_includes_its_end",
        text=said(r"UNNEST\(\[0, 1\]\)", "UNNEST([1, 2])"),
    ),
    # 7 last, first; 8 ties
    Mutation(
        "a null of the chosen row is passed over",
        "test_the_chosen_row_gives_its_null_unless_nulls_are_ignored",
        aggregates(lambda one: replace(one, ignore_nulls=one.function in {"first", "last"})),
    ),
    Mutation(
        "ignore_nulls is ignored",
        "test_text_is_compared_by_bytes_and_null_comes_first",
        aggregates(lambda one: replace(one, ignore_nulls=False)),
    ),
    Mutation("first is last", "test_text_is_compared_by_bytes_and_null_comes_first", dialect=Backwards()),
    Mutation(
        "the created time does not order rows",
        "test_between_equal_event_times_the_row_known_later_is_newer",
        text=said(r'r\."__e", r\."__c"', 'r."__e"'),
    ),
    Mutation(
        "ties are not broken by columns",
        "test_the_key_decides_between_tied_rows_before_their_values",
        aggregated(lambda one: replace(one, ties=())),
    ),
    Mutation(
        "ties are not broken by the key",
        "test_the_key_decides_between_tied_rows_before_their_values",
        fields(Pass, tie_keys=()),
    ),
    Mutation(
        "null comes last",
        "test_text_is_compared_by_bytes_and_null_comes_first",
        text=said(r'\((r\."city") IS NOT NULL\)', r"(\1 IS NULL)"),
    ),
    # 9 ttl
    Mutation(
        "the ttl is ignored",
        "test_a_value_expires_when_its_row_is_as_old_as_its_ttl",
        aggregates(lambda one: replace(one, ttl=None)),
    ),
    Mutation(
        "a value is still there when it is as old as its ttl",
        "test_a_value_expires_when_its_row_is_as_old_as_its_ttl",
        aggregates(lambda one: replace(one, ttl=None if one.ttl is None else one.ttl + 1)),
    ),
    Mutation("null is filled before the ttl", "test_a_value_expires_when_its_row_is_as_old_as_its_ttl", filled_first),
    # 10 Empty, 11 nulls
    Mutation(
        "over no rows all values are null",
        "test_nothing_to_aggregate_gives_the_empty_value",
        text=said(r'COALESCE\(("pass_\d+"\."a\d+"), \w+\)', r"\1"),
    ),
    Mutation(
        "nulls are counted",
        "test_a_count_of_a_column_skips_nulls_and_a_count_of_rows_does_not",
        aggregates(lambda one: replace(one, argument=None if one.function == "count" else one.argument)),
    ),
    Mutation(
        "the smallest of NaN and a number is the number", "test_one_nan_makes_the_result_nan", dialect=BlindToNaN()
    ),
    Mutation(
        "division by zero is infinite",
        "test_division_by_zero_inside_of_a_row_is_null",
        text=said(r"= 0 THEN NULL", "= 0 AND FALSE THEN NULL"),
    ),
    # 14 Join keys
    Mutation(
        "of a composite key the first column is compared",
        "test_composite_keys_match_as_tuples_and_by_bytes",
        relations(Pass, lambda one: replace(one, keys=one.keys[:1])),
    ),
    # 17 Materialization
    Mutation(
        "a change at the earlier boundary counts again",
        "test_a_row_on_the_earlier_boundary_is_no_change_and_one_on_the_later_is",
        entities(lambda one: replace(one, since=None if one.since is None else one.since - 1)),
    ),
    Mutation(
        "a change at the later boundary does not count",
        "test_a_row_on_the_earlier_boundary_is_no_change_and_one_on_the_later_is",
        entities(lambda one: replace(one, boundary=one.boundary - 1)),
    ),
    Mutation(
        "a row that leaves is no change",
        "test_what_changed_since_an_earlier_boundary_makes_the_one_the_other",
        live(leaves=()),
    ),
    Mutation(
        "a row that drops out of its window is no change",
        "test_a_row_on_the_earlier_boundary_is_no_change_and_one_on_the_later_is",
        live(aggregates=()),
    ),
    Mutation(
        "only entities of versions that count are live",
        "test_an_entity_whose_rows_have_gone_or_moved_stays_live",
        entities(lambda one: replace(one, since=one.boundary - 1)),
    ),
)


# --- the suite, asked of a store whose plans are broken --------------------------------------------------------------


class BrokenStore(DuckDBStore):
    """DuckDB with broken statements; ``changed`` says whether any was another than the right one."""

    def __init__(self, root: Path, mutation: Mutation) -> None:
        super().__init__(duckdb.connect(), root)
        self._mutation = mutation
        self.changed = False

    def statement(self, query: Query | BoundaryQuery | LabelQuery | RowsQuery) -> str:
        mutation = self._mutation
        plan = mutation.plan
        broken = replace(query, query=plan(query.query)) if isinstance(query, BoundaryQuery) else plan(query)
        text = mutation.text(print_statement(broken, mutation.dialect))
        self.changed = self.changed or text != super().statement(query)
        return text


class BrokenSuite(OfflineStoreSuite):
    """The suite over stores that are broken alike."""

    provider = provider

    def __init__(self, mutation: Mutation) -> None:
        self._mutation = mutation
        self.opened: list[BrokenStore] = []

    def load(self, root: Path, name: str, rows: Sequence[Row], schema: Schema) -> Binding:
        return written(name, rows, schema, root)

    def open(self, root: Path) -> BrokenStore:
        self.opened.append(BrokenStore(root, self._mutation))
        return self.opened[-1]

    def catches(self, name: str, root: Path) -> bool:
        """Whether a test of the suite fails."""

        def answer(
            selected: Sequence[SelectedFeature],
            spine: Sequence[Row],
            tables: Mapping[str, Sequence[Row]],
            schemas: Mapping[str, Schema],
            _steps: Mapping[str, Step],
        ) -> list[dict[str, object]]:
            if self.refusal(selected, tables):
                pytest.skip("this case is refused")
            return self.values(root, selected, spine, tables, schemas, "t")

        with examples.answered_by(answer):
            return any(self._fails(name, arguments, root) for arguments in example_cases(getattr(type(self), name)))

    def _fails(self, name: str, arguments: Mapping[str, object], root: Path) -> bool:
        store = None if name in EXAMPLES else self.open(root)
        try:
            getattr(self, name)(**(arguments if store is None else {"store": store, "tmp_path": root}))
        except (AssertionError, NumberOverflowError, pytest.fail.Exception):
            return True  # an error of another kind is one of the mutation: it makes statements that mean nothing
        except pytest.skip.Exception:
            return False
        finally:
            for one in self.opened:
                one.close()
        return False


BOUNDARIES = sorted({mutation.caught_by for mutation in MUTATIONS} - set(EXAMPLES))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.wrong.replace(" ", "_"))
def test_a_broken_plan_is_caught(mutation: Mutation, tmp_path: Path) -> None:
    suite = BrokenSuite(mutation)
    if not suite.catches(mutation.caught_by, tmp_path):
        others = [name for name in (*EXAMPLES, *BOUNDARIES) if BrokenSuite(mutation).catches(name, tmp_path)]
        pytest.fail(f"{mutation.caught_by} does not see that {mutation.wrong}; caught by {others or 'nothing'}.")
    assert any(store.changed for store in suite.opened), "The mutation changes no statement of what it names."


@pytest.mark.parametrize("name", [MUTATIONS[0].caught_by, *BOUNDARIES])
def test_a_plan_that_is_not_broken_passes(name: str, tmp_path: Path) -> None:
    whole = BrokenSuite(Mutation("nothing is wrong", name))
    assert not whole.catches(name, tmp_path)
    assert not any(store.changed for store in whole.opened)
