"""Identity: SHA-256 over canonical documents of our own (see `docs/identity.md`)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from featurestore.definitions.code import canonical_value
from featurestore.definitions.nodes import Aggregate, Call, Column, FeatureValue, Literal, Node
from featurestore.definitions.types import Schema

__all__ = ["Fingerprint", "canonical_json", "digest", "fingerprint", "node_document", "schema_document"]

VERSION_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """``logic`` covers all that can change a value, ``metadata`` the rest; both are SHA-256 in hexadecimal."""

    logic: str
    metadata: str

    @property
    def version(self) -> str:
        """The version that the content gives: the beginning of ``logic``."""
        return self.logic[:VERSION_LENGTH]


def canonical_json(document: object) -> str:
    """One text per document: keys sorted, no white space, all characters as they are, no floats."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_refused)


def _refused(value: object) -> object:
    message = f"{type(value).__name__} has no canonical form"
    raise TypeError(message)


def digest(document: object) -> str:
    """The SHA-256 of a document, in hexadecimal."""
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()


def fingerprint(logic: Mapping[str, Any], metadata: Mapping[str, Any]) -> Fingerprint:
    """The fingerprint of a definition's two documents."""
    return Fingerprint(digest(logic), digest(metadata))


def schema_document(columns: Schema) -> dict[str, str]:
    """Columns and types as a document."""
    return {name: str(data_type) for name, data_type in columns.items()}


def node_document(node: Node) -> dict[str, Any]:
    """An expression as a document."""
    match node:
        case Column(name=name):
            return {"column": name}
        case Literal(value=value, type=data_type):
            return {"literal": canonical_value(value), "type": str(data_type)}
        case FeatureValue(parameter=parameter):
            return {"input": parameter}
        case Call(function=function, arguments=arguments, type=data_type):
            document: dict[str, Any] = {"call": function, "arguments": [node_document(part) for part in arguments]}
            return document if data_type is None else {**document, "type": str(data_type)}
        case Aggregate():
            return {
                "aggregate": node.function,
                "argument": None if node.argument is None else node_document(node.argument),
                "over": node.over,
                "ago": node.ago,
                "where": None if node.where is None else node_document(node.where),
                "ignore_nulls": node.ignore_nulls,
                "parameter": None if node.parameter is None else canonical_value(node.parameter),
                "ttl": node.ttl,
            }
