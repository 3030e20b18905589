"""Pod garbage collection: pods that nobody will ever end are taken away, every twenty seconds.

Those of nodes that are gone, terminating ones on nodes that are out of service or that never had a node, and the
oldest of the ended ones when there are too many (`podgc/gc_controller.go`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence

from kubewright.api.core import PODS, Node, Pod
from kubewright.api.meta import Manifest, ObjectKey, rfc3339
from kubewright.client.protocol import PatchType
from kubewright.errors import OpError
from kubewright.twin.caches import BY_NODE, Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.nodes.taints import OUT_OF_SERVICE
from kubewright.twin.controllers.writes import Patch, Remove, Write, Writer

NAME = "pod-garbage-collector"
PERIOD_SECONDS = 20.0
QUARANTINE_SECONDS = 40.0
"""So long a node may be away before its pods are taken for lost."""
TERMINATED_PODS = 12500
"""So many pods that have ended are kept."""
_ROUNDING_SECONDS = 0.001

_log = logging.getLogger(__name__)


def discard(pod: Pod, now: float, *, orphaned: bool = False) -> list[Write]:
    """Return what ends a pod, if it has not ended, and deletes it at once."""
    remove = Remove(PODS, pod.key, pod.metadata.uid, grace_period_seconds=0)
    if pod.is_finished:
        return [remove]
    status: Manifest = {"phase": "Failed"}
    if orphaned:
        target = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": rfc3339(now)}
        why = {"reason": "DeletionByPodGC", "message": "PodGC: node no longer exists"}
        status["conditions"] = [{**target, **why}]
    changes = {"status": status}
    return [Patch(PODS, pod.key, pod.metadata.uid, changes, "status", patch_type=PatchType.STRATEGIC), remove]


def excess(pods: Iterable[Pod], limit: int) -> list[Pod]:
    """Return the ended pods beyond the limit: evicted ones first, then the oldest."""
    ended = [pod for pod in pods if pod.is_finished]
    ended.sort(key=lambda pod: (not _is_evicted(pod), pod.metadata.creation_timestamp or "", pod.metadata.name))
    return ended[: max(len(ended) - limit, 0)]


def _is_evicted(pod: Pod) -> bool:
    return pod.status.phase == "Failed" and pod.status.reason == "Evicted"


def is_out_of_service(node: Node) -> bool:
    """Tell whether somebody has said that a node that is not ready will not come back."""
    return not node.is_ready and any(each.key == OUT_OF_SERVICE for each in node.spec.taints)


class PodCollector:
    """Takes pods away at a steady pace."""

    def __init__(self, context: Context) -> None:
        self._caches: Caches = context.caches
        self._clock = context.clock
        self._writer: Writer = context.writer(NAME)
        self._missing: dict[str, float] = {}
        """Until when each node that is not there is waited for."""

    async def run(self) -> None:
        """Collect until cancelled."""
        await self._caches.pods.wait_synced()
        await self._caches.nodes.wait_synced()
        while True:
            try:
                await self._collect()
            except OpError as error:
                _log.info("%s: will try again: %s", NAME, error)
            await asyncio.sleep(PERIOD_SECONDS)

    async def _collect(self) -> None:
        now = self._clock.now()
        pods, nodes = self._caches.pods.index, self._caches.nodes.index
        if len(pods) > TERMINATED_PODS:
            await self._discard(excess(pods.values(), TERMINATED_PODS))
        for node in list(nodes.values()):
            if node.spec.taints and is_out_of_service(node):
                await self._discard(pod for pod in pods.by(BY_NODE, node.metadata.name) if pod.is_terminating)
        for name in self._lost(now):
            await self._discard(pods.by(BY_NODE, name), orphaned=True)
        await self._discard(pod for pod in pods.by(BY_NODE, "") if pod.is_terminating)

    def _lost(self, now: float) -> Sequence[str]:
        """Return the nodes that pods are on and that have not come back for long enough."""
        nodes = self._caches.nodes.index
        named = [str(name) for name in self._caches.pods.index.values_of(BY_NODE)]
        missing = [name for name in named if name and ObjectKey("", name) not in nodes]
        self._missing = {name: self._missing.get(name, now + QUARANTINE_SECONDS) for name in missing}
        return [name for name, until in self._missing.items() if until - _ROUNDING_SECONDS <= now]

    async def _discard(self, pods: Iterable[Pod], *, orphaned: bool = False) -> None:
        for pod in list(pods):
            await self._writer.do(discard(pod, self._clock.now(), orphaned=orphaned))


def add_to(context: Context) -> None:
    """Wire the controller."""
    context.task("pod garbage collector", PodCollector(context).run)
