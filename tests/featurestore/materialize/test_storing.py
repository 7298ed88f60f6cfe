"""What a run proves of the store, and what it costs."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from featurestore.compiler.stored import row_columns
from featurestore.errors import NotVerifiedError
from featurestore.materialize import RunResult
from featurestore.registry import Progress
from featurestore.spi.codec import Row, RowCodec, encode_row, group_prefix, rows_checksum
from featurestore.spi.online import Found, GroupKey

if TYPE_CHECKING:
    from tests.featurestore.materialize.conftest import Shop


@dataclass
class Watched:
    """A store that is asked through this, which remembers how many rows came back, and may lose what is put."""

    store: Any
    losing: Callable[[bytes], bool] = lambda _: False
    scanned: int = 0
    read: list[bytes] = field(default_factory=list)

    def scan(self, group: GroupKey) -> Any:
        for pair in self.store.scan(group):
            self.scanned += 1
            yield pair

    def get_many(self, wanted: Mapping[GroupKey, Sequence[bytes]]) -> Mapping[GroupKey, Found]:
        self.read += [key for keys in wanted.values() for key in keys]
        found: Mapping[GroupKey, Found] = self.store.get_many(wanted)
        return found

    def put_many(self, group: GroupKey, rows: Any) -> int:
        stored: int = self.store.put_many(group, [pair for pair in rows if not self.losing(pair[0])])
        return stored

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


def key(customer_id: int) -> bytes:
    return bytes([0x91, customer_id])


def run(shop: "Shop", number: float, store: Watched, **options: Any) -> RunResult:
    return shop.run(number, stores=replace(shop.stores, online=store), **options)


def statement(shop: "Shop", text: str, *values: object) -> None:
    """Done behind the store's back."""
    other = sqlite3.connect(shop.root / "scratch" / "online.db", isolation_level=None)
    other.execute(text, values)
    other.close()


def holds_what_its_marker_says(shop: "Shop") -> bool:
    marker = shop.marker
    assert marker is not None
    return (marker.rows, marker.checksum) == (shop.online.count(shop.key), rows_checksum(shop.online.scan(shop.key)))


def test_a_run_reads_back_what_it_has_written_and_not_the_rest_of_the_group(shop: "Shop") -> None:
    shop.run(2)
    store = Watched(shop.online)
    result = run(shop, 3, store)
    assert (result.mode, result.rows, result.changed) == ("changed", 4, 2)
    assert store.scanned == 0
    assert sorted(store.read) == sorted([key(2), key(3)] * 2)  # before and after
    assert holds_what_its_marker_says(shop)


@pytest.mark.parametrize("hours", [(1, 2, 3, 4, 5, 6, 9), (2, 3, 9), (1, 4, 4.0, 9)])
def test_the_count_that_is_carried_on_is_what_counting_anew_gives(shop: "Shop", hours: tuple[float, ...]) -> None:
    for number in hours:
        shop.run(number)
        assert holds_what_its_marker_says(shop)


def test_after_a_run_that_did_not_publish_the_group_is_counted_anew(shop: "Shop") -> None:
    """It may have left rows that no marker knows of: here of an entity that the next run does not touch."""
    shop.run(2)
    codec = RowCodec(row_columns(shop.group))
    left = Row(shop.at(2), 2, group_prefix(shop.group.id), ("Bern", shop.at(1), 7, 7.0))

    def leave(progress: Progress) -> None:
        if progress.phase == "compute":
            shop.online.put_many(shop.key, [(key(1), encode_row(left, codec))])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.run(2, rebuild=True, progress=leave)
    store = Watched(shop.online)
    run(shop, 3, store)
    assert store.scanned == 4
    assert holds_what_its_marker_says(shop)
    store = Watched(shop.online)
    run(shop, 4, store)
    assert store.scanned == 0
    assert holds_what_its_marker_says(shop)


def test_a_row_newer_than_the_marker_that_is_replaced_makes_the_run_count_anew(shop: "Shop") -> None:
    """However it came there: the marker has not counted it."""
    shop.run(2)
    codec = RowCodec(row_columns(shop.group))
    left = Row(shop.at(2.5), 1, group_prefix(shop.group.id), ("Bern", shop.at(1), 7, 7.0))
    shop.online.put_many(shop.key, [(key(2), encode_row(left, codec))])
    store = Watched(shop.online)
    run(shop, 3, store)
    assert store.scanned == 4
    assert holds_what_its_marker_says(shop)


@pytest.mark.parametrize(
    ("lost", "said"), [(2, "the store holds 1 of them"), (3, "2 rows were written, and the store holds 1 of them")]
)
def test_a_store_that_loses_what_a_run_writes_is_noticed(shop: "Shop", lost: int, said: str) -> None:
    """An entity that was there before, and one that was not."""
    shop.run(2)
    with pytest.raises(NotVerifiedError, match=said):
        run(shop, 3, Watched(shop.online, losing=lambda one: one == key(lost)))
    assert shop.marker is not None
    assert shop.marker.boundary == shop.at(2)
    assert shop.run(3).rows == 4


def test_a_store_that_has_lost_rows_of_earlier_runs_is_repaired_and_the_ledger_says_so(shop: "Shop") -> None:
    shop.run(2)
    before = shop.values()[key(1)]
    statement(shop, "DELETE FROM rows WHERE key = ?", key(1))
    assert shop.run(3).mode == "full"
    assert shop.values()[key(1)] == before
    assert holds_what_its_marker_says(shop)
    entry = shop.writer.reader.ledger("shop")[0]
    assert entry.message == "computed whole, since the online store had lost 1 of 3 rows"
    assert shop.run(4).mode == "changed"


def test_a_row_of_an_earlier_run_that_the_store_loses_meanwhile_is_noticed(shop: "Shop") -> None:
    shop.run(2)

    def lose(progress: Progress) -> None:
        if progress.phase == "check":
            statement(shop, "DELETE FROM rows WHERE key = ?", key(1))

    with pytest.raises(NotVerifiedError, match="holds 3 rows of the group, and 4 are known to have been") as told:
        shop.run(3, progress=lose)
    assert "--rebuild" in str(told.value.hint)
    assert shop.marker is not None
    assert shop.marker.boundary == shop.at(2)
    shop.run(3, rebuild=True)
    assert holds_what_its_marker_says(shop)


def test_a_change_to_a_row_that_a_run_has_written_is_noticed(shop: "Shop") -> None:
    shop.run(2)

    def change(progress: Progress) -> None:
        if progress.phase == "verify":
            damaged = "UPDATE rows SET row = CAST(substr(row, 1, length(row) - 1) || x'c0' AS BLOB) WHERE key = ?"
            statement(shop, damaged, key(2))

    with pytest.raises(NotVerifiedError, match="and their values differ"):
        shop.run(3, progress=change)
