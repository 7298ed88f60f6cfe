"""The command line: the only place that prints, asks and exits.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted; `plan --detailed-exitcode` has 3 for changes.
"""

from featurestore.cli.app import app

__all__ = ["app", "main"]


def main() -> None:
    """Runs the command that the process was started with, and exits."""
    app.main()
