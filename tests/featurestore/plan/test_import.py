"""What importing the package costs."""

import subprocess
import sys


def test_importing_plan_imports_no_driver_and_no_migrations() -> None:
    code = "import sys, featurestore.plan; print({'alembic', 'duckdb', 'pyarrow', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
