"""Checksums of columns: equal when the values are, in this order (semantics 20).

A column that is exact gets a hash over the canonical form of its values. A column with a tolerance gets what can be
compared without the values: counts and sums.
"""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from featurestore.compiler.steps import table_schema
from featurestore.compiler.vector import feature_type
from featurestore.definitions.functions import type_of
from featurestore.definitions.nodes import Aggregate
from featurestore.definitions.resolved import Computed, DerivedFeature, OnDemandFeature, SelectedFeature, StoredFeature
from featurestore.definitions.types import DataType
from featurestore.spi.frames import arrow
from featurestore.training.encoding import canonical, finite_or_text, is_list, item_type

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Checksum", "ColumnDigest", "ColumnSum", "agree", "is_exact"]

TOLERANCE = 1e-9
"""By how much sums may differ, as a share of the sum of magnitudes (semantics 12)."""


class Checksum(Protocol):
    """A column's checksum, built up batch by batch."""

    def add(self, array: "pa.Array") -> None:
        """Takes in the next values."""

    @property
    def document(self) -> dict[str, Any]:
        """The checksum of all values so far, as it is recorded."""


class ColumnDigest:
    """A hash of exact values in order. How they are cut into batches, and which Arrow type holds them, is all one.

    Two streams are hashed, so that none depends on where a batch ends: for each value whether it is there (of text,
    bytes and lists: its length, -1 for null), and the bytes of the values (of lists: of their items).
    """

    def __init__(self, data_type: DataType) -> None:
        self._type = data_type
        self._shape = hashlib.sha256()
        self._values = hashlib.sha256()
        self._items = ColumnDigest(item_type(data_type)) if is_list(data_type) else None

    def add(self, array: "pa.Array") -> None:
        """See `Checksum.add`."""
        compute = arrow("pyarrow.compute")
        if self._items is not None:
            self._add_lengths(compute.list_value_length(array))
            self._items.add(array.flatten())
            return
        values = canonical(array, self._type)
        if self._type.name in {"String", "Bytes"}:
            self._add_lengths(compute.binary_length(values))
            self._values.update(_text_bytes(values.fill_null(b"")))
        else:
            self._shape.update(_fixed_bytes(values.is_valid().cast(arrow().int8())))
            self._values.update(_fixed_bytes(values.fill_null(arrow().scalar(0).cast(values.type))))

    def _add_lengths(self, lengths: "pa.Array") -> None:
        self._shape.update(_fixed_bytes(lengths.cast(arrow().int64()).fill_null(-1)))

    @property
    def hexdigest(self) -> str:
        """SHA-256 of what was added, 64 hexadecimal digits."""
        inside = self._items.hexdigest if self._items is not None else self._values.hexdigest()
        text = f"{_family(self._type)}\n{self._shape.hexdigest()}\n{inside}"
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def document(self) -> dict[str, Any]:
        """See `Checksum.document`."""
        return {"sha256": self.hexdigest}


def _family(data_type: DataType) -> str:
    """The name under which types whose values can be equal are one: widths do not matter, a Decimal's scale does."""
    if data_type.is_integer:
        return "integer"
    if data_type.is_float:
        return "float"
    if is_list(data_type):
        return "list"
    return f"decimal {data_type.scale}" if data_type.is_decimal else data_type.name.lower()


def _fixed_bytes(array: "pa.Array") -> "pa.Buffer":
    """The bytes of values of fixed width, without nulls."""
    width = array.type.bit_width // 8
    return array.buffers()[1].slice(array.offset * width, len(array) * width) if len(array) else b""


def _text_bytes(array: "pa.Array") -> "pa.Buffer":
    """The bytes of a large_binary array without nulls, one value after the other."""
    if not len(array):
        return b""
    _, offsets, content = array.buffers()
    ends = memoryview(offsets).cast("q")
    start, stop = ends[array.offset], ends[array.offset + len(array)]
    return content.slice(start, stop - start) if content is not None else b""


class ColumnSum:
    """Counts and sums of floats (of lists: of their items). Sums are over finite values; the others are counted."""

    def __init__(self, data_type: DataType) -> None:
        self._type = data_type
        self._counts = dict.fromkeys(("count", "nulls", "nan", "inf", "-inf"), 0)
        self._sum = 0.0
        self._magnitude = 0.0

    def add(self, array: "pa.Array") -> None:
        """See `Checksum.add`."""
        self._counts["count"] += len(array) - array.null_count
        self._counts["nulls"] += array.null_count
        if is_list(self._type):
            self._add(canonical(array.flatten(), item_type(self._type)))
        else:
            self._add(canonical(array, self._type))

    def _add(self, values: "pa.Array") -> None:
        compute = arrow("pyarrow.compute")
        finite = values.filter(compute.is_finite(values))
        self._sum += compute.sum(finite).as_py() or 0.0
        self._magnitude += compute.sum(compute.abs(finite)).as_py() or 0.0
        if len(finite) + values.null_count < len(values):
            self._counts["nan"] += compute.sum(compute.is_nan(values)).as_py() or 0
            for name, value in (("inf", float("inf")), ("-inf", float("-inf"))):
                self._counts[name] += compute.sum(compute.equal(values, value)).as_py() or 0

    @property
    def document(self) -> dict[str, Any]:
        """See `Checksum.document`."""
        return {**self._counts, "sum": finite_or_text(self._sum), "magnitude": finite_or_text(self._magnitude)}


def agree(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two recorded checksums of a column say that its values are equal."""
    measured = {"sum", "magnitude"}
    if {name: old[name] for name in old if name not in measured} != {
        name: new[name] for name in new if name not in measured
    }:
        return False
    if "sha256" in old:
        return True
    if any(isinstance(one[name], str) for one in (old, new) for name in measured):
        return all(old[name] == new[name] for name in measured)
    allowed = TOLERANCE * max(old["magnitude"], new["magnitude"])
    return all(abs(old[name] - new[name]) <= allowed for name in measured)


def is_exact(selected: SelectedFeature, column: str | None = None) -> bool:
    """Whether a feature's values (of one of its columns) are the same bits each time.

    Not exact are floats made of sums and means of floats, of standard deviations and percentiles, whose order of
    addition is the engine's, and floats from on-demand functions, whose mathematics is the platform's (semantics 12).
    """
    feature = selected.feature
    if isinstance(feature, OnDemandFeature):
        return not _holds_floats(dict(feature.definition.outputs)[column or selected.column])
    return not (_holds_floats(feature_type(feature)) and _adds_floats(feature))


def _holds_floats(data_type: DataType) -> bool:
    return (item_type(data_type) if is_list(data_type) else data_type).is_float


def _adds_floats(feature: Computed) -> bool:
    if isinstance(feature, StoredFeature):
        return any(_tolerant(one, feature) for one in feature.aggregates)
    return isinstance(feature, DerivedFeature) and any(_adds_floats(given) for given in feature.inputs.values())


def _tolerant(aggregate: Aggregate, feature: StoredFeature) -> bool:
    if aggregate.function in {"std", "percentile", "approx_distinct"}:
        return True
    if aggregate.function not in {"sum", "mean"} or aggregate.argument is None:
        return False
    return type_of(aggregate.argument, table_schema(feature.table)).is_float
