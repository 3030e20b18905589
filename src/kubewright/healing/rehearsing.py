"""Rehearses plans: moves on a fork of the cluster as columns, changes by asking the API server without keeping them.

Of moves it is told whom they would evict, and whether everybody finds a place; of changes whether validation, webhooks,
policies and quotas let them through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from kubewright.api.core import NODES, PODS, Pod
from kubewright.api.meta import ObjectKey, controller_of
from kubewright.api.plan import Action, Announce, Apply, Delete, Evict, Patch, Plan
from kubewright.client.protocol import Client, PatchType
from kubewright.disruption.budget import Allowance
from kubewright.disruption.requests import PodRef
from kubewright.disruption.world import is_well
from kubewright.errors import ErrorKind, OpError
from kubewright.healing.decide import Outcome
from kubewright.healing.finding import HEALER, Finding
from kubewright.healing.remedies.nodes import movable
from kubewright.healing.seen import Seen
from kubewright.placement.fit import find
from kubewright.placement.policy import SPREAD, Policy
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.scheduler.state import ClusterState

_REFUSALS = frozenset({ErrorKind.INVALID, ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND})


@dataclass(frozen=True, slots=True)
class PlanRehearsal:
    """Asks placement about pods that are taken away, and the server about what is changed."""

    client: Client
    state: ClusterState
    policy: Policy = SPREAD

    async def rehearse(self, plan: Plan, finding: Finding, seen: Seen) -> Outcome:
        """Say what the server refuses, who would go, and who of them would find no place."""
        refused = [said for each in plan.actions if (said := await self._refusal(each))]
        if refused:
            return Outcome(passed=False, message="; ".join(refused))
        pods = tuple({each.key: each for each in (*leaving(plan, seen), *_emptied(plan, finding, seen))}.values())
        if not pods:
            return Outcome(passed=True, message="the API server would take the changes; no pod is taken away")
        without = set(_nodes_of(plan))
        if finding.about.resource.plural == NODES.plural:
            without.add(finding.about.key.name)
        unplaced = list(without_place(pods, self.state.snapshot, without, self.policy))
        allowance = Allowance(self.state.budgets(), len(pods))
        held = [pod for pod in pods if is_well(pod) and not allowance.lets(pod)]
        hurt = [pod for pod in unplaced if is_well(pod)]
        said = f"{len(pods)} pods would go, and {len(pods) - len(unplaced)} of them have a place elsewhere"
        if held:
            said += f"; {len(held)} must wait for their disruption budgets"
        if hurt:
            names = ", ".join(str(pod.key) for pod in hurt[:3])
            return Outcome(
                passed=False, message=f"{said}; {names} run and would not", evicts=len(pods), unplaced=len(unplaced)
            )
        return Outcome(passed=True, message=said, evicts=len(pods), unplaced=len(unplaced))

    async def _refusal(self, action: Action) -> str:
        """Ask the server by a dry run; return why it refuses. An OpError means that it could not be asked."""
        name = HEALER
        try:
            match action:
                case Patch(resource, key, _, operations):
                    # What it tests may have changed since it was cached; the plan itself is made anew each turn.
                    asked = [dict(each) for each in operations if each["op"] != "test"]
                    await self.client.patch(resource, key, asked, PatchType.JSON, field_manager=name, dry_run=True)
                case Apply() if not action.only_new:
                    await self.client.apply(
                        action.resource,
                        action.manifest,
                        field_manager=name,
                        subresource=action.subresource,
                        dry_run=True,
                    )
                case _:
                    return ""
        except OpError as error:
            if error.kind in _REFUSALS:
                return f"{action}: {error.detail}"
            raise
        return ""


def leaving(plan: Plan, seen: Seen) -> Iterator[Pod]:
    """Yield the pods that a plan takes away."""
    for action in plan.actions:
        taken = _pod_of(action)
        pod = seen.get(PODS, taken.key) if taken is not None else None
        if pod is not None and PodRef.of(pod) == taken:
            yield pod


def _emptied(plan: Plan, finding: Finding, seen: Seen) -> Iterator[Pod]:
    """Yield all who have to leave a node that a plan begins to empty, as far as budgets let them now."""
    of_node = finding.about.resource.plural == NODES.plural and not finding.part
    if of_node and any(isinstance(each, Evict) for each in plan.actions):
        yield from movable(seen.pods_on(finding.about.key.name))


def without_pods(plan: Plan, kept: Mapping[ObjectKey, object]) -> Plan:
    """Return the plan that takes these pods not away; why the first of them is kept is added to its reason."""
    if not kept:
        return plan
    stays = [each for each in plan.actions if (pod := _pod_of(each)) is None or pod.key not in kept]
    first, why = next(iter(kept.items()))
    return Plan(tuple(stays), f"{plan.reason}; {len(kept)} wait for permits: {first}: {why}")


def _pod_of(action: Action) -> PodRef | None:
    """Return the pod that an action takes away, if it is about one."""
    if isinstance(action, Evict) or (isinstance(action, Delete) and action.resource.plural == PODS.plural):
        return PodRef(action.key, action.uid)
    return None


def without_place(
    pods: Iterable[Pod], snapshot: ClusterSnapshot, without: set[str], policy: Policy = SPREAD
) -> Iterator[Pod]:
    """Yield those that would be made anew and find no node, were all of them to go, and certain nodes to take none."""
    return (pod for pod, node in _places(pods, snapshot, without, policy) if not node)


def targets(pods: Iterable[Pod], snapshot: ClusterSnapshot, without: set[str], policy: Policy = SPREAD) -> list[str]:
    """Return the nodes on which they would be made anew."""
    return list(dict.fromkeys(node for _, node in _places(pods, snapshot, without, policy) if node))


def _places(
    pods: Iterable[Pod], snapshot: ClusterSnapshot, without: set[str], policy: Policy
) -> Iterator[tuple[Pod, str]]:
    """Yield pods that would be made anew, each with its node, or nothing."""
    fork = snapshot.fork()
    closed = fork.table.none()
    for name in without:
        column = fork.table.columns.get(name)
        if column is not None:
            closed[column] = True
    moved = [pod for pod in pods if controller_of(pod) is not None and not pod.stays_on_node]
    for pod in moved:
        fork.forget(pod.key)
    for pod in moved:
        anew = replace(pod, spec=replace(pod.spec, node_name=""), status=replace(pod.status, nominated_node_name=""))
        fit = find(anew, fork, 0, policy, closed)
        if fit is not None:
            fork.assume(fit.row, fit.column)
        yield pod, fit.node if fit is not None else ""


def _nodes_of(plan: Plan) -> Iterator[str]:
    for action in plan.actions:
        if not isinstance(action, Announce) and action.resource.plural == NODES.plural:
            yield action.key.name
