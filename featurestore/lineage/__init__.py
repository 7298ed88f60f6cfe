"""Lineage: what a value is made of, and what is made of it, from source columns to models.

`definition_edges` says the edges of a project's definitions; a `Graph` answers questions over these, or over those that
the registry holds. Nothing here does I/O.
"""

from typing import TYPE_CHECKING

from featurestore.lineage.graph import Direction, Graph, Line, Lineage
from featurestore.lineage.text import models_of, to_document, tree_text

if TYPE_CHECKING:
    from featurestore.lineage.edges import definition_edges, definition_nodes

__all__ = [
    "Direction",
    "Graph",
    "Line",
    "Lineage",
    "definition_edges",
    "definition_nodes",
    "models_of",
    "to_document",
    "tree_text",
]


def __getattr__(name: str) -> object:
    # Who asks about recorded edges does not wait for the SQL parser.
    if name in {"definition_edges", "definition_nodes"}:
        from featurestore.lineage import edges  # noqa: PLC0415

        return getattr(edges, name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
