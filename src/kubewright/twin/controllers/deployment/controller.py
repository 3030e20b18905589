"""Runs the Deployment's decisions: claims its ReplicaSets, decides, writes."""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.api.apps import DEPLOYMENTS, REPLICA_SETS, Deployment, ReplicaSet
from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey, controller_of
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.controller import Done, RequeueAfter, watch_own, watch_owned
from kubewright.runtime.informer import Change
from kubewright.runtime.workqueue import WorkQueue
from kubewright.twin.caches import BY_CONTROLLER, Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.deployment.decide import Decision, Sets, collided, decide, same_template
from kubewright.twin.controllers.ownership import take
from kubewright.twin.controllers.writes import Create, Write, Writer

NAME = "deployment-controller"


@dataclass(frozen=True, slots=True)
class DeploymentReconciler:
    """One Deployment's turn."""

    caches: Caches
    writer: Writer
    context: Context

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring one Deployment one step on; each step's effect comes back as news and asks for the next."""
        deployment = self.caches.deployments.index.get(key)
        if deployment is None:
            return Done()
        sets = await take(self.writer, self.caches.replica_sets, deployment, DEPLOYMENTS, deployment.spec.selector)
        now = self.context.clock.now()
        decision = decide(deployment, sets, now, old_pods=self._old_pods(deployment, sets))
        await self._execute(deployment, decision)
        return Done() if decision.look_again_at is None else RequeueAfter(max(decision.look_again_at - now, 0.0))

    def _old_pods(self, deployment: Deployment, owned: tuple[ReplicaSet, ...]) -> bool:
        if deployment.spec.strategy.type != "Recreate":
            return False
        old = Sets.of(deployment, owned).old
        pods = self.caches.pods.index
        return any(
            not pod.is_finished
            for each in old
            for pod in pods.by(BY_CONTROLLER, (each.metadata.namespace, each.metadata.uid))
        )

    async def _execute(self, deployment: Deployment, decision: Decision) -> None:
        for write in decision.writes:
            if not await self._do(deployment, write):
                return

    async def _do(self, deployment: Deployment, write: Write) -> bool:
        """Do one write; return whether to go on."""
        try:
            await self.writer.do_one(write)
        except OpError as error:
            if not isinstance(write, Create) or error.kind is not ErrorKind.ALREADY_EXISTS:
                raise
            await self._on_name_taken(deployment, write)
            return False
        return True

    async def _on_name_taken(self, deployment: Deployment, write: Create) -> None:
        """Our own set that the cache does not show yet is no collision; anything else asks for another hash."""
        key = ObjectKey(deployment.metadata.namespace, write.manifest["metadata"]["name"])
        live = await self.writer.client.get(REPLICA_SETS, key)
        if not same_template(deployment, live):
            await self.writer.do_one(collided(deployment))


def add_to(context: Context) -> None:
    """Wire the controller: its own kind, its ReplicaSets, and for Recreate the end of pods."""
    caches = context.caches
    queue = context.queue(NAME, ObjectKey)
    watch_own(caches.deployments, queue)
    watch_owned(caches.replica_sets, queue, DEPLOYMENTS)
    caches.pods.add_handler(lambda change: _on_pod(change, caches, queue))
    reconciler = DeploymentReconciler(caches, context.writer(NAME), context)
    informers = (caches.deployments, caches.replica_sets, caches.pods)
    context.controller(NAME, reconciler, queue, informers, concurrency=5)


def _on_pod(change: Change[Pod], caches: Caches, queue: WorkQueue[ObjectKey]) -> None:
    """A Deployment that recreates waits for the last old pod to be gone."""
    if change.new is not None or change.old is None:
        return
    owner = controller_of(change.old)
    replica_set = caches.replica_sets.index.get(ObjectKey(change.key.namespace, owner.name)) if owner else None
    above = controller_of(replica_set) if replica_set else None
    if above is None or above.kind != DEPLOYMENTS.kind:
        return
    deployment = caches.deployments.index.get(ObjectKey(change.key.namespace, above.name))
    if deployment is not None and deployment.spec.strategy.type == "Recreate":
        queue.add(deployment.key)
