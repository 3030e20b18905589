"""The node lifecycle controller: looks at all nodes every five seconds, and gives up those that have been silent.

A node is silent when for fifty seconds no look found a newer lease or heartbeat. It becomes Unknown, its pods take no
traffic, and as its zone's pace allows it gets the taint that drives pods out (`eviction`). Looks at which nothing can
have changed cost nothing, so that an idle cluster stays cheap.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from kubewright.api.conditions import find_condition
from kubewright.api.core import NODES, PODS, Node, Pod
from kubewright.api.meta import Manifest, ObjectKey, parse_time, rfc3339
from kubewright.client.protocol import PatchType
from kubewright.errors import OpError
from kubewright.runtime.controller import Done, watch_own
from kubewright.runtime.informer import Change
from kubewright.twin.caches import BY_NODE, Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.nodes import zones
from kubewright.twin.controllers.nodes.taints import EVICTING, evicting_keys, no_execute, no_schedule, ready_status
from kubewright.twin.controllers.nodes.zones import EXCLUDED, Zone, zone_of
from kubewright.twin.controllers.writes import Announce, Patch, Write, Writer

NAME = "node-controller"
PERIOD_SECONDS = 5.0
GRACE_SECONDS = 50.0
STARTUP_GRACE_SECONDS = 60.0
"""For a node whose kubelet has never said anything."""
TAINT_PERIOD_SECONDS = 0.1
_CONDITIONS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
_LABELS = {"kubernetes.io/os": "beta.kubernetes.io/os", "kubernetes.io/arch": "beta.kubernetes.io/arch"}
_ROUNDING_SECONDS = 0.001
"""Ten looks are fifty seconds, or by rounding a hair less."""

_log = logging.getLogger(__name__)


def silence(node: Node, now: float) -> Patch:
    """Return the write that says that a node is not heard of any more."""
    unknown: list[Manifest] = []
    for type_ in _CONDITIONS:
        present = find_condition(node.status.conditions, type_)
        if present is None:
            said = ("NodeStatusNeverUpdated", "Kubelet never posted node status.")
            beat: Manifest = {"lastHeartbeatTime": node.metadata.creation_timestamp}
        else:
            said, beat = ("NodeStatusUnknown", "Kubelet stopped posting node status."), {}
        if present is None or present.status != "Unknown":
            reason, message = said
            condition = {"type": type_, "status": "Unknown", "reason": reason, "message": message}
            unknown.append({**condition, **beat, "lastTransitionTime": rfc3339(now)})
    changes = {"status": {"conditions": unknown}}
    return Patch(NODES, node.key, node.metadata.uid, changes, "status", patch_type=PatchType.STRATEGIC)


def out_of_traffic(pods: Sequence[Pod], now: float) -> list[Write]:
    """Return what says that pods of a silent node are not ready."""
    condition = {"type": "Ready", "status": "False", "lastTransitionTime": rfc3339(now)}
    changes = {"status": {"conditions": [condition]}}
    writes: list[Write] = []
    for pod in pods:
        if pod.is_ready:
            writes += [
                Patch(PODS, pod.key, pod.metadata.uid, changes, "status", patch_type=PatchType.STRATEGIC),
                Announce(PODS, pod, "Warning", "NodeNotReady", "Node is not ready"),
            ]
    return writes


def older_labels(node: Node) -> list[Patch]:
    """Return the write that gives the labels of operating system and architecture under their older names too."""
    labels = node.metadata.labels
    lacking = {old: labels[new] for new, old in _LABELS.items() if new in labels and labels.get(old) != labels[new]}
    return [Patch(NODES, node.key, node.metadata.uid, {"metadata": {"labels": lacking}})] if lacking else []


class Signs(Protocol):
    """Who tells that a node's lease was written."""

    def follow(self, heard: Callable[[str], None]) -> None:
        """Call `heard` with the node's name, each time from now on."""
        ...


class Monitor:
    """Looks at all nodes at a steady pace."""

    def __init__(self, context: Context, signs: Signs) -> None:
        self._caches: Caches = context.caches
        self._clock = context.clock
        self._writer: Writer = context.writer(NAME)
        self._known: dict[str, Node] = {}
        self._heard: dict[str, None] = {}
        """Nodes that gave a sign of life since the last look."""
        self._heard_at: dict[str, float] = {}
        """When a look last found a sign of life, by node; not of those that are Unknown already."""
        self._stirred = True
        """Whether something changed that a look would act on."""
        self._unmarked: dict[str, None] = {}
        """Silent nodes whose pods could not be marked as not ready yet."""
        self._zones: dict[str, Zone] = {}
        self._renaming: dict[str, None] = {}
        """Nodes that drive pods out for another reason than before."""
        self._sparing: dict[str, None] = {}
        """Nodes that are to drive nobody out, although they are not ready."""
        self._tainting = asyncio.Event()
        self._caches.nodes.add_handler(self._on_node)
        signs.follow(self._hear)

    async def run(self) -> None:
        """Look until cancelled."""
        for informer in (self._caches.nodes, self._caches.pods):
            await informer.wait_synced()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._taint(), name="node tainter")
            while True:
                await self._look()
                await asyncio.sleep(PERIOD_SECONDS)

    def _hear(self, name: str) -> None:
        self._heard[name] = None

    def _on_node(self, change: Change[Node]) -> None:
        old, new = change.old, change.new
        if old is None or new is None or _digest(old) != _digest(new):
            self._stirred = True
        if new is not None and (old is None or _heartbeat(old) != _heartbeat(new)):
            self._hear(change.key.name)

    async def _look(self) -> None:
        now = self._clock.now()
        self._heard_at |= dict.fromkeys((name for name in self._heard if name in self._known), now)
        self._heard.clear()
        overdue = min(self._heard_at.values(), default=now) + GRACE_SECONDS - _ROUNDING_SECONDS <= now
        if not self._stirred and not overdue:
            return
        self._stirred = False
        await self._look_at_all(now)

    async def _look_at_all(self, now: float) -> None:
        nodes = sorted(self._caches.nodes.index.values(), key=lambda each: each.metadata.name)
        self._greet(nodes, now)
        ready: dict[str, list[bool]] = {}
        for node in nodes:
            status = ready_status(node)
            try:
                status = await self._judge(node, now)
            except OpError as error:
                self._put_off(node.metadata.name, error)
            if EXCLUDED not in node.metadata.labels:
                ready.setdefault(zone_of(node), []).append(status == "True")
        match zones.look_at(self._zones, ready, now) if ready else zones.Change.NONE:
            case zones.Change.LOST:
                self._cut_off(nodes)
            case zones.Change.FOUND:
                self._heard_at |= dict.fromkeys((node.metadata.name for node in nodes), now)
                self._stirred = True
            case zones.Change.NONE:
                pass
        self._tainting.set()

    def _greet(self, nodes: Sequence[Node], now: float) -> None:
        """Tell of nodes that came and went."""
        present = {node.metadata.name: node for node in nodes}
        for name, node in present.items():
            self._zones.setdefault(zone_of(node), Zone())
            if name not in self._known:
                self._tell(node, "RegisteredNode", f"Registered Node {name} in Controller")
                self._heard_at.setdefault(name, now)
        for name, node in self._known.items():
            if name not in present:
                self._tell(node, "RemovingNode", f"Removing Node {name} from Controller")
                self._heard_at.pop(name, None)
                self._unmarked.pop(name, None)
        self._known = present

    def _tell(self, node: Node, reason: str, event: str) -> None:
        text = f"Node {node.metadata.name} event: {event}"
        self._writer.recorder.record(node, NODES, "Normal", reason, text)

    async def _judge(self, node: Node, now: float) -> str:
        """Give a node up if it is silent, arrange its taints, and return the status of its Ready condition."""
        name, status = node.metadata.name, ready_status(node)
        was_ready = status == "True"
        if self._is_silent(node, now):
            if status != "Unknown":
                await self._writer.do_one(silence(node, now))
            self._heard_at.pop(name, None)
            status = "Unknown"
        await self._arrange(node, status, now)
        if was_ready and status != "True":
            text = f"Node {name} status is now: NodeNotReady"
            await self._writer.do_one(Announce(NODES, node, "Normal", "NodeNotReady", text))
            self._unmarked[name] = None
        if name in self._unmarked:
            await self._writer.do(out_of_traffic(self._caches.pods.index.by(BY_NODE, name), now))
            del self._unmarked[name]
        return status

    def _is_silent(self, node: Node, now: float) -> bool:
        if ready_status(node):
            heard_at, grace = self._heard_at.get(node.metadata.name, now), GRACE_SECONDS
        else:
            created = node.metadata.creation_timestamp
            heard_at, grace = parse_time(created) if created else now, STARTUP_GRACE_SECONDS
            self._stirred = True  # it is looked at until it is heard of or given up
        return now - heard_at >= grace - _ROUNDING_SECONDS

    async def _arrange(self, node: Node, status: str, now: float) -> None:
        """See to the taint that drives pods out: at once when it only changes its name, else as the zone allows."""
        if status == "True":
            await self._spare(node, now)
        elif status in EVICTING and EVICTING[status] not in evicting_keys(node):
            waiting = self._renaming if evicting_keys(node) else self._zones[zone_of(node)].waiting
            waiting[node.metadata.name] = None

    async def _spare(self, node: Node, now: float) -> None:
        self._zones[zone_of(node)].waiting.pop(node.metadata.name, None)
        await self._writer.do(no_execute(node, "True", now))

    def _put_off(self, name: str, error: OpError) -> None:
        self._stirred = True
        _log.info("%s: %s is put off: %s", NAME, name, error)

    def _cut_off(self, nodes: Sequence[Node]) -> None:
        """No node is heard of: none is driven out of, and those that were are spared."""
        for zone in self._zones.values():
            zone.waiting.clear()
        self._sparing |= dict.fromkeys(node.metadata.name for node in nodes if evicting_keys(node))

    async def _taint(self) -> None:
        """Set the taints that drive pods out, a moment after the look: by then the caches show what it wrote."""
        while True:
            await self._tainting.wait()
            await asyncio.sleep(TAINT_PERIOD_SECONDS)
            now = self._clock.now()
            for name in take(self._sparing):
                await self._set(name, now, status="True")
            for name in take(self._renaming):
                await self._set(name, now)
            for zone in self._zones.values():
                while zone.waiting and zone.limiter.accept(now):
                    name = next(iter(zone.waiting))
                    del zone.waiting[name]
                    await self._set(name, now)
            if not any(zone.waiting and zone.limiter.per_second for zone in self._zones.values()):
                self._tainting.clear()

    async def _set(self, name: str, now: float, *, status: str = "") -> None:
        node = self._caches.nodes.index.get(ObjectKey("", name))
        if node is not None:
            try:
                await self._writer.do(no_execute(node, status or ready_status(node), now))
            except OpError as error:
                self._put_off(name, error)


@dataclass(frozen=True, slots=True)
class NodeReconciler:
    """What follows from a node alone, at once."""

    caches: Caches
    writer: Writer
    context: Context

    async def reconcile(self, key: ObjectKey) -> Done:
        """Bring the NoSchedule taints and the older labels up to date."""
        node = self.caches.nodes.index.get(key)
        if node is not None:
            await self.writer.do([*no_schedule(node, self.context.clock.now()), *older_labels(node)])
        return Done()


def take(names: dict[str, None]) -> list[str]:
    """Empty a set and return what was in it."""
    taken = list(names)
    names.clear()
    return taken


def _digest(node: Node) -> tuple[object, ...]:
    """Return what of a node a look acts on."""
    return node.metadata.uid, ready_status(node), node.spec.taints, node.metadata.labels


def _heartbeat(node: Node) -> str | None:
    return next((each.last_heartbeat_time for each in node.status.conditions if each.type == "Ready"), None)


def add_to(context: Context, signs: Signs) -> None:
    """Wire the controller."""
    caches = context.caches
    queue = context.queue(NAME, ObjectKey)
    watch_own(caches.nodes, queue)
    reconciler = NodeReconciler(caches, context.writer(NAME), context)
    context.controller(NAME, reconciler, queue, (caches.nodes,), concurrency=2)
    context.task("node monitor", Monitor(context, signs).run)
