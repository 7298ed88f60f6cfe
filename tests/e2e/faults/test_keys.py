"""Keys that are none of the entity's: told before anything is read, and never answered as a new customer."""

import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from featurestore.errors import RequestError
from featurestore_serving.client import FeatureClient

DAY = datetime.date(2020, 1, 1)
ONE = {"branch": 1, "city": "Rome", "opened": DAY}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["7"], "'customer_id' is of type Int64, and a value of type str was given, at position 0"),
        ([1, None, "7"], "'customer_id' mixes int and str"),
        ([1.0], "'customer_id' holds a float at position 0"),
        ([1, True], "'customer_id' holds a bool at position 1"),
        ([b"7"], "'customer_id' is of type Int64, and a value of type bytes was given, at position 0"),
        ([DAY], "'customer_id' is of type Int64, and a value of type date was given, at position 0"),
        ([[7]], "'customer_id' holds a list at position 0"),
        (np.array([1.0, np.nan]), r"'customer_id' holds a float at position 0"),
        ([0, 2**64], "(a value that does not fit Int64|more than 64 bits was given, at position 1)"),
        ([-(2**63) - 1], "(a value that does not fit Int64|more than 64 bits was given, at position 0)"),
        (7, "'customer_id' is a int instead of a list of values"),
    ],
)
def test_a_key_of_another_type_is_an_error_that_says_which_where_and_what_to_do(
    client: FeatureClient, keys: Any, said: str
) -> None:
    with pytest.raises(RequestError, match=said) as raised:
        client.get("customers", {"customer_id": keys})
    assert raised.value.hint


@pytest.mark.parametrize(
    ("entity", "said"),
    [
        ({"branch": 1, "city": "Rome"}, "The key column 'opened' is missing"),
        ({**ONE, "street": "x"}, "The key column 'street' is not one of the service's"),
        ({}, "No key columns are given"),
        ({**ONE, "opened": "2020-01-01"}, "The key 'opened' is of type Date, and a value of type str was given"),
        (
            {**ONE, "opened": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)},
            "'opened' holds a datetime at position 0",
        ),
        ({**ONE, "city": 5}, "The key 'city' is of type String, and a value of type int was given"),
        ({**ONE, "city": b"Rome"}, "The key 'city' is of type String, and a value of type bytes was given"),
        ({**ONE, "city": "\ud800"}, "lone surrogate|does not fit String"),
        ({**ONE, "branch": "1"}, "The key 'branch' is of type Int32, and a value of type str was given"),
    ],
)
def test_a_composite_key_with_a_part_too_few_too_many_or_wrong_is_told(
    client: FeatureClient, entity: dict[str, Any], said: str
) -> None:
    with pytest.raises(RequestError, match=said) as raised:
        client.get("branches", [entity])
    assert raised.value.hint


def test_a_hint_names_the_keys_that_the_service_takes(client: FeatureClient) -> None:
    with pytest.raises(RequestError) as raised:
        client.get("branches", [{"branch": 1}])
    assert "branch, city, opened" in str(raised.value.hint)


def test_no_keys_at_all_are_told_by_name(client: FeatureClient) -> None:
    with pytest.raises(RequestError, match="The key column 'branch' is missing"):
        client.get("branches", {})


def test_columns_of_different_length_are_told(client: FeatureClient) -> None:
    with pytest.raises(RequestError, match="differ in length: branch 1, city 2, opened 1"):
        client.get("branches", {"branch": [1], "city": ["Rome", "Oslo"], "opened": [DAY]})


def test_a_null_in_a_key_and_a_number_that_no_key_of_its_type_has_name_entities_that_are_not_there(
    client: FeatureClient,
) -> None:
    """Integers match integers of any width: a number beyond Int32 is a branch that does not exist."""
    entities: list[dict[str, object]] = [
        ONE,
        {**ONE, "branch": None},
        {**ONE, "city": None},
        {**ONE, "branch": 2**31},
        {**ONE, "branch": -(2**63)},
    ]
    sold = client.get("branches", entities).column("sold")
    assert [status.name for status in sold.statuses] == ["PRESENT"] + ["NOT_FOUND"] * 4
    assert sold.values == [167, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["customers", "customer_id=1.5"], 2, "customer_id: '1.5' is no Int64."),
        (["customers", "customer_id=true"], 2, "customer_id: 'true' is no Int64."),
        (["customers", "customer_id="], 2, "customer_id: '' is no Int64."),
        (
            ["customers", f"customer_id={2**64}"],
            1,
            "Error FS950: The key 'customer_id' is of type Int64, and a number of",
        ),
        (
            ["branches", "branch=1", "city=Rome"],
            2,
            "opened is missing. branches@v1 needs branch (Int32), city (String)",
        ),
        (["branches", "branch=1", "city=Rome", "opened=today"], 2, "opened: 'today' is no Date."),
        (["till", "customer_id=7", "amount=much"], 2, "amount: 'much' is no Float64."),
        (["tills", "customer_id=7"], 1, "Error FS101: There is no service 'tills'.\n  hint: Did you mean till"),
        (["till@v2", "customer_id=7"], 1, "Error FS101: There is no service 'till@v2'."),
    ],
)
def test_get_tells_a_wrong_key_in_one_line(root: Path, words: list[str], code: int, said: str) -> None:
    command = [sys.executable, "-m", "featurestore", "get", *words]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
