"""Expressions as people read them: ``amount.sum(over=7d, where=category == 'food') / count(over=90d)``."""

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from featurestore.definitions.durations import duration_text
from featurestore.definitions.fingerprints import node_document
from featurestore.definitions.functions import FUNCTIONS
from featurestore.definitions.nodes import Node

__all__ = ["document_text", "expression_text"]

COMPARISON, OR, AND, SUM, PRODUCT, SIGN, ATOM = range(7)
"""How tightly Python's operators bind, from loose to tight."""

BINDING: Mapping[str, int] = {
    **dict.fromkeys(("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"), COMPARISON),
    "or": OR,
    "and": AND,
    "add": SUM,
    "subtract": SUM,
    "multiply": PRODUCT,
    **dict.fromkeys(("divide", "floor_divide", "modulo"), PRODUCT),
    "negate": SIGN,
    "not": SIGN,
}

OF_DURATIONS = frozenset({"plus", "minus", "truncate"})
"""Functions whose constant is a length of time in microseconds."""

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def expression_text(node: Node) -> str:
    """An expression as it could have been written; lengths of time are bare, as in ``over=7d``."""
    return document_text(node_document(node))


def document_text(document: Mapping[str, Any]) -> str:
    """The same, from the document that stands in a fingerprint and in the registry."""
    return _text(document)[0]


def _text(document: Mapping[str, Any]) -> tuple[str, int]:
    """The text, and how tightly its outermost operator binds."""
    match document:
        case {"column": str(name)}:
            return (name if name.isidentifier() else f"col({name!r})"), ATOM
        case {"input": str(name)}:
            return name, ATOM
        case {"literal": value}:
            return _literal(value)
        case {"aggregate": _}:
            return _aggregate(document), ATOM
        case _:
            return _call(document)


def _within(document: Mapping[str, Any], least: int) -> str:
    """The text, in parentheses where it binds less tightly than ``least``."""
    text, binding = _text(document)
    return text if binding >= least else f"({text})"


def _call(document: Mapping[str, Any]) -> tuple[str, int]:
    name, arguments = document["call"], document["arguments"]
    if name in BINDING:
        binding = BINDING[name]
        # Operators group from the left, and comparisons not at all: `a - (b - c)`, `(a < b) == c`.
        left = binding + (binding == COMPARISON)
        parts = [_within(part, left if at == 0 else binding + 1) for at, part in enumerate(arguments)]
        return FUNCTIONS[name].text.format(*parts), binding
    if name == "if_else":
        return f"when({', '.join(map(document_text, arguments))})", ATOM
    if name in OF_DURATIONS:
        given = [duration_text(int(part["literal"]["int"])) for part in arguments[1:]]
    else:
        given = [*map(document_text, arguments[1:]), *([document["type"]] if "type" in document else [])]
    return f"{_within(arguments[0], ATOM)}.{name}({', '.join(given)})", ATOM


def _aggregate(document: Mapping[str, Any]) -> str:
    parts = [] if document["parameter"] is None else [_literal(document["parameter"])[0]]
    parts += [f"{name}={duration_text(document[name])}" for name in ("over", "ago", "ttl") if document[name]]
    if document["where"] is not None:
        parts.append(f"where={document_text(document['where'])}")
    if document["ignore_nulls"]:
        parts.append("ignore_nulls=True")
    of = "" if document["argument"] is None else f"{_within(document['argument'], ATOM)}."
    return f"{of}{document['aggregate']}({', '.join(parts)})"


def _literal(value: Any) -> tuple[str, int]:
    match value:
        case {"int": text}:
            return str(int(text, 0)), SIGN
        case {"float": text}:
            return repr(float.fromhex(text)), SIGN
        case {"decimal": [sign, digits, exponent]}:
            return str(Decimal((sign, tuple(map(int, digits)), exponent))), SIGN
        case {"bytes": text}:
            return repr(bytes.fromhex(text)), ATOM
        case {"datetime_utc": text}:
            return str(EPOCH + datetime.timedelta(microseconds=int(text))), PRODUCT
        case {"datetime": [text, _]}:
            return str(EPOCH.replace(tzinfo=None) + datetime.timedelta(microseconds=int(text))), PRODUCT
        case {"date": text}:
            return str(text), PRODUCT
        case None:
            return "null", ATOM
        case _:
            return repr(value), ATOM
