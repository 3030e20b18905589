"""The `discovery.k8s.io` group: endpoint slices."""

from __future__ import annotations

from kubewright.api.core import ObjectReference
from kubewright.api.meta import KubeObject, Leaf, Resource

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by"


class EndpointConditions(Leaf, frozen=True):
    """Whether an endpoint takes traffic. Unknown (None) is read as ready and serving."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Endpoint(Leaf, frozen=True):
    """One pod behind a service."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    node_name: str | None = None
    zone: str | None = None
    hostname: str | None = None
    target_ref: ObjectReference | None = None


class EndpointSlicePort(Leaf, frozen=True):
    """One port of all endpoints of the slice."""

    port: int | None = None
    name: str | None = None
    protocol: str = "TCP"
    app_protocol: str | None = None


class EndpointSlice(KubeObject, frozen=True, kw_only=True):
    """A part of a service's endpoints. API servers write empty lists of these as null."""

    address_type: str = "IPv4"
    endpoints: tuple[Endpoint, ...] | None = ()
    ports: tuple[EndpointSlicePort, ...] | None = ()

    @property
    def service_name(self) -> str:
        """Return the name of the service that the slice belongs to."""
        return self.metadata.labels.get(SERVICE_NAME_LABEL, "")


ENDPOINT_SLICES: Resource[EndpointSlice] = Resource(
    "discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", EndpointSlice
)
