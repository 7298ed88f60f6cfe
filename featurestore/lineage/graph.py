"""Questions over edges: what a node is made of, what is made of it, and which node a name stands for."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from featurestore.errors import AmbiguousReferenceError, RecordNotFoundError
from featurestore.registry.records import EdgeKind, LineageEdge

__all__ = ["Direction", "Graph", "Line", "Lineage"]

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TABLE = re.compile(rf"(\w+)@{_VERSION.pattern}\.")

Direction = Literal["upstream", "downstream"]


class Line(NamedTuple):
    """A node in a tree, and the edge between it and its parent (for the root: direct, via nothing).

    Attributes:
        depth: 0 for the root, and one more for each edge.
        node: Its id.
        kind: Of the edge; direct if there is a direct one among several.
        path: Direct if all edges between the root and this line are.
        via: The columns or expressions of the edge.
        opaque: Whether the edge is only a safe assumption.
        repeated: Whether what lies beyond is left out, since an earlier line of the same node shows it.
        cut: Whether what lies beyond is left out, since the tree was asked for to this depth only.
    """

    depth: int
    node: str
    kind: EdgeKind
    path: EdgeKind
    via: str
    opaque: bool
    repeated: bool
    cut: bool


@dataclass(frozen=True)
class Lineage:
    """All that lies upstream or downstream of a node.

    ``lines`` is a tree in reading order: parents first; below a parent direct edges first, then by id. ``reached`` is
    every node but the root, nearest first, each with the strongest of all its paths: direct if one of them is.
    """

    node: str
    direction: Direction
    lines: tuple[Line, ...]
    reached: Mapping[str, EdgeKind] = field(repr=False)


class _Link(NamedTuple):
    node: str
    kind: EdgeKind
    via: str
    opaque: bool


class Graph:
    """A graph of edges; cycles do no harm.

    Args:
        edges: In any order.
        nodes: Ids that are known even if no edge has them, such as source columns that nothing reads.
    """

    def __init__(self, edges: Iterable[LineageEdge], nodes: Iterable[str] = ()) -> None:
        self._edges: dict[Direction, dict[str, list[LineageEdge]]] = {"upstream": {}, "downstream": {}}
        upstream, downstream = self._edges["upstream"], self._edges["downstream"]
        names = dict.fromkeys(nodes)
        for edge in edges:
            upstream.setdefault(edge.downstream, []).append(edge)
            downstream.setdefault(edge.upstream, []).append(edge)
        self._nodes = {**names, **dict.fromkeys(downstream), **dict.fromkeys(upstream)}
        # Neighbors are sorted when they are first asked for: most of a large graph never is.
        self._links: dict[tuple[Direction, str], tuple[_Link, ...]] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def nodes(self, kind: str | None = None) -> tuple[str, ...]:
        """The ids of a kind (``column``, ``feature``, ``model`` …), or of all, sorted."""
        return tuple(sorted(node for node in self._nodes if kind is None or node.startswith(f"{kind}:")))

    def upstream(self, node: str, *, depth: int | None = None, direct_only: bool = False) -> Lineage:
        """What a node is made of; see `downstream`."""
        return self._lineage(node, "upstream", depth, direct_only=direct_only)

    def downstream(self, node: str, *, depth: int | None = None, direct_only: bool = False) -> Lineage:
        """What is made of a node.

        Args:
            node: An id, or any text that `resolve` understands.
            depth: How many edges to follow; None: all. With 0 there is only the node itself.
            direct_only: Whether to follow only edges along which values flow.

        Raises:
            RecordNotFoundError: as `resolve` does.
            AmbiguousReferenceError: as `resolve` does.
        """
        return self._lineage(node, "downstream", depth, direct_only=direct_only)

    def resolve(self, text: str) -> str:
        """The id that ``[kind:]name[@version]`` or ``[column:]table[@version].column`` stands for.

        Raises:
            RecordNotFoundError: there is none; close names are listed.
            AmbiguousReferenceError: there are several; they are listed.
        """
        if text in self._nodes:
            return text
        prefix, _, rest = text.partition(":")
        kinds, name = ([prefix], rest) if prefix in self._kinds else (self._kinds, text)
        versions = tuple(f"{kind}:{name}@" for kind in kinds if kind != "column")
        found = [f"{kind}:{name}" for kind in kinds if f"{kind}:{name}" in self._nodes]
        found += [node for node in self._nodes if node.startswith(versions)]
        if "column" in kinds:
            found += self._columns(name)
        if len(found) > 1:
            message = f"{text!r} stands for several nodes of the lineage: {', '.join(sorted(found))}."
            raise AmbiguousReferenceError(message, hint="Name one with its kind and version.")
        if not found:
            raise self._not_found(text, name)
        return found[0]

    def _columns(self, name: str) -> list[str]:
        """The columns ``table.column`` of a transformation, in each version that has one."""
        table, dot, column = name.partition(".")
        if not dot or "@" in table:
            return []
        start, end = f"column:{table}@", f".{column}"
        return [
            node
            for node in self._nodes
            if node.startswith(start) and node.endswith(end) and _VERSION.fullmatch(node[len(start) : -len(end)])
        ]

    @cached_property
    def _kinds(self) -> list[str]:
        return sorted({node.partition(":")[0] for node in self._nodes})

    def _not_found(self, text: str, name: str) -> RecordNotFoundError:
        sought, known = name.lower(), dict.fromkeys(map(_bare, self._nodes))
        near = sorted((one for one in known if sought in one.lower()), key=lambda one: (len(one), one))
        close = near[:5] or difflib.get_close_matches(name, known, n=3)
        hint = f"Did you mean {' or '.join(close)}?" if close else None
        return RecordNotFoundError(f"The lineage knows nothing that is called {text!r}.", hint=hint)

    def _neighbors(self, direction: Direction, node: str, *, direct_only: bool) -> tuple[_Link, ...]:
        links = self._links.get((direction, node))
        if links is None:
            links = _links(self._edges[direction].get(node, ()), direction)
            self._links[direction, node] = links
        return tuple(link for link in links if link.kind == "direct") if direct_only else links

    def reached(
        self, node: str, direction: Direction, *, depth: int | None = None, direct_only: bool = False
    ) -> dict[str, EdgeKind]:
        """`Lineage.reached` alone, which costs less than the tree.

        Raises:
            RecordNotFoundError: as `resolve` does.
            AmbiguousReferenceError: as `resolve` does.
        """
        root = self.resolve(node)
        direct = self._reached(direction, root, depth, direct_only=True)
        every = direct if direct_only else self._reached(direction, root, depth, direct_only=False)
        return {one: "direct" if one in direct else "indirect" for one in every}

    def _lineage(self, text: str, direction: Direction, depth: int | None, *, direct_only: bool) -> Lineage:
        node = self.resolve(text)
        reached = self.reached(node, direction, depth=depth, direct_only=direct_only)
        return Lineage(node, direction, self._lines(direction, node, depth, direct_only=direct_only), reached)

    def _reached(self, direction: Direction, node: str, depth: int | None, *, direct_only: bool) -> dict[str, None]:
        """The nodes at most ``depth`` edges away, nearest first, without ``node``."""
        edges, up = self._edges[direction], direction == "upstream"
        found: dict[str, None] = {node: None}
        outermost, steps = [node], 0
        while outermost and (depth is None or steps < depth):
            following: list[str] = []
            for one in outermost:
                for edge in edges.get(one, ()):
                    other = edge.upstream if up else edge.downstream
                    if other not in found and (not direct_only or edge.kind == "direct"):
                        found[other] = None
                        following.append(other)
            outermost, steps = following, steps + 1
        del found[node]
        return found

    def _lines(self, direction: Direction, node: str, depth: int | None, *, direct_only: bool) -> tuple[Line, ...]:
        lines: list[Line] = []
        shown: dict[str, int] = {}  # node to the depth at which what lies beyond it was shown
        waiting: list[tuple[_Link, int, EdgeKind]] = [(_Link(node, "direct", "", opaque=False), 0, "direct")]
        while waiting:
            link, at, path = waiting.pop()
            beyond = self._neighbors(direction, link.node, direct_only=direct_only)
            # Nearer to the root, more of it is within the depth that was asked for.
            repeated = bool(beyond) and link.node in shown and (depth is None or shown[link.node] <= at)
            cut = bool(beyond) and not repeated and depth is not None and at >= depth
            lines.append(Line(at, link.node, link.kind, path, link.via, link.opaque, repeated, cut))
            if beyond and not repeated and not cut:
                shown[link.node] = at
                waiting.extend((one, at + 1, path if one.kind == "direct" else "indirect") for one in reversed(beyond))
        return tuple(lines)


def _bare(node: str) -> str:
    """An id without its kind and, if it has one, its version."""
    kind, _, name = node.partition(":")
    if kind != "column":
        return name.partition("@")[0]
    table = _TABLE.match(name)
    return f"{table[1]}.{name[table.end() :]}" if table else name


def _links(edges: Iterable[LineageEdge], direction: Direction) -> tuple[_Link, ...]:
    """One link per neighbor: that of its direct edges if there are any, and certain if one of them is."""
    neighbors: dict[str, list[LineageEdge]] = {}
    for edge in edges:
        neighbors.setdefault(edge.upstream if direction == "upstream" else edge.downstream, []).append(edge)
    links = [_link(node, between) for node, between in neighbors.items()]
    return tuple(sorted(links, key=lambda link: (link.kind, link.node)))  # "direct" < "indirect"


def _link(node: str, between: list[LineageEdge]) -> _Link:
    direct = [edge for edge in between if edge.kind == "direct"]
    strongest = direct or between
    via = "; ".join(dict.fromkeys(edge.via for edge in strongest if edge.via))
    return _Link(node, strongest[0].kind, via, all(edge.opaque for edge in strongest))
