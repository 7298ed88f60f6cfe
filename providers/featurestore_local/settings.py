"""Settings of the local job runner."""

from pydantic import BaseModel, ConfigDict

__all__ = ["LocalSettings"]


class LocalSettings(BaseModel):
    """``jobs: {provider: local}``; there is nothing to set."""

    model_config = ConfigDict(extra="forbid", frozen=True)
