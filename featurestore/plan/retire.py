"""Retiring: the one way in which a definition goes, asked for by name."""

import difflib
from collections.abc import Mapping, Sequence

from featurestore.definitions.references import parse_ref
from featurestore.definitions.resolution import Definitions
from featurestore.errors import AmbiguousReferenceError, RecordNotFoundError
from featurestore.plan.graph import USERS, Edges, downstream
from featurestore.registry.records import DefinitionRecord

__all__ = ["refusal", "to_retire"]


def to_retire(refs: Sequence[str], live: Mapping[str, DefinitionRecord]) -> tuple[str, ...]:
    """The ids of the live definitions that ``[kind:]name[@version]`` stand for, once each.

    Raises:
        RecordNotFoundError: none is meant.
        AmbiguousReferenceError: several are meant by one reference.
    """
    return tuple(dict.fromkeys(_live(text, live) for text in refs))


def _live(text: str, live: Mapping[str, DefinitionRecord]) -> str:
    kind, _, rest = text.rpartition(":")
    ref = parse_ref(rest)
    found = [
        id
        for id, record in live.items()
        if record.name == ref.name and ref.version in {None, record.version} and kind in {"", record.kind}
    ]
    if not found:
        close = difflib.get_close_matches(text, [*live, *(id.partition(":")[2] for id in live)], n=3)
        message = f"Nothing that is registered and not retired is called {text!r}."
        raise RecordNotFoundError(message, hint=f"Did you mean {' or '.join(close)}?" if close else None)
    if len(found) > 1:
        message = f"{text!r} stands for several definitions: {', '.join(found)}."
        raise AmbiguousReferenceError(message, hint="Name one with its kind and version.")
    return found[0]


def refusal(id: str, retiring: Sequence[str], definitions: Definitions, users: Edges) -> tuple[str, str] | None:
    """Why a definition cannot be retired, and what to do; None if it can.

    Args:
        id: What is to be retired.
        retiring: All that is to be retired with it.
        definitions: The project's.
        users: Id to the live ones, registered or in the project, that have it as an input.
    """
    if id in definitions.by_id:
        origin = definitions.by_id[id].origin
        return f"it is in the project, at {origin}", "Take it out of the project first."
    in_use = [user for user in downstream(users, id) if user.startswith(USERS) and user not in retiring]
    if in_use:
        return f"{', '.join(in_use)} would lose it", f"Retire {', '.join(in_use)} with it, or keep it."
    return None
