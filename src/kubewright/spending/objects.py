"""The objects that costs go by, and what they tell of owners, capacities and prices. All but `read_objects` is pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from kubewright.api.core import NAMESPACES, NODES, PODS, SERVICES, Namespace, Node, Pod, Service
from kubewright.api.crds.appservice import NAME_LABEL, TEAM_LABEL
from kubewright.api.crds.nodepool import NODE_POOLS, NodePool
from kubewright.api.meta import EMPTY, ObjectKey
from kubewright.api.quantity import Quantity
from kubewright.api.resources import CPU, MEMORY, amounts
from kubewright.api.volumes import CLAIMS, PersistentVolumeClaim
from kubewright.api.workload import Workload, workload_of
from kubewright.client.protocol import Client
from kubewright.costs.facts import Owner, Resource
from kubewright.costs.gpus import gpus_there
from kubewright.costs.prices import Said
from kubewright.errors import ErrorKind, OpError
from kubewright.monitoring.rules import PLATFORM
from kubewright.nodepools.members import price_of, with_pools
from kubewright.placement.scores.nodes import COST_LABEL

BALANCER = "LoadBalancer"
CLAIM, SERVICE = "PersistentVolumeClaim", "Service"
_APP_LABELS = (NAME_LABEL, "app.kubernetes.io/name")


@dataclass(frozen=True, slots=True)
class Objects:
    """What the API server has."""

    nodes: Sequence[Node] = ()
    pods: Sequence[Pod] = ()
    namespaces: Sequence[Namespace] = ()
    claims: Sequence[PersistentVolumeClaim] = ()
    services: Sequence[Service] = ()
    pools: Sequence[NodePool] = ()


async def read_objects(client: Client) -> Objects:
    """Read them; raises OpError. NodePools may not be installed."""
    try:
        pools = (await client.list(NODE_POOLS)).items
    except OpError as error:
        if error.kind not in {ErrorKind.NOT_FOUND, ErrorKind.FORBIDDEN}:
            raise
        pools = ()
    return Objects(
        (await client.list(NODES)).items,
        (await client.list(PODS)).items,
        (await client.list(NAMESPACES)).items,
        (await client.list(CLAIMS)).items,
        (await client.list(SERVICES)).items,
        pools,
    )


@dataclass(frozen=True, slots=True)
class Directory:
    """Whose things are. A namespace's team is right before a pod's: its label is an administrator's to set."""

    teams: Mapping[str, str] = field(default_factory=dict[str, str])
    """By namespace."""
    labels: Mapping[Workload, Mapping[str, str]] = field(default_factory=dict[Workload, Mapping[str, str]])
    """Of the pods of each workload, for those of its pods that are gone."""

    @classmethod
    def of(cls, objects: Objects) -> Directory:
        """Learn from what is there, for pods that are gone as well."""
        labels = {workload: pod.metadata.labels for pod in objects.pods if (workload := workload_of(pod)) is not None}
        return cls(teams_of(objects), labels)

    def of_pod(self, pod: ObjectKey, workload: Workload | None, labels: Mapping[str, str] | None) -> Owner:
        """Return the owner of what a pod has; `labels` are None for a pod that is gone."""
        known = labels
        if known is None:
            known = self.labels.get(workload, EMPTY) if workload is not None else EMPTY
        kind, controller = (workload.kind, workload.name) if workload is not None else ("Pod", "")
        return self._owner(pod.namespace, kind, controller, known)._replace(pod=pod.name)

    def of_object(self, kind: str, key: ObjectKey, labels: Mapping[str, str]) -> Owner:
        """Return the owner of what a claim or a service costs: itself."""
        return self._owner(key.namespace, kind, key.name, labels)

    def _owner(self, namespace: str, kind: str, controller: str, labels: Mapping[str, str]) -> Owner:
        team = self.teams.get(namespace) or labels.get(TEAM_LABEL) or PLATFORM
        app = next((labels[each] for each in _APP_LABELS if each in labels), "")
        return Owner(namespace, kind, controller, team=team, app=app, labels=tuple(sorted(labels.items())))


def teams_of(objects: Objects) -> dict[str, str]:
    """Return whose each namespace is, as far as it says."""
    teams = {each.metadata.name: each.metadata.labels.get(TEAM_LABEL, "") for each in objects.namespaces}
    return {name: team for name, team in teams.items() if team}


def said_prices(nodes: Iterable[Node], pools: Sequence[NodePool]) -> dict[str, Said]:
    """Return what nodes' labels and pools say that nodes cost, by node."""
    every = list(nodes)
    pool_by_node = {node.metadata.name: pool for node, pool in with_pools(every, pools)}
    found: dict[str, Said] = {}
    for node in every:
        price = price_of(node, pool_by_node.get(node.metadata.name))
        if price is not None:
            source = "label" if COST_LABEL in node.metadata.labels else "pool"
            found[node.metadata.name] = Said(Fraction(repr(price)), source)
    return found


def capacity_of(quantities: Mapping[str, Quantity], labels: Mapping[str, str]) -> dict[Resource, int]:
    """Return a node's capacity as costs count it; raises ValueError for quantities that are none."""
    there = amounts(quantities)
    found = {Resource.CPU: there.get(CPU, 0), Resource.MEMORY: there.get(MEMORY, 0)}
    gpus = gpus_there(there, labels)
    return found | ({Resource.GPU: gpus} if gpus else {})
