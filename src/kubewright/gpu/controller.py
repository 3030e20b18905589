"""Keeps GPUPolicies: reads the caches, asks `decide`, carries out the Plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kubewright.api.core import CONFIG_MAPS, NODES, PODS, ConfigMap, Node, Pod
from kubewright.api.crds.gpupolicy import GPU_POLICIES, GPU_POLICY_CRD, GPUPolicy
from kubewright.api.meta import KubeObject, ObjectKey
from kubewright.api.plan import Action, Apply, Plan
from kubewright.api.policy import POD_DISRUPTION_BUDGETS, PodDisruptionBudget
from kubewright.clock import Clock
from kubewright.disruption.permits import Permits
from kubewright.disruption.watching import permits
from kubewright.gpu.asking import allowed
from kubewright.gpu.configs import POLICY_LABEL
from kubewright.gpu.decide import Pool, decide
from kubewright.runtime.controller import Done, RequeueAfter
from kubewright.runtime.informer import Change, Informer
from kubewright.runtime.operators import Operator, Watch
from kubewright.runtime.plans import Executor

FIELD_MANAGER = "kubewright-gpu"
RESYNC_SECONDS = 30.0


@dataclass(slots=True)
class GPUPolicyReconciler:
    """One policy's turn."""

    clock: Clock
    executor: Executor
    policies: Informer[GPUPolicy]
    nodes: Informer[Node]
    pods: Informer[Pod]
    files: Informer[ConfigMap]
    budgets: Informer[PodDisruptionBudget]
    permits: Permits

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring the nodes of a policy to what it says."""
        policy = self.policies.index.get(key)
        if policy is None:
            return Done()
        pool = Pool.of(
            policy,
            tuple(self.policies.index.values()),
            tuple(self.nodes.index.values()),
            tuple(self.pods.index.values()),
            self.budgets.index.values(),
        )
        plan = decide(policy, pool, self.clock.now())
        due = tuple(action for action in plan.actions if not self._is_there(action))
        due = await allowed(self.permits, policy, due, self.nodes.index, self.pods.index)
        await self.executor.execute(Plan(due, plan.reason), about=policy)
        return RequeueAfter(RESYNC_SECONDS)

    def _is_there(self, action: Action) -> bool:
        """Tell whether an action would write a file that is already so."""
        if not isinstance(action, Apply) or action.resource is not CONFIG_MAPS:
            return False
        file = self.files.index.get(action.key)
        return file is not None and dict(file.data) == action.manifest["data"]


def _is_news(change: Change[Node]) -> bool:
    """Tell whether anything is another that is decided by: thousands of nodes say every few minutes that they live."""
    return change.old is None or change.new is None or _read(change.old) != _read(change.new)


def _read(node: Node) -> tuple[object, ...]:
    metadata = node.metadata
    return metadata.labels, metadata.annotations, node.spec.unschedulable, node.status.allocatable


def build(operator: Operator) -> None:
    """Declare the controller of GPUPolicies."""
    operator.define(GPU_POLICY_CRD)
    policies = operator.own(GPU_POLICIES)
    nodes, pods = operator.informer(NODES), operator.informer(PODS)
    files = operator.informer(CONFIG_MAPS, label_selector=POLICY_LABEL)
    budgets = operator.informer(POD_DISRUPTION_BUDGETS)

    def everybody(_: KubeObject) -> Iterable[ObjectKey]:
        return tuple(policies.index.keys())

    def its(file: ConfigMap) -> Iterable[ObjectKey]:
        return (ObjectKey("", file.metadata.labels[POLICY_LABEL]),)

    operator.controller(
        policies,
        GPUPolicyReconciler(
            operator.clock, operator.executor(GPU_POLICIES), policies, nodes, pods, files, budgets, permits(operator)
        ),
        name="gpupolicy",
        watches=(Watch(policies, everybody), Watch(nodes, everybody, when=_is_news), Watch(files, its)),
        reads=(pods, budgets),
    )
