"""What importing costs: names are loaded when they are used, drivers when they are needed."""

import subprocess
import sys

import pytest

DRIVERS = {"duckdb", "pyarrow", "pandas", "polars", "numpy", "ibis"}
LIBRARIES = {"pydantic", "sqlalchemy", "alembic", "sqlglot", "yaml", "click", "rich"}


def loaded_after(statement: str) -> set[str]:
    """The packages that a new process has loaded after running ``statement``."""
    code = f"{statement}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_that_it_depends_on() -> None:
    loaded = loaded_after("import featurestore")
    assert "featurestore" in loaded
    assert loaded & (DRIVERS | LIBRARIES) == set()


@pytest.mark.parametrize(
    "statement",
    [
        "fs.Entity",
        "fs.Source, fs.transformation, fs.features, fs.on_demand, fs.Request, fs.TrainingSet, fs.Vector",
        "fs.Entity('customer', keys={'customer_id': fs.Int64})._repr_html_()",
    ],
)
def test_definitions_load_no_driver_and_no_library(statement: str) -> None:
    assert loaded_after(f"import featurestore as fs; {statement}") & (DRIVERS | LIBRARIES) == set()


def test_resolving_definitions_loads_no_driver_and_no_library() -> None:
    assert loaded_after("import featurestore.definitions.resolution") & (DRIVERS | LIBRARIES) == set()


def test_opening_a_project_loads_no_driver() -> None:
    assert loaded_after("import featurestore as fs; fs.open_project") & DRIVERS == set()


def test_every_public_name_can_be_had_and_is_listed() -> None:
    code = "import featurestore as fs; print(*[name for name in dir(fs) if getattr(fs, name, None) is None])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    code = "import featurestore as fs; print(hasattr(fs, 'FeatureView'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
