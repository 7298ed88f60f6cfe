"""The page on providers: what it shows is what an author can run."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAMPLE = Path(__file__).parent / "sqlite_warehouse"
LOADING = """
import sys
sys.path[:0] = [{sample!r}]
from test_conformance import TestSQLiteWarehouse

def write_table(path, name, rows, schema):
    TestSQLiteWarehouse().load(path.parent, name, rows, schema)

from sqlite_warehouse import provider
"""


def pytest_of(folder: Path, *arguments: str) -> str:
    """What pytest says at the end, in the folder of an author."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "golden or record", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def test_the_files_of_the_page_are_a_conformance_test(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", page, re.DOTALL))
    assert set(shown) == {"conftest.py", "test_conformance.py"}
    (tmp_path / "my_package.py").write_text(LOADING.format(sample=str(SAMPLE)), encoding="utf-8")
    (tmp_path / "conftest.py").write_text(shown["conftest.py"], encoding="utf-8")
    test = shown["test_conformance.py"].replace("import provider\n", "import provider, write_table\n")
    (tmp_path / "test_mine.py").write_text(test, encoding="utf-8")
    assert "10 failed" in pytest_of(tmp_path)
    assert "10 passed" in pytest_of(tmp_path, "--update-golden")
    assert "10 passed" in pytest_of(tmp_path)
    assert {path.name for path in (tmp_path / "golden").iterdir()} == {
        path.name for path in (SAMPLE / "golden").iterdir()
    }
