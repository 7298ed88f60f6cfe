"""SQLite as an offline store: a sample of a provider that lives in a repository of its own.

SQLite has no NaN, no Float32 and no Decimal, so no type with a fraction is declared; and steps are not translated.
"""

from pydantic import BaseModel, ConfigDict

from featurestore.spi.capabilities import Capabilities
from featurestore.spi.providers import OfflineProvider, Provider

__all__ = ["SQLiteSettings", "provider"]


class SQLiteSettings(BaseModel):
    """``offline: {provider: sqlite_warehouse, database: warehouse.db}``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    database: str


provider = Provider(
    name="sqlite_warehouse",
    extra="",
    drivers=("pyarrow",),
    offline=OfflineProvider(
        SQLiteSettings,
        "sqlite_warehouse.store:open_store",
        Capabilities(
            aggregations=frozenset({"count", "sum", "min", "max", "first", "last", "any", "all"}),
            types=frozenset({"Bool", "Int32", "Int64", "String", "Bytes", "Date", "Timestamp"}),
            steps=frozenset(),
            engines=frozenset(),
            infinite_times=False,
        ),
    ),
)
