"""What differs between kinds when they are written: which parts a caller may set, and what counts as a change.

Tables rather than classes: the API server has one strategy object a kind, but these few facts are all that they differ
in for the kinds that the twin serves.
"""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.twin.kinds import KindInfo
from kubewright.twin.parts import keeper_of
from kubewright.twin.qos import qos_class
from kubewright.twin.reading import as_dict

_CONDITIONAL = frozenset(
    {
        "Lease",
        "CustomResourceDefinition",
        "RuntimeClass",
        "PodDisruptionBudget",
        "CSIDriver",
        "CSINode",
        "CSIStorageCapacity",
        "VolumeAttachment",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    }
)
_CREATED_BY_UPDATE = frozenset(
    {
        "Lease",
        "LimitRange",
        "Endpoints",
        "Event",
        "Service",
        "RuntimeClass",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
    }
)
_RETURNED_ON_DELETE = frozenset(
    {
        "PodTemplate", "Pod", "Service", "ServiceAccount", "PersistentVolume", "PersistentVolumeClaim", "ResourceQuota",
        "CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass",
        "DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice",
    }
)  # fmt: skip
_SHARING = frozenset(
    {"Pod", "Node", "Event", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Lease", "Endpoints"}
)
_NEW_STATUS: dict[str, Manifest] = {
    "DaemonSet": {
        "currentNumberScheduled": 0,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 0,
        "numberReady": 0,
    },
    "Deployment": {},
    "HorizontalPodAutoscaler": {"desiredReplicas": 0, "currentMetrics": None},
    "Ingress": {"loadBalancer": {}},
    "Job": {},
    "CertificateSigningRequest": {},
    "CronJob": {},
    "CSINode": {},
    "ResourceClaim": {},
    "Namespace": {"phase": "Active"},
    "PersistentVolume": {"phase": "Pending"},
    "PersistentVolumeClaim": {"phase": "Pending"},
    "Pod": {"phase": "Pending"},
    "PodDisruptionBudget": {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0},
    "ReplicaSet": {"replicas": 0},
    "ResourceQuota": {},
    "ReplicationController": {"replicas": 0},
    "Service": {"loadBalancer": {}},
    "StatefulSet": {"replicas": 0, "availableReplicas": 0},
    "ServiceCIDR": {},
    "ValidatingAdmissionPolicy": {},
    "VolumeAttachment": {"attached": False},
}
_SPEC_IS_FINAL = frozenset({"Namespace", "CertificateSigningRequest"})
_STATUS_KEPT_ON_CREATE = frozenset({"Node", "CustomResourceDefinition"})
"""A Node reports itself as it registers; admission sets the status of a definition."""


def allows_unconditional_update(kind: KindInfo) -> bool:
    """Tell whether an update without a resourceVersion replaces whatever is there."""
    return not kind.custom and kind.kind not in _CONDITIONAL


def allows_create_on_update(kind: KindInfo) -> bool:
    """Tell whether a PUT to a free name creates the object."""
    return not kind.custom and kind.kind in _CREATED_BY_UPDATE


def shares_untouched_parts(kind: KindInfo) -> bool:
    """Tell whether what a patch leaves alone is left alone by defaults and admission too, whatever else it changes."""
    return not kind.custom and kind.kind in _SHARING


def returns_deleted(kind: KindInfo) -> bool:
    """Tell whether a finished delete answers with the object rather than with a Status."""
    return not kind.custom and kind.kind in _RETURNED_ON_DELETE


def orphans_by_default(kind: KindInfo) -> bool:
    """Tell whether what an object owns stays when nobody says what shall become of it: the way of batch/v1."""
    return not kind.custom and kind.kind == "Job"


def drop_status(kind: KindInfo, obj: Manifest) -> None:
    """Drop, in place, a status that a caller put into a new object: nobody comes to own it."""
    if kind.has_status and (kind.custom or kind.kind not in _STATUS_KEPT_ON_CREATE):
        obj.pop("status", None)


def initial_status(kind: KindInfo, obj: Manifest) -> None:
    """Set the status that a new object begins with, in place."""
    status = None if kind.custom or not kind.has_status else _NEW_STATUS.get(kind.kind)
    if status is not None:
        obj["status"] = dict(status)
    if kind.kind == "Pod" and not kind.custom:
        obj["status"]["qosClass"] = qos_class(as_dict(obj.get("spec")))


def reset_fields(kind: KindInfo, obj: Manifest, old: Manifest, subresource: str) -> None:
    """Put back, in place, what this endpoint may not change: status on the main one, all else on `status`."""
    keep = None if kind.custom or not subresource else keeper_of(kind.kind, subresource)
    if keep is not None:
        keep(obj, old)
        return
    if subresource == "status":
        _keep_all_but_status(kind, obj, old)
        return
    if kind.has_status:
        carry(obj, old, "status")
    if kind.kind in _SPEC_IS_FINAL and not kind.custom and subresource != "finalize":
        carry(obj, old, "spec")


def _keep_all_but_status(kind: KindInfo, obj: Manifest, old: Manifest) -> None:
    if kind.custom:
        metadata = as_dict(obj.get("metadata"))
        # The version is the caller's lock, and the managers are those of the status that changes.
        own = {name: metadata[name] for name in ("resourceVersion", "managedFields") if name in metadata}
        for name in [name for name in obj if name != "status"]:
            del obj[name]
        obj.update({name: value for name, value in old.items() if name != "status"})
        obj["metadata"] = {**as_dict(old.get("metadata")), **own}
        return
    for name in [name for name in {**old, **obj} if name not in {"status", "metadata", "apiVersion", "kind"}]:
        carry(obj, old, name)
    metadata, old_metadata = obj["metadata"], as_dict(old.get("metadata"))
    if kind.kind == "Deployment":
        carry(metadata, old_metadata, "labels")
    if kind.kind == "Pod":
        carry(metadata, old_metadata, "ownerReferences")
        if "qosClass" in as_dict(old.get("status")):
            obj["status"] = {"qosClass": old["status"]["qosClass"], **as_dict(obj.get("status"))}


def carry(obj: Manifest, old: Manifest, name: str) -> None:
    """Give a property the value that it has in another document, or take it away, in place."""
    if name in old:
        obj[name] = old[name]
    else:
        obj.pop(name, None)


def applied_part(kind: KindInfo, applied: Manifest, subresource: str) -> Manifest:
    """Return what server-side apply may own of `applied` at this endpoint."""
    if subresource == "status":
        kept = {name: value for name, value in applied.items() if name in {"apiVersion", "kind", "metadata", "status"}}
        if kind.custom:
            kept["metadata"] = _identity(as_dict(applied.get("metadata")))
        return kept
    if kind.has_status and "status" in applied:
        return {name: value for name, value in applied.items() if name != "status"}
    return applied


def _identity(metadata: Manifest) -> Manifest:
    names = {"name", "namespace", "uid", "resourceVersion"}
    return {name: value for name, value in metadata.items() if name in names}


def raise_generation(kind: KindInfo, obj: Manifest, old: Manifest) -> None:
    """Count a change of what is desired, for kinds whose objects have a generation."""
    generation = as_dict(old.get("metadata")).get("generation")
    if generation is not None:
        obj["metadata"]["generation"] = generation + _desire_changed(kind, obj, old)


def _desire_changed(kind: KindInfo, obj: Manifest, old: Manifest) -> bool:
    of_deployment = kind.kind == "Deployment" and not kind.custom
    if of_deployment and as_dict(obj["metadata"].get("annotations")) != as_dict(old["metadata"].get("annotations")):
        return True
    if kind.kind == "PriorityClass" and not kind.custom:
        return False
    ignored = {"metadata", "apiVersion", "kind"} | ({"status"} if kind.has_status else set[str]())
    return any(obj.get(name) != old.get(name) for name in {**old, **obj} if name not in ignored)
