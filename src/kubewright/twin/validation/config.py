"""Small kinds: config maps, secrets, namespaces, leases, events, nodes, roles and classes."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.api.priorities import HIGHEST_PRIORITY, SYSTEM_CLASSES
from kubewright.twin.reading import as_dict, count, dicts, dig, text
from kubewright.twin.validation import names
from kubewright.twin.validation.fields import FieldError, forbidden, invalid, not_supported, quoted, required, too_long
from kubewright.twin.validation.metadata import immutable

_MAX_BYTES = 1024 * 1024
_FROZEN = "field is immutable when `immutable` is set"
_RBAC = "rbac.authorization.k8s.io"


def validate_config_map(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a ConfigMap's keys and size."""
    errors = _frozen(obj, old, ("data", "binaryData"))
    data, binary = as_dict(obj.get("data")), as_dict(obj.get("binaryData"))
    for field, values in (("data", data), ("binaryData", binary)):
        for key in values:
            errors += [invalid(f"{field}[{key}]", key, problem) for problem in names.config_key(key)]
            if field == "data" and key in binary:
                errors.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
    if sum(len(str(value).encode()) for value in data.values()) + sum(map(_size, binary.values())) > _MAX_BYTES:
        errors.append(too_long("[]", _MAX_BYTES))
    return errors


def _frozen(obj: Manifest, old: Manifest | None, fields: tuple[str, ...]) -> list[FieldError]:
    if old is None or not old.get("immutable"):
        return []
    errors = [] if obj.get("immutable") else [forbidden("immutable", _FROZEN)]
    return errors + [
        forbidden(field, _FROZEN) for field in fields if as_dict(obj.get(field)) != as_dict(old.get(field))
    ]


def _size(encoded: Any) -> int:
    return len(str(encoded)) * 3 // 4


_REQUIRED_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
}


def validate_secret(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a Secret's keys, size, type and what its type demands."""
    errors: list[FieldError] = []
    if old is not None:
        errors += immutable("type", obj.get("type"), old.get("type"))
        errors += _frozen(obj, old, ("data",))
    data = as_dict(obj.get("data"))
    for key in data:
        errors += [invalid(f"data[{key}]", key, problem) for problem in names.config_key(key)]
    if sum(map(_size, data.values())) > _MAX_BYTES:
        errors.append(too_long("data", _MAX_BYTES))
    return errors + _by_type(obj, text(obj, "type"), data)


def _by_type(obj: Manifest, kind: str, data: Manifest) -> list[FieldError]:
    account = "kubernetes.io/service-account.name"
    if kind == "kubernetes.io/service-account-token":
        named = text(obj, "metadata", "annotations", account)
        return [] if named else [required(f"metadata.annotations[{account}]")]
    if kind == "kubernetes.io/basic-auth":
        keys = ("username", "password")
        return [] if any(key in data for key in keys) else [required(f"data[{key}]") for key in keys]
    errors = [required(f"data[{key}]") for key in _REQUIRED_KEYS.get(kind, ()) if key not in data]
    if "docker" in kind and not errors:
        key = _REQUIRED_KEYS[kind][0]
        problem = _json_problem(data[key])
        errors += [invalid(f"data[{key}]", "<secret contents redacted>", problem)] if problem else []
    return errors


def _json_problem(encoded: Any) -> str:
    try:
        json.loads(base64.b64decode(str(encoded)))
    except (binascii.Error, ValueError):
        return "unexpected end of JSON input" if not encoded else "invalid character looking for beginning of value"
    return ""


def validate_lease(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a Lease's durations."""
    del old
    duration, changes = dig(obj, "spec", "leaseDurationSeconds"), dig(obj, "spec", "leaseTransitions")
    errors: list[FieldError] = []
    if isinstance(duration, int) and duration <= 0:
        errors.append(invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"))
    if isinstance(changes, int) and changes < 0:
        errors.append(invalid("spec.leaseTransitions", changes, "must be greater than or equal to 0"))
    return errors


def validate_event(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check that an Event lies where its object does."""
    del old
    involved, namespace = text(obj, "involvedObject", "namespace"), text(obj, "metadata", "namespace")
    if involved and involved != namespace:
        return [invalid("involvedObject.namespace", involved, "does not match event.namespace")]
    if not involved and namespace != "default":
        return [invalid("involvedObject.namespace", involved, "does not match event.namespace")]
    return []


def validate_node(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a Node's taints."""
    del old
    errors: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(dicts(obj, "spec", "taints")):
        path, key, effect = f"metadata.taints[{index}]", text(taint, "key"), text(taint, "effect")
        errors += [invalid(f"{path}.key", key, problem) for problem in names.qualified_name(key)]
        value = text(taint, "value")
        errors += [invalid(f"{path}.value", value, problem) for problem in names.label_value(value)]
        if not effect:
            errors.append(required(f"{path}.effect"))
        elif effect not in {"NoSchedule", "PreferNoSchedule", "NoExecute"}:
            errors.append(not_supported(f"{path}.effect", effect, ("NoSchedule", "PreferNoSchedule", "NoExecute")))
        if (key, effect) in seen:
            inner = f'"Key":{quoted(key)},"Value":{quoted(value)},"Effect":{quoted(effect)},"TimeAdded":null'
            shown = f"Duplicate value: {{{inner}}}: taints must be unique by key and effect pair"
            errors.append(FieldError(path, "FieldValueDuplicate", shown))
        seen.add((key, effect))
    return errors


def validate_role(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a Role's or a ClusterRole's rules."""
    del old
    errors: list[FieldError] = []
    declared: list[FieldError] = []
    namespaced = text(obj, "kind") == "Role"
    for index, rule in enumerate(dicts(obj, "rules")):
        path = f"rules[{index}]"
        if not rule.get("verbs"):
            declared.append(required(f"{path}.verbs"))
        urls = rule.get("nonResourceURLs")
        if urls:
            if namespaced:
                detail = "namespaced rules cannot apply to non-resource URLs"
                errors.append(invalid(f"{path}.nonResourceURLs", urls, detail))
            if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
                detail = "rules cannot apply to both regular resources and non-resource URLs"
                errors.append(invalid(f"{path}.nonResourceURLs", urls, detail))
            continue
        if not rule.get("apiGroups"):
            errors.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
        if not rule.get("resources"):
            errors.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
    return errors + declared


def validate_binding(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a RoleBinding's or a ClusterRoleBinding's role and subjects; the role never changes."""
    namespaced = text(obj, "kind") == "RoleBinding"
    kinds = ("Role", "ClusterRole") if namespaced else ("ClusterRole",)
    group, kind = text(obj, "roleRef", "apiGroup"), text(obj, "roleRef", "kind")
    errors: list[FieldError] = []
    if group != _RBAC:
        errors.append(not_supported("roleRef.apiGroup", group, (_RBAC,)))
    if kind not in kinds:
        errors.append(not_supported("roleRef.kind", kind, kinds))
    # Names are checked by the schema's own rules, after the rest.
    declared = [] if text(obj, "roleRef", "name") else [required("roleRef.name")]
    for index, subject in enumerate(dicts(obj, "subjects")):
        path = f"subjects[{index}]"
        errors += _subject(subject, path, namespaced=namespaced)
        if not text(subject, "name"):
            declared.append(required(f"{path}.name"))
    if old is not None:
        errors += immutable("roleRef", _go_names(obj.get("roleRef")), _go_names(old.get("roleRef")))
    return errors + declared


def _go_names(reference: Any) -> Manifest:
    """Return a reference with the field names by which the API server shows it."""
    return {"APIGroup": text(reference, "apiGroup"), "Kind": text(reference, "kind"), "Name": text(reference, "name")}


def _subject(subject: Manifest, path: str, *, namespaced: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    kind, group = text(subject, "kind"), text(subject, "apiGroup")
    if kind == "ServiceAccount":
        if group:
            errors.append(not_supported(f"{path}.apiGroup", group, ("",)))
        if not namespaced and not text(subject, "namespace"):
            errors.append(required(f"{path}.namespace"))
    elif kind in {"User", "Group"}:
        if group != _RBAC:
            errors.append(not_supported(f"{path}.apiGroup", group, (_RBAC,)))
    else:
        errors.append(not_supported(f"{path}.kind", kind, ("ServiceAccount", "User", "Group")))
    return errors


_POLICIES = ("PreemptLowerPriority", "Never")


def validate_priority_class(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a PriorityClass; what it means never changes."""
    name, value, policy = text(obj, "metadata", "name"), count(obj, "value"), text(obj, "preemptionPolicy")
    errors: list[FieldError] = []
    if old is not None:
        if value != count(old, "value"):
            errors.append(forbidden("value", "may not be changed in an update."))
        return errors + immutable("preemptionPolicy", policy, text(old, "preemptionPolicy"))
    if name.startswith("system-"):
        if SYSTEM_CLASSES.get(name) != value:
            detail = "priority class names with 'system-' prefix are reserved for system use only."
            errors.append(forbidden("metadata.name", f"{detail} error: {name} is not a known system priority class"))
    elif value > HIGHEST_PRIORITY:
        detail = f"maximum allowed value of a user defined priority is {HIGHEST_PRIORITY}"
        errors.append(forbidden("value", detail))
    if policy not in _POLICIES:
        errors.append(not_supported("preemptionPolicy", policy, _POLICIES))
    return errors


def validate_runtime_class(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a RuntimeClass; its handler never changes."""
    handler = text(obj, "handler")
    errors = [invalid("handler", handler, problem) for problem in names.dns_label(handler)]
    return errors if old is None else errors + immutable("handler", handler, text(old, "handler"))
