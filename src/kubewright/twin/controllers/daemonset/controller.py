"""Runs the DaemonSet's decisions: claims pods and revisions, scales, rolls, counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from kubewright.api.apps import DAEMON_SETS, ControllerRevision, DaemonSet
from kubewright.api.core import Node, Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.workload import REVISION_HASH
from kubewright.runtime.controller import Done, RequeueAfter, watch_own
from kubewright.runtime.informer import Change
from kubewright.runtime.workqueue import WorkQueue
from kubewright.twin.caches import Caches
from kubewright.twin.controllers import history
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.daemonset.backoff import FailureBackoff
from kubewright.twin.controllers.daemonset.decide import View, look_again_seconds, roll, scale, status_of
from kubewright.twin.controllers.expectations import EXPIRY_SECONDS, Expectations
from kubewright.twin.controllers.ownership import take
from kubewright.twin.controllers.podnews import GATHER_SECONDS, PodNews
from kubewright.twin.controllers.podwrites import PodWriter
from kubewright.twin.controllers.writes import Create, Patch, Remove, Writer

NAME = "daemonset-controller"


@dataclass(frozen=True, slots=True)
class DaemonSetReconciler:
    """One DaemonSet's turn."""

    caches: Caches
    writer: Writer
    context: Context
    expected: Expectations[ObjectKey]
    failures: FailureBackoff = field(default_factory=FailureBackoff)

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring one DaemonSet to what is wanted."""
        now = self.context.clock.now()
        daemon_set = self.caches.daemon_sets.index.get(key)
        if daemon_set is None:
            self.expected.forget(key)
            return Done()
        selector = daemon_set.spec.selector
        pods = await take(self.writer, self.caches.pods, daemon_set, DAEMON_SETS, selector)
        revisions = await take(self.writer, self.caches.revisions, daemon_set, DAEMON_SETS, selector)
        if daemon_set.metadata.deletion_timestamp is not None:
            return Done()
        present = history.present(daemon_set, DAEMON_SETS, daemon_set.spec.template, revisions, REVISION_HASH)
        await self.writer.do(present.writes)
        nodes = self.caches.nodes.index.values()
        held = self.failures.held(daemon_set, pods, now)
        view = View.of(daemon_set, present.hash, list(nodes), pods, now, held=held)
        if self.expected.met(key, now):
            writes = scale(view) or roll(view)
            await self.writer.do(self.failures.tell(daemon_set, pods, writes, now))
            await self._do(daemon_set, writes)
            if any(isinstance(write, Create) for write in writes) and daemon_set.status.observed_generation:
                return RequeueAfter(EXPIRY_SECONDS)  # what was made comes back as news
            await self.writer.do(self._outdated(daemon_set, present.name, pods, revisions))
        await self._write_status(view)
        waits = [wait for wait in (look_again_seconds(view), *held.values()) if wait]
        return RequeueAfter(min(waits)) if waits else Done()

    async def _do(self, daemon_set: DaemonSet, writes: Sequence[Create | Remove]) -> None:
        writer = PodWriter(DAEMON_SETS, self.writer, self.context.clock, self.expected)
        for write in writes:
            await writer.do(daemon_set, write)

    def _outdated(
        self, daemon_set: DaemonSet, present: str, pods: Sequence[Pod], revisions: Sequence[ControllerRevision]
    ) -> list[Remove]:
        living = {pod.metadata.labels.get(REVISION_HASH, "") for pod in pods}
        used = {each.metadata.name for each in revisions if each.metadata.labels.get(REVISION_HASH) in living}
        return history.outdated(revisions, {*used, present}, daemon_set.spec.revision_history_limit)

    async def _write_status(self, view: View) -> None:
        status, daemon_set = status_of(view), view.daemon_set
        present = msgspec.to_builtins(daemon_set.status)
        changes = {name: value for name, value in status.items() if present[name] != value}
        if changes:
            await self.writer.do_one(
                Patch(DAEMON_SETS, daemon_set.key, daemon_set.metadata.uid, {"status": changes}, "status")
            )


def add_to(context: Context) -> None:
    """Wire the controller: its own kind, its pods, and nodes that come, go or change what placement asks."""
    caches = context.caches
    queue = context.queue(NAME, ObjectKey)
    expected: Expectations[ObjectKey] = Expectations()
    watch_own(caches.daemon_sets, queue)
    caches.pods.add_handler(
        PodNews(caches.daemon_sets, DAEMON_SETS, lambda each: each.spec.selector, queue, expected, GATHER_SECONDS)
    )
    caches.nodes.add_handler(lambda change: _on_node(change, caches, queue))
    reconciler = DaemonSetReconciler(caches, context.writer(NAME), context, expected)
    informers = (caches.daemon_sets, caches.pods, caches.nodes, caches.revisions)
    context.controller(NAME, reconciler, queue, informers, concurrency=2)


def _on_node(change: Change[Node], caches: Caches, queue: WorkQueue[ObjectKey]) -> None:
    old, new = change.old, change.new
    if old is not None and new is not None and _digest(old) == _digest(new):
        return
    for daemon_set in caches.daemon_sets.index.values():
        queue.add(daemon_set.key)


def _digest(node: Node) -> tuple[object, ...]:
    return node.metadata.uid, node.metadata.labels, node.spec.taints
