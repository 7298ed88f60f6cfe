"""Settings of a SQLite online store."""

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["SQLiteSettings"]


class SQLiteSettings(BaseModel):
    """``online: {provider: sqlite, path: online.db}``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | None = Field(
        default=None,
        min_length=1,
        description="The store's file, on a local disk; without it, online.db in the target's own folder.",
    )
