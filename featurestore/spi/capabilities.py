"""What an offline store can compute, as its provider declares it."""

from dataclasses import dataclass

from featurestore.definitions.functions import AGGREGATIONS

__all__ = ["EVERYTHING", "Capabilities"]

_TYPES = (
    *("Bool", "Int32", "Int64", "Float32", "Float64", "Decimal"),
    *("String", "Bytes", "Date", "Timestamp", "Array", "Vector"),
)


@dataclass(frozen=True)
class Capabilities:
    """What an offline store can compute; plan refuses what goes beyond it. By default all that there is.

    Attributes:
        aggregations: Names of aggregations, as in ``fs.sum``.
        types: Names of types, without their parameters: those of the columns that are read and of all that is computed
            from them. A type belongs here if each of its values survives: Float64 with NaN and the infinities.
        steps: Kinds of steps: ``row_wise``, ``per_boundary``, ``snapshot``, ``asof_join``.
        engines: What steps may be written in: ``sql``, ``ibis``, ``pandas``, ``polars``, ``spark``.
        infinite_times: Whether a table can hold an infinite Timestamp. There is nothing to refuse where it cannot.
    """

    aggregations: frozenset[str] = frozenset(AGGREGATIONS)
    types: frozenset[str] = frozenset(_TYPES)
    steps: frozenset[str] = frozenset({"row_wise", "per_boundary", "snapshot", "asof_join"})
    engines: frozenset[str] = frozenset({"sql", "ibis", "pandas", "polars", "spark"})
    infinite_times: bool = True


EVERYTHING = Capabilities()
"""What a provider declares that declares nothing."""
