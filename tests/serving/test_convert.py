import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurestore.errors import RequestError, ServingError
from featurestore_serving.convert import (
    description_message,
    description_of,
    request_message,
    request_of,
    vectors_message,
    vectors_of,
)
from featurestore_serving.service import Field, ServiceDescription
from featurestore_serving.v1 import serving_pb2 as pb
from featurestore_serving.vectors import Column, FeatureVectors, GroupTimes, Request, Status

TIMES = st.integers(-(2**63), 2**63 - 1)
NAMES = st.text("abc_@é ", min_size=1, max_size=5)


def exactly(size: int, of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, min_size=size, max_size=size)


@st.composite
def vectors(draw: st.DrawFn) -> FeatureVectors:
    size = draw(st.integers(0, 5))
    columns = st.builds(
        Column,
        name=NAMES,
        type=st.just("Float64"),
        fingerprint=NAMES,
        values=exactly(size, st.none() | st.floats()),
        statuses=exactly(size, st.sampled_from(Status)),
        event_times=st.none() | exactly(size, st.none() | TIMES),
        group=st.none() | st.just("") | NAMES,
        messages=st.dictionaries(st.integers(0, size - 1), NAMES) if size else st.just({}),
    )
    groups = st.builds(
        GroupTimes,
        group=NAMES,
        role=st.dictionaries(NAMES, NAMES),
        as_of=exactly(size, st.none() | st.sampled_from([0, -5])),
        due=exactly(size, st.sampled_from([0, 2**60])),
    )
    return FeatureVectors(
        draw(NAMES), draw(NAMES), draw(exactly(size, TIMES)), draw(st.lists(columns)), draw(st.lists(groups))
    )


@given(vectors())
def test_feature_vectors_come_back_as_they_were(sent: FeatureVectors) -> None:
    message = pb.GetFeaturesResponse.FromString(vectors_message(sent).SerializeToString())
    back = vectors_of(message)
    for column, expected in zip(back.columns, sent.columns, strict=True):
        assert repr(column.values) == repr(expected.values)
    assert without_values(back) == without_values(sent)


def without_values(vectors: FeatureVectors) -> FeatureVectors:
    return dataclasses.replace(vectors, columns=[dataclasses.replace(column, values=()) for column in vectors.columns])


REQUESTS = st.integers(1, 4).flatmap(
    lambda size: st.builds(
        Request,
        service=NAMES,
        entities=st.dictionaries(NAMES, exactly(size, st.none() | TIMES) | exactly(size, st.none() | st.binary())),
        request_values=st.dictionaries(NAMES, st.lists(st.booleans(), min_size=1)),
        at=st.none() | exactly(size, TIMES),
        features=st.none() | st.lists(NAMES, min_size=1),
        fingerprints=st.none() | st.dictionaries(NAMES, NAMES, min_size=1),
    )
)


@given(REQUESTS)
def test_a_request_comes_back_as_it_was(sent: Request) -> None:
    assert request_of(pb.GetFeaturesRequest.FromString(request_message(sent).SerializeToString())) == sent


def test_a_description_comes_back_as_it_was() -> None:
    sent = ServiceDescription("s@v1", "f", "d", (Field("k", "Date"),), (), (Field("x", "Array[Int32]", "abc"),))
    assert description_of(description_message(sent)) == sent


def test_what_is_equal_for_all_entities_is_sent_once() -> None:
    count = 1000
    column = Column(
        "x", "Bool", "f", [None] * count, [Status.UNAVAILABLE] * count, messages=dict.fromkeys(range(3), "m")
    )
    times = GroupTimes("g", {}, [None] * count, [5] * count)
    message = vectors_message(FeatureVectors("s", "f", [7] * count, [column], [times]))
    sizes = len(message.times), len(message.columns[0].statuses), len(message.columns[0].notes)
    assert (*sizes, len(message.groups[0].indexes), len(message.groups[0].periods)) == (1, 1, 1, 1, 1)


def test_a_value_that_is_none_of_its_type_becomes_an_error_and_the_others_go_out() -> None:
    column = Column("city", "String", "f", ["ok", "\ud800", 5], [Status.PRESENT] * 3, [1, 2, 3], "g", {0: "kept"})
    (back,) = vectors_of(vectors_message(FeatureVectors("s", "f", [0] * 3, [column], []))).columns
    assert back.values == ["ok", None, None]
    assert back.statuses == [Status.PRESENT, Status.ERROR, Status.ERROR]
    said = "The value of city is none of String."
    assert back.messages == {0: "kept", 1: said, 2: said}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1, "x"], "'k' holds values of int and str"),
        ([1, 2**64], "position 1 a value that does not fit Int64"),
        (["\ud800"], "position 0 a value that does not fit String"),
    ],
)
def test_a_column_that_cannot_be_sent_is_an_error_that_names_it(values: list[object], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        request_message(Request("s", {"k": values}))


def test_asking_for_no_columns_is_refused_since_that_would_mean_all() -> None:
    with pytest.raises(RequestError, match="No columns are asked for"):
        request_message(Request("s", {"k": [1]}, features=[]))


def test_a_request_that_contradicts_itself_is_an_error_that_names_the_column() -> None:
    message = pb.GetFeaturesRequest(entities={"k": pb.Values(int64s=pb.Int64s(values=[1]), nulls=b"\0\0")})
    with pytest.raises(RequestError, match="key column 'k' cannot be read: 1 values have 2 marks of nulls"):
        request_of(message)


@pytest.mark.parametrize(
    "message",
    [
        pb.GetFeaturesResponse(entities=3, times=[1, 2]),
        pb.GetFeaturesResponse(entities=1, times=[1], columns=[pb.Column(name="x")]),
        pb.GetFeaturesResponse(
            entities=1, times=[1], columns=[pb.Column(values=pb.Values(nulls=b"\1"), statuses=[pb.STATUS_UNSPECIFIED])]
        ),
        pb.GetFeaturesResponse(entities=1, times=[1], groups=[pb.GroupTimes(indexes=[0])]),
    ],
)
def test_a_reply_that_cannot_be_understood_is_refused(message: pb.GetFeaturesResponse) -> None:
    with pytest.raises(ServingError, match="The reply cannot be read"):
        vectors_of(message)


def test_every_status_has_its_number_on_the_wire() -> None:
    assert {name.removeprefix("STATUS_"): number for name, number in pb.Status.items() if number} == {
        status.name: status.value for status in Status
    }
