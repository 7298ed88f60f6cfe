import pytest

from featurestore.registry.canonical import canonical_json


def test_equal_values_have_one_text() -> None:
    assert canonical_json({"b": [1, None], "a": {"ö": 0.5}}) == canonical_json({"a": {"ö": 0.5}, "b": (1, None)})
    assert canonical_json({"b": [1, None], "a": {"ö": 0.5}}) == '{"a":{"ö":0.5},"b":[1,null]}'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1}, b"", object()])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical_json({"value": value})
