"""The `apps` group: deployments and replica sets.

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
    terminating_replicas: int = 0
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
    terminating_replicas: int = 0
    conditions: tuple[Condition, ...] = ()


class ReplicaSet(KubeObject, frozen=True, kw_only=True):
    """A replica set."""

    spec: ReplicaSetSpec = ReplicaSetSpec()
    status: ReplicaSetStatus = ReplicaSetStatus()


DEPLOYMENTS: Resource[Deployment] = Resource("apps", "v1", "deployments", "Deployment", Deployment)
REPLICA_SETS: Resource[ReplicaSet] = Resource("apps", "v1", "replicasets", "ReplicaSet", ReplicaSet)
