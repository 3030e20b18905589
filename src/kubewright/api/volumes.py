"""Persistent volumes, the claims that they are bound to, and the classes that they are made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubewright.api.affinity import NodeSelector
from kubewright.api.conditions import Condition
from kubewright.api.core import ObjectReference
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Manifest, Resource
from kubewright.api.pods import Pod
from kubewright.api.quantity import Quantity, value
from kubewright.api.resources import STORAGE
from kubewright.api.selectors import LabelSelector

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner"
OLD_STORAGE_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner"
OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
READ_WRITE_ONCE_POD = "ReadWriteOncePod"
WAIT_FOR_FIRST_CONSUMER = "WaitForFirstConsumer"
NO_PROVISIONER = "kubernetes.io/no-provisioner"


class VolumeAffinity(Leaf, frozen=True):
    """From which nodes a volume can be reached; from all when nothing is required."""

    required: NodeSelector | None = None


class CsiSource(Leaf, frozen=True):
    """The driver that serves a volume, and what it calls it."""

    driver: str = ""
    volume_handle: str = ""


class VolumeSpec(Leaf, frozen=True):
    """A volume, and the claim that has it."""

    capacity: Mapping[str, Quantity] = EMPTY
    access_modes: tuple[str, ...] = ()
    claim_ref: ObjectReference | None = None
    persistent_volume_reclaim_policy: str = "Retain"
    storage_class_name: str = ""
    volume_mode: str = "Filesystem"
    node_affinity: VolumeAffinity | None = None
    volume_attributes_class_name: str | None = None
    csi: CsiSource | None = None


class VolumeStatus(Leaf, frozen=True):
    """Pending, Available, Bound, Released or Failed."""

    phase: str = "Pending"


class PersistentVolume(KubeObject, frozen=True, kw_only=True):
    """A persistent volume."""

    spec: VolumeSpec = VolumeSpec()
    status: VolumeStatus = VolumeStatus()

    @property
    def size_bytes(self) -> int:
        """Return what it holds."""
        return value(self.spec.capacity.get(STORAGE, 0))

    @property
    def storage_class(self) -> str:
        """Return its class, by the older annotation if that is there."""
        return self.metadata.annotations.get(OLD_CLASS, self.spec.storage_class_name)

    def is_reachable_from(self, labels: Mapping[str, str]) -> bool:
        """Tell whether pods on a node with these labels can use it."""
        affinity = self.spec.node_affinity
        required = affinity.required if affinity is not None else None
        return required is None or required.matches(labels.get("kubernetes.io/hostname", ""), labels)


class ClaimResources(Leaf, frozen=True):
    """How much is asked for."""

    requests: Mapping[str, Quantity] = EMPTY


class ClaimSpec(Leaf, frozen=True):
    """The volume that is wanted, and the one that was found."""

    access_modes: tuple[str, ...] = ()
    selector: LabelSelector | None = None
    resources: ClaimResources = ClaimResources()
    volume_name: str = ""
    storage_class_name: str | None = None
    volume_mode: str = "Filesystem"
    volume_attributes_class_name: str | None = None


class ClaimStatus(Leaf, frozen=True):
    """Pending, Bound or Lost, and what the volume is."""

    phase: str = "Pending"
    access_modes: tuple[str, ...] | None = None
    capacity: Mapping[str, Quantity] | None = None
    conditions: tuple[Condition, ...] = ()


class PersistentVolumeClaim(KubeObject, frozen=True, kw_only=True):
    """A claim."""

    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus = ClaimStatus()

    @property
    def size_bytes(self) -> int:
        """Return what it asks for."""
        return value(self.spec.resources.requests.get(STORAGE, 0))

    @property
    def storage_class(self) -> str:
        """Return its class, by the older annotation if that is there; nothing for none."""
        return self.metadata.annotations.get(OLD_CLASS, self.spec.storage_class_name or "")

    @property
    def has_class(self) -> bool:
        """Whether a class was chosen, be it none."""
        return OLD_CLASS in self.metadata.annotations or self.spec.storage_class_name is not None

    @property
    def is_bound(self) -> bool:
        """Whether it has its volume, for good."""
        return bool(self.spec.volume_name) and BIND_COMPLETED in self.metadata.annotations


class TopologyRequirement(Leaf, frozen=True):
    """Values of a label of which a node must have one."""

    key: str = ""
    values: tuple[str, ...] = ()


class TopologyTerm(Leaf, frozen=True):
    """Requirements that must all hold."""

    match_label_expressions: tuple[TopologyRequirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether a node with these labels meets all of them."""
        return all(labels.get(each.key) in each.values for each in self.match_label_expressions)


class StorageClass(KubeObject, frozen=True, kw_only=True):
    """How volumes of a class are made, and when."""

    provisioner: str = ""
    reclaim_policy: str = "Delete"
    volume_binding_mode: str = "Immediate"
    allow_volume_expansion: bool = False
    allowed_topologies: tuple[TopologyTerm, ...] = ()
    mount_options: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = EMPTY

    @property
    def waits(self) -> bool:
        """Whether a claim waits for a pod before it gets a volume."""
        return self.volume_binding_mode == WAIT_FOR_FIRST_CONSUMER

    @property
    def makes(self) -> bool:
        """Whether anybody makes volumes of the class."""
        return self.provisioner not in {"", NO_PROVISIONER}

    def can_be_at(self, labels: Mapping[str, str]) -> bool:
        """Tell whether volumes can be made for a node with these labels."""
        return not self.allowed_topologies or any(term.matches(labels) for term in self.allowed_topologies)


class VolumeResources(Leaf, frozen=True):
    """How many volumes of a driver a node takes; None for any number."""

    count: int | None = None


class CsiNodeDriver(Leaf, frozen=True):
    """A driver that runs on a node."""

    name: str = ""
    allocatable: VolumeResources | None = None


class CsiNodeSpec(Leaf, frozen=True):
    """The drivers of a node."""

    drivers: tuple[CsiNodeDriver, ...] | None = ()


class CsiNode(KubeObject, frozen=True, kw_only=True):
    """Which drivers a node has; it bears the node's name."""

    spec: CsiNodeSpec = CsiNodeSpec()


class CsiDriverSpec(Leaf, frozen=True):
    """What the scheduler must know of a driver."""

    prevent_pod_scheduling_if_missing: bool = False


class CsiDriver(KubeObject, frozen=True, kw_only=True):
    """A driver; it bears the driver's name."""

    spec: CsiDriverSpec = CsiDriverSpec()


class AttachmentSource(Leaf, frozen=True):
    """The volume that is attached."""

    persistent_volume_name: str | None = None


class AttachmentSpec(Leaf, frozen=True):
    """Who attaches what to which node."""

    attacher: str = ""
    node_name: str = ""
    source: AttachmentSource = AttachmentSource()


class VolumeAttachment(KubeObject, frozen=True, kw_only=True):
    """A volume that is attached to a node, be there a pod or not."""

    spec: AttachmentSpec = AttachmentSpec()


def claim_names(pod: Pod) -> tuple[str, ...]:
    """Return the names of the claims that a pod uses, those of its ephemeral volumes too."""
    names: list[str] = []
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is not None:
            names.append(volume.persistent_volume_claim.claim_name)
        elif volume.ephemeral is not None:
            names.append(f"{pod.metadata.name}-{volume.name}")
    return tuple(names)


CLAIMS: Resource[PersistentVolumeClaim] = Resource(
    "", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", PersistentVolumeClaim
)
VOLUMES: Resource[PersistentVolume] = Resource(
    "", "v1", "persistentvolumes", "PersistentVolume", PersistentVolume, namespaced=False
)
STORAGE_CLASSES: Resource[StorageClass] = Resource(
    "storage.k8s.io", "v1", "storageclasses", "StorageClass", StorageClass, namespaced=False
)
CSI_NODES: Resource[CsiNode] = Resource("storage.k8s.io", "v1", "csinodes", "CSINode", CsiNode, namespaced=False)
CSI_DRIVERS: Resource[CsiDriver] = Resource(
    "storage.k8s.io", "v1", "csidrivers", "CSIDriver", CsiDriver, namespaced=False
)
VOLUME_ATTACHMENTS: Resource[VolumeAttachment] = Resource(
    "storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment", VolumeAttachment, namespaced=False
)


def claim_ref(claim: PersistentVolumeClaim) -> Manifest:
    """Return how a volume names its claim."""
    metadata = claim.metadata
    return {
        "apiVersion": CLAIMS.api_version,
        "kind": CLAIMS.kind,
        "namespace": metadata.namespace,
        "name": metadata.name,
        "uid": metadata.uid,
        "resourceVersion": metadata.resource_version,
    }
