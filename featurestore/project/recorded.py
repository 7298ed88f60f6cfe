"""A project as its target's registry knows it: nothing of it is imported, and its code may be broken or elsewhere."""

from dataclasses import dataclass, field
from pathlib import Path

from featurestore.errors import RecordNotFoundError
from featurestore.lineage import Graph
from featurestore.project.config import find_root, read_config
from featurestore.registry import Reader, Writer, open_reader, open_writer

__all__ = ["RecordedProject", "recorded_graph", "recorded_project"]

_NO_NODES = {"entity", "source", "transformation"}
"""Kinds that are no nodes of the lineage themselves: the columns of tables are."""


@dataclass(frozen=True)
class RecordedProject:
    """Where the records of a project on a target are.

    Attributes:
        root: The project's folder.
        name: The project's name, its namespace in the registry.
        target: The target's name.
        location: The registry's URL, which may hold a password, or the path of its file.
    """

    root: Path
    name: str
    target: str
    location: str = field(repr=False)

    def reader(self) -> Reader:
        """The registry, to look. Close it."""
        return open_reader(self.location)

    def writer(self) -> Writer:
        """The registry, to write. Close it."""
        return open_writer(self.location)


def recorded_project(path: str | Path = ".", *, target: str | None = None) -> RecordedProject:
    """The project in ``path`` or above it, on one of its targets, without its definitions.

    Raises:
        ConfigurationError: there is no project, or no such target, or its ``featurestore.yaml`` is wrong.
    """
    root = find_root(Path(path))
    config = read_config(root)
    chosen = config.target(target)
    location = chosen.registry_location(root / ".featurestore" / chosen.name)
    return RecordedProject(root, config.project, chosen.name, location)


def recorded_graph(project: RecordedProject) -> Graph:
    """The lineage of all that was ever applied to the target, and of its models.

    Columns of sources and definitions that no edge has are in it as well.

    Raises:
        RecordNotFoundError: no lineage is recorded.
    """
    with project.reader() as reader:
        revision = reader.revision(project.name)
        edges = reader.edges(project.name)
        definitions = reader.definitions(project.name, documents=False)
        bindings = reader.bindings(project.name)
    if not edges:
        message = f"Nothing of project {project.name} is applied to the target {project.target}."
        hint = "Run `featurestore apply`: the lineage is recorded with it."
        if revision:
            message = f"No lineage is recorded of project {project.name} on the target {project.target}."
            hint = "It is recorded by the next `featurestore apply` that has something to change."
        raise RecordNotFoundError(message, hint=hint)
    columns = [f"column:{one.source}.{column}" for one in bindings for column in one.columns]
    named = [str(one.key) for one in definitions if one.kind not in _NO_NODES]
    return Graph(edges, [*columns, *named])
