"""What admission does about volumes and claims: a default class, protection while in use, and who may grow.

DefaultStorageClass, StorageObjectInUseProtection and PersistentVolumeClaimResize.
"""

from __future__ import annotations

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.quantity import value
from kubewright.twin.admission.attempt import Attempt
from kubewright.twin.reading import as_dict, dig, text

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


def protect_claim(attempt: Attempt) -> None:
    """Keep a claim while pods use it."""
    _hold(attempt, "kubernetes.io/pvc-protection")


def protect_volume(attempt: Attempt) -> None:
    """Keep a volume while it is bound."""
    _hold(attempt, "kubernetes.io/pv-protection")


def _hold(attempt: Attempt, finalizer: str) -> None:
    if attempt.old is None:
        finalizers = attempt.obj["metadata"].setdefault("finalizers", [])
        if finalizer not in finalizers:
            finalizers.append(finalizer)


def check_growth(attempt: Attempt) -> None:
    """Refuse a larger size to a claim whose class does not let volumes grow; one that is not bound never gets here."""
    old = attempt.old
    if old is None or _size(attempt.obj) <= _size(old):
        return
    name = text(attempt.spec, "storageClassName")
    record = attempt.registry.store.get(_CLASSES, ObjectKey("", name)) if name else None
    if record is None or not record.obj.get("allowVolumeExpansion"):
        raise attempt.refused(
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support "
            "resize"
        )


def _size(claim: Manifest) -> int:
    try:
        return value(dig(claim, "spec", "resources", "requests", "storage") or 0)
    except ValueError:
        return 0
