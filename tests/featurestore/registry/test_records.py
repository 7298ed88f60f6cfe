import re

from featurestore.registry import DefinitionKey, new_build_id


def test_build_ids_are_short_and_do_not_repeat() -> None:
    ids = {new_build_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"b_[0-9a-f]{12}", id) for id in ids)


def test_a_key_reads_as_a_ref() -> None:
    assert str(DefinitionKey("on_demand", "basket_ratio", "v1")) == "on_demand:basket_ratio@v1"
