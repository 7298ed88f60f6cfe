"""Finds and imports the Python files of a project, and collects what they define."""

import importlib
import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from featurestore.definitions.origin import collecting
from featurestore.errors import (
    ConfigurationError,
    EmptyProjectError,
    FeaturestoreError,
    ProjectError,
    ProjectImportError,
    ShadowedPackageError,
)
from featurestore.project.config import CONFIG_FILE

__all__ = ["load", "python_files"]

_SKIPPED = {"__pycache__", "venv", "env", "node_modules", "site-packages", "build", "dist", "test", "tests"}
_SCRIPTS = {"__main__.py", "setup.py", "conftest.py"}
_LEAVE_OUT = f"`definitions` in {CONFIG_FILE} says where to look."
_last: dict[Path, bool] = {}
"""The project that was loaded last, and whether it was that which brought its folder onto ``sys.path``."""
_loading: ContextVar[Path | None] = ContextVar("loading", default=None)


def python_files(root: Path, places: Sequence[str]) -> list[Path]:
    """The files that may hold definitions, sorted: those below each place, apart from tests and hidden folders.

    Raises:
        ConfigurationError: a place is not there, or not in the project.
    """
    found: dict[Path, None] = {}
    for place in places:
        path = Path(os.path.normpath(root / place))
        if not path.is_relative_to(root):
            message = f"definitions: {place!r} is not below {root}."
            raise ConfigurationError(message, where=CONFIG_FILE)
        candidates = [path, path.with_name(f"{path.name}.py")]
        chosen = next((one for one in candidates if one.exists()), None)
        if chosen is None:
            message = f"definitions: there is no {place!r} in {root}."
            raise ConfigurationError(message, where=CONFIG_FILE)
        files = [chosen] if chosen.is_file() else _below(chosen)
        found |= dict.fromkeys(files)
    found.pop(root / "__init__.py", None)  # the folder itself is no package: its files are imported by their own names
    return sorted(found)


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            nested_project = (path / CONFIG_FILE).exists()
            if not _is_hidden(path.name) and not nested_project:
                yield from _below(path)
        elif path.suffix == ".py" and path.name not in _SCRIPTS and not path.name.startswith(("test_", ".")):
            yield path


def _is_hidden(folder: str) -> bool:
    return folder.startswith(".") or folder in _SKIPPED


def load(root: Path, places: Sequence[str]) -> list[object]:
    """Imports the project's files, each once, and returns what they defined, in the order in which they did.

    The project's folder becomes the first entry of ``sys.path``, and files are imported under the names under which
    they import each other, anew at each call.

    Raises:
        ShadowedPackageError: a file or folder hides a module that others need.
        ProjectImportError: a file does not import; all that do not are named.
        EmptyProjectError: nothing is defined.
        ProjectError: a project is opened by one of its own files, while they are being imported.
    """
    if _loading.get() is not None:
        message = f"A project is opened while the files of {_loading.get()} are being imported."
        hint = 'Open it below `if __name__ == "__main__":`, or keep the file out of `definitions`.'
        raise ProjectError(message, hint=hint)
    files = python_files(root, places)
    modules = _modules(root, files)
    _check_shadows(root, modules)
    failures: list[tuple[Path, BaseException]] = []
    with _importing(root, modules), collecting() as found:
        for name, file in modules.items():
            try:
                importlib.import_module(name)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - the border to the user's code: all of it is theirs
                failures.append((file, error))
    if failures:
        first = failures[0][1]
        failed = _failed(root, failures)
        raise failed from (first.__cause__ if failed is first else first)
    if not found:
        message = f"No definition was found in {root}."
        looked = f"{len(files)} Python file{'s' if len(files) != 1 else ''}"
        hint = f"{looked} were looked at; {_LEAVE_OUT}"
        raise EmptyProjectError(message, hint=hint)
    return found


def _modules(root: Path, files: Iterable[Path]) -> dict[str, Path]:
    """The files by the names under which they are imported."""
    modules: dict[str, Path] = {}
    for file in files:
        parts = file.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        first = modules.setdefault(name, file)
        if first != file:
            message = f"{first.relative_to(root)} and {file.relative_to(root)} are both the module {name!r}."
            raise ProjectImportError(message, hint="Rename one of them: Python imports one and ignores the other.")
    return modules


@contextmanager
def _importing(root: Path, modules: Iterable[str]) -> Iterator[None]:
    """The project's folder as the first place of modules, and none of an earlier load in the way."""
    _forget({module.partition(".")[0] for module in modules}.union(*map(_tops, [root, *_last])))
    for folder in [folder for folder, ours in _last.items() if ours and str(folder) in sys.path]:
        sys.path.remove(str(folder))
    known = str(root) in sys.path
    if known:
        sys.path.remove(str(root))
    sys.path.insert(0, str(root))
    _last.clear()
    _last[root] = not known
    importlib.invalidate_caches()
    # A cached module counts as fresh when the file has the same size and second: an edit may keep both.
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Own)]
    sys.meta_path.insert(0, _Own(root, {module.partition(".")[0] for module in modules}))
    token = _loading.set(root)
    try:
        yield
    finally:
        _loading.reset(token)
        sys.dont_write_bytecode = writes


class _Own(MetaPathFinder):
    """Finds a project's own modules in its folder and nowhere else.

    Without it a folder that has no ``__init__.py`` would lose to a package of its name anywhere on ``sys.path``.
    """

    def __init__(self, root: Path, names: AbstractSet[str]) -> None:
        self._root = root
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `MetaPathFinder.find_spec`."""
        if path is None and fullname in self._names:
            return PathFinder.find_spec(fullname, [str(self._root)], target)
        return None


def _tops(root: Path) -> set[str]:
    """The names that can be imported from a project's folder, apart from its tests and scripts."""
    if not root.is_dir():
        return set()
    files = {path.stem for path in root.glob("*.py") if path.name not in _SCRIPTS and not path.stem.startswith("test_")}
    return files | {path.name for path in root.iterdir() if path.is_dir() and not _is_hidden(path.name)}


def _forget(tops: AbstractSet[str]) -> None:
    """Drops the modules of these names, so that files are read anew; what is installed stays."""
    dropped = {top for top in tops if top in sys.modules and not _is_installed(sys.modules[top])}
    for name in [name for name in sys.modules if name.partition(".")[0] in dropped]:
        del sys.modules[name]


def _is_installed(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    places = [file] if file else list(getattr(module, "__path__", ()))
    standard = module.__name__ in sys.stdlib_module_names
    return standard or not places or any("site-packages" in Path(place).parts for place in places)


def _check_shadows(root: Path, modules: Iterable[str]) -> None:
    ours = root / "featurestore"
    if ours.is_dir() or ours.with_suffix(".py").exists():
        found = ours if ours.is_dir() else ours.with_suffix(".py")
        message = f"{found} has the name of this package and hides it from your own files."
        raise ShadowedPackageError(message, hint="Rename it, for instance to `features`.")
    tops = dict.fromkeys(module.partition(".")[0] for module in modules)
    for name in tops:
        if not name.isidentifier():
            message = f"{root / name} cannot be imported: {name!r} is no name in Python."
            raise ProjectImportError(message, hint=f"Use letters, digits and _, or leave it out: {_LEAVE_OUT}")
    for name in (*tops, *sorted(_tops(root) - set(tops))):
        known = name in tops or (root / f"{name}.py").exists() or (root / name / "__init__.py").exists()
        origin = _elsewhere(name)
        if known and (name in sys.stdlib_module_names or origin):
            message = f"{root / name} hides the module {name!r}{f' of {origin}' if origin else ' of Python itself'}."
            hint = f"Rename it, or leave it out: {_LEAVE_OUT}" if name in tops else "Rename it."
            raise ShadowedPackageError(message, hint=hint)


def _elsewhere(name: str) -> str | None:
    """Where a module of this name would come from without the project, if from an installed package."""
    for folder in map(Path, sys.path):
        if "site-packages" in folder.parts:
            installed = next(
                (one for one in (folder / name / "__init__.py", folder / f"{name}.py") if one.exists()), None
            )
            if installed:
                return str(installed)
    return None


def _failed(root: Path, failures: Sequence[tuple[Path, BaseException]]) -> FeaturestoreError:
    file, error = failures[0]
    others = [str(other.relative_to(root)) for other, _ in failures[1:]]
    also = f" Neither do {', '.join(others)}." if others else ""
    if isinstance(error, FeaturestoreError) and not others:
        error.where = error.where or _place(root, error) or str(file.relative_to(root))
        return error
    reason = error.message if isinstance(error, FeaturestoreError) else f"{type(error).__name__}: {error}"
    message = f"{file.relative_to(root)} does not import: {reason.rstrip('.: ')}.{also}"
    return ProjectImportError(message, where=_place(root, error), hint="Nothing was planned and nothing was written.")


def _place(root: Path, error: BaseException) -> str | None:
    """The last line of the project's own files that led to ``error``."""
    if isinstance(error, SyntaxError) and error.filename and _is_own(root, error.filename):
        return f"{Path(error.filename).relative_to(root)}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_own(root, frame.filename)]
    return f"{Path(own[-1].filename).relative_to(root)}:{own[-1].lineno}" if own else None


def _is_own(root: Path, file: str) -> bool:
    """Whether a file is the user's: in the project, and not in a virtual environment inside it."""
    path = Path(file)
    return path.is_relative_to(root) and not any(map(_is_hidden, path.relative_to(root).parts[:-1]))
