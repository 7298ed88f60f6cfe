"""Documents are canonical data, and say which columns decide between equally new versions."""

import json
from typing import Any

import pytest

import featurestore as fs
from featurestore.definitions.documents import version_ties
from featurestore.definitions.fingerprints import canonical_json, digest
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.resolved import Definition, ResolvedLabel, StoredFeature

SCHEMA = {
    "order_id": fs.Int64,
    "cust_id": fs.Int64,
    "t": fs.Timestamp,
    "amount": fs.Float64,
    "City": fs.String,
    "net amount": fs.Float64,
    "unread": fs.Bytes,
}
customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
orders = fs.Source(
    "orders", path="a", event_time="t", key="order_id", keys={"customer_id": "cust_id"}, tags={"City": ["b", "a"]}
)
plain = fs.Source("plain", path="a", event_time="t", columns=SCHEMA)


def step(sql: str, **options: Any) -> Any:
    """A step that returns ``sql``."""

    def made(orders: fs.Rows) -> str:
        return sql

    return fs.transformation(**options)(made)


def ties(source: object, expression: Any = None) -> dict[str, tuple[str, ...]]:
    """What breaks ties between versions, of a feature over ``source``."""
    expression = fs.sum("amount") if expression is None else expression
    whole: Any = fs.features(entity=customer, source=source, every="1h")(type("Made", (), {"x": expression}))
    found = define([whole, orders], {"orders": SCHEMA}, Settings()).find("Made.x").resolved
    assert isinstance(found, StoredFeature)
    return dict(version_ties(found))


def test_versions_of_a_source_are_told_apart_by_the_columns_that_the_fingerprint_covers() -> None:
    assert ties(orders) == {"orders": ("amount", "cust_id")}
    assert ties(orders, fs.sum(fs.col("net amount"))) == {"orders": ("amount", "cust_id", "net amount")}
    assert ties(step("SELECT *, city AS town FROM {orders}")) == {"orders": ("City", "amount", "cust_id")}


def test_a_step_in_code_and_one_over_whole_rows_tell_versions_apart_by_every_column() -> None:
    everything = {"orders": tuple(sorted(SCHEMA))}
    assert ties(step("SELECT DISTINCT * FROM {orders}", time="per_boundary", event_time="t")) == everything

    def coded(orders: fs.Rows) -> Any:
        return orders

    assert ties(fs.transformation(engine="pandas", time="row_wise")(coded)) == everything


def test_a_source_without_a_key_has_no_versions() -> None:
    assert ties(plain) == {}


def test_label_rows_are_told_apart_by_the_label_and_the_keys() -> None:
    label = fs.Label("l", source=orders, column="unread", entity=customer)
    found = define([label], {"orders": SCHEMA}, Settings()).find("l").resolved
    assert isinstance(found, ResolvedLabel)
    assert dict(version_ties(found)) == {"orders": ("cust_id", "unread")}


def definitions() -> list[Definition]:
    """One definition of each kind that has a document of its own."""

    @fs.feature(entity=customer, every="1h", tags=["b", "a"], owner="me")
    def spend(orders: fs.Rows) -> fs.Value:
        """All spending."""
        return orders.amount.sum(over="7d", where=orders.City == "x")

    @fs.on_demand()
    def ratio(amount: fs.Request[float], spend: float | None, at: fs.RequestTime) -> float | None:
        return amount / spend if spend else None

    service = fs.FeatureService("s", features=[spend, ratio])
    label = fs.Label("l", source=orders, column="unread", entity=customer)
    whole = fs.TrainingSet("t", label=label, features=service)
    return list(define([whole, orders, spend, ratio], {"orders": SCHEMA}, Settings()))


def test_each_document_is_json_that_reads_back_as_itself() -> None:
    found = definitions()
    assert {one.kind for one in found} == {
        "entity",
        "source",
        "feature",
        "on_demand",
        "service",
        "label",
        "training_set",
    }
    for one in found:
        for document in (one.logic, one.metadata):
            assert json.loads(canonical_json(document)) == document
        assert one.fingerprint.logic == digest(one.logic)
        assert one.fingerprint.metadata == digest(one.metadata)


def test_metadata_is_what_people_read_in_one_order() -> None:
    by_name = {one.ref.name: one.metadata for one in definitions()}
    assert by_name["spend"] == {"description": "All spending.", "owner": "me", "tags": ["a", "b"]}
    assert by_name["orders"]["tags"] == {"City": ["a", "b"]}


def test_a_canonical_text_does_not_depend_on_the_order_of_fields() -> None:
    assert (
        canonical_json({"b": [1, "ä"], "a": None})
        == canonical_json({"a": None, "b": [1, "ä"]})
        == '{"a":null,"b":[1,"ä"]}'
    )
    for wrong in (object(), {1, 2}, b"a"):
        with pytest.raises(TypeError, match="no canonical form"):
            canonical_json({"a": wrong})
