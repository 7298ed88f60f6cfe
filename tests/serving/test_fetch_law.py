"""Reading returns what `values_at` says, if a run stored what it says (semantics 17, 18), on generated cases."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, reject, settings
from hypothesis import strategies as st

from featurestore.compiler.stored import row_columns, stored_form
from featurestore.definitions.features import Feature
from featurestore.definitions.fingerprints import Fingerprint
from featurestore.definitions.nodes import Aggregate, Call, Column, Node
from featurestore.definitions.references import Ref
from featurestore.definitions.resolution import Definitions, define
from featurestore.definitions.resolved import (
    Group,
    ResolvedService,
    Role,
    SelectedFeature,
    SourceTable,
    StoredFeature,
)
from featurestore.definitions.services import FeatureService
from featurestore.errors import NumberOverflowError
from featurestore.spi.codec import Marker, Row, RowCodec, encode_key, encode_row, group_prefix
from featurestore.spi.online import GroupKey
from featurestore.testing.cases import Case, cases
from featurestore.testing.compare import agree
from featurestore.testing.oracle import values_at
from featurestore.testing.oracle_values import micros
from featurestore_serving.fetch import fetch, resolve
from featurestore_serving.fetch_plan import Lookup
from featurestore_serving.vectors import FeatureVectors, Request, Status
from featurestore_sqlite.store import SQLiteStore

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)
PRINT = Fingerprint("0" * 64, "0" * 64)


@contextmanager
def opened() -> Iterator[SQLiteStore]:
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "online.db")
        try:
            yield store
        finally:
            store.close()


@dataclass(frozen=True)
class Run:
    """What runs would leave in the store for one row of a case's spine, each group at the boundary of its time."""

    case: Case
    defined: Definitions
    service: ResolvedService
    cells: Mapping[str, object]
    namespace: str

    @property
    def time(self) -> int:
        found = micros(self.cells[self.case.time])
        assert isinstance(found, int)
        return found

    def write(self, store: SQLiteStore, *, empty_rows: bool) -> None:
        plan = resolve(self.service, self.defined.groups, self.namespace)
        for lookup in plan.lookups:
            group = next(one for one in self.defined.groups if one.id == lookup.groups[0].key.group)
            self._write_group(store, group, lookup, empty_rows=empty_rows)

    def _write_group(self, store: SQLiteStore, group: Group, lookup: Lookup, *, empty_rows: bool) -> None:
        role = tuple((key, column) for key, column in lookup.role.items() if key != column)
        boundary = group.schedule.boundary(self.time)
        key = encode_key([self.cells[name] for name, _ in lookup.keys], [kind for _, kind in lookup.keys])
        address = GroupKey(self.namespace, group.id)
        values = [value for member in group.members for value in self._stored(member, role)]
        empty = [value for member in group.members for value in empties(member)]
        if key is not None and (empty_rows or values != empty):
            row = Row(boundary, 1, group_prefix(group.id), tuple(values))
            store.put_many(address, [(key, encode_row(row, RowCodec(row_columns(group))))])
        marker = Marker(boundary, 1, group.id, 1, "", 0)
        assert store.publish(address, marker, expected=store.marker(address))

    def _stored(self, feature: StoredFeature, role: Role) -> list[object]:
        form = stored_form(feature)
        expressions = [form.expression]
        if form.has_event:
            assert isinstance(form.expression, Aggregate)
            expressions.append(event_of(feature, form.expression))
        made = [SelectedFeature(replace(feature, expression=one), ("stored",), role) for one in expressions]
        found = [values_at([one], [self.cells], self.case.tables, time=self.case.time)[0]["stored"] for one in made]
        return [found[0], *(micros(value) for value in found[1:])]

    def read(self, store: SQLiteStore, **times: Any) -> FeatureVectors:
        plan = resolve(self.service, self.defined.groups, self.namespace)
        entities = {name: [self.cells[name]] for name in plan.keys}
        return fetch(plan, Request("case", entities, at=times.get("at")), store, clock=times["clock"], allow_at=True)


def event_of(feature: StoredFeature, expression: Aggregate) -> Node:
    """The event time of the row that a `last` chooses; it reads the same columns, so that the same versions count."""
    assert isinstance(feature.table, SourceTable)
    assert expression.argument is not None
    is_null = Call("is_null", (expression.argument,))
    given_or_not = Call("or", (is_null, Call("not", (is_null,))))
    condition: Node = Call("not", (is_null,)) if expression.ignore_nulls else given_or_not
    if expression.where is not None:
        condition = Call("and", (expression.where, condition))
    column = Column(str(feature.table.source.event_time))
    return replace(expression, argument=column, where=condition, ignore_nulls=False)


def empties(feature: StoredFeature) -> list[object]:
    form = stored_form(feature)
    return [form.empty, None] if form.has_event else [form.empty]


def runs_of(case: Case) -> list[Run]:
    """A run per row of the spine, in a namespace of its own: a store keeps the newest row of an entity only."""
    defined = define(case.objects, case.schemas, case.settings)
    authored = FeatureService("case", features=[one for one in case.objects if isinstance(one, Feature)])
    service = ResolvedService(authored, Ref("case", "v1"), tuple(case.features), PRINT)
    return [Run(case, defined, service, cells, f"case:{number}") for number, cells in enumerate(case.spine)]


def values_of(reply: FeatureVectors, cells: Mapping[str, object]) -> dict[str, object]:
    return {**cells, **{column.name: column.values[0] for column in reply.columns}}


def expected_of(case: Case) -> list[dict[str, object]]:
    try:
        return values_at(case.features, case.spine, case.tables, time=case.time)
    except NumberOverflowError:
        event("overflow")
        reject()


def check_law(case: Case, *, empty_rows: bool) -> None:
    expected = expected_of(case)
    found: list[dict[str, object]] = []
    with opened() as store:
        for run in runs_of(case):
            run.write(store, empty_rows=empty_rows)
            reply = run.read(store, clock=0, at=[run.time])
            again = run.read(store, clock=run.time)
            assert [column.statuses for column in reply.columns] == [column.statuses for column in again.columns]
            for column in reply.columns:
                event(column.statuses[0].name)
                assert column.statuses[0] <= Status.EXPIRED
            found.append(values_of(reply, run.cells))
    assert agree(expected, found, case.features, case.tables) == []


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=SLOW)
@given(cases(), st.booleans())
def test_what_is_read_at_a_time_is_what_values_at_says(case: Case, empty_rows: bool) -> None:
    check_law(case, empty_rows=empty_rows)


@pytest.mark.long
@settings(max_examples=5_000, deadline=None, suppress_health_check=SLOW)
@given(cases(), st.booleans())
def test_what_is_read_at_a_time_is_what_values_at_says_on_many_cases(case: Case, empty_rows: bool) -> None:
    check_law(case, empty_rows=empty_rows)
