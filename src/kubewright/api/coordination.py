"""The `coordination.k8s.io` group: leases, by which replicas elect a leader and nodes show that they live."""

from __future__ import annotations

from collections.abc import Sequence

from kubewright.api.meta import KubeObject, Leaf, Resource


class LeaseSpec(Leaf, frozen=True):
    """Who holds the lease, since when, and for how many seconds after the last renewal."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int = 0


class Lease(KubeObject, frozen=True, kw_only=True):
    """A lease."""

    spec: LeaseSpec = LeaseSpec()


LEASES: Resource[Lease] = Resource("coordination.k8s.io", "v1", "leases", "Lease", Lease)

_PLATFORM = "kubewright"


def lease_name(services: Sequence[str]) -> str:
    """Name the Lease that services of the platform elect by: each that runs alone has one of its own."""
    return f"{_PLATFORM}-{services[0]}" if len(services) == 1 else _PLATFORM


def service_of(lease: Lease) -> str | None:
    """Return whose Lease it is by `lease_name`: a service's, or `up` for several; None for one of somebody else."""
    name = lease.metadata.name
    if name == _PLATFORM:
        return "up"
    service = name.removeprefix(f"{_PLATFORM}-")
    return service if service != name else None
