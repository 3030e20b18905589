"""What a drill sees of its cluster: a live copy of what tells whether service is as it should be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kubewright.api.apps import DEPLOYMENTS, STATEFUL_SETS, Deployment, StatefulSet
from kubewright.api.core import NODES, PODS, SERVICES, Node, Pod, Service
from kubewright.api.discovery import ENDPOINT_SLICES, EndpointSlice
from kubewright.api.meta import ObjectKey, PartialObject, Resource
from kubewright.api.quantity import value
from kubewright.api.resources import STORAGE
from kubewright.api.volumes import CLAIMS, PersistentVolumeClaim
from kubewright.client.protocol import Client
from kubewright.drills.usual import NAMESPACE
from kubewright.runtime.informer import Informer
from kubewright.twin.faults.fault import FAULTS, Fault

_CUT_OFF = frozenset({"NodeDown", "NodePartitioned"})
_HURTING = frozenset({"BadRelease", "CrashLoop", "DnsFailure", "NetworkPartition", "MemoryLeak"})
_OF_GPUS = frozenset({"GpuXid", "GpuEcc"})
_FULL = "PvcFull"
_IN_FORCE = "InForce"
_OTHERS: tuple[Resource[PartialObject], ...] = (
    Resource("", "v1", "configmaps", "ConfigMap", PartialObject),
    Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", PartialObject),
)
"""Kinds of which it matters whether an object is there."""


@dataclass(frozen=True, slots=True)
class View:
    """The namespace of drills, the nodes, and the faults that are in force."""

    pods: Informer[Pod]
    deployments: Informer[Deployment]
    sets: Informer[StatefulSet]
    services: Informer[Service]
    slices: Informer[EndpointSlice]
    nodes: Informer[Node]
    faults: Informer[Fault] | None
    """None on a cluster that has no such kind."""
    claims: Informer[PersistentVolumeClaim]
    others: tuple[Informer[PartialObject], ...]

    @classmethod
    def of(cls, client: Client, *, faults: bool) -> View:
        """Watch a cluster."""
        return cls(
            Informer(client, PODS, namespace=NAMESPACE),
            Informer(client, DEPLOYMENTS, namespace=NAMESPACE),
            Informer(client, STATEFUL_SETS, namespace=NAMESPACE),
            Informer(client, SERVICES, namespace=NAMESPACE),
            Informer(client, ENDPOINT_SLICES, namespace=NAMESPACE),
            Informer(client, NODES),
            Informer(client, FAULTS) if faults else None,
            Informer(client, CLAIMS, namespace=NAMESPACE),
            tuple(Informer(client, each, namespace=NAMESPACE) for each in _OTHERS),
        )

    def informers(self) -> tuple[Informer[Any], ...]:
        """Return every informer."""
        own = (
            self.pods,
            self.deployments,
            self.sets,
            self.services,
            self.slices,
            self.nodes,
            self.claims,
            *self.others,
        )
        return (*own, self.faults) if self.faults is not None else own

    @property
    def synced(self) -> bool:
        """Whether all has been seen."""
        return all(each.synced for each in self.informers())

    def pods_of(self, app: str) -> list[Pod]:
        """Return an application's pods."""
        return [pod for pod in self.pods.index.values() if pod.metadata.labels.get("app") == app]

    def serving(self, app: str) -> list[Pod]:
        """Return an application's pods that serve: ready, and hit by no fault, whatever is said of them yet."""
        faults = list(self._in_force())
        return [pod for pod in self.pods_of(app) if pod.is_ready and not pod.is_terminating and not _hit(pod, faults)]

    def running(self, app: str) -> list[Pod]:
        """Return an application's pods that run, on nodes that no fault of a GPU hits."""
        ill = {node for each in self._in_force() if each.spec.type in _OF_GPUS for node in each.status.targets}
        pods = (pod for pod in self.pods_of(app) if pod.status.phase == "Running" and not pod.is_terminating)
        return [pod for pod in pods if pod.spec.node_name not in ill]

    def size_of(self, claim: str) -> int:
        """Return how large a claim's volume is by now, in bytes."""
        found = self.claims.index.get(ObjectKey(NAMESPACE, claim))
        return value((found.status.capacity or {}).get(STORAGE, 0)) if found is not None else 0

    def has(self, kind: str, name: str) -> bool:
        """Whether there is such an object."""
        key = ObjectKey(NAMESPACE, name)
        return any(each.resource.kind == kind and each.index.get(key) is not None for each in self.others)

    def is_well(self, app: str) -> bool:
        """Whether an application has the pods that it is to have, all of one release and all serving, and no others."""
        key = ObjectKey(NAMESPACE, app)
        fleet, ordered = self.deployments.index.get(key), self.sets.index.get(key)
        found = fleet or ordered
        if found is None or not found.spec.replicas:
            return False
        if fleet is not None and fleet.status.updated_replicas != fleet.spec.replicas:
            return False
        staying = [pod for pod in self.pods_of(app) if not pod.is_terminating]
        return len(staying) == len(self.serving(app)) == found.spec.replicas

    def is_reached(self, app: str) -> bool:
        """Whether the application's Service leads to pods that serve, and to a port on which they listen."""
        pods = {pod.metadata.name: pod for pod in self.serving(app)}
        for each in self.slices.index.values():
            if each.service_name == app:
                ports = {port.port for port in each.ports or ()}
                for end in each.endpoints or ():
                    pod = pods.get(end.target_ref.name) if end.target_ref is not None else None
                    if pod is not None and end.conditions.ready is not False and ports & _listened(pod):
                        return True
        return False

    def _in_force(self) -> Iterator[Fault]:
        if self.faults is not None:
            yield from (each for each in self.faults.index.values() if each.status.phase == _IN_FORCE)


def _listened(pod: Pod) -> set[int]:
    return {port.container_port for each in pod.spec.containers for port in each.ports}


def _hit(pod: Pod, faults: list[Fault]) -> bool:
    return any(_hits(fault, pod) for fault in faults)


def _hits(fault: Fault, pod: Pod) -> bool:
    target, type_ = fault.spec.target, fault.spec.type
    if type_ in _CUT_OFF:
        return pod.spec.node_name in fault.status.targets
    if type_ in _HURTING and target.pods is not None:
        return target.pods.matches(pod)
    if type_ == _FULL and target.claims is not None:
        claims = (each.persistent_volume_claim for each in pod.spec.volumes)
        names = (each.claim_name for each in claims if each is not None)
        return any(target.claims.matches(ObjectKey(pod.metadata.namespace, name)) for name in names)
    return False
