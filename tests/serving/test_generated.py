import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROTO = "serving/featurestore_serving/v1/serving.proto"
GENERATED_WITH = "1.85.1"


def test_the_generated_code_is_what_the_proto_file_says(tmp_path: Path) -> None:
    try:
        version = importlib.metadata.version("grpcio-tools")
    except importlib.metadata.PackageNotFoundError:
        version = "none"
    if version != GENERATED_WITH:
        pytest.skip(f"needs grpcio-tools {GENERATED_WITH} and finds {version}: pip install 'featurestore[dev]'")
    outputs = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I", "serving", *outputs, PROTO], cwd=ROOT, check=True)
    made = {file.name: file.read_text() for file in (tmp_path / "featurestore_serving/v1").iterdir()}
    kept = {file.name: file.read_text() for file in (ROOT / PROTO).parent.glob("serving_pb2*")}
    assert made == kept, "run `make proto`"
