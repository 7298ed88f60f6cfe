"""Ledger of materialization, models, edges of the lineage; leases with their tokens, progress of runs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from featurestore.registry.triggers import append_only

revision = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KEYS = {
    "ledger_entries": ["project", "number"],
    "models": ["project", "name", "version"],
    "lineage_edges": ["project", "event", "subject", "position"],
    "fencing_tokens": ["project", "group_id", "token"],
}
"""Primary keys of what is append-only; leases and progress are not."""


def upgrade() -> None:
    _create_ledger()
    _create_models()
    _create_edges()
    _create_leases()
    _create_progress()
    for table, key in KEYS.items():
        for statement in append_only(op.get_context().dialect.name, table, key):
            op.execute(statement)


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=nullable) for name in names]


def _numbers(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=nullable, autoincrement=False) for name in names]


def _create_ledger() -> None:
    op.create_table(
        "ledger_entries",
        *_texts("project"),
        *_numbers("number"),
        *_texts("group_id"),
        *_numbers("boundary", "token"),
        *_texts("fingerprint", "kind", "run_id"),
        *_numbers("rows", "changed", nullable=True),
        *_texts("checksum", "mode", nullable=True),
        *_numbers("started", "finished"),
        *_texts("who"),
        *_texts("message", nullable=True),
        *_texts("bindings", "source_states", "code_version"),
        *_texts("git_commit", nullable=True),
        sa.Column("git_dirty", sa.Boolean),
        sa.PrimaryKeyConstraint(*KEYS["ledger_entries"]),
    )
    op.create_index("ix_ledger_entries_boundary", "ledger_entries", ["project", "group_id", "boundary", "token"])
    op.create_index("ix_ledger_entries_run", "ledger_entries", ["project", "run_id"])


def _create_models() -> None:
    op.create_table(
        "models",
        *_texts("project", "name", "version"),
        *_texts("build", nullable=True),
        *_texts("service", "service_fingerprint", "fingerprints", "artifact", "checksum", "metrics", "parameters"),
        *_numbers("at"),
        *_texts("who"),
        *_texts("git_commit", nullable=True),
        sa.Column("git_dirty", sa.Boolean),
        *_texts("packages"),
        sa.PrimaryKeyConstraint(*KEYS["models"]),
        sa.ForeignKeyConstraint(["build"], ["builds.id"]),
    )


def _create_edges() -> None:
    op.create_table(
        "lineage_edges",
        *_texts("project", "event", "subject"),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("revision", sa.Integer, nullable=False),
        *_texts("upstream", "downstream", "kind", "via"),
        sa.Column("opaque", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint(*KEYS["lineage_edges"]),
    )


def _create_leases() -> None:
    op.create_table(
        "fencing_tokens",
        *_texts("project", "group_id"),
        *_numbers("token"),
        *_texts("owner"),
        *_numbers("at"),
        sa.PrimaryKeyConstraint(*KEYS["fencing_tokens"]),
    )
    op.create_table(
        "leases",
        *_texts("project", "group_id", "owner"),
        *_numbers("token", "acquired", "renewed", "expires"),
        sa.PrimaryKeyConstraint("project", "group_id"),
    )


def _create_progress() -> None:
    op.create_table(
        "run_progress",
        *_texts("project", "run_id", "phase"),
        *_numbers("done"),
        *_numbers("total", nullable=True),
        *_numbers("updated"),
        sa.PrimaryKeyConstraint("project", "run_id"),
    )
