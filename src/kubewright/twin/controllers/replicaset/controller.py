"""Runs the ReplicaSet's decisions: claims its pods, brings them to the wanted number, counts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubewright.api.apps import REPLICA_SETS, ReplicaSet
from kubewright.api.core import PODS, Pod
from kubewright.api.meta import ObjectKey, controller_of
from kubewright.errors import OpError
from kubewright.runtime.controller import Done, RequeueAfter, watch_own
from kubewright.runtime.informer import Change
from kubewright.runtime.workqueue import LOW_PRIORITY, WorkQueue
from kubewright.twin.caches import BY_CONTROLLER, Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.expectations import EXPIRY_SECONDS, Expectations
from kubewright.twin.controllers.ownership import claim
from kubewright.twin.controllers.replicaset.decide import (
    Counted,
    available_after_seconds,
    present_status,
    scale,
    status_of,
)
from kubewright.twin.controllers.writes import Announce, Create, Patch, Remove, Writer

NAME = "replicaset-controller"


@dataclass(frozen=True, slots=True)
class ReplicaSetReconciler:
    """One ReplicaSet's turn: claim its pods, bring them to the wanted number, count them."""

    caches: Caches
    writer: Writer
    context: Context
    expected: Expectations[ObjectKey]

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring one ReplicaSet to what is wanted."""
        now = self.context.clock.now()
        replica_set = self.caches.replica_sets.index.get(key)
        if replica_set is None:
            self.expected.forget(key)
            return Done()
        selector = replica_set.spec.selector
        claimed = claim(
            replica_set,
            REPLICA_SETS,
            lambda pod: selector.matches(pod.metadata.labels),
            [*self._pods(key, replica_set.metadata.uid), *self._pods(key, "")],
            PODS,
        )
        await self.writer.do(claimed.writes)
        counted = Counted.of(claimed.owned)
        failure = None
        if replica_set.metadata.deletion_timestamp is None and self.expected.met(key, now):
            writes = scale(replica_set, counted.active, self._neighbours(replica_set, counted.active))
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

    async def _do(self, replica_set: ReplicaSet, writes: Sequence[Create | Remove]) -> OpError | None:
        """Create or delete pods; the first refusal ends it and is returned."""
        try:
            for write in writes:
                if isinstance(write, Create):
                    await self._create(replica_set, write)
                else:
                    await self._delete(replica_set, write)
        except OpError as error:
            return error
        return None

    async def _create(self, replica_set: ReplicaSet, write: Create) -> None:
        key = replica_set.key
        self.expected.expect_created(key, self.context.clock.now())
        try:
            pod = await self.writer.do_one(write)
        except OpError as error:
            self.expected.saw_created(key)
            await self._announce(replica_set, "Warning", "FailedCreate", f"Error creating: {error.detail}")
            raise
        name = pod.metadata.name if pod else ""
        await self._announce(replica_set, "Normal", "SuccessfulCreate", f"Created pod: {name}")

    async def _delete(self, replica_set: ReplicaSet, write: Remove) -> None:
        key = replica_set.key
        self.expected.expect_deleted(key, write.uid, self.context.clock.now())
        try:
            await self.writer.do_one(write)
        except OpError as error:
            self.expected.saw_deleted(key, write.uid)
            await self._announce(replica_set, "Warning", "FailedDelete", f"Error deleting: {error.detail}")
            raise
        await self._announce(replica_set, "Normal", "SuccessfulDelete", f"Deleted pod: {write.key.name}")

    async def _announce(self, replica_set: ReplicaSet, type_: str, reason: str, message: str) -> None:
        await self.writer.do_one(Announce(REPLICA_SETS, replica_set, type_, reason, message))

    def _neighbours(self, replica_set: ReplicaSet, pods: Sequence[Pod]) -> Mapping[str, int]:
        """Count by node the pods of all ReplicaSets of the same owner, only when some are to go."""
        if len(pods) <= replica_set.spec.replicas:
            return {}
        namespace, owner = replica_set.metadata.namespace, controller_of(replica_set)
        siblings = self.caches.replica_sets.index.by(BY_CONTROLLER, (namespace, owner.uid)) if owner else [replica_set]
        counts: dict[str, int] = {}
        for sibling in siblings:
            for pod in self._pods(replica_set.key, sibling.metadata.uid):
                if not (pod.is_terminating or pod.is_finished):
                    counts[pod.spec.node_name] = counts.get(pod.spec.node_name, 0) + 1
        return counts

    async def _write_status(self, replica_set: ReplicaSet, status: dict[str, Any]) -> None:
        present = present_status(replica_set)
        if present != status:
            changes = {name: value for name, value in status.items() if present[name] != value}
            await self.writer.do_one(
                Patch(REPLICA_SETS, replica_set.key, replica_set.metadata.uid, {"status": changes}, "status")
            )


@dataclass(frozen=True, slots=True)
class PodNews:
    """Turns what happened to pods into ReplicaSets to look at, and into expectations met."""

    caches: Caches
    queue: WorkQueue[ObjectKey]
    expected: Expectations[ObjectKey]

    def __call__(self, change: Change[Pod]) -> None:
        """Take one change; a pod that was replaced by a namesake counts as gone and as new."""
        old, new = change.old, change.new
        if old is not None and new is not None and old.metadata.uid != new.metadata.uid:
            self._gone(old)
            self._new(new, initial=False)
        elif old is None and new is not None:
            self._new(new, initial=change.initial)
        elif new is None and old is not None:
            self._gone(old)
        elif old is not None and new is not None and _digest(old) != _digest(new):
            self._changed(old, new)

    def _new(self, pod: Pod, *, initial: bool) -> None:
        key = _owner(pod)
        if key is None:
            self._offer(pod)
            return
        self.expected.saw_created(key)
        if pod.is_terminating:
            self.expected.saw_deleted(key, pod.metadata.uid)
        self.queue.add(key, priority=LOW_PRIORITY if initial else 0)

    def _gone(self, pod: Pod) -> None:
        key = _owner(pod)
        if key is not None:
            self.expected.saw_deleted(key, pod.metadata.uid)
            self.queue.add(key)

    def _changed(self, old: Pod, new: Pod) -> None:
        for key in dict.fromkeys((_owner(old), _owner(new))):
            if key is None:
                continue
            if new.is_terminating:
                self.expected.saw_deleted(key, new.metadata.uid)
            self.queue.add(key)
        if _owner(new) is None:
            self._offer(new)

    def _offer(self, pod: Pod) -> None:
        """Tell every ReplicaSet that might adopt a pod without an owner."""
        if controller_of(pod) is not None or not pod.metadata.labels:
            return
        for replica_set in self.caches.replica_sets.index.values():
            same_namespace = replica_set.metadata.namespace == pod.metadata.namespace
            if same_namespace and replica_set.spec.selector.matches(pod.metadata.labels):
                self.queue.add(replica_set.key)


def _owner(pod: Pod) -> ObjectKey | None:
    owner = controller_of(pod)
    if owner is None or owner.kind != REPLICA_SETS.kind:
        return None
    return ObjectKey(pod.metadata.namespace, owner.name)


def _digest(pod: Pod) -> tuple[Any, ...]:
    """Return what of a pod a ReplicaSet's count depends on."""
    return pod.is_ready, pod.status.phase, pod.is_terminating, pod.metadata.labels, pod.metadata.owner_references


def add_to(context: Context) -> None:
    """Wire the controller: its own kind, its pods, and pods that nobody owns."""
    caches = context.caches
    queue = context.queue(NAME, ObjectKey)
    expected: Expectations[ObjectKey] = Expectations()
    watch_own(caches.replica_sets, queue)
    caches.pods.add_handler(PodNews(caches, queue, expected))
    reconciler = ReplicaSetReconciler(caches, context.writer(NAME), context, expected)
    context.controller(NAME, reconciler, queue, (caches.replica_sets, caches.pods), concurrency=5)
