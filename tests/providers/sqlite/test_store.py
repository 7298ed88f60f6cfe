import multiprocessing
import os
import resource
import shutil
import signal
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from featurestore.definitions.types import Int64
from featurestore.errors import CorruptRowError, FeaturestoreError, StoreUnavailableError
from featurestore.spi.codec import Marker, Row, RowCodec, encode_key, encode_row
from featurestore.spi.online import Found, GroupKey, OnlineStore, RowWriter
from featurestore.testing.online_stores import OnlineStoreSuite
from featurestore_sqlite.store import BATCH_ROWS, SQLiteStore

GROUP = GroupKey("shop:laptop", "0011223344556677")
CODEC = RowCodec([("n", Int64)])
MARKER = Marker(1, 1, "ab" * 32, 1, "0" * 32, 2)
KEYS = [encode_key([number], [Int64]) or b"" for number in range(6_000)]


def row(boundary: int) -> bytes:
    return encode_row(Row(boundary, 0, bytes(8), (boundary,)), CODEC)


def rows(boundary: int, count: int = len(KEYS)) -> list[tuple[bytes, bytes]]:
    return [(key, row(boundary)) for key in KEYS[:count]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "online.db"


@pytest.fixture
def filled(file: Path) -> Path:
    """The file of a store with 6,000 rows and a marker, closed."""
    with closing(SQLiteStore(file)) as store:
        store.put_many(GROUP, rows(1))
        store.publish(GROUP, MARKER, expected=None)
    return file


class TestSQLite(OnlineStoreSuite):
    def open(self, folder: Path) -> OnlineStore:
        return SQLiteStore(folder / "online.db")


# Files that cannot be used


@pytest.mark.parametrize("content", [b"a shopping list " * 300, b"SQLite format 3\0" + b"\x55" * 8192])
def test_a_file_that_is_no_database_is_refused_and_left_alone(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(StoreUnavailableError, match=r"no SQLite database|damaged") as caught:
        SQLiteStore(file)
    assert str(file) in str(caught.value)
    assert caught.value.hint
    assert file.read_bytes() == content


def test_a_database_of_another_program_is_refused_and_left_alone(file: Path) -> None:
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE rows (a)")
    content = file.read_bytes()
    with pytest.raises(StoreUnavailableError, match="belongs to another program"):
        SQLiteStore(file)
    assert file.read_bytes() == content


def test_a_store_of_a_later_version_is_refused(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as other:
        other.execute("PRAGMA user_version = 2")
    with pytest.raises(StoreUnavailableError, match="format 2; this version knows format 1"):
        SQLiteStore(filled)


def test_an_empty_file_becomes_a_store(file: Path) -> None:
    file.touch()
    with closing(SQLiteStore(file)) as store:
        assert store.put_many(GROUP, rows(1, 1)) == 1


def test_a_folder_in_place_of_the_file_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="cannot be opened"):
        SQLiteStore(tmp_path)


def test_a_folder_that_cannot_be_made_is_unavailable(file: Path) -> None:
    file.touch()
    with pytest.raises(StoreUnavailableError, match="folder cannot be made"):
        SQLiteStore(file / "online.db")


def test_missing_folders_are_made_and_any_name_is_the_name_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "what? 100%41 #1.db"
    SQLiteStore(file).close()
    assert [found.name for found in file.parent.iterdir()] == [file.name]


@contextmanager
def unprivileged() -> Iterator[None]:
    """Permissions of files do not bind the superuser, under whom tests may run."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def visible(filled: Path) -> Iterator[Path]:
    """The filled store, where another user can get to it, as to the folders of `tmp_path` it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(shutil.copy(filled, folder))
        Path(folder).chmod(0o755)


def test_a_file_that_may_not_be_read_is_unavailable(visible: Path) -> None:
    visible.chmod(0o000)
    with unprivileged(), pytest.raises(StoreUnavailableError, match="cannot be opened"):
        SQLiteStore(visible)


@pytest.mark.parametrize("folder_mode", [0o555, 0o777])
def test_a_file_that_may_not_be_written_is_unavailable_to_writers_and_unchanged(
    visible: Path, folder_mode: int
) -> None:
    visible.chmod(0o444)
    visible.parent.chmod(folder_mode)
    content = visible.read_bytes()
    with unprivileged(), pytest.raises(StoreUnavailableError, match=r"cannot be (written|opened)") as caught:
        SQLiteStore(visible).put_many(GROUP, rows(2))
    assert caught.value.hint is not None
    assert "permissions" in caught.value.hint or "folder" in caught.value.hint
    assert visible.read_bytes() == content


def test_a_new_file_in_a_folder_that_may_not_be_written_is_unavailable(visible: Path) -> None:
    visible.parent.chmod(0o555)
    with unprivileged(), pytest.raises(StoreUnavailableError, match="cannot be opened"):
        SQLiteStore(visible.with_name("other.db"))


def all_or_error(file: Path) -> bool:
    """Reads everything; False where that raises, as it should, `StoreUnavailableError`."""
    try:
        with closing(SQLiteStore(file, busy_seconds=0.1)) as store:
            found = store.get_many({GROUP: KEYS})[GROUP]
            scanned = list(store.scan(GROUP))
    except StoreUnavailableError:
        return False
    assert found == Found(MARKER, [row(1)] * len(KEYS))
    assert scanned == sorted(rows(1))
    return True


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.99])
def test_of_a_file_that_is_cut_short_no_row_seems_absent(filled: Path, share: float) -> None:
    os.truncate(filled, int(filled.stat().st_size * share))
    assert not all_or_error(filled)


def test_of_a_file_with_a_page_wiped_out_no_row_seems_absent(filled: Path) -> None:
    content = filled.read_bytes()
    outcomes = []
    for page in range(4096, len(content), 4096):
        filled.write_bytes(content[:page] + bytes(4096) + content[page + 4096 :])
        outcomes.append(all_or_error(filled))
    assert not all(outcomes)


def test_a_marker_with_damaged_bytes_is_corrupt(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as other:
        other.execute("UPDATE groups SET marker = x'0102'")
        other.commit()
    with closing(SQLiteStore(filled)) as store:
        for look in (lambda: store.marker(GROUP), lambda: store.get_many({GROUP: [KEYS[0]]})):
            with pytest.raises(CorruptRowError):
                look()
        assert not store.publish(GROUP, MARKER, expected=None)


# Locks, full disks, killed processes


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.put_many(GROUP, rows(2)),
        lambda store: store.publish(GROUP, MARKER, expected=MARKER),
        lambda store: store.delete(GROUP),
    ],
)
def test_a_lock_that_is_not_given_back_is_an_error_to_writers_and_nothing_to_readers(
    filled: Path, write: Callable[[OnlineStore], object]
) -> None:
    with closing(SQLiteStore(filled, busy_seconds=0.05)) as store, closing(sqlite3.connect(filled)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="locked"):
            write(store)
        assert store.get_many({GROUP: KEYS})[GROUP] == Found(MARKER, [row(1)] * len(KEYS))
        other.rollback()
        write(store)


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """A full disk, as far as a process can have its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_on_a_full_disk_batches_are_stored_whole_or_not_and_reading_goes_on(file: Path) -> None:
    with closing(SQLiteStore(file)) as store:
        store.publish(GROUP, MARKER, expected=None)
        with no_file_larger_than(256 * 1024), pytest.raises(StoreUnavailableError, match=r"full|failed"):
            store.put_many(GROUP, rows(1))
        kept = store.count(GROUP)
        assert kept % BATCH_ROWS == 0
        assert 0 < kept < len(KEYS)
        assert store.get_many({GROUP: KEYS})[GROUP] == Found(MARKER, [row(1)] * kept + [None] * (len(KEYS) - kept))
        assert store.put_many(GROUP, rows(1)) == len(KEYS) - kept


def test_a_marker_that_a_full_disk_refuses_is_not_set(filled: Path) -> None:
    later = Marker(2, 1, "ab" * 32, 1, "0" * 32, 3)
    with closing(SQLiteStore(filled)) as store:
        with no_file_larger_than(1), pytest.raises(StoreUnavailableError, match=r"full|failed"):
            store.publish(GROUP, later, expected=MARKER)
        assert store.marker(GROUP) == MARKER
        assert store.publish(GROUP, later, expected=MARKER)


def _write_until_killed(writer: RowWriter) -> None:
    for boundary in range(2, 10_000):
        writer.put_many(GROUP, rows(boundary))


def test_a_writer_that_is_killed_leaves_whole_rows_and_no_lock(filled: Path) -> None:
    with closing(SQLiteStore(filled, busy_seconds=10)) as store:
        process = multiprocessing.get_context("spawn").Process(target=_write_until_killed, args=(store.writer(),))
        process.start()
        while store.get_many({GROUP: [KEYS[-1]]})[GROUP].rows == [row(1)]:
            assert process.is_alive()
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        found = store.get_many({GROUP: KEYS})[GROUP].rows
        assert set(found) <= {row(boundary) for boundary in range(1, 10_000)}
        # What was stored was stored in order: the later rows are of the same boundary or of the one before.
        boundaries = [CODEC.unpack((data or b"")[25:])[0] for data in found]
        assert boundaries == sorted(boundaries, reverse=True)
        assert boundaries[0] - boundaries[-1] <= 1
        assert store.put_many(GROUP, rows(10_000)) == len(KEYS)


# Threads, forks, closing


def test_many_may_open_a_new_store_at_once(file: Path) -> None:
    gate = threading.Barrier(6)

    def opened(key: bytes) -> int:
        gate.wait()
        with closing(SQLiteStore(file)) as store:
            return store.put_many(GROUP, [(key, row(1))])

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(opened, KEYS[:6])) == [1] * 6
    with closing(SQLiteStore(file)) as store:
        assert store.count(GROUP) == 6


def open_files(file: Path) -> int:
    """How often this process has the file open."""
    links = Path("/proc/self/fd").iterdir()
    return sum(link.readlink() == file for link in links if link.is_symlink())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc, as Linux has it")
def test_threads_that_end_leave_no_connections_and_closing_leaves_none_at_all(filled: Path) -> None:
    store = SQLiteStore(filled)
    for _ in range(10):
        thread = threading.Thread(target=store.marker, args=(GROUP,))
        thread.start()
        thread.join()
    assert 0 < open_files(filled) <= 2
    for _ in range(3):
        with pytest.raises(CorruptRowError):
            store.put_many(GROUP, [(b"k", b"no row")])
    assert open_files(filled) <= 2
    store.close()
    assert open_files(filled) == 0


def test_a_closed_store_says_so(filled: Path) -> None:
    store = SQLiteStore(filled)
    store.close()
    with pytest.raises(StoreUnavailableError, match="was closed"):
        store.count(GROUP)


def _use_after_fork(store: OnlineStore, file: Path, keys: Sequence[bytes]) -> None:
    inherited = open_files(file)
    assert store.marker(GROUP) == MARKER
    assert open_files(file) > inherited  # The parent's connections stay untouched.
    assert store.put_many(GROUP, [(key, row(2)) for key in keys]) == len(keys)
    store.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc, as Linux has it")
def test_a_store_can_be_used_on_both_sides_of_a_fork(filled: Path) -> None:
    with closing(SQLiteStore(filled)) as store:
        assert store.count(GROUP) == len(KEYS)
        children = [
            multiprocessing.get_context("fork").Process(target=_use_after_fork, args=(store, filled, KEYS[start::3]))
            for start in range(2)
        ]
        for child in children:
            child.start()
        assert store.put_many(GROUP, [(key, row(2)) for key in KEYS[2::3]]) == len(KEYS) // 3
        for child in children:
            child.join()
            assert child.exitcode == 0
        assert store.get_many({GROUP: KEYS})[GROUP].rows == [row(2)] * len(KEYS)


def test_an_error_is_one_of_ours(file: Path) -> None:
    with closing(SQLiteStore(file)) as store, closing(sqlite3.connect(file)) as other:
        other.execute("DROP TABLE rows")
        with pytest.raises(FeaturestoreError, match="no such table"):
            store.count(GROUP)
