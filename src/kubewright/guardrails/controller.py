"""Keeps PlatformPolicies: reads the caches, asks `decide`, carries out the Plan.

What somebody changes or deletes of a policy's rails is put back when it happens. Without this controller they hold
nevertheless: the API server needs nobody for that.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.api.crds.platformpolicy import PLATFORM_POLICIES, PLATFORM_POLICY_CRD, PlatformPolicy
from kubewright.api.meta import ObjectKey
from kubewright.clock import Clock
from kubewright.guardrails.decide import BINDINGS, POLICIES, decide, owned, wanted
from kubewright.guardrails.render import SCOPE_LABEL
from kubewright.runtime.children import Children
from kubewright.runtime.controller import Done, RequeueAfter
from kubewright.runtime.informer import Informer
from kubewright.runtime.operators import Operator
from kubewright.runtime.plans import Executor

FIELD_MANAGER = "kubewright-guardrails"
RESYNC_SECONDS = 30.0


@dataclass(slots=True)
class PlatformPolicyReconciler:
    """One policy's turn."""

    clock: Clock
    executor: Executor
    policies: Informer[PlatformPolicy]
    children: Children

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring what the API server holds to what a policy says."""
        policy = self.policies.index.get(key)
        if policy is None or policy.metadata.deletion_timestamp is not None:
            return Done()  # its children go with it
        mine = owned(policy, self.children.kinds)
        desired = wanted(policy, mine)
        observed = await self.children.observe(policy, desired)
        plan = decide(policy, mine, desired, observed, self.clock.now())
        await self.executor.execute(plan, about=policy)
        return RequeueAfter(RESYNC_SECONDS)


def build(operator: Operator) -> None:
    """Declare the controller of PlatformPolicies."""
    operator.define(PLATFORM_POLICY_CRD)
    policies = operator.own(PLATFORM_POLICIES)
    children = operator.children((POLICIES, BINDINGS), label_selector=SCOPE_LABEL)
    executor = operator.executor(PLATFORM_POLICIES)
    operator.controller(
        policies,
        PlatformPolicyReconciler(operator.clock, executor, policies, children),
        name="platformpolicy",
        owns=children.informers,
    )
