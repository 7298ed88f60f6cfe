"""DuckDB as the offline store: what it says of sources, and what it does with hostile ones."""

import datetime
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest

import featurestore as fs
from featurestore.compiler.compile import compile_values
from featurestore.compiler.query import Hidden, Query
from featurestore.compiler.vector import layout_of
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.sources import Binding
from featurestore.definitions.types import DataType, Decimal
from featurestore.errors import (
    ComputeError,
    ConfigurationError,
    FeaturestoreError,
    MissingColumnError,
    MissingTableError,
    UnreadableDataError,
)
from featurestore_duckdb.settings import DuckDBSettings
from featurestore_duckdb.store import DuckDBStore, open_store
from featurestore_duckdb.types import data_type_of

T0 = datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC)
Open = Callable[..., DuckDBStore]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens stores over the test's folder, or another one."""
    stores: list[DuckDBStore] = []

    def opening(root: Path = tmp_path, **settings: Any) -> DuckDBStore:
        stores.append(open_store(DuckDBSettings(**settings), root, tmp_path / "scratch"))
        return stores[-1]

    yield opening
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Open) -> DuckDBStore:
    return opened()


def database(path: Path, *statements: str) -> None:
    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)


def orders(path: Path, **columns: Any) -> None:
    made = {"id": [1, 1, 2], "at": [T0] * 3, "amount": [1, 2, 3]}
    pyarrow.parquet.write_table(pa.table({**made, **columns}), path)


def values(
    store: DuckDBStore,
    binding: Binding,
    feature: fs.Value | None = None,
    column: DataType = fs.Int64,
    rows: int = 1,
    source: str = "orders",
    name: str = "amount",
) -> Any:
    """The feature (a sum of all amounts) for entity 1, as a reader of batches."""
    entity = fs.Entity("thing", keys={"id": fs.Int64})
    made = fs.Source(source, path="-", event_time="at")
    expression = fs.sum(name) if feature is None else feature
    members = {"total": expression}
    given: Any = fs.features(entity=entity, source=made, every="1h", version="v1")(type("Things", (), members))
    schema = {"id": fs.Int64, "at": fs.Timestamp, name: column}
    layout = layout_of(define([*given], {source: schema}, Settings()).select([given]))
    spine = pa.table(
        {
            Hidden.ROW: pa.array(range(rows), pa.int64()),
            Hidden.TIME: pa.array([int(T0.timestamp() * 1e6) + 86_400_000_000] * rows, pa.int64()),
            "id": pa.array([1] * rows, pa.int64()),
        }
    )
    return store.run(compile_values(layout), spine, {source: binding})


def total(*arguments: Any, **options: Any) -> Any:
    return values(*arguments, **options).read_all().column(1).to_pylist()[0]


# --- types and probes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("TRUE", fs.Bool),
        ("1::TINYINT", fs.Int32),
        ("1::SMALLINT", fs.Int32),
        ("1::INTEGER", fs.Int32),
        ("1::BIGINT", fs.Int64),
        ("1::UTINYINT", fs.Int32),
        ("1::USMALLINT", fs.Int32),
        ("1::UINTEGER", fs.Int64),
        ("1::UBIGINT", Decimal(20, 0)),
        ("1::FLOAT", fs.Float32),
        ("1::DOUBLE", fs.Float64),
        ("1::DECIMAL(10, 2)", Decimal(10, 2)),
        ("'a'", fs.String),
        ("UUID '00000000-0000-0000-0000-000000000000'", fs.String),
        ("'a'::ENUM('a', 'b)[]')", fs.String),
        ("'a'::BLOB", fs.Bytes),
        ("DATE '2024-01-01'", fs.Date),
        ("TIMESTAMP '2024-01-01'", fs.Timestamp),
        ("TIMESTAMP_S '2024-01-01'", fs.Timestamp),
        ("TIMESTAMP_MS '2024-01-01'", fs.Timestamp),
        ("TIMESTAMP_NS '2024-01-01'", fs.Timestamp),
        ("TIMESTAMPTZ '2024-01-01 00:00:00+00'", fs.Timestamp),
        ("[1::BIGINT]", fs.Array[fs.Int64]),
        ("['a']", fs.Array[fs.String]),
        ("[1, 2]::FLOAT[2]", fs.Vector[2]),
    ],
)
def test_a_column_of_a_type_that_we_have_is_found(store: DuckDBStore, expression: str, expected: DataType) -> None:
    probe = store.probe("x", Binding(query=f"SELECT {expression} AS c"))
    assert (probe.columns, probe.left_out) == ({"c": expected}, {})


@pytest.mark.parametrize(
    "expression",
    [
        "1::HUGEINT", "1::UHUGEINT", "TIME '10:00'", "INTERVAL 1 DAY", "'101'::BIT", "{'a': 1}", "MAP {'a': 1}",
        "[[1]]", "[{'a': 1}]", "[1.5]", "[1]::DOUBLE[1]", "['a']::ENUM('a')[]", "'{}'::JSON", "NULL",
    ],
)  # fmt: skip
def test_a_column_of_another_type_is_left_out_by_name_and_type(store: DuckDBStore, expression: str) -> None:
    probe = store.probe("x", Binding(query=f"SELECT {expression} AS c, 1::BIGINT AS d"))
    assert probe.columns == {"d": fs.Int64}
    assert list(probe.left_out) == ["c"]
    assert probe.left_out["c"]


def test_types_that_nobody_knows_are_none_of_ours() -> None:
    assert data_type_of("GEOMETRY") is None
    assert data_type_of("") is None


ODD = ['quo"te', "sp ace", "größe", "日本", "select", "a.b", "semi;colon", "'", "{x}", "%s", "-- no"]


@pytest.mark.parametrize("name", ODD)
def test_columns_of_any_name_are_found_and_summed(store: DuckDBStore, tmp_path: Path, name: str) -> None:
    orders(tmp_path / "o.parquet", **{name: [10, 20, 30]})
    assert store.probe("orders", Binding("o.parquet")).columns[name] == fs.Int64
    assert total(store, Binding("o.parquet"), name=name) == 30


def test_of_columns_that_differ_in_case_the_later_gets_a_name_of_its_own(store: DuckDBStore, tmp_path: Path) -> None:
    orders(tmp_path / "o.parquet", Amount=[10, 20, 30])
    found = store.probe("orders", Binding("o.parquet")).columns
    assert [name for name in found if name.lower().startswith("amount")] == ["amount", "Amount_1"]
    assert total(store, Binding("o.parquet")) == 3
    assert total(store, Binding("o.parquet"), name="Amount_1") == 30


@pytest.mark.parametrize("folder", ["a b", "it's", "[x]", "q?", "*", "größe"])
def test_the_projects_folder_may_have_any_name(opened: Open, tmp_path: Path, folder: str) -> None:
    root = tmp_path / folder
    (root / "data").mkdir(parents=True)
    orders(root / "data" / "1.parquet")
    orders(root / "data" / "2.parquet")
    store = opened(root)
    assert store.state("orders", Binding("data/*.parquet")).rows == 6
    assert list(store.state("orders", Binding("data/*.parquet")).parts) == ["data/1.parquet", "data/2.parquet"]
    assert store.state("orders", Binding("data/1.parquet")).rows == 3


# --- data that is not there or cannot be read -----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["nowhere.parquet", "nowhere/*.parquet", "*.parquet", "x.csv"])
def test_files_that_are_not_there_are_missing(store: DuckDBStore, path: str) -> None:
    for look in (store.probe, store.state):
        with pytest.raises(MissingTableError) as caught:
            look("orders", Binding(path))
        assert caught.value.where == f"source 'orders', {path}"
        assert path in caught.value.message


@pytest.mark.parametrize("table", ["nowhere", "no.where", "a.b.c", "a.b.c.d", "", 'quo"te'])
def test_a_table_that_is_not_there_is_missing(store: DuckDBStore, table: str) -> None:
    with pytest.raises((MissingTableError, UnreadableDataError)) as caught:
        store.probe("orders", Binding(table=table))
    assert caught.value.where
    assert (caught.value.hint or "").startswith("Check the source's")


def test_a_table_is_not_taken_from_the_variables_of_the_program(store: DuckDBStore) -> None:
    frame = pa.table({"a": [1]})
    for name in ("frame", "binding", "pa"):
        with pytest.raises(MissingTableError):
            store.probe("orders", Binding(table=name))
        with pytest.raises(MissingTableError):
            store.probe("orders", Binding(query=f"SELECT * FROM {name}"))
    assert frame.num_rows == 1


def whole(path: Path) -> bytes:
    orders(path)
    return path.read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"garbage",
        lambda _: b"garbage, and enough of it to be looked at",
        lambda data: data[:-20],
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data[:-60] + b"\xff" * 40 + data[-20:],
    ],
)
@pytest.mark.parametrize("pattern", ["bad.parquet", "*.parquet"])
def test_a_damaged_file_is_named(store: DuckDBStore, tmp_path: Path, damage: Any, pattern: str) -> None:
    (tmp_path / "bad.parquet").write_bytes(damage(whole(tmp_path / "good.parquet")))
    with pytest.raises(UnreadableDataError, match=r"bad\.parquet") as caught:
        store.state("orders", Binding(pattern))
    assert "good.parquet" not in str(caught.value)


def test_damage_in_the_middle_of_a_file_is_an_error_of_ours(store: DuckDBStore, tmp_path: Path) -> None:
    path = tmp_path / "o.parquet"
    count = 50_000
    orders(path, id=[1] * count, at=[T0] * count, amount=list(range(count)))
    data = bytearray(path.read_bytes())
    for start in range(1000, len(data) // 2, 2000):
        data[start : start + 500] = b"\xfe" * 500
    path.write_bytes(bytes(data))
    with pytest.raises(FeaturestoreError):
        total(store, Binding("o.parquet"))
    orders(path)
    assert total(store, Binding("o.parquet")) == 3


def test_folders_and_files_of_other_kinds_are_refused_with_the_kinds(store: DuckDBStore, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "x.xlsx").write_bytes(b"")
    for path in ("folder", "x.xlsx", ""):
        with pytest.raises(UnreadableDataError) as caught:
            store.probe("orders", Binding(path))
        assert ".parquet" in (caught.value.hint or "")


def test_a_folder_called_like_a_file_is_an_error_of_ours(store: DuckDBStore, tmp_path: Path) -> None:
    (tmp_path / "x.parquet").mkdir()
    for look in (store.probe, store.state):
        with pytest.raises((MissingTableError, UnreadableDataError), match=r"x\.parquet"):
            look("orders", Binding("x.parquet"))


def test_csv_and_json_files_are_read(store: DuckDBStore, tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("id,at,amount\n1,2024-01-01 00:00:00,5\n", encoding="utf-8")
    (tmp_path / "o.jsonl").write_text('{"id": 1, "at": "2024-01-01 00:00:00", "amount": 5}\n', encoding="utf-8")
    for path in ("o.csv", "o.jsonl"):
        assert total(store, Binding(path)) == 5


def test_csv_that_breaks_its_own_types_late_is_an_error_of_ours(store: DuckDBStore, tmp_path: Path) -> None:
    lines = "".join(f"1,2024-01-01,{number}\n" for number in range(60_000))
    (tmp_path / "o.csv").write_text(f"id,at,amount\n{lines}x,soon,many\n", encoding="utf-8")
    with pytest.raises(FeaturestoreError, match="CSV Error on Line: 60002"):
        total(store, Binding("o.csv"))


# --- databases ------------------------------------------------------------------------------------------------------

CREATE = "CREATE TABLE orders AS SELECT 1::BIGINT AS id, TIMESTAMP '2024-01-01' AS at, 7::BIGINT AS amount"


def test_tables_of_a_database_are_read_with_and_without_their_schema(opened: Open, tmp_path: Path) -> None:
    database(tmp_path / "w.duckdb", CREATE, "CREATE SCHEMA s", CREATE.replace("orders", "s.orders").replace("7", "8"))
    store = opened(database="w.duckdb")
    assert total(store, Binding(table="orders")) == 7
    assert total(store, Binding(table="s.orders")) == 8
    assert total(store, Binding(table="w.s.orders")) == 8
    assert total(store, Binding(table="w.orders")) == 7
    with pytest.raises(MissingTableError):
        store.probe("orders", Binding(table="no.orders"))


@pytest.mark.parametrize("table", ["spine", "Spine", "source_orders"])
def test_a_table_called_like_a_relation_of_our_own_is_still_the_table(opened: Open, tmp_path: Path, table: str) -> None:
    database(tmp_path / "w.duckdb", CREATE.replace("orders", table))
    store = opened(database="w.duckdb")
    assert total(store, Binding(table=table)) == 7
    with pytest.raises(UnreadableDataError) as caught:
        total(store, Binding(query=f"SELECT * FROM {table}"))
    assert caught.value.hint == f"Name it in full: w.main.{table}."
    assert total(store, Binding(query=f"SELECT * FROM w.main.{table}")) == 7


def test_a_database_is_opened_for_reading_only(opened: Open, tmp_path: Path) -> None:
    database(tmp_path / "w.duckdb", CREATE)
    before = (tmp_path / "w.duckdb").read_bytes()
    assert total(opened(database="w.duckdb"), Binding(table="orders")) == 7
    assert (tmp_path / "w.duckdb").read_bytes() == before
    assert not (tmp_path / "w.duckdb.wal").exists()


def test_two_stores_and_two_processes_read_one_database_at_once(opened: Open, tmp_path: Path) -> None:
    database(tmp_path / "w.duckdb", CREATE)
    one = opened(database="w.duckdb")
    two = open_store(DuckDBSettings(database="w.duckdb", threads=1), tmp_path, tmp_path / "other")
    assert total(one, Binding(table="orders")) == total(two, Binding(table="orders")) == 7
    two.close()
    code = "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).sql('FROM orders').fetchall()[0][2])"
    command = [sys.executable, "-c", code, str(tmp_path / "w.duckdb")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("7\n", "")


@pytest.mark.parametrize("content", [None, b"not a database" * 100])
def test_what_is_no_database_is_an_error_of_the_configuration(
    opened: Open, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "w.duckdb").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"w\.duckdb"):
        opened(database="w.duckdb")
    with pytest.raises(ConfigurationError):
        opened(database=".")


def test_settings_that_duckdb_refuses_are_an_error_of_the_configuration(opened: Open) -> None:
    with pytest.raises(ConfigurationError, match="DuckDB cannot be opened"):
        opened(memory_limit="lots")


def test_settings_are_given_to_duckdb(opened: Open) -> None:
    store = opened(memory_limit="123MB", threads=1)
    limit = Binding(query="SELECT value FROM duckdb_settings() WHERE name IN ('threads') AND value = '1'")
    assert store.state("x", limit).rows == 1


# --- queries --------------------------------------------------------------------------------------------------------

ROW = "SELECT 1 AS id, TIMESTAMP '2024-01-01' AS at, 5 AS amount"


@pytest.mark.parametrize(
    "query", [ROW, f"{ROW};", f" {ROW} ; \n", f"{ROW} -- all", f"WITH x AS ({ROW}) FROM x", f"/* c */ {ROW}"]
)
def test_a_query_may_end_as_people_end_queries(store: DuckDBStore, query: str) -> None:
    assert total(store, Binding(query=query)) == 5


@pytest.mark.parametrize(
    "query",
    [
        "SELECT",
        "SELECT 1; SELECT 2",
        "DROP TABLE x",
        "SELECT nothing",
        "SELECT 1) --",
        "SELECT 'a'::INT + 1 FROM nowhere",
    ],
)
def test_what_is_no_query_is_an_error_of_the_source(store: DuckDBStore, query: str) -> None:
    with pytest.raises((UnreadableDataError, MissingTableError)) as caught:
        store.probe("orders", Binding(query=query))
    assert "source 'orders'" in (caught.value.where or "")


def test_files_in_a_query_are_looked_for_in_the_projects_folder(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    orders(root / "o.parquet")
    monkeypatch.chdir(tmp_path)
    assert total(opened(root), Binding(query="SELECT * FROM 'o.parquet'")) == 3


def test_a_query_that_fails_on_a_row_is_an_error_of_ours(store: DuckDBStore) -> None:
    failing = Binding(query=f"{ROW.replace('5', 'CAST(x AS BIGINT)')} FROM (VALUES ('1'), ('one')) AS v(x)")
    with pytest.raises(UnreadableDataError):
        store.state("orders", failing)
    with pytest.raises(ComputeError):
        total(store, failing)


# --- the state of a source ------------------------------------------------------------------------------------------


def test_the_state_of_files_changes_with_any_byte_and_says_where(store: DuckDBStore, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    before = store.state("x", Binding("*.csv"))
    assert before == store.state("x", Binding("*.csv"))
    (tmp_path / "b.csv").write_text("x,y\n1,3\n", encoding="utf-8")
    after = store.state("x", Binding("*.csv"))
    assert before.digest != after.digest
    assert [file for file in before.parts if before.parts[file] != after.parts[file]] == ["b.csv"]
    (tmp_path / "a.csv").rename(tmp_path / "c.csv")
    assert store.state("x", Binding("*.csv")).digest != after.digest


def test_the_state_of_files_is_the_same_wherever_the_project_lies(opened: Open, tmp_path: Path) -> None:
    states = []
    for folder in ("one", "two"):
        (tmp_path / folder / "deep").mkdir(parents=True)
        (tmp_path / folder / "deep" / "a.csv").write_text("x,y\n1,2\n", encoding="utf-8")
        states += [opened(tmp_path / folder).state("x", Binding(path)) for path in ("deep/a.csv", "**/*.csv")]
    assert len({state.digest for state in states}) == 1
    assert list(states[0].parts) == ["deep/a.csv"]


def state_of(store: DuckDBStore, *rows: str) -> str:
    return store.state("x", Binding(query=f"SELECT * FROM (VALUES {', '.join(rows)}) AS v(r, x)")).digest


def test_the_state_of_a_query_does_not_depend_on_the_order_of_rows(store: DuckDBStore) -> None:
    query = "SELECT * FROM (VALUES {}) AS v(r, x)"
    one, two = (Binding(query=query.format(rows)) for rows in ("(1, 'a'), (2, NULL)", "(2, NULL), (1, 'a')"))
    found = [store.state("x", binding) for binding in (one, two)]
    assert [next(iter(state.parts.values())) for state in found] == [next(iter(found[0].parts.values()))] * 2
    assert found[0].rows == 2


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("(1, 2)", "(2, 1)"),
        ("(1, 2)", "(1, 3)"),
        ("(1, NULL)", "(NULL, 1)"),
        ("(1, NULL)", "(1, 0)"),
        ("('a', 'b')", "('ab', '')"),
        ("(1, 2)", "(1, 2), (1, 2)"),
        ("(1, 1), (2, 2)", "(1, 2), (2, 1)"),
    ],
)
def test_the_state_of_a_table_changes_when_a_value_does(opened: Open, tmp_path: Path, one: str, two: str) -> None:
    digests = []
    for number, rows in enumerate((one, two)):
        database(tmp_path / f"w{number}.duckdb", f"CREATE TABLE t AS SELECT * FROM (VALUES {rows}) AS v(r, x)")
        digests.append(opened(database=f"w{number}.duckdb").state("x", Binding(table="t")).digest)
    assert digests[0] != digests[1]


def test_an_empty_table_has_a_state(store: DuckDBStore) -> None:
    assert store.state("x", Binding(query=f"{ROW} WHERE FALSE")).rows == 0


# --- running --------------------------------------------------------------------------------------------------------


def test_a_column_that_went_since_the_lock_is_named(store: DuckDBStore, tmp_path: Path) -> None:
    orders(tmp_path / "o.parquet")
    with pytest.raises(MissingColumnError, match="gone") as caught:
        total(store, Binding("o.parquet"), name="gone")
    assert "sources pull --check" in (caught.value.hint or "")


def test_the_zone_of_the_machine_changes_no_value(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    naive = Binding(query="SELECT 1 AS id, TIMESTAMP '2024-01-02 23:30:00' AS at, 5 AS amount")
    assert total(opened(), naive) == 5
    later = Binding(query="SELECT 1 AS id, TIMESTAMP '2024-01-03 00:30:00' AS at, 5 AS amount")
    assert total(opened(), later) is None


class Interrupting:
    """A spine during whose reading Ctrl-C is pressed."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        raise KeyboardInterrupt


def test_ctrl_c_while_the_engine_asks_python_for_the_spine_is_an_interruption(tmp_path: Path) -> None:
    store = open_store(DuckDBSettings(), tmp_path, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.run(Query((), (), {}, (), ()), cast("pa.Table", Interrupting()), {}).read_all()
