"""A notebook shows what a definition says, with everything escaped."""

from html.parser import HTMLParser
from typing import Any

import featurestore as fs

EVIL = "<script>alert('&')</script>"
customer = fs.Entity("customer", keys={"customer_id": fs.Int64}, description=EVIL, owner=EVIL, tags=[EVIL])
orders = fs.Source(
    "orders", path=EVIL, event_time=EVIL, known_after="1h", keys={"customer_id": EVIL}, tags={"email": ["pii", EVIL]}
)


@fs.transformation(version="v1")
def paid(orders: fs.Rows) -> str:
    """Orders <b>paid</b>."""
    return f"SELECT * FROM {orders}"


@fs.feature(entity=customer, version="v1", every="1h", delay="10m", owner="growth", tags=["money"])
def spend(paid: fs.Rows) -> fs.Value:
    """All spending.

    In euros.
    """
    return paid.amount.sum(over="7d", where=paid.kind == EVIL)


@fs.feature(entity=customer, version="v1")
def broken(spend: fs.Value) -> fs.Value:
    """It cannot be called."""
    raise ValueError(EVIL)


@fs.features(entity=customer, source=paid, version="v1", every="1d")
class Habits:
    """What is <usual>."""

    n = fs.count(over=["7d"])
    kind = fs.last("kind").fill_null(EVIL)


@fs.on_demand(version="v1")
def ratio(amount: fs.Request[float], spend: float | None, at: fs.RequestTime) -> float | None:
    """An amount against all spending."""
    return amount / spend if spend else None


service = fs.FeatureService("s", version="v1", features=[spend.on(customer_id=EVIL).named("x"), Habits, ratio])
label = fs.Label("l", source=paid, column=EVIL, entity=customer, matures_after="30d")
whole = fs.TrainingSet("t", version="v1", label=label, features=service, drop_null_labels=True)


class _Page(HTMLParser):
    """Collects the tags and the rows of a table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the form that the parser calls
        self.tags.append(tag)
        if tag in {"caption", "th", "td"}:
            self.cells.append([])
        if tag == "br":
            self.cells[-1].append("\n")

    def handle_data(self, data: str) -> None:
        self.cells[-1].append(data)

    def facts(self) -> dict[str, str]:
        """What is said: the caption, and each row."""
        texts = ["".join(cell) for cell in self.cells]
        return {"caption": texts[0]} | dict(zip(texts[1::2], texts[2::2], strict=True))


def facts(definition: Any) -> dict[str, str]:
    """The rows of a definition's table."""
    return _Page(definition._repr_html_()).facts()


def test_everything_that_comes_from_outside_is_escaped() -> None:
    shown: list[Any] = [customer, orders, paid, spend, broken, Habits, Habits.kind, ratio, service, label, whole]
    for definition in shown:
        text = definition._repr_html_()
        assert set(_Page(text).tags) <= {"table", "caption", "tr", "th", "td", "br"}
        assert "<script" not in text


def test_a_feature_shows_what_it_reads_how_and_when() -> None:
    shown = facts(spend)
    assert shown["caption"] == "feature spend@v1"
    assert shown["expression"] == f"amount.sum(over=7d, where=kind == {EVIL!r})"
    assert shown["reads"] == "paid"
    assert shown["computed"] == "every 1h, waits 10m for late rows"
    assert shown["description"] == "All spending.\n\nIn euros."
    assert (shown["owner"], shown["tags"], shown["entity"]) == ("growth", "money", "customer")
    assert "test_html.py:" in shown["defined in"]


def test_what_is_not_said_is_not_shown() -> None:
    assert "owner" not in facts(paid)
    assert "computed" not in facts(broken)


def test_a_function_that_raises_is_shown_with_what_it_raised() -> None:
    assert facts(broken)["expression"] == f"ValueError: {EVIL}"


def test_a_class_shows_its_features() -> None:
    shown = facts(Habits)
    assert (shown["caption"], shown["version"]) == ("features Habits", "v1")
    assert shown["features"] == f"n_7d: count(over=7d)\nkind: kind.last().fill_null({EVIL!r})"


def test_each_kind_shows_its_own_facts() -> None:
    assert facts(customer)["keys"] == "customer_id: Int64"
    assert facts(orders)["lies at"] == EVIL
    assert facts(orders)["tags"] == f"email: pii, {EVIL}"
    assert facts(orders)["known after"] == "1h"
    assert facts(paid)["time"] == "row wise"
    assert facts(ratio)["reads"] == "amount: Float64 of the request\nspend\nat: the time of the request"
    assert facts(ratio)["gives"] == "ratio: Float64"
    assert facts(service)["features"].splitlines()[0] == f"x: spend@v1 (customer_id from {EVIL})"
    assert facts(label)["matures after"] == "30d"
    assert facts(whole)["service"] == "s@v1"
    assert facts(whole)["rows without a label"] == "are left out"
