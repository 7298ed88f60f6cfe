"""Derived and on-demand features of one row: order, roles, null, time, and what goes wrong."""

import datetime
import decimal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pytest

from featurestore.compiler.evaluate import Row, evaluation_of
from featurestore.compiler.vector import layout_of
from featurestore.definitions import expressions as fs
from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import Value
from featurestore.definitions.features import feature, features
from featurestore.definitions.inputs import Request, RequestTime, use
from featurestore.definitions.on_demand import on_demand
from featurestore.definitions.resolution import Settings, define
from featurestore.definitions.sources import Source
from featurestore.definitions.types import Decimal, Float64, Int32, Int64, Schema, String, Timestamp, Vector
from featurestore.errors import FeaturestoreError, NumberOverflowError, TypeMismatchError, UserCodeError
from featurestore.testing.engine import compute

SCHEMA: Schema = {"at": Timestamp, "customer_id": Int64, "airport": String, "n": Int64, "x": Float64}
NOON = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)

customer = Entity("customer", keys={"customer_id": Int64})
airport = Entity("airport", keys={"airport": String})
orders = Source("orders", table="orders", event_time="at")
flights = Source("flights", table="flights", event_time="at")


@features(entity=customer, source=orders, every="1h", version="v1")
class Orders:
    n = fs.sum("n")
    x = fs.sum("x")


@features(entity=airport, source=flights, every="1h", version="v1")
class Flights:
    delay = fs.mean("x")


@feature(entity=customer, version="v1")
def ratio(x: Annotated[Value, use(Orders.x)], n: Annotated[Value, use(Orders.n)]) -> Value:
    return x / n


@feature(entity=customer, version="v1")
def percent(ratio: Value) -> Value:
    return ratio * 100


@feature(entity=customer, version="v1")
def high(percent: Value, ratio: Value) -> Value:
    return fs.when(percent > 50, percent, ratio).fill_null(-1)


@feature(entity=customer, version="v1")
def more(n: Annotated[Value, use(Orders.n)]) -> Value:
    return n + 1


@feature(entity=airport, version="v1")
def late(delay: Annotated[Value, use(Flights.delay)]) -> Value:
    return delay > 15


@on_demand(version="v1")
def worth(amount: Request[float], percent: float | None) -> float | None:
    return None if percent is None else amount * percent


@on_demand(version="v1")
def doubled(worth: float | None) -> float | None:
    return None if worth is None else worth * 2


@on_demand(version="v1")
def year(at: RequestTime) -> int:
    assert at.tzinfo is datetime.UTC
    return at.year


class Pair(NamedTuple):
    first: int
    second: str | None


@on_demand(version="v1")
def pair(n: Annotated[int | None, use(Orders.n)]) -> Pair:
    return Pair(n or 0, None if n is None else str(n))


@on_demand(version="v1")
def delays(
    here: Annotated[float | None, use(Flights.delay.on(airport="origin"))],
    there: Annotated[float | None, use(Flights.delay.on(airport="dest"))],
) -> float | None:
    return None if here is None or there is None else here - there


SELECTED = (Orders, Flights, ratio, percent, high, more, late, worth, doubled, year, pair, delays)


def evaluated(
    chosen: list[Any], stored: Mapping[str, object], requests: Mapping[str, object] | None = None, time: int = 0
) -> dict[str, object]:
    """Column to value; ``stored`` is the stored features' values, by column."""
    layout = layout_of(define([*SELECTED, *chosen], schemas(), Settings()).select(chosen))
    evaluation = evaluation_of(layout)
    slots = {slot.name: stored[slot.feature.feature.column] for slot in layout.slots}
    row = Row(slots, requests or {}, time)
    found: dict[str, object] = {column: slots[slot] for column, slot in evaluation.direct.items()}
    for columns, evaluate in evaluation.computed.items():
        found |= dict(zip(columns, evaluate(row), strict=True))
    return found


def schemas() -> dict[str, Schema]:
    return dict.fromkeys(("orders", "flights"), SCHEMA)


def test_derived_features_are_made_of_derived_features() -> None:
    assert evaluated([high], {"x": 3.0, "n": 4}) == {"high": 75.0}
    assert evaluated([high], {"x": 1.0, "n": 4}) == {"high": 0.25}
    assert evaluated([high], {"x": 1.0, "n": 0}) == {"high": -1.0}
    assert evaluated([ratio, percent], {"x": None, "n": 4}) == {"ratio": None, "percent": None}


def test_a_number_that_does_not_fit_names_the_feature() -> None:
    with pytest.raises(NumberOverflowError, match="more@v1"):
        evaluated([more], {"n": 2**63 - 1})


def test_on_demand_functions_take_derived_ones_request_values_and_each_other() -> None:
    assert evaluated([doubled], {"x": 3.0, "n": 4}, {"amount": 2.0}) == {"doubled": 300.0}


def test_null_is_none() -> None:
    assert evaluated([worth], {"x": None, "n": 4}, {"amount": 2.0}) == {"worth": None}


def test_the_request_time_is_the_rows_time_in_utc() -> None:
    assert evaluated([year], {}, time=0) == {"year": 1970}
    assert evaluated([year], {}, time=-1) == {"year": 1969}


def test_a_named_tuple_is_one_feature_per_field() -> None:
    assert evaluated([pair], {"n": 7}) == {"pair_first": 7, "pair_second": "7"}
    assert evaluated([pair], {"n": None}) == {"pair_first": 0, "pair_second": None}


def test_two_roles_of_one_feature_are_looked_up_apart() -> None:
    layout = layout_of(define(SELECTED, schemas(), Settings()).select([delays]))
    assert [slot.keys for slot in layout.slots] == [("origin",), ("dest",)]
    (evaluate,) = evaluation_of(layout).computed.values()
    first, second = (slot.name for slot in layout.slots)
    assert list(evaluate(Row({first: 30.0, second: 10.0}, {}, 0))) == [20.0]


def test_a_derived_feature_in_two_roles_reads_each_roles_own_input() -> None:
    chosen = [late.on(airport="origin").named("late_here"), late.on(airport="dest").named("late_there")]
    layout = layout_of(define(SELECTED, schemas(), Settings()).select(chosen))
    evaluation = evaluation_of(layout)
    values = {slot.name: 30.0 if slot.keys == ("origin",) else 10.0 for slot in layout.slots}
    row = Row(values, {}, 0)
    assert {columns: list(found(row)) for columns, found in evaluation.computed.items()} == {
        ("late_here",): [True],
        ("late_there",): [False],
    }


def test_the_exception_of_a_function_is_kept_and_names_function_and_row(tmp_path: Path) -> None:
    @on_demand(version="v1")
    def inverse(amount: Request[int]) -> float:
        return 1 / amount

    chosen = define([inverse], {}, Settings()).select([inverse])
    spine = [{"t": NOON, "amount": 1}, {"t": NOON, "amount": 0}]
    with pytest.raises(
        UserCodeError, match=r"inverse, row 1 of the spine: inverse@v1 raised ZeroDivisionError"
    ) as caught:
        compute(chosen, spine, {}, {}, time="t", folder=tmp_path)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "test_evaluate.py" in (caught.value.where or "")


def returning(annotation: Any, value: object) -> Callable[[], dict[str, object]]:
    def odd() -> Any:
        return value

    odd.__annotations__["return"] = annotation
    layout = layout_of(define([on_demand(version="v1")(odd)], {}, Settings()).select(["odd"]))
    (evaluate,) = evaluation_of(layout).computed.values()
    return lambda: dict(zip(layout.columns, evaluate(Row({}, {}, 0)), strict=True))


DAY = datetime.date(2024, 5, 1)


@pytest.mark.parametrize(
    ("annotation", "value", "error"),
    [
        (int, "1", TypeMismatchError),
        (int, 1.0, TypeMismatchError),
        (int, True, TypeMismatchError),
        (bool, 1, TypeMismatchError),
        (str, b"a", TypeMismatchError),
        (bytes, "a", TypeMismatchError),
        (float, "1.0", TypeMismatchError),
        (datetime.date, NOON, TypeMismatchError),
        (datetime.datetime, DAY, TypeMismatchError),
        (list[int], ["a"], TypeMismatchError),
        (list[int], 1, TypeMismatchError),
        (Annotated[list[float], Vector[2]], [1.0], TypeMismatchError),
        (Pair, None, TypeMismatchError),
        (Pair, (1,), TypeMismatchError),
        (Pair, ("a", "b"), TypeMismatchError),
        (int, 2**63, NumberOverflowError),
        (Annotated[int, Int32], 2**31, NumberOverflowError),
        (list[int], [2**63], NumberOverflowError),
        (Annotated[decimal.Decimal, Decimal(4, 2)], decimal.Decimal(100), NumberOverflowError),
        (Annotated[decimal.Decimal, Decimal(4, 2)], decimal.Decimal("NaN"), NumberOverflowError),
    ],
)
def test_what_a_function_returns_is_of_the_type_that_it_says(
    annotation: Any, value: object, error: type[FeaturestoreError]
) -> None:
    with pytest.raises(error, match="odd"):
        returning(annotation, value)()


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (float, 1, 1.0),
        (int | None, None, None),
        (list[int], (1, None), [1, None]),
        (Annotated[decimal.Decimal, Decimal(4, 2)], 1, decimal.Decimal("1.00")),
        (datetime.date, DAY, DAY),
        (datetime.datetime, NOON, NOON),
    ],
)
def test_what_a_function_returns_becomes_a_value_of_that_type(annotation: Any, value: object, expected: object) -> None:
    (found,) = returning(annotation, value)().values()
    assert found == expected
    assert type(found) is type(expected)
