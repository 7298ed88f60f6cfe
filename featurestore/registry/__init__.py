"""The registry: what was defined, applied and built in a target, by whom, when and why.

Nothing recorded is ever changed or removed. Who looks opens a `Reader`, who records a `Writer`; who works on a group,
`Leases`: what those keep is not a record, and comes and goes.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from featurestore.registry.records import (
    ApplyDraft,
    ApplyRecord,
    AuditRecord,
    BindingRecord,
    BuildRecord,
    BuildStatus,
    DefinitionEvent,
    DefinitionKey,
    DefinitionKind,
    DefinitionRecord,
    Document,
    EdgeKind,
    EventKind,
    GroupRecord,
    Lease,
    LedgerEntry,
    LedgerKind,
    LineageEdge,
    ModelRecord,
    Progress,
    RunMode,
    new_build_id,
)

if TYPE_CHECKING:
    from featurestore.registry.audit import AuditProblem, verify_audit
    from featurestore.registry.mutable import Leases, open_leases
    from featurestore.registry.reader import Reader, open_reader
    from featurestore.registry.writer import Writer, open_writer

__all__ = [
    "ApplyDraft",
    "ApplyRecord",
    "AuditProblem",
    "AuditRecord",
    "BindingRecord",
    "BuildRecord",
    "BuildStatus",
    "DefinitionEvent",
    "DefinitionKey",
    "DefinitionKind",
    "DefinitionRecord",
    "Document",
    "EdgeKind",
    "EventKind",
    "GroupRecord",
    "Lease",
    "Leases",
    "LedgerEntry",
    "LedgerKind",
    "LineageEdge",
    "ModelRecord",
    "Progress",
    "Reader",
    "RunMode",
    "Writer",
    "new_build_id",
    "open_leases",
    "open_reader",
    "open_writer",
    "verify_audit",
]

# What needs SQLAlchemy is imported when it is asked for: records alone cost a millisecond.
_LAZY: Final = {
    "AuditProblem": "audit",
    "verify_audit": "audit",
    "Leases": "mutable",
    "open_leases": "mutable",
    "Reader": "reader",
    "open_reader": "reader",
    "Writer": "writer",
    "open_writer": "writer",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return __all__
