"""Statistics of a column in one pass over its batches. What would show a person's values is left out."""

import datetime
import decimal
from typing import TYPE_CHECKING, Any

from featurestore.definitions.types import DataType
from featurestore.spi.frames import arrow
from featurestore.training.encoding import canonical, finite_or_text, is_list

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MOST_DISTINCT", "ColumnStatistics"]

MOST_DISTINCT = 10_000
"""Up to how many different values are counted."""

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class ColumnStatistics:
    """Counts, and where they may be shown smallest, largest and mean value.

    Args:
        data_type: The type of the values.
        private: Whether values must not be shown, as those of keys and of tagged columns. Those of text and bytes
            never are.
    """

    def __init__(self, data_type: DataType, *, private: bool) -> None:
        self._type = data_type
        self._shown = not private and data_type.name not in {"String", "Bytes"} and not is_list(data_type)
        self._count = self._nulls = self._nan = self._infinite = 0
        self._seen: Any = None
        self._more = False
        self._lengths: list[tuple[int, int, int]] = []
        self._least: Any = None
        self._most: Any = None
        self._total = 0.0

    def add(self, array: "pa.Array") -> None:
        """Takes in the next values."""
        there = array.drop_null()
        self._count += len(there)
        self._nulls += array.null_count
        if not len(there):
            return
        self._add_lengths(there)
        if is_list(self._type):
            return
        values = canonical(there, self._type)
        self._add_distinct(values)
        if self._shown:
            self._add_shown(values)

    def _add_lengths(self, values: "pa.Array") -> None:
        compute = arrow("pyarrow.compute")
        if is_list(self._type):
            lengths = compute.list_value_length(values)
        elif self._type.name == "String":
            lengths = compute.utf8_length(values.cast(arrow().large_string()))
        elif self._type.name == "Bytes":
            lengths = compute.binary_length(values)
        else:
            return
        ends = compute.min_max(lengths).as_py()
        least, most, total = ends["min"], ends["max"], compute.sum(lengths).as_py()
        if self._lengths:
            before = self._lengths.pop()
            least, most, total = min(least, before[0]), max(most, before[1]), total + before[2]
        self._lengths.append((least, most, total))

    def _add_distinct(self, values: "pa.Array") -> None:
        if self._more:
            return
        found = values.unique()
        self._seen = found if self._seen is None else arrow().concat_arrays([self._seen, found]).unique()
        if len(self._seen) > MOST_DISTINCT:
            self._more, self._seen = True, None

    def _add_shown(self, values: "pa.Array") -> None:
        pa, compute = arrow(), arrow("pyarrow.compute")
        if self._type.is_float:
            self._nan += compute.sum(compute.is_nan(values)).as_py()
            finite = values.filter(compute.is_finite(values))
            self._infinite += compute.sum(compute.is_inf(values)).as_py()
            values = finite
        if not len(values):
            return
        ends = compute.min_max(values).as_py()
        self._least = ends["min"] if self._least is None else min(self._least, ends["min"])
        self._most = ends["max"] if self._most is None else max(self._most, ends["max"])
        self._total += compute.sum(values.cast(pa.float64(), safe=False)).as_py()

    @property
    def document(self) -> dict[str, Any]:
        """The statistics so far; what does not apply to the type, or must not be shown, is not in it.

        ``count`` is of values that are not null. ``min``, ``max`` and ``mean`` are over finite values; NaN and the
        infinities are counted apart. ``length`` is in characters, bytes or items.
        """
        found: dict[str, Any] = {"count": self._count, "nulls": self._nulls}
        if not is_list(self._type):
            seen = 0 if self._seen is None else len(self._seen)
            found["distinct"] = f"more than {MOST_DISTINCT}" if self._more else seen
        if self._lengths:
            least, most, total = self._lengths[0]
            found["length"] = {"min": least, "max": most, "mean": total / self._count}
        if self._shown:
            found |= self._shown_document()
        return found

    def _shown_document(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self._type.is_float:
            found |= {"nan": self._nan, "infinite": self._infinite}
        if self._least is None:
            return found
        if self._type.name != "Bool":
            found |= {"min": _shown(self._least, self._type), "max": _shown(self._most, self._type)}
        if self._type.is_numeric or self._type.name == "Bool":
            found["mean"] = finite_or_text(self._total / (self._count - self._nan - self._infinite))
        return found


def _shown(value: Any, data_type: DataType) -> object:
    """A value in its canonical form as JSON can say it."""
    if isinstance(value, decimal.Decimal):
        return str(value)
    if data_type.name in {"Date", "Timestamp"}:
        unit = "days" if data_type.name == "Date" else "microseconds"
        try:
            time = _EPOCH + datetime.timedelta(**{unit: value})
        except OverflowError:  # beyond the years that Python knows
            return f"{value} {unit} after 1970"
        return time.date().isoformat() if data_type.name == "Date" else time.isoformat()
    return value
