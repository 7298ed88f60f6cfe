"""Parameters say what they stand for."""

from __future__ import annotations

import datetime
from types import FunctionType
from typing import Annotated, Any, cast

import pytest

import featurestore as fs
from featurestore.definitions.inputs import Input, inputs_of
from featurestore.errors import DefinitionError

orders = fs.Source("orders", path="a", event_time="t")


def test_a_parameter_is_a_table_a_value_a_request_value_the_time_or_plain() -> None:
    def function(
        rows: fs.Rows,
        value: fs.Value,
        amount: fs.Request[float],
        maybe: fs.Request[int | None],
        at: fs.RequestTime,
        spend: float | None,
        *,
        items: list[str],
        unknown: object,
    ) -> None: ...

    assert inputs_of(cast("FunctionType", function), "it") == (
        Input("rows", "rows"),
        Input("value", "value"),
        Input("amount", "request", None, fs.Float64),
        Input("maybe", "request", None, fs.Int64, nullable=True),
        Input("at", "time", None, fs.Timestamp),
        Input("spend", "plain", None, fs.Float64, nullable=True),
        Input("items", "plain", None, fs.Array[fs.String]),
        Input("unknown", "plain"),
    )


def test_none_beside_an_annotation_takes_nothing_away_from_it() -> None:
    def function(
        amount: fs.Request[float] | None,
        spend: Annotated[float, fs.use("spend@v1")] | None,
        price: Annotated[float | None, fs.use("price")],
    ) -> None: ...

    assert inputs_of(cast("FunctionType", function), "it") == (
        Input("amount", "request", None, fs.Float64, nullable=True),
        Input("spend", "plain", "spend@v1", fs.Float64, nullable=True),
        Input("price", "plain", "price", fs.Float64, nullable=True),
    )


def test_use_binds_a_parameter_to_an_object_or_to_a_reference() -> None:
    def function(
        rows: Annotated[fs.Rows, fs.use(orders)], value: Annotated[fs.Value, "a note", fs.use("spend@v1")]
    ) -> None: ...

    assert [given.bound for given in inputs_of(cast("FunctionType", function), "it")] == [orders, "spend@v1"]


def _stars(*rows: fs.Rows) -> None: ...


def _named(**rows: fs.Rows) -> None: ...


def _positional(rows: fs.Rows, /) -> None: ...


def _bare(rows) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001


def _default(rows: fs.Rows, limit: int = 3) -> None: ...


def _unknown(rows: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def _misspelt(rows: fs.Rwos) -> None: ...


def _request(amount: fs.Request[dict[str, int]]) -> None: ...


@pytest.mark.parametrize("function", [_stars, _named, _positional, _bare, _default, _unknown, _misspelt, _request])
def test_a_parameter_that_stands_for_nothing_is_refused_with_its_place(function: Any) -> None:
    with pytest.raises(DefinitionError, match="'it'") as error:
        inputs_of(cast("FunctionType", function), "it")
    assert "test_inputs.py:" in str(error.value)


def test_request_values_keep_their_python_types() -> None:
    assert fs.RequestTime.__origin__ is datetime.datetime  # type: ignore[attr-defined]
