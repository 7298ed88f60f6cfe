"""The document of a function changes when its behavior may, and with nothing else."""

# ruff: noqa: E501 - a program in a test is one line

import functools
import hashlib
import importlib
import itertools
import json
import math
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

from featurestore.definitions.code import Code, canonical_function, canonical_value, in_project
from featurestore.errors import DefinitionError

_NUMBERS = itertools.count()

Load = Callable[..., ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Writes a module under a new name and imports it; other modules by their names, with ``_{}`` for the number."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)

    def load(text: str, **others: str) -> ModuleType:
        number = next(_NUMBERS)
        for name, content in {**others, "main": text}.items():
            (tmp_path / f"{name}_{number}.py").write_text(content.replace("_{}", f"_{number}"), encoding="utf-8")
        importlib.invalidate_caches()
        return importlib.import_module(f"main_{number}")

    yield load
    for name in set(sys.modules) - before:
        if name.rpartition("_")[2].isdigit():
            del sys.modules[name]


def _code(module: ModuleType) -> Code:
    return canonical_function(module.f)


def _digest(code: Code) -> str:
    return hashlib.sha256(json.dumps(code.document, sort_keys=True).encode()).hexdigest()


_PLAIN = "RATE = 2\ndef helper(x):\n    return x * 3\ndef f(a, b=1, *, c=2.0):\n    return helper(a) + b * RATE - c\n"


@pytest.mark.parametrize(
    "same",
    [
        f"# moved\n\n\n{_PLAIN}",
        _PLAIN.replace("def f(a, b=1, *, c=2.0):\n", 'def f(a, b=1, *, c=2.0):\n    """Says it."""\n'),
        _PLAIN.replace("x * 3", "(  x  *\n    3  )  # comment"),
        _PLAIN.replace("(a, b=1, *, c=2.0)", "(a: int, b: int = 1, *, c: 'float' = 2.0) -> float"),
        _PLAIN.replace("def f", "@(lambda g: g)\ndef f"),
        _PLAIN.replace("    return helper(a) +", "    q: int\n    return helper(a) +"),
        _PLAIN + "UNUSED = 3\ndef unused(): return UNUSED\n",
        _PLAIN.replace("def f(", "def g(") + "f = g\n",
        "def decorate(g): return g\n" + _PLAIN.replace("def helper", "@decorate\ndef helper"),
        _PLAIN.replace("RATE = 2", "RATE = 1 + 1"),
        f"from __future__ import annotations\n{_PLAIN}",
    ],
)
def test_what_does_not_change_behavior_does_not_change_the_document(load: Load, same: str) -> None:
    assert _code(load(_PLAIN)).document == _code(load(same)).document


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("RATE = 2", "RATE = 3"),
        ("RATE = 2", "RATE = 2.0"),
        ("RATE = 2", "RATE = True"),
        ("RATE = 2", "from decimal import Decimal\nRATE = Decimal(2)"),
        ("x * 3", "x * 4"),
        ("x * 3", "x + 3"),
        ("x * 3", "x * -3"),
        ("x * 3", "x * 3.0"),
        ("b=1", "b=2"),
        ("c=2.0", "c=2"),
        ("*, c", "c"),
        ("(a, b", "(a, /, b"),
        ("+ b", "- b"),
        ("- c", "- c if a else 0"),
        ("a, b=1, *, c=2.0):\n    return helper(a) + b", "b, a=1, *, c=2.0):\n    return helper(a) + b"),
        ("def f", "async def f"),
        ("    return helper", "    helper(a)\n    return helper"),
        ("def helper(x):\n    return x * 3", "helper = abs"),
        ("def f", "def double(g):\n    return lambda *a, **k: 2 * g(*a, **k)\n@double\ndef f"),
    ],
)
def test_what_may_change_behavior_changes_the_document(load: Load, old: str, new: str) -> None:
    changed = _PLAIN.replace(old, new)
    assert changed != _PLAIN
    assert _code(load(_PLAIN)).document != _code(load(changed)).document


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("V = 0.0", "V = -0.0"),
        ("V = float('nan')", "V = float('inf')"),
        ("V = {'a': 1, 'b': 2}", "V = {'b': 2, 'a': 1}"),
        ("V = (1, 2)", "V = [1, 2]"),
        ("V = b'a'", "V = 'a'"),
        ("import re; V = re.compile('a')", "import re; V = re.compile('a', re.I)"),
        (
            "import enum\nclass E(enum.Enum):\n  A = 1\n  B = 1.5\nV = E.A",
            "import enum\nclass E(enum.Enum):\n  A = 1\n  B = 1.5\nV = E.B",
        ),
        ("import enum\nclass E(enum.Enum):\n  A = 1\nV = E.A", "import enum\nclass E(enum.Enum):\n  A = 2\nV = E.A"),
        ("from functools import partial\nV = partial(pow, 2)", "from functools import partial\nV = partial(pow, 3)"),
        ("V = {'k': lambda x: x}", "V = {'k': lambda x: -x}"),
        (
            "from zoneinfo import ZoneInfo\nV = ZoneInfo('UTC')",
            "from zoneinfo import ZoneInfo\nV = ZoneInfo('Asia/Tokyo')",
        ),
        ("import math as m\nV = m.sin", "import math as m\nV = m.cos"),
        ("def V(x): return W\nW = 1", "def V(x): return W\nW = 2"),
        (
            "from functools import lru_cache\n@lru_cache\ndef V(x): return 1",
            "from functools import lru_cache\n@lru_cache\ndef V(x): return 2",
        ),
        (
            "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass C:\n  a: int\nV = C(1)",
            "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass C:\n  a: int\nV = C(2)",
        ),
        (
            "from typing import NamedTuple\nclass V(NamedTuple):\n  a: int = 1\n  def g(self): return W\nW = 1",
            "from typing import NamedTuple\nclass V(NamedTuple):\n  a: int = 1\n  def g(self): return W\nW = 2",
        ),
        ("class B:\n  r = 1\nclass V(B): pass", "class B:\n  r = 2\nclass V(B): pass"),
        ("class V:\n  r = 1", "class V:\n  r = 1\nV.r = 2"),
    ],
)
def test_the_value_of_what_a_function_reads_is_in_its_document(load: Load, one: str, other: str) -> None:
    first, second = (_code(load(f"{text}\ndef f(x):\n    return V\n")) for text in (one, other))
    assert first.document != second.document
    assert first.verified
    assert not first.findings


@pytest.mark.parametrize(
    "text",
    [
        "import numpy\n@numpy.vectorize\ndef h(x): return {n}",
        "import functools\n@functools.singledispatch\ndef h(x): return {n}",
        "import contextlib\n@contextlib.contextmanager\ndef h(x): yield {n}",
    ],
)
def test_functions_wrapped_by_a_library_are_followed_and_left_open(load: Load, text: str) -> None:
    one, other = (_code(load(f"{text.format(n=n)}\ndef f(x):\n    return h(x)\n")) for n in (1, 2))
    assert one.document != other.document
    assert not one.verified


def test_sets_have_no_order(load: Load) -> None:
    one, other = (_code(load(f"V = {text}\ndef f(): return V")) for text in ("{'a', 'b', 'c'}", "{'c', 'b', 'a'}"))
    assert one.document == other.document


def test_closures_count_by_value(load: Load) -> None:
    text = "def make(n):\n    def f(x):\n        return x * n\n    return f\nf, g = make(1), make(2)\n"
    module = load(text)
    assert canonical_function(module.f).document != canonical_function(module.g).document


@pytest.mark.parametrize(
    "use", ["from helpers_{} import h as k", "import helpers_{} as hs\nk = hs.h", "from helpers_{} import *\nk = h"]
)
def test_helpers_of_other_modules_are_followed(load: Load, use: str) -> None:
    main = f"{use}\ndef f(x):\n    return k(x)\n"
    one, same, other = (
        _code(load(main, helpers=f"{top}N = {n}\ndef h(x):\n    return x + N\n"))
        for top, n in [("", 1), ("# moved\n", 1), ("", 2)]
    )
    assert one.document == same.document != other.document


def test_attributes_of_modules_are_followed(load: Load) -> None:
    main = "import helpers_{} as hs\ndef f(x):\n    return hs.h(x) * hs.K\n"
    codes = [
        _code(load(main, helpers=f"K = {k}\ndef h(x):\n    return x + {n}\n")) for k, n in [(1, 1), (2, 1), (1, 2)]
    ]
    assert len({_digest(code) for code in codes}) == 3
    assert all(code.verified for code in codes)


def test_imports_inside_a_function_are_followed(load: Load) -> None:
    main = "def f(x):\n    from helpers_{} import h\n    return h(x)\n"
    one, other = (
        _code(load(main.replace("_{}", f"{n}_{{}}"), **{f"helpers{n}": f"def h(x): return {n}"})) for n in (1, 2)
    )
    assert one.verified
    assert json.dumps(one.document).replace("helpers1", "helpers2") != json.dumps(other.document)


def test_functions_that_call_each_other_have_a_document(load: Load) -> None:
    text = "def f(n):\n    return g(n - 1) if n else 0\ndef g(n):\n    return f(n - {}) if n else 1\n"
    assert _code(load(text.format(1))).document != _code(load(text.format(2))).document


def test_a_recursive_function_may_be_renamed(load: Load) -> None:
    one = load("def f(n):\n    return n * f(n - 1) if n else 1\n")
    other = load("def fact(n):\n    return n * fact(n - 1) if n else 1\n")
    assert canonical_function(one.f).document == canonical_function(other.fact).document


def test_definitions_made_of_functions_stand_for_their_functions(load: Load) -> None:
    text = "class Feature:\n    def __init__(self, function): self.function = function\n{}def h(x):\n    return x\ndef f(x):\n    return h(x)\n"
    plain, decorated = (_code(load(text.replace("{}", mark))) for mark in ("", "@Feature\n"))
    assert plain.document == decorated.document


def test_local_names_hide_those_of_the_module(load: Load) -> None:
    text = "x = y = z = w = e = 1\ndef f(x):\n    y = x\n    [z for z in y if (w := z)]\n    try:\n        pass\n    except ValueError as e:\n        pass\n    return w, e\n"
    code = _code(load(text))
    assert code.document == _code(load(text.replace("= 1\n", "= 2\n", 1))).document
    assert code.verified


def test_only_the_first_source_of_a_comprehension_is_outside_of_it(load: Load) -> None:
    texts = [f"v = [{n}]\ndef f():\n    return [v for v in v]\n" for n in (1, 2)]
    assert _code(load(texts[0])).document != _code(load(texts[1])).document


def test_strings_that_span_lines_keep_their_indentation(load: Load) -> None:
    text = "class C:\n    @staticmethod\n    def f():\n        return '''a\n{}b'''\nf = C.f\n"
    assert _code(load(text.format("    "))).document != _code(load(text.format("  "))).document


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("import time\ndef f():\n    return time.time()", 3),
        ("from time import monotonic as m\ndef f():\n    return m()", 3),
        ("from datetime import datetime as dt\ndef f():\n    x = 1\n    return dt.now()", 4),
        ("import datetime\ndef f():\n    return datetime.datetime.utcnow()", 3),
        ("import datetime\ndef f():\n    return datetime.date.today()", 3),
        ("from datetime import datetime\nnow = datetime.now\ndef f():\n    return now()", 4),
        ("from datetime import datetime\nclass D(datetime): pass\ndef f():\n    return D.now()", 4),
        ("def f():\n    from datetime import datetime\n    return datetime.now()", 3),
        ("def f():\n    import time as t\n    return t.perf_counter()", 3),
        ("import time\ndef f(clock=time.time):\n    return clock()", 2),
        ("import time\nCLOCKS = {'a': time.time}\ndef f():\n    return CLOCKS['a']()", 4),
        ("import pandas as pd\ndef f():\n    return pd.Timestamp.now()", 3),
        ("import pandas as pd\ndef f():\n    return pd.read_csv('a')", 3),
        ("import random\ndef f():\n    return random.random()", 3),
        ("from random import choice\ndef f():\n    return choice([1])", 3),
        ("import random\nR = random.Random(1)\ndef f():\n    return R.random()", 4),
        ("import numpy as np\ndef f():\n    return np.random.rand()", 3),
        ("import numpy as np\nG = np.random.default_rng(1)\ndef f():\n    return G.normal()", 4),
        ("import secrets\ndef f():\n    return secrets.token_hex()", 3),
        ("import uuid\ndef f():\n    return uuid.uuid4()", 3),
        ("import os\ndef f():\n    return os.urandom(1)", 3),
        ("def f():\n    return open('x')", 2),
        ("import io\ndef f():\n    return io.open('x')", 3),
        ("from pathlib import Path\ndef f():\n    return Path('x').read_text()", 3),
        ("from pathlib import Path\nP = Path('x')\ndef f():\n    return P.read_text()", 4),
        ("import os\ndef f():\n    return os.environ['A']", 3),
        ("from os import getenv\ndef f():\n    return getenv('A')", 3),
        ("import os\ndef f():\n    return os.path.exists('A')", 3),
        ("import socket\ndef f():\n    return socket.socket()", 3),
        ("import urllib.request\ndef f():\n    return urllib.request.urlopen('x')", 3),
        ("import subprocess\ndef f():\n    return subprocess.run([])", 3),
        ("import sqlite3\ndef f():\n    return sqlite3.connect('x')", 3),
        ("from sqlite3 import connect\ndef f():\n    return connect('x')", 3),
        ("import shutil\ndef f():\n    return shutil.which('x')", 3),
        ("import sys\ndef f():\n    return sys.argv", 3),
        ("def f():\n    return input()", 2),
        ("def f(x):\n    return hash(x)", 2),
        ("def f(x):\n    return id(x)", 2),
        ("def f(x):\n    return __file__", 2),
        ("def f(xs):\n    return sorted(xs, key=id)", 2),
        ("N = 0\ndef f():\n    global N\n    N += 1\n    return N", 3),
        ("N = 0\ndef f():\n    return N\ndef g():\n    global N\n    N = 1", 3),
        ("SEEN = []\ndef f(x):\n    SEEN.append(x)", 3),
        ("SEEN = {}\ndef f(x):\n    SEEN[x] = 1", 3),
        ("SEEN = {}\ndef f(x):\n    del SEEN[x]", 3),
        ("SEEN = {1: {}}\ndef f(x):\n    SEEN[1][2] += 1", 3),
        ("SEEN = {}\ndef f(x):\n    return SEEN[x]\ndef g():\n    SEEN[1] = 2", 3),
        ("def f(x, seen=[]):\n    seen.append(x)\n    return len(seen)", 2),
        (
            "def make():\n    n = 0\n    def f():\n        nonlocal n\n        n += 1\n        return n\n    return f\nf = make()",
            4,
        ),
        ("def f(x):\n    return (lambda: open(x))()", 2),
        ("def f(x):\n    return f'{open(x)}'", 2),
    ],
)
def test_impure_code_is_found_with_its_line(load: Load, text: str, line: int) -> None:
    module = load(text)
    findings = _code(module).findings
    assert line in [finding.line for finding in findings]
    assert findings[0].text == text.splitlines()[findings[0].line - 1].strip()
    assert findings[0].file == module.__file__


@pytest.mark.parametrize(
    "text",
    [
        "from datetime import datetime, timedelta, timezone\ndef f(t):\n    return datetime(2024, 1, 1) < t + timedelta(1)",
        "from zoneinfo import ZoneInfo\ndef f(t):\n    return t.astimezone(ZoneInfo('Asia/Tokyo')).hour",
        "import os\ndef f(p):\n    return os.path.join(p, 'x') + os.sep",
        "from pathlib import PurePath\nimport io\ndef f(p):\n    return PurePath(p).name, io.StringIO()",
        "import urllib.parse\ndef f(u):\n    return urllib.parse.urlsplit(u).netloc",
        "import numpy as np\ndef f(x):\n    return np.log1p(x) + np.add(x, np.float64(1)) * np.pi",
        "import math, re, json, statistics\ndef f(x):\n    return math.exp(x), re.sub('a', 'b', x), json.loads(x), statistics.mean(x)",
        "RATES = {'a': 1}\ndef f(x):\n    return RATES.get(x)\ndef g(RATES):\n    RATES['b'] = 2",
        "def f(xs):\n    out = []\n    for x in xs:\n        out.append(x)\n    def add(n):\n        nonlocal out\n        out = [n]\n    return out",
        "RATES = {}\nfor n in range(3):\n    RATES[n] = n\ndef f(x):\n    return RATES.get(x)",
        "def f(x, seen=()):\n    return getattr(x, 'real') + len(seen)",
        "from decimal import Decimal, ROUND_HALF_UP\ndef f(x):\n    return Decimal.quantize(x, Decimal('1'), ROUND_HALF_UP), str.upper('x')",
    ],
)
def test_pure_code_has_no_findings_and_is_verified(load: Load, text: str) -> None:
    code = _code(load(text))
    assert code.findings == ()
    assert code.unresolved == ()
    assert code.verified


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n    return eval(x)",
        "def f(x, n):\n    return getattr(x, n)",
        "def f(n):\n    return globals()[n]",
        "import importlib\ndef f(n):\n    return importlib.import_module(n)",
        "class Thing: pass\nTHING = Thing()\ndef f():\n    return THING.x",
        "import numpy as np\nA = np.array([1])\ndef f():\n    return A",
        "def f():\n    return missing",
        "def h(): pass\nh.rate = 2\ndef f():\n    return h.rate",
        "import helpers_{}\ndef f(n):\n    return vars(helpers_{})[n]",
        "def f():\n    return f.__doc__",
        "import no_such_module_at_all\n"
        if False
        else "def f():\n    import no_such_module_at_all as n\n    return n.x",
    ],
)
def test_what_cannot_be_resolved_is_listed(load: Load, text: str) -> None:
    code = _code(load(text, helpers=""))
    assert code.unresolved
    assert not code.verified


def test_a_finding_in_a_helper_shows_the_calls_that_lead_to_it(load: Load) -> None:
    module = load(
        "import helpers_{} as hs\ndef f(x):\n    return hs.outer(x)\n",
        helpers="import time\ndef outer(x):\n    return inner(x)\ndef inner(x):\n    return time.time()\n",
    )
    (finding,) = _code(module).findings
    name = module.hs.__name__
    assert (
        finding.message
        == f"f() calls outer() in {name}.py, which calls inner() in {name}.py, which reads a clock: time.time."
    )
    assert (finding.line, finding.text) == (5, "return time.time()")


def test_a_clock_given_to_a_partial_is_found(load: Load) -> None:
    module = load("import functools, time\ndef g(clock):\n    return clock()\nf = functools.partial(g, time.time)\n")
    assert [finding.message for finding in _code(module).findings] == ["g() reads a clock: time."]


def test_objects_that_have_every_attribute_are_left_open(load: Load) -> None:
    text = "class Any:\n    def __getattr__(self, name): return self\n    def __bool__(self): raise TypeError\nA = Any()\ndef f(): return A\n"
    assert not _code(load(text)).verified


def test_a_container_changed_by_the_module_that_owns_it_is_found_through_an_alias(load: Load) -> None:
    helpers = "TABLE = {}\ndef register(k):\n    TABLE[k] = 1\n"
    code = _code(load("from helpers_{} import TABLE as T\ndef f(k):\n    return T.get(k)\n", helpers=helpers))
    assert [finding.line for finding in code.findings] == [3]


def test_a_file_that_changed_since_its_import_is_an_error(load: Load) -> None:
    module = load("def f(x):\n    return x + 1\n")
    Path(str(module.__file__)).write_text("def f(x):\n    return x - 1 # now\n", encoding="utf-8")
    with pytest.raises(DefinitionError, match="changed since it was imported"):
        _code(module)


def test_a_function_without_source_is_an_error() -> None:
    namespace: dict[str, Callable[[], int]] = {}
    exec("def f(): return 1", namespace)  # noqa: S102
    with pytest.raises(DefinitionError, match="cannot be read"):
        canonical_function(namespace["f"])


def test_two_lambdas_on_a_line_are_an_error(load: Load) -> None:
    with pytest.raises(DefinitionError, match="cannot be told apart"):
        _code(load("f, g = lambda x: x, lambda x: -x\n"))


def test_something_that_is_no_python_function_is_an_error() -> None:
    with pytest.raises(DefinitionError, match="not a Python function"):
        canonical_function(len)


def test_partials_methods_and_cached_functions_have_documents(load: Load) -> None:
    module = load(
        "class C:\n    @classmethod\n    def f(cls, x):\n        return x\ndef g(x):\n    return x\nf = C.f\n"
    )
    documents = [
        canonical_function(function).document
        for function in (module.f, module.g, functools.partial(module.g, 1), functools.lru_cache(module.g))
    ]
    assert len({json.dumps(document) for document in documents}) == 4


def test_an_installed_project_has_the_same_document(load: Load) -> None:
    module = load(_PLAIN)
    assert _code(module).document == canonical_function(module.f, inside=lambda _: False).document


def test_the_code_tells_where_and_how_it_is_written(load: Load) -> None:
    module = load("# a\n@(lambda g: g)\ndef f(x):\n    return x\n\nY = 1\n")
    code = _code(module)
    assert (code.source, code.file, code.line) == ("@(lambda g: g)\ndef f(x):\n    return x", module.__file__, 2)


def test_libraries_are_not_of_the_project(tmp_path: Path) -> None:
    assert in_project(str(tmp_path / "features.py"))
    assert not in_project(json.__file__)
    assert not in_project(pytest.__file__)
    assert not in_project(str(tmp_path / "venv/lib/python3.12/site-packages/x.py"))
    assert not in_project(str(canonical_function.__globals__["__file__"]))


# These documents are the same under every version of Python: a change here changes every user's fingerprints.
_KNOWN = {
    "def f(a, b=1, *c, d=-0.5, **e):\n"
    "    total: float = 0\n"
    "    for n, (x, *y) in enumerate(a or ()):\n"
    "        total += x ** 2 if x not in (1, 2.0, b'x') else ~n\n"
    "    with b as q, c:\n"
    "        del q\n"
    "    return f'{total!r:>{d}}' f'{a=}' 'z', [k for k in e], {**e, 'x': ...}, a[1:-1:2]\n".replace(
        "async ", ""
    ): "d68c976dd9e6b8618667c5db8242c2ccceb513bc29b6df63bf4744d6d2c20bdd",
    "import math, re\nfrom decimal import Decimal\n"
    "LIMITS = {'a': (1, 2.5), 'b': frozenset({'x', 'y'})}\nWORD = re.compile('a+', re.I)\nZERO = Decimal('0.10')\n"
    "def helper(x, n=3):\n    return helper(x, n - 1) if n else math.sqrt(x) * ZERO\n"
    "def f(x):\n    return helper(x), LIMITS['a'], WORD.match(x), max(x), math.pi\n": "6825ec431b382d7b3dff7f80eaa5b40d5b5edf9acb8a2aa10997bb050c06bb04",
    "import enum\nfrom typing import NamedTuple\nfrom dataclasses import dataclass\n"
    "class Color(enum.Enum):\n    RED = 1\n    BLUE = 'b'\n"
    "class Money(NamedTuple):\n    amount: float\n    unit: str = 'EUR'\n"
    "    def double(self):\n        return Money(self.amount * 2, self.unit)\n"
    "@dataclass(frozen=True)\nclass Rates:\n    low: float = 0.1\n    high: float = 0.9\n"
    "RATES = Rates()\n"
    "def f(x):\n"
    "    match x:\n"
    "        case {'kind': 'a', **rest} | {'kind': 'b', **rest} if rest:\n            return Color.RED\n"
    "        case [1, -2, *_] | None | Money(amount=3):\n            return Money(1).double()\n"
    "        case str() as s:\n            return RATES.low\n"
    "    try:\n        return (y := x)\n    except (ValueError, TypeError) as error:\n        raise KeyError from error\n": "086b4cd034496dbffc35f66ef4f209ca6a5ed257468e0996fbc25587675ebf2a",
}


@pytest.mark.parametrize(("text", "digest"), _KNOWN.items(), ids=["syntax", "values", "classes"])
def test_documents_are_the_same_under_every_python(load: Load, text: str, digest: str) -> None:
    code = _code(load(text))
    assert code.verified
    assert _digest(code) == digest


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (None, None),
        (True, True),
        (1, {"int": "1"}),
        (1.5, {"float": "0x1.8000000000000p+0"}),
        (-0.0, {"float": "-0x0.0p+0"}),
        (math.nan, {"float": "nan"}),
        (-math.inf, {"float": "-inf"}),
        ("a", "a"),
        (b"\x00\xff", {"bytes": "00ff"}),
        (Decimal("-1.00"), {"decimal": [1, "100", -2]}),
        (date(2024, 2, 29), {"date": "2024-02-29"}),
        (datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), {"datetime_utc": "0"}),
        (datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), {"datetime_utc": "-1000000"}),
        (datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1), {"datetime_utc": "1729992600000000"}),
        (datetime(1970, 1, 1), {"datetime": ["0", 0]}),  # noqa: DTZ001
        (timedelta(days=-1), {"timedelta": "-86400000000"}),
        ((1, "a"), {"tuple": [{"int": "1"}, "a"]}),
        ([], {"list": []}),
        ({"b": 1, "a": None}, {"dict": [["b", {"int": "1"}], ["a", None]]}),
        (frozenset({"b", "a"}), {"frozenset": ["a", "b"]}),
    ],
)
def test_values_have_one_form(value: object, form: object) -> None:
    assert canonical_value(value) == form


def test_integers_of_any_size_have_a_form() -> None:
    assert canonical_value(10**5000) != canonical_value(10**5000 + 1)


def test_a_value_of_another_type_is_an_error() -> None:
    with pytest.raises(DefinitionError, match="cannot be a literal"):
        canonical_value([object()])
