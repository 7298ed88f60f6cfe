"""A run, over a real warehouse, a real registry and a real online store."""

import random
import resource
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from featurestore.compiler.stored import row_columns
from featurestore.errors import (
    ComputeError,
    LeaseHeldError,
    LeaseLostError,
    MaterializationError,
    MissingTableError,
    NotVerifiedError,
    ResultRefusedError,
    StoreUnavailableError,
    UnreadableDataError,
)
from featurestore.materialize import group_fingerprint, materialize
from featurestore.registry import Progress
from featurestore.registry.mutable import leases
from featurestore.spi.codec import Marker, Row, RowCodec, encode_key, encode_row, group_prefix, rows_checksum

if TYPE_CHECKING:
    from tests.featurestore.materialize.conftest import Shop

Fresh = Callable[..., "Shop"]


def key(customer_id: int) -> bytes:
    return bytes([0x91, customer_id])  # MessagePack: a list of one small integer


def staged(shop: "Shop") -> list[str]:
    return sorted(path.name for path in (shop.root / "staged").rglob("*.parquet"))


def at_phase(phase: str, act: Callable[[], object], done: int = 0) -> Callable[[Progress], None]:
    """Does something when a run comes to a phase."""

    def report(progress: Progress) -> None:
        if progress.phase == phase and progress.done >= done:
            act()

    return report


def stop() -> None:
    raise KeyboardInterrupt


# --- what a run leaves --------------------------------------------------------------------------------------------


def test_the_first_run_stores_every_live_entity_and_says_so_in_marker_and_ledger(shop: "Shop") -> None:
    result = shop.run(2)
    assert (result.outcome, result.mode, result.rows, result.changed) == ("published", "full", 3, 3)
    happened = [shop.at(1.5), None, shop.at(0.7)]
    assert shop.rows() == {
        key(1): (2.0, "Oslo", happened[0], 2, 3.0),
        key(2): (2.0, None, None, 0, None),  # order 3 has moved to customer 4, and order 4 is not known yet
        key(4): (2.0, "Rome", happened[2], 1, 3.0),
    }
    marker = shop.marker
    assert marker is not None
    assert (marker.boundary, marker.rows, marker.fingerprint) == (shop.at(2), 3, group_fingerprint(shop.group))
    assert marker.checksum == rows_checksum(shop.online.scan(shop.key))
    (entry,) = shop.writer.reader.ledger("shop")
    assert (entry.kind, entry.boundary, entry.token, entry.rows, entry.changed) == ("published", shop.at(2), 1, 3, 3)
    assert (entry.checksum, entry.mode, entry.run_id, entry.who) == (marker.checksum, "full", "r_1", "ann")
    assert entry.bindings == {"orders": {"path": "orders.parquet"}}
    assert (staged(shop), leases(shop.writer.reader, "shop")) == ([], ())


def test_a_second_run_changes_nothing_and_asks_the_warehouse_nothing(shop: "Shop") -> None:
    shop.run(2)
    before = (shop.rows(), shop.marker, shop.writer.reader.ledger("shop"), shop.writer.reader.audit())
    (shop.root / "orders.parquet").unlink()
    result = shop.run(2, "r_2")
    assert (result.outcome, result.rows, result.run_id) == ("current", 3, "r_2")
    assert (shop.rows(), shop.marker, shop.writer.reader.ledger("shop"), shop.writer.reader.audit()) == before


def test_a_later_run_writes_the_entities_that_changed_and_leaves_the_others(shop: "Shop") -> None:
    shop.run(2)
    result = shop.run(3)
    assert (result.mode, result.rows, result.changed) == ("changed", 4, 2)
    assert {name: row[0] for name, row in shop.rows().items()} == {key(1): 2.0, key(2): 3.0, key(3): 3.0, key(4): 2.0}


@pytest.mark.parametrize("hours", [(1, 2, 3, 4, 5, 6, 9), (1, 4, 9), (2, 3, 9), (1, 9)])
def test_step_by_step_and_at_once_lead_to_the_same_values_and_the_same_checksum(
    fresh: Fresh, hours: tuple[int, ...]
) -> None:
    stepwise, whole = fresh(), fresh()
    for number in hours:
        stepwise.run(number)
    whole.run(hours[-1])
    assert stepwise.values() == whole.values()
    assert stepwise.marker is not None
    assert whole.marker is not None
    assert (stepwise.marker.rows, stepwise.marker.checksum) == (whole.marker.rows, whole.marker.checksum)


def test_an_older_boundary_after_a_newer_one_changes_nothing(shop: "Shop") -> None:
    shop.run(4)
    before = shop.rows(), shop.marker, shop.kinds()
    assert shop.run(2).outcome == "current"
    assert (shop.rows(), shop.marker, shop.kinds()) == before


def test_boundaries_that_were_passed_over_are_recorded_once(shop: "Shop") -> None:
    shop.run(1)
    assert shop.run(2).skipped == 0
    assert shop.run(6, "r_6").skipped == 3
    assert shop.kinds() == [("published", 1), ("published", 2), ("skipped", 5), ("published", 6)]
    entry = shop.writer.reader.ledger("shop", run_id="r_6")[1]
    assert entry.message == "3 boundaries were passed over, the first 2024-05-01 03:00:00 UTC"


def test_a_boundary_before_its_delay_has_passed_is_refused(shop: "Shop") -> None:
    shop.now = shop.hour(3) + timedelta(minutes=10) - timedelta(microseconds=1)
    with pytest.raises(MaterializationError, match="is not due before 2024-05-01 03:10:00 UTC"):
        shop.run(3)
    assert shop.kinds() == []
    shop.now += timedelta(microseconds=1)
    assert shop.run(3).outcome == "published"


def test_progress_tells_of_every_phase_and_of_the_rows(shop: "Shop") -> None:
    seen: list[tuple[str, int, int | None]] = []
    shop.run(3, progress=lambda one: seen.append((one.phase, one.done, one.total)))
    phases = list(dict.fromkeys(phase for phase, _, _ in seen))
    assert phases == ["lease", "compute", "stage", "check", "write", "empty", "verify", "publish", "record", "done"]
    assert ("write", 4, 4) in seen
    assert ("stage", 4, None) in seen


def test_many_rows_are_written_in_parts(fresh: Fresh) -> None:
    like = fresh().order
    shop = fresh([like(number, number, 1) for number in range(25_000)])
    seen: list[int] = []
    result = shop.run(2, progress=lambda one: seen.append(one.done) if one.phase == "write" else None)
    assert seen == [0, 10_000, 20_000, 25_000]
    assert (result.rows, shop.online.count(shop.key)) == (25_000, 25_000)


# --- entities that are gone ---------------------------------------------------------------------------------------


def test_a_whole_computation_empties_entities_that_the_source_has_lost(shop: "Shop") -> None:
    shop.run(2)
    shop.write([row for row in shop.orders if row["customer_id"] != 1])
    assert shop.run(2).outcome == "current"
    result = shop.run(2, rebuild=True)
    assert (result.mode, result.rows, result.changed, result.emptied) == ("rebuild", 3, 3, 1)
    assert shop.rows()[key(1)] == (2.0, None, None, 0, None)
    assert shop.kinds() == [("published", 2), ("published", 2)]


def test_moved_and_deleted_rows_make_their_entities_empty(shop: "Shop") -> None:
    shop.run(1)
    assert shop.values()[key(2)] == ("Rome", shop.at(0.7), 1, 3.0)
    shop.run(2)
    assert shop.values()[key(2)] == (None, None, 0, None)
    shop.run(3)
    assert shop.values()[key(3)] == ("Rome", shop.at(2.5), 1, 5.0)
    shop.run(4)
    assert shop.values()[key(3)] == (None, None, 0, None)


def test_a_store_that_was_emptied_is_filled_again(shop: "Shop") -> None:
    shop.run(2)
    shop.run(4)
    before = shop.values()
    shop.close()
    for file in (shop.root / "scratch").glob("online.db*"):
        file.unlink()
    shop.__post_init__()
    result = shop.run(4)
    assert (result.outcome, result.mode) == ("published", "full")
    assert shop.values() == before


def test_what_is_published_of_another_fingerprint_is_computed_anew(shop: "Shop") -> None:
    shop.run(2)
    marker = shop.marker
    assert marker is not None
    assert shop.online.publish(shop.key, Marker(shop.at(2), 1, "0" * 64, 1, "0", 0), expected=marker)
    assert shop.run(2).mode == "full"
    assert shop.marker is not None
    assert shop.marker.fingerprint == group_fingerprint(shop.group)


# --- rebuilding ---------------------------------------------------------------------------------------------------


def test_rebuilding_writes_all_rows_at_the_published_boundary(shop: "Shop") -> None:
    shop.run(2)
    shop.write([{**row, "amount": 100.0} for row in shop.orders])
    shop.run(2, rebuild=True)
    assert shop.values()[key(1)] == ("Oslo", shop.at(1.5), 2, 200.0)


def test_rebuilding_at_an_older_boundary_than_the_published_one_is_refused(shop: "Shop") -> None:
    shop.run(4)
    before = shop.rows()
    with pytest.raises(MaterializationError, match="published at 2024-05-01 04:00:00 UTC already"):
        shop.run(2, rebuild=True)
    assert shop.rows() == before


def test_a_registry_that_did_not_publish_the_group_cannot_rebuild_it(shop: "Shop") -> None:
    for number in (1, 2, 3):
        shop.run(number)
    shop.close()
    for file in shop.root.glob("registry.db*"):
        file.unlink()
    shop.__post_init__()
    with pytest.raises(MaterializationError, match="it is not the registry that it was published with"):
        shop.run(3, rebuild=True)
    assert shop.run(4).outcome == "published"


# --- failures -----------------------------------------------------------------------------------------------------


def test_a_failure_is_in_the_ledger_gives_the_lease_back_and_does_not_stand_in_the_way(shop: "Shop") -> None:
    (shop.root / "orders.parquet").rename(shop.root / "away")
    with pytest.raises(MissingTableError):
        shop.run(2)
    (entry,) = shop.writer.reader.ledger("shop")
    assert (entry.kind, entry.boundary, entry.token) == ("failed", shop.at(2), 1)
    assert (entry.message or "").startswith("MissingTableError: ")
    assert leases(shop.writer.reader, "shop") == ()
    (shop.root / "away").rename(shop.root / "orders.parquet")
    assert shop.run(2, "r_2").outcome == "published"
    assert [entry.kind for entry in shop.writer.reader.runs("shop")] == ["published", "failed"]


@pytest.mark.parametrize("phase", ["compute", "write", "verify", "publish", "record"])
def test_an_interrupted_run_gives_its_lease_back_and_can_be_run_again(fresh: Fresh, phase: str) -> None:
    shop, undisturbed = fresh(), fresh()
    undisturbed.run(2)
    with pytest.raises(KeyboardInterrupt):
        shop.run(2, progress=at_phase(phase, stop))
    assert shop.writer.reader.ledger("shop")[0].message == "interrupted"
    assert leases(shop.writer.reader, "shop") == ()
    shop.run(2)
    assert shop.rows() == undisturbed.rows()


@pytest.mark.parametrize(
    ("customers", "reason"), [([1, 2, 1], "1 rows whose entity has another one"), ([1, None], "a null in customer_id")]
)
def test_a_result_without_one_row_per_entity_is_refused_and_not_kept(
    shop: "Shop", customers: list[int | None], reason: str
) -> None:
    with pytest.raises(ResultRefusedError, match=reason):
        shop.run(2, stores=shop.with_offline(shop.prepared({"customer_id": customers})))
    assert (shop.rows(), shop.marker, staged(shop)) == ({}, None, [])
    assert shop.run(2).outcome == "published"


def test_a_value_of_another_type_is_an_error_that_names_the_column(shop: "Shop") -> None:
    offline = shop.prepared({"customer_id": [1]})
    offline.batches = [offline.batches[0].set_column(1, "city", [["Rome"]])]
    with pytest.raises(ComputeError, match=r"'Habits.city@v1' holds a list"):
        shop.run(2, stores=shop.with_offline(offline))


def test_a_result_that_cannot_be_staged_is_an_error_and_nothing_is_written(shop: "Shop") -> None:
    """The limit on the size of files stands for a disk that is full."""
    chance = random.Random(1)  # noqa: S311 - no secret
    cities = [chance.randbytes(20_000).hex() for _ in range(100)]
    offline = shop.prepared({"customer_id": list(range(100)), "Habits.city@v1": cities})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(MaterializationError, match="cannot be staged: File too large"):
            shop.run(2, stores=shop.with_offline(offline))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list((shop.root / "staged").rglob("*.*")) == []
    assert (shop.rows(), shop.marker, shop.kinds()) == ({}, None, [("failed", 2)])
    assert shop.run(2, stores=shop.with_offline(offline)).rows == 100


def test_a_retry_takes_the_staged_result_and_pays_for_no_second_query(shop: "Shop") -> None:
    offline = shop.prepared({"customer_id": [1, 2]})
    with pytest.raises(KeyboardInterrupt):
        shop.run(2, stores=shop.with_offline(offline), progress=at_phase("write", stop))
    assert staged(shop) == [f"{shop.at(2)}-full.parquet"]
    assert shop.run(2, "r_2", stores=shop.with_offline(offline)).rows == 2
    assert len(offline.asked) == 1
    assert staged(shop) == []


def test_a_staged_result_is_not_taken_for_another_boundary_or_for_a_rebuild(shop: "Shop") -> None:
    offline = shop.prepared({"customer_id": [1, 2]})
    stores = shop.with_offline(offline)
    for number, rebuild in ((2, False), (3, False), (3, True), (3, True)):
        with pytest.raises(KeyboardInterrupt):
            shop.run(
                number, f"r_{len(offline.asked)}", rebuild=rebuild, stores=stores, progress=at_phase("write", stop)
            )
    assert len(offline.asked) == 4


def test_a_rebuild_that_is_retried_under_its_own_id_takes_what_it_has_staged(shop: "Shop") -> None:
    offline = shop.prepared({"customer_id": [1, 2]})
    stores = shop.with_offline(offline)
    with pytest.raises(KeyboardInterrupt):
        shop.run(2, rebuild=True, stores=stores, progress=at_phase("write", stop))
    shop.run(2, rebuild=True, stores=stores)
    assert len(offline.asked) == 1


def test_a_staged_result_of_another_place_of_the_source_is_not_taken(shop: "Shop") -> None:
    with pytest.raises(KeyboardInterrupt):
        shop.run(2, progress=at_phase("write", stop))
    (shop.root / "orders.parquet").rename(shop.root / "moved.parquet")
    binding = replace(shop.stores.bindings["orders"], path="moved.parquet")
    offline = shop.prepared({"customer_id": [7]})
    shop.run(2, stores=replace(shop.with_offline(offline), bindings={"orders": binding}))
    assert len(offline.asked) == 1


def test_a_damaged_staged_result_is_computed_anew(shop: "Shop") -> None:
    with pytest.raises(KeyboardInterrupt):
        shop.run(2, progress=at_phase("write", stop))
    (file,) = (shop.root / "staged").rglob("*.parquet")
    file.write_bytes(file.read_bytes()[:-20])
    assert shop.run(2).rows == 3


def test_a_staged_result_that_is_damaged_within_is_removed_and_the_next_run_goes_on(fresh: Fresh) -> None:
    shop = fresh()
    with pytest.raises(KeyboardInterrupt):
        shop.run(2, progress=at_phase("write", stop))
    (file,) = (shop.root / "staged").rglob("*.parquet")
    start = pq.read_metadata(file).row_group(0).column(1).data_page_offset
    data = bytearray(file.read_bytes())
    data[start : start + 12] = b"\xff" * 12
    file.write_bytes(data)
    with pytest.raises(UnreadableDataError, match="staged result"):
        shop.run(2)
    assert staged(shop) == []
    assert shop.run(2).rows == 3


def test_a_locked_store_is_an_error_and_the_next_run_goes_on(shop: "Shop") -> None:
    shop.reopen_online(busy_seconds=0.05)
    other = sqlite3.connect(shop.root / "scratch" / "online.db", isolation_level=None)
    with pytest.raises(StoreUnavailableError, match="locked"):
        shop.run(2, progress=at_phase("write", lambda: other.execute("BEGIN IMMEDIATE")))
    other.close()
    assert (shop.marker, shop.kinds()) == (None, [("failed", 2)])
    assert shop.run(2).rows == 3


def test_rows_that_the_store_has_lost_are_noticed_before_anything_is_published(shop: "Shop") -> None:
    def lose() -> None:
        other = sqlite3.connect(shop.root / "scratch" / "online.db", isolation_level=None)
        other.execute("DELETE FROM rows WHERE key = ?", (key(1),))
        other.close()

    with pytest.raises(NotVerifiedError, match="3 rows were written, and the store holds 2 of them"):
        shop.run(2, progress=at_phase("verify", lose))
    assert shop.marker is None
    assert shop.run(2).rows == 3


def test_a_row_that_the_store_has_changed_is_noticed(shop: "Shop") -> None:
    def change() -> None:
        other = sqlite3.connect(shop.root / "scratch" / "online.db", isolation_level=None)
        other.execute(
            "UPDATE rows SET row = CAST(substr(row, 1, length(row) - 1) || x'c0' AS BLOB) WHERE key = ?", (key(1),)
        )
        other.close()

    with pytest.raises(NotVerifiedError, match="and their values differ"):
        shop.run(2, progress=at_phase("verify", change))


def test_rows_that_a_killed_run_left_at_a_later_boundary_stay_and_are_no_failure(shop: "Shop") -> None:
    codec = RowCodec(row_columns(shop.group))
    left = Row(shop.at(4), 1, group_prefix(shop.group.id), ("Rome", shop.at(3), 9, 9.0))
    shop.online.put_many(shop.key, [(key(1), encode_row(left, codec)), (key(99), encode_row(left, codec))])
    shop.online.put_many(shop.key, [(key(98), encode_row(Row(shop.at(1), 1, left.group, left.values), codec))])
    result = shop.run(2)
    assert (result.rows, result.emptied) == (5, 1)
    assert shop.rows()[key(1)] == (4.0, "Rome", shop.at(3), 9, 9.0)
    assert shop.rows()[key(98)] == (2.0, None, None, 0, None)
    shop.run(4)
    assert shop.rows()[key(1)][0] == 4.0


# --- leases -------------------------------------------------------------------------------------------------------


def test_while_a_run_is_at_work_another_one_fails_at_once_and_leaves_no_trace(shop: "Shop") -> None:
    failures: list[LeaseHeldError] = []

    def run_too() -> None:
        with pytest.raises(LeaseHeldError) as caught:
            shop.run(2, "r_2")
        failures.append(caught.value)

    shop.run(2, progress=at_phase("compute", run_too))
    assert "ann on here (run r_1) holds the lease" in failures[0].message
    assert shop.kinds() == [("published", 2)]


def test_a_run_that_loses_its_lease_publishes_nothing(shop: "Shop") -> None:
    def take_over() -> None:
        shop.leases.acquire("shop", shop.group.id, "bob", timedelta(seconds=60), shop.now + timedelta(hours=1))

    with pytest.raises(LeaseLostError, match="bob has it"):
        shop.run(2, progress=at_phase("verify", take_over, done=1))
    assert (shop.marker, shop.kinds()) == (None, [("failed", 2)])
    assert [lease.owner for lease in leases(shop.writer.reader, "shop")] == ["bob"]


def test_a_run_that_was_overtaken_cannot_replace_what_the_other_one_has_published(shop: "Shop") -> None:
    def overtake() -> None:
        present, shop.now = shop.now, shop.now + timedelta(hours=1)
        shop.run(3, "r_2")
        shop.now = present

    with pytest.raises(LeaseLostError):
        shop.run(2, progress=at_phase("publish", overtake))
    assert shop.marker is not None
    assert shop.marker.order == (shop.at(3), 2)
    assert shop.kinds() == [("published", 3), ("failed", 2)]


def test_a_lease_is_kept_while_the_run_takes_longer_than_it_lasts(shop: "Shop") -> None:
    def wait() -> None:
        time.sleep(1.0)
        with pytest.raises(LeaseHeldError):
            shop.leases.acquire("shop", shop.group.id, "bob", timedelta(seconds=60), datetime.now(UTC))

    materialize(
        shop.group,
        shop.at(2),
        stores=shop.stores,
        records=shop.records,
        caller=shop.caller(),
        clock=lambda: datetime.now(UTC),
        progress=at_phase("compute", wait),
        lease_ttl=timedelta(seconds=0.6),
    )
    assert shop.marker is not None


# --- the ledger ---------------------------------------------------------------------------------------------------


def test_a_publication_that_was_not_recorded_is_recorded_by_the_next_run(shop: "Shop") -> None:
    shop.run(1)
    with pytest.raises(KeyboardInterrupt):
        shop.run(4, "r_2", progress=at_phase("record", stop))
    before = shop.rows(), shop.marker
    assert shop.kinds() == [("published", 1), ("failed", 4)]
    result = shop.run(4, "r_3")
    assert (result.outcome, result.completed, result.skipped) == ("current", True, 2)
    assert shop.kinds() == [("published", 1), ("failed", 4), ("skipped", 3), ("published", 4)]
    entry = shop.writer.reader.published("shop", shop.group.id)
    assert entry is not None
    assert (entry.token, entry.rows) == (2, 4)
    assert (shop.rows(), shop.marker) == before
    assert shop.run(4).completed is False


def test_a_key_is_what_the_read_path_makes_of_it(shop: "Shop") -> None:
    shop.run(2)
    types = list(shop.group.entity.keys.values())
    assert set(shop.rows()) == {encode_key([number], types) for number in (1, 2, 4)}
