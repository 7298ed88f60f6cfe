"""A virtual feature store: one definition of a feature, for training and for serving.

    import featurestore as fs

Names are imported when they are first used, so that importing the package costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from featurestore import testing as testing
    from featurestore.definitions.entities import Entity as Entity
    from featurestore.definitions.expressions import Rows as Rows
    from featurestore.definitions.expressions import Value as Value
    from featurestore.definitions.expressions import all as all
    from featurestore.definitions.expressions import any as any
    from featurestore.definitions.expressions import approx_distinct as approx_distinct
    from featurestore.definitions.expressions import attributes as attributes
    from featurestore.definitions.expressions import col as col
    from featurestore.definitions.expressions import count as count
    from featurestore.definitions.expressions import count_distinct as count_distinct
    from featurestore.definitions.expressions import first as first
    from featurestore.definitions.expressions import last as last
    from featurestore.definitions.expressions import last_n as last_n
    from featurestore.definitions.expressions import lit as lit
    from featurestore.definitions.expressions import max as max
    from featurestore.definitions.expressions import mean as mean
    from featurestore.definitions.expressions import min as min
    from featurestore.definitions.expressions import percentile as percentile
    from featurestore.definitions.expressions import std as std
    from featurestore.definitions.expressions import sum as sum
    from featurestore.definitions.expressions import when as when
    from featurestore.definitions.features import feature as feature
    from featurestore.definitions.features import features as features
    from featurestore.definitions.features import members as members
    from featurestore.definitions.inputs import Request as Request
    from featurestore.definitions.inputs import RequestTime as RequestTime
    from featurestore.definitions.inputs import use as use
    from featurestore.definitions.on_demand import on_demand as on_demand
    from featurestore.definitions.services import FeatureService as FeatureService
    from featurestore.definitions.services import Label as Label
    from featurestore.definitions.services import TrainingSet as TrainingSet
    from featurestore.definitions.sources import Source as Source
    from featurestore.definitions.transformations import transformation as transformation
    from featurestore.definitions.types import Array as Array
    from featurestore.definitions.types import Bool as Bool
    from featurestore.definitions.types import Bytes as Bytes
    from featurestore.definitions.types import Date as Date
    from featurestore.definitions.types import Decimal as Decimal
    from featurestore.definitions.types import Float32 as Float32
    from featurestore.definitions.types import Float64 as Float64
    from featurestore.definitions.types import Int32 as Int32
    from featurestore.definitions.types import Int64 as Int64
    from featurestore.definitions.types import String as String
    from featurestore.definitions.types import Timestamp as Timestamp
    from featurestore.definitions.types import Vector as Vector
    from featurestore.errors import FeaturestoreError as FeaturestoreError
    from featurestore.project import Project as Project
    from featurestore.project import open_project as open_project

_EXPRESSIONS = (
    "Rows Value all any approx_distinct attributes col count count_distinct first last last_n lit max mean min "
    "percentile std sum when"
)
_TYPES = "Array Bool Bytes Date Decimal Float32 Float64 Int32 Int64 String Timestamp Vector"
_NAMES = {
    **dict.fromkeys(_EXPRESSIONS.split(), "featurestore.definitions.expressions"),
    **dict.fromkeys(_TYPES.split(), "featurestore.definitions.types"),
    **dict.fromkeys(("feature", "features", "members"), "featurestore.definitions.features"),
    **dict.fromkeys(("Request", "RequestTime", "use"), "featurestore.definitions.inputs"),
    **dict.fromkeys(("FeatureService", "Label", "TrainingSet"), "featurestore.definitions.services"),
    **dict.fromkeys(("Project", "open_project"), "featurestore.project"),
    "Entity": "featurestore.definitions.entities",
    "FeaturestoreError": "featurestore.errors",
    "Source": "featurestore.definitions.sources",
    "on_demand": "featurestore.definitions.on_demand",
    "transformation": "featurestore.definitions.transformations",
}

__all__ = [
    "Array",
    "Bool",
    "Bytes",
    "Date",
    "Decimal",
    "Entity",
    "FeatureService",
    "FeaturestoreError",
    "Float32",
    "Float64",
    "Int32",
    "Int64",
    "Label",
    "Project",
    "Request",
    "RequestTime",
    "Rows",
    "Source",
    "String",
    "Timestamp",
    "TrainingSet",
    "Value",
    "Vector",
    "all",
    "any",
    "approx_distinct",
    "attributes",
    "col",
    "count",
    "count_distinct",
    "feature",
    "features",
    "first",
    "last",
    "last_n",
    "lit",
    "max",
    "mean",
    "members",
    "min",
    "on_demand",
    "open_project",
    "percentile",
    "std",
    "sum",
    "testing",
    "transformation",
    "use",
    "when",
]


def __getattr__(name: str) -> Any:
    if name == "testing":
        return importlib.import_module("featurestore.testing")
    if name not in _NAMES:
        message = f"module 'featurestore' has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(importlib.import_module(_NAMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
