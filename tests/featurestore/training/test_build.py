import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as pq
import pytest

import featurestore as fs
from featurestore.errors import BuildError, EngineError, SpineError, UserCodeError
from featurestore.spi.stores import OfflineStore
from featurestore.training import build


def column(built: Any, name: str) -> list[Any]:
    values: list[Any] = built.to_arrow().column(name).to_pylist()
    return values


def test_rows_are_the_label_rows_in_the_order_of_their_times(shop: Any) -> None:
    built = shop.build(shop.training_set())
    assert column(built, "case_id") == [11, 12, 13, 14]
    assert built.record.rows == 4


def test_columns_are_the_label_rows_and_then_the_features(shop: Any) -> None:
    built = shop.build(shop.training_set(shop.spend, shop.Habits))
    assert built.to_arrow().column_names == [*shop.labels, "spend", "orders", "largest", "category", "weight"]


def test_an_order_that_was_loaded_after_the_label_is_not_seen(shop: Any) -> None:
    assert column(shop.build(shop.training_set()), "spend") == [30.0, 30.0, 30.0, None]
    shop.labels["asked"][1] = shop.day(21)
    shop.write("labels", shop.labels)
    assert column(shop.build(shop.training_set()), "spend") == [30.0, 30.0, None, 1030.0]


def test_a_label_that_became_known_after_as_of_is_not_there(shop: Any) -> None:
    built = shop.build(shop.training_set(), as_of=shop.day(30))
    assert column(built, "case_id") == [11, 12, 13]
    assert built.record.as_of == shop.day(30)


def test_a_corrected_label_row_counts_once_and_from_its_correction_on(shop: Any) -> None:
    more = {"case_id": 11, "customer_id": 1, "asked": shop.day(4), "known": shop.day(10), "basket": 3.0}
    shop.write("labels", {name: [*given, more.get(name, False)] for name, given in shop.labels.items()})
    before = shop.build(shop.training_set(), as_of=shop.day(9)).to_arrow().to_pylist()[0]
    after = shop.build(shop.training_set(), as_of=shop.day(10)).to_arrow().to_pylist()
    assert (before["customer_id"], before["churned"]) == (2, True)
    assert [row["case_id"] for row in after] == [11, 12, 13]
    assert (after[0]["customer_id"], after[0]["churned"]) == (1, False)


def test_rows_that_are_not_ripe_at_as_of_are_left_out(shop: Any) -> None:
    ripe = shop.training_set(matures_after="30d")
    assert column(shop.build(ripe, as_of=shop.day(35)), "case_id") == [11, 12]


def test_rows_without_a_label_stay(shop: Any) -> None:
    built = shop.build(shop.training_set())
    assert column(built, "churned") == [True, False, None, True]
    assert built.record.dropped == 0


def test_rows_without_a_label_are_dropped_on_demand_and_counted(shop: Any) -> None:
    built = shop.build(shop.training_set(drop=True))
    assert column(built, "case_id") == [11, 12, 14]
    assert (built.record.rows, built.record.dropped) == (3, 1)


def test_label_rows_without_a_time_are_an_error_that_counts_them(shop: Any) -> None:
    shop.labels["asked"][0] = shop.labels["asked"][2] = None
    shop.write("labels", shop.labels)
    with pytest.raises(SpineError, match=r"2 of the 4 label rows of churned@v1"):
        shop.build(shop.training_set())


def test_as_of_in_the_future_is_refused(shop: Any) -> None:
    with pytest.raises(BuildError, match="lies in the future"):
        shop.build(shop.training_set(), as_of=shop.day(61))


def test_a_source_without_a_binding_is_named(shop: Any) -> None:
    resolved = shop.resolved(shop.training_set())
    with pytest.raises(BuildError, match="the source 'orders'"):
        build(
            resolved,
            shop.store,
            {"labels": shop.bindings["labels"]},
            as_of=shop.built_at,
            provenance=shop.provenance,
            project="shop",
        )


def test_keys_are_taken_by_the_name_of_the_role(shop: Any) -> None:
    shop.write("labels", {**shop.labels, "friend_id": [1, 2, None, 1]})
    friend = shop.spend.on(customer_id="friend_id").named("friend_spend")
    built = shop.build(shop.training_set(shop.spend, friend))
    assert column(built, "spend") == [30.0, 30.0, 30.0, None]
    assert column(built, "friend_spend") == [30.0, 30.0, None, 30.0]


def test_a_key_that_the_source_names_otherwise_is_found_and_keeps_its_name(shop: Any) -> None:
    shop.write("labels", {("cust" if name == "customer_id" else name): given for name, given in shop.labels.items()})
    built = shop.build(shop.training_set(source=shop.label_source(keys={"customer_id": "cust"})))
    assert column(built, "spend") == [30.0, 30.0, 30.0, None]
    assert "customer_id" not in built.to_arrow().column_names
    assert built.record.spine["keys"] == {"customer_id": "cust"}


def test_derived_and_on_demand_features_take_the_values_of_their_row(shop: Any) -> None:
    built = shop.build(shop.training_set(shop.spend, shop.twice, shop.ratio))
    assert column(built, "twice") == [60.0, 60.0, 60.0, None]
    assert column(built, "ratio") == [0.1, 5.0 / 30.0, None, None]


def test_a_request_value_that_does_not_fit_its_type_is_an_error_that_names_it(shop: Any) -> None:
    shop.write("labels", {**shop.labels, "basket": [1, 2, 3, 2**53 + 1]})
    with pytest.raises(SpineError, match="'basket' of the spine holds a value that is no Float64"):
        shop.build(shop.training_set(shop.ratio))


def build_step(shop: Any, sql: str) -> Any:
    """A build whose label rows are those of a SQL step."""

    @fs.transformation(version="v1")
    def label_rows(labels: fs.Rows) -> str:
        return sql

    definitions = shop.define(shop.training_set(source=label_rows), shop.label_source())
    return build(
        definitions.find("training_set:churn").resolved,
        shop.store,
        shop.bindings,
        as_of=shop.built_at,
        provenance=shop.provenance,
        project="shop",
    )


def test_the_time_is_added_where_a_step_does_not_give_it(shop: Any) -> None:
    built = build_step(shop, "SELECT customer_id, churned FROM {labels}")
    assert built.to_arrow().column_names == ["customer_id", "churned", "event_time", "spend"]
    assert column(built, "event_time") == [shop.day(4), shop.day(5), shop.day(6), shop.day(7)]
    assert str(built.to_arrow().schema.field("event_time").type) == "timestamp[us, tz=UTC]"


def test_the_time_under_another_name_is_taken_as_it_is(shop: Any) -> None:
    built = build_step(shop, "SELECT customer_id, churned, asked AS event_time FROM {labels}")
    assert built.to_arrow().column_names == ["customer_id", "churned", "event_time", "spend"]


def test_a_step_that_shifts_the_time_under_its_name_is_refused(shop: Any) -> None:
    with pytest.raises(SpineError, match="'asked' of label_rows is not the event time"):
        build_step(shop, "SELECT customer_id, churned, known AS asked FROM {labels}")


def test_a_file_holds_what_memory_would(shop: Any, tmp_path: Path) -> None:
    wanted = shop.training_set(shop.spend, shop.Habits, shop.ratio)
    path = tmp_path / "builds" / "churn.parquet"
    held, written = shop.build(wanted), shop.build(wanted, path=path)
    assert written.to_arrow().equals(held.to_arrow())
    assert pq.read_table(path).equals(held.to_arrow())
    assert written.record.artifact == str(path)
    assert written.record.checksums == held.record.checksums
    assert written.record.statistics == held.record.statistics


def test_a_build_that_fails_leaves_no_file_and_keeps_the_old_one(shop: Any, tmp_path: Path) -> None:
    path = tmp_path / "builds" / "churn.parquet"
    with pytest.raises(UserCodeError, match="no spending"):
        shop.build(shop.training_set(shop.failing), path=path)
    assert list(path.parent.iterdir()) == []
    before = shop.build(shop.training_set(), path=path).to_arrow()
    with pytest.raises(UserCodeError):
        shop.build(shop.training_set(shop.failing), path=path)
    assert list(path.parent.iterdir()) == [path]
    assert pq.read_table(path).equals(before)


def test_a_training_set_without_rows_can_be_built(shop: Any, tmp_path: Path) -> None:
    built = shop.build(shop.training_set(shop.spend, shop.ratio), as_of=shop.day(1), path=tmp_path / "none.parquet")
    assert built.record.rows == built.to_arrow().num_rows == 0


def test_the_record_says_all_that_took_part(shop: Any) -> None:
    record = shop.build(shop.training_set(shop.spend, shop.twice, shop.ratio)).record
    assert (record.training_set, record.label, record.service) == (
        "training_set:churn@v1",
        "label:churned@v1",
        "service:checkout@v1",
    )
    assert (record.project, record.who, record.git_commit, record.status) == (
        "shop",
        "ann",
        "c0ffee00c0ffee",
        "complete",
    )
    assert record.at == shop.built_at
    assert record.bindings == {"labels": {"path": "labels.parquet"}, "orders": {"path": "orders.parquet"}}
    assert {name: state["rows"] for name, state in record.source_states.items()} == {"labels": 4, "orders": 4}
    assert list(record.statistics) == list(record.checksums) == [*shop.labels, "spend", "twice", "ratio"]
    json.dumps([record.statistics, record.checksums, record.spine, record.source_states], allow_nan=False)


def test_the_recorded_fingerprints_are_those_of_the_definitions(shop: Any) -> None:
    wanted = shop.training_set(shop.spend, shop.twice, shop.ratio)
    recorded = shop.build(wanted).record.fingerprints
    expected = {one.id: one.fingerprint.logic for one in shop.define(wanted) if one.kind != "entity"}
    assert recorded == expected


class Wrapped:
    """A store whose answers to `run` pass through ``change``; all else is the store's own."""

    def __init__(self, store: Any, change: Callable[[Any], Any]) -> None:
        self._store, self._change = store, change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def run(self, *arguments: Any) -> Any:
        return self._change(self._store.run(*arguments))


def test_a_source_that_moves_during_the_build_is_noted(shop: Any) -> None:
    def moving(batches: Any) -> Any:
        shop.write("orders", {**shop.orders, "amount": [0.0, 0.0, 0.0, 0.0]})
        return batches

    built = dataclasses.replace(shop, store=Wrapped(shop.store, moving)).build(shop.training_set())
    states = built.record.source_states
    assert states["orders"]["after"]["digest"] != states["orders"]["digest"]
    assert "after" not in states["labels"]
    assert "moved during the build" in built._repr_html_()


def test_a_source_that_vanishes_during_the_build_is_noted(shop: Any) -> None:
    def vanishing(batches: Any) -> Any:
        table = batches.read_all()
        (shop.root / "orders.parquet").unlink()
        return table.to_batches()

    resolved, bindings = shop.resolved(shop.training_set()), shop.bindings
    built = build(
        resolved,
        cast("OfflineStore", Wrapped(shop.store, vanishing)),
        bindings,
        as_of=shop.built_at,
        provenance=shop.provenance,
        project="shop",
    )
    states = cast("dict[str, Any]", built.record.source_states)
    assert "unreadable" in states["orders"]["after"]


def test_an_engine_that_loses_a_row_is_found_out_and_nothing_is_written(shop: Any, tmp_path: Path) -> None:
    def losing(batches: Any) -> Any:
        return (batch.slice(0, batch.num_rows - 1) for batch in batches)

    path = tmp_path / "lost.parquet"
    with pytest.raises(EngineError, match="3 rows for a spine of 4"):
        dataclasses.replace(shop, store=Wrapped(shop.store, losing)).build(shop.training_set(), path=path)
    assert not path.exists()


def test_values_of_keys_text_and_tagged_columns_are_in_no_statistics(shop: Any) -> None:
    statistics = shop.build(shop.training_set(shop.Habits)).record.statistics
    for name in ("case_id", "customer_id", "weight"):
        assert set(statistics[name]) == {"count", "nulls", "distinct"}
    assert set(statistics["category"]) == {"count", "nulls", "distinct", "length"}
    assert statistics["largest"]["max"] == 30.0
    assert statistics["churned"]["mean"] == pytest.approx(2 / 3)


def test_the_page_shows_the_build_and_escapes_what_it_shows(shop: Any) -> None:
    shop.write("labels", {**shop.labels, "<script>": [1, 2, 3, 4]})
    page = shop.build(shop.training_set())._repr_html_()
    assert "churn@v1" in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page


def test_frames_of_all_kinds_hold_the_rows(shop: Any, tmp_path: Path) -> None:
    built = shop.build(shop.training_set(), path=tmp_path / "a.parquet")
    assert list(built.to_pandas()["case_id"]) == [11, 12, 13, 14]
    assert built.to_polars()["case_id"].to_list() == [11, 12, 13, 14]
    built.to_parquet(tmp_path / "b.parquet")
    assert pq.read_table(tmp_path / "b.parquet").equals(built.to_arrow())
    (tmp_path / "a.parquet").unlink()
    with pytest.raises(BuildError, match="no longer at"):
        built.to_arrow()
