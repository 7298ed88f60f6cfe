"""The walk from a function to everything it reaches in its project."""

import ast
import functools
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import datetime, time, timezone
from enum import Enum
from pathlib import PurePath
from types import FunctionType, GenericAlias, MappingProxyType, MethodType, ModuleType
from zoneinfo import ZoneInfo

from featurestore.definitions.code_names import (
    ABSENT,
    Lookup,
    cell_values,
    decides_later,
    definition_function,
    functions_held_by,
    imported,
    lookup_in,
    name_of,
    public_name,
    resolved,
)
from featurestore.definitions.code_scopes import Outside, Reference, outside_of
from featurestore.definitions.code_source import SourceFile, class_nodes, function_node, source_file
from featurestore.definitions.code_syntax import FunctionNode, body_of, parameters, syntax
from featurestore.definitions.code_values import Json, canonical_value
from featurestore.definitions.purity import Finding, denied, denied_path, module_of

__all__ = ["Walk"]

_CONTAINERS = (list, dict, set, bytearray)
_LITERALS = (bool, int, float, str, bytes)
_PLACES = frozenset({"__file__", "__path__", "__spec__", "__loader__", "__cached__"})
_INTROSPECTION = frozenset(
    {
        *("__doc__", "__code__", "__globals__", "__annotations__", "__closure__", "__builtins__"),
        *("__defaults__", "__kwdefaults__"),
    }
)


class Walk:
    """Describes values, and collects on the way the project's functions and classes, findings and open ends.

    Args:
        inside: Whether a file belongs to the project.
        home: The top-level package that belongs to it wherever it is installed.
        start: The function it begins with, and the file that function is in.
    """

    def __init__(self, inside: Callable[[str], bool], home: str, start: tuple[FunctionType, SourceFile]) -> None:
        self.objects: list[Json] = []
        self.findings: list[Finding] = []
        self.unresolved: list[str] = []
        self._inside = inside
        self._home = home
        self._index: dict[int, int] = {}
        self._kept: list[object] = []  # an id is taken only as long as its object lives
        self._chain: list[tuple[str, str]] = []
        self._start, self._source = start
        self._line = self._start.__code__.co_firstlineno

    # Values

    def describe(self, value: object) -> Json:
        """The canonical form of any value; functions and classes of the project are references into ``objects``."""
        return canonical_value(value, self._describe_other)

    def _describe_other(self, value: object) -> Json:
        function = definition_function(value)
        if function is not None:
            return self.describe(function)
        if not self._is_ours(value):
            self._report_denied(value, name_of(value))
        for kinds, describe in self._DESCRIPTIONS:
            if isinstance(value, kinds):
                return describe(self, value)
        parameters_of_class = getattr(value, "__dataclass_params__", None)
        if is_dataclass(value) and getattr(parameters_of_class, "frozen", False):
            parts: list[Json] = [[part.name, self.describe(getattr(value, part.name))] for part in fields(value)]
            return {"instance": self.describe(type(value)), "fields": parts}
        return self._describe_unknown(value)

    def _describe_time(self, value: datetime | time) -> Json:
        return {"time": value.replace(tzinfo=None).isoformat(), "fold": value.fold, "zone": self.describe(value.tzinfo)}

    def _describe_function(self, value: FunctionType) -> Json:
        if self._is_ours(value):
            return self._entry(value, lambda: self._function(value))
        return self._describe_unknown(value)

    def _describe_method(self, value: MethodType) -> Json:
        if not self._is_ours(value.__func__) and isinstance(value.__self__, type):
            return self._describe_unknown(value)
        return {"method": self.describe(value.__func__), "of": self.describe(value.__self__)}

    def _describe_unbound(self, value: "staticmethod[..., object] | classmethod[object, ..., object]") -> Json:
        return {"method": self.describe(value.__func__)}

    def _describe_partial(self, value: "functools.partial[object]") -> Json:
        arguments = [self.describe(value.args), self.describe(value.keywords)]
        return {"partial": self.describe(value.func), "arguments": arguments}

    def _describe_cached(self, value: "functools._lru_cache_wrapper[object]") -> Json:
        if not self._is_ours(value.__wrapped__):
            return self._describe_unknown(value)
        return {"cached": self.describe(value.__wrapped__)}

    def _describe_module(self, value: ModuleType) -> Json:
        if self._is_ours(value):
            self._leave_open(f"module {value.__name__} is used as a value")
        return {"module": value.__name__}

    def _describe_class(self, value: type) -> Json:
        if self._is_ours(value):
            return self._entry(value, lambda: self._class(value))
        return self._describe_unknown(value)

    def _describe_generic(self, value: GenericAlias) -> Json:
        return {"generic": [self.describe(value.__origin__), self.describe(value.__args__)]}

    def _describe_member(self, value: Enum) -> Json:
        return {"member": [value.name, self.describe(value.value)], "of": self.describe(type(value))}

    def _describe_pattern(self, value: "re.Pattern[str] | re.Pattern[bytes]") -> Json:
        return {"pattern": self.describe(value.pattern), "flags": value.flags}

    def _describe_zone(self, value: ZoneInfo | timezone) -> Json:
        name = value.key if isinstance(value, ZoneInfo) else str(value)
        if not name:  # a zone read from a file
            return self._describe_unknown(value)
        return {"zone": name}

    def _describe_proxy(self, value: "MappingProxyType[object, object]") -> Json:
        return {"proxy": self.describe(dict(value))}

    def _describe_tuple(self, value: tuple[object, ...]) -> Json:
        return {"instance": self.describe(type(value)), "fields": self.describe(tuple(value))}

    def _describe_unknown(self, value: object) -> Json:
        """By name if the name leads back to the object, else by type and by the functions it holds, and left open."""
        name = public_name(value)
        if name is not None and not self._is_inside_module(module_of(value)):
            return {"outside": name}
        kind = type(value)
        kind_name = f"{kind.__module__}:{kind.__qualname__}"
        self._leave_open(f"{name_of(value)} is an object of {kind_name}")
        held = [function for function in functions_held_by(value) if self._is_ours(function)]
        form: Json = self.describe(kind) if self._is_ours(kind) else kind_name
        return {"unknown": form, "holds": [self.describe(function) for function in held]}

    _DESCRIPTIONS: tuple[tuple[type | tuple[type, ...], Callable[..., Json]], ...] = (
        ((datetime, time), _describe_time),
        (GenericAlias, _describe_generic),
        (FunctionType, _describe_function),
        (MethodType, _describe_method),
        ((staticmethod, classmethod), _describe_unbound),
        (functools.partial, _describe_partial),
        (functools._lru_cache_wrapper, _describe_cached),
        (ModuleType, _describe_module),
        (type, _describe_class),
        (Enum, _describe_member),
        (re.Pattern, _describe_pattern),
        ((ZoneInfo, timezone), _describe_zone),
        (MappingProxyType, _describe_proxy),
        (tuple, _describe_tuple),
    )

    # Functions and classes of the project

    def _entry(self, value: object, describe: Callable[[], Json]) -> Json:
        number = self._index.get(id(value))
        if number is None:
            number = self._index[id(value)] = len(self.objects)
            self._kept.append(value)
            self.objects.append(None)
            self.objects[number] = describe()
        return {"ref": number}

    def _function(self, function: FunctionType) -> Json:
        source, node = function_node(function)
        with self._within(function.__name__, source, node):
            defaults = dict(zip(_positional(node)[::-1], (function.__defaults__ or ())[::-1], strict=False))
            defaults.update(function.__kwdefaults__ or {})
            shared = {name: value for name, value in defaults.items() if isinstance(value, _CONTAINERS)}
            outside = outside_of(node, frozenset(shared))
            imports = self._imports(outside, function.__globals__)
            cells = cell_values(function)
            lookup = lookup_in(imports, shared, cells, function.__globals__, vars(sys.modules["builtins"]))
            names, own = self._references(outside, lookup, function, frozenset(cells))
            self._report_changes(outside, lookup)
            self._leave_introspection_open(node)
            return {
                "function": syntax(body_of(node), own),
                "async": isinstance(node, ast.AsyncFunctionDef),
                "parameters": parameters(node),
                "defaults": [[name, self.describe(defaults[name])] for name in sorted(defaults)],
                "names": names,
            }

    def _class(self, cls: type) -> Json:
        module = sys.modules.get(cls.__module__)
        found = class_nodes(cls, module) if module else None
        if module is None or found is None:
            self._leave_open(f"the source of class {cls.__qualname__} cannot be read")
            return {"class": cls.__qualname__}
        source, nodes = found
        methods = [value for value in vars(cls).values() if isinstance(value, FunctionType)]
        cells: dict[str, object] = {}
        for method in methods:
            if method.__code__.co_filename == source.file:
                function_node(method)  # the file must still be the one that was imported
            cells.update(cell_values(method))
        names: dict[str, Json] = {}
        for node in nodes:
            with self._within(cls.__name__, source, node):
                outside = outside_of(node)
                imports = self._imports(outside, vars(module))
                lookup = lookup_in(imports, cells, vars(module), vars(sys.modules["builtins"]))
                names.update(self._references(outside, lookup, cls, frozenset(cells))[0])
                self._report_changes(outside, lookup)
                self._leave_introspection_open(node)
        bases = [self.describe(base) for base in cls.__bases__]
        values = {name: value for name, value in sorted(vars(cls).items()) if type(value) in _LITERALS}
        constants: Json = [[name, self.describe(value)] for name, value in values.items() if not _is_internal(name)]
        return {"class": [syntax(node) for node in nodes], "bases": bases, "constants": constants, "names": names}

    @contextmanager
    def _within(self, name: str, source: SourceFile, node: ast.AST) -> Iterator[None]:
        outer = self._source, self._line
        self._source, self._line = source, getattr(node, "lineno", 1)
        self._chain.append((name, source.file))
        try:
            yield
        finally:
            self._chain.pop()
            self._source, self._line = outer

    # References

    def _references(
        self, outside: Outside, lookup: Lookup, owner: FunctionType | type, cells: frozenset[str]
    ) -> tuple[dict[str, Json], frozenset[int]]:
        """The meaning of each name read from outside, and the nodes that name the owner itself."""
        names: dict[str, Json] = {}
        own: set[int] = set()
        for reference in sorted(outside.references, key=lambda reference: reference.path):
            self._line = reference.nodes[0].lineno
            objects = resolved(reference.path, lookup)
            if not objects:
                if reference.path == (owner.__name__,):  # a decorator asks before the name is bound
                    own.add(id(reference.nodes[0]))
                elif not reference.optional:
                    self._leave_open(f"{reference.path[0]} is not defined")
                continue
            classes = [
                number for number, value in enumerate(objects) if isinstance(value, type) and self._is_ours(value)
            ]
            depth = classes[0] if classes else len(objects) - 1
            target = objects[depth]
            if isinstance(target, FunctionType) and self._is_ours(target) and len(reference.path) > depth + 1:
                self._leave_open(f"{'.'.join(reference.path)} is an attribute of a function")
            if owner is (definition_function(target) or target):
                own.add(id(reference.nodes[depth]))
            elif not reference.optional or classes or type(target) in _LITERALS:
                path = ".".join(reference.path[: depth + 1])
                names[path] = self._reference(reference, objects, depth, cells)
        return names, frozenset(own)

    def _reference(self, reference: Reference, objects: list[object], depth: int, cells: frozenset[str]) -> Json:
        path = ".".join(reference.path[: len(objects)])
        foreign = [value for value in objects if not self._is_ours(value)]
        if reference.path[0] in _PLACES:
            self._find(f"reads where its file is: {path}")
            return {"outside": path}
        if foreign and foreign[-1] is objects[-1] and (reason := denied_path(foreign)):
            self._find(f"{reason}: {path}")
            return {"outside": path}
        if decides_later(reference, objects[-1]):
            self._leave_open(f"{path} finds what it uses while it runs")
        self._report_rebound(reference, objects, cells)
        target = objects[depth]
        if isinstance(target, ModuleType) and len(reference.path) > len(objects):
            self._leave_open(f"{path}.{reference.path[len(objects)]} is not defined")
        elif isinstance(target, _CONTAINERS):
            self._report_changed(target, path)
        return self.describe(target)

    def _imports(self, outside: Outside, namespace: dict[str, object]) -> dict[str, object]:
        """What the imports inside a function bind."""
        found: dict[str, object] = {}
        for name, origins in sorted(outside.imports.items()):
            values = [imported(origin, namespace) for origin in sorted(origins, key=repr)]
            found[name] = values[0]
            hidden = namespace.get(name, values[0])
            if len(values) > 1 or values[0] is ABSENT or hidden is not values[0]:
                self._leave_open(f"what `import` binds to {name} is not certain")
        return {name: value for name, value in found.items() if value is not ABSENT}

    # Changing state

    def _report_changes(self, outside: Outside, lookup: Lookup) -> None:
        """Finds statements of the code itself that change something outside."""
        for change in outside.changes:
            self._line = change.node.lineno
            objects = resolved(change.path, lookup)
            holder = objects[-1] if len(objects) == len(change.path) else None
            if change.kind == "method" and isinstance(holder, ModuleType | type | FunctionType):
                continue  # a function that happens to be called `add`
            verb = "rebinds" if change.kind == "rebinding" else "changes"
            self._find(f"{verb} {'.'.join(change.path)}, which outlives the call")

    def _report_rebound(self, reference: Reference, objects: list[object], cells: frozenset[str]) -> None:
        """Finds a read of a name that some function rebinds."""
        name, source = reference.path[0], self._source
        if isinstance(objects[0], ModuleType) and self._is_ours(objects[0]) and len(objects) > 1:
            name = reference.path[1]
            source = source_file(str(objects[0].__file__), vars(objects[0])) or source
        outside = source.outside()
        if name in cells:
            rebound = name in outside.nonlocals
        else:
            rebound = any(change.kind == "rebinding" and change.path == (name,) for change in outside.changes)
        if rebound:
            self._find(f"reads {'.'.join(reference.path)}, which a function in {_file_name(source.file)} rebinds")

    def _report_changed(self, container: object, path: str) -> None:
        """Finds a read of a module's list, dict or set that a function in a module of the project changes."""
        for module in list(sys.modules.values()):
            if not isinstance(module, ModuleType) or not self._is_ours(module):
                continue
            held = {(name,) for name, value in list(vars(module).items()) if value is container}
            source = source_file(str(module.__file__), vars(module)) if held and module.__file__ else None
            if source is None:
                continue
            for change in source.outside().changes:
                if change.path in held and change.kind != "rebinding":
                    self._find(f"reads {path}, which line {change.node.lineno} of {_file_name(source.file)} changes")

    def _leave_introspection_open(self, node: ast.AST) -> None:
        for part in ast.walk(node):
            if isinstance(part, ast.Attribute) and part.attr in _INTROSPECTION:
                self._line = part.lineno
                self._leave_open(f"{part.attr} reads more than the code that runs")

    # Reports

    def _report_denied(self, value: object, name: str) -> None:
        reason = denied(value) or (None if isinstance(value, FunctionType | type) else denied(type(value)))
        if reason is not None:
            self._find(f"{reason}: {name}")

    def _find(self, what: str) -> None:
        calls = [f"calls {name}() in {_file_name(file)}" for name, file in self._chain[1:]]
        message = f"{self._start.__name__}() {', which '.join([*calls, what])}."
        finding = Finding(message, self._source.file, self._line, self._source.line(self._line))
        if finding not in self.findings:
            self.findings.append(finding)

    def _leave_open(self, what: str) -> None:
        note = f"{what} ({_file_name(self._source.file)}:{self._line})"
        if note not in self.unresolved:
            self.unresolved.append(note)

    def _is_ours(self, value: object) -> bool:
        if isinstance(value, FunctionType):
            return self._is_inside(value.__code__.co_filename, str(value.__globals__.get("__name__", "")))
        if isinstance(value, type):
            module = sys.modules.get(value.__module__)
            return module is None or self._is_ours(module)
        if isinstance(value, ModuleType):
            file = getattr(value, "__file__", None)
            return value.__name__ == "__main__" if file is None else self._is_inside(file, value.__name__)
        return False

    def _is_inside_module(self, name: str) -> bool:
        module = sys.modules.get(name)
        return module is not None and self._is_ours(module)

    def _is_inside(self, file: str, module: str) -> bool:
        return module.partition(".")[0] == self._home or self._inside(file)


def _positional(node: FunctionNode) -> list[str]:
    return [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]


def _is_internal(name: str) -> bool:
    return name.startswith("_") and name.endswith("_")


def _file_name(file: str) -> str:
    return PurePath(file).name
