"""The read path over a real store, with rows as a run would have written them (semantics 16, 18)."""

import datetime
import decimal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pytest

import featurestore as fs
from featurestore.compiler.stored import row_columns, stored_form
from featurestore.definitions.resolution import Definitions, Settings, define
from featurestore.definitions.resolved import Group, ResolvedService
from featurestore.errors import (
    CorruptRowError,
    FingerprintDiffersError,
    RequestError,
    ServingError,
    StoreUnavailableError,
)
from featurestore.spi.codec import Marker, Row, RowCodec, encode_key, encode_row, group_prefix
from featurestore.spi.online import Found, GroupKey
from featurestore_serving.fetch import FetchPlan, StoredGroup, fetch, resolve
from featurestore_serving.vectors import Column, FeatureVectors, Request, Status
from featurestore_sqlite.store import SQLiteStore

NAMESPACE = "shop:test"
PRESENT, NULL, NOT_FOUND, EXPIRED = Status.PRESENT, Status.NULL, Status.NOT_FOUND, Status.EXPIRED
AHEAD, UNAVAILABLE, ERROR = Status.AHEAD, Status.UNAVAILABLE, Status.ERROR
HOSTILE = ["", "\0", "a\0b", "'; DROP TABLE rows; --", '"', "\\", "%", "𝄞", "\n", "a|b", "NULL", "\x1f", "é", "e\u0301"]


def at(text: str) -> int:
    """Microseconds of a time on 2 March 2024, or of a day and a time."""
    full = text if "T" in text else f"2024-03-02T{text}"
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (datetime.datetime.fromisoformat(f"{full}+00:00") - epoch) // datetime.timedelta(microseconds=1)


customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
airport = fs.Entity("airport", keys={"code": fs.String})
seat = fs.Entity("seat", keys={"day": fs.Date, "flight": fs.String, "number": fs.Int32})
orders = fs.Source("orders", table="orders", event_time="happened_at", created_time="loaded_at")
flights = fs.Source("flights", table="flights", event_time="happened_at")
SCHEMAS = {
    "orders": {
        "customer_id": fs.Int64,
        "amount": fs.Float64,
        "items": fs.Int64,
        "country": fs.String,
        "happened_at": fs.Timestamp,
        "loaded_at": fs.Timestamp,
    },
    "flights": {
        "code": fs.String,
        "day": fs.Date,
        "flight": fs.String,
        "number": fs.Int32,
        "minutes": fs.Int64,
        "happened_at": fs.Timestamp,
    },
}


@fs.features(entity=customer, source=orders, every="1h", delay="10m", publish_within="30m")
class Spend:
    total = fs.sum("amount", over="7d")
    count = fs.count()
    country = fs.last("country", ttl="30d").fill_null("??")
    city = fs.last("country")
    items = fs.sum("items").fill_null(-0.5)
    recent = fs.last_n("country", n=3)


@fs.features(entity=customer, source=orders, every="1d")
class Daily:
    average = fs.mean("amount")


@fs.features(entity=customer, source=orders, every="1h")
class Wide:
    exact = fs.sum("items").fill_null(decimal.Decimal("1e-30"))


@fs.features(entity=airport, source=flights, every="1h")
class Delays:
    minutes = fs.sum("minutes")


@fs.features(entity=seat, source=flights, every="1h")
class Seats:
    flown = fs.count()


@fs.feature(entity=customer)
def against_usual(
    total: Annotated[fs.Value, fs.use(Spend.total)], average: Annotated[fs.Value, fs.use(Daily.average)]
) -> fs.Value:
    return total / average


@fs.feature(entity=customer)
def unusual(against_usual: fs.Value) -> fs.Value:
    return against_usual.fill_null(0.0) > 2.0


@fs.on_demand()
def ratio(amount: fs.Request[float], total: Annotated[float | None, fs.use(Spend.total)]) -> float | None:
    return None if total is None else amount / total


@fs.on_demand()
def doubled(ratio: float | None) -> float | None:
    return None if ratio is None else 2 * ratio


@fs.on_demand()
def hour(now: fs.RequestTime, amount: fs.Request[float]) -> float:
    return now.hour + amount


class Both(NamedTuple):
    longest: str
    number: int


@fs.on_demand()
def names(recent: Annotated[list[str] | None, fs.use(Spend.recent)]) -> Both:
    if recent is None:
        return Both("", 0)
    recent.append("changed")
    return Both(max(recent), len(recent))


@fs.on_demand()
def broken(amount: fs.Request[float]) -> Both:
    return Both("secret", 1) if amount > 0 else None  # type: ignore[return-value]


@fs.on_demand()
def mistyped(amount: fs.Request[float]) -> int:
    return "secret" if amount > 0 else 1  # type: ignore[return-value]


@fs.on_demand()
def typed(
    day: fs.Request[datetime.date],
    price: fs.Request[Annotated[decimal.Decimal, fs.Decimal(10, 2)]],
    seen: fs.Request[datetime.datetime],
) -> str:
    return f"{day} {price} {seen.isoformat()}"


SERVICES: dict[str, Sequence[object]] = {
    "spend": [Spend],
    "country": [Spend.country],
    "derived": [Spend.total, Daily.average, against_usual, unusual],
    "on_demand": [ratio, doubled, hour],
    "lists": [Spend.recent, names],
    "route": [Delays.minutes.on(code="origin").named("from_"), Delays.minutes.on(code="dest").named("to")],
    "seats": [Seats.flown],
    "typed": [typed],
    "broken": [broken, mistyped],
    "wide": [Wide],
    "all": [Spend, Delays.minutes],
}
SETTINGS = Settings()
MADE = [fs.FeatureService(name, features=selection, version="v1") for name, selection in SERVICES.items()]
DEFINED: Definitions = define([customer, airport, seat, orders, flights, *MADE], SCHEMAS, SETTINGS)


def service(name: str) -> ResolvedService:
    found = DEFINED.find(f"service:{name}@v1").resolved
    assert isinstance(found, ResolvedService)
    return found


def group(name: str) -> Group:
    return next(one for one in DEFINED.groups if one.name == name)


@dataclass
class Shop:
    """A store, and what a run would do with it."""

    store: SQLiteStore

    def put(self, name: str, key: Sequence[object], boundary: int, **values: object) -> None:
        """A row of the group; a value with an event time is a pair."""
        self.put_many(name, [(key, values)], boundary)

    def put_many(self, name: str, rows: Sequence[tuple[Sequence[object], Mapping[str, object]]], boundary: int) -> None:
        found = group(name)
        key_of = GroupKey(NAMESPACE, found.id)
        self.store.put_many(key_of, [(encoded(found, key), row_of(found, boundary, given)) for key, given in rows])

    def publish(self, name: str, boundary: int, fingerprint: str | None = None) -> None:
        found = group(name)
        key = GroupKey(NAMESPACE, found.id)
        marker = Marker(boundary, 1, fingerprint or found.id, 0, "", boundary)
        assert self.store.publish(key, marker, expected=self.store.marker(key))

    def plan(self, name: str) -> FetchPlan:
        return resolve(service(name), DEFINED.groups, NAMESPACE)

    def get(
        self, name: str, entities: Mapping[str, Sequence[object]], clock: int, *, store: Any = None, **options: Any
    ) -> FeatureVectors:
        request = Request(f"{name}@v1", entities, **options)
        return fetch(self.plan(name), request, store or self.store, clock=clock, allow_at=True)


def encoded(found: Group, key: Sequence[object]) -> bytes:
    made = encode_key(key, list(found.entity.keys.values()))
    assert made is not None
    return made


def row_of(found: Group, boundary: int, given: Mapping[str, object], prefix: bytes | None = None) -> bytes:
    values: list[object] = []
    for member in found.members:
        value = given.get(member.feature.column)
        if stored_form(member).has_event:
            pair = value if isinstance(value, tuple) else (value, None)
            values += pair
        else:
            values.append(value)
    row = Row(boundary, 1, prefix or group_prefix(found.id), tuple(values))
    return encode_row(row, RowCodec(row_columns(found)))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    store = SQLiteStore(tmp_path / "online.db")
    yield Shop(store)
    store.close()


def cells(column: Column) -> list[tuple[Status, object]]:
    return list(zip(column.statuses, column.values, strict=True))


NOW = at("12:45")  # b(t) of Spend is 12:00
ONE = {"customer_id": [1]}


# Statuses


def test_a_value_is_present_with_the_time_of_its_group_and_its_event(shop: Shop) -> None:
    shop.put("Spend", [1], at("12:00"), total=3.5, count=2, city=("Ulm", at("11:00")))
    shop.publish("Spend", at("12:00"))
    reply = shop.get("spend", ONE, NOW)
    assert cells(reply.column("total")) == [(PRESENT, 3.5)]
    assert reply.column("total").event_times is None
    assert cells(reply.column("city")) == [(PRESENT, "Ulm")]
    assert reply.column("city").event_times == [at("11:00")]
    assert reply.column("city").group == group("Spend").id
    (times,) = reply.groups
    assert (times.group, times.role) == (group("Spend").id, {"customer_id": "customer_id"})
    assert (times.as_of, times.due) == ([at("12:00")], [at("12:00")])
    assert (reply.service, reply.times) == ("spend@v1", [NOW])
    assert [column.name for column in reply.columns] == ["total", "count", "country", "city", "items", "recent"]
    assert [column.type for column in reply.columns][:2] == ["Float64", "Int64"]
    assert reply.column("count").fingerprint == DEFINED.find("Spend.count").fingerprint.logic


def test_a_null_is_null_and_a_fill_changes_the_value_only(shop: Shop) -> None:
    shop.put("Spend", [1], at("12:00"), count=0)
    shop.publish("Spend", at("12:00"))
    reply = shop.get("spend", ONE, NOW)
    assert cells(reply.column("total")) == [(NULL, None)]
    assert cells(reply.column("count")) == [(PRESENT, 0)]
    assert cells(reply.column("country")) == [(NULL, "??")]
    assert cells(reply.column("items")) == [(NULL, -0.5)]


def test_an_unknown_entity_and_a_null_key_have_the_empty_value_filled(shop: Shop) -> None:
    shop.publish("Spend", at("12:00"))
    reply = shop.get("spend", {"customer_id": [404, None]}, NOW)
    expected = {"total": None, "count": 0, "country": "??", "city": None, "items": -0.5, "recent": None}
    for name, empty in expected.items():
        assert cells(reply.column(name)) == [(NOT_FOUND, empty)] * 2
    assert reply.column("city").event_times == [None, None]
    assert reply.groups[0].as_of == [at("12:00"), None]


def test_a_filler_of_a_wider_type_widens_what_is_stored(shop: Shop) -> None:
    shop.put("Spend", [1], at("12:00"), items=3)
    shop.publish("Spend", at("12:00"))
    column = shop.get("spend", ONE, NOW).column("items")
    assert column.type == "Float64"
    assert (column.values, type(column.values[0])) == ([3.0], float)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (at("2024-02-01T12:00"), (EXPIRED, "??")),  # exactly the ttl ago: the interval is open there
        (at("2024-02-01T12:00") + 1, (PRESENT, "DE")),
        (at("2024-02-01T12:00") - 1, (EXPIRED, "??")),
        (at("12:00"), (PRESENT, "DE")),
    ],
)
def test_ttl_ends_to_the_microsecond(shop: Shop, event: int, expected: tuple[Status, object]) -> None:
    shop.put("Spend", [1], at("12:00"), country=("DE", event))
    shop.publish("Spend", at("12:00"))
    column = shop.get("spend", ONE, NOW).column("country")
    assert cells(column) == [expected]
    assert column.event_times == [event]


def test_ttl_is_applied_at_the_due_boundary_of_a_late_group_and_at_the_boundary_of_one_ahead(shop: Shop) -> None:
    event = at("2024-02-01T10:30")
    shop.put("Spend", [1], at("09:00"), country=("DE", event))
    shop.publish("Spend", at("09:00"))
    assert cells(shop.get("country", ONE, at("10:45")).column("country")) == [(PRESENT, "DE")]  # at b(t) = 10:00
    assert cells(shop.get("country", ONE, at("11:45")).column("country")) == [(EXPIRED, "??")]  # at b(t) = 11:00
    shop.publish("Spend", at("11:00"))
    assert cells(shop.get("country", ONE, at("10:45")).column("country")) == [(EXPIRED, "??")]  # at a = 11:00


def test_an_expired_null_has_expired(shop: Shop) -> None:
    shop.put("Spend", [1], at("12:00"), country=(None, at("2023-01-01T00:00")))
    shop.publish("Spend", at("12:00"))
    assert cells(shop.get("country", ONE, NOW).column("country")) == [(EXPIRED, "??")]


@pytest.mark.parametrize(
    ("written", "published", "as_of"),
    [("09:00", "12:00", "12:00"), ("11:00", "11:00", "11:00"), ("12:00", "11:00", "12:00")],
)
def test_a_row_is_valid_as_of_the_later_of_its_boundary_and_the_published_one(
    shop: Shop, written: str, published: str, as_of: str
) -> None:
    shop.put("Spend", [1], at(written), total=1.0)
    shop.publish("Spend", at(published))
    reply = shop.get("spend", ONE, NOW)
    assert cells(reply.column("total")) == [(PRESENT, 1.0)]
    assert (reply.groups[0].as_of, reply.groups[0].due) == ([at(as_of)], [at("12:00")])


def test_a_value_ahead_is_given_by_the_clock_and_not_for_an_own_time(shop: Shop) -> None:
    shop.put("Spend", [1], at("12:00"), total=1.0, city=("Ulm", at("11:00")))
    shop.publish("Spend", at("12:00"))
    early = at("12:20")  # b(t) is 11:00
    assert cells(shop.get("spend", ONE, early).column("total")) == [(PRESENT, 1.0)]
    reply = shop.get("spend", {"customer_id": [1, 404, None]}, 0, at=[early])
    assert cells(reply.column("total")) == [(AHEAD, None), (AHEAD, None), (NOT_FOUND, None)]
    assert cells(reply.column("country"))[0] == (AHEAD, None)
    assert reply.column("city").event_times == [None] * 3
    assert reply.groups[0].as_of == [at("12:00"), at("12:00"), None]
    assert reply.groups[0].due == [at("11:00")] * 3


def test_each_entity_is_read_at_its_own_time(shop: Shop) -> None:
    shop.put("Spend", [1], at("12:00"), country=("DE", at("2024-02-01T12:30")))
    shop.publish("Spend", at("12:00"))
    times = [at("12:20"), at("12:40"), at("13:40")]
    reply = shop.get("spend", {"customer_id": [1, 1, 1]}, 0, at=times)
    assert cells(reply.column("country")) == [(AHEAD, None), (PRESENT, "DE"), (EXPIRED, "??")]
    assert reply.times == times
    assert reply.groups[0].due == [at("11:00"), at("12:00"), at("13:00")]


def test_without_a_marker_nothing_is_available_and_no_empty_value_is_given(shop: Shop) -> None:
    shop.put("Spend", [1], at("12:00"), total=1.0)
    reply = shop.get("spend", {"customer_id": [1, 404, None]}, NOW)
    for column in reply.columns:
        assert cells(column) == [(UNAVAILABLE, None)] * 3
        assert column.messages[1] == "Nothing is published for the group Spend. Materialize it."
    assert reply.groups[0].as_of == [None] * 3
    assert reply.groups[0].due == [at("12:00")] * 3


def test_a_marker_of_another_fingerprint_makes_the_group_unavailable(shop: Shop) -> None:
    shop.put("Spend", [1], at("12:00"), total=1.0)
    shop.publish("Spend", at("12:00"), fingerprint="0" * 64)
    column = shop.get("spend", ONE, NOW).column("total")
    assert cells(column) == [(UNAVAILABLE, None)]
    assert "another fingerprint" in column.messages[0]


def test_a_row_of_another_fingerprint_makes_its_own_values_unavailable(shop: Shop) -> None:
    found = group("Spend")
    shop.put("Spend", [1], at("12:00"), total=1.0)
    strange = row_of(found, at("12:00"), {"total": 2.0}, prefix=bytes(8))
    shop.store.put_many(GroupKey(NAMESPACE, found.id), [(encoded(found, [2]), strange)])
    shop.publish("Spend", at("12:00"))
    column = shop.get("spend", {"customer_id": [1, 2, 3]}, NOW).column("total")
    assert cells(column) == [(PRESENT, 1.0), (UNAVAILABLE, None), (NOT_FOUND, None)]
    assert list(column.messages) == [1]


def test_a_damaged_row_makes_its_own_values_unavailable(shop: Shop) -> None:
    found = group("Spend")
    shop.put("Spend", [1], at("12:00"), total=1.0)
    whole = row_of(found, at("12:00"), {"total": 2.0})
    shop.store.put_many(GroupKey(NAMESPACE, found.id), [(encoded(found, [2]), whole[:-1])])
    shop.publish("Spend", at("12:00"))
    column = shop.get("spend", {"customer_id": [1, 2]}, NOW).column("total")
    assert cells(column) == [(PRESENT, 1.0), (UNAVAILABLE, None)]
    assert "cut short, damaged" in column.messages[1]


@dataclass
class Failing:
    """A real store whose reads fail for some groups; it counts what it is asked."""

    store: SQLiteStore
    error: type[Exception]
    groups: frozenset[str]
    asked: list[Mapping[GroupKey, Sequence[bytes]]] = field(default_factory=list)

    def get_many(self, wanted: Mapping[GroupKey, Sequence[bytes]]) -> Mapping[GroupKey, Found]:
        self.asked.append(wanted)
        if any(one.group in self.groups for one in wanted):
            message = "gone"
            raise self.error(message)
        return self.store.get_many(wanted)


def test_a_store_that_fails_makes_values_unavailable_and_no_error(shop: Shop) -> None:
    failing = Failing(shop.store, StoreUnavailableError, frozenset({group("Spend").id}))
    column = shop.get("spend", {"customer_id": [1, None]}, NOW, store=failing).column("count")
    assert cells(column) == [(UNAVAILABLE, None)] * 2
    assert "gone" in column.messages[0]


def test_the_file_that_was_damaged_while_serving_makes_values_unavailable(shop: Shop, tmp_path: Path) -> None:
    shop.put("Spend", [1], at("12:00"), total=1.0)
    shop.publish("Spend", at("12:00"))
    assert cells(shop.get("spend", ONE, NOW).column("total")) == [(PRESENT, 1.0)]
    shop.store.close()
    assert cells(shop.get("spend", ONE, NOW).column("total")) == [(UNAVAILABLE, None)]


def test_a_damaged_marker_leaves_the_other_groups_readable(shop: Shop) -> None:
    shop.put("Delays", ["ULM"], at("12:00"), minutes=7)
    shop.publish("Delays", at("12:00"))
    failing = Failing(shop.store, CorruptRowError, frozenset({group("Spend").id}))
    reply = shop.get("all", {"customer_id": [1], "code": ["ULM"]}, NOW, store=failing)
    assert cells(reply.column("total")) == [(UNAVAILABLE, None)]
    assert cells(reply.column("minutes")) == [(PRESENT, 7)]


# Keys and roles


def test_one_group_is_read_in_two_roles_in_one_round_trip_with_each_key_once(shop: Shop) -> None:
    shop.put("Delays", ["ULM"], at("12:00"), minutes=7)
    shop.put("Delays", ["OSL"], at("11:00"), minutes=9)
    shop.publish("Delays", at("11:00"))
    counting = Failing(shop.store, StoreUnavailableError, frozenset())
    entities: dict[str, list[object]] = {"origin": ["ULM", "OSL", "ULM"], "dest": ["OSL", "OSL", None]}
    reply = shop.get("route", entities, NOW, store=counting)
    assert cells(reply.column("from_")) == [(PRESENT, 7), (PRESENT, 9), (PRESENT, 7)]
    assert cells(reply.column("to")) == [(PRESENT, 9), (PRESENT, 9), (NOT_FOUND, None)]
    assert [(one.role, one.as_of) for one in reply.groups] == [
        ({"code": "origin"}, [at("12:00"), at("11:00"), at("12:00")]),
        ({"code": "dest"}, [at("11:00"), at("11:00"), None]),
    ]
    (asked,) = counting.asked
    assert [len(keys) for keys in asked.values()] == [2]


def test_composite_keys_are_compared_as_tuples(shop: Shop) -> None:
    day = datetime.date(1969, 12, 31)
    shop.put_many("Seats", [([day, "a,b", 1], {"flown": 1}), ([day, "a", 1], {"flown": 2})], at("12:00"))
    shop.publish("Seats", at("12:00"))
    entities: dict[str, list[object]] = {
        "day": [day, day, day, None],
        "flight": ["a", "a,b", "b", "a"],
        "number": [1, 1, 1, 1],
    }
    column = shop.get("seats", entities, NOW).column("flown")
    assert cells(column) == [(PRESENT, 2), (PRESENT, 1), (NOT_FOUND, 0), (NOT_FOUND, 0)]


def test_hostile_strings_are_keys_of_their_own(shop: Shop) -> None:
    shop.put_many("Delays", [([code], {"minutes": place}) for place, code in enumerate(HOSTILE)], at("12:00"))
    shop.publish("Delays", at("12:00"))
    entities = {"origin": HOSTILE, "dest": HOSTILE[::-1]}
    reply = shop.get("route", entities, NOW)
    assert reply.column("from_").values == list(range(len(HOSTILE)))
    assert reply.column("to").values == list(range(len(HOSTILE)))[::-1]


def test_ten_thousand_entities_with_duplicates_come_back_in_order(shop: Shop) -> None:
    shop.put_many("Spend", [([number], {"total": float(number)}) for number in range(5_000)], at("12:00"))
    shop.publish("Spend", at("12:00"))
    wanted = [(7 * place) % 10_000 for place in range(10_000)] + [1, 1, 9_999]
    column = shop.get("spend", {"customer_id": wanted}, NOW).column("total")
    assert cells(column) == [(PRESENT, float(one)) if one < 5_000 else (NOT_FOUND, None) for one in wanted]


def test_no_entity_gives_columns_without_values(shop: Shop) -> None:
    reply = shop.get("spend", {"customer_id": []}, NOW)
    assert [list(column.values) for column in reply.columns] == [[]] * 6


def test_boundaries_before_1970_are_read(shop: Shop) -> None:
    shop.put("Spend", [1], at("1969-12-31T11:00"), total=1.0)
    shop.publish("Spend", at("1969-12-31T12:00"))
    reply = shop.get("spend", ONE, at("1969-12-31T12:45"))
    assert cells(reply.column("total")) == [(PRESENT, 1.0)]
    assert reply.groups[0].as_of == reply.groups[0].due == [at("1969-12-31T12:00")]


# Derived and on-demand features


def test_derived_features_are_made_of_values_each_at_its_own_boundary(shop: Shop) -> None:
    shop.put("Spend", [1], at("12:00"), total=30.0)
    shop.put("Daily", [1], at("00:00"), average=10.0)
    shop.publish("Spend", at("12:00"))
    shop.publish("Daily", at("00:00"))
    reply = shop.get("derived", {"customer_id": [1, 404]}, NOW)
    assert cells(reply.column("against_usual")) == [(PRESENT, 3.0), (NULL, None)]
    assert cells(reply.column("unusual")) == [(PRESENT, True), (PRESENT, False)]
    assert reply.column("unusual").group is None
    assert [one.due for one in reply.groups] == [[at("12:00")] * 2, [at("00:00")] * 2]


def test_what_is_derived_from_an_input_without_value_takes_its_status(shop: Shop) -> None:
    shop.put("Spend", [1], at("12:00"), total=30.0)
    shop.publish("Spend", at("12:00"))
    reply = shop.get("derived", ONE, 0, at=[at("12:20")])  # Spend is ahead, Daily is not published
    assert cells(reply.column("total")) == [(AHEAD, None)]
    for name in ("average", "against_usual", "unusual"):
        assert cells(reply.column(name)) == [(UNAVAILABLE, None)]
        assert reply.column(name).messages == {0: "Nothing is published for the group Daily. Materialize it."}
    shop.publish("Daily", at("00:00"))
    reply = shop.get("derived", ONE, 0, at=[at("12:20")])
    assert cells(reply.column("unusual")) == [(AHEAD, None)]


def test_on_demand_features_take_request_values_one_per_entity_or_one_for_all(shop: Shop) -> None:
    shop.put("Spend", [1], at("12:00"), total=4.0)
    shop.put("Spend", [2], at("12:00"), total=8.0)
    shop.publish("Spend", at("12:00"))
    entities = {"customer_id": [1, 2, 404]}
    reply = shop.get("on_demand", entities, NOW, request_values={"amount": [2.0, 2, 2.0]})
    assert cells(reply.column("ratio")) == [(PRESENT, 0.5), (PRESENT, 0.25), (NULL, None)]
    assert cells(reply.column("doubled")) == [(PRESENT, 1.0), (PRESENT, 0.5), (NULL, None)]
    assert cells(reply.column("hour")) == [(PRESENT, 14.0)] * 3
    again = shop.get("on_demand", entities, NOW, request_values={"amount": [2.0]})
    assert [column.values for column in again.columns] == [column.values for column in reply.columns]


def test_a_function_sees_the_time_of_its_own_row(shop: Shop) -> None:
    reply = shop.get(
        "on_demand", {}, 0, at=[at("03:00"), at("17:59")], request_values={"amount": [0.5]}, features=["hour"]
    )
    assert cells(reply.column("hour")) == [(PRESENT, 3.5), (PRESENT, 17.5)]


def test_a_function_that_raises_fails_its_own_value_only_and_tells_no_value(shop: Shop) -> None:
    shop.put_many("Spend", [([1], {"total": 0.0}), ([2], {"total": 4.0})], at("12:00"))
    shop.publish("Spend", at("12:00"))
    reply = shop.get("on_demand", {"customer_id": [1, 2]}, NOW, request_values={"amount": [2.0]})
    ref = DEFINED.find("ratio").ref
    for name, expected in (("ratio", 0.5), ("doubled", 1.0)):
        column = reply.column(name)
        assert cells(column) == [(ERROR, None), (PRESENT, expected)]
        assert column.messages == {0: f"{ref} raised ZeroDivisionError."}
    assert cells(reply.column("hour")) == [(PRESENT, 14.0)] * 2


def test_a_function_that_returns_what_it_does_not_say_fails_its_own_value_only(shop: Shop) -> None:
    reply = shop.get("broken", {}, NOW, request_values={"amount": [-1.0, 1.0]})
    assert cells(reply.column("broken_longest")) == [(ERROR, None), (PRESENT, "secret")]
    assert cells(reply.column("broken_number")) == [(ERROR, None), (PRESENT, 1)]
    assert cells(reply.column("mistyped")) == [(PRESENT, 1), (ERROR, None)]
    ref = DEFINED.find("mistyped").ref
    assert reply.column("mistyped").messages == {1: f"{ref} cannot be evaluated: TypeMismatchError."}
    assert list(reply.column("broken_number").messages) == [0]


def test_a_number_that_does_not_fit_the_type_of_its_filler_is_an_error_of_its_own_value(shop: Shop) -> None:
    shop.put_many("Wide", [([1], {"exact": 5}), ([2], {"exact": 10**9})], at("12:00"))
    shop.publish("Wide", at("12:00"))
    column = shop.get("wide", {"customer_id": [1, 2, 3]}, NOW).column("exact")
    assert cells(column) == [(PRESENT, decimal.Decimal(5)), (ERROR, None), (NOT_FOUND, decimal.Decimal("1e-30"))]
    assert list(column.messages) == [1]


def test_a_function_does_not_run_on_inputs_without_value(shop: Shop) -> None:
    shop.put("Spend", [1], at("12:00"), total=0.0)
    amount = {"amount": [1.0]}
    reply = shop.get("on_demand", ONE, NOW, request_values=amount)
    assert cells(reply.column("doubled")) == [(UNAVAILABLE, None)]
    shop.publish("Spend", at("12:00"))
    reply = shop.get("on_demand", ONE, 0, at=[at("12:20")], request_values=amount)
    assert cells(reply.column("doubled")) == [(AHEAD, None)]  # and no ZeroDivisionError
    assert cells(reply.column("hour")) == [(PRESENT, 13.0)]


def test_a_function_that_changes_its_list_changes_nobody_elses(shop: Shop) -> None:
    shop.put("Spend", [1], at("12:00"), recent=["a", "b"])
    shop.publish("Spend", at("12:00"))
    reply = shop.get("lists", {"customer_id": [1, 1, 404]}, NOW)
    assert cells(reply.column("recent")) == [(PRESENT, ["a", "b"]), (PRESENT, ["a", "b"]), (NOT_FOUND, None)]
    assert reply.column("names_number").values == [3, 3, 0]
    assert reply.column("names_longest").values == ["changed", "changed", ""]


def test_request_values_reach_the_function_as_stored_values_would(shop: Shop) -> None:
    berlin = datetime.timezone(datetime.timedelta(hours=1))
    values = {
        "day": [datetime.date(2024, 2, 29)],
        "price": [decimal.Decimal("1.5"), 2],
        "seen": [datetime.datetime(2024, 1, 1, 1, tzinfo=berlin), datetime.datetime(2024, 1, 1)],  # noqa: DTZ001
    }
    column = shop.get("typed", {}, NOW, request_values=values).column("typed")
    assert column.values == ["2024-02-29 1.50 2024-01-01T00:00:00+00:00", "2024-02-29 2.00 2024-01-01T00:00:00+00:00"]


# What is asked, and from which group


def test_only_the_wanted_columns_are_read_and_given_in_the_services_order(shop: Shop) -> None:
    shop.publish("Spend", at("12:00"))
    counting = Failing(shop.store, StoreUnavailableError, frozenset())
    reply = shop.get("all", ONE, NOW, store=counting, features=["country", "total"])
    assert [column.name for column in reply.columns] == ["total", "country"]
    assert [one.group for one in counting.asked[0]] == [group("Spend").id]


def test_one_column_of_a_function_with_several_can_be_asked(shop: Shop) -> None:
    shop.publish("Spend", at("12:00"))
    reply = shop.get("lists", ONE, NOW, features=["names_number"])
    assert [(column.name, column.values) for column in reply.columns] == [("names_number", [0])]


def test_a_feature_is_read_from_an_older_group_until_the_newer_one_is_published(shop: Shop) -> None:
    members = tuple(one for one in group("Spend").members if one.feature.column in {"city", "count"})
    older = replace(group("Spend"), id="00112233aabbccdd", members=members)
    key = GroupKey(NAMESPACE, older.id)
    row = row_of(older, at("12:00"), {"city": ("Ulm", at("11:00")), "count": 5})
    shop.store.put_many(key, [(encoded(older, [1]), row)])
    shop.store.publish(key, Marker(at("12:00"), 1, older.id + "ff", 1, "", 0), expected=None)
    for candidate in (older, StoredGroup.of(older)):
        plan = resolve(service("spend"), [*DEFINED.groups, candidate], NAMESPACE)
        reply = fetch(plan, Request("spend", ONE), shop.store, clock=NOW, allow_at=False)
        assert cells(reply.column("city")) == [(PRESENT, "Ulm")]
        assert cells(reply.column("count")) == [(PRESENT, 5)]
        assert reply.column("count").group == older.id
        others = [column for column in reply.columns if column.group != older.id]
        assert {column.statuses[0] for column in others} == {UNAVAILABLE}
        assert len(others) == 4
    shop.publish("Spend", at("12:00"))
    reply = fetch(plan, Request("spend", ONE), shop.store, clock=NOW, allow_at=False)
    assert {column.group for column in reply.columns} == {group("Spend").id}
    assert reply.column("count").statuses == [NOT_FOUND]


def test_a_service_whose_features_no_group_holds_is_refused() -> None:
    with pytest.raises(ServingError, match=r"No group holds the feature Delays\.minutes"):
        resolve(service("route"), [group("Spend")], NAMESPACE)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("spend", {"entities": {}}, "The key column 'customer_id' is missing"),
        ("spend", {"entities": {**ONE, "shop": [1]}}, "The key column 'shop' is not one of the service's"),
        ("spend", {"entities": {"customer_id": "abc"}}, "'customer_id' is one str, and not a list"),
        (
            "spend",
            {"entities": {"customer_id": [1, None, "2"]}},
            "'customer_id' is of type Int64, and .*str .*at position 2",
        ),
        ("spend", {"entities": {"customer_id": [True]}}, "bool was given, at position 0"),
        ("spend", {"entities": {"customer_id": [1.0]}}, "float was given, at position 0"),
        ("spend", {"entities": {"customer_id": [0, 2**64]}}, "more than 64 bits was given, at position 1"),
        ("route", {"entities": {"origin": ["a"], "dest": ["a", "b"]}}, "differ in length: origin has 1, dest has 2"),
        ("route", {"entities": {"origin": ["a"], "dest": [b"a"]}}, "The key 'dest' is of type String"),
        ("route", {"entities": {"origin": ["a"], "dest": ["\ud800"]}}, "lone surrogate"),
        ("on_demand", {"entities": ONE}, "The request value 'amount' is missing"),
        ("on_demand", {"request_values": {"amount": [1.0], "x": [1]}}, "The request value 'x' is not one"),
        (
            "on_demand",
            {"request_values": {"amount": ["1"]}},
            "'amount' is of type Float64; at position 0 is one of type str",
        ),
        ("on_demand", {"request_values": {"amount": [True]}}, "at position 0 is one of type bool"),
        ("on_demand", {"request_values": {"amount": [10**400]}}, "at position 0 is one of type int"),
        ("on_demand", {"request_values": {"amount": [1.0, 2.0]}}, "'amount' has 2 values for 1 entities"),
        ("spend", {"features": ["total", "totl"]}, "has no feature 'totl'"),
        ("spend", {"features": []}, "no list of features"),
        ("spend", {"features": "total"}, "no list of features"),
        ("spend", {"at": [NOW, NOW]}, "`at` has 2 values for 1 entities"),
        ("spend", {"at": []}, "`at` has 0 values for 1 entities"),
        ("spend", {"at": [float(NOW)]}, "`at` holds a value of type float at position 0"),
        ("spend", {"at": [2**63]}, "`at` holds a value of type int at position 0"),
    ],
)
def test_a_request_that_cannot_be_answered_is_refused_before_anything_is_read(
    shop: Shop, name: str, options: dict[str, Any], message: str
) -> None:
    counting = Failing(shop.store, StoreUnavailableError, frozenset())
    entities = options.pop("entities", ONE)
    with pytest.raises(RequestError, match=message) as caught:
        shop.get(name, entities, NOW, store=counting, **options)
    assert caught.value.hint
    assert counting.asked == []


def test_an_own_time_is_refused_unless_it_is_allowed(shop: Shop) -> None:
    with pytest.raises(RequestError, match="names its own time"):
        fetch(shop.plan("spend"), Request("spend", ONE, at=[NOW]), shop.store, clock=NOW, allow_at=False)


def test_fingerprints_that_the_caller_expects_are_compared(shop: Shop) -> None:
    shop.publish("Spend", at("12:00"))
    right = {name: DEFINED.find(f"Spend.{name}").fingerprint.logic for name in ("total", "count")}
    assert shop.get("spend", ONE, NOW, fingerprints=right).columns
    with pytest.raises(FingerprintDiffersError) as caught:
        shop.get("spend", ONE, NOW, fingerprints={**right, "count": "f" * 64, "gone": "e" * 64})
    for part in ("count (Spend.count@", "f" * 64, right["count"], "gone (not there)", "e" * 64):
        assert part in str(caught.value)
    assert right["total"] not in str(caught.value)
