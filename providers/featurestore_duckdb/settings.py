"""Settings of a DuckDB offline store."""

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["DuckDBSettings"]


class DuckDBSettings(BaseModel):
    """``offline: {provider: duckdb, database: warehouse.duckdb}``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    database: str | None = Field(
        default=None, description="A database file with the tables of sources; opened for reading only."
    )
    memory_limit: str | None = Field(default=None, description="As DuckDB takes it, for instance 4GB.")
    threads: int | None = Field(default=None, ge=1, description="How many threads a query may use.")
