"""Metadata of any object, on creation and on update."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.kinds import KindInfo
from kubewright.twin.reading import as_dict, as_list, count, dicts, dig, text
from kubewright.twin.validation import names
from kubewright.twin.validation.addresses import canonical_address
from kubewright.twin.validation.fields import (
    FieldError,
    Internal,
    as_json,
    forbidden,
    invalid,
    required,
    shown,
    too_long,
)
from kubewright.twin.validation.numbers import non_negative

MAX_ANNOTATION_BYTES = 256 * 1024
IMMUTABLE = "field is immutable"

_NAME_RULES: dict[tuple[str, str], names.Check] = {
    ("", "Namespace"): names.dns_label,
    ("", "Service"): names.dns_label,
    ("apps", "StatefulSet"): names.dns_label,
    ("networking.k8s.io", "IPAddress"): canonical_address,
    ("policy", "PodDisruptionBudget"): names.path_segment,
    ("rbac.authorization.k8s.io", "Role"): names.path_segment,
    ("rbac.authorization.k8s.io", "ClusterRole"): names.path_segment,
    ("rbac.authorization.k8s.io", "RoleBinding"): names.path_segment,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): names.path_segment,
}


def validate_metadata(kind: KindInfo, obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check what metadata says; `old` is the stored object on an update."""
    metadata = as_dict(obj.get("metadata"))
    if old is not None:
        return _update(metadata, as_dict(old.get("metadata")))
    return [*_names(kind, metadata), *_common(metadata)]


def _names(kind: KindInfo, metadata: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    check = _NAME_RULES.get((kind.group, kind.kind), names.dns_subdomain)
    prefix = text(metadata, "generateName")
    if prefix:
        # A generated name goes on after its prefix, which may so end in a dash.
        masked = prefix[:-1] + "a" if prefix.endswith("-") and len(prefix) > 1 else prefix
        errors += [invalid("metadata.generateName", prefix, problem) for problem in check(masked)]
    name = text(metadata, "name")
    if not name:
        errors.append(required("metadata.name", "name or generateName is required"))
    else:
        errors += [invalid("metadata.name", name, problem) for problem in check(name)]
    return errors + _namespace(kind, text(metadata, "namespace"))


def _namespace(kind: KindInfo, namespace: str) -> list[FieldError]:
    if not kind.namespaced:
        return [forbidden("metadata.namespace", "not allowed on this type")] if namespace else []
    if not namespace:
        return [required("metadata.namespace")]
    return [invalid("metadata.namespace", namespace, problem) for problem in names.dns_label(namespace)]


def _common(metadata: Manifest) -> list[FieldError]:
    errors = validate_labels(metadata.get("labels"), "metadata.labels")
    errors += validate_annotations(metadata.get("annotations"), "metadata.annotations")
    errors += _owners(metadata) + non_negative("metadata.generation", metadata.get("generation"))
    return errors + _finalizers(metadata)


def validate_labels(labels: Any, path: str) -> list[FieldError]:
    """Check a map of labels (also node selectors and `matchLabels`)."""
    errors: list[FieldError] = []
    for key, value in as_dict(labels).items():
        errors += [invalid(path, key, problem) for problem in names.qualified_name(key)]
        errors += [invalid(path, value, problem) for problem in names.label_value(str(value))]
    return errors


def validate_annotations(annotations: Any, path: str) -> list[FieldError]:
    """Check the keys of annotations and their size in all."""
    found = as_dict(annotations)
    errors = [invalid(path, key, problem) for key in found for problem in names.qualified_name(key.lower())]
    if sum(len(key.encode()) + len(str(value).encode()) for key, value in found.items()) > MAX_ANNOTATION_BYTES:
        errors.append(too_long(path, MAX_ANNOTATION_BYTES))
    return errors


_OWNER_FIELDS = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")


def _owners(metadata: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    controllers: list[str] = []
    owners = dicts(metadata, "ownerReferences")
    for index, owner in enumerate(owners):
        path = f"metadata.ownerReferences[{index}]"
        missing = [field for field in ("apiVersion", "kind", "name", "uid") if not text(owner, field)]
        errors += [required(f"{path}.{field}", "must not be empty") for field in missing]
        version = text(owner, "apiVersion")
        if version.count("/") > 1 or version.endswith("/"):
            errors.append(invalid(f"{path}.apiVersion", version, "must be <group>/<version> or <version>"))
        if (version, text(owner, "kind")) == ("v1", "Event"):
            errors.append(invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner"))
        if owner.get("controller"):
            controllers.append(f"{text(owner, 'kind')}/{text(owner, 'name')}")
    if len(controllers) > 1:
        detail = (
            'Only one reference can have Controller set to true. Found "true" in references for '
            f"{controllers[0]} and {controllers[1]}"
        )
        shown = [{name: owner[name] for name in _OWNER_FIELDS if name in owner} for owner in owners]
        errors.append(invalid("metadata.ownerReferences", Internal(as_json(shown)), detail))
    return errors


_STANDARD_FINALIZERS = {"kubernetes", "orphan", "foregroundDeletion"}


def _finalizers(metadata: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    path = "metadata.finalizers"
    found = [str(item) for item in as_list(metadata.get("finalizers"))]
    for index, finalizer in enumerate(found):
        problems = names.qualified_name(finalizer)
        errors += [invalid(path, finalizer, problem) for problem in problems]
        if not problems and "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS:
            errors.append(
                invalid(
                    f"{path}[{index}]", finalizer, "name is neither a standard finalizer name nor is it fully qualified"
                )
            )
    if {"orphan", "foregroundDeletion"} <= set(found):
        errors.append(invalid(path, found, "finalizer orphan and foregroundDeletion cannot be both set"))
    return errors


def _update(new: Manifest, old: Manifest) -> list[FieldError]:
    errors = _new_finalizers(new, old)
    if count(new, "generation") < count(old, "generation"):
        errors.append(invalid("metadata.generation", count(new, "generation"), "must not be decremented"))
    for field in ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        errors += immutable(f"metadata.{field}", new.get(field), old.get(field))
    errors += validate_labels(new.get("labels"), "metadata.labels")
    errors += validate_annotations(new.get("annotations"), "metadata.annotations")
    return errors + _owners(new)


def _new_finalizers(new: Manifest, old: Manifest) -> list[FieldError]:
    if dig(old, "deletionTimestamp") is None:
        return []
    known = as_list(old.get("finalizers"))
    added = [item for item in as_list(new.get("finalizers")) if item not in known]
    if not added:
        return []
    detail = f"no new finalizers can be added if the object is being deleted, found new finalizers {_go_strings(added)}"
    return [forbidden("metadata.finalizers", detail)]


def _go_strings(items: list[Any]) -> str:
    return f"[]string{{{', '.join(shown(item) for item in items)}}}"


def immutable(path: str, new: Any, old: Any) -> list[FieldError]:
    """Refuse a field that differs from what is stored."""
    return [] if (new or None) == (old or None) else [invalid(path, new, IMMUTABLE)]
