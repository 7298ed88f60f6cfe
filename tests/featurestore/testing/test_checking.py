"""`fs.testing.check`: what users rely on in their own tests."""

import datetime
import decimal
import math
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import featurestore as fs
from featurestore.errors import (
    ColumnTypeError,
    DefinitionError,
    MissingColumnError,
    SpineError,
    UserCodeError,
)

customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
orders = fs.Source("orders", path="orders.parquet", event_time="at", created_time="loaded", key=["order_id"])
cities = fs.Source("cities", path="cities.parquet", columns={"city": fs.String, "country": fs.String})
visits = fs.Source("visits", path="visits.parquet", event_time="at")


@fs.transformation(version="v1")
def paid(orders: fs.Rows) -> str:
    """Orders that were paid."""
    return "SELECT * FROM {orders} WHERE status = 'paid'"


@fs.transformation(version="v1")
def placed(paid: fs.Rows, cities: fs.Rows) -> str:
    """Paid orders with their country."""
    return "SELECT p.customer_id, p.amount, c.country FROM {paid} AS p LEFT JOIN {cities} AS c ON p.city = c.city"


@fs.feature(entity=customer, version="v1", every="1h")
def spend(paid: fs.Rows) -> fs.Value:
    """Spending of a day."""
    return paid.amount.sum(over="1d")


@fs.features(entity=customer, source=paid, version="v1", every="1d")
class Habits:
    """What is usual."""

    count = fs.count(over="30d")
    city = fs.last("city").fill_null("?")


@fs.feature(entity=customer, version="v1", every="1h")
def country(placed: fs.Rows) -> fs.Value:
    """Country of the last order."""
    return placed.country.last()


@fs.feature(entity=customer, version="v1")
def double(spend: fs.Value) -> fs.Value:
    """Twice the spending."""
    return spend * 2


@fs.feature(entity=customer, version="v1", every="1h")
def last_visit(visits: fs.Rows) -> fs.Value:
    """When the customer came last."""
    return visits["at"].last()


@fs.on_demand(version="v1")
def ratio(amount: fs.Request[float], double: float | None) -> float | None:
    """An amount against twice the spending."""
    return amount / double if double else None


class Both(NamedTuple):
    less: float
    more: float


@fs.on_demand(version="v1")
def around(amount: fs.Request[float], at: fs.RequestTime) -> Both:
    """Two values at once."""
    return Both(amount - at.hour, amount + at.hour)


service = fs.FeatureService("service", version="v1", features=[spend, Habits])


def order(number: int, at: str, amount: float, **more: object) -> dict[str, Any]:
    return {"order_id": number, "customer_id": 1, "at": at, "amount": amount, "status": "paid", "city": "Graz", **more}


ORDERS = [order(1, "2024-01-05 09:30", 20.0), order(2, "2024-01-05 10:00", 5.0, city="Linz")]
NOON = {"customer_id": 1, "time": "2024-01-05 12:00"}


def check_orders(feature: object, expect: Sequence[object], rows: Sequence[Mapping[str, Any]] = ORDERS) -> None:
    fs.testing.check(feature, rows={orders: rows}, spine=[NOON], expect=expect)


def test_a_feature_is_computed_over_rows_of_its_source() -> None:
    check_orders(spend, [25.0])


def test_another_value_than_expected_is_an_assertion_error_with_a_table() -> None:
    with pytest.raises(AssertionError) as caught:
        fs.testing.check(
            spend,
            rows={orders: ORDERS},
            spine=[NOON, {**NOON, "customer_id": 2}],
            expect=[26.0, None],
        )
    assert str(caught.value).splitlines() == [
        "1 of 2 values are not as expected.",
        "  row  customer_id  time                  feature  expected  got",
        "  0    1            2024-01-05 12:00:00Z  spend    26.0      25.0",
    ]


def test_many_differences_are_not_all_shown() -> None:
    with pytest.raises(AssertionError, match=r"\.\.\. and 10 more"):
        fs.testing.check(spend, rows={orders: ORDERS}, spine=[NOON] * 30, expect=[0.0] * 30)


def test_boundaries_late_rows_and_corrections_count_as_in_production() -> None:
    rows = [
        order(1, "2024-01-05 09:30", 20.0, loaded="2024-01-05 09:31"),
        order(1, "2024-01-05 09:30", 30.0, loaded="2024-01-05 12:30"),
        order(2, "2024-01-05 09:40", 1.0, loaded="2024-01-06 09:00"),
    ]
    times = ["2024-01-05 09:59", "2024-01-05 10:00", "2024-01-05 12:59", "2024-01-05 13:00", "2024-01-06 09:30"]
    spine = [{"customer_id": 1, "time": time} for time in times]
    fs.testing.check(spend, rows={orders: rows}, spine=spine, expect=[None, 20.0, 20.0, 30.0, 31.0])


def test_features_of_a_class_are_expected_by_column() -> None:
    habits: object = Habits
    next_day = {"customer_id": 1, "time": "2024-01-06"}
    fs.testing.check(habits, rows={orders: ORDERS}, spine=[next_day], expect=[{"count": 2, "city": "Linz"}])
    with pytest.raises(AssertionError, match="1 of 2 values"):
        fs.testing.check(habits, rows={orders: ORDERS}, spine=[next_day], expect=[{"count": 2, "city": "Graz"}])


def test_columns_that_are_not_named_are_not_compared() -> None:
    fs.testing.check(service, rows={orders: ORDERS}, spine=[NOON], expect=[{"spend": 25.0}])


def test_several_features_can_be_listed() -> None:
    check_orders([spend, double], [{"spend": 25.0, "double": 50.0}])


def test_derived_features_find_their_inputs_by_name() -> None:
    check_orders(double, [50.0])


def test_on_demand_features_take_request_values_from_the_spine() -> None:
    spine = [{**NOON, "amount": 100}]
    fs.testing.check(ratio, rows={orders: ORDERS}, spine=spine, expect=[2.0])


def test_an_on_demand_feature_of_several_values_needs_no_rows() -> None:
    spine = [{"amount": 100.0, "time": "2024-01-05 12:00"}]
    fs.testing.check(around, rows={}, spine=spine, expect=[{"around_less": 88.0, "around_more": 112.0}])


def test_an_error_in_an_on_demand_function_is_shown_as_the_users() -> None:
    @fs.on_demand(version="v1")
    def fails(amount: fs.Request[float]) -> float:
        return amount / 0

    with pytest.raises(UserCodeError, match="row 0"):
        fs.testing.check(fails, rows={}, spine=[{"amount": 1.0, "time": "2024-01-05"}], expect=[1.0])


def test_rows_of_a_transformation_stand_in_for_what_it_gives() -> None:
    rows = [{"customer_id": 1, "at": "2024-01-05 09:30", "amount": 7.0}]
    fs.testing.check(spend, rows={paid: rows}, spine=[NOON], expect=[7.0])
    fs.testing.check(double, rows={paid: rows}, spine=[NOON], expect=[14.0])
    fs.testing.check(ratio, rows={paid: rows}, spine=[{**NOON, "amount": 7.0}], expect=[0.5])


def test_rows_of_a_transformation_stand_in_below_another_transformation() -> None:
    rows = [{"customer_id": 1, "at": "2024-01-05 09:30", "amount": 7.0, "city": "Graz"}]
    given: dict[object, list[dict[str, object]]] = {paid: [*rows], cities: [{"city": "Graz", "country": "AT"}]}
    fs.testing.check(country, rows=given, spine=[NOON], expect=["AT"])


def test_rows_of_a_transformation_can_be_late_and_be_corrected() -> None:
    rows = [
        order(1, "2024-01-05 09:30", 20.0, loaded="2024-01-05 09:31"),
        order(1, "2024-01-05 09:30", 30.0, loaded="2024-01-05 12:30"),
    ]
    fs.testing.check(spend, rows={paid: rows}, spine=[NOON, {**NOON, "time": "2024-01-05 13:00"}], expect=[20.0, 30.0])


def test_a_source_with_declared_columns_may_be_empty() -> None:
    fs.testing.check(country, rows={orders: ORDERS}, spine=[NOON], expect=[None])


def test_a_source_of_which_nothing_is_known_needs_rows() -> None:
    nothing: list[dict[object, Sequence[Mapping[str, object]]]] = [{}, {orders: []}]
    for rows in nothing:
        with pytest.raises(DefinitionError, match="orders, of which there are no rows") as caught:
            fs.testing.check(spend, rows=rows, spine=[NOON], expect=[None])
        assert "columns=" in str(caught.value.hint)


def test_rows_that_nothing_reads_are_refused() -> None:
    with pytest.raises(DefinitionError, match="visits, which the features do not read"):
        fs.testing.check(spend, rows={orders: ORDERS, visits: []}, spine=[NOON], expect=[None])
    with pytest.raises(DefinitionError, match="orders, which the features do not read"):
        fs.testing.check(spend, rows={orders: ORDERS, paid: ORDERS}, spine=[NOON], expect=[25.0])


def test_rows_are_for_sources_and_transformations() -> None:
    with pytest.raises(DefinitionError, match="no source and no transformation"):
        fs.testing.check(spend, rows={"orders": ORDERS}, spine=[NOON], expect=[25.0])


def test_a_row_without_its_event_time_is_refused() -> None:
    tables: list[object] = [orders, paid]
    for table in tables:
        with pytest.raises(MissingColumnError, match="row 1 has no 'at'"):
            fs.testing.check(spend, rows={table: [ORDERS[0], {"order_id": 2}]}, spine=[NOON], expect=[20.0])


@pytest.mark.parametrize(
    "at",
    [
        datetime.datetime(2024, 1, 5, 9, 30, tzinfo=datetime.UTC),
        datetime.datetime(2024, 1, 5, 9, 30),  # noqa: DTZ001 - naive times are UTC
        datetime.datetime(2024, 1, 5, 10, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
        "2024-01-05 09:30",
        "2024-01-05T10:30+01:00",
        datetime.date(2024, 1, 5),
    ],
)
def test_times_are_datetimes_dates_or_text(at: object) -> None:
    rows = [{"customer_id": 1, "at": at}]
    spine = [{"customer_id": 1, "t": at}, {"customer_id": 1, "t": "2024-01-05 12:00"}]
    noon = datetime.datetime(2024, 1, 5, 9, 30, tzinfo=datetime.UTC)
    midnight = datetime.datetime(2024, 1, 5, tzinfo=datetime.UTC)
    day = type(at) is datetime.date
    fs.testing.check(
        last_visit, rows={visits: rows}, spine=spine, expect=[midnight if day else None, midnight if day else noon]
    )
    fs.testing.check(last_visit, rows={visits: rows}, spine=spine[1:], expect=[at])


def test_the_time_column_is_told_or_named() -> None:
    for name in ("asked", "event_time", "t"):
        spine = [{"customer_id": 1, name: "2024-01-05 12:00"}]
        fs.testing.check(spend, rows={orders: ORDERS}, spine=spine, expect=[25.0])
    two = [{"customer_id": 1, "a": "2024-01-05 12:00", "b": "2024-02-05 12:00"}]
    with pytest.raises(SpineError, match="not clear which column"):
        fs.testing.check(spend, rows={orders: ORDERS}, spine=two, expect=[25.0])
    fs.testing.check(spend, rows={orders: ORDERS}, spine=two, expect=[25.0], time="a")
    fs.testing.check(spend, rows={orders: ORDERS}, spine=two, expect=[None], time="b")


@pytest.mark.parametrize(
    ("expect", "part"),
    [
        ([], "0 values"),
        ([1.0, 2.0], "2 values"),
        (["much"], "'much', which is no Float64"),
        ([{"spent": 1.0}], "'spent'"),
    ],
)
def test_what_cannot_be_expected_is_refused(expect: list[object], part: str) -> None:
    with pytest.raises((SpineError, ColumnTypeError), match=part):
        check_orders(spend, expect)


def test_several_features_are_expected_as_dicts() -> None:
    with pytest.raises(SpineError, match="spend, double"):
        check_orders([spend, double], [25.0])


def test_floats_may_differ_by_rounding_and_no_more() -> None:
    rows = [order(1, "2024-01-05 09:30", 0.1), order(2, "2024-01-05 09:30", 0.2)]
    check_orders(spend, [0.3], rows)
    with pytest.raises(AssertionError):
        check_orders(spend, [0.3000001], rows)


def test_nan_is_nan_and_no_null() -> None:
    rows = [order(1, "2024-01-05 09:30", math.nan)]
    check_orders(spend, [math.nan], rows)
    with pytest.raises(AssertionError):
        check_orders(spend, [None], rows)


def test_types_of_columns_are_those_of_the_values() -> None:
    whole = [order(1, "2024-01-05 09:30", 3), order(2, "2024-01-05 09:30", 4)]
    check_orders(spend, [7], whole)
    mixed = [order(1, "2024-01-05 09:30", 3), order(2, "2024-01-05 09:30", 0.5)]
    check_orders(spend, [3.5], mixed)
    exact = [{**row, "amount": decimal.Decimal(text)} for row, text in zip(whole, ("1.5", "20"), strict=True)]
    check_orders(spend, [decimal.Decimal("21.5")], exact)


@pytest.mark.parametrize(("amounts", "part"), [((None, None), "no value"), ((1.0, "two"), "several types")])
def test_a_column_of_no_type_is_refused_and_the_way_out_is_said(amounts: tuple[object, object], part: str) -> None:
    rows = [{**row, "amount": amount} for row, amount in zip(ORDERS, amounts, strict=True)]
    with pytest.raises(ColumnTypeError, match=rf"orders\.amount .*{part}") as caught:
        check_orders(spend, [None], rows)
    assert 'columns={"amount"' in str(caught.value.hint)


def test_declared_types_stand() -> None:
    prices = fs.Source("prices", path="p.parquet", event_time="at", columns={"price": fs.Decimal(10, 2)})

    @fs.feature(entity=customer, version="v1", every="1h")
    def last_price(prices: fs.Rows) -> fs.Value:
        return prices.price.last()

    rows = [{"customer_id": 1, "at": "2024-01-05 09:30", "price": "1.50"}]
    fs.testing.check(last_price, rows={prices: rows}, spine=[NOON], expect=["1.5"])
    with pytest.raises(ColumnTypeError, match=r"prices, row 0: price is 'dear', which is no Decimal\(10, 2\)"):
        fs.testing.check(last_price, rows={prices: [{**rows[0], "price": "dear"}]}, spine=[NOON], expect=[None])


def test_lists_are_compared_item_by_item() -> None:
    @fs.feature(entity=customer, version="v1", every="1h")
    def tags(visits: fs.Rows) -> fs.Value:
        return visits.tags.last()

    rows = [{"customer_id": 1, "at": "2024-01-05 09:30", "tags": [1, 2]}]
    fs.testing.check(tags, rows={visits: rows}, spine=[NOON], expect=[[1, 2]])
    with pytest.raises(AssertionError, match=r"\[1, 2\]"):
        fs.testing.check(tags, rows={visits: rows}, spine=[NOON], expect=[[1, 3]])


def test_settings_and_locked_types_of_the_project_count(tmp_path: Path) -> None:
    files = {
        "featurestore.yaml": """
            project: shop
            defaults: {every: 1h}
            targets: {laptop: {offline: {provider: duckdb}}}
        """,
        "sources.lock.yaml": """
            version: 1
            sources: {orders: {columns: {customer_id: Int64, at: Timestamp, amount: "Decimal(10, 2)"}}}
        """,
        "shop_features.py": """
            import featurestore as fs
            customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
            orders = fs.Source("orders", path="orders.parquet", event_time="at")
            @fs.feature(entity=customer)
            def spend(orders: fs.Rows) -> fs.Value:
                return orders.amount.sum(over="1d")
        """,
        "test_shop.py": """
            from decimal import Decimal
            import featurestore as fs
            from shop_features import orders, spend
            SPINE = [{"customer_id": 1, "time": "2024-01-05 12:00"}]
            def test_spend():
                rows = [{"customer_id": 1, "at": "2024-01-05 11:00", "amount": "1.25"}]
                fs.testing.check(spend, rows={orders: rows}, spine=SPINE, expect=[Decimal("1.25")])
                fs.testing.check(spend, rows={}, spine=SPINE, expect=[None])
        """,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(textwrap.dedent(text))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_package_offers_it_without_importing_an_engine() -> None:
    code = "import sys, featurestore as fs; fs.testing; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pyarrow", "duckdb", "sqlglot"} & set(loaded)
