"""What the endpoints of a pod may change that change a part of its spec: resources, and ephemeral containers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.qos import qos_class
from kubewright.twin.reading import as_dict, dicts, dig, text
from kubewright.twin.validation.fields import FieldError, forbidden, invalid
from kubewright.twin.validation.pods import validate_pod_spec
from kubewright.twin.validation.specdiff import go_diff

_MIRROR = "kubernetes.io/config.mirror"
_LISTS = ("containers", "initContainers")
_RESIZABLE = frozenset({"cpu", "memory"})
_ONLY = "only cpu and memory resources are mutable"


def validate_resize(obj: Manifest, old: Manifest) -> list[FieldError]:
    """Check a pod whose containers are given other resources."""
    spec, before = as_dict(obj.get("spec")), as_dict(old.get("spec"))
    if _MIRROR in as_dict(old["metadata"].get("annotations")):
        return [forbidden("", "static pods cannot be resized")]
    errors = validate_pod_spec(spec, "spec")
    present = text(old, "status", "qosClass") or qos_class(before)
    if present != qos_class(spec):
        errors.append(invalid("spec", present, "Pod QOS Class may not change as a result of resizing"))
    if any(
        "running" in as_dict(each.get("state")) and "resources" not in each
        for each in dicts(old, "status", "containerStatuses")
    ):
        errors.append(forbidden("spec", "Pod running on node without support for resize"))
    order = [error for name in _LISTS for error in _order(dicts(spec, name), dicts(before, name), f"spec.{name}")]
    if order:
        return errors + order
    for name in ("initContainers", "containers"):
        errors += _resources(dicts(spec, name), dicts(before, name), f"spec.{name}")
    return errors


def _order(now: list[Manifest], before: list[Manifest], path: str) -> Iterator[FieldError]:
    if len(now) != len(before):
        yield forbidden(path, f"{path.removeprefix('spec.')} may not be added or removed on resize")
        return
    for index, (new, old) in enumerate(zip(now, before, strict=True)):
        if new.get("name") != old.get("name"):
            what = path.removeprefix("spec.")
            yield forbidden(f"{path}[{index}].name", f"{what} may not be renamed or reordered on resize")


def _resources(now: list[Manifest], before: list[Manifest], path: str) -> Iterator[FieldError]:
    others = False
    for index, (new, old) in enumerate(zip(now, before, strict=True)):
        of_sidecar = text(new, "restartPolicy") == "Always"
        if path == "spec.initContainers" and not of_sidecar:
            if new != old:
                yield forbidden("spec", "resources for non-sidecar init containers are immutable")
            continue
        for part, word in (("requests", "resource requests"), ("limits", "resource limits")):
            wanted, had = (as_dict(dig(each, "resources", part)) for each in (new, old))
            if had.keys() - wanted.keys():
                yield forbidden(f"{path}[{index}].resources.{part}", f"{word} cannot be removed")
            others = others or _but_resizable(wanted) != _but_resizable(had)
    if others and path == "spec.initContainers":
        yield forbidden(path, "only cpu and memory resources for sidecar containers are mutable")
    elif others:
        yield forbidden("spec", _ONLY)


def _but_resizable(amounts: dict[str, Any]) -> dict[str, Any]:
    return {name: amount for name, amount in amounts.items() if name not in _RESIZABLE}


def validate_ephemeral(obj: Manifest, old: Manifest) -> list[FieldError]:
    """Check a pod that is given ephemeral containers; those that it has stay as they are."""
    if _MIRROR in as_dict(old["metadata"].get("annotations")):
        return [forbidden("", "static pods do not support ephemeral containers")]
    path = "spec.ephemeralContainers"
    errors = validate_pod_spec(as_dict(obj.get("spec")), "spec")
    now = {text(each, "name"): each for each in dicts(obj, "spec", "ephemeralContainers")}
    for before in dicts(old, "spec", "ephemeralContainers"):
        name = text(before, "name")
        if name not in now:
            errors.append(forbidden(path, f'existing ephemeral containers "{name}" may not be removed\n'))
        elif now[name] != before:
            detail = f'existing ephemeral containers "{name}" may not be changed\n{go_diff(before, now[name])}'
            errors.append(forbidden(path, detail))
    return errors
