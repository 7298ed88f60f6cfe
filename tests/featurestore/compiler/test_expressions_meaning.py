"""The SQL that is printed, the evaluator of derived features and the oracle mean the same by every function."""

import datetime
import functools
import math
import struct
from collections.abc import Sequence
from decimal import Context
from decimal import Decimal as Number
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from featurestore.compiler.evaluate import Row, expression_of
from featurestore.compiler.expressions import Printed, print_expression
from featurestore.definitions.functions import AGGREGATIONS, FUNCTIONS, type_of
from featurestore.definitions.nodes import Call, FeatureValue, Literal, Node
from featurestore.definitions.types import (
    MAX_PRECISION,
    Array,
    Bool,
    Bytes,
    DataType,
    Date,
    Decimal,
    Float32,
    Float64,
    Int32,
    Int64,
    Schema,
    String,
    Timestamp,
    Vector,
    type_of_value,
)
from featurestore.errors import NumberOverflowError, TypeMismatchError
from featurestore.spi.frames import arrow_type
from featurestore.testing.oracle_values import evaluate
from featurestore_duckdb.dialect import DuckDBDialect

OVERFLOW = "overflow"
DIALECT = DuckDBDialect()
PAGE = Path(__file__).parents[3] / "docs" / "expressions.md"


def time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)


def float32(value: float) -> float:
    found: float = struct.unpack("f", struct.pack("f", value))[0]
    return found


FLOATS = [0.0, -0.0, 1.0, -1.5, 0.1, 1e-320, 1e308, -1e308, 2.0**53, 2.0**63, 1e22, math.nan, math.inf, -math.inf]
WHOLE = [0, 1, -1, 2, 7, -7, 2**31 - 1, -(2**31)]
SAMPLES: dict[DataType, Sequence[Any]] = {
    Bool: [True, False],
    Int32: WHOLE,
    Int64: [*WHOLE, 2**53 + 1, -(2**53) - 1, 2**62, 2**63 - 1, -(2**63)],
    Float32: [float32(value) for value in (0.0, -0.0, 1.0, -1.5, 0.1, 16777217.0, 3e38, math.nan, math.inf, -math.inf)],
    Float64: FLOATS,
    Decimal(10, 2): [Number(text) for text in ("0.00", "1.00", "-1.50", "0.10", "0.01", "99999999.99", "-99999999.99")],
    Decimal(38, 0): [Number(text) for text in ("0", "1", "-7", "9007199254740993", "8" * 38, "-" + "8" * 38)],
    Decimal(38, 10): [Number(text) for text in ("0E-10", "0.1000000000", "-1.5000000000", f"{'8' * 28}.8888888888")],
    Decimal(5, 5): [Number(text) for text in ("0.00000", "0.50000", "-0.99999", "0.00001")],
    String: ["", "a", "B", "Zürich", "aarau", "é", "\U0001f600", "\uffff", "a'b", 'a"b', "a\\b", "%_", "a\x01"],
    Bytes: [b"", b"\x00", b"a", b"\xff\x00", b"'", b"\\x41"],
    Date: [
        datetime.date(1969, 12, 31),
        datetime.date(2024, 2, 29),
        datetime.date(1, 1, 1),
        datetime.date(9999, 12, 31),
    ],
    Timestamp: [
        time("2024-05-01T12:00:00.000001"),
        time("1969-12-31T23:59:59.999999"),
        time("2024-02-29"),
        time("0001-01-01"),
    ],
    Array[Int64]: [[], [1], [1, 2], [2]],
    Array[Float64]: [[], [math.nan], [0.0], [-0.0], [1.0, math.inf]],
    Vector[2]: [[1.0, 2.0], [math.nan, 0.0], [math.nan, -0.0]],
}
TYPES = tuple(SAMPLES)
INTEGERS = st.integers(-(2**63), 2**63 - 1)


def values(data_type: DataType) -> st.SearchStrategy[Any]:
    """Null, hostile values and, of numbers, any value."""
    known = st.sampled_from([None, *SAMPLES[data_type]])
    more: dict[str, st.SearchStrategy[Any]] = {
        "Int32": st.integers(-(2**31), 2**31 - 1),
        "Int64": INTEGERS,
        "Float64": st.floats(),
        "Float32": st.floats(width=32),
        "String": st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=4),
        "Bytes": st.binary(max_size=4),
    }
    if data_type.is_decimal:
        precision = int(str(data_type.parameters[0]))
        digits = st.integers(-9 * 10 ** (precision - 1), 9 * 10 ** (precision - 1))
        return known | digits.map(lambda unscaled: Number(unscaled).scaleb(-data_type.scale, context=WIDE))
    return known | more[data_type.name] if data_type.name in more else known


WIDE = Context(prec=60)


@functools.cache
def engine() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def by_engine(node: Node, columns: Schema, row: Sequence[Any]) -> Any:
    """The value of the printed SQL over one row of typed columns."""

    def leaf(column: Node) -> Printed:
        assert isinstance(column, FeatureValue)
        return DIALECT.cast(DIALECT.name(column.parameter), columns[column.parameter]), columns[column.parameter]

    text, data_type = print_expression(node, leaf, DIALECT)
    arrays = [pa.array([value], arrow_type(kind)) for value, kind in zip(row, columns.values(), strict=True)]
    engine().register("given", pa.table([pa.array([1]), *arrays], names=["one", *columns]))
    try:
        found = engine().sql(f"SELECT {text} AS found FROM given").to_arrow_table().column("found")
    except (duckdb.OutOfRangeException, duckdb.ConversionException):
        return OVERFLOW
    return found.cast(arrow_type(data_type)).to_pylist()[0]


def by_evaluator(node: Node, columns: Schema, row: Sequence[Any]) -> Any:
    """What a derived feature gives."""
    given = dict(zip(columns, row, strict=True))
    inputs = {name: ((lambda row, name=name: row.slots[name]), kind) for name, kind in columns.items()}
    try:
        return expression_of(node, inputs, "f@v1")(Row(given, {}, 0))
    except NumberOverflowError:
        return OVERFLOW


def by_oracle(node: Node, columns: Schema, row: Sequence[Any]) -> Any:
    """What it must be."""
    given = dict(zip(columns, row, strict=True))

    def leaf(column: Node) -> object:
        assert isinstance(column, FeatureValue)
        return given[column.parameter]

    try:
        return evaluate(node, leaf, lambda part: type_of(part, {}, columns))
    except NumberOverflowError:
        return OVERFLOW


def told(value: Any) -> Any:
    """A value in a form that can be compared: NaN equals itself, true is not one, and types count."""
    if isinstance(value, list):
        return [told(item) for item in value]
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, datetime.datetime):
        return "datetime", value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
    return type(value).__name__, value


def check(node: Node, columns: Schema, row: Sequence[Any]) -> None:
    expected = told(by_oracle(node, columns, row))
    assert told(by_evaluator(node, columns, row)) == expected, f"evaluator: {node} of {row}"
    assert told(by_engine(node, columns, row)) == expected, f"engine: {node} of {row}"


COUNTS = {"negate": 1, "not": 1, "is_null": 1, "cast": 1, "is_in": 3, "if_else": 3}


def calls(function: str) -> list[tuple[Call, Schema]]:
    """The function over columns of all types that it takes."""
    number = COUNTS.get(function, 2)
    found: list[tuple[Call, Schema]] = []
    for types in product(TYPES, repeat=number):
        columns = {f"c{position}": data_type for position, data_type in enumerate(types)}
        arguments = tuple(FeatureValue(name) for name in columns)
        for to in TYPES if function == "cast" else (None,):
            node = Call(function, arguments, to)
            try:
                type_of(node, {}, columns)
            except TypeMismatchError:
                continue
            if function not in ALIGNED or digits(types) <= MAX_PRECISION:
                found.append((node, columns))
    return found


ALIGNED = {"add", "subtract", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "is_in"}
"""What an engine does with Decimals of one scale: where 38 digits do not hold both, it may fail before it has to."""


def digits(types: Sequence[DataType]) -> int:
    """How many digits hold all values of these types exactly, if they are Decimals and integers."""
    if not all(data_type.is_decimal or data_type.is_integer for data_type in types):
        return 0
    before = {"Int32": 10, "Int64": 19}
    whole = [before.get(kind.name) or int(str(kind.parameters[0])) - kind.scale for kind in types]
    return max(whole) + max(data_type.scale for data_type in types)


CALLS = {function: calls(function) for function in FUNCTIONS}
SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)


def draw_and_check(function: str, data: st.DataObject) -> None:
    node, columns = data.draw(st.sampled_from(CALLS[function]))
    check(node, columns, [data.draw(values(data_type)) for data_type in columns.values()])


@pytest.mark.parametrize("function", FUNCTIONS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=SLOW)
@given(data=st.data())
def test_engine_evaluator_and_oracle_agree(function: str, data: st.DataObject) -> None:
    draw_and_check(function, data)


@pytest.mark.long
@pytest.mark.parametrize("function", FUNCTIONS)
@settings(max_examples=600, deadline=None, suppress_health_check=SLOW)
@given(data=st.data())
def test_engine_evaluator_and_oracle_agree_on_many_values(function: str, data: st.DataObject) -> None:
    draw_and_check(function, data)


LITERALS = [
    *(value for data_type, sample in SAMPLES.items() if data_type.name not in {"Array", "Vector"} for value in sample),
    *(Number("1E+5"), Number("-0.5"), Number(0), datetime.datetime(2024, 5, 1, 12)),  # noqa: DTZ001 - naive is UTC
    datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
]


@pytest.mark.parametrize("value", LITERALS, ids=repr)
def test_a_literal_is_its_value_in_all_three(value: Any) -> None:
    data_type = type_of_value(value)
    row = [SAMPLES.get(data_type, [None])[0]]
    node = Call("fill_null", (FeatureValue("c0"), Literal(value, data_type)))
    check(node, {"c0": data_type}, [None])
    check(Call("equal", (FeatureValue("c0"), Literal(value, data_type))), {"c0": data_type}, row)
    if data_type != Bool and data_type.is_orderable:
        check(Call("less", (FeatureValue("c0"), Literal(value, data_type))), {"c0": data_type}, row)


def column(position: int) -> FeatureValue:
    return FeatureValue(f"c{position}")


@pytest.mark.parametrize(
    ("function", "types", "row", "expected"),
    [
        ("add", (Int64, Int64), (2**63 - 1, 1), OVERFLOW),
        ("subtract", (Int64, Int64), (-(2**63), 1), OVERFLOW),
        ("multiply", (Int64, Int64), (2**32, 2**31), OVERFLOW),
        ("negate", (Int64,), (-(2**63),), OVERFLOW),
        ("add", (Int32, Int32), (2**31 - 1, 1), 2**31),
        ("negate", (Int32,), (-(2**31),), 2**31),
        ("add", (Int64, Int64), (2**53, 1), 2**53 + 1),
        ("add", (Int64, Float64), (2**53 + 1, 0.0), 2.0**53),
        ("multiply", (Float64, Float64), (1e308, 10.0), math.inf),
        ("divide", (Int64, Int64), (7, 2), 3.5),
        ("divide", (Int64, Int64), (7, 0), None),
        ("divide", (Float64, Float64), (0.0, 0.0), None),
        ("divide", (Float64, Float64), (1.0, -0.0), None),
        ("divide", (Float64, Float64), (math.nan, 0.0), None),
        ("add", (Decimal(10, 2), Decimal(5, 5)), (Number("1.50"), Number("0.00001")), Number("1.50001")),
        ("multiply", (Decimal(10, 2), Decimal(5, 5)), (Number("1.50"), Number("0.50000")), Number("0.7500000")),
        (
            "multiply",
            (Int64, Decimal(38, 10)),
            (10**9, Number(10**10)),
            Number(10**19).quantize(Number("1E-10"), context=WIDE),
        ),
        ("multiply", (Decimal(10, 2), Int32), (Number("99999999.99"), 2**31 - 1), Number("214748364678525163.53")),
        ("multiply", (Decimal(38, 10), Decimal(38, 10)), (Number(10**10), Number(10**10)), OVERFLOW),
        ("add", (Int64, Decimal(10, 2)), (1, Number("0.10")), Number("1.10")),
        ("add", (Float64, Decimal(10, 2)), (0.5, Number("0.10")), 0.6),
        ("equal", (Float64, Float64), (math.nan, math.nan), True),
        ("greater", (Float64, Float64), (math.nan, math.inf), True),
        ("equal", (Float64, Float64), (0.0, -0.0), True),
        ("equal", (Int64, Float64), (2**53 + 1, 2.0**53), True),
        ("less", (String, String), ("Zürich", "aarau"), True),
        ("less", (String, String), ("\uffff", "\U0001f600"), True),
        ("equal", (Int64, Int64), (None, None), None),
        ("and", (Bool, Bool), (False, None), False),
        ("and", (Bool, Bool), (True, None), None),
        ("or", (Bool, Bool), (True, None), True),
        ("or", (Bool, Bool), (False, None), None),
        ("not", (Bool,), (None,), None),
        ("if_else", (Bool, Int64, Int64), (None, 1, 2), 2),
        ("if_else", (Bool, Int64, Float64), (True, 1, 0.5), 1.0),
        ("fill_null", (Int64, Float64), (None, 0.5), 0.5),
        ("fill_null", (Float32, Float64), (None, 0.1), float32(0.1)),
        ("fill_null", (Decimal(38, 10), Decimal(38, 0)), (Number("0.1"), None), Number("0.1000000000")),
        ("fill_null", (Float64, Int64), (math.nan, 1), math.nan),
        ("is_in", (Int64, Int64, Int64), (1, 2, 1), True),
        ("is_in", (Int64, Int64, Int64), (1, 1, None), None),
        ("is_null", (Float64,), (math.nan,), False),
    ],
)
def test_the_meaning_that_the_page_states(
    function: str, types: tuple[DataType, ...], row: tuple[Any, ...], expected: Any
) -> None:
    columns = {f"c{position}": data_type for position, data_type in enumerate(types)}
    node = Call(function, tuple(map(column, range(len(types)))))
    assert told(by_oracle(node, columns, row)) == told(expected)
    check(node, columns, row)


@pytest.mark.parametrize(
    ("given", "to", "value", "expected"),
    [
        (Bool, Int64, True, 1),
        (Int64, Int32, 2**31, OVERFLOW),
        (Int64, Float64, 2**53 + 1, 2.0**53),
        (Int64, Decimal(5, 2), 999, Number("999.00")),
        (Int64, Decimal(5, 2), 1000, OVERFLOW),
        (Decimal(10, 2), Decimal(5, 1), Number("0.25"), Number("0.3")),
        (Decimal(10, 2), Decimal(5, 1), Number("-0.25"), Number("-0.3")),
        (Decimal(38, 10), Float64, Number("0.1000000000"), 0.1),
        (Float32, Float64, float32(0.1), float32(0.1)),
        (Date, Timestamp, datetime.date(1969, 12, 31), time("1969-12-31")),
    ],
)
def test_the_casts_that_the_page_states(given: DataType, to: DataType, value: Any, expected: Any) -> None:
    node = Call("cast", (column(0),), to)
    assert told(by_oracle(node, {"c0": given}, [value])) == told(expected)
    check(node, {"c0": given}, [value])


def test_the_page_names_every_function_and_every_aggregation() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in (*FUNCTIONS, *AGGREGATIONS) if f"`{name}`" not in page] == []
