"""Claims, volumes and classes, in one line each."""

from kubewright.api.affinity import NodeSelector, NodeSelectorTerm
from kubewright.api.core import ObjectReference
from kubewright.api.meta import ObjectKey, ObjectMeta
from kubewright.api.requirements import Requirement
from kubewright.api.selectors import LabelSelector
from kubewright.api.volumes import (
    ClaimResources,
    ClaimSpec,
    ClaimStatus,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
    VolumeAffinity,
    VolumeSpec,
    VolumeStatus,
)
from kubewright.placement.storage import Storage

RWO, ROX = "ReadWriteOnce", "ReadOnlyMany"
COMPLETED = {"pv.kubernetes.io/bind-completed": "yes"}


def claim(
    name="data", size="1Gi", kind="disk", *, volume="", phase="Pending", notes=None, labels=None, modes=(RWO,), **meta
):
    metadata = ObjectMeta(name=name, namespace="default", uid=f"uid-{name}", annotations=notes or {}, **meta)
    selector = LabelSelector(match_labels=labels) if labels else None
    spec = ClaimSpec(tuple(modes), selector, ClaimResources({"storage": size}), volume, kind)
    return PersistentVolumeClaim(metadata=metadata, spec=spec, status=ClaimStatus(phase))


def bound_claim(name="data", volume="v1", **fields):
    return claim(name, volume=volume, phase="Bound", notes=COMPLETED, **fields)


def volume(name="v1", size="1Gi", kind="disk", *, of="", uid="", phase="Available", zone="", policy="Retain",
           labels=None, modes=(RWO,), notes=None, **meta):  # fmt: skip
    reference = ObjectReference("v1", "PersistentVolumeClaim", "default", of, uid) if of else None
    requirement = Requirement("zone", "In", (zone,))
    affinity = VolumeAffinity(NodeSelector((NodeSelectorTerm((requirement,)),))) if zone else None
    metadata = ObjectMeta(name=name, uid=f"uid-{name}", labels=labels or {}, annotations=notes or {}, **meta)
    spec = VolumeSpec({"storage": size}, tuple(modes), reference, policy, kind, "Filesystem", affinity)
    return PersistentVolume(metadata=metadata, spec=spec, status=VolumeStatus(phase))


def storage_class(name="disk", provisioner="example.com/disk", *, waits=False, **fields):
    mode = "WaitForFirstConsumer" if waits else "Immediate"
    return StorageClass(metadata=ObjectMeta(name=name), provisioner=provisioner, volume_binding_mode=mode, **fields)


def storage(*objects):
    there = Storage({}, {}, {})
    kinds = {PersistentVolumeClaim: there.claims, PersistentVolume: there.volumes, StorageClass: there.classes}
    for each in objects:
        kinds[type(each)][ObjectKey(each.metadata.namespace, each.metadata.name)] = each
    return there
