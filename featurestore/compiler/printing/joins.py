"""As-of joins, printed: each left row with the newest right row at its own event time (semantics 2)."""

import textwrap

from featurestore.compiler.dialect import Dialect
from featurestore.compiler.printing.ordering import ordered, tie_order
from featurestore.compiler.query import AsofRows, Hidden

__all__ = ["asof_rows"]

_LEFT, _RANK, _FROM, _UNTIL = "__left", "__rank", "__from", "__until"


def asof_rows(rows: AsofRows, dialect: Dialect) -> str:
    """The joined rows.

    Where rows live on intervals of boundaries, a left row is cut where another right row takes the place of the one
    before: a newer one that comes late, or an older one when the newer is corrected.
    """
    return _Printer(rows, dialect).printed()


class _Printer:
    """Prints one join in one dialect."""

    def __init__(self, rows: AsofRows, dialect: Dialect) -> None:
        self.rows = rows
        self.dialect = dialect
        self.name = dialect.name

    def printed(self) -> str:
        """The SELECT, over queries of its own."""
        name = self.name
        numbered = f"SELECT *, ROW_NUMBER() OVER () AS {name(_LEFT)}\nFROM {name(self.rows.left)}"
        parts = {"lefts": numbered}
        lives = Hidden.ENTER in self.rows.hidden
        if lives:
            parts |= {"pairs": self._pairs(), "needed": self._needed(), "moments": self._moments()}
            parts |= {"spans": self._spans(), "chosen": self._chosen()}
        else:
            parts |= {"chosen": self._plain()}
        hidden = [self._hidden(column) for column in self.rows.hidden]
        columns = [f"l.{name(column)}" for column in self.rows.columns]
        columns += [f"c.{name(column)}" for column in self.rows.joined]
        joins = "JOIN" if lives else "LEFT JOIN"  # a span without a right row is there all the same
        same = f"c.{name(_LEFT)} = l.{name(_LEFT)}"
        body = f"SELECT {', '.join([*columns, *hidden])}\nFROM lefts AS l\n{joins} chosen AS c ON {same}"
        queries = ",\n".join(f"{part} AS (\n{textwrap.indent(query, '  ')}\n)" for part, query in parts.items())
        return f"WITH {queries}\n{body}"

    def _hidden(self, column: str) -> str:
        """A hidden column of the result: the left row's, but for when both rows are known and exist."""
        name = self.name
        if column == Hidden.CREATED:
            left, right = (f"{alias}.{name(column)}" for alias in "lc")
            return f"CASE WHEN {right} > {left} THEN {right} ELSE {left} END AS {name(column)}"
        if column == Hidden.ENTER:
            return f"c.{name(_FROM)} AS {name(column)}"
        if column == Hidden.leave(0):
            return f"c.{name(_UNTIL)} AS {name(column)}"
        return f"l.{name(column)}"

    def _on(self) -> str:
        name = self.name
        on = [f"r.{name(column)} = l.{name(column)}" for column in self.rows.on]
        on.append(f"r.{name(Hidden.EVENT)} <= l.{name(Hidden.EVENT)}")
        if Hidden.BOUNDARY in self.rows.hidden:
            on.append(f"r.{name(Hidden.BOUNDARY)} = l.{name(Hidden.BOUNDARY)}")
        return "\n  AND ".join(on)

    def _newness(self) -> str:
        """The newest right row first: by event time, created time, key, then all its columns (semantics 2, 8)."""
        name = self.name
        order = [f"r.{name(Hidden.EVENT)}", f"r.{name(Hidden.CREATED)}"]
        for position, data_type in enumerate(self.rows.keys):
            order += ordered(self.dialect, f"r.{name(Hidden.key(position))}", data_type)
        order += tie_order(self.dialect, sorted(self.rows.right_columns), self.rows.right_columns, "r.")
        return ", ".join(f"{part} DESC" for part in order)

    def _rank(self) -> str:
        return f"ROW_NUMBER() OVER (PARTITION BY l.{self.name(_LEFT)} ORDER BY {self._newness()}) AS {self.name(_RANK)}"

    def _joined(self, alias: str) -> list[str]:
        """The columns that come from the right row, and when it became known."""
        return [f"{alias}.{self.name(column)}" for column in (*self.rows.joined, Hidden.CREATED)]

    def _plain(self) -> str:
        """The newest right row of each left row, where all rows exist at once."""
        columns = [f"l.{self.name(_LEFT)}", *self._joined("r"), self._rank()]
        pairs = (
            f"SELECT {', '.join(columns)}\nFROM lefts AS l\nJOIN {self.name(self.rows.right)} AS r\n  ON {self._on()}"
        )
        return f"SELECT *\nFROM (\n{textwrap.indent(pairs, '  ')}\n) AS pairs\nWHERE {self.name(_RANK)} = 1"

    def _leave(self, alias: str, column: str | None) -> str:
        """When a row leaves; what stays leaves after all times."""
        return str(_FOREVER) if column is None else f"COALESCE({alias}.{self.name(column)}, {_FOREVER})"

    def _pairs(self) -> str:
        """Left and right rows that exist at one time, with the boundaries between which both do."""
        name = self.name
        enters = [f"{alias}.{name(Hidden.ENTER)}" for alias in "lr"]
        left, right = self._leave("l", self.rows.left_leave), self._leave("r", self.rows.right_leave)
        columns = [
            f"l.{name(_LEFT)}",
            *self._joined("r"),
            f"GREATEST({', '.join(enters)}) AS {name(_FROM)}",
            f"LEAST({left}, {right}) AS {name(_UNTIL)}",
            f"{right} >= {left} AS {name('__stays')}",
            self._rank(),
        ]
        return (
            f"SELECT {', '.join(columns)}\nFROM lefts AS l\nJOIN {name(self.rows.right)} AS r\n  ON {self._on()}\n"
            f"WHERE GREATEST({', '.join(enters)}) < LEAST({left}, {right})"
        )

    def _needed(self) -> str:
        """Pairs but those that a newer right row hides for as long as they exist, which are most."""
        name = self.name
        hidden_from = (
            f"MIN(CASE WHEN {name('__stays')} THEN {name(_FROM)} END) OVER (\n    PARTITION BY {name(_LEFT)}\n"
            f"    ORDER BY {name(_RANK)}\n    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING\n  )"
        )
        marked = f"SELECT *,\n  {hidden_from} AS {name('__hidden')}\nFROM pairs"
        return (
            f"SELECT *\nFROM (\n{textwrap.indent(marked, '  ')}\n) AS marked\n"
            f"WHERE {name('__hidden')} IS NULL OR {name(_FROM)} < {name('__hidden')}"
        )

    def _moments(self) -> str:
        """The boundaries at which a left row may get another right row."""
        name = self.name
        end = self._leave("l", self.rows.left_leave)
        return (
            f"SELECT l.{name(_LEFT)}, l.{name(Hidden.ENTER)} AS {name(_FROM)}\nFROM lefts AS l\n"
            f"WHERE l.{name(Hidden.ENTER)} < {end}\n"
            f"UNION\nSELECT {name(_LEFT)}, {name(_FROM)}\nFROM needed\n"
            f"UNION\nSELECT l.{name(_LEFT)}, n.{name(_UNTIL)}\nFROM needed AS n\n"
            f"JOIN lefts AS l ON l.{name(_LEFT)} = n.{name(_LEFT)}\nWHERE n.{name(_UNTIL)} < {end}"
        )

    def _spans(self) -> str:
        name = self.name
        next_ = f"LEAD({name(_FROM)}) OVER (PARTITION BY {name(_LEFT)} ORDER BY {name(_FROM)})"
        return f"SELECT *, {next_} AS {name(_UNTIL)}\nFROM moments"

    def _chosen(self) -> str:
        """Each span of a left row with the newest right row that exists in it, if any does."""
        name = self.name
        end = self.rows.left_leave
        until = f"s.{name(_UNTIL)}" if end is None else f"COALESCE(s.{name(_UNTIL)}, l.{name(end)})"
        columns = [f"s.{name(_LEFT)}", f"s.{name(_FROM)}", f"{until} AS {name(_UNTIL)}", *self._joined("n")]
        span = f"s.{name(_LEFT)}, s.{name(_FROM)}"
        rank = f"ROW_NUMBER() OVER (PARTITION BY {span} ORDER BY n.{name(_RANK)}) AS {name('__first')}"
        spans = (
            f"SELECT {', '.join([*columns, rank])}\nFROM spans AS s\n"
            f"JOIN lefts AS l ON l.{name(_LEFT)} = s.{name(_LEFT)}\n"
            f"LEFT JOIN needed AS n\n  ON n.{name(_LEFT)} = s.{name(_LEFT)}\n"
            f"  AND n.{name(_FROM)} <= s.{name(_FROM)}\n  AND s.{name(_FROM)} < n.{name(_UNTIL)}"
        )
        return f"SELECT *\nFROM (\n{textwrap.indent(spans, '  ')}\n) AS ranked\nWHERE {name('__first')} = 1"


_FOREVER = 2**63 - 1
