"""Values that arrive as text on the command line."""

import datetime
import decimal
import json
from collections.abc import Callable, Mapping
from typing import Any

import click

from featurestore.definitions.types import DataType

__all__ = ["TIME", "read_text"]


def _time(text: str) -> datetime.datetime:
    found = datetime.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)


def _bool(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


class _Time(click.ParamType[datetime.datetime]):
    """A time in ISO 8601; one without a zone is UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime.datetime:
        """The time, aware."""
        try:
            return value if isinstance(value, datetime.datetime) else _time(value)
        except ValueError:
            self.fail(
                f"{value!r} is no time. Write it as in 2024-01-31T18:00 (UTC) or 2024-01-31T18:00+01:00.", param, ctx
            )


TIME = _Time()

_READERS: Mapping[str, Callable[[str], object]] = {
    "Bool": _bool,
    "Int32": int,
    "Int64": int,
    "Float32": float,
    "Float64": float,
    "Decimal": decimal.Decimal,
    "String": str,
    "Bytes": _bytes,
    "Date": datetime.date.fromisoformat,
    "Timestamp": _time,
    "Array": json.loads,
    "Vector": json.loads,
}


def read_text(text: str, data_type: DataType) -> object:
    """The value of ``data_type`` that ``text`` stands for: bytes in hexadecimal digits, arrays as JSON.

    Raises:
        ValueError: it stands for none.
    """
    try:
        return _READERS[data_type.name](text)
    except (ValueError, KeyError, ArithmeticError) as error:
        message = f"{text!r} is no {data_type}"
        raise ValueError(message) from error
