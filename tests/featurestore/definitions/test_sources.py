"""Entities and sources say what they are, and refuse what they cannot be."""

from typing import Any

import pytest

import featurestore as fs
from featurestore.definitions.sources import Binding
from featurestore.errors import DefinitionError


def test_a_source_says_where_it_lies_and_what_its_rows_mean() -> None:
    source = fs.Source(
        "orders",
        table="shop.orders",
        event_time="ordered_at",
        created_time="loaded_at",
        key="order_id",
        deleted="gone",
        tags={"email": "pii", "name": ["pii", "person"]},
    )
    assert source.binding == Binding(table="shop.orders")
    assert source.binding.document == {"table": "shop.orders"}
    assert (source.key, source.is_timed) == (("order_id",), True)
    assert source.own_columns() == ("ordered_at", "loaded_at", "gone", "order_id")
    assert source.tags == {"email": ("pii",), "name": ("pii", "person")}
    assert source.origin.file == __file__


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"path": "a", "table": "b"},
        {"path": "a", "created_time": "loaded_at"},
        {"path": "a", "known_after": "1d"},
        {"path": "a", "known_after": "0s"},
        {"path": "a", "event_time": "t", "deleted": "gone"},
        {"path": "a", "event_time": "t", "known_after": "soon"},
        {"path": "a", "columns": {"amount": float}},
        {"path": "a", "columns": {"amount": "Float64"}},
    ],
    ids=str,
)
def test_a_source_that_cannot_be_is_refused_with_its_place(options: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        fs.Source("orders", **options)


@pytest.mark.parametrize("name", ["", "a b", "1a", "a.b", "__a", "a@v1", "a-b", None, 3])
def test_a_name_that_no_parameter_could_have_is_refused(name: Any) -> None:
    with pytest.raises(DefinitionError):
        fs.Source(name, path="a")
    with pytest.raises(DefinitionError):
        fs.Entity(name, keys={"id": fs.Int64})
    with pytest.raises(DefinitionError):
        fs.Entity("customer", keys={name: fs.Int64})


def test_an_entity_keeps_its_keys_in_order() -> None:
    route = fs.Entity("route", keys={"origin": fs.String, "dest": fs.Date}, tags="travel")
    assert list(route.keys) == ["origin", "dest"]
    assert route.tags == ("travel",)
    assert str(route.ref) == "route"


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"id": fs.Float64},
        {"id": fs.Timestamp},
        {"id": fs.Bool},
        {"id": fs.Decimal(3, 0)},
        {"id": int},
        ["id"],
        "id",
    ],
    ids=str,
)
def test_what_cannot_identify_an_entity_is_refused(keys: Any) -> None:
    with pytest.raises(DefinitionError):
        fs.Entity("customer", keys=keys)


def test_definitions_are_frozen() -> None:
    with pytest.raises(AttributeError):
        fs.Entity("customer", keys={"id": fs.Int64}).name = "other"  # type: ignore[misc]
