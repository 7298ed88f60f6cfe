"""The bytes in an online store: keys, rows and markers. Every store, writer and reader uses these functions.

```
row:     format (1 byte) | boundary (8) | token (8) | group (8) | packed values
marker:  format (1 byte) | boundary (8) | token (8) | packed rest
```

The boundary is a big-endian integer with its sign bit flipped, the token an unsigned one, so that the 16 bytes sort as
(boundary, token) do, also before 1970. Every later format keeps these 16 bytes where they are: stores compare them
without decoding. What is packed is MessagePack.
"""

import datetime
import decimal
import hashlib
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec

from featurestore.definitions.types import DataType
from featurestore.errors import ComputeError, CorruptRowError, NumberOverflowError, SpineError

__all__ = [
    "ORDER",
    "Marker",
    "Row",
    "RowCodec",
    "RowHead",
    "decode_head",
    "decode_marker",
    "decode_row",
    "encode_key",
    "encode_marker",
    "encode_row",
    "group_prefix",
    "row_order",
    "rows_checksum",
    "sum_checksums",
]

ORDER: Final = slice(1, 17)
"""Where (boundary, token) stands in a row and in a marker."""

_ROW_FORMAT = 1
_MARKER_FORMAT = 1
_PREFIX = 8
_BIAS = 2**63
_HEAD = struct.Struct(f">BQQ{_PREFIX}s")
_MARKER_HEAD = struct.Struct(">BQQ")
_FLOAT32 = struct.Struct("<f")
_DAY_ZERO = datetime.date(1970, 1, 1).toordinal()
_ENCODER = msgspec.msgpack.Encoder()
_UNFIT = (TypeError, ValueError, ArithmeticError, struct.error)
"""What packing a value that does not fit, or unpacking damaged bytes, raises."""


# Keys


_KEY_TYPES = {"Int32": int, "Int64": int, "String": str, "Bytes": bytes, "Date": datetime.date}


def encode_key(values: Sequence[object], types: Sequence[DataType], names: Sequence[str] = ()) -> bytes | None:
    """The bytes of an entity's key; None if one of its values is null, since it then names no entity.

    With the same types, two keys have the same bytes only if they are equal: integers by value whatever their width,
    text by its UTF-8 bytes, dates by the day.

    Args:
        values: One value per part of the key, in the entity's order.
        types: The parts' types.
        names: The parts' names, for errors.

    Raises:
        SpineError: a value is not of its type, or there are more or fewer values than types.
    """
    if len(values) != len(types):
        message = f"The key has {len(types)} parts, and {len(values)} values were given."
        raise SpineError(message)
    parts: list[object] = []
    missing = False
    for position, (value, data_type) in enumerate(zip(values, types, strict=True)):
        if value is None:
            missing = True
        elif type(value) is not _KEY_TYPES[data_type.name]:
            raise _wrong_key(position, names, data_type, f"a value of type {type(value).__name__}")
        elif data_type.name == "Date":
            parts.append(_days(value))
        else:
            parts.append(value)
    if missing:
        return None
    try:
        return _ENCODER.encode(parts)
    except OverflowError:
        position = next(place for place, part in enumerate(parts) if isinstance(part, int) and part.bit_length() > 63)
        raise _wrong_key(position, names, types[position], "a number of more than 64 bits") from None
    except UnicodeEncodeError:
        position = next(place for place, part in enumerate(parts) if isinstance(part, str) and not _is_utf8(part))
        raise _wrong_key(position, names, types[position], "text with a lone surrogate") from None


def _wrong_key(position: int, names: Sequence[str], data_type: DataType, found: str) -> SpineError:
    name = repr(names[position]) if names else f"number {position + 1}"
    message = f"The key {name} is of type {data_type}, and {found} was given."
    return SpineError(message, hint=f"Cast it to {data_type} before.")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# Values


@dataclass(frozen=True, slots=True)
class _Form:
    """How values of a type are packed.

    Args:
        pack: From a value to what is packed; raises one of `_UNFIT` for a value of another type.
        packed: The type of what is packed, as msgspec checks it.
        unpack: The way back; None where what is packed is the value.
    """

    pack: Callable[[Any], Any]
    packed: Any
    unpack: Callable[[Any], Any] | None = None


def _as_it_is(python: type) -> Callable[[Any], Any]:
    def pack(value: Any) -> Any:
        if type(value) is not python:
            raise TypeError
        return value

    return pack


def _integer(bits: int) -> _Form:
    lowest, highest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def pack(value: Any) -> int:
        if type(value) is not int:
            raise TypeError
        if not lowest <= value <= highest:
            raise OverflowError
        return value

    return _Form(pack, Annotated[int, msgspec.Meta(ge=lowest, le=highest)])


def _pack_float32(value: Any) -> bytes:
    if type(value) is not float:
        raise TypeError
    return _FLOAT32.pack(value)


def _unpack_float32(packed: bytes) -> float:
    number: float = _FLOAT32.unpack(packed)[0]
    return number


def _days(value: Any) -> int:
    if type(value) is not datetime.date:
        raise TypeError
    return value.toordinal() - _DAY_ZERO


def _date(days: int) -> datetime.date:
    return datetime.date.fromordinal(days + _DAY_ZERO)


def _pack_timestamp(value: Any) -> datetime.datetime:
    if type(value) is not datetime.datetime:
        raise TypeError
    # A naive time is UTC (semantics 15).
    return value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)


def _decimal(precision: int, scale: int) -> _Form:
    """Decimals travel as text with exactly the digits of their scale, so that equal ones have equal bytes."""
    unit = decimal.Decimal(1).scaleb(-scale)
    context = decimal.Context(prec=precision, traps=[decimal.Inexact, decimal.InvalidOperation])

    def pack(value: Any) -> str:
        if type(value) is not decimal.Decimal:
            raise TypeError
        if not value.is_finite():
            raise ValueError
        # `plus` makes one zero of the two.
        return str(context.plus(value.quantize(unit, context=context)))

    return _Form(pack, str, decimal.Decimal)


def _array(item: _Form) -> _Form:
    pack_item, unpack_item = item.pack, item.unpack

    def pack(values: Any) -> list[Any]:
        if type(values) is not list:
            raise TypeError
        return [None if value is None else pack_item(value) for value in values]

    packed = list[item.packed | None]  # type: ignore[name-defined]
    if unpack_item is None:
        return _Form(pack, packed)
    return _Form(pack, packed, lambda values: [None if value is None else unpack_item(value) for value in values])


def _vector(length: int) -> _Form:
    layout = struct.Struct(f"<{length}f")

    def pack(values: Any) -> bytes:
        if type(values) is not list:
            raise TypeError
        return layout.pack(*values)

    return _Form(pack, bytes, lambda packed: list(layout.unpack(packed)))


_SCALARS = {
    "Bool": _Form(_as_it_is(bool), bool),
    "Int32": _integer(32),
    "Int64": _integer(64),
    "Float32": _Form(_pack_float32, bytes, _unpack_float32),
    "Float64": _Form(_as_it_is(float), float),
    "String": _Form(_as_it_is(str), str),
    "Bytes": _Form(_as_it_is(bytes), bytes),
    "Date": _Form(_days, int, _date),
    "Timestamp": _Form(_pack_timestamp, datetime.datetime),
}


def _form(data_type: DataType) -> _Form:
    match data_type:
        case DataType("Decimal", (int(precision), int(scale))):
            return _decimal(precision, scale)
        case DataType("Array", (DataType() as item,)):
            return _array(_form(item))
        case DataType("Vector", (int(length),)):
            return _vector(length)
        case _:
            return _SCALARS[data_type.name]


class RowCodec:
    """Packs and unpacks the values of rows that have the given columns, in their order.

    Values are what Arrow's ``to_pylist`` and a user's function see: a Timestamp is a ``datetime`` (back in UTC), a
    Vector a list of floats, null is None. Float32 is rounded to its 32 bits; all else comes back as it was, a Decimal
    with the digits of its scale.
    """

    def __init__(self, columns: Sequence[tuple[str, DataType]]) -> None:
        self.columns = tuple(columns)
        forms = [_form(data_type) for _, data_type in self.columns]
        self._packers = tuple(form.pack for form in forms)
        self._unpackers = tuple((place, form.unpack) for place, form in enumerate(forms) if form.unpack is not None)
        self._decoder = msgspec.msgpack.Decoder(tuple[tuple(form.packed | None for form in forms)])  # type: ignore[misc]

    def pack(self, values: Sequence[object]) -> bytes:
        """The bytes of one row's values.

        Raises:
            NumberOverflowError: a number does not fit the type of its column.
            ComputeError: a value is of another type than its column, or there are more or fewer values than columns.
        """
        if len(values) != len(self._packers):
            message = f"A row has {len(self._packers)} columns, and {len(values)} values were given."
            raise ComputeError(message)
        try:
            return _ENCODER.encode(
                [None if value is None else pack(value) for pack, value in zip(self._packers, values, strict=True)]
            )
        except _UNFIT:
            raise self._unfit(values) from None

    def _unfit(self, values: Sequence[object]) -> ComputeError:
        """The error of the first value that cannot be packed; it shows the value's type, never the value."""
        for (name, data_type), pack, value in zip(self.columns, self._packers, values, strict=True):
            try:
                _ENCODER.encode(None if value is None else pack(value))
            except (OverflowError, decimal.DecimalException):
                message = f"The column {name!r} holds a number that does not fit {data_type}."
                return NumberOverflowError(message, hint="Cast it to a wider type in the feature's expression.")
            except UnicodeEncodeError:
                message = f"The column {name!r} holds text with a lone surrogate, which has no UTF-8 bytes."
                return ComputeError(message)
            except _UNFIT:
                message = f"The column {name!r} holds a {type(value).__name__} that is no {data_type}."
                return ComputeError(message)
        message = "The values of a row cannot be packed."
        return ComputeError(message)

    def unpack(self, packed: bytes | memoryview) -> tuple[Any, ...]:
        """The values of one row.

        Raises:
            CorruptRowError: the bytes are cut short, damaged, or those of other columns.
        """
        try:
            values: tuple[Any, ...] = self._decoder.decode(packed)
            if not self._unpackers:
                return values
            unpacked: list[Any] = list(values)
            for place, unpack in self._unpackers:
                if unpacked[place] is not None:
                    unpacked[place] = unpack(unpacked[place])
        except _UNFIT as error:
            names = ", ".join(name for name, _ in self.columns)
            message = f"The values of a row are cut short, damaged or of other columns than {names}."
            raise CorruptRowError(message, hint=_REBUILD) from error
        return tuple(unpacked)


# Rows


class RowHead(msgspec.Struct, frozen=True):
    """What a row says of itself: its boundary in microseconds, its run's token, its group's first 8 bytes."""

    boundary: int
    token: int
    group: bytes


class Row(msgspec.Struct, frozen=True):
    """A row: its head, and the values of the group's columns."""

    boundary: int
    token: int
    group: bytes
    values: tuple[Any, ...]


_REBUILD = "Materialize the group again with --rebuild."


def group_prefix(fingerprint: str) -> bytes:
    """The 8 bytes by which rows name their group: the beginning of its id or fingerprint, which is hexadecimal."""
    return bytes.fromhex(fingerprint[: 2 * _PREFIX])


def encode_row(row: Row, codec: RowCodec) -> bytes:
    """The bytes of a row.

    Raises:
        ValueError: the group is not 8 bytes long, the boundary no Int64 or the token no unsigned 64-bit integer.
        ComputeError: see `RowCodec.pack`.
    """
    if len(row.group) != _PREFIX:
        message = f"a row names its group by {_PREFIX} bytes, not by {len(row.group)}"
        raise ValueError(message)
    return _HEAD.pack(_ROW_FORMAT, *_order(row.boundary, row.token), row.group) + codec.pack(row.values)


def _order(boundary: int, token: int) -> tuple[int, int]:
    biased = boundary + _BIAS
    if not (0 <= biased < 2**64 and 0 <= token < 2**64):
        message = f"boundary {boundary} or token {token} has more than 64 bits"
        raise ValueError(message)
    return biased, token


def decode_row(data: bytes, codec: RowCodec) -> Row:
    """The row that `encode_row` made into ``data``.

    Raises:
        CorruptRowError: the bytes are cut short or damaged, of an unknown format, or those of other columns.
    """
    head = decode_head(data)
    return Row(head.boundary, head.token, head.group, codec.unpack(memoryview(data)[_HEAD.size :]))


def decode_head(data: bytes) -> RowHead:
    """What the row says of itself, without its values: their columns are known once the group is.

    Raises:
        CorruptRowError: the bytes are cut short or of an unknown format.
    """
    _check(data, _ROW_FORMAT, _HEAD.size, "row")
    _, boundary, token, group = _HEAD.unpack_from(data)
    return RowHead(boundary - _BIAS, token, group)


def row_order(data: bytes) -> bytes:
    """16 bytes that compare as (boundary, token) of the row do; its values are not looked at.

    Raises:
        CorruptRowError: the bytes are cut short or of an unknown format.
    """
    _check(data, _ROW_FORMAT, _HEAD.size, "row")
    return data[ORDER]


def _check(data: bytes, known: int, least: int, what: str) -> None:
    if len(data) < least:
        message = f"A {what} in the online store is cut short: it has {len(data)} bytes of at least {least}."
        raise CorruptRowError(message, hint=_REBUILD)
    if data[0] != known:
        message = f"A {what} in the online store has format {data[0]}, which this version does not know."
        raise CorruptRowError(message, hint="Upgrade this package, or materialize the group again with --rebuild.")


# Markers


class Marker(msgspec.Struct, frozen=True):
    """Up to where a group is complete.

    Args:
        boundary: The boundary whose values its rows hold, in microseconds.
        token: The fencing token of the run that set it.
        fingerprint: The group's fingerprint.
        rows: How many rows the group had.
        checksum: Their `rows_checksum`.
        published_at: When it was set, in microseconds.
    """

    boundary: int
    token: int
    fingerprint: str
    rows: int
    checksum: str
    published_at: int

    @property
    def order(self) -> tuple[int, int]:
        """(boundary, token): markers never go back in it."""
        return self.boundary, self.token


_MARKER_DECODER = msgspec.msgpack.Decoder(tuple[str, int, str, int])


def encode_marker(marker: Marker) -> bytes:
    """The bytes of a marker; equal markers have equal bytes.

    Raises:
        ValueError: the boundary is no Int64 or the token no unsigned 64-bit integer.
    """
    rest = (marker.fingerprint, marker.rows, marker.checksum, marker.published_at)
    return _MARKER_HEAD.pack(_MARKER_FORMAT, *_order(marker.boundary, marker.token)) + _ENCODER.encode(rest)


def decode_marker(data: bytes) -> Marker:
    """The marker that `encode_marker` made into ``data``.

    Raises:
        CorruptRowError: the bytes are cut short, damaged or of an unknown format.
    """
    _check(data, _MARKER_FORMAT, _MARKER_HEAD.size, "marker")
    _, boundary, token = _MARKER_HEAD.unpack_from(data)
    try:
        fingerprint, rows, checksum, published_at = _MARKER_DECODER.decode(memoryview(data)[_MARKER_HEAD.size :])
    except _UNFIT as error:
        message = "A marker in the online store is cut short or damaged."
        raise CorruptRowError(message, hint=_REBUILD) from error
    return Marker(boundary - _BIAS, token, fingerprint, rows, checksum, published_at)


# Checksums


def rows_checksum(rows: Iterable[tuple[bytes, bytes]]) -> str:
    """A checksum over keys and values, in any order; boundaries, tokens and groups do not enter it.

    So a group that was computed whole and one that came to the same values step by step have the same checksum. It is
    the sum, modulo 2^128, of a BLAKE2b digest per row; 32 hexadecimal digits. Keys count as often as they occur.
    """
    total = 0
    for key, row in rows:
        digest = hashlib.blake2b(len(key).to_bytes(8, "big"), digest_size=16)
        digest.update(key)
        digest.update(memoryview(row)[_HEAD.size :])
        total += int.from_bytes(digest.digest(), "big")
    return _hexadecimal(total)


def sum_checksums(parts: Iterable[str]) -> str:
    """The checksum of all rows, from the checksums of parts that share none."""
    return _hexadecimal(sum(int(part, 16) for part in parts))


def _hexadecimal(total: int) -> str:
    return f"{total % 2**128:032x}"
