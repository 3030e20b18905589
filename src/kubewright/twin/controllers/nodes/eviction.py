"""The taint eviction controller: pods leave a node when they tolerate its NoExecute taints no longer.

How long a pod may stay counts from when its node was seen with the taints; what is due stays due however the
tolerations change, until the taints go (`tainteviction.processPodOnNode`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from kubewright.api.core import PODS, Node, Pod
from kubewright.api.meta import ObjectKey, rfc3339
from kubewright.api.tolerations import NO_EXECUTE, toleration_seconds
from kubewright.client.protocol import PatchType
from kubewright.runtime.controller import Done, RequeueAfter, watch_own
from kubewright.runtime.informer import Change
from kubewright.runtime.workqueue import WorkQueue
from kubewright.twin.caches import BY_NODE, Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.writes import Announce, Patch, Remove, Write, Writer

NAME = "taint-eviction-controller"


def evict(pod: Pod, now: float) -> list[Write]:
    """Return what lets a pod go, and says why."""
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "DeletionByTaintManager",
        "message": "Taint manager: deleting due to NoExecute taint",
        "lastTransitionTime": rfc3339(now),
    }
    changes = {"status": {"conditions": [condition]}}
    return [
        Announce(PODS, pod.key, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {pod.key}"),
        Patch(PODS, pod.key, pod.metadata.uid, changes, "status", patch_type=PatchType.STRATEGIC),
        Remove(PODS, pod.key, pod.metadata.uid),
    ]


@dataclass(slots=True)
class Departure:
    """A pod that has to leave; without a time it has been told to."""

    key: ObjectKey
    due_at: float | None


@dataclass(slots=True)
class Departures:
    """The pods of one node that have to leave, by uid."""

    pods: dict[str, Departure] = field(default_factory=dict[str, Departure])

    def plan(self, node: Node, pods: Iterable[Pod], now: float) -> list[ObjectKey]:
        """Take in the node's taints and its pods as they are now; return the pods that may stay after all."""
        taints = [each for each in node.spec.taints if each.effect == NO_EXECUTE]
        present = {pod.metadata.uid: pod for pod in pods} if taints else {}
        spared = [self._cancel(uid) for uid in list(self.pods) if uid not in present]
        for uid, pod in present.items():
            allowed = toleration_seconds(pod.spec.tolerations, taints)
            planned = self.pods.get(uid)
            if (
                planned is not None
                and planned.due_at is not None
                and (allowed is None or planned.due_at > now >= now + allowed)
            ):
                spared.append(self._cancel(uid))
            if allowed is not None:
                self.pods.setdefault(uid, Departure(pod.key, now + allowed))
        return [key for key in spared if key is not None]

    def _cancel(self, uid: str) -> ObjectKey | None:
        planned = self.pods.pop(uid)
        return None if planned.due_at is None else planned.key

    @property
    def next_at(self) -> float | None:
        """Return when the next pod has to leave."""
        return min((each.due_at for each in self.pods.values() if each.due_at is not None), default=None)


@dataclass(frozen=True, slots=True)
class EvictionReconciler:
    """One node's turn."""

    caches: Caches
    writer: Writer
    context: Context
    departures: dict[str, Departures] = field(default_factory=dict[str, Departures])
    """By node name; of nodes with pods that have to leave."""

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Plan and carry out the departures from a node."""
        node = self.caches.nodes.index.get(key)
        if node is None:
            self.departures.pop(key.name, None)
            return Done()
        now = self.context.clock.now()
        pods = self.caches.pods.index.by(BY_NODE, key.name)
        leaving = self.departures.setdefault(key.name, Departures())
        for spared in leaving.plan(node, pods, now):
            text = f"Cancelling deletion of Pod {spared}"
            await self.writer.do_one(Announce(PODS, spared, "Normal", "TaintManagerEviction", text))
        for pod in pods:
            planned = leaving.pods.get(pod.metadata.uid)
            if planned is not None and planned.due_at is not None and planned.due_at <= now:
                await self.writer.do(evict(pod, now))
                planned.due_at = None
        if not leaving.pods:
            del self.departures[key.name]
        return Done() if leaving.next_at is None else RequeueAfter(leaving.next_at - now)


def add_to(context: Context) -> None:
    """Wire the controller: nodes, and pods that come to a node that drives pods out or leave it."""
    caches = context.caches
    queue = context.queue(NAME, ObjectKey)
    reconciler = EvictionReconciler(caches, context.writer(NAME), context)
    watch_own(caches.nodes, queue)
    caches.pods.add_handler(lambda change: _on_pod(change, reconciler, queue))
    context.controller(NAME, reconciler, queue, (caches.nodes, caches.pods), concurrency=8)


def _on_pod(change: Change[Pod], reconciler: EvictionReconciler, queue: WorkQueue[ObjectKey]) -> None:
    old, new = change.old, change.new
    if old is not None and new is not None and _digest(old) == _digest(new):
        return
    for pod in (old, new):
        if pod is None or not pod.spec.node_name:
            continue
        key = ObjectKey("", pod.spec.node_name)
        node = reconciler.caches.nodes.index.get(key)
        if node is not None and any(each.effect == NO_EXECUTE for each in node.spec.taints):
            queue.add(key)


def _digest(pod: Pod) -> tuple[object, ...]:
    return pod.metadata.uid, pod.spec.node_name, pod.spec.tolerations
