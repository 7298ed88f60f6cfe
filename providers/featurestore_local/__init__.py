"""Runs in the process that asks for them: the job runner of a laptop."""

from featurestore.spi.providers import JobProvider, Provider
from featurestore_local.settings import LocalSettings

__all__ = ["LocalSettings", "provider"]

provider = Provider(
    name="local", extra="local", jobs=JobProvider(LocalSettings, "featurestore_local.runner:open_runner")
)
