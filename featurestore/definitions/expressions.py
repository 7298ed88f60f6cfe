"""What people write inside a definition: columns, aggregations, and arithmetic on both.

`RowValue` is one value per row of a table, `Value` one per entity and time. Both wrap a tree of
`featurestore.definitions.nodes`; operators make new trees and never compute.
"""

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar, overload

from featurestore.definitions.durations import Duration, duration_text, microseconds
from featurestore.definitions.nodes import Aggregate, Call, Column, FeatureValue, Literal, Node
from featurestore.definitions.types import MAX_PRECISION, DataType, type_of_value
from featurestore.errors import DefinitionError, NameClashError, TypeMismatchError

if TYPE_CHECKING:
    from featurestore.definitions.features import Feature

__all__ = [
    "AsofJoin",
    "Expression",
    "Family",
    "RowValue",
    "Rows",
    "Value",
    "Values",
    "all",
    "any",
    "approx_distinct",
    "attributes",
    "col",
    "count",
    "count_distinct",
    "first",
    "last",
    "last_n",
    "lit",
    "max",
    "mean",
    "min",
    "percentile",
    "std",
    "sum",
    "when",
]

Windows = Duration | Sequence[Duration] | None


class Expression:
    """A tree with operators. Operands are expressions of the same sort and literals."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node

    def _call(self, function: str, *operands: object, reverse: bool = False) -> Self:
        if isinstance(self.node, Literal):  # a constant is of whichever sort the others are
            others = [operand for operand in operands if isinstance(operand, Expression)]
            sort = next((type(other) for other in others if not isinstance(other.node, Literal)), type(self))
            if sort is not type(self):
                return sort(self.node)._call(function, *operands, reverse=reverse)  # type: ignore[return-value]
        arguments = (self.node, *(self._operand(operand, function) for operand in operands))
        return type(self)(Call(function, arguments[::-1] if reverse else arguments))

    def _operand(self, operand: object, function: str) -> Node:
        if isinstance(operand, Expression):
            if type(operand) is not type(self) and not isinstance(operand.node, Literal):
                message = f"{function}: a value of one row and a value of many rows cannot be combined."
                raise TypeMismatchError(message, hint="Aggregate the column first, for instance with .sum(over=...).")
            return operand.node
        return literal(operand)

    def __add__(self, other: object) -> Self:
        return self._call("add", other)

    def __radd__(self, other: object) -> Self:
        return self._call("add", other, reverse=True)

    def __sub__(self, other: object) -> Self:
        return self._call("subtract", other)

    def __rsub__(self, other: object) -> Self:
        return self._call("subtract", other, reverse=True)

    def __mul__(self, other: object) -> Self:
        return self._call("multiply", other)

    def __rmul__(self, other: object) -> Self:
        return self._call("multiply", other, reverse=True)

    def __truediv__(self, other: object) -> Self:
        return self._call("divide", other)

    def __rtruediv__(self, other: object) -> Self:
        return self._call("divide", other, reverse=True)

    def __floordiv__(self, other: object) -> Self:
        return self._call("floor_divide", other)

    def __rfloordiv__(self, other: object) -> Self:
        return self._call("floor_divide", other, reverse=True)

    def __mod__(self, other: object) -> Self:
        return self._call("modulo", other)

    def __rmod__(self, other: object) -> Self:
        return self._call("modulo", other, reverse=True)

    def __neg__(self) -> Self:
        return self._call("negate")

    def __eq__(self, other: object) -> Self:  # type: ignore[override]
        return self._call("equal", other)

    def __ne__(self, other: object) -> Self:  # type: ignore[override]
        return self._call("not_equal", other)

    def __lt__(self, other: object) -> Self:
        return self._call("less", other)

    def __le__(self, other: object) -> Self:
        return self._call("less_equal", other)

    def __gt__(self, other: object) -> Self:
        return self._call("greater", other)

    def __ge__(self, other: object) -> Self:
        return self._call("greater_equal", other)

    def __and__(self, other: object) -> Self:
        return self._call("and", other)

    def __rand__(self, other: object) -> Self:
        return self._call("and", other, reverse=True)

    def __or__(self, other: object) -> Self:
        return self._call("or", other)

    def __ror__(self, other: object) -> Self:
        return self._call("or", other, reverse=True)

    def __invert__(self) -> Self:
        return self._call("not")

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> NoReturn:
        message = "An expression is neither true nor false: it stands for values that are not there yet."
        raise TypeMismatchError(message, hint="Write & for and, | for or, ~ for not; and when() for if.")

    def __iter__(self) -> NoReturn:
        message = "An expression cannot be iterated: it stands for values that are not there yet."
        raise TypeMismatchError(message)

    def is_null(self) -> Self:
        """True where the value is null."""
        return self._call("is_null")

    def fill_null(self, value: object) -> Self:
        """``value`` where this is null. Of a feature it fills the value and not its status."""
        return self._call("fill_null", value)

    def is_in(self, values: Iterable[object]) -> Self:
        """True where the value equals one of ``values``; null where it is null."""
        listed = _choices(values, "is_in()")
        if not listed:
            message = "is_in() of no values is never true."
            raise DefinitionError(message)
        return self._call("is_in", *listed)

    def cast(self, to: DataType) -> Self:
        """The value as another type, where that means the same on every engine."""
        if not isinstance(to, DataType):
            message = f"cast({to!r}): this is no type."
            raise TypeMismatchError(message, hint="Types are fs.Int64, fs.Float64 and so on.")
        return type(self)(Call("cast", (self.node,), to))

    def abs(self) -> Self:
        """The number without its sign, as Int64 of an integer."""
        return self._call("abs")

    def floor(self) -> Self:
        """The largest whole number that is not above a float or a Decimal: of a float as Float64, never -0.0."""
        return self._call("floor")

    def ceil(self) -> Self:
        """The smallest whole number that is not below a float or a Decimal: of a float as Float64, never -0.0."""
        return self._call("ceil")

    def round(self, digits: int = 0) -> Self:
        """A Decimal rounded to ``digits`` after the point, half away from zero. The scale stays, filled with zeros."""
        return self._call("round", _size(digits, "round(): digits", MAX_PRECISION))

    def sqrt(self) -> Self:
        """The square root as Float64, correctly rounded; null of a negative number."""
        return self._call("sqrt")

    def least(self, *others: object) -> Self:
        """The smallest of this and ``others``; null if one is null, else NaN if one is NaN."""
        return self._call("least", *_some(others, "least()"))

    def greatest(self, *others: object) -> Self:
        """The largest of this and ``others``; null if one is null, else NaN if one is NaN."""
        return self._call("greatest", *_some(others, "greatest()"))

    def is_nan(self) -> Self:
        """True where a float is NaN; null where it is null."""
        return self._call("is_nan")

    def length(self) -> Self:
        """How many Unicode code points a String has, or how many bytes Bytes have."""
        return self._call("length")

    def lower_ascii(self) -> Self:
        """``A`` to ``Z`` as small letters; every other character stays, ``É`` too."""
        return self._call("lower_ascii")

    def upper_ascii(self) -> Self:
        """``a`` to ``z`` as capitals; every other character stays, ``é`` too."""
        return self._call("upper_ascii")

    def strip(self, characters: str = " ") -> Self:
        """The text without any of ``characters`` at both ends: spaces, and no other white space, unless it is said."""
        return self._call("strip", _characters(characters, "strip()"))

    def starts_with(self, prefix: object) -> Self:
        """Whether the text begins with ``prefix``, code point by code point."""
        return self._call("starts_with", prefix)

    def ends_with(self, suffix: object) -> Self:
        """Whether the text ends with ``suffix``, code point by code point."""
        return self._call("ends_with", suffix)

    def contains(self, part: object) -> Self:
        """Whether ``part`` stands in the text, code point by code point."""
        return self._call("contains", part)

    def substring(self, start: int, length: int) -> Self:
        """At most ``length`` code points from the one at ``start`` on, of which the first is 0; "" beyond the end."""
        return self._call("substring", _size(start, "substring(): start"), _size(length, "substring(): length"))

    def concat(self, *others: object) -> Self:
        """This text and ``others``, one after the other; null if one is null."""
        return self._call("concat", *_some(others, "concat()"))

    def replace(self, old: str, new: str) -> Self:
        """The text with ``new`` for each ``old``, from the left and without overlap."""
        if not isinstance(new, str):
            message = f"replace(): {new!r} is not a text."
            raise TypeMismatchError(message)
        return self._call("replace", _characters(old, "replace()"), new)

    def year(self) -> Self:
        """The year of a Date or, in UTC, of a Timestamp."""
        return self._call("year")

    def month(self) -> Self:
        """The month, 1 to 12, of a Date or, in UTC, of a Timestamp."""
        return self._call("month")

    def day(self) -> Self:
        """The day of the month, 1 to 31, of a Date or, in UTC, of a Timestamp."""
        return self._call("day")

    def weekday(self) -> Self:
        """The day of the week of a Date or, in UTC, of a Timestamp: Monday is 1, Sunday 7."""
        return self._call("weekday")

    def day_of_year(self) -> Self:
        """The day of the year, 1 to 366, of a Date or, in UTC, of a Timestamp."""
        return self._call("day_of_year")

    def hour(self) -> Self:
        """The hour of a Timestamp in UTC, 0 to 23."""
        return self._call("hour")

    def minute(self) -> Self:
        """The minute of a Timestamp, 0 to 59."""
        return self._call("minute")

    def second(self) -> Self:
        """The whole second of a Timestamp, 0 to 59."""
        return self._call("second")

    def date(self) -> Self:
        """The day of a Timestamp in UTC, as Date."""
        return self._call("date")

    def microseconds_since(self, earlier: object) -> Self:
        """Microseconds from one Timestamp to this one, as Int64; negative if it is later."""
        return self._call("microseconds_since", earlier)

    def days_since(self, earlier: object) -> Self:
        """Days from one Date to this one, as Int64; negative if it is later."""
        return self._call("days_since", earlier)

    def plus(self, duration: Duration) -> Self:
        """The Timestamp ``duration`` later, which must be in the years 1 to 9999."""
        return self._call("plus", microseconds(duration, "plus()"))

    def minus(self, duration: Duration) -> Self:
        """The Timestamp ``duration`` earlier, which must be in the years 1 to 9999."""
        return self._call("minus", microseconds(duration, "minus()"))

    def truncate(self, duration: Duration) -> Self:
        """The newest Timestamp, not after this one, that is a multiple of ``duration`` away from 1970 in UTC."""
        return self._call("truncate", _window(duration, "truncate()"))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.node!r})"


def literal(value: object) -> Literal:
    """The node of a constant; a time becomes UTC, so that equal instants are equal constants."""
    if value is None:
        message = "None is not a literal: compare with .is_null(), fill with .fill_null()."
        raise TypeMismatchError(message)
    data_type = type_of_value(value)
    return Literal(_utc(value) if isinstance(value, datetime.datetime) else value, data_type)


def _utc(value: datetime.datetime) -> datetime.datetime:
    if value.utcoffset() is None:
        return value.replace(tzinfo=datetime.UTC, fold=0)
    try:
        return value.astimezone(datetime.UTC)
    except OverflowError:
        message = f"{value} is not in the years 1 to 9999 in UTC."
        raise TypeMismatchError(message) from None


class Value(Expression):
    """One value per entity and time: an aggregation, or an expression over aggregations or over other features."""

    __slots__ = ()

    def by(self, column: "str | RowValue", values: Sequence[object]) -> "Values":
        """One feature per value of ``column``, named ``{attribute}_{value}``."""
        return Values({(): self}).by(column, values)

    if TYPE_CHECKING:  # inside a class of features an attribute is a Value, and from outside it is a Feature

        def __get__(self, instance: None, owner: type) -> "Feature[..., Any]": ...


class Family(dict[str, "Feature[..., Any]"]):
    """The features that one attribute of a class stands for, by column name."""


class Values:
    """Several values under one attribute: one per window, shift and pivot value."""

    def __init__(self, members: Mapping[tuple[str, ...], Value], *, bare: bool = False) -> None:
        self.members = dict(members)
        self.bare = bare

    def names(self, attribute: str) -> dict[str, Value]:
        """Column name to value: ``{attribute}[_{value}][_{ago}][_{window}]``, or the bare names of `attributes`."""
        prefix = () if self.bare else (attribute,)
        return {"_".join((*prefix, *suffix)): value for suffix, value in self.members.items()}

    def fill_null(self, value: object) -> "Values":
        """Each of the values, with ``value`` where it is null."""
        return Values({suffix: member.fill_null(value) for suffix, member in self.members.items()}, bare=self.bare)

    def by(self, column: "str | RowValue", values: Sequence[object]) -> "Values":
        """One feature per value of ``column`` and per member."""
        if self.bare:
            message = "attributes() takes no .by()."
            raise DefinitionError(message)
        condition = _row(column)
        wanted_values = _choices(values, ".by()")
        if not wanted_values:
            message = ".by() of no values gives no feature."
            raise DefinitionError(message)
        found: dict[tuple[str, ...], Value] = {}
        for wanted in wanted_values:
            for suffix, member in self.members.items():
                name = (_slug(wanted), *suffix)
                if name in found:
                    message = f".by(): two values give the name {name[0]!r}."
                    raise NameClashError(message, hint="Define them apart, each with where=.")
                found[name] = Value(_filtered(member.node, (condition == wanted).node))
        return Values(found)

    def __iter__(self) -> Iterator[Value]:
        return iter(self.members.values())

    if TYPE_CHECKING:

        def __get__(self, instance: None, owner: type) -> Family: ...


def _slug(value: object) -> str:
    return re.sub(r"[^0-9a-z]+", "_", str(value).lower()).strip("_") or "empty"


def _filtered(node: Node, condition: Node) -> Node:
    match node:
        case Aggregate(where=None):
            return replace(node, where=condition)
        case Aggregate(where=where):
            assert where is not None  # noqa: S101 - the case above took None
            return replace(node, where=Call("and", (where, condition)))
        case Call(arguments=arguments):
            return replace(node, arguments=tuple(_filtered(argument, condition) for argument in arguments))
        case _:
            return node


class RowValue(Expression):
    """One value per row of a table: a column, or arithmetic and conditions on columns."""

    __slots__ = ()

    def sum(self, *, over: Duration | None = None, ago: Duration = "0s", where: "RowValue | None" = None) -> Value:
        """The sum of the non-null values: integers to Int64, Decimals to Decimal(38, s), floats to Float64."""
        return _one(_aggregate("sum", self, over=over, ago=ago, where=where))

    def count(self, *, over: Duration | None = None, ago: Duration = "0s", where: "RowValue | None" = None) -> Value:
        """How many values are not null."""
        return _one(_aggregate("count", self, over=over, ago=ago, where=where))

    def mean(self, *, over: Duration | None = None, ago: Duration = "0s", where: "RowValue | None" = None) -> Value:
        """The arithmetic mean of the non-null values, as Float64."""
        return _one(_aggregate("mean", self, over=over, ago=ago, where=where))

    def min(self, *, over: Duration | None = None, ago: Duration = "0s", where: "RowValue | None" = None) -> Value:
        """The smallest non-null value."""
        return _one(_aggregate("min", self, over=over, ago=ago, where=where))

    def max(self, *, over: Duration | None = None, ago: Duration = "0s", where: "RowValue | None" = None) -> Value:
        """The largest non-null value."""
        return _one(_aggregate("max", self, over=over, ago=ago, where=where))

    def std(self, *, over: Duration | None = None, ago: Duration = "0s", where: "RowValue | None" = None) -> Value:
        """The sample standard deviation (n - 1) of the non-null values; null below two of them."""
        return _one(_aggregate("std", self, over=over, ago=ago, where=where))

    def count_distinct(
        self, *, over: Duration | None = None, ago: Duration = "0s", where: "RowValue | None" = None
    ) -> Value:
        """How many different non-null values there are."""
        return _one(_aggregate("count_distinct", self, over=over, ago=ago, where=where))

    def approx_distinct(
        self, *, over: Duration | None = None, ago: Duration = "0s", where: "RowValue | None" = None
    ) -> Value:
        """How many different non-null values there are, within 5 %."""
        return _one(_aggregate("approx_distinct", self, over=over, ago=ago, where=where))

    def percentile(
        self, q: float, *, over: Duration | None = None, ago: Duration = "0s", where: "RowValue | None" = None
    ) -> Value:
        """The value below which the share ``q`` (0 to 1) of the non-null values lies, interpolated."""
        return _one(_aggregate("percentile", self, over=over, ago=ago, where=where, parameter=_share(q)))

    def any(self, *, over: Duration | None = None, ago: Duration = "0s", where: "RowValue | None" = None) -> Value:
        """True if one of the non-null values is."""
        return _one(_aggregate("any", self, over=over, ago=ago, where=where))

    def all(self, *, over: Duration | None = None, ago: Duration = "0s", where: "RowValue | None" = None) -> Value:
        """True if all of the non-null values are, also if there are none."""
        return _one(_aggregate("all", self, over=over, ago=ago, where=where))

    def first(
        self,
        *,
        over: Duration | None = None,
        ago: Duration = "0s",
        where: "RowValue | None" = None,
        ignore_nulls: bool = False,
    ) -> Value:
        """The value of the oldest row; null if it is null there, unless ``ignore_nulls``."""
        return _one(_aggregate("first", self, over=over, ago=ago, where=where, ignore_nulls=ignore_nulls))

    def last(
        self,
        *,
        over: Duration | None = None,
        ago: Duration = "0s",
        where: "RowValue | None" = None,
        ttl: Duration | None = None,
        ignore_nulls: bool = False,
    ) -> Value:
        """The value of the newest row; null if it is null there (unless ``ignore_nulls``) or older than ``ttl``."""
        return _one(_aggregate("last", self, over=over, ago=ago, where=where, ttl=ttl, ignore_nulls=ignore_nulls))

    def last_n(
        self, n: int, *, over: Duration | None = None, ago: Duration = "0s", where: "RowValue | None" = None
    ) -> Value:
        """The newest ``n`` non-null values, newest first; null when there is none."""
        return _one(_aggregate("last_n", self, over=over, ago=ago, where=where, parameter=_how_many(n)))


class Rows:
    """The rows of a source or a transformation, as a definition sees them: ``orders.amount``, ``orders["count"]``."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getitem__(self, column: str) -> RowValue:
        return col(column)

    def __iter__(self) -> NoReturn:
        message = "Rows cannot be iterated: they stand for a table that is not there yet."
        raise TypeMismatchError(message)

    def __getattr__(self, column: str) -> RowValue:
        if column.startswith("__"):
            raise AttributeError(column)
        return RowValue(Column(column))

    def count(self, *, over: Duration | None = None, ago: Duration = "0s", where: RowValue | None = None) -> Value:
        """How many rows there are."""
        return _one(_aggregate("count", None, over=over, ago=ago, where=where))

    def asof_join(self, other: "Rows", *, on: str | Sequence[str]) -> "AsofJoin":
        """For each row the newest row of ``other`` at the row's own event time, by equal columns ``on``."""
        return AsofJoin(str(self), str(other), (on,) if isinstance(on, str) else tuple(on))

    def __str__(self) -> str:
        return "{" + self._name + "}"

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class AsofJoin:
    """What a transformation returns that joins two timed tables, named as SQL steps name them: ``{orders}``."""

    left: str
    right: str
    on: tuple[str, ...]


def col(name: str) -> RowValue:
    """The column ``name`` of the row at hand."""
    if not isinstance(name, str):
        message = f"{name!r} is not the name of a column."
        raise TypeMismatchError(message)
    return RowValue(Column(name))


def lit(value: object) -> RowValue:
    """A constant, where an expression is wanted."""
    return RowValue(literal(value))


E = TypeVar("E", bound=Expression)


def when(condition: E, then: object, otherwise: object) -> E:
    """``then`` where ``condition`` is true, ``otherwise`` where it is false or null."""
    if not isinstance(condition, Expression):
        message = f"when({condition!r}, ...): the condition is an expression."
        raise TypeMismatchError(message, hint='Compare a column, as in when(fs.col("amount") > 0, ..., ...).')
    return condition._call("if_else", then, otherwise)


def feature_value(parameter: str) -> Value:
    """The value of another feature, which the parameter of that name brings."""
    return Value(FeatureValue(parameter))


def _row(column: str | RowValue) -> RowValue:
    return column if isinstance(column, RowValue) else col(column)


def _choices(values: Iterable[object], what: str) -> list[object]:
    """The values in order; those of a set, which has none, in an order that is the same in every process."""
    if isinstance(values, str | bytes):
        message = f"{what} takes several values, not one text."
        raise TypeMismatchError(message, hint=f"Put it into a list: [{values!r}].")
    if isinstance(values, AbstractSet):
        return sorted(values, key=lambda value: (type(value).__name__, repr(value)))
    return list(values)


def _some(others: tuple[object, ...], what: str) -> tuple[object, ...]:
    if not others:
        message = f"{what} takes one value more at least."
        raise DefinitionError(message)
    return others


def _characters(text: str, what: str) -> str:
    if not isinstance(text, str) or not text:
        message = f"{what} of {text!r} does not exist: it takes one character at least."
        raise DefinitionError(message)
    return text


_LONGEST_TEXT = 2**31 - 2
"""Positions in a text count from 1 in SQL, where an engine may hold them as 32-bit integers."""


def _size(number: int, what: str, most: int = _LONGEST_TEXT) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= most:
        message = f"{what} is {number!r}, and must be a whole number from 0 to {most}."
        raise DefinitionError(message)
    return number


def _one(value: Any) -> Value:
    if not isinstance(value, Value):
        message = "One window is wanted here: a list of windows makes several features."
        raise DefinitionError(message, hint="Lists of windows belong into a class decorated with @fs.features.")
    return value


def _share(q: float) -> float:
    if not 0 <= q <= 1:
        message = f"percentile({q}) does not exist: q is a share from 0 to 1."
        raise DefinitionError(message)
    return float(q)


MOST_VALUES = 999_999
"""How many values ``last_n`` can keep; some engines can keep no more."""


def _how_many(n: int) -> int:
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= MOST_VALUES:
        message = f"last_n({n}) does not exist: n is a whole number from 1 to {MOST_VALUES}."
        raise DefinitionError(message)
    return n


def _window(duration: Duration, name: str) -> int:
    length = microseconds(duration, name)
    if length == 0:
        message = f"{name} is empty."
        raise DefinitionError(message, hint="Leave it out to see all rows.")
    return length


def _aggregate(
    function: str,
    argument: RowValue | None,
    *,
    over: Windows = None,
    ago: Windows = "0s",
    where: RowValue | None = None,
    ignore_nulls: bool = False,
    ttl: Duration | None = None,
    parameter: float | None = None,
) -> "Value | Values":
    if ttl is not None and over is not None:
        message = f"{function}: ttl= together with over= is refused: both would bound the age of the row."
        raise DefinitionError(message, hint="Keep the one that you mean.")
    for given, name in ((argument, "the argument"), (where, "where=")):
        if given is not None and not isinstance(given, RowValue):
            message = f"{function}: {name} must be an expression over columns, not {type(given).__name__}."
            raise TypeMismatchError(message)
    made = Aggregate(
        function,
        None if argument is None else argument.node,
        where=None if where is None else where.node,
        ignore_nulls=ignore_nulls,
        parameter=parameter,
        ttl=None if ttl is None else _window(ttl, "ttl"),
    )
    shifts = _listed(ago)
    windows = _listed(over)
    for listed, name in ((shifts, "ago"), (windows, "over")):
        lengths = [None if one is None else microseconds(one, name) for one in listed]
        if len(set(lengths)) < len(lengths):
            message = f"{function}: {name}= lists one length of time twice."
            raise NameClashError(message)
    members = {
        (*_suffix("ago", shift, shifts), *_suffix("", window, windows)): Value(
            replace(
                made,
                ago=microseconds(shift or "0s", "ago"),
                over=None if window is None else _window(window, "over"),
            )
        )
        for shift in shifts
        for window in windows
    }
    return members[()] if list(members) == [()] else Values(members)


def _listed(windows: Windows) -> "Sequence[Duration | None]":
    if windows is None or not isinstance(windows, Sequence) or isinstance(windows, str):
        return _Single([windows])
    if not windows:
        message = "A list of windows is empty."
        raise DefinitionError(message)
    return list(windows)


class _Single(list["Duration | None"]):
    """One window, written without a list: it is no part of the name."""


def _suffix(prefix: str, window: Duration | None, of: "Sequence[Duration | None]") -> tuple[str, ...]:
    if isinstance(of, _Single) or window is None:
        return ()
    return (prefix + duration_text(microseconds(window, "window")),)


Argument = str | RowValue


class _OfColumn:
    """An aggregation as a class of features writes it; a list of windows gives several features."""

    def __init__(self, function: str) -> None:
        self._function = function

    @overload
    def __call__(
        self, column: Argument, *, over: Duration | None = ..., ago: Duration = ..., where: RowValue | None = ...
    ) -> Value: ...
    @overload
    def __call__(
        self, column: Argument, *, over: Windows = ..., ago: Windows = ..., where: RowValue | None = ...
    ) -> Values: ...
    def __call__(
        self, column: Argument, *, over: Windows = None, ago: Windows = "0s", where: RowValue | None = None
    ) -> Value | Values:
        return _aggregate(self._function, _row(column), over=over, ago=ago, where=where)


sum = _OfColumn("sum")
mean = _OfColumn("mean")
min = _OfColumn("min")
max = _OfColumn("max")
std = _OfColumn("std")
count_distinct = _OfColumn("count_distinct")
approx_distinct = _OfColumn("approx_distinct")
any = _OfColumn("any")
all = _OfColumn("all")


class _OfRows(_OfColumn):
    """``count``, which takes a column or, without one, counts rows."""

    @overload
    def __call__(
        self,
        column: Argument | None = ...,
        *,
        over: Duration | None = ...,
        ago: Duration = ...,
        where: RowValue | None = ...,
    ) -> Value: ...
    @overload
    def __call__(
        self, column: Argument | None = ..., *, over: Windows = ..., ago: Windows = ..., where: RowValue | None = ...
    ) -> Values: ...
    def __call__(
        self,
        column: Argument | None = None,
        *,
        over: Windows = None,
        ago: Windows = "0s",
        where: RowValue | None = None,
    ) -> Value | Values:
        argument = None if column is None else _row(column)
        return _aggregate(self._function, argument, over=over, ago=ago, where=where)


count = _OfRows("count")


def first(
    column: Argument,
    *,
    over: Duration | None = None,
    ago: Duration = "0s",
    where: RowValue | None = None,
    ignore_nulls: bool = False,
) -> Value:
    """The value of the oldest row; see `RowValue.first`."""
    return _row(column).first(over=over, ago=ago, where=where, ignore_nulls=ignore_nulls)


def last(
    column: Argument,
    *,
    over: Duration | None = None,
    ago: Duration = "0s",
    where: RowValue | None = None,
    ttl: Duration | None = None,
    ignore_nulls: bool = False,
) -> Value:
    """The value of the newest row; see `RowValue.last`."""
    return _row(column).last(over=over, ago=ago, where=where, ttl=ttl, ignore_nulls=ignore_nulls)


@overload
def last_n(
    column: Argument, n: int, *, over: Duration | None = ..., ago: Duration = ..., where: RowValue | None = ...
) -> Value: ...
@overload
def last_n(
    column: Argument, n: int, *, over: Windows = ..., ago: Windows = ..., where: RowValue | None = ...
) -> Values: ...
def last_n(
    column: Argument, n: int, *, over: Windows = None, ago: Windows = "0s", where: RowValue | None = None
) -> Value | Values:
    """The newest ``n`` non-null values; see `RowValue.last_n`. Several windows give several features."""
    return _aggregate("last_n", _row(column), over=over, ago=ago, where=where, parameter=_how_many(n))


@overload
def percentile(
    column: Argument, q: float, *, over: Duration | None = ..., ago: Duration = ..., where: RowValue | None = ...
) -> Value: ...
@overload
def percentile(
    column: Argument, q: float, *, over: Windows = ..., ago: Windows = ..., where: RowValue | None = ...
) -> Values: ...
def percentile(
    column: Argument, q: float, *, over: Windows = None, ago: Windows = "0s", where: RowValue | None = None
) -> Value | Values:
    """The value below which the share ``q`` lies; see `RowValue.percentile`. Several windows give several features."""
    return _aggregate("percentile", _row(column), over=over, ago=ago, where=where, parameter=_share(q))


def attributes(*columns: str, ttl: Duration | None = None, where: RowValue | None = None) -> Values:
    """The newest row's value of each column: one feature per column, with the column's own name."""
    if not columns or len(set(columns)) < len(columns):
        message = f"attributes({', '.join(map(repr, columns))}): name each column once."
        raise DefinitionError(message)
    return Values({(column,): col(column).last(ttl=ttl, where=where) for column in columns}, bare=True)
