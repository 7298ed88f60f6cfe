"""The promises of an offline store as tests, for authors of a store.

```python
# conftest.py
pytest.register_assert_rewrite("featurestore.testing.offline_stores", "featurestore.testing.examples")

# test_conformance.py
class TestMyStore(OfflineStoreSuite):
    provider = my_package.provider

    def load(self, root: Path, name: str, rows: Sequence[Row], schema: Schema) -> Binding:
        ...  # write the rows where the store reads
        return Binding(table=name)
```

What the provider does not declare must be refused at plan, and is asked for all the same. Which examples that concerns
is on record in ``golden/refused.txt`` beside the author's test, next to the statements of a few selections. These files
are written anew by ``pytest --update-golden``, an option that the author's ``conftest.py`` adds.
"""

import datetime
import inspect
import itertools
import math
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings

from featurestore.compiler.compile import compile_boundary, compile_label, compile_values
from featurestore.compiler.query import BoundaryQuery, Hidden, LabelQuery, Query
from featurestore.compiler.stored import row_columns
from featurestore.compiler.vector import layout_of
from featurestore.definitions import expressions as fs
from featurestore.definitions.entities import Entity
from featurestore.definitions.features import features
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.resolved import ResolvedLabel, SelectedFeature
from featurestore.definitions.services import Label
from featurestore.definitions.sources import Binding, Source
from featurestore.definitions.types import (
    Array,
    Bool,
    Bytes,
    DataType,
    Date,
    Float32,
    Float64,
    Int32,
    Int64,
    Schema,
    String,
    Timestamp,
    Vector,
)
from featurestore.definitions.types import Decimal as DecimalType
from featurestore.errors import (
    EngineError,
    FeaturestoreError,
    MissingColumnError,
    MissingTableError,
    NotSupportedError,
    NumberOverflowError,
)
from featurestore.spi.capabilities import EVERYTHING, Capabilities
from featurestore.spi.frames import arrow
from featurestore.spi.providers import Provider, open_offline_of
from featurestore.spi.refusals import refuse_label, refuse_selected
from featurestore.spi.stores import OfflineStore
from featurestore.testing import cases as generated
from featurestore.testing import examples, selections
from featurestore.testing.case_steps import KINDS
from featurestore.testing.compare import agree, same
from featurestore.testing.engine import computed
from featurestore.testing.oracle import Row, Step, values_at

__all__ = ["EXAMPLES", "OfflineStoreSuite", "example_cases"]

EXAMPLES: Mapping[str, Callable[..., None]] = {
    name: example
    for name, example in vars(examples).items()
    if name.startswith("test_") and name not in examples.ORACLE_ONLY
}
"""The examples that every store is asked, by name."""

HOUR = 3_600_000_000
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
SCHEMA: Schema = {
    "id": Int64,
    "customer_id": Int64,
    "at": Timestamp,
    "loaded": Timestamp,
    "gone": Bool,
    "n": Int64,
    "city": String,
}
customer = Entity("customer", keys={"customer_id": Int64})
plain = Source("plain", table="plain", event_time="at")
keyed = Source("keyed", table="keyed", event_time="at", created_time="loaded", key="id", deleted="gone")


def instant(hours: float) -> datetime.datetime:
    """A time, so many hours after 1970 began."""
    return EPOCH + datetime.timedelta(hours=hours)


def order(
    number: int, of: int | None, n: int, at: float | None, loaded: float, *, gone: bool = False
) -> dict[str, object]:
    """A version of an order: its number, customer, amount, event time, created time."""
    times = {"at": None if at is None else instant(at), "loaded": instant(loaded)}
    return {"id": number, "customer_id": of, **times, "gone": gone, "n": n, "city": f"c{n}"}


ORDERS = (
    order(1, 1, 10, 0.5, 0.5),
    order(2, 2, 20, 1.0, 1.5),
    order(2, 3, 25, 1.0, 3.2),
    order(3, 3, 30, 2.5, 2.6),
    order(3, 3, 30, 2.5, 4.1, gone=True),
    order(4, 4, 40, 5.5, 1.0),
    order(5, None, 50, 1.0, 1.0),
    order(6, 1, 60, 3.9, 3.95),
    order(7, 5, 70, 4.5, 1.0),  # replaced before it enters, so it never counts, and names customer 5 all the same
    order(7, 1, 71, 0.9, 2.0),
)
BOUNDARIES = tuple(hour * HOUR for hour in range(1, 8))
HOSTILE: Sequence[tuple[DataType, Sequence[object]]] = (
    (Bool, (True, False, None)),
    (Int32, (0, -1, 2**31 - 1, -(2**31), None)),
    (Int64, (0, -1, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), None)),
    (Float32, (0.5, -0.0, 2.0**-149, 2.0**127, math.nan, math.inf, -math.inf, None)),
    (Float64, (0.1, -0.0, 5e-324, 1.7976931348623157e308, 1e16 + 2, math.nan, math.inf, -math.inf, None)),
    (DecimalType(10, 2), tuple(Decimal(text) for text in ("0.00", "-0.01", "99999999.99", "-99999999.99"))),
    (DecimalType(38, 10), tuple(Decimal(text) for text in ("9" * 28 + "." + "9" * 10, "-0.0000000001"))),
    (
        String,
        ("", " ", "a\0b", "'", '"', "\\", "\n", "%_", "NULL", "null", "é", "e\u0301", "ß", "𝄞", "\ufeff", "x" * 70_000),
    ),
    (Bytes, (b"", b"\0", b"\xff\xfe", b"'", bytes(range(256)), None)),
    (Date, tuple(datetime.date(*parts) for parts in ((1, 1, 1), (1969, 12, 31), (2024, 2, 29), (9999, 12, 31)))),
    (
        Timestamp,
        (
            EPOCH - datetime.timedelta(microseconds=1),
            datetime.datetime(1, 1, 1, tzinfo=datetime.UTC),
            datetime.datetime(2024, 3, 31, 2, 30, 0, 123_457, tzinfo=datetime.UTC),
            datetime.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=datetime.UTC),
            None,
        ),
    ),
    (Array[Int64], ([1, None, 2**63 - 1], [], [None], None)),
    (Array[String], (["a,b", "'", "", None], None)),
    (Vector[2], ([0.5, -1.0], None)),
)
"""Types, and values of each that stores are known to lose."""
_VERSION = re.compile(r"@[0-9a-f]{8}\b")
"""The version of a feature that was given none: it hashes what an example may well word differently tomorrow."""


def example_cases(example: Callable[..., None]) -> Iterator[dict[str, object]]:
    """The arguments with which an example is called: one dict for each of its cases."""
    marks = [mark for mark in getattr(example, "pytestmark", ()) if mark.name == "parametrize"]
    for chosen in itertools.product(*(mark.args[1] for mark in marks)):
        arguments: dict[str, object] = {}
        for mark, values in zip(marks, chosen, strict=True):
            names = mark.args[0]
            several = not isinstance(names, str)
            arguments |= dict(zip(names, values, strict=True)) if several else {names: values}
        yield arguments


class OfflineStoreSuite:
    """Subclass it with a `provider` and a `load`."""

    provider: ClassVar[Provider]
    """What is tested, as it is installed: its offline store and its capabilities."""
    settings: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """As below ``offline:`` of a target, without the provider's name."""
    generated_cases: ClassVar[int] = 100
    """How many generated cases are compared with the oracle."""

    def load(self, root: Path, name: str, rows: Sequence[Row], schema: Schema) -> Binding:
        """Makes a table of ``rows`` that a store opened over ``root`` reads, in the place of one of that name.

        A value that a row lacks is null. Where the store holds infinite times, a time may be the text ``infinity`` or
        ``-infinity``. Only types that the provider declares come with values.
        """
        raise NotImplementedError

    def open(self, root: Path) -> OfflineStore:
        """Opens a store over the project's folder ``root``, as a target does."""
        return open_offline_of(self.provider, self.settings, root, root / "scratch", "the suite's settings")

    @property
    def capabilities(self) -> Capabilities:
        """What the provider declares."""
        assert self.provider.offline is not None, "the provider has no offline store"
        return self.provider.offline.capabilities

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[OfflineStore]:
        """A store over the test's folder."""
        store = self.open(tmp_path)
        yield store
        store.close()

    @pytest.fixture(autouse=True)
    def answering(self, tmp_path: Path) -> Iterator[None]:
        """Lets every example be answered by the store, or be refused at plan."""

        def answer(
            selected: Sequence[SelectedFeature],
            spine: Sequence[Row],
            tables: Mapping[str, Sequence[Row]],
            schemas: Mapping[str, Schema],
            _steps: Mapping[str, Step],
        ) -> list[dict[str, object]]:
            if refused := self.refusal(selected, tables):
                pytest.skip(f"refused, as golden/refused.txt has it: {refused}")
            return self.values(tmp_path, selected, spine, tables, schemas, "t")

        with examples.answered_by(answer):
            yield

    def refusal(self, selected: Sequence[SelectedFeature], tables: Mapping[str, Sequence[Row]]) -> str | None:
        """Why plan refuses these features, or why these rows cannot be loaded; None: they can be computed."""
        try:
            compile_values(layout_of(selected))
            refuse_selected(selected, self.capabilities, "this store")
        except NotSupportedError as error:
            return error.message
        texts = {value for rows in tables.values() for row in rows for value in row.values() if isinstance(value, str)}
        endless = texts & {"infinity", "-infinity"} and not self.capabilities.infinite_times
        return "The tables of this store hold no infinite times." if endless else None

    def values(
        self,
        root: Path,
        selected: Sequence[SelectedFeature],
        spine: Sequence[Row],
        tables: Mapping[str, Sequence[Row]],
        schemas: Mapping[str, Schema],
        time: str,
    ) -> list[dict[str, Any]]:
        """`values_at` on the store, over rows written inline."""
        bindings = {name: self.load(root, name, rows, schemas[name]) for name, rows in tables.items()}
        store = self.open(root)
        try:
            return computed(selected, spine, store, bindings, time=time)
        finally:
            store.close()

    # What is refused

    def test_what_is_refused_is_on_record(
        self, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
    ) -> None:
        """All hand-worked examples go through plan: those that are refused are in a file, with the reason."""
        refused: list[str] = []
        count = 0
        for name, example in EXAMPLES.items():
            for number, arguments in enumerate(example_cases(example)):
                count += 1
                if reason := self._refused(example, arguments):
                    refused.append(f"{name}[{number}]: {_VERSION.sub('', reason)}")
        record_property("hand-worked cases computed", count - len(refused))
        record_property("hand-worked cases refused", len(refused))
        told = f"{len(refused)} hand-worked cases are refused."
        self._compare_golden("refused.txt", "".join(f"{line}\n" for line in [told, *refused]), request)

    def _refused(self, example: Callable[..., None], arguments: Mapping[str, object]) -> str | None:
        """Why an example is refused; the oracle answers what is not."""

        def planned(
            selected: Sequence[SelectedFeature],
            spine: Sequence[Row],
            tables: Mapping[str, Sequence[Row]],
            schemas: Mapping[str, Schema],
            steps: Mapping[str, Step],
        ) -> list[dict[str, object]]:
            if reason := self.refusal(selected, tables):
                raise _Refused(reason)
            return examples.by_the_oracle(selected, spine, tables, schemas, steps)

        try:
            with examples.answered_by(planned):
                example(**arguments)
        except _Refused as refused:
            return str(refused)
        return None

    def test_labels_of_undeclared_types_are_refused(self) -> None:
        """All columns of a label's rows are handed out."""
        for data_type, _ in HOSTILE:
            label = _label({**SCHEMA, "odd": data_type})
            if _is_declared(data_type, self.capabilities):
                refuse_label(label, self.capabilities, "this store")
            else:
                with pytest.raises(NotSupportedError, match="churned@v1 needs values of the type"):
                    refuse_label(label, self.capabilities, "this store")

    # Statements

    @pytest.mark.parametrize("name", [*selections.SELECTIONS, "boundary", "boundary_since", "labels"])
    def test_the_statement_is_the_golden_one(
        self, store: OfflineStore, name: str, request: pytest.FixtureRequest
    ) -> None:
        """As people read it with ``featurestore explain``."""
        self._compare_golden(f"{name}.sql", self._statement(store, name), request)

    def _statement(self, store: OfflineStore, name: str) -> str:
        query: Query | BoundaryQuery | LabelQuery
        try:
            if name in selections.SELECTIONS:
                refuse_selected(selections.selected(name), self.capabilities, "this store")
                query = selections.values_query(name)
            elif name == "labels":
                refuse_label(selections.label(), self.capabilities, "this store")
                query = selections.label_query()
            else:
                query = selections.boundary_query(selections.BOUNDARY - HOUR if name == "boundary_since" else None)
        except NotSupportedError as error:
            return f"-- refused: {error.message}\n"
        return store.explain(query) + "\n"

    def _compare_golden(self, name: str, text: str, request: pytest.FixtureRequest) -> None:
        path = Path(inspect.getfile(type(self))).parent / "golden" / name
        if request.config.getoption("--update-golden", default=False):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        golden = path.read_text(encoding="utf-8") if path.exists() else ""
        assert text == golden, f"{path} has another text. If it should: pytest --update-golden, and read the diff."

    # Generated cases

    def test_generated_cases_agree_with_the_oracle(
        self, tmp_path: Path, record_property: Callable[[str, object], None]
    ) -> None:
        """Or are refused at plan; how many of them were is a property of the test in reports."""
        for what, number in self.hunt(tmp_path, self.generated_cases, derandomize=True).items():
            record_property(f"generated cases {what}", number)

    def hunt(self, root: Path, count: int, *, derandomize: bool) -> Mapping[str, int]:
        """Compares ``count`` generated cases with the oracle; without ``derandomize`` other ones each time.

        Returns how many were run, refused at plan, and passed.
        """
        seen: Counter[str] = Counter()
        folders = (root / str(number) for number in itertools.count())

        @settings(
            max_examples=count,
            deadline=None,
            derandomize=derandomize,
            suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
        )
        @given(generated.cases(self._asked()))
        def agrees(case: generated.Case) -> None:
            folder = next(folders)
            folder.mkdir()
            seen["run"] += 1
            if self.refusal(case.features, case.tables):
                seen["refused"] += 1
            else:
                assert self._differences(folder, case) == []
                seen["passed"] += 1

        agrees()
        # Of steps only those that are declared are asked for; of a store that has all else nothing is refused.
        whole = replace(self.capabilities, steps=EVERYTHING.steps, engines=EVERYTHING.engines) == EVERYTHING
        limit = 0 if whole else seen["run"] * 4 // 5
        assert seen["refused"] <= limit, f"of {seen['run']} cases {seen['refused']} were refused"
        return seen

    def _asked(self) -> generated.Capabilities:
        everything, declared = generated.Capabilities(), self.capabilities
        return generated.Capabilities(
            aggregations=everything.aggregations & declared.aggregations,
            types=everything.types & declared.types,
            infinite_times=declared.infinite_times,
            steps=frozenset(kind for kind, needed in KINDS.items() if needed <= declared.steps),
        )

    def _differences(self, root: Path, case: generated.Case) -> list[str]:
        """Where the store's result differs from the oracle's; an overflow must be an overflow in both."""
        arguments = (root, case.features, case.spine, case.tables, case.schemas, case.time)
        try:
            expected = values_at(case.features, case.spine, case.tables, time=case.time, steps=case.steps)
        except NumberOverflowError:
            with pytest.raises(NumberOverflowError):
                self.values(*arguments)
            return []
        found = self.values(*arguments)
        return agree(expected, found, case.features, case.tables, time=case.time, steps=case.steps)

    # Sources

    def test_columns_are_probed_with_their_types(self, store: OfflineStore, tmp_path: Path) -> None:
        """Those of each declared type."""
        declared = [one for one, _ in HOSTILE if _is_declared(one, self.capabilities)]
        schema = {f"c{number}": data_type for number, data_type in enumerate(declared)}
        probe = store.probe("all", self.load(tmp_path, "all", [], schema))
        assert dict(probe.columns) == schema
        assert dict(probe.left_out) == {}

    def test_columns_of_any_name_are_read(self, store: OfflineStore, tmp_path: Path) -> None:
        """Quotes, key words and other alphabets."""
        for odd in ('quo"te', "sp ace", "größe", "select", "a.b", "semi;colon", "'", "-- no"):
            schema = {**SCHEMA, odd: Int64}
            binding = self.load(tmp_path, "plain", [{**ORDERS[0], odd: 7}], schema)
            assert store.probe("plain", binding).columns[odd] == Int64
            assert self._one(store, fs.sum(odd), binding, schema) == [7]

    def test_a_table_that_is_not_there_is_missing(self, store: OfflineStore, tmp_path: Path) -> None:
        """The error names the source and its binding."""
        binding = _elsewhere(self.load(tmp_path, "plain", ORDERS, SCHEMA))
        for look in (store.probe, store.state):
            with pytest.raises(MissingTableError) as caught:
                look("plain", binding)
            assert "plain" in (caught.value.where or "")
        with pytest.raises(MissingTableError):
            self._one(store, fs.count(), binding, SCHEMA)

    def test_the_state_of_a_source_changes_with_its_content(self, tmp_path: Path) -> None:
        """With a value, with a row; not by looking."""
        digests = []
        for rows in (ORDERS, [*ORDERS[1:], {**ORDERS[0], "n": 11}], [*ORDERS, ORDERS[0]], []):
            binding = self.load(tmp_path, "plain", rows, SCHEMA)
            store = self.open(tmp_path)
            state = store.state("plain", binding)
            assert state.rows == len(rows)
            assert store.state("plain", binding) == state
            digests.append(state.digest)
            store.close()
        assert len(set(digests)) == len(digests)

    # Values

    @pytest.mark.parametrize(("data_type", "values"), HOSTILE, ids=[str(data_type) for data_type, _ in HOSTILE])
    def test_every_value_of_a_declared_type_survives(
        self, store: OfflineStore, tmp_path: Path, data_type: DataType, values: Sequence[object]
    ) -> None:
        """And an undeclared type is refused."""
        schema = {**SCHEMA, "odd": data_type}
        rows = [{**ORDERS[0], "customer_id": number, "odd": value} for number, value in enumerate(values)]
        selected = _select(fs.last("odd"), schema)
        if not _is_declared(data_type, self.capabilities):
            with pytest.raises(NotSupportedError, match=r"Seen\.value@v1 needs values of the type"):
                refuse_selected(selected, self.capabilities, "this store")
            return
        spine = [{"customer_id": number, "t": instant(24)} for number in range(len(values))]
        found = computed(selected, spine, store, {"plain": self.load(tmp_path, "plain", rows, schema)}, time="t")
        wrong = [(want, got["value"]) for want, got in zip(values, found, strict=True) if not same(want, got["value"])]
        assert wrong == []

    def test_no_zone_of_the_machine_changes_a_value(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither that of rows nor that of a spine."""
        rows = [{**ORDERS[0], "at": instant(23.5)}, {**ORDERS[1], "customer_id": 1, "at": instant(24.5)}]
        spine = [{"customer_id": 1, "t": instant(hours)} for hours in (23, 24, 25)]
        selected = _select(fs.count(), SCHEMA)
        try:
            for zone in ("America/New_York", "Asia/Kathmandu"):
                monkeypatch.setenv("TZ", zone)
                time.tzset()
                found = self.values(tmp_path, selected, spine, {"plain": rows}, {"plain": SCHEMA}, "t")
                assert [one["value"] for one in found] == [0, 1, 2]
        finally:
            monkeypatch.undo()
            time.tzset()

    def test_rows_are_streamed_in_the_order_of_the_spine(self, store: OfflineStore, tmp_path: Path) -> None:
        """In several batches."""
        binding = self.load(tmp_path, "plain", ORDERS[:1], SCHEMA)
        sizes, found = [], []
        for batch in _run(store, fs.sum("n"), binding, 150_000):
            sizes.append(batch.num_rows)
            found += batch.column(0).to_pylist()
        assert len(sizes) > 1
        assert found == list(range(150_000))

    def test_two_results_are_read_in_turns(self, store: OfflineStore, tmp_path: Path) -> None:
        """Each from tables of its own."""
        one = self.load(tmp_path, "one", ORDERS[:1], SCHEMA)
        other = self.load(tmp_path, "other", [{**ORDERS[0], "n": 11}], SCHEMA)
        readers = [_run(store, fs.sum("n"), binding, 100_000) for binding in (one, other)]
        turns = list(zip(*readers, strict=True))
        assert {value for left, _ in turns for value in left.column(1).to_pylist()} == {10}
        assert {value for _, right in turns for value in right.column(1).to_pylist()} == {11}

    # Boundaries

    def test_a_boundary_has_every_live_entity_with_its_values(self, store: OfflineStore, tmp_path: Path) -> None:
        """Those of `values_at` at the time when the boundary is due."""
        binding = self.load(tmp_path, "keyed", ORDERS, SCHEMA)
        selected = [one for one in _stored() if one.column != "city"]
        for boundary in BOUNDARIES:
            spine = [{"customer_id": one, "t": instant((boundary + HOUR // 10) / HOUR)} for one in range(1, 6)]
            found = _boundary_rows(store, binding, boundary, None)
            empty = {"total@v1": None, "recent@v1": 0, "before@v1": None}
            for one in values_at(selected, spine, {"keyed": ORDERS}, time="t"):
                kept = found.get(int(str(one["customer_id"])), empty)
                assert {name: kept[f"{name}@v1"] for name in ("total", "recent", "before")} == {
                    name: one[name] for name in ("total", "recent", "before")
                }

    def test_an_entity_whose_rows_have_gone_or_moved_stays_live(self, store: OfflineStore, tmp_path: Path) -> None:
        """It has the empty values."""
        found = _boundary_rows(store, self.load(tmp_path, "keyed", ORDERS, SCHEMA), 5 * HOUR, None)
        assert sorted(found) == [1, 2, 3, 5]
        assert found[5] == found[2]
        assert found[2] == {"total@v1": None, "recent@v1": 0, "before@v1": None, "city@v1": None, "city@v1 event": None}
        assert found[3] == {"total@v1": 25, "recent@v1": 0, "before@v1": None, "city@v1": "c25", "city@v1 event": HOUR}

    def test_what_changed_since_an_earlier_boundary_makes_the_one_the_other(
        self, store: OfflineStore, tmp_path: Path
    ) -> None:
        """And what has not changed is left out."""
        binding = self.load(tmp_path, "keyed", ORDERS, SCHEMA)
        whole = {boundary: _boundary_rows(store, binding, boundary, None) for boundary in BOUNDARIES}
        for before, after in itertools.combinations(BOUNDARIES, 2):
            changed = _boundary_rows(store, binding, after, before)
            assert whole[before] | changed == whole[after]
            assert set(changed) <= set(whole[after])
        assert set(_boundary_rows(store, binding, 2 * HOUR, HOUR)) < {1, 2, 3, 4}
        assert 2 not in _boundary_rows(store, binding, 7 * HOUR, 5 * HOUR)

    def test_a_row_on_the_earlier_boundary_is_no_change_and_one_on_the_later_is(
        self, store: OfflineStore, tmp_path: Path
    ) -> None:
        """Of ``(b', b]`` the beginning is excluded and the end included."""
        rows = [order(1, 1, 10, 1.0, 1.0), order(2, 2, 20, 2.0, 2.0)]
        binding = self.load(tmp_path, "keyed", rows, SCHEMA)
        assert set(_boundary_rows(store, binding, 2 * HOUR, HOUR, fs.sum("n"))) == {2}
        assert set(_boundary_rows(store, binding, 3 * HOUR, 2 * HOUR, fs.sum("n"))) == set()
        assert set(_boundary_rows(store, binding, 2 * HOUR, HOUR, fs.sum("n", over="1h"))) == {1, 2}

    # Labels

    def test_label_rows_are_the_newest_versions_that_are_ripe_in_order(
        self, store: OfflineStore, tmp_path: Path
    ) -> None:
        """Corrections known by then count, deleted rows are gone; one without a time stays, so that it can be told."""
        rows = [
            order(1, 1, 10, 2.0, 2.0),
            order(1, 1, 11, 2.0, 9.0),
            order(2, 2, 20, 1.0, 1.0),
            order(2, 2, 21, 1.0, 11.0),
            order(3, 3, 30, 1.0, 1.0),
            order(3, 3, 30, 1.0, 10.0, gone=True),
            order(4, 4, 40, 9.0, 9.0),
            order(5, 5, 50, 9.0 + 1 / HOUR, 9.0),
            order(6, 6, 60, None, 3.0),
        ]
        query = compile_label(_label(SCHEMA, matures_after="1h"), 10 * HOUR)
        table = store.label_rows(query, {"keyed": self.load(tmp_path, "keyed", rows, SCHEMA)})
        found = [(row["id"], row["n"], row[Hidden.EVENT]) for row in table.to_pylist()]
        timed = [row for row in found if row[2] is not None]
        assert timed == [(2, 20, HOUR), (1, 11, 2 * HOUR), (4, 40, 9 * HOUR)]
        assert [row for row in found if row[2] is None] == [(6, 60, None)]

    # Errors

    def test_a_column_that_went_since_the_lock_is_named(self, store: OfflineStore, tmp_path: Path) -> None:
        """The lock says one more than there is."""
        binding = self.load(tmp_path, "plain", ORDERS, SCHEMA)
        with pytest.raises(MissingColumnError, match="vanished"):
            self._one(store, fs.sum("vanished"), binding, {**SCHEMA, "vanished": Int64})

    def test_text_where_the_lock_says_a_number_is_an_error(self, store: OfflineStore, tmp_path: Path) -> None:
        """Never a value."""
        binding = self.load(tmp_path, "plain", [{**ORDERS[0], "n": "many"}], {**SCHEMA, "n": String})
        with pytest.raises(FeaturestoreError):
            self._one(store, fs.sum("n"), binding, SCHEMA)

    def test_a_sum_that_overflows_names_feature_and_boundary_and_the_store_stays_usable(
        self, store: OfflineStore, tmp_path: Path
    ) -> None:
        """Only the exact final sum counts."""
        rows = [{**ORDERS[0], "n": n} for n in (2**63 - 1, 1)]
        with pytest.raises(NumberOverflowError, match=r"Seen\.value@v1 .* at the boundary \d{4}-\d\d-\d\d \d\d:00:00Z"):
            self._one(store, fs.sum("n"), self.load(tmp_path, "plain", rows, SCHEMA), SCHEMA)
        rows.append({**ORDERS[0], "n": -1})
        assert self._one(store, fs.sum("n"), self.load(tmp_path, "plain", rows, SCHEMA), SCHEMA) == [2**63 - 1]

    def test_a_closed_store_says_so(self, tmp_path: Path) -> None:
        """Closing twice is harmless."""
        binding = self.load(tmp_path, "plain", ORDERS, SCHEMA)
        store = self.open(tmp_path)
        store.close()
        store.close()
        for look in (store.probe, store.state):
            with pytest.raises(EngineError, match="closed"):
                look("plain", binding)
        with pytest.raises(EngineError, match="closed"):
            self._one(store, fs.count(), binding, SCHEMA)

    def test_an_interrupt_is_told_as_python_tells_it(self, store: OfflineStore, tmp_path: Path) -> None:
        """And the store can be used after it."""
        rows = [order(number, 1, number, 0.001 * (number % 999), 0.0) for number in range(3_000)]
        binding = self.load(tmp_path, "plain", rows, SCHEMA)
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        interrupt = threading.Timer(0.15, signal.raise_signal, [signal.SIGINT])
        interrupt.start()
        try:
            with pytest.raises(KeyboardInterrupt):
                # Each row of the spine has a boundary of its own, at which all rows count.
                list(_run(store, fs.sum("n"), binding, 50_000, apart=HOUR))
        finally:
            interrupt.cancel()
            signal.signal(signal.SIGINT, before)
        assert self._one(store, fs.count(), binding, SCHEMA) == [3_000]

    def _one(self, store: OfflineStore, value: fs.Value, binding: Binding, schema: Schema) -> list[object]:
        """A feature of customer 1, long after all rows."""
        spine = [{"customer_id": 1, "t": instant(48)}]
        found = computed(_select(value, schema), spine, store, {"plain": binding}, time="t")
        return [one["value"] for one in found]


for _name, _example in EXAMPLES.items():
    setattr(OfflineStoreSuite, _name, staticmethod(_example))


class _Refused(Exception):  # noqa: N818 - no error: plan refuses an example
    """Plan refuses what an example asks for."""


def _is_declared(data_type: DataType, capabilities: Capabilities) -> bool:
    parts = (data_type, *(one for one in data_type.parameters if isinstance(one, DataType)))
    return all(one.name in capabilities.types for one in parts)


def _select(value: fs.Value, schema: Schema) -> tuple[SelectedFeature, ...]:
    """A feature of the source ``plain``."""
    made: Any = features(entity=customer, source=plain, every="1h", version="v1")(type("Seen", (), {"value": value}))
    return tuple(define([made], {"plain": schema}, Settings()).select([made]))


def _run(store: OfflineStore, value: fs.Value, binding: Binding, rows: int, apart: int = 0) -> Any:
    """The batches of a feature of customer 1 for a spine of so many rows, so many microseconds apart."""
    pa = arrow()
    layout = layout_of(_select(value, SCHEMA))
    start = 48 * HOUR
    times = pa.array(range(start, start + apart * rows, apart) if apart else [start] * rows, pa.int64())
    keys = pa.array([1] * rows, pa.int64())
    numbers = pa.array(range(rows), pa.int64())
    spine = pa.table({Hidden.ROW: numbers, Hidden.TIME: times, "customer_id": keys})
    return store.run(compile_values(layout), spine, {"plain": binding})


def _label(schema: Schema, matures_after: str = "0s") -> ResolvedLabel:
    made = Label("churned", version="v1", source=keyed, column="n", entity=customer, matures_after=matures_after)
    found = define([made], {"keyed": schema}, Settings()).find("label:churned").resolved
    assert isinstance(found, ResolvedLabel)
    return found


def _elsewhere(binding: Binding) -> Binding:
    """A binding of the same kind to nothing."""
    if binding.query is not None:
        return Binding(query="SELECT * FROM nowhere_at_all")
    return Binding(f"nowhere_{binding.path}") if binding.path else Binding(table=f"{binding.table}_nowhere")


def _group_of(*values: fs.Value) -> Any:
    named = {f"v{number}": value for number, value in enumerate(values)} or {
        "total": fs.sum("n"),
        "recent": fs.count(over="2h"),
        "before": fs.sum("n", over="1h", ago="1h"),
        "city": fs.last("city", ttl="2h").fill_null("??"),
    }
    delay = "0s" if values else "6m"
    made: Any = features(entity=customer, source=keyed, every="1h", delay=delay, version="v1")(
        type("Stored", (), named)
    )
    return define([made], {"keyed": SCHEMA}, Settings()), made


def _stored() -> tuple[SelectedFeature, ...]:
    defined, made = _group_of()
    return tuple(defined.select([made]))


def _boundary_rows(
    store: OfflineStore, binding: Binding, boundary: int, since: int | None, *values: fs.Value
) -> dict[int, dict[str, Any]]:
    """Entity to its stored values, by attribute; of ``values``, or of four features with a delay of six minutes."""
    (group,) = _group_of(*values)[0].groups
    names = [name for name, _ in row_columns(group)]
    rows = store.boundary_rows(compile_boundary(group, boundary, since), {"keyed": binding}).read_all().to_pylist()
    assert len({row["customer_id"] for row in rows}) == len(rows), "an entity came twice"
    return {row["customer_id"]: {name.split(".")[-1]: row[name] for name in names} for row in rows}
