"""The `coordination.k8s.io` group: leases, by which replicas elect a leader and nodes show that they live."""

from __future__ import annotations

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
