"""What there was for a while, what it costs, and who asked for it or used it: all that is allocated, as immutable data.

Amounts are whole: thousandths of cores and GPUs, and bytes, times seconds; network in bytes. So sums are exact.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from kubewright.costs.money import Money


class Resource(enum.Enum):
    """What is paid for."""

    CPU = "cpu"
    MEMORY = "memory"
    GPU = "gpu"
    STORAGE = "storage"
    BALANCER = "loadBalancer"
    NETWORK = "network"
    FEE = "fee"
    """What the cluster itself costs, whoever runs on it."""


_HOUR, _GIBIBYTE = 3600, 1 << 30
PER_UNIT: Mapping[Resource, int] = {
    Resource.CPU: 1000 * _HOUR,
    Resource.MEMORY: _GIBIBYTE * _HOUR,
    Resource.GPU: 1000 * _HOUR,
    Resource.STORAGE: _GIBIBYTE * _HOUR,
    Resource.BALANCER: _HOUR,
    Resource.NETWORK: _GIBIBYTE,
    Resource.FEE: _HOUR,
}
"""How much is one of what has a price: a core-hour, a GiB-hour, a GPU-hour; of network a GiB."""
OF_NODES = (Resource.CPU, Resource.MEMORY, Resource.GPU)


class Owner(NamedTuple):
    """A container, claim or service that something is charged to, and what it is summed by."""

    namespace: str
    kind: str = ""
    """Of its controller: Deployment, Job..., or what it is itself: PersistentVolumeClaim, Service."""
    controller: str = ""
    pod: str = ""
    container: str = ""
    team: str = ""
    app: str = ""
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Tariff:
    """What an hour of one of each resource costs, in money (a fraction of its smallest part, even)."""

    net: Mapping[Resource, Fraction]
    listed: Mapping[Resource, Fraction]
    """Before discounts."""
    source: str = "default"
    """Who says so: `file`, `label`, `pool` or `default`."""
    spot: bool = False


@dataclass(frozen=True, slots=True)
class Asset:
    """Something that costs while it is there."""

    kind: str
    """Node, PersistentVolumeClaim, Service, Network or Cluster."""
    name: str
    amounts: Mapping[Resource, int]
    """What it has of each resource, times the seconds that it was there."""
    tariff: Tariff
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    seconds: int = 0

    def cost(self, resource: Resource, *, listed: bool = False) -> Money:
        """Return what it costs for a resource."""
        rates = self.tariff.listed if listed else self.tariff.net
        rate = rates.get(resource)
        amount = self.amounts.get(resource, 0)
        return 0 if rate is None else amount * rate.numerator // (rate.denominator * PER_UNIT[resource])


@dataclass(frozen=True, slots=True)
class Demand:
    """What somebody asked for and used of one resource of an asset, times seconds."""

    owner: Owner
    asset: str
    """The name of it, with its kind before: `Node/a`."""
    resource: Resource
    requested: int
    used: int | None = None
    """None where nobody measured it."""

    @property
    def amount(self) -> int:
        """Return what is charged: the larger of the two."""
        return max(self.requested, self.used or 0)


def asset_key(kind: str, name: str) -> str:
    """Return what demands know an asset by."""
    return f"{kind}/{name}"
