"""``sources.lock.yaml``: the columns and types of each source, so that plan needs no warehouse."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator

from featurestore.definitions.types import Schema, parse_type
from featurestore.errors import ConfigurationError, FeaturestoreError
from featurestore.project.config import read_yaml
from featurestore.spi.files import replace_file
from featurestore.spi.stores import SourceProbe

__all__ = ["LOCK_FILE", "SchemaChange", "locked", "read_lock", "schema_changes", "write_lock"]

LOCK_FILE = "sources.lock.yaml"
_HEADER = "# Columns of each source, as `featurestore sources pull` found them. Commit this file.\n"


class _Source(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: Mapping[str, str]
    left_out: Mapping[str, str] = Field(default_factory=dict)

    @field_validator("columns")
    @classmethod
    def _types(cls, columns: Mapping[str, str]) -> Mapping[str, str]:
        for column, text in columns.items():
            try:
                parse_type(text)
            except FeaturestoreError as error:
                message = f"{column}: {error.message} {error.hint or ''}"
                raise ValueError(message) from None
        return columns


class _Lock(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    sources: Mapping[str, _Source] = Field(default_factory=dict)


def read_lock(root: Path) -> dict[str, SourceProbe]:
    """The locked sources by name; none if there is no file.

    Raises:
        ConfigurationError: the file is not what it should be.
    """
    path = root / LOCK_FILE
    if not path.exists():
        return {}
    try:
        lock: _Lock = read_yaml(path, _Lock)
    except ConfigurationError as error:
        error.hint = f"{error.hint or ''} Restore the file, or delete it and run `featurestore sources pull`.".strip()
        raise
    return {name: _probe(source) for name, source in lock.sources.items()}


def _probe(source: _Source) -> SourceProbe:
    return SourceProbe({column: parse_type(text) for column, text in source.columns.items()}, dict(source.left_out))


def locked(lock: Mapping[str, SourceProbe]) -> dict[str, Schema]:
    """The columns of each source."""
    return {name: probe.columns for name, probe in lock.items()}


def write_lock(root: Path, lock: Mapping[str, SourceProbe]) -> None:
    """Writes the file, whole or not at all, with sources in name order.

    Raises:
        ConfigurationError: it cannot be written.
    """
    document = {
        "version": 1,
        "sources": {
            name: {
                "columns": {column: str(data_type) for column, data_type in probe.columns.items()},
                **({"left_out": dict(probe.left_out)} if probe.left_out else {}),
            }
            for name, probe in sorted(lock.items())
        },
    }
    path = root / LOCK_FILE
    text = _HEADER + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    try:
        replace_file(path, text.encode())
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}."
        hint = "Plan and apply need it: run them once where it can be written, and commit it."
        raise ConfigurationError(message, where=LOCK_FILE, hint=hint) from error


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """A column of a source that is not what the lock says; None: it is not there.

    Types are ours; ``found`` is the engine's where we have none for it.
    """

    source: str
    column: str
    locked: str | None
    found: str | None

    def __str__(self) -> str:
        return f"{self.source}.{self.column}: {self.locked or 'not there'} -> {self.found or 'not there'}"


def schema_changes(name: str, old: SourceProbe | None, new: SourceProbe) -> tuple[SchemaChange, ...]:
    """What differs between a locked source and what the engine says, by column."""
    before: Schema = old.columns if old else {}
    names = dict.fromkeys([*before, *new.columns])
    changes = [(column, before.get(column), new.columns.get(column)) for column in names]
    return tuple(
        SchemaChange(name, column, str(was) if was else None, str(now) if now else new.left_out.get(column))
        for column, was, now in changes
        if was != now
    )
