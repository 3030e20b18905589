"""The EndpointSlice mirroring controller: Endpoints that somebody writes by hand get slices that say the same.

Only those of services without a selector; the others have slices of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from kubewright.api.core import ENDPOINTS, EndpointAddress, Endpoints, EndpointSubset, Service
from kubewright.api.discovery import ENDPOINT_SLICES, MANAGED_BY_LABEL, SERVICE_NAME_LABEL, EndpointSlice
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.owners import owner_reference
from kubewright.runtime.controller import Done, watch_mapped, watch_own
from kubewright.twin.caches import BY_SERVICE, Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.endpoints.packing import Group, pack
from kubewright.twin.controllers.writes import Remove, Write, Writer

NAME = "endpointslicemirroring-controller"
MANAGED_BY = "endpointslicemirroring-controller.k8s.io"
MOST = 1000
"""So many addresses of a subset are mirrored; those of IPv6, which the twin's services do not have, are not."""
_SKIP = "endpointslice.kubernetes.io/skip-mirror"
_LEADER = "control-plane.alpha.kubernetes.io/leader"
_NOT_COPIED = frozenset(
    {"endpoints.kubernetes.io/last-change-trigger-time", "kubectl.kubernetes.io/last-applied-configuration"}
)


def is_mirrored(endpoints: Endpoints | None, service: Service | None) -> bool:
    """Tell whether Endpoints are to have slices."""
    if endpoints is None or service is None or service.spec.selector:
        return False
    metadata = endpoints.metadata
    return metadata.labels.get(_SKIP) != "true" and _LEADER not in metadata.annotations


def mirror(endpoints: Endpoints, present: Sequence[EndpointSlice]) -> list[Write]:
    """Return the writes that make the slices say what the Endpoints do."""
    groups: dict[bytes, Group] = {}
    for subset in endpoints.subsets or ():
        ports = [_port(each) for each in msgspec.to_builtins(subset)["ports"]]
        group = groups.setdefault(msgspec.json.encode(ports), Group(ports))
        group.endpoints |= {each["addresses"][0]: each for each in _addresses(subset)}
    return pack([each for each in groups.values() if each.endpoints], present, _template(endpoints), MOST)


def _port(port: Manifest) -> Manifest:
    return {name: value for name, value in port.items() if value is not None}


def _addresses(subset: EndpointSubset) -> list[Manifest]:
    known = [*(_endpoint(each, ready=True) for each in subset.addresses)]
    known += [_endpoint(each, ready=False) for each in subset.not_ready_addresses]
    return [each for each in known if ":" not in each["addresses"][0]][:MOST]


def _endpoint(address: EndpointAddress, *, ready: bool) -> Manifest:
    made: Manifest = {"addresses": [address.ip], "conditions": {"ready": ready}}
    if address.target_ref is not None:
        made["targetRef"] = {name: value for name, value in msgspec.to_builtins(address.target_ref).items() if value}
    return (
        made
        | ({"nodeName": address.node_name} if address.node_name else {})
        | ({"hostname": address.hostname} if address.hostname else {})
    )


def _template(endpoints: Endpoints) -> Manifest:
    metadata = endpoints.metadata
    labels = {**metadata.labels, SERVICE_NAME_LABEL: metadata.name, MANAGED_BY_LABEL: MANAGED_BY}
    notes = {name: value for name, value in metadata.annotations.items() if name not in _NOT_COPIED}
    return {
        "apiVersion": ENDPOINT_SLICES.api_version,
        "kind": ENDPOINT_SLICES.kind,
        "metadata": {
            "generateName": f"{metadata.name}-",
            "namespace": metadata.namespace,
            "labels": labels,
            "annotations": notes,
            "ownerReferences": [owner_reference(endpoints, ENDPOINTS)],
        },
        "addressType": "IPv4",
    }


@dataclass(frozen=True, slots=True)
class MirroringReconciler:
    """One service's turn."""

    caches: Caches
    writer: Writer

    async def reconcile(self, key: ObjectKey) -> Done:
        """Bring the mirrored slices of one service to what its Endpoints say."""
        pieces = self.caches.endpoint_slices.index.by(BY_SERVICE, (key.namespace, key.name))
        present = [each for each in pieces if each.metadata.labels.get(MANAGED_BY_LABEL) == MANAGED_BY]
        endpoints = self.caches.endpoints.index.get(key)
        if endpoints is not None and is_mirrored(endpoints, self.caches.services.index.get(key)):
            await self.writer.do(mirror(endpoints, present))
        else:
            await self.writer.do(Remove(ENDPOINT_SLICES, each.key, each.metadata.uid) for each in present)
        return Done()


def add_to(context: Context) -> None:
    """Wire the controller: Endpoints, their services, and its own slices if someone touches them."""
    caches = context.caches
    queue = context.queue(NAME, ObjectKey)
    watch_own(caches.endpoints, queue)
    watch_own(caches.services, queue)
    watch_mapped(caches.endpoint_slices, queue, _mirrored)
    informers = (caches.endpoints, caches.services, caches.endpoint_slices)
    context.controller(NAME, MirroringReconciler(caches, context.writer(NAME)), queue, informers)


def _mirrored(piece: EndpointSlice) -> tuple[ObjectKey, ...]:
    ours = piece.metadata.labels.get(MANAGED_BY_LABEL) == MANAGED_BY
    return (ObjectKey(piece.metadata.namespace, piece.service_name),) if ours else ()
