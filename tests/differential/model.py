"""A drawn world as `placement` sees it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from kubewright.api.apps import ReplicaSet, StatefulSet
from kubewright.api.core import Namespace, Node, Pod, Service
from kubewright.api.meta import KubeObject, ObjectKey
from kubewright.api.policy import PodDisruptionBudget
from kubewright.api.volumes import (
    CsiDriver,
    CsiNode,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
    VolumeAttachment,
)
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.placement.storage import Storage
from kubewright.placement.workloads import OwnersAndServices

T = TypeVar("T", bound=KubeObject)
TYPES: dict[str, type[KubeObject]] = {
    "Namespace": Namespace,
    "Node": Node,
    "Pod": Pod,
    "Service": Service,
    "ReplicaSet": ReplicaSet,
    "StatefulSet": StatefulSet,
    "PersistentVolume": PersistentVolume,
    "PersistentVolumeClaim": PersistentVolumeClaim,
    "StorageClass": StorageClass,
    "CSINode": CsiNode,
    "CSIDriver": CsiDriver,
    "VolumeAttachment": VolumeAttachment,
    "PodDisruptionBudget": PodDisruptionBudget,
}


class Model:
    """The objects of a world by kind, as they were last read."""

    def __init__(self, documents: Iterable[dict[str, Any]] = ()) -> None:
        self._objects: dict[str, dict[ObjectKey, Any]] = {kind: {} for kind in TYPES}
        for document in documents:
            self.put(document)

    def put(self, document: dict[str, Any]) -> Any:
        """Take an object over."""
        decoded: Any = msgspec.convert(document, TYPES[document["kind"]])
        self._objects[document["kind"]][decoded.key] = decoded
        return decoded

    def drop(self, kind: str, key: ObjectKey) -> None:
        """Forget an object."""
        self._objects[kind].pop(key, None)

    def of(self, kind: str) -> dict[ObjectKey, Any]:
        """Return the objects of a kind."""
        return self._objects[kind]

    def storage(self) -> Storage:
        """Return claims, volumes and what goes with them."""
        kinds = ("PersistentVolumeClaim", "PersistentVolume", "StorageClass")
        claims, volumes, classes = (self.of(kind) for kind in kinds)
        return Storage(
            claims,
            volumes,
            classes,
            csi_nodes=self.of("CSINode"),
            csi_drivers=self.of("CSIDriver"),
            attachments=self.of("VolumeAttachment"),
        )

    def snapshot(self) -> ClusterSnapshot:
        """Return the cluster as columns."""
        workloads = OwnersAndServices(self.of("Service"), self.of("ReplicaSet"), self.of("StatefulSet"))
        namespaces = {key.name: each.metadata.labels for key, each in self.of("Namespace").items()}
        nodes = sorted(self.of("Node").values(), key=lambda node: node.metadata.name)
        return ClusterSnapshot.of(nodes, self.of("Pod").values(), self.storage(), workloads, namespaces)
