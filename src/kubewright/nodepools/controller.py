"""Keeps NodePools: sees the caches, asks `decide`, carries the round out by the API and by the provider.

All pools have their round together, since a pod that waits may be helped by any of them. What fails in one is tried
again in the next: every step may be repeated, and what is being emptied says so on the node itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from kubewright.api.conditions import find_condition
from kubewright.api.core import NODES, PODS, Node, Pod
from kubewright.api.crds.nodepool import NODE_POOL_CRD, NODE_POOLS, NodePool, problems
from kubewright.api.meta import Manifest, ObjectKey, rfc3339
from kubewright.api.plan import Action, Announce, Apply, Plan
from kubewright.clock import in_slices
from kubewright.disruption.permits import Permits
from kubewright.disruption.watching import permits
from kubewright.errors import OpError
from kubewright.nodepools.asking import give_back, may_begin, may_go
from kubewright.nodepools.decide import deciding_in_steps
from kubewright.nodepools.figures import PoolFigures, PoolMetrics
from kubewright.nodepools.members import EMPTYING, Coming, pool_of, price_of, with_pools
from kubewright.nodepools.provider import NodeProvider
from kubewright.nodepools.seen import Begun, Memory, Released, Round, Seen
from kubewright.nodepools.telling import status_of
from kubewright.nodepools.turns import backed_off
from kubewright.placement.policy import SPREAD, Policy
from kubewright.runtime.informer import Informer
from kubewright.runtime.operators import Operator
from kubewright.scheduler.state import ClusterState

FIELD_MANAGER = "kubewright-nodes"
ROUND_SECONDS = 10.0
SLICE_SECONDS = 0.02
"""So long a round holds up everything else at once; with thousands of nodes it takes seconds in all."""
BATCH_SECONDS = 2.0
LONGEST_BATCH_SECONDS = 10
"""Pods that come one after the other are helped together, or small nodes would be had for what fills a large one."""
_TOLD_AT_MOST = 1000

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class NodePools:
    """All pools of a cluster."""

    operator: Operator
    provider: NodeProvider
    policy: Policy
    pools: Informer[NodePool]
    state: ClusterState
    metrics: PoolMetrics
    permits: Permits
    memory: Memory = field(default_factory=Memory)
    _figures: dict[str, PoolFigures] = field(default_factory=dict[str, PoolFigures])
    _told: dict[ObjectKey, str] = field(default_factory=dict[ObjectKey, str])
    """What pods that no node could hold were told already."""
    _trouble: dict[str, str] = field(default_factory=dict[str, str])
    """By pool, what its provider refused in the last round in which it was asked."""

    async def run(self) -> None:
        """Have rounds until cancelled."""
        for each in (self.pools, *self.state.informers):
            await each.wait_synced()
        while True:
            if len(self.pools.index):
                try:
                    await self.round()
                except* OpError as group:
                    _log.warning("a round of the node pools ended early: %s", group.exceptions[0])
            await asyncio.sleep(ROUND_SECONDS)
            for _ in range(LONGEST_BATCH_SECONDS):
                if not self._is_growing():
                    break
                await asyncio.sleep(1)

    async def round(self) -> None:
        """Decide once, and carry it out."""
        now = self.operator.clock.now()
        every = tuple(self.pools.index.values())
        wrong = {each.metadata.name: problems(each) for each in every}
        good = tuple(each for each in every if not wrong[each.metadata.name] and not each.metadata.deletion_timestamp)
        coming = tuple(await self.provider.coming(good))
        # A fork, since caches go on while it is decided.
        seen = Seen(good, self.state.snapshot.fork(), self._waiting(), tuple(self.state.budgets()), coming, self.policy)
        found = await in_slices(deciding_in_steps(seen, self.memory, now), SLICE_SECONDS)
        self.memory = found.memory
        await self._carry_out(found, now)
        owned = tuple(with_pools(self.state.nodes.index.values(), good))
        self._figures = {each.metadata.name: _measured(each, owned, coming) for each in every}
        for pool in every:
            name = pool.metadata.name
            status = status_of(
                pool,
                self._figures[name],
                now,
                wrong=wrong[name],
                advice=found.advice.get(name, ""),
                trouble=self._trouble.get(name, ""),
            )
            if status is not None:
                await self.operator.executor(NODE_POOLS).execute(Plan((status,), "its nodes"), about=pool)

    async def _carry_out(self, found: Round, now: float) -> None:
        nodes = self.operator.executor(NODES)
        for released in found.released:
            await nodes.execute(Plan(_release(released), released.why), about=released.node)
            self._count(released.node, "released")
        await give_back(self.permits, [each.node for each in found.released])
        await self._launch(found, now)
        for begun in await may_begin(self.permits, found.begun):
            await nodes.execute(Plan(_begin(begun, now), begun.why), about=begun.node)
            self.metrics.changes.labels(begun.pool.metadata.name, "begun").inc()
        for eviction, pod in await may_go(self.permits, found.evictions, self.state.pods.index.get):
            await self.operator.executor(PODS).execute(Plan((eviction,), "its node is given back"), about=pod)
        for pool, node in found.given_back:
            await self._give_back(pool, node)
        await self._tell_pods(found)

    async def _launch(self, found: Round, now: float) -> None:
        pools = self.operator.executor(NODE_POOLS)
        for launch in found.launches:
            pool, offer = launch.offer.pool, launch.offer
            if self.memory.left_alone.get(offer.key, 0.0) > now:
                continue  # it was refused a moment ago
            try:
                await self.provider.launch(offer)
            except OpError as error:
                self.memory = backed_off(self.memory, offer.key, now)
                self.metrics.failures.inc()
                self._trouble[pool.metadata.name] = f"no {offer}: {error}"
                said = Announce("Warning", "LaunchFailed", f"no {offer}: {error.detail}")
                await pools.execute(Plan((said,), "the provider refused"), about=pool)
                continue
            self._trouble.pop(pool.metadata.name, None)
            self.metrics.changes.labels(pool.metadata.name, "launched").inc()
            why = f"for {len(launch.pods)} pods that wait" if launch.pods else "for what is kept free"
            if launch.instead_of:
                why = f"instead of {', '.join(launch.instead_of)}"
            said = Announce("Normal", "Launched", f"a {offer} {why}")
            await pools.execute(Plan((said,), why), about=pool)

    async def _give_back(self, pool: NodePool, node: Node) -> None:
        try:
            await self.provider.give_back(pool, node)
        except OpError as error:
            self.metrics.failures.inc()
            self._trouble[pool.metadata.name] = f"{node.metadata.name} is not taken back: {error}"
            _log.warning("%s is not taken back: %s", node.metadata.name, error)
        else:
            self._trouble.pop(pool.metadata.name, None)
            self.metrics.changes.labels(pool.metadata.name, "given back").inc()

    async def _tell_pods(self, found: Round) -> None:
        """Tell pods that no node could hold, each time that there is something else to tell."""
        for key, why in found.hopeless.items():
            pod = self.state.pods.index.get(key)
            if pod is not None and self._told.get(key) != why and len(self._told) < _TOLD_AT_MOST:
                self._told[key] = why
                said = Announce("Warning", "NoNodeCouldHoldIt", f"no node of any pool could hold it: {why}")
                await self.operator.executor(PODS).execute(Plan((said,), why), about=pod)
        self._told = {key: why for key, why in self._told.items() if key in found.hopeless}

    def _waiting(self) -> tuple[Pod, ...]:
        return tuple(each for each in self.state.pods.index.values() if _waits(each))

    def _is_growing(self) -> bool:
        """Tell whether pods have come so lately that more of them may be on their way."""
        since = self.operator.clock.now() - BATCH_SECONDS
        pods = (each for each in self.state.pods.index.values() if not each.spec.node_name)
        return any(each.metadata.created_at > since for each in pods)

    def _count(self, node: Node, change: str) -> None:
        pool = pool_of(node, self.pools.index.values())
        if pool is not None:
            self.metrics.changes.labels(pool.metadata.name, change).inc()

    def figures(self) -> dict[str, PoolFigures]:
        """Return how pools stand, for their metrics."""
        return self._figures


def _measured(pool: NodePool, owned: Iterable[tuple[Node, NodePool]], coming: Iterable[Coming]) -> PoolFigures:
    own = [node for node, owner in owned if owner is pool]
    return PoolFigures(
        len(own),
        sum(each.offer.pool.metadata.name == pool.metadata.name for each in coming),
        sum(EMPTYING in node.metadata.annotations for node in own),
        sum(price_of(node, pool) or 0.0 for node in own),
    )


def _waits(pod: Pod) -> bool:
    """Tell whether a pod waits for a node: a scheduler has looked at it and found none."""
    if pod.spec.node_name or pod.is_finished or pod.is_terminating or pod.spec.scheduling_gates:
        return False
    scheduled = find_condition(pod.status.conditions, "PodScheduled")
    return scheduled is not None and scheduled.status == "False"


def _begin(begun: Begun, now: float) -> tuple[Action, ...]:
    metadata = {"name": begun.node.metadata.name, "annotations": {EMPTYING: rfc3339(now)}}
    manifest: Manifest = {**_head(), "metadata": metadata, "spec": {"unschedulable": True}}
    return Apply(NODES, manifest), Announce("Normal", "Consolidating", f"it is emptied and given back: {begun.why}")


def _release(released: Released) -> tuple[Action, ...]:
    """Take back what `_begin` said: fields that are applied no longer go."""
    manifest: Manifest = {**_head(), "metadata": {"name": released.node.metadata.name}}
    return Apply(NODES, manifest), Announce("Warning", "NotConsolidated", f"it takes pods again: {released.why}")


def _head() -> Manifest:
    return {"apiVersion": NODES.api_version, "kind": NODES.kind}


def build(
    operator: Operator, provider: NodeProvider, policy: Policy = SPREAD, metrics: PoolMetrics | None = None
) -> NodePools:
    """Declare the rounds of NodePools; `policy` is what pods are placed by in this cluster."""
    operator.define(NODE_POOL_CRD)
    metrics = metrics or PoolMetrics()
    pools = operator.informer(NODE_POOLS)
    state = ClusterState(operator, lambda _: None)
    keeper = NodePools(operator, provider, policy, pools, state, metrics, permits(operator))
    metrics.watch(keeper.figures)
    operator.task("node pools", keeper.run)
    operator.task("node provider", provider.run)
    return keeper
