"""What a shell offers while a command is typed: names that are recorded. The project itself is not imported.

Nothing here ever fails or says anything: it would land in the line that is being typed.
"""

from collections.abc import Callable, Iterable
from functools import wraps

import click
from click.shell_completion import CompletionItem

from featurestore.cli.session import Session

__all__ = ["groups", "nodes", "references", "services", "targets", "training_sets"]

Offer = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]


def _quietly(names: Callable[[Session], Iterable[str]]) -> Offer:
    """Offers those of the names that begin as what was typed; none, whatever goes wrong."""

    @wraps(names)
    def offer(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:  # noqa: ARG001 - click's signature
        try:
            found = sorted(set(names(ctx.ensure_object(Session))))
        except Exception:  # noqa: BLE001 - a shell that waits for a word is no place for an error
            return []
        return [CompletionItem(name) for name in _shown(found, incomplete)]

    return offer


def _shown(names: Iterable[str], begun: str) -> list[str]:
    """The names that begin so; with versions only once one is begun, or where the name alone does not do."""
    found = [name for name in names if name.startswith(begun)]
    bare = {name for name in found if "@" not in name}
    return found if "@" in begun else [name for name in found if name.partition("@")[0] not in bare or name in bare]


def _recorded(session: Session, *kinds: str) -> list[str]:
    """The definitions of these kinds that are registered and not retired, with their version and without."""
    from featurestore.cli.recorded import recorded  # noqa: PLC0415 - needed only where a word is completed

    project = recorded(session)
    if "://" in project.location:
        return []  # Who types does not wait for a server.
    with project.reader() as reader:
        found = [one for one in reader.definitions(project.name, documents=False) if not one.retired]
    chosen = [one for one in found if not kinds or one.kind in kinds]
    return [text for one in chosen for text in (one.name, f"{one.name}@{one.version}")]


def _with_classes(names: Iterable[str]) -> list[str]:
    """The names, and the classes that features are members of."""
    return [text for name in names for text in (name, _class(name)) if text]


def _class(name: str) -> str:
    """``Habits`` of ``Habits.orders_7d@v1``; empty where there is no class."""
    head, dot, _ = name.partition("@")[0].rpartition(".")
    return head if dot else ""


@_quietly
def references(session: Session) -> Iterable[str]:
    """Definitions, and classes of features."""
    return _with_classes(_recorded(session))


@_quietly
def services(session: Session) -> Iterable[str]:
    """Feature services."""
    return _recorded(session, "service")


@_quietly
def training_sets(session: Session) -> Iterable[str]:
    """Training sets."""
    return _recorded(session, "training_set")


@_quietly
def groups(session: Session) -> Iterable[str]:
    """Groups: classes of features by name, a feature by itself with its version."""
    return [_class(name) or name for name in _recorded(session, "feature") if _class(name) or "@" in name]


@_quietly
def nodes(session: Session) -> Iterable[str]:
    """What has a lineage: definitions, columns of sources, models."""
    from featurestore.cli.recorded import recorded  # noqa: PLC0415 - idem

    names = _recorded(session)
    project = recorded(session)
    if "://" in project.location:
        return []
    with project.reader() as reader:
        columns = [f"{one.source}.{column}" for one in reader.bindings(project.name) for column in one.columns]
        models = [text for one in reader.models(project.name) for text in (one.name, one.ref)]
    return [*names, *columns, *models]


@_quietly
def targets(session: Session) -> Iterable[str]:
    """The targets of featurestore.yaml."""
    from featurestore.project.config import find_root, read_config  # noqa: PLC0415 - idem

    return read_config(find_root(session.project_dir)).targets
