"""A user's repository: found, imported, and offered as a Python API."""

from featurestore.project.project import Project, open_project

__all__ = ["Project", "open_project"]
