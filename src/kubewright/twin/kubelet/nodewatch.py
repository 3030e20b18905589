"""Looks after nodes on which pods may use more memory than there is; all other nodes cost nothing.

The kubelet tells it of a node when a pod comes there that says how it uses memory, or when somebody changed how one
does. It looks again when the pods' profiles say that it might become tight, and every ten seconds while it is.
"""

from __future__ import annotations

from typing import Protocol

from kubewright.api.core import NODES, Node, Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.quantity import value
from kubewright.client.protocol import PatchType
from kubewright.runtime.controller import Done, RequeueAfter
from kubewright.runtime.workqueue import WorkQueue
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.writes import Announce, Patch
from kubewright.twin.kubelet import pressure
from kubewright.twin.kubelet.life import Life, Verdict, all_containers
from kubewright.twin.kubelet.limits import IMMEDIATE_SECONDS, Usage
from kubewright.twin.kubelet.pressure import Used
from kubewright.twin.nodes import memory_condition
from kubewright.twin.usage.curve import Curve

NAME = "kubelet-nodes"


class Pods(Protocol):
    """What it needs of the kubelet."""

    usage: Usage

    def running(self, node: str) -> list[tuple[Pod, Life]]:
        """Return the pods that run on a node."""
        ...

    def evict(self, pod: Pod, verdict: Verdict, grace_seconds: float) -> None:
        """Have a pod stopped for a reason."""
        ...

    def node(self, name: str) -> Node | None:
        """Return a node as the cache has it."""
        ...


class NodeWatch:
    """One queue of nodes that may come under pressure."""

    def __init__(self, context: Context, component: str) -> None:
        self._clock = context.clock
        self._writer = context.writer(component)
        self._queue: WorkQueue[str] = context.queue(NAME, str)
        self._last_tight: dict[str, float] = {}
        self._pods: Pods | None = None
        context.controller(NAME, self, self._queue, (context.caches.pods, context.caches.nodes))

    def serve(self, pods: Pods) -> None:
        """Say whose pods are looked after."""
        self._pods = pods

    def consider(self, node: str) -> None:
        """Look at a node: something of its usage is not as before."""
        self._queue.add(node)

    def is_tight(self, node: str) -> bool:
        """Tell whether a node is under pressure, or was a short time ago."""
        return node in self._last_tight

    def resume_from(self, other: NodeWatch) -> None:
        """Go on where another twin's is; for forks."""
        self._last_tight = dict(other._last_tight)

    async def reconcile(self, key: str) -> Done | RequeueAfter:
        """Look at one node."""
        pods = self._pods
        node = pods.node(key) if pods is not None else None
        if pods is None or node is None:
            self._last_tight.pop(key, None)
            return Done()
        now = self._clock.now()
        used = [self._used(pods.usage, *pair, now) for pair in pods.running(key)]
        capacity = float(value(node.status.capacity.get("memory", "0")))
        left = pressure.available(capacity, used)
        if left < pressure.THRESHOLD_BYTES:
            await self._relieve(pods, node, used, left, now)
            return RequeueAfter(pressure.CHECK_SECONDS)
        waits = [self._calm(key, now), pressure.next_check(capacity, used, now)]
        if waits[0] == 0:
            await self._say(node, now, tight=False)
            del self._last_tight[key]
        seconds = min((each for each in waits if each), default=None)
        return Done() if seconds is None else RequeueAfter(seconds)

    async def _relieve(self, pods: Pods, node: Node, used: list[Used], left: float, now: float) -> None:
        name = node.metadata.name
        if name not in self._last_tight:
            await self._say(node, now, tight=True)
        self._last_tight[name] = now
        text = "Attempting to reclaim memory"
        await self._writer.do_one(Announce(NODES, node, "Warning", "EvictionThresholdMet", text, host=name))
        victim = pressure.first_to_go(used)
        if victim is not None:
            pods.evict(victim.pod, pressure.verdict(victim, left), IMMEDIATE_SECONDS)

    def _calm(self, node: str, now: float) -> float | None:
        """Return how long a node is still said to be under pressure; None if it is not."""
        last = self._last_tight.get(node)
        return None if last is None else max(last + pressure.TRANSITION_SECONDS - now, 0.0)

    def _used(self, usage: Usage, pod: Pod, life: Life, now: float) -> Used:
        amounts: dict[str, float] = {}
        curves: list[tuple[Curve, float]] = []
        for spec, container in zip(all_containers(pod), life.containers, strict=True):
            if container.is_running:
                curve = usage.profile(pod, spec.name, container.started_at).memory
                amounts[spec.name] = curve.value(now, container.started_at)
                curves.append((curve, container.started_at))
        return Used(pod, amounts, tuple(curves))

    async def _say(self, node: Node, now: float, *, tight: bool) -> None:
        condition = memory_condition(now, tight=tight)
        changes = {"status": {"conditions": [condition]}}
        key = ObjectKey("", node.metadata.name)
        await self._writer.do_one(
            Patch(NODES, key, node.metadata.uid, changes, "status", patch_type=PatchType.STRATEGIC)
        )
        event = str(condition["reason"]).replace("Kubelet", "Node")
        text = f"Node {node.metadata.name} status is now: {event}"
        await self._writer.do_one(Announce(NODES, node, "Normal", event, text, host=node.metadata.name))
