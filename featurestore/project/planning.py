"""A project's plan, and applying it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from featurestore.errors import ProviderError
from featurestore.plan import Plan, apply, git_state, load, make_plan, plan_html, plan_text, require_same
from featurestore.project.clock import current_user, now
from featurestore.project.leaks import with_leak_note
from featurestore.project.project import Project
from featurestore.registry import ApplyRecord, Reader
from featurestore.spi.providers import find_provider
from featurestore.spi.stores import SourceProbe

__all__ = ["ProjectPlan", "plan_project"]


@dataclass(frozen=True)
class ProjectPlan:
    """What applying a project would change: look at ``plan``, print it, or `apply` it.

    ``locked`` are the sources that planning added to ``sources.lock.yaml``; ``retire`` is what it was asked to retire.
    """

    project: Project
    plan: Plan
    locked: tuple[str, ...] = ()
    retire: tuple[str, ...] = ()

    def __str__(self) -> str:
        return plan_text(self.plan)

    def _repr_html_(self) -> str:
        return plan_html(self.plan)

    def apply(self, message: str = "", *, who: str | None = None, saved: Path | None = None) -> ApplyRecord | None:
        """Writes what the plan says into the target's registry: all of it or nothing. None if there is nothing to do.

        The sources are compared with the store first, and nothing is written where they differ.

        Args:
            message: Why.
            who: Who applies; the user of the machine if None.
            saved: A plan that was saved: what is applied must be the same.

        Raises:
            SchemaChangedError: a source differs from the lock.
            MissingTableError: a source is not there.
            VersionTakenError: other logic is registered under a version.
            RefusedPlanError: something else of the plan is refused.
            PlanOutdatedError: the project or the registry moved since the plan was made.
        """
        project = self.project
        probes = project.check_sources()
        with project.writer() as writer:
            fresh = _make(project, writer.reader, probes, self.retire)
            require_same(load(saved) if saved else self.plan, fresh)
            return apply(
                fresh,
                project.definitions,
                writer,
                who=who or current_user(),
                message=message,
                git=git_state(project.root),
                at=now(),
                code_version=version("featurestore"),
                root=project.root,
            )


def plan_project(project: Project, *, probe: bool, retire: Sequence[str] = ()) -> ProjectPlan:
    """The plan of a project on its target."""
    _check_providers(project)
    added = project.lock_missing()
    probes = project.check_sources() if probe else None
    with project.reader() as reader:
        plan = _make(project, reader, probes, retire)
    return ProjectPlan(project, with_leak_note(project, plan), added, tuple(retire))


def _check_providers(project: Project) -> None:
    """Refuses a target whose providers are not there, before anybody needs them."""
    for part in ("offline", "online", "jobs"):
        store = getattr(project.target.config, part)
        if store is not None:
            try:
                find_provider(store.provider)
            except ProviderError as error:
                error.where = error.where or f"featurestore.yaml, targets.{project.target.name}.{part}.provider"
                raise


def _make(project: Project, reader: Reader, probes: Mapping[str, SourceProbe] | None, retire: Sequence[str]) -> Plan:
    return make_plan(
        project.definitions,
        reader,
        target=project.target.name,
        bindings=project.bindings,
        probes=probes,
        project=project.name,
        retire=retire,
        capabilities=project.capabilities,
        store=project.store_name,
    )
