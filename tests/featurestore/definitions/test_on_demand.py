"""On-demand features are functions of a row, and stay functions."""

import inspect
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

import pytest

import featurestore as fs
from featurestore.errors import DefinitionError


class Split(NamedTuple):
    """An amount in two parts."""

    whole: int
    rest: Annotated[Decimal, fs.Decimal(3, 2)] | None


class Empty(NamedTuple):
    """Nothing."""


class Odd(NamedTuple):
    """A field of no type."""

    field: object


def _ratio(amount: fs.Request[float], spend: float | None, at: fs.RequestTime) -> float | None:
    """An amount against all spending."""
    return amount / spend if spend else None


def test_a_decorated_function_is_called_as_before() -> None:
    ratio = fs.on_demand(version="v1", tags="money")(_ratio)
    assert ratio(3.0, 2.0, at=None) == 1.5  # type: ignore[arg-type]
    assert ratio.function is _ratio
    assert inspect.signature(ratio) == inspect.signature(_ratio)
    assert (ratio.name, ratio.version, ratio.tags) == ("_ratio", "v1", ("money",))
    assert ratio.description == ratio.__doc__ == "An amount against all spending."
    assert ratio.origin.file == __file__


def test_it_gives_one_column_of_its_own_name() -> None:
    ratio = fs.on_demand(name="ratio")(_ratio)
    assert ratio.outputs == (("ratio", fs.Float64),)
    assert not ratio.is_tuple


def test_a_named_tuple_gives_a_column_per_field() -> None:
    @fs.on_demand()
    def split(amount: fs.Request[float]) -> Split:
        return Split(int(amount), None)

    assert split.columns == ("split_whole", "split_rest")
    assert split.outputs == (("split_whole", fs.Int64), ("split_rest", fs.Decimal(3, 2)))
    assert split.is_tuple


def _nothing(amount: fs.Request[float]): ...  # type: ignore[no-untyped-def]  # noqa: ANN202


def _none(amount: fs.Request[float]) -> None: ...


def _pair(amount: fs.Request[float]) -> tuple[int, int]: ...  # type: ignore[empty-body]


def _either(amount: fs.Request[float]) -> int | str: ...  # type: ignore[empty-body]


def _maybe_split(amount: fs.Request[float]) -> Split | None: ...


def _empty(amount: fs.Request[float]) -> Empty: ...  # type: ignore[empty-body]


def _odd(amount: fs.Request[float]) -> Odd: ...  # type: ignore[empty-body]


def _rows(orders: fs.Rows) -> float: ...  # type: ignore[empty-body]


def _value(spend: fs.Value) -> float: ...  # type: ignore[empty-body]


def _mapping(spend: dict[str, float]) -> float: ...  # type: ignore[empty-body]


@pytest.mark.parametrize(
    "function", [_nothing, _none, _pair, _either, _maybe_split, _empty, _odd, _rows, _value, _mapping]
)
def test_what_is_no_typed_function_of_values_is_refused_with_its_place(function: Any) -> None:
    with pytest.raises(DefinitionError) as error:
        fs.on_demand()(function)
    assert error.value.where is not None
    assert "test_on_demand.py:" in error.value.where
