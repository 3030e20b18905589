"""Pods: of a 7 KB object the fields that placement, controllers and the terminal view read.

`core.py` names them together with the other core kinds; import from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kubewright.api.affinity import Affinity, TopologySpreadConstraint
from kubewright.api.conditions import Condition, is_true
from kubewright.api.containers import Container, KeyReference, ResourceRequirements
from kubewright.api.meta import EMPTY, KubeObject, Leaf, PartialObject, Resource, controller_of
from kubewright.api.quantity import Quantity
from kubewright.api.tolerations import Toleration

FINISHED_PHASES = frozenset({"Succeeded", "Failed"})
_STAYING = frozenset({"DaemonSet", "Node"})


class PodSchedulingGate(Leaf, frozen=True):
    """What holds the pod back from scheduling until someone removes it."""

    name: str = ""


class PodResourceClaim(Leaf, frozen=True):
    """A device claim by name, or the template that it is made from."""

    name: str = ""
    resource_claim_name: str | None = None
    resource_claim_template_name: str | None = None


class PodSchedulingGroup(Leaf, frozen=True):
    """The PodGroup that a pod belongs to."""

    pod_group_name: str = ""


class PodReadinessGate(Leaf, frozen=True):
    """A condition, written by somebody else, without which the pod is not ready."""

    condition_type: str = ""


class SecretVolumeSource(Leaf, frozen=True):
    """The Secret that a volume holds."""

    secret_name: str = ""
    optional: bool = False


class ClaimVolumeSource(Leaf, frozen=True):
    """The claim that a volume is."""

    claim_name: str = ""


class ImageVolumeSource(Leaf, frozen=True):
    """The image that a volume shows."""

    reference: str = ""


class DiskVolumeSource(Leaf, frozen=True):
    """A disk that is named in the pod itself, by whichever of these fields its sort has."""

    read_only: bool = False
    pd_name: str = ""
    volume_id: str = msgspec.field(default="", name="volumeID")
    iqn: str = ""
    monitors: tuple[str, ...] = ()
    pool: str = ""
    image: str = ""


class Volume(Leaf, frozen=True):
    """A volume, as far as a pod may have to wait for it."""

    name: str = ""
    config_map: KeyReference | None = None
    secret: SecretVolumeSource | None = None
    persistent_volume_claim: ClaimVolumeSource | None = None
    ephemeral: Mapping[str, Any] | None = None
    """The claim that is made for the pod, as a template."""
    image: ImageVolumeSource | None = None
    gce_persistent_disk: DiskVolumeSource | None = None
    aws_elastic_block_store: DiskVolumeSource | None = None
    iscsi: DiskVolumeSource | None = None
    rbd: DiskVolumeSource | None = None


class PodSpec(Leaf, frozen=True):
    """What is to run, and where it may."""

    node_name: str = ""
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    node_selector: Mapping[str, str] = EMPTY
    affinity: Affinity | None = None
    tolerations: tuple[Toleration, ...] = ()
    topology_spread_constraints: tuple[TopologySpreadConstraint, ...] = ()
    overhead: Mapping[str, Quantity] = EMPTY
    resources: ResourceRequirements | None = None
    resource_claims: tuple[PodResourceClaim, ...] = ()
    restart_policy: str = "Always"
    termination_grace_period_seconds: int = 30
    scheduler_name: str = "default-scheduler"
    priority: int = 0
    priority_class_name: str = ""
    preemption_policy: str = "PreemptLowerPriority"
    scheduling_gates: tuple[PodSchedulingGate, ...] = ()
    scheduling_group: PodSchedulingGroup | None = None
    host_network: bool = False
    dns_policy: str = "ClusterFirst"
    hostname: str = ""
    subdomain: str = ""
    service_account_name: str = ""
    readiness_gates: tuple[PodReadinessGate, ...] = ()
    active_deadline_seconds: int | None = None
    volumes: tuple[Volume, ...] = ()

    @property
    def staying(self) -> tuple[Container, ...]:
        """Return the containers that go on running, its sidecars last."""
        return (*self.containers, *(each for each in self.init_containers if each.is_sidecar))


CANNOT_PULL = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
)
CRASH_LOOP = "CrashLoopBackOff"
"""Why a container waits that ended again and again."""
OOM_KILLED = "OOMKilled"
"""Why a container ended that reached its memory limit."""
CANNOT_CONFIGURE = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
"""Why a container waits that will not start by itself, in the kubelet's words."""


class ContainerStateRunning(Leaf, frozen=True):
    """Since when a container runs."""

    started_at: str | None = None


class ContainerStateWaiting(Leaf, frozen=True):
    """Why a container does not run yet, or not again."""

    reason: str = ""
    message: str = ""


class ContainerStateTerminated(Leaf, frozen=True):
    """How a container ended."""

    exit_code: int = 0
    reason: str = ""
    message: str = ""
    started_at: str | None = None
    finished_at: str | None = None


class ContainerState(Leaf, frozen=True):
    """One of the three, or none while nothing is known."""

    running: ContainerStateRunning | None = None
    waiting: ContainerStateWaiting | None = None
    terminated: ContainerStateTerminated | None = None


class ActualResources(Leaf, frozen=True):
    """What is requested of the runtime at present."""

    requests: Mapping[str, Quantity] = EMPTY


class ContainerStatus(Leaf, frozen=True):
    """How a container fares; allocated and actual resources differ from the spec's during a resize."""

    name: str = ""
    ready: bool = False
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()
    started: bool | None = None
    image: str = ""
    allocated_resources: Mapping[str, Quantity] | None = None
    resources: ActualResources | None = None


class PodResourceClaimStatus(Leaf, frozen=True):
    """Which claim was made for a pod; None if none was needed."""

    name: str = ""
    resource_claim_name: str | None = None


class PodIP(Leaf, frozen=True):
    """One address of a pod."""

    ip: str = ""


class PodStatus(Leaf, frozen=True):
    """What the kubelet and the scheduler say of a pod."""

    phase: str = "Pending"
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    pod_ip: str = msgspec.field(default="", name="podIP")
    pod_ips: tuple[PodIP, ...] = msgspec.field(default=(), name="podIPs")
    """One of each family; the first is `pod_ip`."""
    host_ip: str = msgspec.field(default="", name="hostIP")
    start_time: str | None = None
    qos_class: str = ""
    reason: str = ""
    message: str = ""
    nominated_node_name: str = ""
    resource_claim_statuses: tuple[PodResourceClaimStatus, ...] = ()
    allocated_resources: Mapping[str, Quantity] | None = None
    resources: ActualResources | None = None


class Pod(KubeObject, frozen=True, kw_only=True, gc=False):
    """A pod, as far as it is read."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def is_ready(self) -> bool:
        """Whether the pod takes traffic."""
        return is_true(self.status.conditions, "Ready")

    @property
    def is_finished(self) -> bool:
        """Whether the pod has ended for good and holds no resources of its node."""
        return self.status.phase in FINISHED_PHASES

    @property
    def is_terminating(self) -> bool:
        """Whether the pod has been deleted and is still going down."""
        return self.metadata.deletion_timestamp is not None

    @property
    def stays_on_node(self) -> bool:
        """Whether it is made anew on the node that it is taken from: a daemon's, or one of the kubelet's own."""
        owner = controller_of(self)
        return owner is not None and owner.kind in _STAYING

    @property
    def restart_count(self) -> int:
        """Return how often its containers were restarted."""
        return sum(status.restart_count for status in self.status.container_statuses)


PODS: Resource[Pod] = Resource("", "v1", "pods", "Pod", Pod)

POD_SUBRESOURCES: Resource[PartialObject] = Resource("", "v1", "pods", "Pod", PartialObject)
"""For posts to a pod's `binding` or `eviction`: they are answered with a Status, of which nothing is read."""
