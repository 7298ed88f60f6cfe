import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import featurestore as fs
from featurestore.errors import BuildError, NotReproducedError, RegistryError
from featurestore.registry import Writer, open_writer
from featurestore.training import compare_builds, record


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with open_writer(tmp_path / "registry.db") as opened:
        yield opened


def test_building_again_gives_equal_values(shop: Any, tmp_path: Path) -> None:
    wanted = shop.training_set(shop.spend, shop.Habits, shop.ratio)
    first = shop.build(wanted)
    again = shop.rebuild(first, wanted, tmp_path / "again.parquet")
    assert again.to_arrow().equals(first.to_arrow())
    assert again.record.id != first.record.id
    assert compare_builds(first.record, again.record).text == "The values are equal."


def test_rows_that_came_later_do_not_matter_where_created_times_tell(shop: Any) -> None:
    wanted = shop.training_set()
    first = shop.build(wanted, as_of=shop.day(30))
    more = {"case_id": 15, "customer_id": 1, "asked": shop.day(8), "known": shop.day(50), "churned": True}
    shop.write("labels", {name: [*given, more.get(name)] for name, given in shop.labels.items()})
    again = shop.rebuild(first, wanted)
    comparison = compare_builds(first.record, again.record)
    assert comparison.equal
    assert comparison.sources == {"labels": "labels.parquet changed (4 -> 5 rows)"}


def test_a_source_that_changed_is_named_with_the_columns_that_differ(shop: Any) -> None:
    wanted = shop.training_set(shop.spend, shop.Habits)
    first = shop.build(wanted)
    shop.orders["amount"][2] = 31.0
    shop.write("orders", shop.orders)
    with pytest.raises(NotReproducedError) as caught:
        shop.rebuild(first, wanted)
    text = str(caught.value)
    assert "columns that differ: spend, largest" in text
    assert "source orders: orders.parquet changed (4 -> 4 rows)" in text
    assert "labels" not in text.partition("source")[2]


def test_rows_in_another_order_are_other_values(shop: Any) -> None:
    wanted = shop.training_set()
    first = shop.build(wanted)
    shop.labels["asked"][0], shop.labels["asked"][1] = shop.labels["asked"][1], shop.labels["asked"][0]
    shop.write("labels", shop.labels)
    with pytest.raises(NotReproducedError, match="columns that differ: case_id, customer_id"):
        shop.rebuild(first, wanted)


def test_other_definitions_are_refused_by_name(shop: Any) -> None:
    first = shop.build(shop.training_set())
    other = shop.training_set(matures_after="1d")
    with pytest.raises(BuildError) as caught:
        shop.rebuild(first, other)
    assert not isinstance(caught.value, NotReproducedError)
    assert "label:churned@v1 (" in caught.value.message
    assert "feature:spend@v1" not in caught.value.message
    assert "commit c0ffee00" in str(caught.value.hint)


def test_a_training_set_that_is_gone_is_named(shop: Any) -> None:
    first = shop.build(shop.training_set())
    label = shop.training_set().label
    other = fs.TrainingSet("another", version="v1", label=label, features=[shop.spend])
    with pytest.raises(BuildError, match=r"training_set:churn@v1, which the project does not define"):
        shop.rebuild(first, other)


def test_a_comparison_names_columns_that_only_one_has(shop: Any) -> None:
    old = shop.build(shop.training_set(shop.spend)).record
    new = shop.build(shop.training_set(shop.spend, shop.twice), as_of=shop.day(30)).record
    comparison = compare_builds(old, new)
    assert not comparison.equal
    assert comparison.rows == (4, 3)
    assert "twice" in comparison.columns
    assert "feature:twice@v1" in comparison.definitions
    assert "rows: 4 -> 3" in comparison.text


def test_a_recorded_build_comes_back_as_it_was(shop: Any, tmp_path: Path, writer: Writer) -> None:
    wanted = shop.training_set(shop.spend, shop.Habits)
    built = shop.build(wanted, path=tmp_path / "churn.parquet")
    record(built, writer)
    (found,) = writer.reader.builds("shop", "training_set:churn@v1")
    assert found == built.record
    assert compare_builds(found, shop.build(wanted).record).equal
    assert "churn@v1" in type(built)(found, None)._repr_html_()


def test_a_build_is_recorded_once(shop: Any, writer: Writer) -> None:
    built = shop.build(shop.training_set())
    record(built, writer)
    with pytest.raises(RegistryError):
        record(built, writer)


def test_a_build_whose_file_is_not_there_is_not_recorded(shop: Any, tmp_path: Path, writer: Writer) -> None:
    built = shop.build(shop.training_set(), path=tmp_path / "churn.parquet")
    (tmp_path / "churn.parquet").unlink()
    with pytest.raises(BuildError, match="is not recorded"):
        record(built, writer)
    assert writer.reader.builds("shop") == ()


def test_importing_the_package_imports_no_driver() -> None:
    code = "import sys, featurestore.training; print(*{m.partition('.')[0] for m in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pyarrow", "duckdb", "alembic", "sqlalchemy", "pandas", "polars"} & set(loaded)
