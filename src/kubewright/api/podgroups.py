"""PodGroups: pods that run together or not at all, in both forms that clusters have.

`scheduling.k8s.io` serves them behind the feature gate GenericWorkload; the coscheduling plugin of SIG Scheduling
brings a custom kind of the same name, `scheduling.x-k8s.io`.
"""

from __future__ import annotations

from kubewright.api.conditions import Condition
from kubewright.api.meta import KubeObject, Leaf, Resource


class GangPolicy(Leaf, frozen=True):
    """All or none."""

    min_count: int = 1


class PodGroupPolicy(Leaf, frozen=True):
    """How the group is scheduled: as a gang, or pod by pod if that is not said."""

    gang: GangPolicy | None = None


class TopologyConstraint(Leaf, frozen=True):
    """The label of nodes that all pods of a group must agree in."""

    key: str = ""


class PodGroupConstraints(Leaf, frozen=True):
    """Where the pods of a group may be with regard to each other."""

    topology: tuple[TopologyConstraint, ...] = ()


class PodGroupSpec(Leaf, frozen=True):
    """What a group asks for."""

    scheduling_policy: PodGroupPolicy = PodGroupPolicy()
    scheduling_constraints: PodGroupConstraints | None = None


class PodGroupStatus(Leaf, frozen=True):
    """What schedulers say of a group."""

    conditions: tuple[Condition, ...] = ()


class PodGroup(KubeObject, frozen=True, kw_only=True):
    """A group of pods, which name it as their `spec.schedulingGroup`."""

    spec: PodGroupSpec = PodGroupSpec()
    status: PodGroupStatus = PodGroupStatus()


class CoschedulingSpec(Leaf, frozen=True):
    """What a group of the coscheduling plugin asks for."""

    min_member: int = 1
    schedule_timeout_seconds: int | None = None


class CoschedulingGroup(KubeObject, frozen=True, kw_only=True):
    """A group of the coscheduling plugin, which pods name by a label."""

    spec: CoschedulingSpec = CoschedulingSpec()


POD_GROUPS: Resource[PodGroup] = Resource("scheduling.k8s.io", "v1beta1", "podgroups", "PodGroup", PodGroup)
COSCHEDULING_GROUPS: Resource[CoschedulingGroup] = Resource(
    "scheduling.x-k8s.io", "v1alpha1", "podgroups", "PodGroup", CoschedulingGroup
)
