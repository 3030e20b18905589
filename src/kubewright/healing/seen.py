"""What is seen of the cluster, for detectors and remedies: lookups over the caches, none of which walks all pods.

`FOLLOWED` are the kinds; a cause that needs another one adds it there. The controller fills a `Seen` from its
informers' indexes; tests use `seen_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kubewright.api.apps import DAEMON_SETS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS
from kubewright.api.batch import JOBS
from kubewright.api.core import NAMESPACES, NODES, PODS, SERVICES, Pod
from kubewright.api.discovery import ENDPOINT_SLICES
from kubewright.api.meta import KubeObject, ObjectKey, Resource, controller_of
from kubewright.api.networking import NETWORK_POLICIES
from kubewright.api.nodeagent import Neighbourhood
from kubewright.api.policy import POD_DISRUPTION_BUDGETS
from kubewright.api.volumes import CLAIMS, STORAGE_CLASSES
from kubewright.healing.machines import Machine
from kubewright.signals.agents import Agents
from kubewright.signals.changes import Changes
from kubewright.store.index import Index, Indexer

T = TypeVar("T", bound=KubeObject)

BY_NODE, BY_CONTROLLER, BY_NAMESPACE, BY_SERVICE = "node", "controller", "namespace", "service"


def _nodes_of(pod: Pod) -> Iterable[str]:
    return (pod.spec.node_name,) if pod.spec.node_name else ()


def _controllers_of(obj: KubeObject) -> Iterable[str]:
    owner = controller_of(obj)
    return (owner.uid,) if owner is not None else ()


def _namespaces_of(obj: KubeObject) -> Iterable[str]:
    return (obj.metadata.namespace,)


def _services_of(found: Any) -> Iterable[ObjectKey]:
    return (ObjectKey(found.metadata.namespace, found.service_name),)


FOLLOWED: Mapping[Resource[Any], Mapping[str, Indexer[Any]]] = {
    NODES: {},
    PODS: {BY_NODE: _nodes_of, BY_CONTROLLER: _controllers_of, BY_NAMESPACE: _namespaces_of},
    NAMESPACES: {},
    SERVICES: {},
    NETWORK_POLICIES: {BY_NAMESPACE: _namespaces_of},
    ENDPOINT_SLICES: {BY_SERVICE: _services_of},
    DEPLOYMENTS: {},
    REPLICA_SETS: {BY_CONTROLLER: _controllers_of},
    STATEFUL_SETS: {},
    DAEMON_SETS: {},
    JOBS: {},
    CLAIMS: {},
    STORAGE_CLASSES: {},
    POD_DISRUPTION_BUDGETS: {BY_NAMESPACE: _namespaces_of},
}
"""Each kind, and by what else than its key it is looked up."""
_OWNERS: Mapping[str, Resource[Any]] = {
    each.kind: each for each in (DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS, DAEMON_SETS, JOBS)
}


@dataclass(frozen=True, slots=True)
class Seen:
    """The caches at one moment. Nothing in it is ever changed."""

    indexes: Mapping[str, Index[Any]]
    """By the plural."""
    changes: Changes = field(default_factory=Changes)
    agents: Agents = field(default_factory=Agents)
    """What nodes' agents say, as the signals have heard it."""
    neighbourhood: Callable[[], Neighbourhood] | None = None
    machines: dict[str, Machine] = field(default_factory=dict[str, Machine])
    """By node: the machines of those that are silent or held, as they were last read."""

    def neighbours(self, node: str) -> tuple[str, ...]:
        """Return whom a node's agent asks whether they reach the API server."""
        return self.neighbourhood().observed.get(node, ()) if self.neighbourhood is not None else ()

    def all(self, resource: Resource[T]) -> Index[T]:
        """Return all objects of a kind that is followed."""
        return self.indexes[resource.plural]

    def get(self, resource: Resource[T], key: ObjectKey) -> T | None:
        """Return one object."""
        return self.indexes[resource.plural].get(key)

    def within(self, resource: Resource[T], namespace: str) -> list[T]:
        """Return a namespace's objects of a kind."""
        return self.indexes[resource.plural].by(BY_NAMESPACE, namespace)

    def owned(self, resource: Resource[T], uid: str) -> list[T]:
        """Return the objects of a kind whose controller has this uid."""
        return self.indexes[resource.plural].by(BY_CONTROLLER, uid)

    def pods_on(self, node: str) -> list[Pod]:
        """Return a node's pods."""
        return self.all(PODS).by(BY_NODE, node)

    def pods_of(self, resource: Resource[Any], key: ObjectKey) -> list[Pod]:
        """Return the pods of a workload: a Deployment's by way of its ReplicaSets."""
        owner = self.get(resource, key)
        if owner is None:
            return []
        if resource.plural != DEPLOYMENTS.plural:
            return self.owned(PODS, owner.metadata.uid)
        sets = self.owned(REPLICA_SETS, owner.metadata.uid)
        return [pod for each in sets for pod in self.owned(PODS, each.metadata.uid)]

    def top_of(self, resource: Resource[Any], obj: KubeObject) -> tuple[Resource[Any], KubeObject]:
        """Return what an object belongs to, along ownership; itself where it belongs to nothing that is known."""
        while (owner := controller_of(obj)) is not None and (above := _OWNERS.get(owner.kind)) is not None:
            found = self.get(above, ObjectKey(obj.metadata.namespace, owner.name))
            if found is None:
                break
            resource, obj = above, found
        return resource, obj

    def is_going(self, namespace: str) -> bool:
        """Tell whether a namespace goes or is gone, and with it whatever is in it: nothing is wrong with that."""
        found = self.get(NAMESPACES, ObjectKey("", namespace))
        return found is None or found.metadata.deletion_timestamp is not None

    def labels_of(self, namespace: str) -> Mapping[str, str]:
        """Return a namespace's labels, by which teams and environments are told."""
        found = self.get(NAMESPACES, ObjectKey("", namespace))
        return found.metadata.labels if found is not None else {}


def indexes() -> dict[str, Index[Any]]:
    """Return empty indexes of the kinds that are followed."""
    return {resource.plural: Index(indexers) for resource, indexers in FOLLOWED.items()}


def seen_of(*objects: KubeObject, changes: Changes | None = None) -> Seen:
    """Return what is seen of a cluster of these objects alone."""
    found = indexes()
    plurals = {resource.type: resource.plural for resource in FOLLOWED}
    for each in objects:
        found[plurals[type(each)]].put(each.key, each)
    return Seen(found, changes or Changes())
