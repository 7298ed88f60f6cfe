"""Finding and importing a project's files."""

import importlib
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from featurestore.definitions.features import Feature
from featurestore.errors import (
    ConfigurationError,
    DefinitionError,
    EmptyProjectError,
    FeaturestoreError,
    ProjectError,
    ProjectImportError,
    ShadowedPackageError,
)
from featurestore.project.loader import load, python_files

Write = Callable[..., Path]

OWN_FOLDERS = Path(__file__).parents[2] / "projects" / "own_folders"
ENTITY = "import featurestore as fs\n{0} = fs.Entity('{0}', keys={{'{0}_id': fs.Int64}})\n"


def entity(name: str) -> str:
    return ENTITY.format(name)


def names(root: Path, *places: str) -> list[str]:
    return [one.name for one in load(root, places or (".",))]  # type: ignore[attr-defined]


def failure(root: Path, *places: str, of: type[FeaturestoreError] = ProjectImportError) -> FeaturestoreError:
    with pytest.raises(of) as caught:
        load(root, places or (".",))
    return caught.value


def test_files_are_found_without_tests_scripts_hidden_folders_and_nested_projects(write: Write) -> None:
    kept = ["a.py", "b/c.py", "b/__init__.py", "b/d/e.py"]
    skipped = [
        "__init__.py", "__main__.py", "setup.py", "conftest.py", "test_a.py", "b/test_c.py", ".hidden/x.py", ".x.py",
        ".venv/lib/x.py", "venv/x.py", "tests/x.py", "test/x.py", "build/x.py", "node_modules/x.py",
        "b/__pycache__/x.py", "inner/featurestore.yaml", "inner/x.py", "a.txt",
    ]  # fmt: skip
    root = write(dict.fromkeys(kept + skipped, ""))
    assert [str(file.relative_to(root)) for file in python_files(root, ["."])] == sorted(kept)


def test_a_place_may_be_a_folder_or_a_file_with_or_without_its_ending(write: Write) -> None:
    root = write({"a.py": "", "b/c.py": "", "b/d.py": "", "e.py": ""})
    found = python_files(root, ["a", "b/c.py", "./b", "b/../b"])
    assert [str(file.relative_to(root)) for file in found] == ["a.py", "b/c.py", "b/d.py"]


@pytest.mark.parametrize(
    ("place", "message"), [("nowhere", "there is no 'nowhere'"), ("../shop2", "is not below"), ("/", "is not below")]
)
def test_a_place_that_is_not_in_the_project_is_an_error_of_the_configuration(
    write: Write, place: str, message: str
) -> None:
    write({"a.py": entity("a")}, folder="shop2")
    error = failure(write({"a.py": entity("a")}), place, of=ConfigurationError)
    assert message in error.message
    assert error.where == "featurestore.yaml"


def test_a_project_without_definitions_is_an_error_that_says_how_much_was_looked_at(write: Write) -> None:
    error = failure(write({"a.py": "x = 1", "b.py": ""}), of=EmptyProjectError)
    assert (error.hint or "").startswith("2 Python files were looked at")


def test_each_definition_is_collected_once_however_files_import_each_other(write: Write) -> None:
    root = write(
        {"a.py": "import z\nfrom m import m\n" + entity("a"), "m.py": entity("m"), "z.py": "import m\n" + entity("z")}
    )
    assert sorted(names(root)) == ["a", "m", "z"]
    for order in (("a", "z", "m"), ("z", "m", "a"), ("m", "a", "z")):
        assert sorted(names(root, *order)) == ["a", "m", "z"]


def test_two_files_may_import_each_other_in_either_order(write: Write) -> None:
    root = write({"a.py": "import b\n" + entity("a"), "b.py": "import a\n" + entity("b")})
    assert sorted(names(root, "a", "b")) == sorted(names(root, "b", "a")) == ["a", "b"]


def test_a_circle_that_python_cannot_import_is_placed_at_the_users_line(write: Write) -> None:
    error = failure(write({"a.py": "\nfrom b import b\n" + entity("a"), "b.py": "\n\nfrom a import a\n" + entity("b")}))
    assert "circular import" in error.message
    assert error.where == "b.py:3"


def test_a_loop_makes_as_many_features_as_it_runs(write: Write) -> None:
    loop = """
        import featurestore as fs
        customer = fs.Entity("customer", keys={"id": fs.Int64})
        orders = fs.Source("orders", path="orders.parquet", event_time="at")
        for days in (7, 30, 90):
            @fs.feature(entity=customer, name=f"spend_{days}d", every="1d")
            def spend(orders: fs.Rows) -> fs.Value:
                return orders.amount.sum(over=f"{days}d")
        """
    found = load(write({"a.py": textwrap.dedent(loop)}), ["."])
    assert [one.name for one in found if isinstance(one, Feature)] == ["spend_7d", "spend_30d", "spend_90d"]


def test_prints_and_warnings_of_a_file_do_no_harm(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    root = write({"a.py": "import warnings\nprint('hello')\n" + entity("a") + "warnings.warn('old', stacklevel=1)\n"})
    with pytest.warns(UserWarning, match="old"):
        assert names(root) == ["a"]
    assert capsys.readouterr().out == "hello\n"


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("\nimport nowhere_at_all\n", "b.py:2", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("x = (\n", "b.py:1", "SyntaxError"),
        ("\n\ndef f(:\n    pass\n", "b.py:3", "SyntaxError"),
        ("import sys\nsys.exit(3)\n", "b.py:2", "SystemExit: 3"),
        ("raise SystemExit\n", "b.py:1", "SystemExit"),
        ("\n\n1 / 0\n", "b.py:3", "ZeroDivisionError: division by zero"),
        ("import ast\nast.parse('(')\n", "b.py:2", "SyntaxError"),
        ("import json\n\njson.loads('{')\n", "b.py:3", "JSONDecodeError"),
        ("import helper\n\nhelper.check(1)\n", "helper.py:3", "ValueError: never.."),
        ("def f():\n    f()\nf()\n", "b.py:2", "RecursionError"),
        ("raise KeyError('../x')\n", "b.py:1", "KeyError: '../x'"),
    ],
)
def test_what_a_file_raises_is_placed_at_the_last_line_of_the_users(
    write: Write, text: str, where: str, message: str
) -> None:
    root = write({"a.py": entity("a"), "b.py": text, "helper.py": "\ndef check(x):\n    raise ValueError('never..')\n"})
    error = failure(root)
    assert error.message.startswith(f"b.py does not import: {message.rstrip('.')}")
    assert not error.message.endswith("..")
    assert error.where == where
    assert error.hint == "Nothing was planned and nothing was written."
    assert error.__cause__ is not None
    assert type(error.__cause__).__name__ in error.message


def test_a_line_in_a_virtual_environment_inside_the_project_is_not_the_users(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = ".venv/lib/python3.11/site-packages"
    root = write(
        {
            f"{library}/somelib.py": "def fail():\n    raise ValueError('no')\n",
            "a.py": "\nimport somelib\nsomelib.fail()\n",
        }
    )
    monkeypatch.syspath_prepend(str(root / library))
    assert failure(root).where == "a.py:3"


def test_every_file_that_does_not_import_is_named(write: Write) -> None:
    root = write({"a.py": "1 / 0", "b.py": entity("b"), "c/d.py": "import nowhere_at_all", "e.py": "x = "})
    error = failure(root)
    assert error.message == "a.py does not import: ZeroDivisionError: division by zero. Neither do c/d.py, e.py."
    assert error.where == "a.py:1"


def test_a_wrong_definition_keeps_its_own_kind_and_place(write: Write) -> None:
    error = failure(write({"a.py": "import featurestore as fs\n\nx = fs.Entity('x', keys={})\n"}), of=DefinitionError)
    assert (error.where or "").endswith("a.py:3")
    assert error.__cause__ is not error


def test_an_interrupt_is_not_taken_for_an_error_of_the_file(write: Write) -> None:
    with pytest.raises(KeyboardInterrupt):
        load(write({"a.py": "raise KeyboardInterrupt"}), ["."])


@pytest.mark.parametrize("name", ["featurestore/x.py", "featurestore.py", "featurestore/data.txt"])
def test_a_folder_or_file_called_like_this_package_is_refused_with_advice(write: Write, name: str) -> None:
    error = failure(write({"a.py": entity("a"), name: ""}), of=ShadowedPackageError)
    assert "hides it from your own files" in error.message
    assert "features" in (error.hint or "")


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("calendar.py", "Python itself"),
        ("queue/x.py", "Python itself"),
        ("yaml.py", "site-packages"),
        ("click/x.py", "site-packages"),
    ],
)
def test_a_file_called_like_an_installed_module_is_refused(write: Write, name: str, hidden: str) -> None:
    error = failure(write({"a.py": entity("a"), name: ""}), of=ShadowedPackageError)
    assert hidden in error.message
    assert (error.hint or "").startswith("Rename it")


def test_a_file_outside_of_the_definitions_hides_modules_all_the_same(write: Write) -> None:
    error = failure(write({"features/a.py": entity("a"), "queue.py": ""}), "features", of=ShadowedPackageError)
    assert error.hint == "Rename it."


def test_a_folder_without_python_may_be_called_like_a_package_which_stays_imported(write: Write) -> None:
    yaml = importlib.import_module("yaml")
    assert names(write({"a.py": entity("a"), "yaml/notes.txt": "", "alembic/versions/x.sql": ""})) == ["a"]
    assert importlib.import_module("yaml") is yaml


def test_a_name_that_is_none_in_python_is_refused_with_advice(write: Write) -> None:
    error = failure(write({"a.py": entity("a"), "2024-notes/x.py": ""}))
    assert "'2024-notes' is no name in Python" in error.message
    assert "definitions" in (error.hint or "")


def test_a_file_and_a_package_of_one_name_are_refused(write: Write) -> None:
    error = failure(write({"a.py": entity("a"), "a/__init__.py": entity("b")}))
    assert error.message == "a/__init__.py and a.py are both the module 'a'."


def test_the_users_own_providers_serving_and_tests_are_theirs(write: Write) -> None:
    importlib.import_module("featurestore_duckdb")  # whose folder is called providers, beside ours called tests
    found = load(OWN_FOLDERS, ["features", "serving"])
    assert {one.name for one in found} == {"customer", "own_orders", "Spending.spent"}  # type: ignore[attr-defined]
    assert str(sys.modules["providers.windows"].__file__).startswith(str(OWN_FOLDERS))


def test_the_users_own_folders_are_theirs_in_a_fresh_process() -> None:
    code = "import featurestore as fs, sys; p = fs.open_project(sys.argv[1]); print(len(p.objects))"
    ran = subprocess.run([sys.executable, "-c", code, str(OWN_FOLDERS)], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("3\n", "")


def test_two_projects_with_files_of_equal_names_each_get_their_own(write: Write) -> None:
    one = write({"features/a.py": "from lib import NAME\n" + entity("one"), "lib.py": "NAME = 1"}, folder="one")
    two = write(
        {"features/a.py": "from lib import NAME\nassert NAME == 2\n" + entity("two"), "lib.py": "NAME = 2"},
        folder="two",
    )
    assert names(one, "features") == ["one"]
    assert names(two, "features") == ["two"]
    assert names(one, "features") == ["one"]


def test_a_project_does_not_find_the_modules_of_the_one_before(write: Write) -> None:
    names(write({"a.py": entity("a"), "lib.py": ""}, folder="one"))
    error = failure(write({"a.py": "import lib\n" + entity("a")}, folder="two"))
    assert "No module named 'lib'" in error.message


def test_opening_again_reads_a_file_that_changed_within_the_second_and_kept_its_size(write: Write) -> None:
    root = write({"a.py": entity("abc"), "lib.py": ""})
    assert names(root) == ["abc"]
    write({"a.py": entity("xyz")})
    assert names(root) == ["xyz"]
    assert not list(root.rglob("*.pyc"))


def test_opening_again_reads_a_helper_outside_of_the_definitions_anew(write: Write) -> None:
    root = write(
        {
            "features/a.py": "from lib import NAME\nimport featurestore as fs\nfs.Entity(NAME, keys={'k': fs.Int64})",
            "lib.py": "NAME = 'a'",
        }
    )
    assert names(root, "features") == ["a"]
    write({"lib.py": "NAME = 'b'"})
    assert names(root, "features") == ["b"]


def test_the_project_is_found_first_and_the_callers_own_folder_stays_on_the_path(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = write({"a.py": entity("a")}, folder="one"), write({"b.py": entity("b")}, folder="two")
    monkeypatch.syspath_prepend(str(one))
    names(one)
    names(two)
    assert sys.path[0] == str(two)
    assert str(one) in sys.path
    names(one)
    assert str(two) not in sys.path


def test_a_file_that_opens_its_own_project_is_told_where_to_do_that(write: Write) -> None:
    root = write({"a.py": entity("a"), "train.py": "import featurestore as fs\np = fs.open_project(__file__)\n"})
    error = failure(root, of=ProjectError)
    assert error.where == "train.py:2"
    assert "__main__" in (error.hint or "")


def test_a_package_with_a_main_module_does_not_run_it(write: Write) -> None:
    root = write({"a/__init__.py": entity("a"), "a/__main__.py": "raise SystemExit", "__main__.py": "raise SystemExit"})
    main = sys.modules["__main__"]
    assert names(root) == ["a"]
    assert sys.modules["__main__"] is main
