"""Keeps endpoints in step with services and pods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kubewright.api.core import ENDPOINTS, Pod, Service
from kubewright.api.discovery import EndpointSlice
from kubewright.api.meta import ObjectKey
from kubewright.runtime.controller import Done, watch_mapped, watch_own
from kubewright.runtime.informer import Change
from kubewright.runtime.workqueue import LOW_PRIORITY, WorkQueue
from kubewright.twin.caches import BY_LABEL, BY_SELECTOR, BY_SERVICE, Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.endpoints import decide
from kubewright.twin.controllers.writes import Remove, Writer

NAME = "endpointslice-controller"
BATCH_SECONDS = 0.1
"""Pods of one service become ready together: wait a little, and write once."""
_ZONE = "topology.kubernetes.io/zone"


@dataclass(frozen=True, slots=True)
class EndpointsReconciler:
    """One service's turn."""

    caches: Caches
    writer: Writer

    async def reconcile(self, key: ObjectKey) -> Done:
        """Bring a service's slices and Endpoints to what its pods are."""
        service = self.caches.services.index.get(key)
        if service is None:
            await self._drop(key)
        elif service.spec.selector and service.spec.type != "ExternalName":
            pods = self._pods(service)
            pieces = self.caches.endpoint_slices.index.by(BY_SERVICE, (key.namespace, key.name))
            await self.writer.do(decide.slices(service, pods, pieces, self._zone_of))
            await self.writer.do(decide.endpoints(service, pods, self.caches.endpoints.index.get(key)))
        return Done()

    def _pods(self, service: Service) -> list[Pod]:
        selector = service.spec.selector
        pair = min(selector.items())
        candidates = self.caches.pods.index.by(BY_LABEL, (service.metadata.namespace, *pair))
        matching = [pod for pod in candidates if selector.items() <= dict(pod.metadata.labels).items()]
        return sorted(matching, key=lambda pod: pod.metadata.name)

    def _zone_of(self, node: str) -> str:
        found = self.caches.nodes.index.get(ObjectKey("", node))
        return found.metadata.labels.get(_ZONE, "") if found else ""

    async def _drop(self, key: ObjectKey) -> None:
        """Slices go with their service by their owner reference; Endpoints have none and are deleted by name."""
        left = self.caches.endpoints.index.get(key)
        if left is not None:
            await self.writer.do_one(Remove(ENDPOINTS, key, left.metadata.uid))


def add_to(context: Context) -> None:
    """Wire the controller: services, the pods that they select, and its own slices if someone touches them."""
    caches = context.caches
    queue = context.queue(NAME, ObjectKey)
    watch_own(caches.services, queue)
    watch_mapped(caches.endpoint_slices, queue, _service_of)
    watch_own(caches.endpoints, queue)
    caches.pods.add_handler(lambda change: _on_pod(change, caches, queue))
    informers = (caches.services, caches.pods, caches.nodes, caches.endpoints, caches.endpoint_slices)
    context.controller(NAME, EndpointsReconciler(caches, context.writer(NAME)), queue, informers, concurrency=5)


def _service_of(piece: EndpointSlice) -> tuple[ObjectKey, ...]:
    return (ObjectKey(piece.metadata.namespace, piece.service_name),) if piece.service_name else ()


def _on_pod(change: Change[Pod], caches: Caches, queue: WorkQueue[ObjectKey]) -> None:
    if change.old is not None and change.new is not None and _digest(change.old) == _digest(change.new):
        return
    priority = LOW_PRIORITY if change.initial else 0
    for pod in (change.old, change.new):
        if pod is None or not pod.status.pod_ip:
            continue
        for key, value in pod.metadata.labels.items():
            for service in caches.services.index.by(BY_SELECTOR, (pod.metadata.namespace, key, value)):
                queue.add(service.key, after_seconds=BATCH_SECONDS, priority=priority)


def _digest(pod: Pod) -> tuple[Any, ...]:
    """Return what of a pod its endpoints depend on."""
    return pod.is_ready, pod.is_terminating, pod.status.phase, pod.status.pod_ip, pod.metadata.labels, pod.metadata.uid
