"""``featurestore.yaml``: the project, its defaults, and its targets."""

import os
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from featurestore.definitions.durations import microseconds
from featurestore.definitions.features import Cadence
from featurestore.definitions.resolution import Settings
from featurestore.definitions.sources import Binding
from featurestore.errors import ConfigurationError, FeaturestoreError

__all__ = ["CONFIG_FILE", "ProjectConfig", "Target", "find_root", "read_config", "read_yaml", "revealed"]

CONFIG_FILE = "featurestore.yaml"
_REFERENCE = re.compile(r"\$\{(?:(file):)?([^}]+)\}")
_PASSWORD = re.compile(r"://[^/@\s:]*:([^/@\s]+)@|[?&;](?:password|passwd|pwd|token|secret)=([^&;\s]+)", re.IGNORECASE)
_SECRET = re.compile(r"passw|secret|token|credential|api_?key|access_?key|private_?key", re.IGNORECASE)


def _no_clear_secret(value: Any) -> Any:
    """Refuses a password that stands in the file itself."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            plain = isinstance(inner, (str, int, float)) and not isinstance(inner, bool)
            if plain and _SECRET.search(str(name)) and not _REFERENCE.fullmatch(str(inner)):
                message = f"{name} stands in clear text; write ${{AN_ENVIRONMENT_VARIABLE}} or ${{file:/a/path}}"
                raise ValueError(message)
            _no_clear_secret(inner)
    elif isinstance(value, list):
        for inner in value:
            _no_clear_secret(inner)
    elif isinstance(value, str) and not all(
        _REFERENCE.fullmatch(found[1] or found[2]) for found in _PASSWORD.finditer(value)
    ):
        message = "a password stands in clear text; write ${AN_ENVIRONMENT_VARIABLE} or ${file:/a/path}"
        raise ValueError(message)
    return value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Store(BaseModel):
    """``{provider: duckdb, …}``: the rest are settings of the provider."""

    model_config = ConfigDict(extra="allow", frozen=True)

    provider: str

    @model_validator(mode="before")
    @classmethod
    def _without_clear_secrets(cls, value: Any) -> Any:
        return _no_clear_secret(value)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The provider's settings, as written."""
        return self.model_extra or {}


class _Registry(_Strict):
    url: Annotated[str, AfterValidator(_no_clear_secret)]


class _Binding(_Strict):
    path: str | None = None
    table: str | None = None
    query: str | None = None

    @model_validator(mode="after")
    def _one(self) -> "_Binding":
        if sum(value is not None for value in (self.path, self.table, self.query)) != 1:
            message = "say one of path, table and query"
            raise ValueError(message)
        return self


class _Target(_Strict):
    offline: _Store
    online: _Store | None = None
    jobs: _Store | None = None
    registry: _Registry | None = None
    sources: Mapping[str, _Binding] = Field(default_factory=dict)


def _duration(value: str) -> str:
    try:
        microseconds(value, "the duration")
    except FeaturestoreError as error:
        message = f"{error.message} {error.hint or ''}"
        raise ValueError(message) from None
    return value


_Duration = Annotated[str, AfterValidator(_duration)]


class _Defaults(_Strict):
    every: _Duration | None = None
    delay: _Duration | None = None
    publish_within: _Duration | None = None
    offset: _Duration | None = None
    owner: str = ""


class ProjectConfig(_Strict):
    """The file, validated."""

    project: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    dialect: str = "duckdb"
    definitions: tuple[str, ...] = (".",)
    default_target: str | None = None
    defaults: _Defaults = _Defaults()
    targets: Mapping[str, _Target] = Field(min_length=1)

    @model_validator(mode="after")
    def _default_exists(self) -> "ProjectConfig":
        if self.default_target is not None and self.default_target not in self.targets:
            message = f"default_target is {self.default_target!r}, and targets has no such entry"
            raise ValueError(message)
        return self

    @property
    def settings(self) -> Settings:
        """What the definitions take from the file."""
        lengths = self.defaults.model_dump(exclude={"owner"}, exclude_none=True)
        cadence = Cadence(**{name: microseconds(value, name) for name, value in lengths.items()})
        return Settings(self.project, self.dialect, cadence, self.defaults.owner)

    def target(self, name: str | None) -> "Target":
        """The target called ``name``; the default one, or the only one, if None.

        Raises:
            ConfigurationError: there is none, or it is not clear which.
        """
        chosen = name or self.default_target or (next(iter(self.targets)) if len(self.targets) == 1 else None)
        if chosen is None or chosen not in self.targets:
            message = f"There is no target {chosen!r}." if chosen else "No target is named, and there are several."
            hint = f"Targets are {', '.join(self.targets)}; set default_target, or name one with --target."
            raise ConfigurationError(message, where=CONFIG_FILE, hint=hint)
        return Target(chosen, self.targets[chosen])


@dataclass(frozen=True)
class Target:
    """Where a project lives: its stores, its registry, and where each source is bound otherwise."""

    name: str
    config: _Target

    def bound(self, source: str, default: Binding) -> Binding:
        """Where ``source`` lies in this target."""
        moved = self.config.sources.get(source)
        return Binding(moved.path, moved.table, moved.query) if moved else default

    def offline_settings(self) -> dict[str, Any]:
        """The settings of the offline store, with references replaced by what they stand for."""
        where = f"{CONFIG_FILE}, targets.{self.name}.offline"
        return {name: revealed(value, f"{where}.{name}") for name, value in self.config.offline.settings.items()}

    def registry_location(self, scratch: Path) -> str:
        """The registry's URL, or the path of its file: by default ``registry.db`` in the target's folder."""
        if self.config.registry is None:
            return str(scratch / "registry.db")
        return str(revealed(self.config.registry.url, f"{CONFIG_FILE}, targets.{self.name}.registry.url"))


def revealed(value: Any, where: str) -> Any:
    """A setting with ``${ENV}`` and ``${file:PATH}`` replaced. Errors show the reference, never what it stands for.

    Raises:
        ConfigurationError: a variable is not set, or a file cannot be read.
    """
    match value:
        case str():
            return _REFERENCE.sub(lambda found: _looked_up(found, where), value)
        case Mapping():
            return {name: revealed(inner, f"{where}.{name}") for name, inner in value.items()}
        case list():
            return [revealed(inner, f"{where}.{position}") for position, inner in enumerate(value)]
        case _:
            return value


def _looked_up(found: re.Match[str], where: str) -> str:
    kind, name = found.groups()
    if kind is None:
        if name not in os.environ:
            message = f"The environment variable {name} is not set."
            hint = f"Set it: `export {name}=...`."
            raise ConfigurationError(message, where=where, hint=hint)
        return os.environ[name]
    try:
        return Path(name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        message = f"The file {name} cannot be read: {reason}."
        raise ConfigurationError(message, where=where) from None  # what cannot be decoded may be the secret


def find_root(start: Path) -> Path:
    """The project's folder: ``start`` or the nearest one above it that holds the file.

    Raises:
        ConfigurationError: there is none.
    """
    start = start.expanduser().resolve()
    if not start.exists():
        message = f"There is no folder {start}."
        raise ConfigurationError(message, hint="Run `featurestore init FOLDER` to make a project.")
    for folder in (start, *start.parents):
        if (folder / CONFIG_FILE).is_file():
            return folder
    message = f"There is no {CONFIG_FILE} in {start} or above it."
    raise ConfigurationError(message, hint="Run `featurestore init FOLDER` to make a project.")


def read_config(root: Path) -> ProjectConfig:
    """The project's configuration.

    Raises:
        ConfigurationError: it is not YAML, or not what it should be; file, line and field are said.
    """
    config: ProjectConfig = read_yaml(root / CONFIG_FILE, ProjectConfig)
    return config


def read_yaml(path: Path, model: type[BaseModel]) -> Any:
    """A YAML file as a ``model``.

    Raises:
        ConfigurationError: it is not YAML, or not what it should be; file, line and field are said.
    """
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_twice(node, path)
        value = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path.name} cannot be read: {error}."
        raise ConfigurationError(message, where=path.name) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _no_yaml(error, path) from error
    try:
        return model.model_validate({} if value is None else value)
    except ValidationError as error:
        raise _invalid(error, path, node, model) from None


def _no_yaml(error: Exception, path: Path) -> ConfigurationError:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    reason = (error.problem or error.context) if isinstance(error, yaml.MarkedYAMLError) else error
    message = f"This is not YAML: {str(reason).partition(chr(10))[0]}."
    return ConfigurationError(message, where=f"{path.name}:{mark.line + 1}" if mark else path.name)


def _refuse_twice(node: Any, path: Path) -> None:
    """Refuses a key that is written twice, of which YAML would keep the last without a word."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, inner in node.value:
            line = key.start_mark.line + 1
            if str(key.value) in seen:
                message = f"{key.value} is written twice, first in line {seen[str(key.value)]}."
                raise ConfigurationError(message, where=f"{path.name}:{line}")
            seen[str(key.value)] = line
            _refuse_twice(inner, path)
    elif isinstance(node, yaml.SequenceNode):
        for inner in node.value:
            _refuse_twice(inner, path)


def _invalid(error: ValidationError, path: Path, node: Any, model: type[BaseModel]) -> ConfigurationError:
    first = error.errors(include_input=False, include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    hint = f"{error.error_count() - 1} more to be mended." if error.error_count() > 1 else None
    if first["type"] == "extra_forbidden":
        reason = "there is no such key"
    if first["type"] in {"extra_forbidden", "missing"} or not first["loc"]:
        hint = f"Keys here are: {', '.join(_model_at(model, first['loc'][:-1]).model_fields)}."
    where = f"{path.name}:{_line(node, first['loc'])}"
    message = f"{field}: {reason}".rstrip(". ") if field else reason.rstrip(". ")
    return ConfigurationError(f"{message}.", where=where, hint=hint)


def _model_at(model: type[BaseModel], place: tuple[Any, ...]) -> type[BaseModel]:
    """The model of a field, as far as there are models on the way."""
    for part in place:
        if part in model.model_fields:
            annotation = model.model_fields[part].annotation
            inside = [one for one in (annotation, *_nested(annotation)) if isinstance(one, type)]
            model = next((one for one in inside if issubclass(one, BaseModel)), model)
    return model


def _nested(annotation: Any) -> Iterator[Any]:
    for argument in typing.get_args(annotation):
        yield argument
        yield from _nested(argument)


def _line(node: Any, place: tuple[Any, ...]) -> int:
    """The line of a field, as far as the file has it."""
    line = node.start_mark.line + 1 if node is not None else 1
    for part in place:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
