"""Passes, printed: per point, aggregations of the rows alive at its boundary (semantics 5 to 12)."""

import textwrap
from collections.abc import Sequence

from featurestore.compiler.dialect import Dialect
from featurestore.compiler.expressions import Printed, print_expression
from featurestore.compiler.printing.ordering import ordered, tie_order
from featurestore.compiler.query import Aggregated, Hidden, Pass, reach
from featurestore.definitions.functions import AGGREGATIONS
from featurestore.definitions.nodes import Aggregate, Column, Node
from featurestore.definitions.types import DataType, Float64
from featurestore.errors import NotSupportedError

__all__ = ["PassPrinter"]


class PassPrinter:
    """Prints one pass in one dialect."""

    def __init__(self, made: Pass, dialect: Dialect) -> None:
        self.made = made
        self.dialect = dialect
        leaves = {one.leave for one in made.aggregates}
        self._leave = leaves.pop() if len(leaves) == 1 else None
        """When rows leave for all aggregations alike; None: rows stay, or each aggregation tells it by itself."""

    def printed(self) -> str:
        """The SELECT: points joined with the rows alive at each, aggregated."""
        made, name = self.made, self.dialect.name
        keys = [f"p.{name(key)}" for key, _ in made.keys]
        points, rows = name(made.points), name(made.rows)
        on = [f"r.{name(column)} = p.{name(key)}" for key, column in made.keys]
        if made.timed:
            keys.append(f"p.{name(Hidden.BOUNDARY)}")
            on += self._alive()
            if made.reach is not None and not made.at_boundary:
                points, rows = self._bucketed(points, rows)
                on.append(f"r.{name(Hidden.BUCKET)} = p.{name(Hidden.BUCKET)}")
        aggregates = [f"{self._aggregate(one)} AS {name(one.column)}" for one in made.aggregates]
        return (
            f"SELECT {', '.join(keys)},\n" + ",\n".join(f"  {one}" for one in aggregates) + "\n"
            f"FROM {points} AS p\nJOIN {rows} AS r\n  ON " + "\n  AND ".join(on) + f"\nGROUP BY {', '.join(keys)}"
        )

    def _alive(self) -> list[str]:
        """The rows that a point sees at its boundary and that lie in some window of the pass."""
        made, name = self.made, self.dialect.name
        boundary = f"p.{name(Hidden.BOUNDARY)}"
        event = f"r.{name(Hidden.EVENT)}"
        if made.at_boundary:
            alive = [f"r.{name(Hidden.BOUNDARY)} = {boundary}"]
        else:
            alive = [f"r.{name(Hidden.ENTER)} <= {boundary}"]
        if self._leave is not None:
            alive.append(self._stays(self._leave))
        if made.shift:
            alive.append(f"{event} <= {boundary} - {made.shift}")
        if made.reach is not None:
            alive.append(f"{event} > {boundary} - {made.reach}")
        return alive

    def _stays(self, leave: str) -> str:
        """Whether no newer version of a row is known at the point's boundary."""
        column = f"r.{self.dialect.name(leave)}"
        return f"({column} IS NULL OR p.{self.dialect.name(Hidden.BOUNDARY)} < {column})"

    def _bucketed(self, points: str, rows: str) -> tuple[str, str]:
        """Points and rows with a time bucket as wide as the windows reach: a window lies in two of them.

        Without it every point would meet all rows of its entity.
        """
        made, name = self.made, self.dialect.name
        width = (made.reach or 0) - made.shift
        end = f"({name(Hidden.BOUNDARY)} - {made.shift})" if made.shift else name(Hidden.BOUNDARY)
        newest = self.dialect.floor_divide(end, width)
        own = self.dialect.floor_divide(name(Hidden.EVENT), width)
        bucket = name(Hidden.BUCKET)
        return (
            f"(\n{textwrap.indent(self.dialect.bucketed(points, newest, bucket), '  ')}\n)",
            f"(\n  SELECT *, {own} AS {bucket}\n  FROM {rows}\n)",
        )

    def _aggregate(self, made: Aggregated) -> str:
        one = made.aggregate
        if one.function in self.dialect.refused:
            message = f"{one.function}() cannot be computed in {self.dialect.sqlglot} yet."
            raise NotSupportedError(message)
        argument = None if one.argument is None else self._row_value(one.argument)
        conditions = self._window(one)
        if made.leave is not None and self._leave is None:
            conditions.append(self._stays(made.leave))
        if one.where is not None:
            conditions.append(self._row_value(one.where)[0])
        described = AGGREGATIONS[one.function]
        if argument and (one.ignore_nulls or (described.keeps_order and described.skips_nulls)):
            conditions.append(f"{argument[0]} IS NOT NULL")
        condition = " AND ".join(conditions)
        if argument is None:
            return self.dialect.counted(condition)
        if described.keeps_order:
            return self._chosen(made, argument[0], condition)
        return self._plain(one, argument, condition)

    def _chosen(self, made: Aggregated, value: str, condition: str) -> str:
        """The aggregation that chooses rows by their order (semantics 7)."""
        one, order = made.aggregate, self._order(made.ties)
        match one.function:
            case "first":
                return self.dialect.oldest(value, order, condition)
            case "last":
                return self.dialect.newest(value, order, condition)
            case _:
                found = self.dialect.newest_values(value, order, int(one.parameter or 1))
                return self.dialect.filtered(found, condition)

    def _window(self, one: Aggregate) -> list[str]:
        """Which of the pass's rows lie in this aggregation's own window (semantics 6, 9)."""
        made = self.made
        if not made.timed:
            return []
        boundary, event = f"p.{self.dialect.name(Hidden.BOUNDARY)}", f"r.{self.dialect.name(Hidden.EVENT)}"
        conditions = []
        farthest = reach(one)
        if farthest is not None and farthest != made.reach:
            conditions.append(f"{event} > {boundary} - {farthest}")
        if one.ago != made.shift:
            conditions.append(f"{event} <= {boundary} - {one.ago}")
        return conditions

    def _order(self, ties: Sequence[str]) -> list[str]:
        """What makes a row the newest: event time, created time, key, then the columns that the feature reads."""
        made, name = self.made, self.dialect.name
        order = [f"r.{name(Hidden.EVENT)}", f"r.{name(Hidden.CREATED)}"] if made.timed else []
        for position, data_type in enumerate(made.tie_keys):
            order += ordered(self.dialect, f"r.{name(Hidden.key(position))}", data_type)
        return order + tie_order(self.dialect, ties, made.columns, "r.")

    def _row_value(self, node: Node) -> Printed:
        def column(leaf: Node) -> Printed:
            assert isinstance(leaf, Column)  # noqa: S101 - inside an aggregation there is nothing else
            return f"r.{self.dialect.name(leaf.name)}", self.made.columns[leaf.name]

        return print_expression(node, column, self.dialect)

    def _plain(self, one: Aggregate, argument: Printed, condition: str) -> str:
        value, data_type = argument
        filtered, aggregated = self.dialect.filtered, self.dialect.aggregated
        real = value if data_type == Float64 else self.dialect.widened(value, Float64)
        match one.function:
            case "min":
                return self._untainted(aggregated("min", value, condition), argument, condition, data_type)
            case "percentile":
                found = filtered(self.dialect.percentile(real, one.parameter or 0.0), condition)
                return self._untainted(found, argument, condition, Float64)
            case "mean":
                total = self.dialect.summed(value, data_type, condition)
                number = aggregated("count", value, condition)
                whole = total if data_type.is_float else self.dialect.widened(total, Float64)
                return f"CASE WHEN {number} = 0 THEN NULL ELSE {whole} / {number} END"
            case "std":
                return self.dialect.std(real, data_type, condition)
            case "count_distinct":
                return filtered(self.dialect.count_distinct(value, data_type), condition)
            case "approx_distinct":
                return filtered(self.dialect.approx_distinct(value, data_type), condition)
            case "sum":
                return self.dialect.summed(value, data_type, condition)
            case function:
                return aggregated(function, value, condition)

    def _untainted(self, found: str, argument: Printed, condition: str, to: DataType) -> str:
        """An aggregation that does not see NaN as more than the greatest: one NaN makes it NaN (semantics 11)."""
        value, data_type = argument
        if not data_type.is_float:
            return found
        tainted = self.dialect.aggregated("any", self.dialect.is_nan(value), condition)
        return f"CASE WHEN {tainted} THEN {self.dialect.literal(float('nan'), to)} ELSE {found} END"
