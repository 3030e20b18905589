"""Nodes by Cluster API: one MachineDeployment for each type and zone of a pool, found by its labels.

    kubewright.dev/node-pool: web
    node.kubernetes.io/instance-type: small
    topology.kubernetes.io/zone: a          # for types with zones

More nodes are more replicas. A node is given back by marking its Machine to be deleted first and asking for one replica
less, in this order: who is interrupted between the two finds the mark and goes on. Bounds are those that the
cluster-autoscaler reads, so that it is plain who scales; it must not run on the same MachineDeployments.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from kubewright.api.core import TYPE_LABEL, Node
from kubewright.api.crds.nodepool import NodePool
from kubewright.api.live import LiveObject
from kubewright.api.meta import ObjectKey, Resource, as_seen, parse_time
from kubewright.api.quantity import value
from kubewright.client.protocol import Client, PatchType
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.nodepools.members import Coming, Offer, offers_of
from kubewright.placement.pods import ZONE

MACHINE_DEPLOYMENTS: Resource[LiveObject] = Resource(
    "cluster.x-k8s.io", "v1beta1", "machinedeployments", "MachineDeployment", LiveObject
)
MACHINES: Resource[LiveObject] = Resource("cluster.x-k8s.io", "v1beta1", "machines", "Machine", LiveObject)
POOL_LABEL = "kubewright.dev/node-pool"
DELETE_FIRST = "cluster.x-k8s.io/delete-machine"
LEAST = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size"
MOST = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size"
_DEPLOYMENT = "cluster.x-k8s.io/deployment-name"


class ClusterApiProvider:
    """Asks the cluster that it runs in, which holds its own machines."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._asked: dict[str, float] = {}
        """By offer, since when its MachineDeployment wants more machines than there are."""

    async def run(self) -> None:
        """Wait: what there is is asked for in each round."""
        await asyncio.Event().wait()

    async def launch(self, offer: Offer) -> None:
        """Want one machine more; raises OpError where there is no MachineDeployment, or it may have no more."""
        deployment = await self._deployment(offer)
        replicas, most = _replicas(deployment), _bound(deployment, MOST)
        if most is not None and replicas >= most:
            enough = f"{deployment.key} may have {most} machines at most"
            raise OpError("launch", ErrorKind.EXHAUSTED, offer.key, enough)
        await self._want(deployment, replicas + 1)

    async def give_back(self, pool: NodePool, node: Node) -> None:
        """Have a node's machine deleted; asked again it changes nothing."""
        machines = await self._list(MACHINES, pool.metadata.name)
        machine = next((each for each in machines if _node_of(each) == node.metadata.name), None)
        if machine is None:
            raise OpError("give back", ErrorKind.NOT_FOUND, node.metadata.name, "no Machine of the pool has this node")
        if machine.metadata.deletion_timestamp:
            return
        owner = machine.metadata.labels.get(_DEPLOYMENT, "")
        deployment = await self._client.get(MACHINE_DEPLOYMENTS, ObjectKey(machine.metadata.namespace, owner))
        replicas, least = _replicas(deployment), _bound(deployment, LEAST) or 0
        alive = [each for each in machines if _is_of(each, deployment) and not each.metadata.deletion_timestamp]
        marked = sum(DELETE_FIRST in each.metadata.annotations for each in alive)
        if DELETE_FIRST in machine.metadata.annotations and replicas <= len(alive) - marked:
            return  # that is what is wanted already
        if replicas <= least:
            kept = f"{deployment.key} keeps {least} machines"
            raise OpError("give back", ErrorKind.EXHAUSTED, node.metadata.name, kept)
        if DELETE_FIRST not in machine.metadata.annotations:
            mark = {"metadata": {"annotations": {DELETE_FIRST: "true"}}}
            await self._client.patch(MACHINES, machine.key, as_seen(machine, mark), PatchType.MERGE)
        await self._want(deployment, replicas - 1)

    async def coming(self, pools: Sequence[NodePool]) -> Sequence[Coming]:
        """Return the machines without a node, and those that are wanted and not there yet."""
        found: list[Coming] = []
        for pool in pools:
            deployments = await self._list(MACHINE_DEPLOYMENTS, pool.metadata.name)
            machines: Sequence[LiveObject] = await self._list(MACHINES, pool.metadata.name) if deployments else ()
            for offer in offers_of(pool):
                for deployment in deployments:
                    if _serves(deployment, offer):
                        own = [each for each in machines if _is_of(each, deployment)]
                        found += self._of_deployment(offer, deployment, own)
        return found

    def _of_deployment(self, offer: Offer, deployment: LiveObject, machines: Sequence[LiveObject]) -> Sequence[Coming]:
        now = self._clock.now()
        alive = [each for each in machines if not each.metadata.deletion_timestamp]
        found = [Coming(offer, _created(each, now)) for each in alive if not _node_of(each)]
        missing = _replicas(deployment) - len(alive)
        if missing > 0:
            since = self._asked.setdefault(offer.key, now)
            return [*found, *([Coming(offer, since)] * missing)]
        self._asked.pop(offer.key, None)
        return found

    async def _deployment(self, offer: Offer) -> LiveObject:
        every = await self._list(MACHINE_DEPLOYMENTS, offer.pool.metadata.name)
        found = next((each for each in every if _serves(each, offer)), None)
        if found is None:
            labels = f"{POOL_LABEL}={offer.pool.metadata.name}, {TYPE_LABEL}={offer.type.name}"
            zone = f", {ZONE}={offer.zone}" if offer.zone else ""
            raise OpError("launch", ErrorKind.NOT_FOUND, offer.key, f"no MachineDeployment is labelled {labels}{zone}")
        return found

    async def _list(self, kind: Resource[LiveObject], pool: str) -> Sequence[LiveObject]:
        """Return a pool's objects of a kind; none where Cluster API is not installed."""
        try:
            return (await self._client.list(kind, label_selector=f"{POOL_LABEL}={pool}")).items
        except OpError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            return ()

    async def _want(self, deployment: LiveObject, replicas: int) -> None:
        changes = as_seen(deployment, {"spec": {"replicas": replicas}})
        await self._client.patch(MACHINE_DEPLOYMENTS, deployment.key, changes, PatchType.MERGE)


def _serves(deployment: LiveObject, offer: Offer) -> bool:
    labels = deployment.metadata.labels
    return labels.get(TYPE_LABEL) == offer.type.name and labels.get(ZONE, "") == offer.zone


def _is_of(machine: LiveObject, deployment: LiveObject) -> bool:
    own = deployment.metadata
    return machine.metadata.namespace == own.namespace and machine.metadata.labels.get(_DEPLOYMENT) == own.name


def _replicas(deployment: LiveObject) -> int:
    replicas: Any = deployment.spec.get("replicas", 1)
    return int(replicas)


def _node_of(machine: LiveObject) -> str:
    reference: Any = machine.status.get("nodeRef") or {}
    return str(reference.get("name", ""))


def _bound(deployment: LiveObject, annotation: str) -> int | None:
    try:
        return value(deployment.metadata.annotations[annotation])
    except (KeyError, ValueError):
        return None


def _created(machine: LiveObject, now: float) -> float:
    created = machine.metadata.creation_timestamp
    return parse_time(created) if created else now
