"""Keeps the status of disruption budgets: which pods they are about, and what their controllers want."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from kubewright.api.apps import DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS, Deployment, ReplicaSet, StatefulSet
from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey, OwnerReference, controller_of
from kubewright.api.policy import POD_DISRUPTION_BUDGETS, PodDisruptionBudget
from kubewright.api.replication import REPLICATION_CONTROLLERS, ReplicationController
from kubewright.errors import OpError
from kubewright.runtime.controller import Done, RequeueAfter, watch_own
from kubewright.runtime.informer import Change
from kubewright.runtime.scales import Scales
from kubewright.runtime.workqueue import WorkQueue
from kubewright.twin.caches import BY_LABEL, Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.disruption.decide import (
    Scale,
    needs_scale,
    next_check_seconds,
    present_status,
    status_of,
)
from kubewright.twin.controllers.podnews import digest
from kubewright.twin.controllers.selectortext import go_selector
from kubewright.twin.controllers.writes import Announce, Patch, Writer

NAME = "disruption-controller"
_REPORTER = "controllermanager"
"""Whom its events are from."""
_UNMANAGED = (
    "Pods selected by this PodDisruptionBudget (selector: %s) were found to be unmanaged. As a result, the status of"
    " the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please"
    ' set ".spec.minAvailable" field of the PDB to an integer value.'
)

_Owner: TypeAlias = Deployment | ReplicaSet | ReplicationController | StatefulSet
_O = TypeVar("_O", Deployment, ReplicaSet, ReplicationController, StatefulSet)


@dataclass(frozen=True, slots=True)
class BudgetReconciler:
    """One budget's turn."""

    caches: Caches
    writer: Writer
    context: Context
    scales: Scales

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Count a budget's pods."""
        budget = self.caches.budgets.index.get(key)
        if budget is None:
            return Done()
        now = self.context.clock.now()
        pods = selected(self.caches, budget)
        scale = await self._scale(key.namespace, pods) if needs_scale(budget) else Scale()
        await self._tell(budget, pods, scale)
        status = status_of(budget, pods, scale, now)
        present = present_status(budget)
        changes = {name: value for name, value in status.items() if present[name] != value}
        if "disruptedPods" in changes:
            gone = dict.fromkeys(set(present["disruptedPods"]) - set(status["disruptedPods"]))
            changes["disruptedPods"] = {**gone, **status["disruptedPods"]}
        if changes:
            version = budget.metadata.resource_version
            await self.writer.do_one(
                Patch(
                    POD_DISRUPTION_BUDGETS,
                    key,
                    budget.metadata.uid,
                    {"status": changes},
                    "status",
                    resource_version=version,
                )
            )
        wait = next_check_seconds(status["disruptedPods"], now)
        return Done() if wait is None else RequeueAfter(wait)

    async def _scale(self, namespace: str, pods: Sequence[Pod]) -> Scale:
        """Add up what the pods' controllers want, each once; pods without one count for nothing."""
        wanted: dict[str, int] = {}
        unmanaged = False
        for pod in pods:
            owner = controller_of(pod)
            if owner is None:
                unmanaged = True
            elif owner.uid not in wanted:
                try:
                    found = await self._wanted(namespace, owner)
                except OpError as error:
                    return Scale(problem=error.detail)
                if found is None:
                    return Scale(problem=f'found no controllers for pod "{pod.metadata.name}"')
                wanted[found[0]] = found[1]
        return Scale(sum(wanted.values()), unmanaged=unmanaged)

    async def _wanted(self, namespace: str, owner: OwnerReference) -> tuple[str, int] | None:
        """Return who wants the pods of an owner, itself or the one above it, and how many; kinds of any sort count."""
        above = self._owner(namespace, owner)
        if above is not None:
            return above.metadata.uid, above.spec.replicas
        scale = await self.scales.find(owner.api_version, owner.kind, ObjectKey(namespace, owner.name))
        return None if scale is None or scale.metadata.uid != owner.uid else (owner.uid, scale.spec.replicas)

    async def _tell(self, budget: PodDisruptionBudget, pods: Sequence[Pod], scale: Scale) -> None:
        """Tell of what a budget cannot do its work with."""
        if not pods:
            await self._announce(budget, "Normal", "NoPods", "No matching pods found")
        if scale.problem:
            text = f"Failed to calculate the number of expected pods: {scale.problem}"
            await self._announce(budget, "Warning", "CalculateExpectedPodCountFailed", text)
        elif scale.unmanaged:
            await self._announce(budget, "Warning", "UnmanagedPods", _UNMANAGED % go_selector(budget.spec.selector))

    async def _announce(self, budget: PodDisruptionBudget, type_: str, reason: str, text: str) -> None:
        await self.writer.do_one(Announce(POD_DISRUPTION_BUDGETS, budget, type_, reason, text))

    def _owner(self, namespace: str, owner: OwnerReference) -> _Owner | None:
        key = ObjectKey(namespace, owner.name)
        if owner.kind == REPLICATION_CONTROLLERS.kind:
            return self.caches.replication_controllers.index.get(key)
        if owner.kind == STATEFUL_SETS.kind:
            return self.caches.stateful_sets.index.get(key)
        if owner.kind != REPLICA_SETS.kind:
            return None
        replica_set = self.caches.replica_sets.index.get(key)
        above = controller_of(replica_set) if replica_set is not None else None
        if above is None or above.kind != DEPLOYMENTS.kind:
            return replica_set
        return self.caches.deployments.index.get(ObjectKey(namespace, above.name)) or replica_set


def selected(caches: Caches, budget: PodDisruptionBudget) -> list[Pod]:
    """Return the pods that a budget is about."""
    selector, namespace = budget.spec.selector, budget.metadata.namespace
    if selector is None:
        return []
    pods: Iterable[Pod] = caches.pods.index.values()
    pair = min(selector.match_labels.items(), default=None)
    if pair is not None:
        pods = caches.pods.index.by(BY_LABEL, (namespace, *pair))
    found = (pod for pod in pods if pod.metadata.namespace == namespace)
    return [pod for pod in found if selector.matches(pod.metadata.labels)]


@dataclass(frozen=True, slots=True)
class PodChanges:
    """Finds the budgets that a changed pod matters to."""

    caches: Caches
    queue: WorkQueue[ObjectKey]

    def __call__(self, change: Change[Pod]) -> None:
        """Queue the budgets that select the pod as it was or is."""
        budgets = self.caches.budgets.index
        if not len(budgets):
            return
        old, new = change.old, change.new
        if old is not None and new is not None and digest(old) == digest(new):
            return
        for budget in budgets.values():
            selector = budget.spec.selector
            if budget.metadata.namespace != change.key.namespace or selector is None:
                continue
            if any(selector.matches(pod.metadata.labels) for pod in (old, new) if pod is not None):
                self.queue.add(budget.key)


def add_to(context: Context) -> None:
    """Wire the controller: budgets, their pods, and what wants those pods."""
    caches = context.caches
    queue = context.queue(NAME, ObjectKey)
    watch_own(caches.budgets, queue)
    caches.pods.add_handler(PodChanges(caches, queue))
    owners = (caches.deployments, caches.replica_sets, caches.replication_controllers, caches.stateful_sets)
    for each in owners:
        each.add_handler(lambda change: _on_owner(change, caches, queue))
    reconciler = BudgetReconciler(
        caches, context.writer(_REPORTER, field_manager=NAME), context, Scales(context.client)
    )
    context.controller(NAME, reconciler, queue, (caches.budgets, caches.pods, *owners))


def _on_owner(change: Change[_O], caches: Caches, queue: WorkQueue[ObjectKey]) -> None:
    old, new = change.old, change.new
    if old is not None and new is not None and old.spec.replicas == new.spec.replicas:
        return
    for budget in caches.budgets.index.values():
        if budget.metadata.namespace == change.key.namespace:
            queue.add(budget.key)
