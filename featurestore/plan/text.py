"""A plan in plain lines, for a tired reader."""

from collections.abc import Iterator, Sequence

from featurestore.definitions.durations import duration_text
from featurestore.plan.changes import Change, ChangeKind, Difference, GroupChange
from featurestore.plan.plan import Plan

__all__ = ["SYMBOLS", "difference_text", "plan_text", "schedule_text", "summary", "what_happens"]

SYMBOLS: dict[ChangeKind, str] = {
    "refused": "!",
    "new": "+",
    "restored": "+",
    "moved": ">",
    "metadata": "~",
    "retired": "x",
    "absent": "-",
}
"""The kinds that are listed, in order; what is unchanged is only counted."""
WORDS: dict[ChangeKind, str] = {
    "new": "new",
    "restored": "restored",
    "moved": "moved",
    "metadata": "changed in metadata",
    "retired": "to retire",
    "refused": "refused",
    "unchanged": "unchanged",
    "absent": "absent",
}
SHOWN = 4
"""How many definitions a note names before it counts the rest."""


def plan_text(plan: Plan) -> str:
    """The plan as lines: what changes and what that touches, what must be computed, notes, and a summary at the end."""
    return "\n".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    made_against = f"revision {plan.revision}" if plan.revision else "an empty registry"
    yield f"Project {plan.project}, target {plan.target}, against {made_against}."
    for kind, symbol in SYMBOLS.items():
        changes = plan.of_kind(kind)
        if changes:
            yield ""
        if kind == "absent" and changes:
            yield "Registered and not in the project (nothing happens to them):"
        for change in changes:
            yield f"  {symbol} {change.id}{_headline(change)}"
            yield from (f"      {line}" for line in _details(change))
        # One way out is often that of many.
        yield from (f"    {hint}" for hint in dict.fromkeys(change.hint for change in changes if change.hint))
    if plan.groups:
        yield ""
        yield "To compute:"
        for group in plan.groups:
            yield from _group(group)
    notes = [*plan.notes, *_notes(plan)]
    if notes:
        yield ""
        yield "Notes:"
        yield from (f"  {note}" for note in notes)
    yield ""
    yield summary(plan)


def what_happens(change: Change) -> str:
    """What a change comes to, in a few words."""
    if change.kind == "refused":
        return f"refused: {change.reason}"
    if change.kind == "new" and change.before:
        return f"new, in the place of {change.before.rpartition('@')[2]}"
    return WORDS[change.kind]


def _headline(change: Change) -> str:
    """What follows the id: what happens, and where it is written."""
    if change.kind == "absent":
        return f"  touches {', '.join(change.touches)}" if change.touches else ""
    place = f"  ({change.origin}{f', owner {change.owner}' if change.owner else ''})" if change.origin else ""
    return f"  {what_happens(change)}{place}"


def _details(change: Change) -> Iterator[str]:
    for difference in change.differences:
        yield from difference_text(difference)
    if change.cause:
        yield f"because of {', '.join(change.cause)}"
    # What is new is used by what is new, or by nothing; what changes may break others.
    if change.touches and change.kind not in {"absent", "new"}:
        yield f"touches {', '.join(change.touches)}"


def difference_text(difference: Difference) -> list[str]:
    """A difference in lines: ``field: old -> new``, or the lines of a diff below the field."""
    if difference.lines:
        return [f"{difference.field}:", *(f"  {line}" for line in difference.lines)]
    shown = ["(none)" if value is None else value or '""' for value in (difference.old, difference.new)]
    return [f"{difference.field}: {' -> '.join(shown)}"]


def _group(group: GroupChange) -> Iterator[str]:
    count = f"{len(group.members)} features" if len(group.members) > 1 else "1 feature"
    yield f"  {group.name} ({group.id:.8}, {group.why}): {count} of {group.entity}, {schedule_text(group)}"
    yield f"      {_some([member.partition(':')[2] for member in group.members], len(group.members))}"


def schedule_text(group: GroupChange) -> str:
    """When a group is computed, in words."""
    given = {name: duration_text(length) for name, length in group.schedule.items() if length}
    parts = [f"every {given['every']}"]
    if "offset" in given:
        parts.append(f"moved by {given['offset']}")
    if "delay" in given:
        parts.append(f"{given['delay']} after the boundary")
    if "publish_within" in given:
        parts.append(f"published within {given['publish_within']}")
    return ", ".join(parts)


def _notes(plan: Plan) -> Iterator[str]:
    """Each note once, with the definitions that change and that it is about."""
    about: dict[str, list[str]] = {}
    for change in plan.changes:
        if change.kind not in {"unchanged", "absent"}:
            for note in change.notes:
                about.setdefault(note, []).append(change.id)
    for note, ids in about.items():
        yield f"{note}: {_some(ids, SHOWN)}"


def _some(ids: Sequence[str], most: int) -> str:
    more = len(ids) - most
    return ", ".join(ids[:most]) + (f" and {more} more" if more > 0 else "")


def summary(plan: Plan) -> str:
    """The plan in one line: ``Plan: 3 new, 1 changed in metadata, 12 unchanged; 1 absent.`` and what follows of it."""
    counts = plan.counts
    parts = [f"{counts[kind]} {word}" for kind, word in WORDS.items() if kind in counts and kind != "absent"]
    absent = f"; {counts['absent']} absent" if "absent" in counts else ""
    text = f"Plan: {', '.join(parts) or 'nothing is defined'}{absent}."
    if plan.refused:
        return f"{text} It cannot be applied."
    return text if plan.has_changes else f"{text} Nothing to apply."
