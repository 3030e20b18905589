"""Carries drains out: closes the node, evicts as permits and budgets allow, and opens it again if it is given up.

    drainer = Drainer(operator, permits, audit)                        # in `build`
    decision = await drainer.begin(node, Order(by=NAME, why=why, when_late=DELETE))    # Refused: not now
    turn = await drainer.go_on(node)      # at every turn until `turn.is_empty`; `turn.blocked` says who waits for what
    await drainer.end(node)               # takes pods again, and gives the permit back

What is being done stands on the node (`drain.DRAIN`): after a restart, or where the API server was away in the middle,
`go_on` goes on. It raises OpError where something could not be asked for; nothing is lost by that.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace

import msgspec

from kubewright.api.core import NODES, PODS, Node, Pod
from kubewright.api.meta import Manifest, rfc3339
from kubewright.api.plan import Announce, Apply, Delete, Evict, Plan
from kubewright.api.policy import POD_DISRUPTION_BUDGETS
from kubewright.audit.entries import of_plan
from kubewright.audit.log import AuditLog
from kubewright.disruption.drain import DRAIN, Order, Turn, order_of, turn
from kubewright.disruption.permits import Permits
from kubewright.disruption.requests import Decision, Granted, PodRef, Request, Urgency
from kubewright.runtime.operators import Operator
from kubewright.runtime.plans import Executor

_GRACE_SECONDS = 600.0


@dataclass(slots=True)
class Drainer:
    """Drains nodes for one service."""

    operator: Operator
    permits: Permits
    audit: AuditLog | None = None

    async def begin(self, node: Node, order: Order) -> Decision:
        """Close a node, if it may be taken out of service now."""
        order = msgspec.structs.replace(order, since=order.since or rfc3339(self.operator.clock.now()))
        (decision,) = await self.permits.take(self._request(node, order))
        if isinstance(decision, Granted):
            note = msgspec.json.encode(order).decode()
            metadata = {"name": node.metadata.name, "annotations": {DRAIN: note}}
            manifest: Manifest = {**_HEAD, "metadata": metadata, "spec": {"unschedulable": True}}
            told = Announce("Normal", "Draining", f"it is emptied: {order.why}")
            plan = Plan((Apply(NODES, manifest), told), order.why)
            await self._executor().execute(plan, about=node)
        return decision

    async def go_on(self, node: Node) -> Turn:
        """Have those go who may; return how it stands. A node that nobody drains is left alone."""
        order = order_of(node)
        if order is None:
            return Turn(blocked=("nobody drains it",))
        name = node.metadata.name
        pods = [each for each in self.operator.informer(PODS).index.values() if each.spec.node_name == name]
        budgets = self.operator.informer(POD_DISRUPTION_BUDGETS).index.values()
        found = turn(order, pods, budgets, self.operator.clock.now())
        if found.gave_up:
            await self.end(node)
            return found
        blocked = [*found.blocked]
        for pod in await self._permitted(node, order, found.evictions, blocked, by_eviction=True):
            await self._execute(Plan((Evict(PODS, pod.key, pod.metadata.uid),), order.why), pod)
        late = f"{order.why}; it was not let go within {order.deadline_seconds} s"
        for pod in await self._permitted(node, order, found.deletions, blocked, by_eviction=False):
            plan = Plan((Delete(PODS, pod.key, pod.metadata.uid), Announce("Warning", "DeletedByDrain", late)), late)
            async with self._audited(order, pod, plan):
                await self._execute(plan, pod)
        return replace(found, blocked=tuple(blocked))

    async def end(self, node: Node) -> None:
        """Let a node take pods again, and give its permit back."""
        order = order_of(node) or Order()
        # Fields that are applied no longer go; somebody else's cordon stays.
        plan = Plan((Apply(NODES, {**_HEAD, "metadata": {"name": node.metadata.name}}),), "it takes pods again")
        await self._executor().execute(plan, about=node)
        await self.permits.give_back(_about(node, order))

    async def _permitted(
        self, node: Node, order: Order, pods: Iterable[Pod], blocked: list[str], *, by_eviction: bool
    ) -> list[Pod]:
        asked = tuple(pods)
        requests = [self._request(node, order, pod, by_eviction=by_eviction) for pod in asked]
        found: list[Pod] = []
        for pod, decision in zip(asked, await self.permits.take(*requests), strict=True):
            if isinstance(decision, Granted):
                found.append(pod)
            else:
                blocked.append(f"{pod.key}: {decision}")
        return found

    def _request(self, node: Node, order: Order, pod: Pod | None = None, *, by_eviction: bool = True) -> Request:
        return Request(
            self.permits.requester,
            _about(node, order),
            order.why,
            urgency=Urgency(min(max(order.urgency, Urgency.SAVING), Urgency.REPAIR)),
            fault=order.fault,
            nodes=(node.metadata.name,),
            pods=() if pod is None else (PodRef.of(pod),),
            seconds=order.deadline_seconds + _GRACE_SECONDS,
            by_eviction=by_eviction,
        )

    async def _execute(self, plan: Plan, pod: Pod) -> None:
        await self.operator.executor(PODS).execute(plan, about=pod)

    def _executor(self) -> Executor:
        """Return what writes the fields of a drain, which are its own: others of the service's stay as they are."""
        plain = self.operator.executor(NODES)
        return replace(plain, field_manager=f"{plain.field_manager}-drain")

    def _audited(self, order: Order, pod: Pod, plan: Plan) -> AbstractAsyncContextManager[object]:
        if self.audit is None:
            return nullcontext()
        return self.audit.doing(of_plan(order.by or self.permits.requester, f"Pod/{pod.key}", plan))


_HEAD: Manifest = {"apiVersion": NODES.api_version, "kind": NODES.kind}


def _about(node: Node, order: Order) -> str:
    return order.about or f"drain/{node.metadata.name}"
