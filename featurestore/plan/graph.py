"""Who uses whom: over the project's definitions and over those that are registered."""

from collections.abc import Iterable, Mapping

__all__ = ["USERS", "downstream", "reversed_edges", "upstream"]

Edges = Mapping[str, Iterable[str]]
"""Id to ids."""

USERS = ("service:", "training_set:")
"""How the ids of definitions begin that models read or learn from."""


def reversed_edges(inputs: Edges) -> Mapping[str, tuple[str, ...]]:
    """Id to the ids that have it among their inputs, in order."""
    found: dict[str, list[str]] = {}
    for id, given in inputs.items():
        for one in given:
            found.setdefault(one, []).append(id)
    return {id: tuple(users) for id, users in found.items()}


def downstream(edges: Edges, id: str) -> tuple[str, ...]:
    """Everything that is reached from ``id``, sorted, without itself."""
    found: set[str] = set()
    waiting = [id]
    while waiting:
        for one in edges.get(waiting.pop(), ()):
            if one not in found:
                found.add(one)
                waiting.append(one)
    return tuple(sorted(found - {id}))


upstream = downstream
"""The same walk, over a definition's inputs."""
