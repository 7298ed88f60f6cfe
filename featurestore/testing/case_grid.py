"""What generated cases are made of: entities, columns with the values that they take, lengths of time and a grid.

Simple values come first: that is where shrinking ends.
"""

import datetime
import math
import struct
from collections.abc import Mapping
from decimal import Decimal

from hypothesis import strategies as st

from featurestore.definitions.types import (
    Bool,
    Bytes,
    DataType,
    Date,
    Float32,
    Float64,
    Int32,
    Int64,
    Schema,
    String,
    Timestamp,
)
from featurestore.definitions.types import Decimal as DecimalType

__all__ = [
    "AFTER",
    "BEFORE",
    "COLUMNS",
    "DELAYS",
    "EDGES",
    "ENTITIES",
    "EVENT_TIMES",
    "EVERY",
    "KNOWN",
    "LENGTHS",
    "LITERALS",
    "OFFSETS",
    "STARTS",
    "STEP_COLUMNS",
    "VALUES",
    "chance",
]


def chance(draw: st.DrawFn, one_in: int) -> bool:
    """True once in ``one_in`` times; shrinks to False."""
    return draw(st.integers(0, one_in - 1)) == one_in - 1


STARTS = tuple(
    datetime.datetime.fromisoformat(text + "+00:00")
    for text in ("2024-05-02T00:00", "1970-01-01T00:00", "1969-12-30T22:00", "2024-02-29T00:00", "2024-03-31T01:00")
)
BEFORE = (0, -60, -15, -10, -5, -120, -75, -70, -1440, -1500, -10080)
AFTER = (0, 15, 60, 10, 5, 75, 70, 120, 45, 1440, 1500, 10080)
"""Minutes of the grid: rows happen before its beginning more often, and spines ask for times after it."""
EDGES = (0, 0, 0, -1, 1, 999_999)
"""Microseconds beside the grid, mostly on it: edges and ties are what cases are for."""
LENGTHS = ("1d", "1h", "2h", "15m")
EVERY = ("1h", "15m", "1d", "1w", "1s")
DELAYS = ("0s", "10m", "1h", "1us")
OFFSETS = ("0s", "10m", "15m", "1us")

ENTITIES: Mapping[str, Mapping[str, DataType]] = {
    "customer": {"customer_id": Int64},
    "route": {"origin": String, "dest": Bytes},
    "seat": {"day": Date, "number": Int32},
}
COLUMNS: Schema = {
    "n": Int64,
    "i": Int32,
    "x": Float64,
    "s": String,
    "flag": Bool,
    "money": DecimalType(10, 2),
    "big": Int64,
    "f": Float32,
    "blob": Bytes,
    "born": Date,
    "seen": Timestamp,
}
"""What features aggregate. Only ``i`` is computed with inside a row: there no sum of two cells can overflow."""
EVENT_TIMES: Schema = {"happened_at": Timestamp, "happened_on": Date}
STEP_COLUMNS: Schema = {
    "doubled": Int64,
    "label": String,
    "level": Int32,
    "size": Int64,
    "total": Int64,
    "greatest": String,
    "peers": Int64,
    "on_day": Date,
    "newest_at": Timestamp,
    "newest_on": Date,
}
"""What steps add to that."""
KNOWN: Schema = {**COLUMNS, **EVENT_TIMES, **STEP_COLUMNS}
TENTH = struct.unpack("f", struct.pack("f", 0.1))[0]
VALUES: Mapping[str, tuple[object, ...]] = {
    "n": (1, 0, 2, -1, None, 2**53 + 1, -(2**53) - 1),
    "i": (1, 0, -1, 7, None, 2**31 - 1, -(2**31)),
    "x": (1.0, 0.0, -0.0, 0.1, -2.5, None, 1e16, -1e16, math.nan, math.inf, -math.inf),
    "s": ("a", "", "b", None, "B", "ä", "aa", "a,b", "a|b", "'", '"', "\\", "\n", "%", "NULL", "𝄞", "\x1f"),
    "flag": (True, False, None),
    "money": (Decimal("1.00"), Decimal("0.01"), Decimal("-0.10"), None, Decimal("99999999.99"), Decimal(0)),
    "big": (1, None, 2**63 - 1, -(2**63), -1, 2**62),
    "f": (1.0, 0.5, TENTH, -0.0, None, math.nan, math.inf, -math.inf),
    "blob": (b"a", b"", b"\x00", b"\xff", None, b"a\x00", b"\x80"),
    "born": tuple(datetime.date(*parts) for parts in ((2024, 5, 1), (1970, 1, 1), (1969, 12, 31), (2024, 2, 29))),
    "seen": (STARTS[0], None, STARTS[1], STARTS[2], STARTS[0] + datetime.timedelta(microseconds=1)),
    "customer_id": (1, 2, None, 2**53 + 1, 2**53),
    "origin": ("a", "b", None, "", "a,b", "'", "a|b", "\x1f", "ä", "a\u0308", "𝄞", "A", "a ", "NULL"),
    "dest": (b"b", b"", None, b"\xff", b"a,b", b"b\x00"),
    "day": (datetime.date(2024, 5, 1), datetime.date(1969, 12, 31), None),
    "number": (1, 2, None, -(2**31)),
    "order_id": (1, 1, 2, None),
    "part": ("a", "", None),
    "gone": (False, None, True),
    "label": ("a", "b", None, ""),
}
"""Column to the values that it takes, simple ones first: that is where shrinking ends."""
PLAIN = frozenset({Int64, Int32, String})
LITERALS: Mapping[str, object] = {
    **{column: next(value for value in values if value is not None) for column, values in VALUES.items()},
    **{
        name: {"Int64": 1, "Int32": 0, "String": "a"}[kind.name] for name, kind in STEP_COLUMNS.items() if kind in PLAIN
    },
    "x": 0.0,
    "n": 2**53 + 1,
}
