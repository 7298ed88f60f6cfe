"""A build's record as a page for a notebook."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, cast

from featurestore.registry.records import BuildRecord

__all__ = ["build_html"]

_FIGURES = ("nulls", "distinct", "min", "mean", "max")


def build_html(record: BuildRecord) -> str:
    """What was built from what: rows, columns with their statistics, fingerprints, sources. Everything is escaped."""
    dropped = f", {record.dropped:,} without a label left out" if record.dropped else ""
    commit = f", commit {record.git_commit[:8]}" if record.git_commit else ""
    commit += " with uncommitted changes" if record.git_dirty else ""
    lines = [
        f"{record.rows:,} rows{dropped}, as of {record.as_of.isoformat()}",
        f"built at {record.at.isoformat()} by {record.who}{commit}: {record.id}",
    ]
    return "\n".join(
        [
            f"<h4>{escape(record.training_set.partition(':')[2])}</h4>",
            *(f"<div>{escape(line)}</div>" for line in lines),
            _table(("column", "type", *_FIGURES, "length", "remarks"), _column_rows(record)),
            _table(("source", "rows", "digest", ""), _source_rows(record)),
            _table(("definition", "fingerprint"), ((name, print_[:8]) for name, print_ in _definitions(record))),
        ]
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _column_rows(record: BuildRecord) -> Iterable[Sequence[str]]:
    marks = cast("Mapping[str, Sequence[str]]", record.spine.get("marks", {}))
    for name, data_type in cast("Sequence[tuple[str, str]]", record.spine["columns"]):
        found = cast("Mapping[str, Any]", record.statistics[name])
        length = found.get("length")
        lengths = f"{length['min']} to {length['max']}" if length else ""
        figures = [_figure(found[figure]) if figure in found else "" for figure in _FIGURES]
        strange = [f"{found[what]:,} {what}" for what in ("nan", "infinite") if found.get(what)]
        yield (name, data_type, *figures, lengths, "; ".join([*strange, *marks.get(name, ())]))


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _source_rows(record: BuildRecord) -> Iterable[Sequence[str]]:
    for name, state in cast("Mapping[str, Mapping[str, Any]]", record.source_states).items():
        moved = "moved during the build" if "after" in state else ""
        yield name, f"{state['rows']:,}", state["digest"][:8], moved


def _definitions(record: BuildRecord) -> Iterable[tuple[str, str]]:
    return record.fingerprints.items()
