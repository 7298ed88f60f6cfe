"""The leak check: it finds features whose values know what was not known at their time, whatever code they are made by.

Nothing is trusted: the sources' rows are read once, and values are computed with the project's own store over these
rows as they are, and over the same rows where what was not visible is removed or altered.
"""

from featurestore.leaks.check import Told, check_leaks
from featurestore.leaks.findings import Example, Finding, Kind, LeakReport, Level, Row
from featurestore.leaks.marks import is_proven
from featurestore.leaks.setting import Effort

__all__ = [
    "Effort",
    "Example",
    "Finding",
    "Kind",
    "LeakReport",
    "Level",
    "Row",
    "Told",
    "check_leaks",
    "is_proven",
]
