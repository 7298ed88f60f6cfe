"""The source of functions and classes: which node of which file they are."""

import __future__

import ast
import linecache
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType

from featurestore.definitions.code_scopes import Outside, outside_of
from featurestore.definitions.code_syntax import FunctionNode
from featurestore.errors import DefinitionError

__all__ = ["SourceFile", "class_nodes", "function_node", "source_file"]

_FUTURE_FLAGS = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})
_CELL_HINT = "Put the function into a file or a notebook cell, where its source can be read."


@dataclass(frozen=True, eq=False)
class SourceFile:
    """A parsed file."""

    file: str
    text: str
    tree: ast.Module

    def line(self, number: int) -> str:
        """A line without its indentation; ``""`` beyond the end."""
        lines = self.text.split("\n")
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""

    def segment(self, node: ast.AST) -> str:
        """The whole lines that a function, its decorators or a lambda stand on."""
        first, last = _first_line(node), getattr(node, "end_lineno", None) or _first_line(node)
        return "\n".join(self.text.split("\n")[first - 1 : last])

    def outside(self) -> Outside:
        """What the functions of the file read and change at its top level and elsewhere."""
        return _outside(self)


def source_file(file: str, namespace: dict[str, object] | None = None) -> SourceFile | None:
    """The file as it is on disk now (a notebook cell: as it ran); None if there is no source or it does not parse."""
    linecache.checkcache(file)
    text = "".join(linecache.getlines(file, namespace))
    return _parsed(file, text) if text else None


@lru_cache(maxsize=512)
def _parsed(file: str, text: str) -> SourceFile | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return SourceFile(file, text, ast.parse(text, file))
    except (SyntaxError, ValueError):
        return None


@lru_cache(maxsize=512)
def _outside(source: SourceFile) -> Outside:
    return outside_of(source.tree)


def function_node(function: FunctionType) -> tuple[SourceFile, FunctionNode]:
    """The syntax that a function was compiled from.

    Raises:
        DefinitionError: There is no source, it is not the one that runs, or it cannot be told from another function.
    """
    code = function.__code__
    source = source_file(code.co_filename, function.__globals__)
    name = function.__qualname__
    if source is None:
        raise DefinitionError(f"The source of {name}() cannot be read.", where=code.co_filename, hint=_CELL_HINT)
    where = f"{source.file}:{code.co_firstlineno}"
    nodes = _functions(source).get((code.co_name, code.co_firstlineno), [])
    compiled = _compiled(source, code.co_flags & _FUTURE_FLAGS)
    if not nodes or not any(_same(candidate, code) for candidate in compiled.get(_place(nodes[0]), [])):
        raise DefinitionError(
            f"{name}() is not what its file says: the file has changed since it was imported.",
            where=where,
            hint="Import it anew: restart the process or the notebook.",
        )
    if len(nodes) > 1:
        raise DefinitionError(
            f"Several functions called {code.co_name} begin on this line, and they cannot be told apart.",
            where=where,
            hint="Give each its own line.",
        )
    return source, nodes[0]


def class_nodes(cls: type, module: ModuleType) -> tuple[SourceFile, list[ast.ClassDef]] | None:
    """The definitions of a class in its file: several, if the file defines the name more than once; None if unknown."""
    files = [value.__code__.co_filename for value in vars(cls).values() if isinstance(value, FunctionType)]
    known = (source_file(file, vars(module)) for file in [getattr(module, "__file__", None), *files] if file)
    source = next((source for source in known if source is not None), None)
    if source is None:
        return None
    path = [part for part in cls.__qualname__.split(".") if part != "<locals>"]
    nodes = [node for node in _named(source.tree, path) if isinstance(node, ast.ClassDef)]
    return (source, nodes) if nodes else None


def _named(tree: ast.AST, path: list[str]) -> Iterator[ast.AST]:
    """The nodes under nested definitions of these names."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if child.name == path[0]:
                yield from _named(child, path[1:]) if len(path) > 1 else [child]
        else:
            yield from _named(child, path)


@lru_cache(maxsize=512)
def _functions(source: SourceFile) -> dict[tuple[str, int], list[FunctionNode]]:
    """The functions of a file by name and first line."""
    found: dict[tuple[str, int], list[FunctionNode]] = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            found.setdefault(_place(node), []).append(node)
    return found


def _place(node: FunctionNode) -> tuple[str, int]:
    return ("<lambda>" if isinstance(node, ast.Lambda) else node.name), _first_line(node)


def _first_line(node: ast.AST) -> int:
    decorators = getattr(node, "decorator_list", [])
    return int(min(part.lineno for part in [node, *decorators]))


@lru_cache(maxsize=512)
def _compiled(source: SourceFile, flags: int) -> dict[tuple[str, int], list[CodeType]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # A notebook's cell may await outside of functions.
        flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        module = compile(source.tree, source.file, "exec", flags=flags, dont_inherit=True)
    found: dict[tuple[str, int], list[CodeType]] = {}
    waiting = [module]
    while waiting:
        code = waiting.pop()
        found.setdefault((code.co_name, code.co_firstlineno), []).append(code)
        waiting.extend(constant for constant in code.co_consts if isinstance(constant, CodeType))
    return found


def _same(compiled: CodeType, running: CodeType) -> bool:
    """Whether a function compiled from the file does what the one in memory does, whatever their positions."""
    if any(name.startswith("@py") for name in (*running.co_names, *running.co_varnames)):
        # pytest has rewritten its assertions: only the parameters are comparable.
        count = running.co_argcount + running.co_kwonlyargcount
        return compiled.co_varnames[:count] == running.co_varnames[:count]
    return _shape(compiled) == _shape(running)


def _shape(code: CodeType) -> tuple[object, ...]:
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return (*counts, *names, tuple(map(_constant, code.co_consts)), code.co_code)


def _constant(value: object) -> tuple[object, ...]:
    if isinstance(value, CodeType):
        return _shape(value)
    if isinstance(value, frozenset):  # two equal ones need not have one order
        return ("frozenset", *sorted(map(repr, value)))
    return type(value).__name__, repr(value)
