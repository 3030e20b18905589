"""The life of nodes: one that is silent is unknown, gets taints, and its pods leave when they tolerate it no longer.

kube-controller-manager's node lifecycle, taint eviction and pod garbage collection, as far as a twin needs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kubewright.api.conditions import find_condition
from kubewright.api.core import NODES, PODS, Node, Pod, Taint
from kubewright.api.meta import Manifest, ObjectKey, parse_time, rfc3339
from kubewright.api.tolerations import NO_EXECUTE, NO_SCHEDULE, toleration_seconds
from kubewright.client.protocol import PatchType
from kubewright.runtime.controller import Done, RequeueAfter, watch_mapped, watch_own
from kubewright.twin.caches import BY_NODE, Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.writes import Announce, Patch, Remove, Write, Writer

NAME = "node-controller"
GRACE_SECONDS = 40.0
QUARANTINE_SECONDS = 40.0
"""So long a node may be away before its pods are taken for lost."""
LEASE_NAMESPACE = "kube-node-lease"
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
CORDONED = "node.kubernetes.io/unschedulable"
_OURS = frozenset({NOT_READY, UNREACHABLE, CORDONED})
_CONDITIONS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")


def ready_status(node: Node) -> str:
    """Return True, False or Unknown."""
    ready = find_condition(node.status.conditions, "Ready")
    return ready.status if ready is not None else "Unknown"


def silence(node: Node, pods: Sequence[Pod], now: float) -> list[Write]:
    """Return what says that a node is not heard of any more, and that its pods take no traffic."""
    unknown = [
        {
            "type": type_,
            "status": "Unknown",
            "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.",
            "lastTransitionTime": rfc3339(now),
        }
        for type_ in _CONDITIONS
    ]
    changes = {"status": {"conditions": unknown}}
    writes: list[Write] = [
        Patch(NODES, node.key, node.metadata.uid, changes, "status", patch_type=PatchType.STRATEGIC),
        Announce(NODES, node, "Normal", "NodeNotReady", f"Node {node.metadata.name} status is now: NodeNotReady"),
    ]
    return writes + [write for pod in pods if pod.is_ready for write in _not_ready(pod, now)]


def _not_ready(pod: Pod, now: float) -> list[Write]:
    condition = {"type": "Ready", "status": "False", "lastTransitionTime": rfc3339(now)}
    changes = {"status": {"conditions": [condition]}}
    return [
        Patch(PODS, pod.key, pod.metadata.uid, changes, "status", patch_type=PatchType.STRATEGIC),
        Announce(PODS, pod, "Warning", "NodeNotReady", "Node is not ready"),
    ]


def wanted_taints(node: Node, now: float) -> tuple[Taint, ...]:
    """Return the node's taints with those that its state asks for; a taint that stands keeps its time."""
    key = {"True": "", "False": NOT_READY}.get(ready_status(node), UNREACHABLE)
    wanted = [Taint(key, "", effect, rfc3339(now)) for effect in (NO_SCHEDULE, NO_EXECUTE) if key]
    if node.spec.unschedulable:
        wanted.append(Taint(CORDONED, "", NO_SCHEDULE, rfc3339(now)))
    present = {(taint.key, taint.effect): taint for taint in node.spec.taints}
    others = [taint for taint in node.spec.taints if taint.key not in _OURS]
    return (*others, *(present.get((taint.key, taint.effect), taint) for taint in wanted))


def taint(node: Node, now: float) -> list[Write]:
    """Return the write that gives the node the taints it should have, if they are others."""
    wanted = wanted_taints(node, now)
    if wanted == node.spec.taints:
        return []
    version = node.metadata.resource_version
    changes = {"spec": {"taints": [_written(each) for each in wanted] or None}}
    return [Patch(NODES, node.key, node.metadata.uid, changes, resource_version=version)]


def _written(taint: Taint) -> Manifest:
    fields = {"key": taint.key, "value": taint.value, "effect": taint.effect, "timeAdded": taint.time_added}
    return {name: value for name, value in fields.items() if value}


def evict(node: Node, pods: Sequence[Pod], now: float) -> tuple[list[Write], float | None]:
    """Return the deletion of pods that tolerate the node no longer, and after how many seconds the next is due."""
    evicting = [each for each in node.spec.taints if each.effect == NO_EXECUTE]
    writes: list[Write] = []
    waits: list[float] = []
    if not evicting:
        return writes, None
    since = max(parse_time(each.time_added) if each.time_added else now for each in evicting)
    for pod in pods:
        allowed = toleration_seconds(pod.spec.tolerations, evicting)
        if allowed is None or pod.is_terminating or pod.is_finished:
            continue
        left = since + allowed - now
        if left > 0:
            waits.append(left)
            continue
        text = f"Marking for deletion Pod {pod.key}"
        writes += [
            Announce(PODS, pod, "Normal", "TaintManagerEviction", text),
            Remove(PODS, pod.key, pod.metadata.uid),
        ]
    return writes, min(waits, default=None)


@dataclass(frozen=True, slots=True)
class NodeReconciler:
    """One node's turn."""

    caches: Caches
    writer: Writer
    context: Context
    first_seen: dict[str, float] = field(default_factory=dict[str, float])
    """When each node, by uid, was first looked at: a new one has time to send its first heartbeat."""
    missing: dict[str, float] = field(default_factory=dict[str, float])
    """Since when each node that pods are bound to, by name, is known not to be there."""

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Judge a node by its lease, set its taints, and evict what is due."""
        now = self.context.clock.now()
        node = self.caches.nodes.index.get(key)
        pods = self.caches.pods.index.by(BY_NODE, key.name)
        if node is None:
            return await self._orphaned(key.name, pods, now)
        self.missing.pop(key.name, None)
        silent_at = self._heard_at(node, now) + GRACE_SECONDS
        if silent_at <= now and ready_status(node) != "Unknown":
            await self.writer.do(silence(node, pods, now))
        await self.writer.do(taint(node, now))
        evictions, next_seconds = evict(node, pods, now)
        await self.writer.do(evictions)
        waits = [silent_at - now] if silent_at > now else []
        waits += [next_seconds] if next_seconds is not None else []
        return RequeueAfter(min(waits)) if waits else Done()

    async def _orphaned(self, name: str, pods: Sequence[Pod], now: float) -> Done | RequeueAfter:
        """Delete the pods of a node that is not there, when it has not come for a while (`PodGC`)."""
        if not pods:
            self.missing.pop(name, None)
            return Done()
        left = self.missing.setdefault(name, now) + QUARANTINE_SECONDS - now
        if left > 0:
            return RequeueAfter(left)
        await self.writer.do(Remove(PODS, pod.key, pod.metadata.uid, grace_period_seconds=0) for pod in pods)
        return Done()

    def _heard_at(self, node: Node, now: float) -> float:
        lease = self.caches.leases.index.get(ObjectKey(LEASE_NAMESPACE, node.metadata.name))
        renewed = lease.spec.renew_time if lease is not None else None
        first = self.first_seen.setdefault(node.metadata.uid, now)
        return max(first, parse_time(renewed)) if renewed else first


def add_to(context: Context) -> None:
    """Wire the controller: nodes, and pods that come to a node that has taints or is gone."""
    caches = context.caches
    queue = context.queue(NAME, ObjectKey)
    watch_own(caches.nodes, queue)
    watch_mapped(caches.pods, queue, lambda pod: _troubled(caches, pod))
    reconciler = NodeReconciler(caches, context.writer(NAME), context)
    context.controller(NAME, reconciler, queue, (caches.nodes, caches.pods, caches.leases), concurrency=2)


def _troubled(caches: Caches, pod: Pod) -> tuple[ObjectKey, ...]:
    if not pod.spec.node_name:
        return ()
    key = ObjectKey("", pod.spec.node_name)
    node = caches.nodes.index.get(key)
    troubled = node is None or any(each.effect == NO_EXECUTE for each in node.spec.taints)
    return (key,) if troubled else ()
