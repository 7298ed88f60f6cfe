import datetime
import json
import re
from pathlib import Path

import numpy as np
import pytest

from featurestore.errors import RequestError, ServingError
from featurestore_serving.arguments import entity_columns, fingerprints_of, request_columns, times_of

DAY = datetime.date(2024, 2, 29)


def test_entities_are_given_by_row_or_by_column() -> None:
    columns: dict[str, list[object]] = {"a": [1, 2], "b": ["x", None]}
    assert entity_columns(columns) == columns
    assert entity_columns([{"a": 1, "b": "x"}, {"b": None, "a": 2}]) == columns


def test_a_service_without_entities_is_asked_for_none() -> None:
    assert entity_columns({}) == {}


def test_an_array_is_a_column() -> None:
    columns = entity_columns({"a": np.array([1, 2])})
    assert [type(value) for value in columns["a"]] == [int, int]


@pytest.mark.parametrize("keys", [[1, -1], ["", "x"], [b"\0"], [DAY, None], [None], []])
def test_keys_are_integers_text_bytes_and_dates(keys: list[object]) -> None:
    assert entity_columns({"k": keys}) == {"k": keys}


@pytest.mark.parametrize(
    ("entities", "said"),
    [
        ({"k": [1, True]}, "'k' holds a bool at position 1"),
        ({"k": [1.0]}, "'k' holds a float at position 0.*pandas"),
        ({"k": [datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)]}, r"datetime at position 0.*value\.date\(\)"),
        ({"k": [[1]]}, "a list at position 0"),
        ({"k": [1, None, "x"]}, "'k' mixes int and str"),
        ({"k": "abc"}, "'k' is a str instead of a list"),
        ({"k": 7}, "'k' is a int instead of a list"),
        ({"k": [1], "l": [1, 2]}, "differ in length: k 1, l 2"),
        ([{"k": 1}, {"l": 1}], "position 1 has the keys l, and the first has k"),
        ([], "No key columns"),
        ([{}, {}], "No key columns"),
    ],
)
def test_keys_of_another_shape_or_type_are_refused_in_words(entities: object, said: str) -> None:
    with pytest.raises(RequestError) as raised:
        entity_columns(entities)  # type: ignore[arg-type]
    assert re.search(said, str(raised.value), re.DOTALL)


def test_request_values_are_one_for_all_or_one_each() -> None:
    assert request_columns({"a": "text", "b": [1, 2], "c": (None, 1)}) == {"a": ["text"], "b": [1, 2], "c": [None, 1]}
    assert request_columns(None) == {}


def test_integers_among_floats_become_floats_if_they_stay_exact() -> None:
    assert repr(request_columns({"a": [1, 2.5, None]})) == repr({"a": [1.0, 2.5, None]})
    with pytest.raises(RequestError, match="'a' mixes floats and an integer"):
        request_columns({"a": [2.5, 2**53 + 1]})


def test_times_are_microseconds_of_utc() -> None:
    naive = datetime.datetime(1970, 1, 1, 1)  # noqa: DTZ001 - it is the point
    aware = datetime.datetime(1970, 1, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))
    assert times_of([naive, aware, -5]) == [3_600_000_000, 0, -5]
    assert times_of(aware) == [0]
    assert times_of(None) is None


@pytest.mark.parametrize("time", ["now", True, 1.5, DAY])
def test_a_time_that_is_none_is_refused(time: object) -> None:
    with pytest.raises(RequestError, match="A time asked for is a"):
        times_of([time])  # type: ignore[list-item]


def test_a_manifest_is_a_mapping_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps({"model": "churn", "fingerprints": {"a": "1"}}), encoding="utf-8")
    assert fingerprints_of(file) == fingerprints_of(str(file)) == fingerprints_of({"a": "1"}) == {"a": "1"}
    assert fingerprints_of(None) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"fingerprints": ["a"]}'])
def test_a_manifest_of_another_form_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ServingError, match="manifest cannot be read"):
        fingerprints_of(file)


def test_a_manifest_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match=r"missing\.json"):
        fingerprints_of(tmp_path / "missing.json")
