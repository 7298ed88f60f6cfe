"""The Python API: a project opened on one of its targets."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from featurestore.definitions.resolution import Definitions, define, gathered
from featurestore.definitions.resolved import ResolvedTrainingSet, SourceTable
from featurestore.definitions.services import TrainingSet
from featurestore.definitions.sources import Binding, Source
from featurestore.errors import (
    ConfigurationError,
    DefinitionError,
    ProjectError,
    ReferenceNotFoundError,
    SchemaChangedError,
)
from featurestore.project.config import ProjectConfig, Target, find_root, read_config
from featurestore.project.loader import load
from featurestore.project.lock import SchemaChange, locked, read_lock, schema_changes, write_lock
from featurestore.registry import Reader, Writer, open_reader, open_writer
from featurestore.spi.capabilities import EVERYTHING, Capabilities
from featurestore.spi.providers import find_provider, open_offline
from featurestore.spi.stores import OfflineStore, SourceProbe

if TYPE_CHECKING:
    from featurestore.compiler.vector import Layout
    from featurestore.leaks import LeakReport, Told
    from featurestore.materialize import Report, RunResult
    from featurestore.plan import GitState
    from featurestore.project.looking import Explanation
    from featurestore.project.materializing import GroupStatus
    from featurestore.project.planning import ProjectPlan
    from featurestore.project.training_sets import ProjectTrainingSet
    from featurestore.registry import ModelRecord
    from featurestore.spi.online import OnlineStore
    from featurestore.spi.values import Values
    from featurestore.training import TrainingBuild

__all__ = ["Project", "open_project"]


def open_project(path: str | Path = ".", *, target: str | None = None) -> "Project":
    """Opens the project in ``path`` or above it. Nothing need be applied to look at values.

    Args:
        path: The project's folder, or one below it.
        target: Which target; the default one if None.

    Raises:
        ConfigurationError: there is no project, or its ``featurestore.yaml`` is wrong.
        ProjectImportError: a file does not import.
        EmptyProjectError: it defines nothing.
        DefinitionError: a definition is wrong.
    """
    root = find_root(Path(path))
    config = read_config(root)
    return Project(root, config, config.target(target))


class Project:
    """A project on one target: its definitions, and what can be done with them. Close it, or use it in ``with``."""

    def __init__(self, root: Path, config: ProjectConfig, target: Target) -> None:
        self.root = root
        self.config = config
        self.target = target
        self.objects: Sequence[object] = load(root, config.definitions)
        self._closed = False
        self._check_bound()

    def _check_bound(self) -> None:
        """Refuses a target that moves a source which is none of the project's."""
        sources = {one.name for one in gathered(self.objects) if isinstance(one, Source)}
        for name in self.target.config.sources:
            if name not in sources:
                message = f"There is no source {name!r}."
                where = f"featurestore.yaml, targets.{self.target.name}.sources.{name}"
                hint = f"Sources are {', '.join(sorted(sources)) or 'none'}."
                raise ConfigurationError(message, where=where, hint=hint)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the stores, if they were opened; values cannot be computed after."""
        self._closed = True
        for name in ("store", "online"):
            store = self.__dict__.pop(name, None)
            if store is not None:
                store.close()

    @property
    def name(self) -> str:
        """The project's name, its namespace in the registry."""
        return self.config.project

    @property
    def scratch(self) -> Path:
        """The target's own folder, below ``.featurestore``."""
        return self.root / ".featurestore" / self.target.name

    @property
    def capabilities(self) -> Capabilities:
        """What the target's offline store can compute."""
        offline = find_provider(self.target.config.offline.provider).offline
        return EVERYTHING if offline is None else offline.capabilities  # without a store, opening it is the error

    @property
    def store_name(self) -> str:
        """The target's offline store, as errors name it."""
        return f"the offline store of the target {self.target.name!r} ({self.target.config.offline.provider})"

    @cached_property
    def store(self) -> OfflineStore:
        """The target's offline store, opened when it is first needed.

        Raises:
            ProjectError: the project is closed.
            ConfigurationError: the store cannot be opened.
        """
        if self._closed:
            message = f"The project {self.name!r} is closed."
            raise ProjectError(message, hint="Read values before `close`, inside of `with`, or open the project again.")
        where = f"featurestore.yaml, targets.{self.target.name}.offline"
        provider = self.target.config.offline.provider
        return open_offline(provider, self.target.offline_settings(), self.root, self.scratch, where)

    @cached_property
    def git(self) -> "GitState":
        """The commit that the project's code was loaded from, as it was found when it was first asked for."""
        from featurestore.plan import git_state  # noqa: PLC0415 - plan is not needed to compute values

        return git_state(self.root)

    @cached_property
    def definitions(self) -> Definitions:
        """All definitions, resolved. Sources that the lock lacks are probed."""
        return self.defined(self.objects)

    @property
    def bindings(self) -> Mapping[str, Binding]:
        """Where each source of the project lies in this target."""
        return self.bindings_of(self.definitions)

    def bindings_of(self, definitions: Definitions) -> dict[str, Binding]:
        """Where each source of ``definitions`` lies in this target."""
        tables = [one.resolved for one in definitions.of_kind("source") if isinstance(one.resolved, SourceTable)]
        return {table.name: self.target.bound(table.name, table.source.binding) for table in tables}

    def defined(self, objects: Iterable[object]) -> Definitions:
        """Definitions made of ``objects``, with the project's settings and sources."""
        objects = list(objects)
        schemas = locked(self._probed(objects))
        return define(objects, schemas, self.config.settings)

    def _probed(self, objects: Iterable[object]) -> dict[str, SourceProbe]:
        """What the lock says of each source, and what the store says of those that it lacks."""
        lock = read_lock(self.root)
        missing = [one for one in gathered(objects) if isinstance(one, Source) and one.name not in lock]
        return lock | {one.name: self._probe(one) for one in missing}

    def _probe(self, source: Source) -> SourceProbe:
        return self.store.probe(source.name, self.target.bound(source.name, source.binding))

    # --- values ---------------------------------------------------------------------------------------------------

    def select(self, features: Iterable[object] | object) -> "tuple[Layout, Mapping[str, Binding]]":
        """The layout of a selection, and where its sources lie.

        Definitions that are not in the project's files, such as those of a notebook's cells, are added to the
        project's; one of the same name and version replaces the project's, together with what holds on to that.
        """
        from featurestore.project.looking import select  # noqa: PLC0415 - who only lists needs no compiler

        return select(self, features)

    def values_at(self, features: Iterable[object] | object, spine: object, *, time: str | None = None) -> "Values":
        """What serving would have returned for each row of ``spine``, in its order.

        Args:
            features: Features, classes of features, services, on-demand features, or references to them as text.
            spine: Entity keys and times: an Arrow table, a pandas or polars frame, a list of dicts, a file's path.
            time: The spine's time column; if left out, the one called event_time, time, timestamp, t or at, or else
                the only column that holds timestamps.

        Raises:
            SpineError: a key or the time is missing or of another type, or a column has a feature's name.
            FeaturestoreError: another of its kinds, some only while the result is read.
        """
        from featurestore.project.looking import look  # noqa: PLC0415 - idem

        return look(self, features, spine, time)

    def explain(self, features: Iterable[object] | object) -> "Explanation":
        """How the target's store computes the stored features of a selection, and why so; its text is the statement."""
        from featurestore.project.looking import explain  # noqa: PLC0415 - idem

        return explain(self, features)

    def check_leaks(
        self,
        features: Iterable[object] | object | None = None,
        *,
        at: datetime.datetime | None = None,
        boundaries: int = 4,
        entities: int = 100,
        seed: int = 0,
        told: "Told | None" = None,
    ) -> "LeakReport":
        """Looks for features whose values know what was not known at their time. Nothing is written anywhere.

        Values at some boundaries are computed as they are, and with what was not visible there removed or altered; they
        must be the same. Of derived and on-demand features the stored ones below are checked.

        Args:
            features: What is checked, as `values_at` takes it; all features of the project if None.
            at: Only the boundary that answers for this time; in UTC if it names no zone.
            boundaries: At most so many of each schedule.
            entities: At most so many at each boundary.
            seed: Chooses boundaries, entities and altered values.
            told: Is told what is being done.

        Returns:
            Findings as values. Their examples name entities and their rows.

        Raises:
            FeaturestoreError: one of its kinds: a source cannot be read. What a step raises is a finding.
        """
        from featurestore.leaks import Effort  # noqa: PLC0415 - who only lists needs no leak check
        from featurestore.project.leaks import check_project  # noqa: PLC0415 - idem

        effort = Effort(boundaries=boundaries, entities=entities, seed=seed)
        return check_project(self, features, at, effort, told or (lambda _: None))

    # --- sources --------------------------------------------------------------------------------------------------

    def pull_sources(self, names: Iterable[str] = (), *, check: bool = False) -> tuple[SchemaChange, ...]:
        """Brings ``sources.lock.yaml`` up to what the store says, and returns what changed.

        Args:
            names: Which sources; all if none is named.
            check: Compare only, and write nothing.

        Raises:
            MissingTableError: a source is not there.
            ReferenceNotFoundError: a name is none of a source.
        """
        sources = {one.name: one for one in gathered(self.objects) if isinstance(one, Source)}
        wanted = list(names) or list(sources)
        for name in wanted:
            if name not in sources:
                message = f"There is no source {name!r}."
                raise ReferenceNotFoundError(message, hint=f"Sources are {', '.join(sorted(sources)) or 'none'}.")
        lock = read_lock(self.root)
        found = {name: self._probe(sources[name]) for name in wanted}
        changes = [change for name in wanted for change in schema_changes(name, lock.get(name), found[name])]
        pulled = {name: probe for name, probe in lock.items() if name in sources} | found
        if not check and pulled != lock:
            write_lock(self.root, pulled)
            self.__dict__.pop("definitions", None)
        return tuple(changes)

    def lock_missing(self) -> tuple[str, ...]:
        """Adds to the lock the sources that it lacks, and returns their names."""
        lock = read_lock(self.root)
        probed = self._probed(self.objects)
        added = tuple(sorted(set(probed) - set(lock)))
        if added:
            write_lock(self.root, probed)
        return added

    def check_sources(self) -> Mapping[str, SourceProbe]:
        """Compares every source with the lock: what a definition may read must be there, with the type it had.

        Raises:
            SchemaChangedError: a locked column is gone or has another type.
            MissingTableError: a source is not there.
        """
        lock = read_lock(self.root)
        sources = [one for one in gathered(self.objects) if isinstance(one, Source)]
        found = {one.name: self._probe(one) for one in sources}
        changes = [
            change for one in sources for change in schema_changes(one.name, lock.get(one.name), found[one.name])
        ]
        if broken := [change for change in changes if change.locked is not None]:
            listed = "; ".join(str(change) for change in broken)
            message = f"Sources differ from sources.lock.yaml: {listed}."
            hint = "If that is meant, run `featurestore sources pull`, then plan: features that read them change."
            raise SchemaChangedError(message, hint=hint)
        return found

    # --- registry, plan, training sets ----------------------------------------------------------------------------

    def reader(self) -> Reader:
        """The target's registry, to look. Close it."""
        return open_reader(self.target.registry_location(self.scratch))

    def writer(self) -> Writer:
        """The target's registry, to write. Close it."""
        return open_writer(self.target.registry_location(self.scratch))

    def plan(self, *, probe: bool = False, retire: Sequence[str] = ()) -> "ProjectPlan":
        """What applying the project would change. Adds to the lock the sources that it lacks; writes nothing else.

        Args:
            probe: Compare the sources with the store as well; `apply` always does.
            retire: References of what shall be retired.
        """
        from featurestore.project.planning import plan_project  # noqa: PLC0415 - plan is not needed to compute values

        return plan_project(self, probe=probe, retire=retire)

    def training_set(self, training_set: TrainingSet | str) -> "ProjectTrainingSet":
        """A training set of the project, to build."""
        from featurestore.project.training_sets import ProjectTrainingSet  # noqa: PLC0415 - idem

        if isinstance(training_set, str):
            definition = self.definitions.find(_of_kind(training_set, "training_set"))
        else:
            found = [one for one in self.definitions.of_kind("training_set") if _wrote(one.resolved, training_set)]
            if not found:
                message = f"{training_set!r} is not defined in the project's files."
                raise DefinitionError(message)
            definition = found[0]
        if not isinstance(definition.resolved, ResolvedTrainingSet):
            message = f"{training_set!r} is not a training set."
            raise DefinitionError(message)
        return ProjectTrainingSet(self, definition.resolved)

    def rebuild(self, build_id: str, path: str | Path | None = None) -> "TrainingBuild":
        """Builds a recorded training set again, as of the same time, and returns it if its values are the same.

        Args:
            build_id: The record's id.
            path: A Parquet file for the rows; without it they are held in memory.

        Raises:
            RecordNotFoundError: there is no such record.
            BuildError: the project's definitions are not those of the record.
            NotReproducedError: the values differ; it says which columns, and which sources moved since.
        """
        from featurestore.project.training_sets import rebuild_training_set  # noqa: PLC0415 - idem

        return rebuild_training_set(self, build_id, path)

    # --- materialization ------------------------------------------------------------------------------------------

    @property
    def namespace(self) -> str:
        """What sets the target's groups apart in an online store that several projects share."""
        return f"{self.name}:{self.target.name}"

    @cached_property
    def online(self) -> "OnlineStore":
        """The target's online store, opened when it is first needed.

        Raises:
            ProjectError: the project is closed.
            ConfigurationError: the target has no online store, or it cannot be opened.
        """
        from featurestore.project.materializing import open_online_store  # noqa: PLC0415 - idem

        if self._closed:
            message = f"The project {self.name!r} is closed."
            raise ProjectError(message, hint="Read before `close`, inside of `with`, or open the project again.")
        return open_online_store(self)

    def materialize(
        self,
        groups: Iterable[str] | str | None = None,
        *,
        until: datetime.datetime | None = None,
        rebuild: bool = False,
        progress: "Report | None" = None,
    ) -> "tuple[RunResult, ...]":
        """Brings groups of applied features up to their newest due boundary in the online store.

        Done again, it changes nothing. A group that fails does not keep the others from running.

        Args:
            groups: Names or ids; all if None.
            until: Only boundaries that were due at this time, aware; now if None.
            rebuild: Compute all entities anew, also where nothing is due.
            progress: Is told how far the run at work is.

        Raises:
            MaterializationError: a group is not applied, ``until`` lies ahead, or a run failed.
            LeaseHeldError: another run is at work on a group.
            FeaturestoreError: another of its kinds, of the run that failed.
        """
        from featurestore.project.materializing import run_groups, succeeded  # noqa: PLC0415 - idem

        names = [groups] if isinstance(groups, str) else groups
        return succeeded(run_groups(self, names, until, rebuild=rebuild, progress=progress))

    def status(self, groups: Iterable[str] | str | None = None) -> "tuple[GroupStatus, ...]":
        """How the groups stand in the online store: what is due, published, running, and how the last run ended."""
        from featurestore.project.materializing import group_status  # noqa: PLC0415 - idem

        return group_status(self, [groups] if isinstance(groups, str) else groups)

    # --- models ---------------------------------------------------------------------------------------------------

    def register_model(
        self,
        name: str,
        *,
        version: str,
        training_build: str,
        artifact: str | Path | None = None,
        checksum: str | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> "ModelRecord":
        """Records a version of a model in the target's registry, with what it was trained on.

        Done again with the same content, it records nothing and returns the first record.

        Args:
            name: The model's name.
            version: Its version, which no other content can have later.
            training_build: Id of the build of a training set.
            artifact: Where the model itself is: a path or a URI.
            checksum: SHA-256 of the artifact; worked out if it is a file here.
            metrics: Finite numbers.

        Raises:
            RecordNotFoundError: there is no such build.
            VersionTakenError: the version is recorded with other content.
            RegistryError: a name cannot be one, the build's definitions are not applied, or the artifact is not there.
        """
        from featurestore.project.models import register_model  # noqa: PLC0415 - idem

        with self.writer() as writer:
            return register_model(
                self.name,
                writer,
                name=name,
                version=version,
                training_build=training_build,
                root=self.root,
                artifact=artifact,
                checksum=checksum,
                metrics=metrics,
            )


def _of_kind(reference: str, kind: str) -> str:
    return reference if ":" in reference else f"{kind}:{reference}"


def _wrote(resolved: object, training_set: TrainingSet) -> bool:
    return isinstance(resolved, ResolvedTrainingSet) and resolved.training_set is training_set
