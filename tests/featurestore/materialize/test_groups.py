"""What a run must know of a group."""

import pytest

import featurestore as fs
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.resolved import Group
from featurestore.materialize import group_fingerprint, must_be_whole
from featurestore.spi.codec import group_prefix

customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
SCHEMA = {"customer_id": fs.Int64, "at": fs.Timestamp, "loaded": fs.Timestamp, "amount": fs.Float64}


def group_over(step: str | None = None, **source: object) -> Group:
    """A group over a source of these properties, or a step that joins it to `plain`."""
    given: dict[str, object] = {"event_time": "at", "created_time": "loaded", **source}
    rows = fs.Source("orders", table="orders", **given)  # type: ignore[arg-type]
    plain = fs.Source("plain", table="plain")

    @fs.transformation(version="v1")
    def joined(orders: fs.Rows, plain: fs.Rows) -> str:
        return "SELECT o.* FROM {orders} AS o JOIN {plain} AS p ON o.customer_id = p.customer_id"

    table = rows if step is None else joined

    @fs.features(entity=customer, source=table, version="v1", every="1h")
    class Habits:
        spend = fs.sum("amount")
        orders = fs.count()

    (group,) = define([Habits, rows, plain], {"orders": SCHEMA, "plain": SCHEMA}, Settings()).groups
    return group


def test_the_id_is_the_beginning_of_the_fingerprint_and_rows_and_markers_agree_on_it() -> None:
    group = group_over()
    assert group_fingerprint(group)[:16] == group.id
    assert group_prefix(group_fingerprint(group)) == group_prefix(group.id)


@pytest.mark.parametrize(
    ("step", "source", "reason"),
    [
        (None, {}, None),
        (None, {"created_time": None}, "orders has no created_time"),
        (None, {"created_time": None, "known_after": "1h"}, "orders has no created_time"),
        (None, {"event_time": None, "created_time": None}, "orders has no event_time"),
        ("joined", {}, "plain has no event_time"),
        ("joined", {"created_time": None}, "orders has no created_time; plain has no event_time"),
    ],
)
def test_a_group_is_computed_whole_where_what_changed_cannot_be_told(
    step: str | None, source: dict[str, object], reason: str | None
) -> None:
    assert must_be_whole(group_over(step, **source)) == reason
