"""A cluster as it was read once, for questions about it: `reading` fills it from any API server, tests from objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kubewright.api.apps import ReplicaSet, StatefulSet
from kubewright.api.batch import Job
from kubewright.api.core import Namespace, Node, Pod, Service
from kubewright.api.crds.queue import Queue
from kubewright.api.meta import KubeObject, ObjectKey
from kubewright.api.policy import PodDisruptionBudget
from kubewright.api.priorities import PriorityClass
from kubewright.api.quotas import ResourceQuota
from kubewright.explain.runtimes import RunTimes, endings
from kubewright.explain.why import Situation
from kubewright.placement.claims import NO_CLAIMS, DeviceClaims
from kubewright.placement.policy import SPREAD, Policy
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.placement.storage import Storage
from kubewright.placement.workloads import OwnersAndServices


@dataclass(frozen=True, slots=True)
class Cluster:
    """What placement looks at, and what is asked besides."""

    nodes: tuple[Node, ...] = ()
    pods: tuple[Pod, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    services: Mapping[ObjectKey, Service] = field(default_factory=dict[ObjectKey, Service])
    replica_sets: Mapping[ObjectKey, ReplicaSet] = field(default_factory=dict[ObjectKey, ReplicaSet])
    stateful_sets: Mapping[ObjectKey, StatefulSet] = field(default_factory=dict[ObjectKey, StatefulSet])
    jobs: Mapping[ObjectKey, Job] = field(default_factory=dict[ObjectKey, Job])
    storage: Storage = field(default_factory=Storage)
    claims: DeviceClaims = NO_CLAIMS
    budgets: tuple[PodDisruptionBudget, ...] = ()
    classes: tuple[PriorityClass, ...] = ()
    quotas: tuple[ResourceQuota, ...] = ()
    queues: tuple[Queue, ...] = ()
    """Of teams."""
    makers: tuple[KubeObject, ...] = ()
    """What pods come from, besides the sets and jobs above: deployments, cron jobs and the rest."""
    unread: tuple[str, ...] = ()
    """Kinds that could not be read, each with the reason: what is said may be wrong for want of them."""

    @property
    def owners(self) -> tuple[KubeObject, ...]:
        """Return everything that pods come from."""
        return (*self.makers, *self.replica_sets.values(), *self.stateful_sets.values(), *self.jobs.values())

    def snapshot(self) -> ClusterSnapshot:
        """Return nodes and pods as columns."""
        nodes = sorted(self.nodes, key=lambda node: node.metadata.name)
        workloads = OwnersAndServices(dict(self.services), dict(self.replica_sets), dict(self.stateful_sets))
        labels = {each.metadata.name: each.metadata.labels for each in self.namespaces}
        return ClusterSnapshot.of(nodes, self.pods, self.storage, workloads, labels, claims=self.claims.fork())

    def situation(self, now: float, policy: Policy = SPREAD) -> Situation:
        """Return what pods are explained by."""
        known = endings(self.pods, self.jobs, RunTimes.of(self.pods), now)
        classes = tuple((each.metadata.name, each.value) for each in self.classes)
        return Situation(self.snapshot(), policy, self.budgets, tuple(known), classes)
