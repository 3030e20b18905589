"""The twin's scheduler: as little as it takes to put pending pods on nodes by `placement`, one at a time.

Decides on a snapshot that follows the caches, assumes at once, and binds afterwards; a binding that fails is forgotten
and tried again. The platform's own scheduler does far more with the same `placement`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

from kubewright.api.conditions import find_condition
from kubewright.api.core import PODS, Node, Pod
from kubewright.api.meta import EMPTY, ObjectKey
from kubewright.api.volumes import claim_names
from kubewright.client.protocol import PatchType
from kubewright.errors import ErrorKind, OpError
from kubewright.placement.claims import DeviceClaims
from kubewright.placement.diagnosis import Diagnosis
from kubewright.placement.fit import Fit, fit
from kubewright.placement.nodes import offer
from kubewright.placement.peers import Labels
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.placement.workloads import OwnersAndServices
from kubewright.runtime.controller import Done, RequeueAfter
from kubewright.runtime.informer import Change, Informer
from kubewright.runtime.workqueue import LOW_PRIORITY, WorkQueue
from kubewright.scheduler.claims import Devices
from kubewright.scheduler.evict import Evictor
from kubewright.scheduler.telling import FAILED, SCHEDULED, assigned, without_node
from kubewright.twin.caches import Caches
from kubewright.twin.claiming import CLAIMS_SECONDS, TOO_LONG, Waiting, claim
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.volumes.binding import storage_of
from kubewright.twin.controllers.writes import Announce, Bind, Patch, Writer
from kubewright.twin.roommaking import RoomMaker

NAME = "default-scheduler"
CONCURRENCY = 8

RETRY_SECONDS = 1.0
"""Pods that fit nowhere are tried again so long after something changed that could help."""


class Binder:
    """Binds the pods that name it as their scheduler."""

    def __init__(self, context: Context, *, seed: int = 0) -> None:
        self._caches: Caches = context.caches
        self._clock = context.clock
        self._writer: Writer = context.writer(NAME)
        self._queue: WorkQueue[ObjectKey] = context.queue(NAME, ObjectKey)
        self._rng = random.Random(seed)  # noqa: S311  ties
        self._snapshot: ClusterSnapshot | None = None
        self._stale = False
        """Whether nodes have changed since: many may before the next pod is placed."""
        self._waiting: dict[ObjectKey, None] = {}
        """Pods that fitted nowhere, in the order in which they were tried."""
        self._binding: dict[ObjectKey, Waiting] = {}
        """Pods that have a node and wait for volumes there."""
        self._storage = storage_of(self._caches)
        caches = self._caches
        self._rooms = RoomMaker(caches.budgets.index, Evictor(context.client, NAME), self._writer)
        self._workloads = OwnersAndServices(
            caches.services.index, caches.replica_sets.index, caches.stateful_sets.index
        )
        self._namespaces: dict[str, Labels] = {}
        stored: tuple[Informer[Any], ...] = (
            caches.claims,
            caches.volumes,
            caches.storage_classes,
            caches.csi_nodes,
            caches.csi_drivers,
        )
        for each in stored:
            each.add_handler(self._on_storage)
        self._claims = DeviceClaims(
            caches.resource_claims.index, caches.device_classes.index, caches.resource_slices.index
        )
        self._devices = Devices(context.client, self._claims, context.clock, NAME)
        caches.resource_claims.add_handler(self._on_resource_claim)
        caches.resource_slices.add_handler(self._on_slice)
        caches.device_classes.add_handler(self._on_class)
        caches.services.add_handler(self._on_service)
        caches.namespaces.add_handler(self._on_namespace)
        caches.pods.add_handler(self._on_pod)
        caches.nodes.add_handler(self._on_node)
        owners: tuple[Informer[Any], ...] = (
            caches.services,
            caches.replica_sets,
            caches.stateful_sets,
            caches.namespaces,
            caches.budgets,
            caches.resource_claims,
            caches.resource_slices,
            caches.device_classes,
        )
        informers = (caches.pods, caches.nodes, *stored, *owners)
        context.controller(NAME, self, self._queue, informers, concurrency=CONCURRENCY)

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Place one pod, if it still wants a node."""
        pod = self._caches.pods.index.get(key)
        if pod is None or not _wants_node(pod):
            self._waiting.pop(key, None)
            return Done()
        snapshot = self._current()
        if key in self._binding:
            return await self._go_on(pod)
        if pod.spec.resource_claims and self._claims.lacks(pod):
            self._waiting[key] = None
            return Done()
        if key in snapshot.placed:
            return Done()  # assumed: its binding is on the way to the cache
        outcome = fit(pod, snapshot, self._next_order(snapshot))
        if isinstance(outcome, Diagnosis):
            self._waiting[key] = None
            order, now = self._next_order(snapshot), self._clock.now()
            await self._refuse(pod, *await self._rooms.make(pod, snapshot, outcome, order, now))
        else:
            self._waiting.pop(key, None)
            snapshot.assume(outcome.row, outcome.column)
            if claim_names(pod):
                return await self._serve_claims(pod, outcome)
            await self._bind(pod, outcome)
        return Done()

    async def _serve_claims(self, pod: Pod, chosen: Fit) -> Done | RequeueAfter:
        """Choose volumes for the pod's claims on its node, and wait until they are bound."""
        now = self._clock.now()
        self._binding[pod.key] = Waiting(pod, chosen, now + CLAIMS_SECONDS)
        try:
            await self._writer.do(claim(self._storage, pod, self._node(chosen)))
        except OpError:
            self._forget(pod.key)
            raise
        return await self._go_on(pod)

    async def _go_on(self, pod: Pod) -> Done | RequeueAfter:
        """Bind a pod whose claims have their volumes; give it up when they take too long, or another one came."""
        waiting, now = self._binding[pod.key], self._clock.now()
        node = waiting.chosen.node
        same = waiting.pod.metadata.uid == pod.metadata.uid and node in self._current().table.columns
        if not same or self._storage.is_promised_elsewhere(pod, node):
            self._forget(pod.key)
            return RequeueAfter(RETRY_SECONDS)
        if self._storage.is_served(pod):
            del self._binding[pod.key]
            self._storage.release(pod)
            await self._bind(pod, waiting.chosen)
            return Done()
        if now < waiting.until:
            return RequeueAfter(waiting.until - now)
        self._forget(pod.key)
        await self._writer.do_one(Announce(PODS, pod, "Warning", FAILED, TOO_LONG))
        return RequeueAfter(RETRY_SECONDS)

    def _node(self, chosen: Fit) -> Node:
        return self._current().table.nodes[chosen.column]

    def _current(self) -> ClusterSnapshot:
        """Return the snapshot; nodes that changed mean a new one, with the pods assumed on the old one."""
        if self._snapshot is None or self._stale:
            before, self._snapshot, self._stale = self._snapshot, self._made_anew(), False
            if before is not None:
                self._take_over(before, self._snapshot)
        return self._snapshot

    def _made_anew(self) -> ClusterSnapshot:
        nodes = _sorted(self._caches.nodes.index.values())
        pods = self._caches.pods.index.values()
        return ClusterSnapshot.of(nodes, pods, self._storage, self._workloads, self._namespaces, claims=self._claims)

    def _take_over(self, before: ClusterSnapshot, current: ClusterSnapshot) -> None:
        """Keep what was assumed and is not in the caches yet."""
        for key, placed in before.placed.items():
            name = before.table.nodes[placed.column].metadata.name
            column = current.table.columns.get(name)
            if key not in current.placed and key in self._caches.pods.index and column is not None:
                current.assume(current.row(placed.row.pod), column)

    def _next_order(self, snapshot: ClusterSnapshot) -> int:
        """Start at another node each time, so that equally good nodes fill evenly."""
        return self._rng.randrange(len(snapshot.table)) if len(snapshot.table) else 0

    async def _bind(self, pod: Pod, chosen: Fit) -> None:
        key = pod.key
        if pod.spec.resource_claims:
            try:
                await self._devices.serve(pod)
            except OpError:
                await self._devices.undo(pod)
                self._forget(key)
                raise
        try:
            await self._writer.do_one(Bind(key, pod.metadata.uid, chosen.node))
        except OpError as error:
            if pod.spec.resource_claims:
                await self._devices.undo(pod)
            self._forget(key)
            if error.kind in {ErrorKind.NOT_FOUND, ErrorKind.CONFLICT}:
                return  # gone, or bound by someone else: the watch says so
            raise
        await self._writer.do_one(Announce(PODS, pod, "Normal", SCHEDULED, assigned(pod, chosen.node)))

    async def _refuse(self, pod: Pod, message: str, nominated: str = "") -> None:
        """Say why it fits nowhere, unless the pod says so already, and where room is being made for it."""
        present = find_condition(pod.status.conditions, "PodScheduled")
        if present is not None and present.message == message and not nominated:
            return
        await self._writer.do_one(Announce(PODS, pod, "Warning", FAILED, message))
        changes = {"status": without_node(pod, "Unschedulable", message, self._clock.now(), nominated)}
        await self._writer.do_one(
            Patch(PODS, pod.key, pod.metadata.uid, changes, "status", patch_type=PatchType.STRATEGIC)
        )

    def _forget(self, key: ObjectKey) -> None:
        waiting = self._binding.pop(key, None)
        if waiting is not None:
            self._storage.release(waiting.pod)
        pod = self._caches.pods.index.get(key)
        if pod is not None and pod.spec.resource_claims:
            self._claims.give_back(pod)
        if self._snapshot is not None and self._snapshot.forget(key):
            self._retry_waiting()

    def _on_pod(self, change: Change[Pod]) -> None:
        old, new = change.old, change.new
        if new is None or new.is_finished:
            self._waiting.pop(change.key, None)
            self._forget(change.key)
            return
        if old is not None and old.metadata.uid != new.metadata.uid:
            self._forget(change.key)
        if _wants_node(new):
            if old is None or not _wants_node(old) or _is_other(old, new):
                self._queue.add(change.key, priority=LOW_PRIORITY if change.initial else 0)
        elif self._snapshot is not None and new.spec.node_name and (old is None or _changed(old, new)):
            self._snapshot.book(new)

    def _on_node(self, change: Change[Node]) -> None:
        if change.old is not None and change.new is not None and offer(change.old) == offer(change.new):
            return
        self._stale = True
        self._retry_waiting()

    def _on_service(self, change: Change[Any]) -> None:
        del change
        self._workloads.services_changed()

    def _on_namespace(self, change: Change[Any]) -> None:
        """Pods of a namespace, if there are any, may be meant by other selectors now."""
        name = change.key.name
        labels: Labels = change.new.metadata.labels if change.new is not None else EMPTY
        if self._namespaces.get(name, EMPTY) == labels:
            return
        self._namespaces[name] = labels
        if self._snapshot is not None and any(key.namespace == name for key in self._snapshot.placed):
            self._stale = True
            self._retry_waiting()

    def _on_storage(self, change: Change[Any]) -> None:
        """Volumes and claims may be what pods wait for; those without any are tried in vain, which costs little."""
        del change
        if self._snapshot is not None:
            self._snapshot.csi_nodes_changed()
        for key in self._binding:
            self._queue.add(key)
        self._retry_waiting(claim_names)

    def _on_resource_claim(self, change: Change[Any]) -> None:
        self._claims.claim_changed(change.key)
        self._retry_waiting(_device_claims)

    def _on_slice(self, change: Change[Any]) -> None:
        del change
        self._claims.slices_changed()
        self._retry_waiting(_device_claims)

    def _on_class(self, change: Change[Any]) -> None:
        del change
        self._claims.classes_changed()
        self._retry_waiting(_device_claims)

    def _retry_waiting(self, asks_for: Callable[[Pod], object] | None = None) -> None:
        """Try those that wait again: all, or those that ask for something."""
        for key in self._waiting:
            if asks_for is not None:
                pod = self._caches.pods.index.get(key)
                if pod is None or not asks_for(pod):
                    continue
            self._queue.add(key, after_seconds=RETRY_SECONDS, priority=LOW_PRIORITY)


def _device_claims(pod: Pod) -> object:
    return pod.spec.resource_claims


def _sorted(nodes: Iterable[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: node.metadata.name)


def _wants_node(pod: Pod) -> bool:
    spec = pod.spec
    ours = spec.scheduler_name == NAME and not spec.node_name and not spec.scheduling_gates
    return ours and not pod.is_terminating and not pod.is_finished


def _is_other(old: Pod, new: Pod) -> bool:
    """Tell whether a waiting pod was replaced by a namesake, or has claims now that had to be made for it."""
    claims = old.status.resource_claim_statuses, new.status.resource_claim_statuses
    return old.metadata.uid != new.metadata.uid or claims[0] != claims[1]


def _changed(old: Pod, new: Pod) -> bool:
    """Tell whether a bound pod changed in what others, or its node, see of it."""
    return (old.metadata.labels, old.spec, old.is_terminating) != (new.metadata.labels, new.spec, new.is_terminating)
