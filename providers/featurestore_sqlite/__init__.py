"""SQLite as the online store: one file, embedded, for a laptop, for tests and for a service on one machine."""

from featurestore.spi.providers import OnlineProvider, Provider
from featurestore_sqlite.settings import SQLiteSettings

__all__ = ["SQLiteSettings", "provider"]

provider = Provider(
    name="sqlite",
    extra="sqlite",
    online=OnlineProvider(SQLiteSettings, "featurestore_sqlite.store:open_store"),
)
