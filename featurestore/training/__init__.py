"""Training sets: `values_at` over label rows, and the record that says what was built from what."""

from featurestore.training.build import build
from featurestore.training.comparison import Comparison, compare_builds
from featurestore.training.inputs import check_inputs
from featurestore.training.provenance import Provenance, provenance
from featurestore.training.rebuild import rebuild, record
from featurestore.training.result import TrainingBuild

__all__ = [
    "Comparison",
    "Provenance",
    "TrainingBuild",
    "build",
    "check_inputs",
    "compare_builds",
    "provenance",
    "rebuild",
    "record",
]
