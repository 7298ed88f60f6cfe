"""Trying what may be broken."""

import time

import pytest

from featurestore.errors import MissingTableError
from featurestore.project.diagnosis.findings import Broken, failed, tried


def test_what_is_tried_gives_its_value_or_its_error() -> None:
    for patience in (None, 5.0):
        assert tried(lambda: 1, patience) == 1
        found = tried(lambda: 1 // 0, patience)
        assert isinstance(found, Broken)
        assert isinstance(found.error, ZeroDivisionError)


def test_what_does_not_answer_in_time_is_left_behind() -> None:
    began = time.monotonic()
    found = tried(lambda: time.sleep(5), patience=0.05)
    assert time.monotonic() - began < 2
    assert isinstance(found, Broken)
    assert str(found.error) == "There was no answer within 0.05 s."


def test_an_interruption_goes_through() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tried(interrupted)


def test_an_error_keeps_its_own_place_and_hint() -> None:
    finding = failed("sources", Broken(MissingTableError("Gone.", where="there", hint="Look.")), where="here")
    assert (finding.message, finding.where, finding.hint) == ("Gone.", "there", "Look.")
    assert failed("sources", Broken(MissingTableError("Gone.")), where="here").where == "here"


def test_of_an_error_that_nobody_expected_the_first_line_is_told() -> None:
    finding = failed("sources", Broken(RuntimeError("no luck\nat all")), where="here")
    assert (finding.level, finding.message, finding.where) == ("failure", "RuntimeError: no luck", "here")
