"""The syntax of Python code in canonical form: nested lists of our own making, the same under every Python.

Left out are positions, comments, layout, docstrings, and the annotations of parameters, returned values and local
variables. Everything else is in: names and order of parameters, defaults, local names, constants with their types.
"""

import ast
from collections.abc import Iterable

from featurestore.definitions.code_values import Json, canonical_value
from featurestore.errors import NotSupportedError

__all__ = ["FunctionNode", "ScopeNode", "body_of", "parameters", "syntax"]

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
ScopeNode = FunctionNode | ast.ClassDef

# The fields of each node that carry meaning, by names: the lists that `ast` keeps grow with Python's versions.
_FIELDS: dict[str, tuple[str, ...]] = {
    "Assert": ("test", "msg"),
    "Assign": ("targets", "value"),
    "AsyncFor": ("target", "iter", "body", "orelse"),
    "AsyncWith": ("items", "body"),
    "Attribute": ("value", "attr"),
    "AugAssign": ("target", "op", "value"),
    "Await": ("value",),
    "BinOp": ("left", "op", "right"),
    "BoolOp": ("op", "values"),
    "Break": (),
    "Call": ("func", "args", "keywords"),
    "Compare": ("left", "ops", "comparators"),
    "Continue": (),
    "Delete": ("targets",),
    "Dict": ("keys", "values"),
    "DictComp": ("key", "value", "generators"),
    "ExceptHandler": ("type", "name", "body"),
    "Expr": ("value",),
    "For": ("target", "iter", "body", "orelse"),
    "FormattedValue": ("value", "conversion", "format_spec"),
    "GeneratorExp": ("elt", "generators"),
    "Global": ("names",),
    "If": ("test", "body", "orelse"),
    "IfExp": ("test", "body", "orelse"),
    "Import": ("names",),
    "ImportFrom": ("module", "names", "level"),
    "Interpolation": ("value", "str", "conversion", "format_spec"),
    "List": ("elts",),
    "ListComp": ("elt", "generators"),
    "Match": ("subject", "cases"),
    "MatchAs": ("pattern", "name"),
    "MatchClass": ("cls", "patterns", "kwd_attrs", "kwd_patterns"),
    "MatchMapping": ("keys", "patterns", "rest"),
    "MatchOr": ("patterns",),
    "MatchSequence": ("patterns",),
    "MatchSingleton": ("value",),
    "MatchStar": ("name",),
    "MatchValue": ("value",),
    "Name": ("id",),
    "NamedExpr": ("target", "value"),
    "Nonlocal": ("names",),
    "Pass": (),
    "Raise": ("exc", "cause"),
    "Return": ("value",),
    "Set": ("elts",),
    "SetComp": ("elt", "generators"),
    "Slice": ("lower", "upper", "step"),
    "Starred": ("value",),
    "Subscript": ("value", "slice"),
    "TemplateStr": ("values",),
    "Try": ("body", "handlers", "orelse", "finalbody"),
    "TryStar": ("body", "handlers", "orelse", "finalbody"),
    "Tuple": ("elts",),
    "TypeAlias": ("name", "value"),
    "UnaryOp": ("op", "operand"),
    "While": ("test", "body", "orelse"),
    "With": ("items", "body"),
    "Yield": ("value",),
    "YieldFrom": ("value",),
    "alias": ("name", "asname"),
    "comprehension": ("target", "iter", "ifs", "is_async"),
    "keyword": ("arg", "value"),
    "match_case": ("pattern", "guard", "body"),
    "withitem": ("context_expr", "optional_vars"),
}


def syntax(node: object, own: frozenset[int] = frozenset()) -> Json:
    """A node, a list of nodes or the value of a field, in canonical form.

    Args:
        node: What to write down.
        own: The ``id()`` of the nodes that name the function itself: its name is not part of the form.
    """
    match node:
        case list():
            return [syntax(item, own) for item in node if not _is_declaration(item)]
        case ast.AST() if id(node) in own:
            return ["Self"]
        case ast.operator() | ast.unaryop() | ast.boolop() | ast.cmpop():
            return type(node).__name__
        case ast.Constant():
            return ["Constant", canonical_value(node.value)]
        case ast.JoinedStr():
            return ["JoinedStr", [syntax(part, own) for part in _joined(node.values)]]
        case ast.AnnAssign():
            return ["Assign", [syntax(node.target, own)], syntax(node.value, own)]
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            return _function(node, own)
        case ast.ClassDef():
            return _class(node, own)
        case ast.AST():
            return _plain(node, own)
        case _:
            return canonical_value(node)


def _plain(node: ast.AST, own: frozenset[int]) -> Json:
    kind = type(node).__name__
    if kind not in _FIELDS:
        raise NotSupportedError(f"Python's {kind} has no canonical form in this version.", hint="Write it otherwise.")
    return [kind, *(syntax(getattr(node, field), own) for field in _FIELDS[kind])]


def _is_declaration(item: object) -> bool:
    """Whether it only annotates a local variable, which says nothing."""
    return isinstance(item, ast.AnnAssign) and item.value is None


def _joined(parts: Iterable[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string, with neighboring texts made one and empty ones dropped."""
    joined: list[ast.expr] = []
    for part in parts:
        text = part.value if isinstance(part, ast.Constant) else None
        if text == "":
            continue
        last = joined[-1] if joined else None
        if isinstance(text, str) and isinstance(last, ast.Constant) and isinstance(last.value, str):
            joined[-1] = ast.Constant(last.value + text)
        else:
            joined.append(part)
    return joined


def _function(node: FunctionNode, own: frozenset[int]) -> Json:
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    return [
        type(node).__name__,
        None if isinstance(node, ast.Lambda) else node.name,
        parameters(node),
        syntax(node.args.defaults, own),
        syntax(node.args.kw_defaults, own),
        syntax(decorators, own),
        syntax(body_of(node), own),
    ]


def _class(node: ast.ClassDef, own: frozenset[int]) -> Json:
    """A class keeps the annotations of its body: dataclasses and the like compute with them."""
    body: list[Json] = []
    for statement in body_of(node):
        if isinstance(statement, ast.AnnAssign):
            field = [syntax(part, own) for part in (statement.target, statement.annotation, statement.value)]
            body.append(["Field", *field])
        else:
            body.append(syntax(statement, own))
    header = [syntax(part, own) for part in (node.decorator_list, node.bases, node.keywords)]
    return ["ClassDef", node.name, *header, body]


def parameters(node: FunctionNode) -> Json:
    """Names and kinds of the parameters, in order, without annotations and defaults."""
    arguments = node.args
    kinds: list[tuple[str, list[ast.arg]]] = [
        ("positional", arguments.posonlyargs),
        ("plain", arguments.args),
        ("rest", [arguments.vararg] if arguments.vararg else []),
        ("keyword", arguments.kwonlyargs),
        ("keywords", [arguments.kwarg] if arguments.kwarg else []),
    ]
    return [[kind, argument.arg] for kind, members in kinds for argument in members]


def body_of(node: ScopeNode) -> list[ast.stmt]:
    """The statements without the docstring; of a lambda, what it returns."""
    if isinstance(node, ast.Lambda):
        return [ast.copy_location(ast.Return(node.body), node.body)]
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    documented = documented and isinstance(first.value.value, str)  # type: ignore[attr-defined]
    return node.body[1:] if documented else node.body
