"""The `apps` group: deployments, replica sets, stateful sets, daemon sets and their revisions.

Pod templates stay plain documents: controllers copy them whole, so a partial Struct would lose fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubewright.api.conditions import Condition
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Resource
from kubewright.api.selectors import LabelSelector


class RollingUpdate(Leaf, frozen=True):
    """By how many pods, or which share (`25%`), an update may exceed or fall short."""

    max_surge: int | str = "25%"
    max_unavailable: int | str = "25%"


class DeploymentStrategy(Leaf, frozen=True):
    """How old pods give way to new ones."""

    type: str = "RollingUpdate"
    rolling_update: RollingUpdate | None = None


class DeploymentSpec(Leaf, frozen=True):
    """The wanted pods. `template` is the whole document."""

    replicas: int = 1
    selector: LabelSelector = LabelSelector()
    template: Mapping[str, Any] = EMPTY
    strategy: DeploymentStrategy = DeploymentStrategy()
    min_ready_seconds: int = 0
    revision_history_limit: int = 10
    progress_deadline_seconds: int = 600
    paused: bool = False


class DeploymentCondition(Condition, frozen=True):
    """A condition that also says when it was last confirmed: the progress deadline counts from then."""

    last_update_time: str | None = None


class DeploymentStatus(Leaf, frozen=True):
    """How far the pods are."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    unavailable_replicas: int = 0
    terminating_replicas: int | None = None
    collision_count: int = 0
    conditions: tuple[DeploymentCondition, ...] = ()


class Deployment(KubeObject, frozen=True, kw_only=True):
    """A deployment."""

    spec: DeploymentSpec = DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()


class ReplicaSetSpec(Leaf, frozen=True):
    """The wanted pods. `template` is the whole document."""

    replicas: int = 1
    selector: LabelSelector = LabelSelector()
    template: Mapping[str, Any] = EMPTY
    min_ready_seconds: int = 0


class ReplicaSetStatus(Leaf, frozen=True):
    """How many pods there are."""

    observed_generation: int = 0
    replicas: int = 0
    fully_labeled_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    terminating_replicas: int | None = None
    conditions: tuple[Condition, ...] = ()


class ReplicaSet(KubeObject, frozen=True, kw_only=True):
    """A replica set."""

    spec: ReplicaSetSpec = ReplicaSetSpec()
    status: ReplicaSetStatus = ReplicaSetStatus()


class DaemonSetStrategy(Leaf, frozen=True):
    """How old daemon pods give way to new ones; OnDelete waits for somebody to delete them."""

    type: str = "RollingUpdate"
    rolling_update: RollingUpdate | None = None


class DaemonSetSpec(Leaf, frozen=True):
    """The pod wanted on every node that fits. `template` is the whole document."""

    selector: LabelSelector = LabelSelector()
    template: Mapping[str, Any] = EMPTY
    update_strategy: DaemonSetStrategy = DaemonSetStrategy()
    min_ready_seconds: int = 0
    revision_history_limit: int = 10


class DaemonSetStatus(Leaf, frozen=True):
    """On how many nodes there should be a pod, and is one."""

    current_number_scheduled: int = 0
    number_misscheduled: int = 0
    desired_number_scheduled: int = 0
    number_ready: int = 0
    observed_generation: int = 0
    updated_number_scheduled: int = 0
    number_available: int = 0
    number_unavailable: int = 0


class DaemonSet(KubeObject, frozen=True, kw_only=True):
    """A daemon set."""

    spec: DaemonSetSpec = DaemonSetSpec()
    status: DaemonSetStatus = DaemonSetStatus()


class Ordinals(Leaf, frozen=True):
    """Where a stateful set's numbers begin."""

    start: int = 0


class Partition(Leaf, frozen=True):
    """From which ordinal on a rolling update goes, and how many pods it may take down at a time."""

    partition: int = 0
    max_unavailable: int | str | None = None


class StatefulSetStrategy(Leaf, frozen=True):
    """How old pods give way to new ones."""

    type: str = "RollingUpdate"
    rolling_update: Partition | None = None


class ClaimRetention(Leaf, frozen=True):
    """Whether claims go with the set, and with the pods that it no longer wants."""

    when_deleted: str = "Retain"
    when_scaled: str = "Retain"


class StatefulSetSpec(Leaf, frozen=True):
    """The wanted pods, one for each ordinal. `template` and the claims' templates are whole documents."""

    replicas: int = 1
    selector: LabelSelector = LabelSelector()
    template: Mapping[str, Any] = EMPTY
    volume_claim_templates: tuple[Mapping[str, Any], ...] = ()
    service_name: str = ""
    pod_management_policy: str = "OrderedReady"
    update_strategy: StatefulSetStrategy = StatefulSetStrategy()
    min_ready_seconds: int = 0
    revision_history_limit: int = 10
    ordinals: Ordinals = Ordinals()
    persistent_volume_claim_retention_policy: ClaimRetention = ClaimRetention()


class StatefulSetStatus(Leaf, frozen=True):
    """How many pods there are, and of which revisions."""

    observed_generation: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    current_replicas: int = 0
    updated_replicas: int = 0
    current_revision: str = ""
    update_revision: str = ""
    collision_count: int | None = None


class StatefulSet(KubeObject, frozen=True, kw_only=True):
    """A stateful set."""

    spec: StatefulSetSpec = StatefulSetSpec()
    status: StatefulSetStatus = StatefulSetStatus()


class ControllerRevision(KubeObject, frozen=True, kw_only=True):
    """A template that a stateful or daemon set has, or had; `data` is the patch that brings it back."""

    data: Mapping[str, Any] = EMPTY
    revision: int = 0


DEPLOYMENTS: Resource[Deployment] = Resource("apps", "v1", "deployments", "Deployment", Deployment)
REPLICA_SETS: Resource[ReplicaSet] = Resource("apps", "v1", "replicasets", "ReplicaSet", ReplicaSet)
STATEFUL_SETS: Resource[StatefulSet] = Resource("apps", "v1", "statefulsets", "StatefulSet", StatefulSet)
DAEMON_SETS: Resource[DaemonSet] = Resource("apps", "v1", "daemonsets", "DaemonSet", DaemonSet)
CONTROLLER_REVISIONS: Resource[ControllerRevision] = Resource(
    "apps", "v1", "controllerrevisions", "ControllerRevision", ControllerRevision
)
