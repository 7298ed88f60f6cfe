"""What is well and what is not around a project: what is installed, its files, its sources, its records, its stores.

Everything is looked at, also where something else is broken, and nothing is made: no registry, no store, no folder.
"""

from featurestore.project.diagnosis.diagnose import diagnose
from featurestore.project.diagnosis.findings import Finding, Level

__all__ = ["Finding", "Level", "diagnose"]
