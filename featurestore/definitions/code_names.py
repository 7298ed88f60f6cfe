"""What the names in code stand for, and the names that objects have."""

import ast
import importlib
import sys
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType, CellType, FunctionType, MemberDescriptorType, MethodType, ModuleType

from featurestore.definitions.code_scopes import Reference
from featurestore.definitions.purity import is_dynamic, module_of

__all__ = [
    "ABSENT",
    "Lookup",
    "cell_values",
    "decides_later",
    "definition_function",
    "functions_held_by",
    "imported",
    "lookup_in",
    "name_of",
    "public_name",
    "resolved",
]

ABSENT = object()

Lookup = Callable[[str], object]
"""From a name to its object; ``ABSENT`` if it has none."""


def definition_function(value: object) -> FunctionType | None:
    """The function of a decorated definition; None for anything else."""
    if isinstance(value, FunctionType | type | ModuleType):
        return None
    for name in ("__featurestore_function__", "function"):
        function = getattr(value, "__dict__", {}).get(name)
        if isinstance(getattr(type(value), name, None), MemberDescriptorType):
            function = getattr(value, name, None)
        if isinstance(function, FunctionType):
            return function
    return None


def resolved(path: tuple[str, ...], lookup: Lookup) -> list[object]:
    """The objects of a path, as far as modules and classes lead; empty if the name is not bound."""
    value = lookup(path[0])
    if value is ABSENT:
        return []
    objects = [value]
    for name in path[1:]:
        if not isinstance(value, ModuleType | type) or (value := getattr(value, name, ABSENT)) is ABSENT:
            break
        objects.append(value)
    return objects


def lookup_in(*namespaces: Mapping[str, object]) -> Lookup:
    """Finds a name in the first namespace that has it."""
    return lambda name: next((namespace[name] for namespace in namespaces if name in namespace), ABSENT)


def imported(origin: tuple[str, str | None, int], namespace: dict[str, object]) -> object:
    """What an import statement in a function of this namespace binds; ``ABSENT`` if there is no such thing."""
    module, attribute, level = origin
    try:
        loaded = importlib.import_module("." * level + module, str(namespace.get("__package__") or ""))
        if attribute is None or hasattr(loaded, attribute):
            return loaded if attribute is None else getattr(loaded, attribute)
        return importlib.import_module(f"{loaded.__name__}.{attribute}")
    except ImportError:
        return ABSENT


def decides_later(reference: Reference, value: object) -> bool:
    """Whether the use of a value hides what else is used: ``eval``, ``getattr`` with a computed name."""
    if value is not getattr and value is not hasattr:
        return is_dynamic(value)
    arguments = reference.call.args if reference.call else []
    return len(arguments) < 2 or not isinstance(arguments[1], ast.Constant)


def public_name(value: object) -> str | None:
    """``module:qualname``, if that leads back to the object; private parts of the module's name are left out."""
    name = _own_name(value)
    if name is None:
        return None
    owner = getattr(value, "__self__", None)
    if isinstance(owner, type) and "." not in name:
        name = f"{owner.__qualname__}.{name}"
    module = module_of(value)
    package = type(value).__module__.partition(".")[0]
    for place in (module, package):
        found: object = sys.modules.get(place)
        for part in name.split("."):
            found = getattr(found, part, ABSENT)
        same = found is value or (isinstance(value, BuiltinFunctionType | MethodType) and found == value)
        if same:
            return f"{_public_module(place)}:{name}"
    return None


def _public_module(name: str) -> str:
    parts = name.split(".")
    private = next((number for number, part in enumerate(parts) if number and part.startswith("_")), len(parts))
    return ".".join(parts[:private])


def name_of(value: object) -> str:
    """What to call a value in a message."""
    return _own_name(value) or f"a {type(value).__qualname__}"


def _own_name(value: object) -> str | None:
    names = (getattr(value, "__qualname__", None), getattr(value, "__name__", None))
    return next((name for name in names if isinstance(name, str)), None)


def functions_held_by(value: object) -> list[FunctionType]:
    """The functions that a wrapper made by a library wraps, as far as they show."""
    parts = [getattr(value, "__wrapped__", None), *getattr(value, "__dict__", {}).values()]
    if isinstance(value, FunctionType):
        parts.extend(cell_values(value).values())
    return list({id(part): part for part in parts if isinstance(part, FunctionType)}.values())


def cell_values(function: FunctionType) -> dict[str, object]:
    """The values of a function's closure by name, without those not yet assigned."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in cells if not _is_empty(cell)}


def _is_empty(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - the access is the test
    except ValueError:
        return True
    return False
