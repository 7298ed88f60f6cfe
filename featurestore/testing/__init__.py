"""What decides whether results are right: a plain program that computes them slowly, and comparison with it.

For users' own tests there is `check`, as in ``fs.testing.check(...)``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from featurestore.testing.checking import check as check

__all__ = ["check"]


def __getattr__(name: str) -> object:
    if name != "check":
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    # The compiler is imported when it is asked for: `import featurestore` costs next to nothing.
    return import_module("featurestore.testing.checking").check


def __dir__() -> list[str]:
    return __all__
