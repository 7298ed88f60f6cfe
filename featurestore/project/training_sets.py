"""Training sets of a project: built, recorded, and built again."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from featurestore.definitions.resolved import ResolvedTrainingSet
from featurestore.errors import RegistryError
from featurestore.plan import git_state
from featurestore.project.clock import current_user, now
from featurestore.project.project import Project
from featurestore.spi.refusals import refuse_label, refuse_selected
from featurestore.training import Provenance, TrainingBuild, build, provenance, rebuild, record

__all__ = ["ProjectTrainingSet", "rebuild_training_set"]


@dataclass(frozen=True)
class ProjectTrainingSet:
    """A training set that can be built on the project's target."""

    project: Project
    training_set: ResolvedTrainingSet

    def build(
        self, path: str | Path | None = None, *, as_of: datetime.datetime | None = None, in_memory: bool = False
    ) -> TrainingBuild:
        """Builds it, writes it to a Parquet file, and records the build in the target's registry.

        Args:
            path: The file; by default one of its own below ``.featurestore/TARGET/training``.
            as_of: Whose knowledge the label rows show; now if None.
            in_memory: Hold the rows in memory and write no file.

        Raises:
            FeaturestoreError: one of its kinds; nothing is recorded then, and no file is half written.
        """
        project = self.project
        refuse_label(self.training_set.label, project.capabilities, project.store_name)
        refuse_selected(self.training_set.features, project.capabilities, project.store_name)
        origin = _provenance(project)
        chosen = None if in_memory else Path(path) if path else self._default_path(origin.at)
        built = build(
            self.training_set,
            project.store,
            project.bindings,
            as_of=as_of or origin.at,
            provenance=origin,
            project=project.name,
            path=chosen,
        )
        with project.writer() as writer:
            record(built, writer)
        return built

    def _default_path(self, at: datetime.datetime) -> Path:
        return self.project.scratch / "training" / str(self.training_set.ref) / f"{at:%Y%m%dT%H%M%S_%f}.parquet"


def rebuild_training_set(project: Project, build_id: str, path: str | Path | None = None) -> TrainingBuild:
    """Builds again what a record tells of; see `Project.rebuild`."""
    with project.reader() as reader:
        found = reader.build(project.name, build_id)
    if found.project != project.name:
        message = f"The build {build_id} belongs to the project {found.project!r}."
        raise RegistryError(message)
    return rebuild(
        found,
        project.definitions,
        project.store,
        project.bindings,
        provenance=_provenance(project),
        path=Path(path) if path else None,
    )


def _provenance(project: Project) -> Provenance:
    git = git_state(project.root)
    return provenance(now(), who=current_user(), git_commit=git.commit, git_dirty=git.dirty)
