"""Models: which builds they may be registered with, what is recorded, and what their clients are given."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from featurestore.errors import RecordNotFoundError, RegistryError, VersionTakenError
from featurestore.project import Project, open_project
from featurestore.project.models import manifest_of
from featurestore.project.recorded import recorded_graph, recorded_project

MORE = """

class Pair(NamedTuple):
    one: float | None
    two: float | None


@fs.on_demand(version="v1")
def twice(spend: float | None, amount: fs.Request[float]) -> Pair:
    return Pair(spend, spend and spend * amount)


late = fs.Label("late", version="v1", source=orders, column="amount", entity=customer)
service = fs.FeatureService("service", version="v1", features=[spend, twice])
served = fs.TrainingSet("served", version="v1", label=late, features=service)
bare = fs.TrainingSet("bare", version="v1", label=late, features=[twice])
"""


@pytest.fixture
def project(shop: Path) -> Iterator[Project]:
    """The shop with an on-demand function of two columns, and training sets with a service and without."""
    file = shop / "spending.py"
    file.write_text(f"from typing import NamedTuple\n\n{file.read_text()}{MORE}")
    with open_project(shop) as opened:
        yield opened


def built(project: Project, training_set: str = "served") -> str:
    project.plan().apply("first")
    return project.training_set(training_set).build(in_memory=True).record.id


def test_a_model_is_recorded_with_the_features_of_its_build_and_the_edges_to_it(project: Project) -> None:
    build = built(project)
    model = project.register_model("churn", version="3", training_build=build, metrics={"auc": 0.75})

    logic = {one.id: one.fingerprint.logic for one in project.definitions}
    assert model.fingerprints == {ref: logic[ref] for ref in ("feature:spend@v1", "on_demand:twice@v1")}
    assert (model.service, model.service_fingerprint) == ("service:service@v1", logic["service:service@v1"])
    assert (model.build, model.metrics, model.artifact, model.checksum) == (build, {"auc": 0.75}, "", "")
    assert "python" in model.packages
    graph = recorded_graph(recorded_project(project.root))
    path = [line.node for line in graph.upstream("churn@3", depth=2).lines]
    assert path == ["model:churn@3", f"build:{build}", "training_set:served@v1"]
    assert graph.reached("orders.amount", "downstream")["model:churn@3"] == "direct"


@pytest.mark.parametrize(("training_set", "service"), [("served", "service@v1"), ("bare", None)])
def test_the_manifest_has_the_logic_of_each_column_that_was_trained_with(
    project: Project, training_set: str, service: str | None
) -> None:
    model = project.register_model("churn", version="3", training_build=built(project, training_set))
    with project.reader() as reader:
        manifest = manifest_of(model, reader)
    layout, _ = project.select("service" if service else ["twice"])
    assert manifest == {
        "model": "churn@3",
        "training_build": model.build,
        "service": service,
        "fingerprints": {column: one.feature.fingerprint.logic for one in layout.selected for column in one.columns},
    }
    assert list(layout.columns) == list(json.loads(json.dumps(manifest))["fingerprints"])


def test_the_same_again_is_the_first_record_and_other_content_is_refused(project: Project) -> None:
    build = built(project)
    first = project.register_model("churn", version="3", training_build=build)
    assert project.register_model("churn", version="3", training_build=build) == first
    with pytest.raises(VersionTakenError, match="metrics"):
        project.register_model("churn", version="3", training_build=build, metrics={"auc": 0.5})


def test_a_build_of_definitions_that_are_not_applied_is_refused_by_name(project: Project) -> None:
    build = project.training_set("served").build(in_memory=True).record.id
    with pytest.raises(RegistryError, match=r"feature:spend@v1 \(\w{8} in the build, not applied\)"):
        project.register_model("churn", version="3", training_build=build)
    with project.reader() as reader:
        assert reader.models(project.name) == ()


def test_a_build_that_is_not_recorded_is_refused(project: Project) -> None:
    with pytest.raises(RecordNotFoundError):
        project.register_model("churn", version="3", training_build="b_000000000000")


@pytest.mark.parametrize(("name", "version"), [("churn@3", "1"), ("", "1"), ("churn", "a b")])
def test_a_name_that_could_not_be_found_again_is_refused(project: Project, name: str, version: str) -> None:
    with pytest.raises(RegistryError, match="of a model"):
        project.register_model(name, version=version, training_build="b_000000000000")


def test_a_file_has_its_checksum_a_folder_needs_one_and_nothing_is_read_of_a_uri(
    project: Project, tmp_path: Path
) -> None:
    build = built(project)
    file = tmp_path / "model.bin"
    file.write_bytes(b"weights")

    def register(version: str, artifact: str | Path, checksum: str | None = None) -> tuple[str, str]:
        model = project.register_model(
            "churn", version=version, training_build=build, artifact=artifact, checksum=checksum
        )
        return model.artifact, model.checksum

    assert register("1", file) == (str(file), hashlib.sha256(b"weights").hexdigest())
    assert register("2", "s3://models/churn") == ("s3://models/churn", "")
    assert register("3", tmp_path, "abc") == (str(tmp_path), "abc")
    with pytest.raises(RegistryError, match="folder"):
        register("4", tmp_path)
    with pytest.raises(RegistryError, match="not there"):
        register("4", tmp_path / "nothing.bin")
