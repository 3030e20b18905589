"""Runs the ReplicaSet's decisions: claims its pods, brings them to the wanted number, counts them.

A second one serves ReplicationControllers, which differ in name alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from kubewright.api.apps import REPLICA_SETS, ReplicaSet
from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey, Resource, controller_of
from kubewright.api.replication import REPLICATION_CONTROLLERS, ReplicationController
from kubewright.errors import OpError
from kubewright.runtime.controller import Done, RequeueAfter, watch_own
from kubewright.twin.caches import BY_CONTROLLER, Caches
from kubewright.twin.controllers.availability import available_after_seconds
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.expectations import EXPIRY_SECONDS, Expectations
from kubewright.twin.controllers.ownership import take
from kubewright.twin.controllers.podnews import GATHER_SECONDS, PodNews
from kubewright.twin.controllers.podwrites import PodWriter
from kubewright.twin.controllers.replicaset.decide import (
    Counted,
    present_status,
    scale,
    status_of,
)
from kubewright.twin.controllers.writes import Create, Patch, Remove, Writer

R = TypeVar("R", ReplicaSet, ReplicationController)

NAME = "replicaset-controller"
REPLICATION_NAME = "replication-controller"


@dataclass(frozen=True, slots=True)
class ReplicaSetReconciler(Generic[R]):
    """One ReplicaSet's turn: claim its pods, bring them to the wanted number, count them."""

    kind: Resource[R]
    caches: Caches
    writer: Writer
    context: Context
    expected: Expectations[ObjectKey]

    @property
    def pods(self) -> PodWriter[R]:
        """Return what creates and deletes its pods."""
        return PodWriter(self.kind, self.writer, self.context.clock, self.expected)

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring one ReplicaSet to what is wanted."""
        now = self.context.clock.now()
        replica_set = self.caches.of(self.kind).index.get(key)
        if replica_set is None:
            self.expected.forget(key)
            return Done()
        selector = replica_set.spec.selector
        counted = Counted.of(await take(self.writer, self.caches.pods, replica_set, self.kind, selector))
        failure = None
        if replica_set.metadata.deletion_timestamp is None and self.expected.met(key, now):
            writes = scale(replica_set, self.kind, counted.active, self._neighbours(replica_set, counted.active))
            failure = await self._do(replica_set, writes)
            if writes and failure is None:
                # What was done comes back as news; a status that counts without it would be stale at once.
                return RequeueAfter(EXPIRY_SECONDS)
        await self._write_status(replica_set, status_of(replica_set, counted, now, failure))
        if failure is not None:
            raise failure
        waits = [
            available_after_seconds(pod, replica_set.spec.min_ready_seconds, now)
            for pod in counted.active
            if pod.is_ready
        ]
        soonest = min((wait for wait in waits if wait > 0), default=0.0)
        return RequeueAfter(soonest) if soonest else Done()

    def _pods(self, key: ObjectKey, owner_uid: str) -> list[Pod]:
        return self.caches.pods.index.by(BY_CONTROLLER, (key.namespace, owner_uid))

    async def _do(self, replica_set: R, writes: Sequence[Create | Remove]) -> OpError | None:
        """Create or delete pods; the first refusal ends it and is returned."""
        try:
            for write in writes:
                await self.pods.do(replica_set, write)
        except OpError as error:
            return error
        return None

    def _neighbours(self, replica_set: R, pods: Sequence[Pod]) -> Mapping[str, int]:
        """Count by node the pods of all ReplicaSets of the same owner, only when some are to go."""
        if len(pods) <= replica_set.spec.replicas:
            return {}
        namespace, owner = replica_set.metadata.namespace, controller_of(replica_set)
        siblings = self.caches.of(self.kind).index.by(BY_CONTROLLER, (namespace, owner.uid)) if owner else [replica_set]
        counts: dict[str, int] = {}
        for sibling in siblings:
            for pod in self._pods(replica_set.key, sibling.metadata.uid):
                if not (pod.is_terminating or pod.is_finished):
                    counts[pod.spec.node_name] = counts.get(pod.spec.node_name, 0) + 1
        return counts

    async def _write_status(self, replica_set: R, status: dict[str, Any]) -> None:
        present = present_status(replica_set)
        if present != status:
            changes = {name: value for name, value in status.items() if present[name] != value}
            await self.writer.do_one(
                Patch(self.kind, replica_set.key, replica_set.metadata.uid, {"status": changes}, "status")
            )


def add_to(context: Context) -> None:
    """Wire the controller twice: for ReplicaSets, and for ReplicationControllers."""
    _add(context, NAME, REPLICA_SETS)
    _add(context, REPLICATION_NAME, REPLICATION_CONTROLLERS)


def _add(context: Context, name: str, kind: Resource[R]) -> None:
    """Wire it to its own kind, its pods, and pods that nobody owns."""
    caches = context.caches
    owners = caches.of(kind)
    queue = context.queue(name, ObjectKey)
    expected: Expectations[ObjectKey] = Expectations()
    watch_own(owners, queue)
    caches.pods.add_handler(PodNews(owners, kind, lambda each: each.spec.selector, queue, expected, GATHER_SECONDS))
    reconciler = ReplicaSetReconciler(kind, caches, context.writer(name), context, expected)
    context.controller(name, reconciler, queue, (owners, caches.pods), concurrency=5)
