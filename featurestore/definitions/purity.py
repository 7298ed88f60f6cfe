"""What a feature's code must not read, since its value would then depend on more than its inputs."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import BuiltinFunctionType, MethodType, ModuleType

__all__ = ["Finding", "denied", "denied_path", "is_dynamic", "module_of"]


@dataclass(frozen=True)
class Finding:
    """A line of code that makes a function impure.

    Args:
        message: What it does, and the calls that lead to it.
        file: The file of the line.
        line: Its number, from 1.
        text: The line itself, without indentation.
    """

    message: str
    file: str
    line: int
    text: str


def _names(module: str, names: str) -> tuple[str, ...]:
    return tuple(f"{module}:{name}" for name in names.split())


_CLOCK, _CHANCE, _FILES = "reads a clock", "depends on chance", "uses files"
_NETWORK, _MACHINE, _HASHES = "uses the network", "reads its environment", "depends on hash randomization"

# Objects, by where they are found. They are compared by identity: no alias hides them.
_OBJECTS: dict[str, tuple[str, ...]] = {
    _CLOCK: (
        *_names(
            "time", "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns"
        ),
        *_names("time", "thread_time thread_time_ns clock_gettime clock_gettime_ns localtime gmtime ctime asctime"),
        *_names("time", "strftime"),
    ),
    _CHANCE: _names("uuid", "uuid1 uuid4 uuid6 uuid7 uuid8 getnode") + _names("os", "urandom getrandom"),
    _FILES: (
        *_names("builtins", "open"),
        *_names("os", "listdir scandir walk fwalk stat lstat open read remove rename mkdir makedirs access getcwd"),
        *_names("pathlib", "Path PosixPath WindowsPath"),
        *_names("os.path", "exists lexists isfile isdir islink getsize getmtime getatime getctime abspath realpath"),
        *_names("os.path", "expanduser expandvars samefile"),
        *_names("numpy", "load loadtxt genfromtxt fromfile memmap save savez savetxt"),
    ),
    _MACHINE: (
        *_names("builtins", "input"),
        *_names("os", "environ environb getenv getenvb getpid getlogin system popen times cpu_count uname"),
        *_names("sys", "argv stdin path modules flags"),
    ),
    _HASHES: _names("builtins", "hash id"),
}

# Whatever belongs to these modules or to modules in them.
_MODULES: dict[str, tuple[str, ...]] = {
    _CHANCE: ("random", "secrets", "numpy.random"),
    _FILES: ("io", "shutil", "sqlite3", "tempfile", "glob", "fileinput", "duckdb", "dbm", "shelve", "sqlalchemy"),
    _NETWORK: (
        *("socket", "ssl", "urllib.request", "urllib3", "http.client", "http.server", "ftplib", "smtplib", "poplib"),
        *("imaplib", "requests", "httpx", "aiohttp", "xmlrpc", "socketserver", "boto3", "redis", "psycopg"),
    ),
    _MACHINE: ("subprocess", "posix", "nt", "platform", "getpass", "ctypes"),
}
_ALLOWED = _names("os", "fspath") + _names("io", "StringIO BytesIO")

# Methods of classes and of the classes made from them.
_METHODS: tuple[tuple[str, str, frozenset[str]], ...] = (
    (_CLOCK, "datetime:datetime", frozenset({"now", "utcnow", "today"})),
    (_CLOCK, "datetime:date", frozenset({"today"})),
    (_CLOCK, "pandas:Timestamp", frozenset({"now", "utcnow", "today"})),
)

_READERS = ("read_", "scan_")
_FRAMES = frozenset({"pandas", "polars", "pyarrow"})

_DYNAMIC = (
    *_names("builtins", "eval exec compile globals locals vars dir __import__ setattr delattr breakpoint"),
    *_names("importlib", "import_module __import__ reload"),
    *_names("sys", "_getframe"),
)

_ABSENT = object()


def denied(value: object) -> str | None:
    """Why a function may not use an object from outside the project; None if it may."""
    if _is_one_of(value, _ALLOWED):
        return None
    for reason, names in _OBJECTS.items():
        if _is_one_of(value, names):
            return reason
    return _denied_method(value) or _denied_module(value)


def denied_path(objects: Sequence[object]) -> str | None:
    """Why a function may not use the last of some objects, each an attribute of the one before."""
    if _is_one_of(objects[-1], _ALLOWED):
        return None
    return next((reason for value in reversed(objects) if (reason := denied(value))), None)


def is_dynamic(value: object) -> bool:
    """Whether it makes code or finds names while it runs, so that nobody can say beforehand what is used."""
    return _is_one_of(value, _DYNAMIC)


def module_of(value: object) -> str:
    """The name of the module that an object belongs to; of an instance, the one of its class."""
    if isinstance(value, ModuleType):
        return value.__name__
    owner = None if isinstance(value, type) else getattr(value, "__objclass__", None)
    if isinstance(value, BuiltinFunctionType | MethodType):
        owner = value.__self__
    elif not isinstance(owner, type):
        owner = None
    if owner is not None:
        return module_of(owner)
    module = getattr(value, "__module__", None) if isinstance(value, type) or callable(value) else None
    return module if isinstance(module, str) else type(value).__module__


def _denied_method(value: object) -> str | None:
    owner, name = getattr(value, "__self__", None), getattr(value, "__name__", None)
    if not isinstance(owner, type) or not isinstance(name, str):
        return None
    for reason, class_name, methods in _METHODS:
        known = _loaded(class_name)
        if isinstance(known, type) and issubclass(owner, known) and name in methods:
            return reason
    return None


def _denied_module(value: object) -> str | None:
    module = module_of(value).lstrip("_")
    name = getattr(value, "__name__", None)
    for reason, modules in _MODULES.items():
        if any(module == known or module.startswith(f"{known}.") for known in modules):
            return reason
    reads = isinstance(name, str) and name.startswith(_READERS)
    return _FILES if reads and module.partition(".")[0] in _FRAMES else None


def _is_one_of(value: object, names: Iterable[str]) -> bool:
    # Builtin methods are made anew at each access: equal, not identical.
    builtin = isinstance(value, BuiltinFunctionType)
    return any(
        known is value or (builtin and isinstance(known, BuiltinFunctionType) and known == value)
        for known in map(_loaded, names)
    )


def _loaded(name: str) -> object:
    """The object of a name, if its module is imported: else nobody can hold it."""
    module, _, attribute = name.partition(":")
    return getattr(sys.modules.get(module), attribute, _ABSENT)
