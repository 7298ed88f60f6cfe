"""`featurestore model`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def build(shop: Path, run: Run) -> str:
    """The id of a build of the applied project's training set."""
    run("apply", "--yes", "-m", "first")
    found: str = json.loads(run("training-set", "build", "returns", "--json").stdout)["id"]
    return found


def test_register_records_a_model_and_writes_its_manifest(shop: Path, run: Run, build: str) -> None:
    (shop / "model.bin").write_bytes(b"weights")
    command = ("model", "register", "fraud", "--version", "v1", "--training-build", build)
    text = run(*command, "--artifact", "model.bin", "--metric", "auc=0.8", "--manifest", "out/manifest.json").stdout
    assert text == f"Registered model fraud@v1, trained on {build}.\nWrote out/manifest.json.\n"

    shown = json.loads(run("model", "show", "fraud", "--json").stdout)
    assert (shown["name"], shown["version"], shown["build"], shown["metrics"]) == ("fraud", "v1", build, {"auc": 0.8})
    assert shown["artifact"] == str(shop / "model.bin")
    manifest = json.loads((shop / "out" / "manifest.json").read_text())
    assert (manifest["model"], manifest["training_build"]) == ("fraud@v1", build)
    assert f"service:{manifest['service']}" == shown["service"]
    columns = ["mean_amount", "orders_7d", "orders_30d", "last_category", "against_usual"]
    assert list(manifest["fingerprints"]) == columns
    assert set(manifest["fingerprints"].values()) <= set(shown["fingerprints"].values())


def test_show_is_read_by_people_too(shop: Path, run: Run, build: str) -> None:
    run("model", "register", "fraud", "--version", "v1", "--training-build", build, "--metric", "auc=0.8")
    lines = run("model", "show", "fraud@v1").stdout.splitlines()
    assert ["trained", "on", build] in [line.split() for line in lines]
    assert any(line.split()[:2] == ["metrics", "auc"] for line in lines)


def test_models_are_listed_newest_first(shop: Path, run: Run, build: str) -> None:
    assert run("model", "list").stdout == "No model is registered yet.\n"
    for version in ("v1", "v2"):
        run("model", "register", "fraud", "--version", version, "--training-build", build)
    assert [line.split()[0] for line in run("model", "list").stdout.splitlines()[1:]] == ["fraud@v2", "fraud@v1"]
    assert [one["version"] for one in json.loads(run("model", "list", "--json").stdout)] == ["v2", "v1"]


def test_a_taken_version_is_refused_and_the_same_again_is_no_error(shop: Path, run: Run, build: str) -> None:
    command = ("model", "register", "fraud", "--version", "v1", "--training-build", build)
    first = run(*command, "--json").stdout
    assert run(*command, "--json").stdout == first
    assert "Error FS601" in run(*command, "--metric", "auc=0.9", code=1).stderr


def test_a_build_that_does_not_exist_is_an_error(shop: Path, run: Run) -> None:
    command = ("model", "register", "fraud", "--version", "v1", "--training-build", "b_000000000000")
    assert "Error FS703" in run(*command, code=1).stderr
    assert "Error FS703" in run("model", "show", "fraud", code=1).stderr


@pytest.mark.parametrize("metric", ["auc", "auc=good", "auc=nan", "=1"])
def test_a_metric_that_is_no_number_is_wrong_usage(shop: Path, run: Run, metric: str) -> None:
    run("model", "register", "m", "--version", "v1", "--training-build", "b_0", "--metric", metric, code=2)
