import grpc
import pytest

import featurestore.errors
from featurestore.errors import FeaturestoreError, ServingError
from featurestore_serving.failures import METADATA, details_of, error_of, failure_in, failure_of, status_of
from featurestore_serving.v1 import serving_pb2 as pb

ERRORS = [getattr(featurestore.errors, name) for name in featurestore.errors.__all__]


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_arrives_as_the_class_and_the_words_that_it_left_with(kind: type[FeaturestoreError]) -> None:
    sent = kind("Where is Zürich?", where="features/a.py:3", hint="Look south.")
    back = error_of(failure_of(sent))
    assert (type(back), str(back)) == (kind, str(sent))


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_has_a_status(kind: type[FeaturestoreError]) -> None:
    assert status_of(kind("x")) != grpc.StatusCode.OK


def test_an_error_without_place_and_advice_gets_none() -> None:
    back = error_of(failure_of(ServingError("x")))
    assert (back.where, back.hint) == (None, None)


def test_an_error_that_this_version_does_not_know_keeps_its_words() -> None:
    back = error_of(pb.Failure(code="FS999", message="new"))
    assert (type(back), back.message) == (ServingError, "new")


def test_long_texts_are_cut_below_what_metadata_may_hold() -> None:
    error = ServingError("ü" * 10_000, where="ü" * 10_000, hint="ü" * 10_000)
    # base64 makes 4 bytes of 3, percent-encoding 3 of 1
    assert len(failure_of(error).SerializeToString()) * 4 / 3 + len(details_of(error).encode()) * 3 < 8 * 1024


def test_text_that_has_no_utf8_bytes_can_be_sent() -> None:
    assert failure_of(ServingError("a\ud800b")).message == "a?b"


def test_only_our_own_metadata_are_read_as_a_failure() -> None:
    packed = pb.Failure(code="FS950").SerializeToString()
    assert failure_in((("x-bin", packed),)) is None
    assert failure_in(None) is None
    found = failure_in((("x", "y"), (METADATA, packed)))
    assert found is not None
    assert found.code == "FS950"
