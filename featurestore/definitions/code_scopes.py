"""What a piece of Python code reads and changes outside itself, by the language's rules of scope."""

import ast
from dataclasses import dataclass, field
from typing import Literal

from featurestore.definitions.code_syntax import FunctionNode, ScopeNode, body_of

__all__ = ["Change", "Outside", "Reference", "outside_of"]

_CHANGING_METHODS = frozenset(
    {
        *("add", "append", "clear", "difference_update", "discard", "extend", "insert", "intersection_update", "pop"),
        *("popitem", "remove", "reverse", "setdefault", "sort", "symmetric_difference_update", "update"),
        *("__setitem__", "__delitem__"),
    }
)


@dataclass(frozen=True)
class Reference:
    """A name from outside the code, with the attributes read from it: ``helpers.rates.usd``.

    Args:
        path: The name and the attributes.
        nodes: The syntax of the name, and of each longer part of the path.
        call: The call, if the whole path is called.
        optional: It need not exist: it annotates a field, or the body of a class has a name of its own like it.
    """

    path: tuple[str, ...]
    nodes: tuple[ast.expr, ...]
    call: ast.Call | None = None
    optional: bool = False


@dataclass(frozen=True)
class Change:
    """Code in a function that may change something outside: rebinds its name, calls a method or assigns to a part."""

    path: tuple[str, ...]
    node: ast.stmt | ast.expr
    kind: Literal["rebinding", "method", "assignment"]


@dataclass
class Outside:
    """All that a piece of code has to do with its surroundings.

    Args:
        references: What it reads, in no particular order.
        changes: What its functions change.
        nonlocals: Names in ``nonlocal`` statements, wherever they are bound.
        imports: Names that are imported inside it: (module, attribute or None, level of a relative import).
    """

    references: list[Reference] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    nonlocals: set[str] = field(default_factory=set)
    imports: dict[str, set[tuple[str, str | None, int]]] = field(default_factory=dict)


def outside_of(node: ScopeNode | ast.Module, shared: frozenset[str] = frozenset()) -> Outside:
    """What the body of a function, class or module has to do with the module around it.

    The defaults, decorators and annotations of a function are not its body; the decorators and bases of a class are
    taken with it. Names of a module's own top level are outside of the functions in it.

    Args:
        node: The code.
        shared: Parameters that count as outside, since one default object serves all calls.
    """
    visitor = _Visitor()
    if isinstance(node, ast.Module):
        for statement in node.body:
            visitor.visit(statement)
    elif isinstance(node, ast.ClassDef):
        visitor.visit_ClassDef(node)
    else:
        visitor.inside_function(node, shared)
    return visitor.outside


@dataclass
class _Scope:
    kind: str
    names: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)


class _Bindings(ast.NodeVisitor):
    """Collects the names that one scope binds, without going into the scopes inside it."""

    def __init__(self, scope: _Scope) -> None:
        self.scope = scope

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.scope.names.add(node.id)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.scope.names.add(node.name)
        self._visit_all([*node.decorator_list, *_defaults(node)])

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - named by `ast`

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit_all(_defaults(node))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.scope.names.add(node.name)
        self._visit_all([*node.decorator_list, *node.bases, *node.keywords])

    def visit_ListComp(self, node: ast.AST) -> None:
        # `:=` in a comprehension binds in the scope around it.
        walrus = (inner for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
        self.scope.names.update(inner.target.id for inner in walrus)

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp  # noqa: N815 - named by `ast`

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._visit_all([node.target, *([node.value] if node.value else [])])

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._bind(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:
        self._bind(node.name)
        self.generic_visit(node)

    visit_MatchStar = visit_MatchAs  # noqa: N815 - named by `ast`

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self._bind(node.rest)
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self.scope.globals.update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.scope.nonlocals.update(node.names)

    def _bind(self, name: str | None) -> None:
        if name is not None:
            self.scope.names.add(name)

    def _visit_all(self, nodes: list[ast.AST] | list[ast.expr]) -> None:
        for node in nodes:
            self.visit(node)


class _Visitor(ast.NodeVisitor):
    """Walks through code with the scopes around each node at hand."""

    def __init__(self) -> None:
        self.outside = Outside()
        self.scopes: list[_Scope] = []
        self.call: ast.Call | None = None
        self.optional = False

    # Scopes

    def inside_function(self, node: FunctionNode, shared: frozenset[str] = frozenset()) -> None:
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        scope = _Scope("function", {argument.arg for argument in every if argument is not None} - shared)
        scope.names.update(parameter.name for parameter in getattr(node, "type_params", []))
        self._enter(scope, body_of(node))

    def _enter(self, scope: _Scope, body: list[ast.stmt]) -> None:
        bindings = _Bindings(scope)
        for statement in body:
            bindings.visit(statement)
        self.scopes.append(scope)
        for statement in body:
            self.visit(statement)
        self.scopes.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._visit_all([*node.decorator_list, *_defaults(node)])
        self.inside_function(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - named by `ast`

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit_all(_defaults(node))
        self.inside_function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._visit_all([*node.decorator_list, *node.bases, *node.keywords])
        scope = _Scope("class")
        scope.names.update(parameter.name for parameter in getattr(node, "type_params", []))
        self._enter(scope, body_of(node))

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        self.visit(node.generators[0].iter)
        scope = _Scope("comprehension")
        for generator in node.generators:
            _Bindings(scope).visit(generator.target)
        self.scopes.append(scope)
        for number, generator in enumerate(node.generators):
            self._visit_all([generator.target, *generator.ifs, *([generator.iter] if number else [])])
        self._visit_all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        self.scopes.pop()

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp  # noqa: N815 - named by `ast`

    # Reads

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._read(node, None)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._change(node.value, node, "assignment")
        self._read(node, None)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING_METHODS:
            self._change(node.func.value, node, "method")
        self._read(node.func, node)
        self._visit_all([*node.args, *node.keywords])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if self.scopes and self.scopes[-1].kind == "class":
            self.optional = True
            self.visit(node.annotation)
            self.optional = False
        self._visit_all([node.target, *([node.value] if node.value else [])])

    def _read(self, node: ast.expr, call: ast.Call | None) -> None:
        chain = _chain(node)
        if chain is None:
            if isinstance(node, ast.Attribute):
                self.visit(node.value)
            else:
                self.visit(node)
            return
        path, nodes = chain
        outside, optional = self._is_outside(path[0])
        if outside:
            self.outside.references.append(Reference(path, nodes, call, optional or self.optional))

    def _is_outside(self, name: str) -> tuple[bool, bool]:
        """Whether the name is not bound here, and whether it may all the same be one of a class around it."""
        optional = False
        for depth, scope in enumerate(reversed(self.scopes)):
            if name in scope.globals:
                return True, optional
            if scope.kind == "class":
                if name == "__class__":
                    return False, False
                optional = optional or (depth == 0 and name in scope.names)
            elif name in scope.names and name not in scope.nonlocals:
                return False, False
        return True, optional

    # Changes

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._change(node.value, node, "assignment")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Attribute):
            self._change(node.target, node, "assignment")
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self.outside.changes.extend(Change((name,), node, "rebinding") for name in node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.outside.nonlocals.update(node.names)
        for name in node.names:
            if self._is_outside(name)[0]:
                self.outside.changes.append(Change((name,), node, "rebinding"))

    def _change(self, target: ast.expr, node: ast.expr | ast.stmt, kind: Literal["method", "assignment"]) -> None:
        while isinstance(target, ast.Subscript):  # `table["a"]["b"] = 1` changes what `table` holds
            target = target.value
        chain = _chain(target)
        in_function = any(scope.kind == "function" for scope in self.scopes)
        if chain is not None and in_function and self._is_outside(chain[0][0])[0]:
            self.outside.changes.append(Change(chain[0], node, kind))

    # Imports inside functions bind a name whose meaning is known all the same.

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            module = alias.name if alias.asname else name
            self._import(name, (module, None, 0))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self._import(alias.asname or alias.name, (node.module or "", alias.name, node.level))

    def _import(self, name: str, origin: tuple[str, str | None, int]) -> None:
        if self.scopes:
            self.outside.imports.setdefault(name, set()).add(origin)

    def _visit_all(self, nodes: list[ast.AST] | list[ast.expr]) -> None:
        for node in nodes:
            self.visit(node)


def _chain(node: ast.expr) -> tuple[tuple[str, ...], tuple[ast.expr, ...]] | None:
    """A name and the attributes read from it, as text and as nodes; None if it is not rooted in a name."""
    names: list[str] = []
    nodes: list[ast.expr] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        nodes.append(node)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return (node.id, *reversed(names)), (node, *reversed(nodes))


def _defaults(node: FunctionNode) -> list[ast.expr]:
    return [*node.args.defaults, *(default for default in node.args.kw_defaults if default is not None)]
