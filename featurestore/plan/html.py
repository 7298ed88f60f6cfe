"""A plan as a table for notebooks."""

from collections.abc import Iterator
from html import escape

from featurestore.plan.changes import Change, GroupChange
from featurestore.plan.plan import Plan
from featurestore.plan.text import SYMBOLS, difference_text, schedule_text, summary, what_happens

__all__ = ["plan_html"]

CELL = 'style="text-align:left;vertical-align:top;padding:2px 8px"'


def plan_html(plan: Plan) -> str:
    """The plan as HTML that needs nothing else: no script, no style sheet; every text is escaped."""
    return "\n".join(_parts(plan))


def _parts(plan: Plan) -> Iterator[str]:
    yield "<div>"
    yield f"<p><b>{escape(summary(plan))}</b><br>Project {escape(plan.project)}, target {escape(plan.target)}</p>"
    changes = [change for kind in SYMBOLS for change in plan.of_kind(kind)]
    if changes:
        yield from _table(("", "definition", "what", "differs", "touches", "notes"), map(_change, changes))
    if plan.groups:
        yield from _table(("group", "to compute", "when", "why"), map(_group, plan.groups))
    for note in plan.notes:
        yield f"<p>{escape(note)}</p>"
    yield "</div>"


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield "<table>"
    yield f"<tr>{''.join(f'<th {CELL}>{title}</th>' for title in head)}</tr>"
    for cells in rows:
        yield f"<tr>{''.join(f'<td {CELL}>{cell}</td>' for cell in cells)}</tr>"
    yield "</table>"


def _change(change: Change) -> tuple[str, ...]:
    what = [what_happens(change), *([f"because of {', '.join(change.cause)}"] if change.cause else [])]
    what += [change.hint] if change.hint else []
    differs = "\n".join(line for difference in change.differences for line in difference_text(difference))
    definition = f"<code>{escape(change.id)}</code>"
    if change.origin:
        definition += f"<br><small>{escape(change.origin)}</small>"
    return (
        escape(SYMBOLS[change.kind]),
        definition,
        _several(what),
        f"<pre>{escape(differs)}</pre>" if differs else "",
        _several(change.touches),
        _several(change.notes),
    )


def _group(group: GroupChange) -> tuple[str, ...]:
    name = f"{escape(group.name)}<br><small>{escape(group.id)}</small>"
    return name, _several(group.members), escape(schedule_text(group)), escape(group.why)


def _several(texts: list[str] | tuple[str, ...]) -> str:
    return "<br>".join(escape(text) for text in texts)
