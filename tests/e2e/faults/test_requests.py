"""Requests that are large, and request values that do not fit."""

import datetime
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from featurestore.errors import ReferenceNotFoundError, RequestError, SpineError, UserCodeError
from featurestore.project import open_project
from featurestore_serving.client import FeatureClient
from featurestore_serving.reader import local_reader
from featurestore_serving.vectors import Status

Served = Callable[..., AbstractContextManager[str]]
CUSTOMERS = 500
DAY = datetime.datetime(2024, 3, 5, tzinfo=datetime.UTC)


def cells(got: Any, name: str) -> list[tuple[str, object]]:
    column = got.column(name)
    return [(status.name, value) for status, value in zip(column.statuses, column.values, strict=True)]


def test_ten_thousand_entities_come_back_in_order_with_their_duplicates(client: FeatureClient) -> None:
    chance = random.Random(1)  # noqa: S311 - no secret
    keys = [chance.choice([None, *range(2 * CUSTOMERS)]) for _ in range(10_000)]
    got = client.get("till", {"customer_id": keys}, request_values={"amount": [float(n) for n in range(10_000)]})
    known = [key is not None and key < CUSTOMERS for key in keys]
    assert got.column("spend").values == [
        float(key or 0) if one else None for key, one in zip(keys, known, strict=True)
    ]
    assert got.column("visits").values == [int(one) for one in known]
    assert [row["customer_id"] for row in got.to_dicts()] == keys
    assert (
        got.column("share").values[:50]
        == [number / key if key and one else None for number, (key, one) in enumerate(zip(keys, known, strict=True))][
            :50
        ]
    )


def test_a_request_above_the_limit_says_how_large_it_is_and_to_split_it(root: Path, served: Served) -> None:
    with (
        open_project(root) as project,
        served(local_reader(project), request_bytes=50_000) as address,
        FeatureClient(address, timeout=30) as client,
    ):
        assert len(client.get("customers", {"customer_id": [2**60] * 5_000}).to_dicts()) == 5_000
        with pytest.raises(RequestError, match=r"is too large for .*\(.*\d+ vs. 50000\) bytes") as raised:
            client.get("customers", {"customer_id": [2**60] * 10_000})
        assert "split the request" in str(raised.value.hint)
        assert len(client.get("customers", {"customer_id": [7]}).to_dicts()) == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "The request value 'amount' is missing"),
        ({"amount": "5"}, "'amount' is of type Float64; at position 0 is one of type str that does not fit"),
        ({"amount": True}, "at position 0 is one of type bool that does not fit"),
        ({"amount": [1.0, 2.0]}, "'amount' has 2 values for 3 entities"),
        ({"amount": []}, "'amount' has 0 values for 3 entities"),
        ({"amount": [1.0, "2", 3.0]}, "'amount'.* str"),
        ({"amount": 5.0, "amuont": 5.0}, "The request value 'amuont' is not one of the service's"),
        ({"amount": 10**400}, "'amount'.*position 0"),
    ],
)
def test_a_request_value_that_is_missing_or_does_not_fit_is_told(
    client: FeatureClient, values: dict[str, Any], said: str
) -> None:
    with pytest.raises(RequestError, match=said) as raised:
        client.get("till", {"customer_id": [1, 2, 3]}, request_values=values)
    assert raised.value.hint


def test_a_null_that_a_function_does_not_take_fails_its_own_value_and_says_so(client: FeatureClient) -> None:
    got = client.get("till", {"customer_id": [1, 2, 4]}, request_values={"amount": [1.0, None, 1.0]})
    assert cells(got, "share") == [("PRESENT", 1.0), ("ERROR", None), ("PRESENT", 0.25)]
    assert got.column("share").messages == {1: "share@v1 takes no null for the request value 'amount'."}
    assert cells(got, "spend") == [("PRESENT", 1.0), ("PRESENT", 2.0), ("PRESENT", 4.0)]
    nothing = client.get("till", {"customer_id": [1, 2, 4]}, request_values={"amount": None})
    assert nothing.column("share").statuses == [Status.ERROR] * 3


def test_a_null_that_a_function_takes_reaches_it_also_where_the_service_has_no_entities(client: FeatureClient) -> None:
    got = client.get("notes", {}, request_values={"note": [None, "x", None], "count": [1, 2, None]})
    assert cells(got, "noted") == [("PRESENT", "nothing x 1"), ("PRESENT", "x x 2"), ("ERROR", None)]
    assert got.column("noted").messages == {2: "noted@v1 takes no null for the request value 'count'."}
    assert [row["noted"] for row in got.to_dicts()] == ["nothing x 1", "x x 2", None]


def test_a_function_that_raises_for_one_row_fails_that_value_and_no_other(client: FeatureClient) -> None:
    got = client.get("till", {"customer_id": [0, 1]}, request_values={"amount": 5.0})
    assert cells(got, "share") == [("ERROR", None), ("PRESENT", 5.0)]
    assert got.column("share").messages == {0: "share@v1 raised ZeroDivisionError."}
    assert cells(got, "visits") == [("PRESENT", 1), ("PRESENT", 1)]


def test_offline_the_same_function_is_told_with_its_row(root: Path) -> None:
    spine = [{"customer_id": number, "time": DAY, "amount": 5.0} for number in (1, 0)]
    with (
        open_project(root) as project,
        pytest.raises(UserCodeError, match="row 1 of the spine: share@v1 raised") as told,
    ):
        project.values_at(["share"], spine).to_pylist()
    assert "features.py:" in str(told.value.where)
    with open_project(root) as project, pytest.raises(SpineError, match="amount"):
        project.values_at(["share"], [{"customer_id": 1, "time": DAY}]).to_pylist()


@pytest.mark.parametrize("name", ["tills", "till@v9"])
def test_a_service_or_version_that_is_not_there_is_told_with_those_that_are(client: FeatureClient, name: str) -> None:
    with pytest.raises(ReferenceNotFoundError, match=f"There is no service '{name}'") as raised:
        client.get(name, {"customer_id": [1]})
    assert "till" in str(raised.value.hint)
