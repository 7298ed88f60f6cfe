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
from featurestore.compiler.sql_functions import TIME_OUT_OF_RANGE
from featurestore.definitions.expressions import literal
from featurestore.definitions.functions import AGGREGATIONS, FUNCTIONS, type_of
from featurestore.definitions.nodes import Call, FeatureValue, Node
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
    String: [
        *("", "a", "B", "Zürich", "aarau", "é", "\U0001f600", "\uffff", "a'b", 'a"b', "a\\b", "%_", "a\x01"),
        *("e\u0301", "É", "İI\u0131\u017fKß", " a  ", "\u00a0 a\t", "aaa", "\U0001f1e9\U0001f1ea", "\U0001f600\u0301a"),
    ],
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
        time("9999-12-31T23:59:59.999999"),
        time("1900-03-01T00:00:00.000001"),
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
        "Date": st.dates(),
        "Timestamp": st.datetimes().map(lambda naive: naive.replace(tzinfo=datetime.UTC)),
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
    except duckdb.InvalidInputException as error:
        assert TIME_OUT_OF_RANGE in str(error)  # noqa: PT017 - any other failure is no answer
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
    return type(value).__name__, repr(value) if isinstance(value, float) else value


def check(node: Node, columns: Schema, row: Sequence[Any]) -> None:
    expected = told(by_oracle(node, columns, row))
    assert told(by_evaluator(node, columns, row)) == expected, f"evaluator: {node} of {row}"
    assert told(by_engine(node, columns, row)) == expected, f"engine: {node} of {row}"


UNARY = "negate not is_null cast abs floor ceil sqrt is_nan length lower_ascii upper_ascii date year month day"
UNARY += " weekday day_of_year hour minute second"
COUNTS = {**dict.fromkeys(UNARY.split(), 1), "is_in": 3, "if_else": 3, "least": 3, "concat": 3}
HOUR = 3_600_000_000
LENGTHS = [0, 1, 999_999, HOUR, 24 * HOUR, 7 * 24 * HOUR, 365 * 24 * HOUR, 3_650_000 * 24 * HOUR]
CONSTANTS: dict[str, Sequence[tuple[Any, ...]]] = {
    "round": [(digits,) for digits in (0, 1, 2, 5, 9, 10, 38)],
    "strip": [(text,) for text in (" ", "a", " \t", "\u0301e", "a\U0001f600", "'", "\u00a0")],
    "substring": [*product((0, 1, 2, 7, 2**31 - 2), (0, 1, 2, 2**31 - 2))],
    "replace": [*product(("a", "aa", "e", "\u0301", "\U0001f600", "'", "\\", "%"), ("", "b", "aa", "é", "'", "\\0"))],
    "plus": [(length,) for length in LENGTHS],
    "minus": [(length,) for length in LENGTHS],
    "truncate": [(length,) for length in LENGTHS if length],
}
"""What the functions that take constants are called with."""


def calls(function: str) -> list[tuple[Call, Schema]]:
    """The function over columns of all types that it takes."""
    number = 1 if function in CONSTANTS else COUNTS.get(function, 2)
    found: list[tuple[Call, Schema]] = []
    for types, constants in product(product(TYPES, repeat=number), CONSTANTS.get(function, [()])):
        columns = {f"c{position}": data_type for position, data_type in enumerate(types)}
        arguments: tuple[Node, ...] = (*map(FeatureValue, columns), *map(literal, constants))
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
ALIGNED |= {"least", "greatest"}
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
    node = Call("fill_null", (FeatureValue("c0"), literal(value)))
    check(node, {"c0": data_type}, [None])
    check(Call("equal", (FeatureValue("c0"), literal(value))), {"c0": data_type}, row)
    if data_type != Bool and data_type.is_orderable:
        check(Call("less", (FeatureValue("c0"), literal(value))), {"c0": data_type}, row)


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
    ("function", "constants", "types", "row", "expected"),
    [
        ("floor_divide", (), (Int64, Int64), (-7, 2), -4),
        ("floor_divide", (), (Int64, Int64), (7, -2), -4),
        ("floor_divide", (), (Int64, Int64), (7, 0), None),
        ("floor_divide", (), (Int64, Int64), (-(2**63), -1), OVERFLOW),
        ("floor_divide", (), (Int32, Int32), (-(2**31), -1), 2**31),
        ("floor_divide", (), (Int64, Int64), (2**53 + 1, 1), 2**53 + 1),
        ("modulo", (), (Int64, Int64), (-7, 2), 1),
        ("modulo", (), (Int64, Int64), (7, -2), -1),
        ("modulo", (), (Int64, Int64), (-6, -2), 0),
        ("modulo", (), (Int64, Int64), (-(2**63), -1), 0),
        ("modulo", (), (Int64, Int64), (2**63 - 1, -(2**63)), -1),
        ("modulo", (), (Int64, Int64), (7, 0), None),
        ("abs", (), (Int64,), (-(2**63),), OVERFLOW),
        ("abs", (), (Int32,), (-(2**31),), 2**31),
        ("abs", (), (Float64,), (-0.0,), 0.0),
        ("floor", (), (Float64,), (-0.5,), -1.0),
        ("floor", (), (Float64,), (-0.0,), 0.0),
        ("ceil", (), (Float64,), (-0.5,), 0.0),
        ("ceil", (), (Float64,), (math.nan,), math.nan),
        ("floor", (), (Float64,), (-math.inf,), -math.inf),
        ("ceil", (), (Decimal(10, 2),), (Number("99999999.99"),), Number(100000000)),
        ("floor", (), (Decimal(5, 5),), (Number("-0.99999"),), Number(-1)),
        ("round", (1,), (Decimal(10, 2),), (Number("0.25"),), Number("0.30")),
        ("round", (1,), (Decimal(10, 2),), (Number("-0.25"),), Number("-0.30")),
        ("round", (0,), (Decimal(10, 2),), (Number("99999999.99"),), Number("100000000.00")),
        ("round", (9,), (Decimal(38, 10),), (Number("9" * 28 + "." + "9" * 10),), OVERFLOW),
        ("round", (7,), (Decimal(10, 2),), (Number("1.25"),), Number("1.25")),
        ("sqrt", (), (Int64,), (4,), 2.0),
        ("sqrt", (), (Float64,), (-1.0,), None),
        ("sqrt", (), (Float64,), (-math.inf,), None),
        ("sqrt", (), (Float64,), (-0.0,), 0.0),
        ("sqrt", (), (Float64,), (math.nan,), math.nan),
        ("sqrt", (), (Decimal(10, 2),), (Number("0.25"),), 0.5),
        ("least", (), (Float64, Float64), (math.nan, 1.0), math.nan),
        ("least", (), (Float64, Float64), (1.0, math.nan), math.nan),
        ("greatest", (), (Float64, Float64), (math.inf, math.nan), math.nan),
        ("least", (), (Float64, Float64), (math.nan, None), None),
        ("least", (), (Float64, Float64), (0.0, -0.0), 0.0),
        ("greatest", (), (Float64, Float64, Float64), (1.0, math.inf, -1.0), math.inf),
        ("greatest", (), (Int64, Int64), (2**53, 2**53 + 1), 2**53 + 1),
        ("greatest", (), (Int64, Decimal(10, 2)), (1, Number("1.01")), Number("1.01")),
        ("least", (), (String, String), ("aarau", "Zürich"), "Zürich"),
        ("greatest", (), (String, String), ("\uffff", "\U0001f600"), "\U0001f600"),
        ("is_nan", (), (Float64,), (math.inf,), False),
        ("is_nan", (), (Float32,), (math.nan,), True),
        ("length", (), (String,), ("e\u0301\U0001f600",), 3),
        ("length", (), (Bytes,), ("\U0001f600".encode(),), 4),
        ("lower_ascii", (), (String,), ("ÀBC[Zİ",), "Àbc[zİ"),
        ("upper_ascii", (), (String,), ("straße{z",), "STRAßE{Z"),
        ("strip", (" ",), (String,), ("  a b \t ",), "a b \t"),
        ("strip", ("ba",), (String,), ("abcab",), "c"),
        ("strip", ("a",), (String,), ("aaa",), ""),
        ("starts_with", (), (String, String), ("Zürich", "Zü"), True),
        ("starts_with", (), (String, String), ("", ""), True),
        ("starts_with", (), (String, String), ("\u00e9", "e"), False),
        ("ends_with", (), (String, String), ("a%", "%"), True),
        ("ends_with", (), (String, String), ("a", "ba"), False),
        ("contains", (), (String, String), ("a_b", "_"), True),
        ("contains", (), (String, String), ("ab", "a_"), False),
        ("contains", (), (String, String), ("ab", None), None),
        ("substring", (1, 5), (String,), ("ab",), "b"),
        ("substring", (1, 1), (String,), ("\U0001f600e\u0301",), "e"),
        ("substring", (7, 1), (String,), ("ab",), ""),
        ("substring", (0, 0), (String,), ("ab",), ""),
        ("concat", (), (String, String, String), ("a", "", "\U0001f600"), "a\U0001f600"),
        ("concat", (), (String, String), ("a", None), None),
        ("replace", ("aa", "b"), (String,), ("aaa",), "ba"),
        ("replace", ("a", "aa"), (String,), ("aba",), "aabaa"),
        ("year", (), (Timestamp,), (time("0001-01-01"),), 1),
        ("year", (), (Date,), (datetime.date(9999, 12, 31),), 9999),
        ("month", (), (Timestamp,), (time("1969-12-31T23:59:59.999999"),), 12),
        ("day", (), (Date,), (datetime.date(2024, 2, 29),), 29),
        ("weekday", (), (Date,), (datetime.date(1970, 1, 1),), 4),
        ("weekday", (), (Timestamp,), (time("2024-03-03"),), 7),
        ("weekday", (), (Date,), (datetime.date(1, 1, 1),), 1),
        ("day_of_year", (), (Date,), (datetime.date(2024, 12, 31),), 366),
        ("day_of_year", (), (Date,), (datetime.date(1900, 12, 31),), 365),
        ("hour", (), (Timestamp,), (time("1969-12-31T23:59:59.999999"),), 23),
        ("minute", (), (Timestamp,), (time("2024-02-29T12:34:56"),), 34),
        ("second", (), (Timestamp,), (time("1969-12-31T23:59:59.999999"),), 59),
        ("date", (), (Timestamp,), (time("1969-12-31T23:59:59.999999"),), datetime.date(1969, 12, 31)),
        (
            "microseconds_since",
            (),
            (Timestamp, Timestamp),
            (time("0001-01-01"), time("9999-12-31T23:59:59.999999")),
            -315_537_897_599_999_999,
        ),
        ("days_since", (), (Date, Date), (datetime.date(2024, 3, 1), datetime.date(2024, 2, 28)), 2),
        ("plus", (1,), (Timestamp,), (time("1969-12-31T23:59:59.999999"),), time("1970-01-01")),
        ("plus", (1,), (Timestamp,), (time("9999-12-31T23:59:59.999999"),), OVERFLOW),
        ("plus", (0,), (Timestamp,), (time("9999-12-31T23:59:59.999999"),), time("9999-12-31T23:59:59.999999")),
        ("minus", (1,), (Timestamp,), (time("0001-01-01"),), OVERFLOW),
        ("minus", (24 * HOUR,), (Timestamp,), (time("2024-03-01"),), time("2024-02-29")),
        ("truncate", (HOUR,), (Timestamp,), (time("1969-12-31T23:59:59.999999"),), time("1969-12-31T23:00")),
        ("truncate", (HOUR,), (Timestamp,), (time("2024-02-29T12:00"),), time("2024-02-29T12:00")),
        ("truncate", (7 * 24 * HOUR,), (Timestamp,), (time("2024-05-01"),), time("2024-04-25")),
        ("truncate", (24 * HOUR,), (Timestamp,), (time("0001-01-01T12:00"),), time("0001-01-01")),
        ("truncate", (7 * 24 * HOUR,), (Timestamp,), (time("0001-01-01"),), OVERFLOW),
    ],
)
def test_the_meaning_of_functions_that_the_page_states(
    function: str, constants: tuple[Any, ...], types: tuple[DataType, ...], row: tuple[Any, ...], expected: Any
) -> None:
    columns = {f"c{position}": data_type for position, data_type in enumerate(types)}
    node = Call(function, (*map(column, range(len(types))), *map(literal, constants)))
    assert told(by_oracle(node, columns, row)) == told(expected)
    check(node, columns, row)


@pytest.mark.parametrize("function", ["starts_with", "ends_with", "contains"])
def test_each_sample_is_looked_for_in_each_sample_and_where_it_surely_is(function: str) -> None:
    samples = SAMPLES[String]
    node, columns = Call(function, (column(0), column(1))), {"c0": String, "c1": String}
    longer = [(f"{one}{other}", part) for one, other in product(samples, samples[:6]) for part in (one, other)]
    for row in [*product(samples, samples), *longer][::3]:
        check(node, columns, row)


@pytest.mark.parametrize("function", ["floor_divide", "modulo"])
def test_division_agrees_on_each_pair_of_hostile_integers(function: str) -> None:
    node, columns = Call(function, (column(0), column(1))), {"c0": Int64, "c1": Int64}
    for row in product(SAMPLES[Int64], repeat=2):
        check(node, columns, row)


def test_what_is_left_and_the_quotient_make_the_dividend() -> None:
    for dividend, divisor in product(SAMPLES[Int64], SAMPLES[Int64]):
        row, columns = (dividend, divisor), {"c0": Int64, "c1": Int64}
        whole, rest = (
            by_engine(Call(name, (column(0), column(1))), columns, row) for name in ("floor_divide", "modulo")
        )
        if whole not in {None, OVERFLOW}:
            assert dividend == whole * divisor + rest


CLOCK = ("year", "month", "day", "weekday", "day_of_year", "hour", "minute", "second", "date")


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("function", [*CLOCK, "microseconds_since", "plus", "minus", "truncate"])
def test_an_infinite_time_gives_null(function: str, sign: str) -> None:
    others = {"microseconds_since": (column(1),)}.get(function, tuple(map(literal, CONSTANTS.get(function, [()])[-1])))
    node, types = Call(function, (column(0), *others)), {"c0": Timestamp, "c1": Timestamp}
    given = {column(0): float(f"{sign}inf"), column(1): time("2024-05-01")}
    assert evaluate(node, lambda leaf: given[leaf], lambda part: type_of(part, {}, types)) is None  # type: ignore[index]

    def leaf(one: Node) -> Printed:
        assert isinstance(one, FeatureValue)
        return {"c0": f"'{sign}infinity'::TIMESTAMPTZ", "c1": "'2024-05-01'::TIMESTAMPTZ"}[one.parameter], Timestamp

    assert engine().sql(f"SELECT {print_expression(node, leaf, DIALECT)[0]}").fetchall() == [(None,)]


def test_functions_inside_functions_mean_what_they_mean_alone() -> None:
    columns = {"c0": Timestamp, "c1": Int64}
    hours = literal(HOUR)
    gone = Call("microseconds_since", (column(0), Call("truncate", (column(0), literal(24 * HOUR)))))
    node = Call("modulo", (Call("floor_divide", (gone, hours)), Call("modulo", (column(1), literal(5)))))
    for row in product(SAMPLES[Timestamp], SAMPLES[Int64]):
        check(node, columns, row)
    rounded = Call("floor", (Call("divide", (Call("abs", (column(1),)), literal(3))),))
    for value in SAMPLES[Int64]:
        check(rounded, columns, (None, value))


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
