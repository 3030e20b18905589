"""What somebody may want to know the effect of, as data: each makes another cluster of one that was read. Pure.

All of it happens to a `Cluster`, a few tuples; the cluster that was read is never touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import replace as with_changed
from typing import TypeAlias

from msgspec.structs import replace

from kubewright.api.apps import ReplicaSet, StatefulSet
from kubewright.api.core import Pod
from kubewright.api.crds.queue import Queue
from kubewright.api.meta import ObjectKey, controller_of
from kubewright.api.owners import controller_uid
from kubewright.api.quantity import canonical
from kubewright.errors import ErrorKind, OpError
from kubewright.explain.cluster import Cluster
from kubewright.explain.forks import alike, copy_on
from kubewright.explain.targets import Target, pods_under
from kubewright.queues.rules import read_queues

_OP = "whatif"
NODES_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class AddNodes:
    """More nodes like one that is there, each with the daemons that this one runs."""

    count: int
    like: str

    def applied(self, cluster: Cluster) -> Cluster:
        """Return the cluster with them; raises OpError if there is no such node."""
        model = next((each for each in cluster.nodes if each.metadata.name == self.like), None)
        if model is None:
            raise OpError(_OP, ErrorKind.NOT_FOUND, f"Node/{self.like}", "no such node to take for a model")
        names = [f"new-{number}-like-{self.like}" for number in range(1, self.count + 1)]
        daemons = [each for each in cluster.pods if each.spec.node_name == self.like and each.stays_on_node]
        return with_changed(
            cluster,
            nodes=(*cluster.nodes, *(alike(model, name) for name in names)),
            pods=(*cluster.pods, *(copy_on(each, name) for name in names for each in daemons)),
        )


@dataclass(frozen=True, slots=True)
class RemoveNode:
    """A node goes: its pods are made again if something makes them, its daemons and bare pods are gone."""

    name: str

    def applied(self, cluster: Cluster) -> Cluster:
        """Return the cluster without it; raises OpError if there is no such node."""
        left = tuple(each for each in cluster.nodes if each.metadata.name != self.name)
        if len(left) == len(cluster.nodes):
            raise OpError(_OP, ErrorKind.NOT_FOUND, f"Node/{self.name}", "no such node to remove")
        pods = (made_again(each) if each.spec.node_name == self.name else each for each in cluster.pods)
        return with_changed(cluster, nodes=left, pods=tuple(each for each in pods if each is not None))


@dataclass(frozen=True, slots=True)
class Scale:
    """A workload has another number of pods."""

    target: Target
    namespace: str
    replicas: int

    def applied(self, cluster: Cluster) -> Cluster:
        """Return the cluster with the number wanted, and the surplus gone; raises OpError where nothing has a scale."""
        found = _scaled(self.target, self.namespace, cluster)
        pods = [each for each in cluster.pods if controller_uid(each) == found.metadata.uid and not each.is_finished]
        gone = {each.key for each in sorted(pods, key=_age)[self.replicas :]}
        changed = replace(found, spec=replace(found.spec, replicas=self.replicas))
        left = tuple(each for each in cluster.pods if each.key not in gone)
        if isinstance(changed, ReplicaSet):
            return with_changed(cluster, pods=left, replica_sets={**cluster.replica_sets, changed.key: changed})
        return with_changed(cluster, pods=left, stateful_sets={**cluster.stateful_sets, changed.key: changed})


@dataclass(frozen=True, slots=True)
class SetPriority:
    """Pods have another priority, as a number or a class's name."""

    target: Target
    namespace: str
    priority: str

    def applied(self, cluster: Cluster) -> Cluster:
        """Return the cluster with it; raises OpError if there is no such class, or no such pod."""
        value = _priority(self.priority, cluster)
        keys = {each.key for each in pods_of(self.target, self.namespace, cluster)}
        pods = (
            replace(each, spec=replace(each.spec, priority=value)) if each.key in keys else each
            for each in cluster.pods
        )
        return with_changed(cluster, pods=tuple(pods))


@dataclass(frozen=True, slots=True)
class SetQuota:
    """A ResourceQuota allows another amount."""

    key: ObjectKey
    resource: str
    amount: str

    def applied(self, cluster: Cluster) -> Cluster:
        """Return the cluster with it; raises OpError if there is no such quota, or the amount is none."""
        if all(each.key != self.key for each in cluster.quotas):
            raise OpError(_OP, ErrorKind.NOT_FOUND, f"ResourceQuota/{self.key}", "no such quota")
        try:
            amount = canonical(self.amount)
        except ValueError as error:
            raise OpError(_OP, ErrorKind.INVALID, f"ResourceQuota/{self.key}", str(error)) from error
        quotas = (
            replace(each, status=replace(each.status, hard={**each.status.hard, self.resource: amount}))
            if each.key == self.key
            else each
            for each in cluster.quotas
        )
        return with_changed(cluster, quotas=tuple(quotas))


@dataclass(frozen=True, slots=True)
class SetQueue:
    """A team's queue is as a manifest has it, which may be a new one."""

    queue: Queue

    def applied(self, cluster: Cluster) -> Cluster:
        """Return the cluster with it; raises OpError where it would be refused, or set aside in part."""
        name = self.queue.metadata.name
        others = (each for each in cluster.queues if each.metadata.name != name)
        changed = with_changed(cluster, queues=(*others, self.queue))
        problem = read_queues(changed.queues)[1].get(name)
        if problem is not None:
            raise OpError(_OP, ErrorKind.INVALID, f"Queue/{name}", problem.message)
        return changed


Modification: TypeAlias = AddNodes | RemoveNode | Scale | SetPriority | SetQuota | SetQueue


def modified(cluster: Cluster, modifications: Iterable[Modification]) -> Cluster:
    """Return the cluster with all of them, one after the other; raises OpError."""
    for each in modifications:
        cluster = each.applied(cluster)
    return cluster


def made_again(pod: Pod) -> Pod | None:
    """Return what comes in the place of a pod that is evicted: a new one that wants a node; None if nobody makes it."""
    if pod.is_finished or pod.is_terminating or pod.stays_on_node or controller_of(pod) is None:
        return None
    status = replace(pod.status, phase="Pending", nominated_node_name="", start_time=None)
    return replace(pod, spec=replace(pod.spec, node_name=""), status=status)


def pods_of(target: Target, namespace: str, cluster: Cluster) -> list[Pod]:
    """Return the pods of a target; raises OpError if there is none."""
    if target.resource.kind == "Pod":
        found = [each for each in cluster.pods if each.key == ObjectKey(namespace, target.name)]
    else:
        makers = cluster.owners
        uids = [
            each.metadata.uid
            for each in makers
            if each.key == ObjectKey(namespace, target.name) and type(each).__name__ == target.resource.kind
        ]
        found = [pod for uid in uids for pod in pods_under(uid, cluster.pods, makers)]
    if not found:
        raise OpError(_OP, ErrorKind.NOT_FOUND, f"{target}", f"it has no pods in namespace {namespace}")
    return found


def _age(pod: Pod) -> tuple[bool, str, str]:
    """Those without a node go first, then the youngest: here the last are what goes."""
    return not pod.spec.node_name, pod.metadata.creation_timestamp or "", pod.metadata.name


def _scaled(target: Target, namespace: str, cluster: Cluster) -> ReplicaSet | StatefulSet:
    key, kind = ObjectKey(namespace, target.name), target.resource.kind
    found: ReplicaSet | StatefulSet | None = None
    if kind == "ReplicaSet":
        found = cluster.replica_sets.get(key)
    elif kind == "StatefulSet":
        found = cluster.stateful_sets.get(key)
    elif kind == "Deployment":
        deployments = {each.metadata.uid for each in cluster.makers if each.key == key}
        own = [each for each in cluster.replica_sets.values() if controller_uid(each) in deployments]
        # During a rollout there are several: what is scaled is mostly the larger.
        found = max(own, key=lambda each: (each.spec.replicas, each.metadata.name), default=None)
    if found is None:
        raise OpError(_OP, ErrorKind.NOT_FOUND, f"{target}", f"nothing of that name in {namespace} has a scale")
    return found


def _priority(text: str, cluster: Cluster) -> int:
    found = next((each.value for each in cluster.classes if each.metadata.name == text), None)
    if found is not None:
        return found
    try:
        return int(text)
    except ValueError:
        names = ", ".join(sorted(each.metadata.name for each in cluster.classes))
        raise OpError(_OP, ErrorKind.INVALID, text, f"neither a number nor a PriorityClass ({names})") from None
