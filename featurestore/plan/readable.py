"""Fields of definitions as people read them in a plan."""

import json
from collections.abc import Mapping, Sequence

from featurestore.definitions.durations import duration_text
from featurestore.definitions.readable import document_text

__all__ = ["field_text", "sql_lines"]

DURATIONS = frozenset({"every", "delay", "publish_within", "offset", "matures_after", "known_after"})
"""Fields that hold microseconds."""

CLAUSES = frozenset(
    {"SELECT", "FROM", "WHERE", "JOIN", "LEFT", "INNER", "CROSS", "UNION", "AND", "OR", "ON", "GROUP", "ORDER", "WITH"}
)
"""Words before which the tokens of a query are broken into lines."""


def field_text(field: str, value: object) -> str:
    """The value of a field of a logic or metadata document; ``field`` is its last name."""
    if field in DURATIONS and isinstance(value, int):
        return duration_text(value)
    if field == "expression" and isinstance(value, Mapping):
        return document_text(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def sql_lines(tokens: Sequence[str]) -> list[str]:
    """The tokens of a query, in lines that a diff can tell apart."""
    lines: list[list[str]] = [[]]
    for word in tokens:
        if word.upper() in CLAUSES and lines[-1]:
            lines.append([])
        lines[-1].append(word)
        if word == ",":
            lines.append([])
    return [" ".join(line) for line in lines if line]
