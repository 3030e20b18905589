"""What one container has of one resource: as SizePolicies offer it to the next release, and as a release took it."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from kubewright.api.crds.scalepolicy.metrics import AMOUNT
from kubewright.api.described import described
from kubewright.api.meta import Leaf


class SizePlace(NamedTuple):
    """Which of a workload's amounts is meant."""

    container: str
    resource: str


class ContainerSize(Leaf, frozen=True, omit_defaults=True):
    """What a container requests of a resource, and may use."""

    container: Annotated[str, described("Whose.", required=True)] = ""
    resource: Annotated[str, described("Of what.", {"enum": ["cpu", "memory"]}, required=True)] = ""
    request: Annotated[str, described("What it requests.", AMOUNT, required=True)] = ""
    limit: Annotated[str, described("What it may use; none without a limit.", AMOUNT)] = ""

    @property
    def place(self) -> SizePlace:
        """Return which amount this is."""
        return SizePlace(self.container, self.resource)

    def __str__(self) -> str:
        return f"{self.container} {self.resource} {self.request}"
