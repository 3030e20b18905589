"""Kinds of storage.k8s.io: classes of volumes and of their attributes, and what CSI drivers say of themselves."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.api.quantity import parse_quantity
from kubewright.twin.reading import as_dict, as_list, dicts, dig, text
from kubewright.twin.validation import names
from kubewright.twin.validation.fields import (
    FieldError,
    duplicate,
    first_invalid,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from kubewright.twin.validation.metadata import immutable
from kubewright.twin.validation.numbers import NOT_NEGATIVE, non_negative
from kubewright.twin.validation.selectors import validate_selector

_MAX_PARAMETERS = 512
_MAX_PARAMETER_BYTES = 256 * 1024
_MAX_DRIVER_NAME = 63
_MAX_NODE_ID = 256
_MIN_TOKEN_SECONDS = 600
_MAX_TOKEN_SECONDS = 1 << 32
_MIN_UPDATE_SECONDS = 10
_RECLAIM = ("Delete", "Retain")
_BINDING = ("Immediate", "WaitForFirstConsumer")
_FS_GROUP = ("File", "None", "ReadWriteOnceWithFSType")
_LIFECYCLES = ("Persistent", "Ephemeral")
_ONE_SOURCE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"


def validate_storage_class(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a StorageClass; nothing but its topologies and whether volumes may grow ever changes."""
    if old is not None:
        fixed = ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")
        return [error for name in fixed for error in immutable(name, obj.get(name), old.get(name))]
    errors = _provisioner("provisioner", text(obj, "provisioner"))
    errors += _parameters(as_dict(obj.get("parameters")))
    policy, mode = text(obj, "reclaimPolicy"), text(obj, "volumeBindingMode")
    if policy and policy not in _RECLAIM:
        errors.append(not_supported("reclaimPolicy", policy, _RECLAIM))
    if mode not in _BINDING:
        errors.append(not_supported("volumeBindingMode", mode, _BINDING))
    return errors + _topologies(dicts(obj, "allowedTopologies"))


def validate_attributes_class(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a VolumeAttributesClass, which never changes."""
    errors: list[FieldError] = []
    if old is not None:
        errors = [
            forbidden(name, f"updates to {name} are forbidden.")
            for name in ("driverName", "parameters")
            if obj.get(name) != old.get(name)
        ]
    parameters = as_dict(obj.get("parameters"))
    errors += _provisioner("driverName", text(obj, "driverName")) + _parameters(parameters)
    return errors if parameters else [*errors, required("parameters", "must contain at least one key/value pair")]


def validate_csi_driver(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a CSIDriver; how its volumes come and go never changes."""
    spec = as_dict(obj.get("spec"))
    errors: list[FieldError] = []
    policy, period = text(spec, "fsGroupPolicy"), spec.get("nodeAllocatableUpdatePeriodSeconds")
    if policy and policy not in _FS_GROUP:
        errors.append(not_supported("spec.fsGroupPolicy", policy, _FS_GROUP))
    errors += _token_requests(dicts(spec, "tokenRequests"), "spec.tokenRequests")
    errors += [
        not_supported("spec.volumeLifecycleModes", mode, _LIFECYCLES)
        for mode in as_list(spec.get("volumeLifecycleModes"))
        if mode not in _LIFECYCLES
    ]
    if isinstance(period, int) and period < _MIN_UPDATE_SECONDS:
        path = "spec.nodeAllocatableUpdatePeriodSeconds"
        errors.append(invalid(path, period, f"must be greater than or equal to {_MIN_UPDATE_SECONDS} seconds"))
    in_secrets = spec.get("serviceAccountTokenInSecrets")
    if in_secrets is not None and not dicts(spec, "tokenRequests"):
        detail = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
        errors.append(invalid("spec.serviceAccountTokenInSecrets", in_secrets, detail))
    if old is not None:
        for path, name in (("attachedRequired", "attachRequired"), ("volumeLifecycleModes", "volumeLifecycleModes")):
            errors += immutable(f"spec.{path}", spec.get(name), dig(old, "spec", name))
    return errors


def validate_csi_node(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a CSINode: each driver once, and of one that is there only its room for volumes changes."""
    errors: list[FieldError] = []
    drivers = dicts(obj, "spec", "drivers")
    for index, driver in enumerate(drivers):
        path, name = f"spec.drivers[{index}]", text(driver, "name")
        errors += _driver_name(f"{path}.name", name)
        errors += _node_id(f"{path}.nodeID", text(driver, "nodeID"))
        errors += non_negative(f"{path}.allocatable.count", dig(driver, "allocatable", "count"))
        if any(text(each, "name") == name for each in drivers[:index]):
            errors.append(duplicate(f"{path}.name", name))
        errors += _topology_keys(path, as_list(driver.get("topologyKeys")))
    for before in dicts(old, "spec", "drivers"):
        for after in drivers:
            if text(before, "name") == text(after, "name"):
                errors += immutable("spec.drivers", _but_for_room(after), _but_for_room(before))
    return errors


def validate_attachment(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a VolumeAttachment, whose spec never changes."""
    spec = as_dict(obj.get("spec"))
    errors = _driver_name("spec.attacher", text(spec, "attacher"))
    source = as_dict(spec.get("source"))
    given = [name for name in ("inlineVolumeSpec", "persistentVolumeName") if source.get(name) is not None]
    volume = text(source, "persistentVolumeName")
    if not given:
        errors.append(required("spec.source", _ONE_SOURCE))
    elif len(given) > 1:
        errors.append(forbidden("spec.source", _ONE_SOURCE))
    elif given == ["persistentVolumeName"] and not volume:
        errors.append(required("spec.source.persistentVolumeName", "must specify non empty persistentVolumeName"))
    errors += _subdomain("spec.nodeName", text(spec, "nodeName"))
    if source.get("persistentVolumeName") is not None:
        errors += _subdomain("spec.source.persistentVolumeName", volume)
    return errors if old is None else errors + immutable("spec", spec, old.get("spec"))


def validate_storage_capacity(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a CSIStorageCapacity; what it speaks of never changes."""
    if old is not None:
        fixed = ("nodeTopology", "storageClassName")
        return [error for name in fixed for error in immutable(name, obj.get(name), old.get(name))]
    errors = validate_selector(obj.get("nodeTopology"), "nodeTopology")
    errors += _subdomain("storageClassName", text(obj, "storageClassName"))
    capacity = obj.get("capacity")
    if capacity is not None and parse_quantity(str(capacity)) < 0:
        errors.append(invalid("capacity", str(capacity), NOT_NEGATIVE))
    return errors


def _provisioner(path: str, name: str) -> list[FieldError]:
    if not name:
        return [required(path)]
    return first_invalid(path, name, names.qualified_name(name.lower()))


def _parameters(parameters: Manifest) -> list[FieldError]:
    if len(parameters) > _MAX_PARAMETERS:
        return [too_long("parameters", _MAX_PARAMETERS)]
    errors = [invalid("parameters", key, "field can not be empty.") for key in parameters if not key]
    if sum(len(key.encode()) + len(str(value).encode()) for key, value in parameters.items()) > _MAX_PARAMETER_BYTES:
        errors.append(too_long("parameters", _MAX_PARAMETER_BYTES))
    return errors


def _topologies(terms: list[Manifest]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: list[dict[str, set[Any]]] = []
    for index, term in enumerate(terms):
        path = f"allowedTopologies[{index}].matchLabelExpressions"
        found: dict[str, set[Any]] = {}
        for number, expression in enumerate(dicts(term, "matchLabelExpressions")):
            key, values = text(expression, "key"), as_list(expression.get("values"))
            errors += _expression(f"{path}[{number}]", key, values)
            if key in found:
                errors.append(duplicate(f"{path}[{number}].key", key))
            found[key] = set(values)
        if found in seen:
            errors.append(duplicate(path, ""))
        seen.append(found)
    return errors


def _expression(path: str, key: str, values: list[Any]) -> list[FieldError]:
    errors: list[FieldError] = [] if values else [required(f"{path}.values")]
    for index, value in enumerate(values):
        if value in values[:index]:
            errors.append(duplicate(f"{path}.values[{index}]", value))
    return errors + first_invalid(f"{path}.key", key, names.qualified_name(key))


def _token_requests(requests: list[Manifest], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, request in enumerate(requests):
        audience, seconds = text(request, "audience"), request.get("expirationSeconds")
        if audience in seen:
            errors.append(duplicate(f"{path}[{index}].audience", audience))
            continue
        seen.add(audience)
        here = f"{path}[{index}].expirationSeconds"
        if isinstance(seconds, int) and seconds < _MIN_TOKEN_SECONDS:
            errors.append(invalid(here, seconds, "may not specify a duration less than 10 minutes"))
        if isinstance(seconds, int) and seconds > _MAX_TOKEN_SECONDS:
            errors.append(invalid(here, seconds, "may not specify a duration larger than 2^32 seconds"))
    return errors


def _topology_keys(path: str, keys: list[Any]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, key in enumerate(keys):
        if not key:
            errors.append(required(path))
        if key in keys[:index]:
            errors.append(duplicate(path, key))
        errors += first_invalid(path, str(key), names.qualified_name(str(key)))
    return errors


def _driver_name(path: str, name: str) -> list[FieldError]:
    if not name:
        return [required(path)]
    errors = [too_long(path, _MAX_DRIVER_NAME)] if len(name) > _MAX_DRIVER_NAME else []
    return errors + first_invalid(path, name, names.dns_subdomain(name.lower()))


def _node_id(path: str, node_id: str) -> list[FieldError]:
    if not node_id:
        return [required(path)]
    if len(node_id) > _MAX_NODE_ID:
        return [invalid(path, node_id, f"must be {_MAX_NODE_ID} characters or less")]
    return []


def _subdomain(path: str, name: str) -> list[FieldError]:
    return first_invalid(path, name, names.dns_subdomain(name))


def _but_for_room(driver: Manifest) -> Manifest:
    return {name: value for name, value in driver.items() if name != "allocatable"}
