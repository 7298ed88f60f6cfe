"""Every error that is raised on purpose.

```
FeaturestoreError                     FS000
├── DefinitionError                   FS100  a definition is wrong in itself
│   ├── ReferenceNotFoundError        FS101  a name leads nowhere
│   ├── AmbiguousReferenceError       FS102  a bare name has several versions
│   ├── DuplicateDefinitionError      FS103  one name and version, defined twice
│   ├── CycleError                    FS104  a definition depends on itself
│   ├── TypeMismatchError             FS105  types do not fit
│   ├── LookAheadError                FS106  a step would see the future
│   ├── ImpureFunctionError           FS107  code reads a clock, chance, files, network or changing state
│   ├── NameClashError                FS108  two columns of one name
│   └── NotSupportedError             FS109  understood, and not (yet) to be had here
├── ProjectError                      FS200  the project on disk
│   ├── ConfigurationError            FS201  featurestore.yaml or sources.lock.yaml
│   ├── ProjectImportError            FS202  a file of the project does not import
│   ├── EmptyProjectError             FS203  nothing is defined
│   └── ShadowedPackageError          FS204  a folder of the user's hides this package
├── SourceError                       FS300  data that does not fit its definition
│   ├── MissingTableError             FS301
│   ├── MissingColumnError            FS302
│   ├── ColumnTypeError               FS303
│   ├── UnreadableDataError           FS304
│   └── SchemaChangedError            FS305  the engine and sources.lock.yaml disagree
├── SpineError                        FS400  the spine cannot be used
├── ComputeError                      FS500  a computation failed
│   ├── NumberOverflowError           FS501
│   ├── UserCodeError                 FS502  a function of the user's raised
│   └── NullRequestError              FS503  a function takes no null for a request value, and got one
├── PlanError                         FS600  plan and apply
│   ├── VersionTakenError             FS601  other logic under a registered version
│   ├── PlanOutdatedError             FS602  the registry or the project moved since the plan was made
│   └── RefusedPlanError              FS603  the plan holds refused changes
├── RegistryError                     FS700
│   ├── RegistryUnavailableError      FS701
│   ├── RegistrySchemaError           FS702  the registry is older or newer than the code
│   ├── RecordNotFoundError           FS703
│   ├── LeaseHeldError                FS704  another run holds the group
│   └── LeaseLostError                FS705  another run took the group over
├── ProviderError                     FS800
│   ├── ProviderNotFoundError         FS801
│   ├── MissingExtraError             FS802  a driver is not installed
│   ├── EngineError                   FS803  an engine failed in a way we do not know
│   ├── CorruptRowError               FS804  bytes in an online store cannot be read
│   └── StoreUnavailableError         FS805  an online store cannot be reached, read or written
├── BuildError                        FS900  training sets
│   └── NotReproducedError            FS901  the same record gave other values
├── MaterializationError              FS920  a run of a group cannot start or go on
│   ├── ResultRefusedError            FS921  what was computed did not pass its checks
│   └── NotVerifiedError              FS922  the online store does not hold what was written
└── ServingError                      FS940  reading features online
    ├── ServerUnavailableError        FS941  no feature server answers at the address
    ├── DeadlineExceededError         FS942  there was no reply in the time that the caller gives
    └── RequestError                  FS950  a request that cannot be answered as it was asked
        └── FingerprintDiffersError   FS951  the caller knows a feature by another fingerprint
```
"""

from typing import ClassVar

__all__ = [
    "AmbiguousReferenceError",
    "BuildError",
    "ColumnTypeError",
    "ComputeError",
    "ConfigurationError",
    "CorruptRowError",
    "CycleError",
    "DeadlineExceededError",
    "DefinitionError",
    "DuplicateDefinitionError",
    "EmptyProjectError",
    "EngineError",
    "FeaturestoreError",
    "FingerprintDiffersError",
    "ImpureFunctionError",
    "LeaseHeldError",
    "LeaseLostError",
    "LookAheadError",
    "MaterializationError",
    "MissingColumnError",
    "MissingExtraError",
    "MissingTableError",
    "NameClashError",
    "NotReproducedError",
    "NotSupportedError",
    "NotVerifiedError",
    "NullRequestError",
    "NumberOverflowError",
    "PlanError",
    "PlanOutdatedError",
    "ProjectError",
    "ProjectImportError",
    "ProviderError",
    "ProviderNotFoundError",
    "RecordNotFoundError",
    "ReferenceNotFoundError",
    "RefusedPlanError",
    "RegistryError",
    "RegistrySchemaError",
    "RegistryUnavailableError",
    "RequestError",
    "ResultRefusedError",
    "SchemaChangedError",
    "ServerUnavailableError",
    "ServingError",
    "ShadowedPackageError",
    "SourceError",
    "SpineError",
    "StoreUnavailableError",
    "TypeMismatchError",
    "UnreadableDataError",
    "UserCodeError",
    "VersionTakenError",
]


class FeaturestoreError(Exception):
    """Any error raised on purpose by this package.

    Args:
        message: What is wrong, in a sentence.
        where: The place, if there is one: ``file.py:12`` or ``featurestore.yaml, targets.laptop.offline``.
        hint: What to do about it.
    """

    code: ClassVar[str] = "FS000"

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f"\n  {self.hint}" if self.hint else ""
        return f"{place}{self.message}{advice}"


class DefinitionError(FeaturestoreError):
    """A definition is wrong in itself, whatever the data."""

    code = "FS100"


class ReferenceNotFoundError(DefinitionError):
    """A definition names another that does not exist."""

    code = "FS101"


class AmbiguousReferenceError(DefinitionError):
    """A bare name stands for several versions."""

    code = "FS102"


class DuplicateDefinitionError(DefinitionError):
    """One name and version is defined in two places."""

    code = "FS103"


class CycleError(DefinitionError):
    """A definition depends on itself."""

    code = "FS104"


class TypeMismatchError(DefinitionError):
    """An expression, an argument or a key has a type that does not fit."""

    code = "FS105"


class LookAheadError(DefinitionError):
    """A step would see rows that were not yet known."""

    code = "FS106"


class ImpureFunctionError(DefinitionError):
    """A function reads a clock, randomness, files, the network or changing state."""

    code = "FS107"


class NameClashError(DefinitionError):
    """Two columns of one result would have the same name."""

    code = "FS108"


class NotSupportedError(DefinitionError):
    """A definition is understood and cannot be honored by this version or this engine."""

    code = "FS109"


class ProjectError(FeaturestoreError):
    """The project on disk cannot be used."""

    code = "FS200"


class ConfigurationError(ProjectError):
    """``featurestore.yaml`` or ``sources.lock.yaml`` is wrong."""

    code = "FS201"


class ProjectImportError(ProjectError):
    """A Python file of the project does not import."""

    code = "FS202"


class EmptyProjectError(ProjectError):
    """The project defines nothing."""

    code = "FS203"


class ShadowedPackageError(ProjectError):
    """A file or folder of the user's hides the package of the same name."""

    code = "FS204"


class SourceError(FeaturestoreError):
    """Data does not fit the source that describes it."""

    code = "FS300"


class MissingTableError(SourceError):
    """The table or the files of a source are not there."""

    code = "FS301"


class MissingColumnError(SourceError):
    """A column that a definition reads is not there."""

    code = "FS302"


class ColumnTypeError(SourceError):
    """A column has a type that cannot be used where it is used."""

    code = "FS303"


class UnreadableDataError(SourceError):
    """The data is there and cannot be read."""

    code = "FS304"


class SchemaChangedError(SourceError):
    """The engine's columns differ from ``sources.lock.yaml``."""

    code = "FS305"


class SpineError(FeaturestoreError):
    """The spine lacks a key or a time, or cannot be used as it is."""

    code = "FS400"


class ComputeError(FeaturestoreError):
    """A computation failed."""

    code = "FS500"


class NumberOverflowError(ComputeError):
    """A number does not fit the type of its feature."""

    code = "FS501"


class UserCodeError(ComputeError):
    """A function of the user's raised; ``__cause__`` is what it raised."""

    code = "FS502"


class NullRequestError(ComputeError):
    """A request value is null, and the on-demand function says that it takes none."""

    code = "FS503"


class PlanError(FeaturestoreError):
    """Plan or apply cannot go on."""

    code = "FS600"


class VersionTakenError(PlanError):
    """Other logic is registered under the same name and version."""

    code = "FS601"


class PlanOutdatedError(PlanError):
    """The registry or the project has moved since the plan was made."""

    code = "FS602"


class RefusedPlanError(PlanError):
    """The plan holds changes that are refused."""

    code = "FS603"


class RegistryError(FeaturestoreError):
    """The registry cannot do what was asked."""

    code = "FS700"


class RegistryUnavailableError(RegistryError):
    """The registry's database cannot be reached, read or written."""

    code = "FS701"


class RegistrySchemaError(RegistryError):
    """The registry's schema is older or newer than this code."""

    code = "FS702"


class RecordNotFoundError(RegistryError):
    """The registry holds no such record."""

    code = "FS703"


class LeaseHeldError(RegistryError):
    """Another run holds the group's lease, and it has not expired."""

    code = "FS704"


class LeaseLostError(RegistryError):
    """The lease is no longer this run's: it was released, or another run took it over."""

    code = "FS705"


class ProviderError(FeaturestoreError):
    """A provider cannot be used."""

    code = "FS800"


class ProviderNotFoundError(ProviderError):
    """No installed package offers the provider."""

    code = "FS801"


class MissingExtraError(ProviderError):
    """The provider is known and its driver is not installed."""

    code = "FS802"


class EngineError(ProviderError):
    """An engine failed in a way that has no name here."""

    code = "FS803"


class CorruptRowError(ProviderError):
    """A row or a marker in an online store is cut short, damaged or of an unknown format."""

    code = "FS804"


class StoreUnavailableError(ProviderError):
    """An online store cannot be reached, opened, read or written."""

    code = "FS805"


class BuildError(FeaturestoreError):
    """A training set cannot be built."""

    code = "FS900"


class NotReproducedError(BuildError):
    """Building again from the record gave other values."""

    code = "FS901"


class MaterializationError(FeaturestoreError):
    """A group cannot be materialized: the run cannot start, or cannot go on."""

    code = "FS920"


class ResultRefusedError(MaterializationError):
    """What was computed for a boundary did not pass its checks; nothing of it was written."""

    code = "FS921"


class NotVerifiedError(MaterializationError):
    """The online store does not hold what a run has written to it; nothing was published."""

    code = "FS922"


class ServingError(FeaturestoreError):
    """A service cannot be read."""

    code = "FS940"


class ServerUnavailableError(ServingError):
    """No feature server answers at the address, however often it was tried within the time that the caller gives."""

    code = "FS941"


class DeadlineExceededError(ServingError):
    """A server was reached and did not reply in the time that the caller gives."""

    code = "FS942"


class RequestError(ServingError):
    """A request cannot be answered as it was asked: nothing was read for it."""

    code = "FS950"


class FingerprintDiffersError(RequestError):
    """The caller expects a feature of another fingerprint than the service has, or one that it has not."""

    code = "FS951"
