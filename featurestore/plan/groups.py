"""Which groups must be computed: those that the registry does not name as the newest of their members."""

from collections.abc import Iterator, Mapping, Sequence

from featurestore.definitions.resolved import Group, Schedule
from featurestore.plan.changes import GroupChange
from featurestore.plan.notes import group_notes
from featurestore.registry.records import GroupRecord

__all__ = ["group_changes", "schedule_document"]


def schedule_document(schedule: Schedule) -> Mapping[str, int]:
    """A schedule as it is recorded: microseconds by name."""
    return {
        "every": schedule.every,
        "delay": schedule.delay,
        "publish_within": schedule.publish_within,
        "offset": schedule.offset,
    }


def group_changes(groups: Sequence[Group], registered: Sequence[GroupRecord]) -> tuple[GroupChange, ...]:
    """The groups that are to be recorded, in the project's order.

    Args:
        groups: The project's.
        registered: Each group once, the most recently named first: the first that holds a feature is its current one.
    """
    current: dict[str, GroupRecord] = {}
    for record in registered:
        for member in record.members:
            current.setdefault(member, record)
    return tuple(change for group in groups for change in _change(group, current, {one.id for one in registered}))


def _change(group: Group, current: Mapping[str, GroupRecord], known: set[str]) -> Iterator[GroupChange]:
    members = tuple(f"feature:{member.ref}" for member in group.members)
    before = {record.id: record for member in members if (record := current.get(member))}
    if set(before) == {group.id} and set(before[group.id].members) == set(members):
        return
    before.pop(group.id, None)
    yield GroupChange(
        id=group.id,
        name=group.name,
        entity=group.entity.name,
        members=members,
        schedule=schedule_document(group.schedule),
        why=_why(group, members, before, again=group.id in known),
        replaces=tuple(before),
        notes=group_notes(group),
    )


def _why(group: Group, members: Sequence[str], before: Mapping[str, GroupRecord], *, again: bool) -> str:
    if not before:
        return "current again" if again else "new"
    held = {member for record in before.values() for member in record.members}
    added = [member.partition(":")[2] for member in members if member not in held]
    gone = [member.partition(":")[2] for member in sorted(held) if member not in members]
    parts = [f"{what} {', '.join(refs)}" for what, refs in (("with", added), ("without", gone)) if refs]
    schedule = schedule_document(group.schedule)
    if any(record.schedule != schedule for record in before.values()):
        parts.append("another schedule")
    return ", ".join(parts) or ("current again" if again else "other logic of its members")
