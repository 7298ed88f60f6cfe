"""What a service reads and gives, and the interface of whatever answers for it, here or elsewhere."""

from dataclasses import dataclass
from typing import Protocol

from featurestore_serving.vectors import FeatureVectors, Request

__all__ = ["FeatureReader", "Field", "ServiceDescription"]


@dataclass(frozen=True)
class Field:
    """A column: its name, its type as definitions write it, and for features the logic fingerprint."""

    name: str
    type: str
    fingerprint: str = ""


@dataclass(frozen=True)
class ServiceDescription:
    """What a request to a service must have, and what a reply holds, in order.

    ``service`` is ``name@version``, ``fingerprint`` the service's logic fingerprint.
    """

    service: str
    fingerprint: str
    description: str
    entities: tuple[Field, ...]
    request_values: tuple[Field, ...]
    features: tuple[Field, ...]


class FeatureReader(Protocol):
    """Reads features of entities. Its methods are called from several threads at once.

    Services are named ``name`` or ``name@version``. Both methods raise

    - ReferenceNotFoundError: there is no such service or version.
    - NotSupportedError: there is, and this code is too old for it.
    - any other FeaturestoreError: the request as a whole cannot be answered.
    """

    def describe(self, service: str) -> ServiceDescription:
        """What the service reads and gives."""
        ...

    def get(self, request: Request) -> FeatureVectors:
        """One value per column and entity, in the order of the request; what befalls one value is in its status."""
        ...
