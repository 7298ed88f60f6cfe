"""Lineage for readers, and as data."""

from typing import Any

from featurestore.lineage.graph import Graph, Line, Lineage
from featurestore.registry.records import EdgeKind

__all__ = ["models_of", "to_document", "tree_text"]


def tree_text(lineage: Lineage) -> str:
    """The tree in lines, indented by two spaces per edge, the node itself first.

    What is not marked is direct and certain. A subtree is shown once: its root says ``(shown above)`` afterwards.
    """
    return "\n".join(_line(line) for line in lineage.lines)


def _line(line: Line) -> str:
    marks = {
        "(indirect)": line.kind == "indirect",
        "(opaque)": line.opaque,
        line.via: bool(line.via),
        "(shown above)": line.repeated,
        "(goes on)": line.cut,
    }
    return "  ".join([f"{'  ' * line.depth}{line.node}", *(mark for mark, holds in marks.items() if holds)])


def to_document(lineage: Lineage) -> dict[str, Any]:
    """The same as what JSON can say: nodes and edges once each, however often the tree shows them.

    ``path`` of a node is the strongest of all its paths. Edges point downstream, whichever way was asked for. ``cut``
    lists the nodes beyond which there is more than was asked for.
    """
    edges: dict[tuple[str, str], dict[str, Any]] = {}
    parents: list[str] = []
    followed: set[str] = set()  # a node may be cut far from the root, and followed near it
    for line in lineage.lines:
        del parents[line.depth :]
        if parents:
            followed.add(parents[-1])
            ends = (line.node, parents[-1]) if lineage.direction == "upstream" else (parents[-1], line.node)
            edges[ends] = {
                "upstream": ends[0],
                "downstream": ends[1],
                "kind": line.kind,
                "via": line.via,
                "opaque": line.opaque,
            }
        parents.append(line.node)
    return {
        "node": lineage.node,
        "direction": lineage.direction,
        "nodes": [{"id": node, "path": path} for node, path in lineage.reached.items()],
        "edges": list(edges.values()),
        "cut": sorted({line.node for line in lineage.lines if line.cut} - followed),
    }


def models_of(graph: Graph, node: str, *, depth: int | None = None, direct_only: bool = False) -> dict[str, EdgeKind]:
    """The models downstream of a node, sorted, each with the strongest path that leads to it.

    Args:
        graph: All edges.
        node: An id, or any text that `Graph.resolve` understands.
        depth: How many edges to follow; None: all.
        direct_only: Whether to follow only edges along which values flow.

    Raises:
        RecordNotFoundError: the graph has no such node.
        AmbiguousReferenceError: the text stands for several nodes.
    """
    reached = graph.reached(node, "downstream", depth=depth, direct_only=direct_only)
    return {one: reached[one] for one in sorted(reached) if one.startswith("model:")}
