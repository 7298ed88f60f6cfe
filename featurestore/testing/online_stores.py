"""The promises of an online store as tests, for authors of a store.

```python
# conftest.py
pytest.register_assert_rewrite("featurestore.testing.online_stores")

# test_store.py
class TestMyStore(OnlineStoreSuite):
    def open(self, folder: Path) -> OnlineStore:
        return MyStore(folder / "data")
```
"""

import multiprocessing
import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from featurestore.definitions.types import Int64
from featurestore.errors import CorruptRowError
from featurestore.spi.codec import (
    Marker,
    Row,
    RowCodec,
    decode_row,
    encode_key,
    encode_row,
    row_order,
    rows_checksum,
    sum_checksums,
)
from featurestore.spi.online import Found, GroupKey, OnlineStore, RowWriter

__all__ = ["OnlineStoreSuite"]

GROUP = GroupKey("shop:laptop", "0011223344556677")
PREFIX = bytes.fromhex(GROUP.group)
COLUMNS = RowCodec([("boundary", Int64), ("token", Int64)])
KEYS = tuple(encode_key([number], [Int64]) or b"" for number in range(10_000))
HOSTILE_KEYS = (b"", b"\0", b"\0\0", b"a", b"a\0", b"a:b", b"*?[%_", b"{a}", b"\r\n", b"\xff" * 500, "é".encode())
HOSTILE_NAMES = ("a", "a:b", "a:b:c", "A:B", "a%", "a_", "a*", "{a}", "a\0", "a b", "é", "e\u0301", "")

Order = tuple[int, int]


def row(boundary: int, token: int = 0) -> bytes:
    """A row that also says in its values which one it is."""
    return encode_row(Row(boundary, token, PREFIX, (boundary, token)), COLUMNS)


def marker(boundary: int, token: int = 0) -> Marker:
    """A marker for (boundary, token)."""
    return Marker(boundary, token, "ab" * 32, 3, "0" * 32, boundary + 1)


def order_of(data: bytes | None) -> Order:
    """(boundary, token) of a row, whose head and values must be of one writing."""
    assert data is not None
    found = decode_row(data, COLUMNS)
    assert found.values == (found.boundary, found.token), "a row is a mixture of two"
    return found.values


def random_orders(seed: int, count: int) -> list[Order]:
    """Boundaries on both sides of 1970, and tokens, with ties."""
    chance = random.Random(seed)  # noqa: S311 - which cases are tested is no secret
    return [(chance.randrange(-20, 20) * 1_000_000, chance.randrange(4)) for _ in range(count)]


def random_rows(seed: int, count: int, keys: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """Rows of random keys and orders."""
    chance = random.Random(seed)  # noqa: S311 - idem
    return [(chance.choice(keys), row(*order)) for order in random_orders(seed, count)]


def newest(rows: Sequence[tuple[bytes, bytes]]) -> dict[bytes, Order]:
    """The greatest (boundary, token) per key: what must be in the store, whoever wrote it and when."""
    found: dict[bytes, Order] = {}
    for key, data in rows:
        found[key] = max(order_of(data), found.get(key, order_of(data)))
    return found


def stored(store: OnlineStore, group: GroupKey = GROUP) -> dict[bytes, Order]:
    """What is in the store."""
    rows = list(store.scan(group))
    assert len({key for key, _ in rows}) == len(rows), "a key came twice"
    return {key: order_of(data) for key, data in rows}


def get(store: OnlineStore, keys: Sequence[bytes], group: GroupKey = GROUP) -> Found:
    """Marker and rows of one group."""
    return store.get_many({group: keys})[group]


def _write_elsewhere(writer: RowWriter, seeds: Sequence[int], count: int, keys: Sequence[bytes]) -> None:
    """What a process of its own does."""
    for seed in seeds:
        writer.put_many(GROUP, random_rows(seed, count, keys))


class OnlineStoreSuite:
    """Subclass it with an `open`."""

    def open(self, folder: Path) -> OnlineStore:
        """Opens the store of ``folder``: a new one at first, after that the same again."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[OnlineStore]:
        """An empty store."""
        store = self.open(tmp_path)
        yield store
        store.close()

    # Rows

    def test_what_was_put_is_found_in_the_order_asked_and_absent_keys_are_none(self, store: OnlineStore) -> None:
        """One row per wanted key, in order."""
        assert store.put_many(GROUP, [(b"a", row(1)), (b"b", row(2)), (b"c", row(3))]) == 3
        found = get(store, [b"c", b"absent", b"a", b"c"])
        assert found.rows == [row(3), None, row(1), row(3)]
        assert found.marker is None

    def test_keys_are_bytes_and_no_two_are_one(self, store: OnlineStore) -> None:
        """No key is a pattern, a prefix of another or cut at a zero."""
        rows = [(key, row(place)) for place, key in enumerate(HOSTILE_KEYS)]
        assert store.put_many(GROUP, rows) == len(rows)
        assert get(store, HOSTILE_KEYS).rows == [data for _, data in rows]
        assert sorted(store.scan(GROUP)) == sorted(rows)

    def test_ten_thousand_keys_are_one_call(self, store: OnlineStore) -> None:
        """Present and absent ones mixed."""
        present = KEYS[::2]
        assert store.put_many(GROUP, ((key, row(place)) for place, key in enumerate(present))) == len(present)
        found = get(store, KEYS).rows
        assert found[::2] == [row(place) for place in range(len(present))]
        assert set(found[1::2]) == {None}

    def test_an_older_row_never_replaces_a_newer_one(self, store: OnlineStore) -> None:
        """The boundary decides, then the token, also before 1970 and at the ends of their ranges."""
        lowest, highest = -(2**63), 2**63 - 1
        orders = [(lowest, 0), (-1, 0), (-1, 5), (0, 0), (0, 2**63 - 1), (1, 0), (1, 256), (highest, 0)]
        for place, order in enumerate(orders):
            assert store.put_many(GROUP, [(b"k", row(*order))]) == 1
            assert store.put_many(GROUP, [(b"k", row(*older)) for older in orders[: place + 1]]) == 0
            assert stored(store) == {b"k": order}

    def test_a_token_of_all_64_bits_counts(self, store: OnlineStore) -> None:
        """Tokens are unsigned."""
        rows = [encode_row(Row(0, token, PREFIX, (0, 0)), COLUMNS) for token in (2**63 - 1, 2**63, 2**64 - 1)]
        assert [store.put_many(GROUP, [(b"k", data)]) for data in rows] == [1, 1, 1]
        assert store.put_many(GROUP, [(b"k", data) for data in rows]) == 0
        assert get(store, [b"k"]).rows == [rows[-1]]

    @pytest.mark.parametrize("seed", range(3))
    def test_the_newest_row_wins_in_whatever_order_rows_come(self, store: OnlineStore, seed: int) -> None:
        """Also where one call brings a key several times."""
        rows = random_rows(seed, 600, KEYS[:40])
        for start in range(0, len(rows), 150):
            store.put_many(GROUP, rows[start : start + 150])
        assert stored(store) == newest(rows)

    def test_putting_again_stores_nothing(self, store: OnlineStore) -> None:
        """A retry is harmless."""
        rows = [(key, row(7, 7)) for key in KEYS[:100]]
        assert store.put_many(GROUP, rows) == 100
        assert store.put_many(GROUP, rows) == 0
        assert store.put_many(GROUP, [*rows[:50], (b"new", row(1))]) == 1

    def test_rows_are_stored_while_they_are_produced(self, store: OnlineStore) -> None:
        """Memory is bounded, and nothing is locked while the next row is computed: other writers get through."""
        seen = []

        def produced() -> Iterator[tuple[bytes, bytes]]:
            for place, key in enumerate(KEYS):
                if place == len(KEYS) - 1:
                    seen.append(store.count(GROUP))
                    seen.append(store.put_many(GROUP, [(b"from another", row(1))]))
                yield key, row(1)

        assert store.put_many(GROUP, produced()) == len(KEYS)
        assert seen[0] > 0
        assert seen[1] == 1

    def test_an_error_while_rows_are_produced_leaves_whole_rows(self, store: OnlineStore) -> None:
        """The error comes out as it is, and the store can be used."""

        def produced() -> Iterator[tuple[bytes, bytes]]:
            yield from ((key, row(2)) for key in KEYS[:5_000])
            message = "the engine failed"
            raise RuntimeError(message)

        with pytest.raises(RuntimeError, match="the engine failed"):
            store.put_many(GROUP, produced())
        assert set(stored(store).values()) <= {(2, 0)}
        store.put_many(GROUP, ((key, row(2)) for key in KEYS[:5_000]))
        assert store.count(GROUP) == 5_000

    @pytest.mark.parametrize("data", [b"", b"\x01short", b"\x63" + bytes(40)])
    def test_what_is_no_row_is_refused(self, store: OnlineStore, data: bytes) -> None:
        """It could not be compared."""
        with pytest.raises(CorruptRowError):
            store.put_many(GROUP, [(b"k", data)])
        assert get(store, [b"k"]).rows == [None]

    def test_large_rows_are_kept(self, store: OnlineStore) -> None:
        """A row may hold long lists."""
        rows = [(key, row(1) + bytes([place]) * 300_000) for place, key in enumerate(KEYS[:5])]
        store.put_many(GROUP, rows)
        assert sorted(store.scan(GROUP)) == sorted(rows)

    # Groups

    def test_an_unknown_group_has_nothing(self, store: OnlineStore) -> None:
        """And asking for it does not make it known."""
        assert get(store, [b"a", b"b"]) == Found(None, [None, None])
        assert store.marker(GROUP) is None
        assert store.count(GROUP) == 0
        assert list(store.scan(GROUP)) == []
        store.delete(GROUP)
        assert store.put_many(GROUP, []) == 0
        assert list(store.groups()) == []

    def test_one_call_asks_for_several_groups(self, store: OnlineStore) -> None:
        """Each with its own keys; also with none, for its marker alone."""
        other, unknown = GroupKey(GROUP.namespace, "other"), GroupKey(GROUP.namespace, "unknown")
        store.put_many(GROUP, [(b"a", row(1))])
        store.put_many(other, [(b"a", row(2)), (b"b", row(3))])
        store.publish(other, marker(3), expected=None)
        found = store.get_many({GROUP: [b"b", b"a"], other: [b"a"], unknown: [b"a"]})
        assert dict(found) == {
            GROUP: Found(None, [None, row(1)]),
            other: Found(marker(3), [row(2)]),
            unknown: Found(None, [None]),
        }
        assert store.get_many({other: []})[other] == Found(marker(3), [])
        assert dict(store.get_many({})) == {}

    def test_groups_and_namespaces_share_nothing(self, store: OnlineStore) -> None:
        """Whatever characters are in their names; together they do not run into each other."""
        groups = [GroupKey(space, name) for space in HOSTILE_NAMES for name in ("b:c", ":b:c", ":c", "C", "c", "%")]
        for place, group in enumerate(groups):
            assert store.put_many(group, [(b"k", row(place))]) == 1
            assert store.publish(group, marker(place), expected=None)
        assert list(store.groups()) == sorted(groups, key=lambda group: (group.namespace, group.group))
        found = store.get_many({group: [b"k"] for group in groups})
        assert all(found[group] == Found(marker(place), [row(place)]) for place, group in enumerate(groups))
        store.delete(groups[0])
        assert get(store, [b"k"], groups[0]) == Found(None, [None])
        assert list(store.groups()) == sorted(groups[1:], key=lambda group: (group.namespace, group.group))
        assert all(stored(store, group) == {b"k": (place, 0)} for place, group in enumerate(groups) if place)

    def test_a_deleted_group_is_gone_and_can_be_filled_again(self, store: OnlineStore) -> None:
        """What was newer before does not count any more."""
        store.put_many(GROUP, [(key, row(9)) for key in KEYS[:4_500]])
        assert store.publish(GROUP, marker(9), expected=None)
        store.delete(GROUP)
        assert (store.count(GROUP), store.marker(GROUP), list(store.groups())) == (0, None, [])
        assert store.put_many(GROUP, [(KEYS[0], row(1))]) == 1
        assert stored(store) == {KEYS[0]: (1, 0)}
        assert store.publish(GROUP, marker(1), expected=None)
        assert list(store.groups()) == [GROUP]

    def test_a_scan_gives_all_rows_and_their_checksum_is_that_of_what_was_put(self, store: OnlineStore) -> None:
        """This is how a run verifies what it has written."""
        rows = [(key, row(place)) for place, key in enumerate(KEYS[:3_000])]
        store.put_many(GROUP, rows)
        assert store.count(GROUP) == 3_000
        assert rows_checksum(store.scan(GROUP)) == sum_checksums([rows_checksum(rows[:7]), rows_checksum(rows[7:])])

    def test_a_scan_may_be_left_and_does_not_keep_writers_waiting(self, store: OnlineStore) -> None:
        """It holds no lock between rows."""
        store.put_many(GROUP, [(key, row(1)) for key in KEYS[:2_500]])
        scan = store.scan(GROUP)
        next(scan)
        store.put_many(GROUP, [(key, row(2)) for key in KEYS[:2_500]])
        store.delete(GROUP)
        assert store.count(GROUP) == 0

    def test_what_was_put_and_published_is_there_when_the_store_is_opened_again(self, tmp_path: Path) -> None:
        """Closing loses nothing."""
        first = self.open(tmp_path)
        first.put_many(GROUP, [(b"a", row(1))])
        first.publish(GROUP, marker(1), expected=None)
        first.close()
        again = self.open(tmp_path)
        assert get(again, [b"a"]) == Found(marker(1), [row(1)])
        again.close()

    # Markers

    def test_a_marker_is_set_only_in_the_place_of_the_expected_one(self, store: OnlineStore) -> None:
        """Compare and set."""
        first, second, third = marker(1), marker(2), marker(3)
        assert not store.publish(GROUP, second, expected=first)
        assert list(store.groups()) == []
        assert store.publish(GROUP, first, expected=None)
        assert not store.publish(GROUP, second, expected=None)
        assert not store.publish(GROUP, third, expected=second)
        assert not store.publish(GROUP, third, expected=Marker(1, 0, first.fingerprint, 4, first.checksum, 2))
        assert store.marker(GROUP) == first
        assert store.publish(GROUP, second, expected=first)
        assert store.marker(GROUP) == second
        assert list(store.groups()) == [GROUP]

    def test_a_marker_never_goes_back(self, store: OnlineStore) -> None:
        """Neither in its boundary nor, at the same one, in its token; it may be set again where it is."""
        current = marker(-5, 3)
        assert store.publish(GROUP, current, expected=None)
        for older in (marker(-6, 9), marker(-5, 2), marker(-(2**63), 0)):
            assert not store.publish(GROUP, older, expected=current)
        assert store.marker(GROUP) == current
        for newer in (current, marker(-5, 4), marker(5, 0)):
            assert store.publish(GROUP, newer, expected=store.marker(GROUP))
        assert store.marker(GROUP) == marker(5, 0)

    def test_of_many_who_expect_the_same_marker_one_sets_it(self, store: OnlineStore) -> None:
        """Atomic between threads."""
        current: Marker | None = None
        with ThreadPoolExecutor(4) as pool:
            for boundary in range(5):
                gate = threading.Barrier(4)
                wanted = [marker(boundary, token) for token in range(4)]
                won = list(pool.map(_publish_at_once, [store] * 4, wanted, [current] * 4, [gate] * 4))
                assert won.count(True) == 1
                current = store.marker(GROUP)
                assert current == wanted[won.index(True)]

    # Many at once

    def test_among_threads_the_newest_row_wins(self, store: OnlineStore) -> None:
        """Whichever comes first."""
        parts = [random_rows(seed, 400, KEYS[:30]) for seed in range(8)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda part: [store.put_many(GROUP, part[at : at + 50]) for at in range(0, 400, 50)], parts))
        assert stored(store) == newest([pair for part in parts for pair in part])

    def test_among_processes_the_newest_row_wins(self, store: OnlineStore) -> None:
        """Writers are pickled into them; this process writes too."""
        spawn = multiprocessing.get_context("spawn")
        shares: list[list[int]] = [[0, 1, 2, 3], [4, 5, 6, 7]]
        processes = [
            spawn.Process(target=_write_elsewhere, args=(store.writer(), seeds, 300, KEYS[:30])) for seeds in shares
        ]
        for process in processes:
            process.start()
        while not store.count(GROUP) and any(process.is_alive() for process in processes):
            """From here on, several write at once."""
        own = range(8, 28)
        for seed in own:
            store.put_many(GROUP, random_rows(seed, 300, KEYS[:30]))
        for process in processes:
            process.join()
            assert process.exitcode == 0
        seeds = [*shares[0], *shares[1], *own]
        assert stored(store) == newest([pair for seed in seeds for pair in random_rows(seed, 300, KEYS[:30])])

    def test_a_reader_never_meets_a_row_older_than_its_marker_says(self, store: OnlineStore) -> None:
        """A marker vouches for rows that were stored before it: during a run rows are newer than it, never older."""
        keys, last = KEYS[:60], 60
        done = threading.Event()
        with ThreadPoolExecutor(3) as pool:
            readers = [pool.submit(_watch, store, keys, done) for _ in range(2)]
            try:
                current: Marker | None = None
                for boundary in range(last):
                    store.put_many(GROUP, [(key, row(boundary)) for key in keys])
                    assert store.publish(GROUP, marker(boundary), expected=current)
                    current = marker(boundary)
            finally:
                done.set()
            for reader in readers:
                assert len(reader.result()) > 1, "the reader saw too little to judge"

    def test_writer_keeps_the_promise_of_the_store(self, store: OnlineStore) -> None:
        """In this process as in another."""
        writer = store.writer()
        assert writer.put_many(GROUP, [(b"a", row(2)), (b"b", row(1))]) == 2
        assert writer.put_many(GROUP, [(b"a", row(1)), (b"b", row(2))]) == 1
        assert stored(store) == {b"a": (2, 0), b"b": (2, 0)}
        with pytest.raises(CorruptRowError):
            writer.put_many(GROUP, [(b"a", b"nothing")])


def _publish_at_once(store: OnlineStore, wanted: Marker, expected: Marker | None, gate: threading.Barrier) -> bool:
    gate.wait()
    return store.publish(GROUP, wanted, expected=expected)


def _watch(store: OnlineStore, keys: Sequence[bytes], done: threading.Event) -> set[int]:
    """Reads until ``done``; returns the boundaries of the markers seen."""
    seen: set[int] = set()
    while not done.is_set():
        found: Mapping[GroupKey, Found] = store.get_many({GROUP: keys})
        current = found[GROUP].marker
        if current is not None:
            seen.add(current.boundary)
            expected = encode_row(Row(current.boundary, current.token, PREFIX, ()), RowCodec([]))
            rows: list[Any] = found[GROUP].rows
            assert all(data is not None and row_order(data) >= row_order(expected) for data in rows)
    return seen
