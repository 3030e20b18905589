"""DefaultStorageClass: a claim that names no class gets the default one."""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.twin.admission.attempt import Attempt
from kubewright.twin.reading import as_dict

_CLASSES = ("storage.k8s.io", "storageclasses")
_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_OLD_DEFAULT = "storageclass.beta.kubernetes.io/is-default-class"
_OLD_CLASS = "volume.beta.kubernetes.io/storage-class"


def choose_class(attempt: Attempt) -> None:
    """Give a claim that names no class the default one; of several the newest, then the first by name."""
    if attempt.old is not None:
        return
    annotations = as_dict(attempt.obj["metadata"].get("annotations"))
    if attempt.spec.get("storageClassName") is not None or _OLD_CLASS in annotations:
        return
    defaults = [record.obj for record in attempt.registry.store.list(_CLASSES)[0] if _is_default(record.obj)]
    if defaults:
        newest = max(each["metadata"]["creationTimestamp"] for each in defaults)
        chosen = next(each for each in defaults if each["metadata"]["creationTimestamp"] == newest)
        attempt.spec["storageClassName"] = chosen["metadata"]["name"]


def _is_default(storage_class: Manifest) -> bool:
    annotations = as_dict(storage_class["metadata"].get("annotations"))
    return "true" in {annotations.get(_DEFAULT), annotations.get(_OLD_DEFAULT)}
