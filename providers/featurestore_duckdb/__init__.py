"""DuckDB as the offline store: a laptop's warehouse, over files and DuckDB databases."""

from featurestore.spi.capabilities import Capabilities
from featurestore.spi.providers import OfflineProvider, Provider
from featurestore_duckdb.settings import DuckDBSettings

__all__ = ["DuckDBSettings", "provider"]

provider = Provider(
    name="duckdb",
    extra="duckdb",
    drivers=("duckdb", "pyarrow"),
    offline=OfflineProvider(
        DuckDBSettings,
        "featurestore_duckdb.store:open_store",
        Capabilities(engines=frozenset({"sql", "ibis", "pandas", "polars"})),
    ),
)
