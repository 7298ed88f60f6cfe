"""Finding what is recorded of the project that a command is about, without its definitions."""

from featurestore.cli.session import Session
from featurestore.project.config import find_root
from featurestore.project.recorded import RecordedProject, recorded_project

__all__ = ["recorded"]


def recorded(session: Session) -> RecordedProject:
    """The session's project as the registry of the session's target knows it.

    Raises:
        ConfigurationError: as `recorded_project` raises it.
    """
    session.root = find_root(session.project_dir)
    return recorded_project(session.root, target=session.target)
