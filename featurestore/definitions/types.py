"""The types of keys, columns and features."""

import datetime
import decimal
import re
import types
import typing
from dataclasses import dataclass

from featurestore.errors import TypeMismatchError

__all__ = [
    "Array",
    "Bool",
    "Bytes",
    "DataType",
    "Date",
    "Decimal",
    "Float32",
    "Float64",
    "Int32",
    "Int64",
    "Schema",
    "String",
    "Timestamp",
    "Vector",
    "parse_type",
    "python_type_name",
    "type_of_annotation",
    "type_of_value",
]


@dataclass(frozen=True, slots=True)
class DataType:
    """A type: a name and its parameters.

    ``Timestamp`` is UTC in microseconds. ``Decimal`` has precision and scale, ``Array`` its item's type, ``Vector``
    its length (of Float32). Written and parsed as ``Int64``, ``Decimal(10, 2)``, ``Array[String]``, ``Vector[8]``.
    """

    name: str
    parameters: "tuple[DataType | int, ...]" = ()

    def __str__(self) -> str:
        inside = ", ".join(str(parameter) for parameter in self.parameters)
        if not inside:
            return self.name
        return f"{self.name}({inside})" if self.name == "Decimal" else f"{self.name}[{inside}]"

    def __repr__(self) -> str:
        return str(self)

    @property
    def is_integer(self) -> bool:
        """Int32 or Int64."""
        return self.name in {"Int32", "Int64"}

    @property
    def is_float(self) -> bool:
        """Float32 or Float64."""
        return self.name in {"Float32", "Float64"}

    @property
    def is_decimal(self) -> bool:
        """Decimal of any precision and scale."""
        return self.name == "Decimal"

    @property
    def is_numeric(self) -> bool:
        """An integer, a float or a Decimal."""
        return self.is_integer or self.is_float or self.is_decimal

    @property
    def is_orderable(self) -> bool:
        """Values can be compared with ``<`` and have a smallest and a largest."""
        return self.is_numeric or self.name in {"String", "Bytes", "Date", "Timestamp"}

    @property
    def can_be_key(self) -> bool:
        """Integers, String, Bytes and Date identify an entity."""
        return self.is_integer or self.name in {"String", "Bytes", "Date"}

    @property
    def scale(self) -> int:
        """Digits after the point: of a Decimal its scale, of an integer 0."""
        return typing.cast("int", self.parameters[1]) if self.is_decimal else 0


Schema = typing.Mapping[str, DataType]
"""Columns and their types, in order."""

Bool: typing.Final = DataType("Bool")
Int32: typing.Final = DataType("Int32")
Int64: typing.Final = DataType("Int64")
Float32: typing.Final = DataType("Float32")
Float64: typing.Final = DataType("Float64")
String: typing.Final = DataType("String")
Bytes: typing.Final = DataType("Bytes")
Date: typing.Final = DataType("Date")
Timestamp: typing.Final = DataType("Timestamp")

MAX_PRECISION = 38


def Decimal(precision: int, scale: int) -> DataType:  # noqa: N802 - it is written like the type that it makes
    """A decimal number with ``precision`` digits (at most 38), ``scale`` of them after the point."""
    if not (1 <= precision <= MAX_PRECISION and 0 <= scale <= precision):
        message = f"Decimal({precision}, {scale}) does not exist."
        raise TypeMismatchError(message, hint="The precision is 1 to 38, the scale 0 to the precision.")
    return DataType("Decimal", (precision, scale))


class _ArrayOf:
    """Makes ``Array[Int64]`` out of a type."""

    def __getitem__(self, item: DataType) -> DataType:
        if not isinstance(item, DataType) or item.name in {"Array", "Vector"}:
            message = f"Array[{item}] does not exist."
            raise TypeMismatchError(message, hint="The items of an array are scalars, as in Array[Int64].")
        return DataType("Array", (item,))


class _VectorOf:
    """Makes ``Vector[8]`` out of a length."""

    def __getitem__(self, length: int) -> DataType:
        if isinstance(length, bool) or not isinstance(length, int) or length < 1:
            message = f"Vector[{length}] does not exist."
            raise TypeMismatchError(message, hint="A vector has a fixed length of at least 1, as in Vector[8].")
        return DataType("Vector", (length,))


Array: typing.Final = _ArrayOf()
Vector: typing.Final = _VectorOf()

_SCALARS = {scalar.name: scalar for scalar in (Bool, Int32, Int64, Float32, Float64, String, Bytes, Date, Timestamp)}
_DECIMAL = re.compile(r"Decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_NESTED = re.compile(r"(Array|Vector)\[(.+)\]")


def parse_type(text: str) -> DataType:
    """The type that is written ``text``; ``parse_type(str(t)) == t``.

    Raises:
        TypeMismatchError: ``text`` is not the name of a type.
    """
    text = text.strip()
    if text in _SCALARS:
        return _SCALARS[text]
    if match := _DECIMAL.fullmatch(text):
        return Decimal(int(match[1]), int(match[2]))
    if match := _NESTED.fullmatch(text):
        if match[1] == "Array":
            return Array[parse_type(match[2])]
        if match[2].isdecimal():
            return Vector[int(match[2])]
    message = f"{text!r} is not a type."
    known = ", ".join([*_SCALARS, "Decimal(p, s)", "Array[T]", "Vector[n]"])
    raise TypeMismatchError(message, hint=f"Types are {known}.")


_OF_PYTHON: dict[type, DataType] = {
    bool: Bool,
    int: Int64,
    float: Float64,
    str: String,
    bytes: Bytes,
    datetime.datetime: Timestamp,
    datetime.date: Date,
}
_INT64 = range(-(2**63), 2**63)
_PYTHON_NAMES = {
    "Bool": "bool",
    "Int32": "int",
    "Int64": "int",
    "Float32": "float",
    "Float64": "float",
    "String": "str",
    "Bytes": "bytes",
    "Date": "datetime.date",
    "Timestamp": "datetime.datetime",
    "Decimal": "decimal.Decimal",
    "Array": "list",
    "Vector": "list",
}


def python_type_name(data_type: DataType) -> str:
    """The Python type in which a value of ``data_type`` reaches a user's function."""
    return _PYTHON_NAMES[data_type.name]


def type_of_value(value: object) -> DataType:
    """The type of a literal.

    Raises:
        TypeMismatchError: no type holds such a value.
    """
    if isinstance(value, decimal.Decimal):
        _, digits, exponent = value.as_tuple()
        if isinstance(exponent, int):
            scale = max(0, -exponent)
            return Decimal(max(len(digits) + max(0, exponent), scale, 1), scale)
    for python_type, data_type in _OF_PYTHON.items():
        if type(value) is python_type:
            if data_type == Int64 and value not in _INT64:
                message = f"{value} does not fit Int64."
                raise TypeMismatchError(message)
            return data_type
    message = f"{value!r} ({type(value).__name__}) cannot be a literal."
    raise TypeMismatchError(message, hint="Literals are bool, int, float, str, bytes, Decimal, date and datetime.")


def type_of_annotation(annotation: object) -> DataType | None:
    """The type that a Python annotation names; ``T | None`` is T, ``list[T]`` is Array[T]; None where there is none.

    ``Annotated[decimal.Decimal, fs.Decimal(10, 2)]`` names its type itself.
    """
    if typing.get_origin(annotation) is typing.Annotated:
        first, *extras = typing.get_args(annotation)
        named = [extra for extra in extras if isinstance(extra, DataType)]
        return named[0] if named else type_of_annotation(first)
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        members = [member for member in typing.get_args(annotation) if member is not type(None)]
        return type_of_annotation(members[0]) if len(members) == 1 else None
    if typing.get_origin(annotation) is list:
        item = type_of_annotation(typing.get_args(annotation)[0])
        return Array[item] if item else None
    return _OF_PYTHON.get(annotation) if isinstance(annotation, type) else None
