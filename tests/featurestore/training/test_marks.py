import functools
from typing import Any

import pytest

import featurestore as fs
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.resolved import ResolvedTrainingSet
from featurestore.training import check_inputs
from featurestore.training.marks import column_marks, private_columns

customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
people = fs.Source(
    "people", path="p.parquet", event_time="at", key="row_id", tags={"income": ["pii"], "size": []}, keys={}
)
cities = fs.Source("cities", path="c.parquet", key="city")
SCHEMAS = {
    "people": {
        "row_id": fs.Int64,
        "customer_id": fs.Int64,
        "at": fs.Timestamp,
        "income": fs.Float64,
        "size": fs.Float64,
        "city": fs.String,
    },
    "cities": {"city": fs.String, "customer_id": fs.Int64, "height": fs.Float64},
}


@fs.transformation(version="v1")
def plain(people: fs.Rows) -> str:
    return "SELECT customer_id, income / 12 AS monthly, size AS length FROM {people}"


@fs.transformation(version="v1")
def united(people: fs.Rows) -> str:
    return "SELECT customer_id, size AS one FROM {people} UNION ALL SELECT customer_id, income AS other FROM {people}"


@fs.transformation(version="v1")
def nested(people: fs.Rows) -> str:
    return "SELECT x AS length, customer_id FROM (SELECT customer_id, income AS x FROM {people}) AS inside"


@fs.transformation(version="v1")
def nested_and_open(people: fs.Rows) -> str:
    return "SELECT customer_id, x AS length FROM (SELECT customer_id, size AS x FROM {people}) AS inside"


@fs.features(entity=customer, source=people, version="v1", every="1d")
class Person:
    best_income = fs.max("income")
    filtered = fs.count(where=fs.col("income") > 5)
    newest_row = fs.last("row_id")
    rows = fs.count_distinct("row_id")
    length = fs.max("size")


@fs.feature(entity=customer, version="v1", every="1d", tags=["pii"])
def marked(people: fs.Rows) -> fs.Value:
    return people["size"].sum()


@fs.feature(entity=customer, version="v1", every="1d")
def height(cities: fs.Rows) -> fs.Value:
    return cities.height.max()


@fs.feature(entity=customer, version="v1")
def derived(best_income: fs.Value, length: fs.Value) -> fs.Value:
    return best_income + length


@fs.on_demand(version="v1")
def asked(income: fs.Request[float]) -> float:
    return income


@fs.on_demand(version="v1")
def of_height(height: float | None, length: float | None) -> float | None:
    return height


@functools.singledispatch
def rounded(value: float | None) -> float | None:
    return value


@fs.on_demand(version="v1")
def through_a_library(length: float | None) -> float | None:
    return rounded(length)


def training_set(*features: object, source: object = people, column: str = "size") -> ResolvedTrainingSet:
    label = fs.Label("grown", version="v1", source=source, column=column, entity=customer)
    wanted = fs.TrainingSet("growth", version="v1", label=label, features=features)
    found = define([wanted, people, cities, Person, height], SCHEMAS, Settings()).find("training_set:growth").resolved
    assert isinstance(found, ResolvedTrainingSet)
    return found


def private(*features: object, **source: Any) -> frozenset[str]:
    made = training_set(*features, **source)
    return private_columns(made, check_inputs(made))


def test_keys_and_tagged_columns_of_the_label_rows_are_private() -> None:
    assert private(height) == {"row_id", "customer_id", "income"}


def test_features_that_read_tagged_columns_or_hand_out_keys_are_private() -> None:
    found = private(Person, marked, derived, asked, of_height)
    open_columns = {"at", "size", "city", "rows", "length", "of_height"}
    assert (
        found
        == {
            *SCHEMAS["people"],
            *("best_income", "filtered", "newest_row", "rows", "length", "marked", "derived", "asked", "of_height"),
        }
        - open_columns
    )


@pytest.mark.parametrize(
    ("step", "column", "expected"),
    [
        (plain, "monthly", {"customer_id", "monthly"}),
        (united, "one", {"customer_id", "one"}),
        (nested, "length", {"customer_id", "length"}),
        (nested_and_open, "length", {"customer_id"}),
    ],
)
def test_marks_of_columns_flow_through_steps(step: object, column: str, expected: set[str]) -> None:
    assert private(height, source=step, column=column) == expected


def test_what_is_built_on_an_untimed_source_is_marked() -> None:
    assert column_marks(training_set(Person.length, height, of_height)) == {
        "height": ["not point-in-time (untimed)"],
        "of_height": ["not point-in-time (untimed)"],
    }


def test_code_that_is_not_known_to_the_end_is_marked() -> None:
    assert column_marks(training_set(through_a_library)) == {"through_a_library": ["unverified"]}
