"""What a run must know of a group beyond its definition."""

from featurestore.definitions.fingerprints import digest
from featurestore.definitions.resolved import Group, sources_of, steps_of
from featurestore.spi.online import GroupKey

__all__ = ["group_fingerprint", "group_key", "must_be_whole"]


def group_fingerprint(group: Group) -> str:
    """The combined logic of the group's members, 64 hexadecimal digits; the group's id is the beginning of it."""
    return digest({"group": [[str(member.ref), member.fingerprint.logic] for member in group.members]})


def group_key(group: Group, namespace: str) -> GroupKey:
    """The group in an online store."""
    return GroupKey(namespace, group.id)


def must_be_whole(group: Group) -> str | None:
    """Why the group must be computed whole at each boundary; None where the changed entities are enough (semantics 17).

    Without a created time nobody can tell which rows came late; what changes in a source without any time, not even
    when it did; and the rows of a step that is not row-wise may all be others at each boundary.
    """
    sources = {source.name: source.source for member in group.members for source in sources_of(member.table)}
    untimed = sorted(name for name, source in sources.items() if not source.is_timed)
    late = sorted(name for name, source in sources.items() if source.is_timed and source.created_time is None)
    steps = {step.name: step.transformation for member in group.members for step in steps_of(member.table)}
    made = sorted(name for name, step in steps.items() if step.time != "row_wise")
    reasons = ((late, "has no created_time"), (untimed, "has no event_time"), (made, "is not made row by row"))
    return "; ".join(f"{', '.join(names)} {what}" for names, what in reasons if names) or None
