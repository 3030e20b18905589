"""Pod specs, in pods and in templates, and what of a running pod may still change."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.store.seen import Seen, json_of
from kubewright.twin.reading import as_dict, as_list, count, dicts, dig, text
from kubewright.twin.validation import names
from kubewright.twin.validation.containers import validate_containers
from kubewright.twin.validation.devices import validate_pod_claims
from kubewright.twin.validation.fields import FieldError, forbidden, invalid, not_supported
from kubewright.twin.validation.metadata import validate_annotations, validate_labels
from kubewright.twin.validation.scheduling import validate_scheduling
from kubewright.twin.validation.specdiff import go_diff
from kubewright.twin.validation.volumes import validate_volumes

_RESTART = ("Always", "OnFailure", "Never")
_DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_MAX_INT32 = 2**31 - 1
_UPDATABLE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "
    "(allow it to be set to 1 if it was previously negative)"
)
_COUNT_CHANGED = "pod updates may not add or remove containers"


def validate_pod(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a pod; of a stored one only images, deadline and more tolerations may change."""
    spec = as_dict(obj.get("spec"))
    errors = validate_pod_spec(spec, "spec")
    if old is not None:
        errors += _update(spec, as_dict(old.get("spec")))
    elif spec.get("ephemeralContainers"):
        errors.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    return errors


def validate_template(template: Any, path: str) -> list[FieldError]:
    """Check a pod template's labels, annotations and spec."""
    metadata = as_dict(as_dict(template).get("metadata"))
    errors = validate_labels(metadata.get("labels"), f"{path}.labels")
    errors += validate_annotations(metadata.get("annotations"), f"{path}.annotations")
    return errors + validate_pod_spec(as_dict(as_dict(template).get("spec")), f"{path}.spec")


_VALID: Seen[bool] = Seen()
"""Pod specs that nothing is wrong with."""
_TOKEN_VOLUME = re.compile(r"kube-api-access-[a-z0-9]{5}")


def validate_pod_spec(spec: Manifest, path: str) -> list[FieldError]:
    """Check a pod spec after defaulting."""
    form = _but_for_its_token(spec)
    if _VALID.get("", form):
        return []
    errors = _spec_errors(spec, path)
    if not errors:
        _VALID.put("", form, value=True)
    return errors


def _but_for_its_token(spec: Manifest) -> bytes:
    """Return a spec's JSON without the name, drawn for each pod, of the volume that its account's token is in.

    Any other text takes its place in all places or in none, so two specs of one form are right or wrong together.
    """
    form = json_of(spec)
    for volume in reversed(as_list(spec.get("volumes"))):
        name = text(volume, "name")
        if _TOKEN_VOLUME.fullmatch(name):
            return form.replace(b'"%b"' % name.encode(), b"~")
    return form


def _spec_errors(spec: Manifest, path: str) -> list[FieldError]:
    volumes, errors = validate_volumes(spec, f"{path}.volumes")
    errors += validate_containers(spec, volumes, path)
    errors += _one_of(text(spec, "restartPolicy"), _RESTART, f"{path}.restartPolicy")
    errors += _one_of(text(spec, "dnsPolicy"), _DNS, f"{path}.dnsPolicy")
    errors += validate_labels(spec.get("nodeSelector"), f"{path}.nodeSelector")
    errors += _names(spec, path)
    deadline = spec.get("activeDeadlineSeconds")
    if isinstance(deadline, int) and not 1 <= deadline <= _MAX_INT32:
        errors.append(invalid(f"{path}.activeDeadlineSeconds", deadline, names.in_range(1, _MAX_INT32)))
    errors += validate_pod_claims(spec, path)
    return errors + validate_scheduling(spec, path)


def _one_of(value: str, allowed: tuple[str, ...], path: str) -> list[FieldError]:
    return [not_supported(path, value, allowed)] if value and value not in allowed else []


_NAMES: tuple[tuple[str, names.Check], ...] = (
    ("serviceAccountName", names.dns_subdomain),
    ("nodeName", names.dns_subdomain),
    ("hostname", names.dns_label),
    ("subdomain", names.dns_label),
    ("priorityClassName", names.dns_subdomain),
    ("runtimeClassName", names.dns_subdomain),
)


def _names(spec: Manifest, path: str) -> list[FieldError]:
    return [
        invalid(f"{path}.{field}", value, problem)
        for field, check in _NAMES
        if (value := text(spec, field))
        for problem in check(value)
    ]


def _update(new: Manifest, old: Manifest) -> list[FieldError]:
    for field in ("containers", "initContainers"):
        if len(dicts(new, field)) != len(dicts(old, field)):
            return [forbidden(f"spec.{field}", _COUNT_CHANGED)]
    errors = [*_deadline(new, old), *_new_gates(new, old)]
    added = as_list(new.get("tolerations"))
    if any(toleration not in added for toleration in as_list(old.get("tolerations"))):
        detail = "existing toleration can not be modified except its tolerationSeconds"
        errors += [] if _only_seconds(new, old) else [forbidden("spec.tolerations", detail)]
    munged = _munged(new, old)
    if munged != old:
        detail = f"pod updates may not change fields other than {_UPDATABLE}\n{go_diff(old, munged)}"
        errors.append(forbidden("spec", detail))
    return errors


def _new_gates(new: Manifest, old: Manifest) -> Iterator[FieldError]:
    before = {text(gate, "name") for gate in dicts(old, "schedulingGates")}
    for index, gate in enumerate(dicts(new, "schedulingGates")):
        name = text(gate, "name")
        if name not in before:
            detail = f"only deletion is allowed, but found new scheduling gate '{name}'"
            yield forbidden(f"spec.schedulingGates[{index}].name", detail)


def _deadline(new: Manifest, old: Manifest) -> list[FieldError]:
    now, before = new.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds")
    path = "spec.activeDeadlineSeconds"
    if now is None and before is not None:
        return [invalid(path, None, "must not update from a positive integer to nil value")]
    if isinstance(now, int) and isinstance(before, int) and now > before:
        return [invalid(path, now, "must be less than or equal to previous value")]
    return []


def _only_seconds(new: Manifest, old: Manifest) -> bool:
    def bare(toleration: Manifest) -> Manifest:
        return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}

    kept = [bare(item) for item in dicts(new, "tolerations")]
    return all(bare(item) in kept for item in dicts(old, "tolerations"))


def _munged(new: Manifest, old: Manifest) -> Manifest:
    """Return the new spec with everything set back that may change."""
    munged = copy.deepcopy(new)
    for field in ("containers", "initContainers"):
        for container, before in zip(dicts(munged, field), dicts(old, field), strict=True):
            container["image"] = before.get("image")
    for field in ("activeDeadlineSeconds", "tolerations", "schedulingGates"):
        munged.pop(field, None)
        if field in old:
            munged[field] = old[field]
    if count(old, "terminationGracePeriodSeconds") < 0 and dig(munged, "terminationGracePeriodSeconds") == 1:
        munged["terminationGracePeriodSeconds"] = old["terminationGracePeriodSeconds"]
    if as_list(old.get("schedulingGates")):
        for field in ("nodeSelector", "affinity"):
            munged.pop(field, None)
            if field in old:
                munged[field] = old[field]
    return munged
