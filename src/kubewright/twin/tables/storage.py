"""Rows of volumes, claims, storage classes and what CSI drivers say of themselves."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_list, dicts, dig, text
from kubewright.twin.tables import cells

_MODES = (
    ("ReadWriteOnce", "RWO"),
    ("ReadOnlyMany", "ROX"),
    ("ReadWriteMany", "RWX"),
    ("ReadWriteOncePod", "RWOP"),
)
_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def volume_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a PersistentVolume."""
    claim = dig(obj, "spec", "claimRef")
    return [
        cells.name(obj),
        str(dig(obj, "spec", "capacity", "storage") or "0"),
        _access_modes(dig(obj, "spec", "accessModes")),
        text(obj, "spec", "persistentVolumeReclaimPolicy"),
        _phase(obj),
        "" if claim is None else f"{text(claim, 'namespace')}/{text(claim, 'name')}",
        text(obj, "spec", "storageClassName"),
        _or_unset(dig(obj, "spec", "volumeAttributesClassName")),
        text(obj, "status", "reason"),
        cells.age(obj, now),
        _or_unset(dig(obj, "spec", "volumeMode")),
    ]


def claim_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a PersistentVolumeClaim; size and modes are shown once it is bound."""
    volume = text(obj, "spec", "volumeName")
    return [
        cells.name(obj),
        _phase(obj),
        volume,
        str(dig(obj, "status", "capacity", "storage") or "0") if volume else "",
        _access_modes(dig(obj, "status", "accessModes")) if volume else "",
        text(obj, "spec", "storageClassName"),
        _or_unset(dig(obj, "spec", "volumeAttributesClassName")),
        cells.age(obj, now),
        _or_unset(dig(obj, "spec", "volumeMode")),
    ]


def storage_class_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a StorageClass."""
    default = any(text(obj, "metadata", "annotations", key) == "true" for key in _DEFAULT_CLASS)
    return [
        cells.name(obj) + (" (default)" if default else ""),
        text(obj, "provisioner"),
        text(obj, "reclaimPolicy") or "Delete",
        text(obj, "volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion", False)),
        cells.age(obj, now),
    ]


def attributes_class_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a VolumeAttributesClass."""
    return [cells.name(obj), text(obj, "driverName"), cells.age(obj, now)]


def attachment_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a VolumeAttachment."""
    return [
        cells.name(obj),
        text(obj, "spec", "attacher"),
        text(obj, "spec", "source", "persistentVolumeName"),
        text(obj, "spec", "nodeName"),
        bool(dig(obj, "status", "attached")),
        cells.age(obj, now),
    ]


def csi_node_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a CSINode."""
    return [cells.name(obj), len(dicts(obj, "spec", "drivers")), cells.age(obj, now)]


def csi_driver_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a CSIDriver."""
    requests = dig(obj, "spec", "tokenRequests")
    return [
        cells.name(obj),
        dig(obj, "spec", "attachRequired") is not False,
        bool(dig(obj, "spec", "podInfoOnMount")),
        bool(dig(obj, "spec", "storageCapacity")),
        cells.UNSET if requests is None else ",".join(text(each, "audience") for each in as_list(requests)),
        bool(dig(obj, "spec", "requiresRepublish")),
        cells.or_none(",".join(map(str, as_list(dig(obj, "spec", "volumeLifecycleModes"))))),
        cells.age(obj, now),
    ]


def _phase(obj: Manifest) -> str:
    return "Terminating" if dig(obj, "metadata", "deletionTimestamp") is not None else text(obj, "status", "phase")


def _access_modes(value: Any) -> str:
    present = {str(mode) for mode in as_list(value)}
    return ",".join(short for mode, short in _MODES if mode in present)


def _or_unset(value: Any) -> str:
    return cells.UNSET if value is None else str(value)
