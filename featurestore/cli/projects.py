"""Opening the project that a command is about."""

from featurestore.cli.session import Session
from featurestore.project import Project, open_project
from featurestore.project.config import find_root

__all__ = ["opened"]


def opened(session: Session) -> Project:
    """The session's project on the session's target. Close it, or use it in ``with``.

    Raises:
        FeaturestoreError: one of its kinds, as `open_project` raises it.
    """
    session.root = find_root(session.project_dir)
    return open_project(session.root, target=session.target)
