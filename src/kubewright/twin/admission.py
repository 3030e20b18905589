"""What the API server's admission plugins and strategies add to an object, as far as users see it.

The registry calls `admit` on every object about to be created or to replace another, before validation.
"""

from __future__ import annotations

from collections.abc import Callable

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.twin import status
from kubewright.twin.crds import prepare_definition
from kubewright.twin.kinds import KindInfo
from kubewright.twin.reading import as_dict, as_list, dicts
from kubewright.twin.registry import Registry
from kubewright.twin.services import admit_service

_TOLERATED_SECONDS = 300
_NOT_READY = "node.kubernetes.io/not-ready"
_UNREACHABLE = "node.kubernetes.io/unreachable"
_SYSTEM_PRIORITIES = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}

Step = Callable[[Registry, KindInfo, Manifest, "Manifest | None"], None]


def admit(registry: Registry, kind: KindInfo, obj: Manifest, old: Manifest | None) -> None:
    """Complete `obj` in place; raises StatusError to refuse it."""
    step = None if kind.custom else _STEPS.get((kind.group, kind.kind))
    if step is not None:
        step(registry, kind, obj, old)


def _pod(registry: Registry, kind: KindInfo, obj: Manifest, old: Manifest | None) -> None:
    if old is not None:
        return
    spec = obj["spec"] = as_dict(obj.get("spec"))
    account = spec.setdefault("serviceAccountName", "default")
    spec["serviceAccount"] = account
    _check_account(registry, kind, obj, account)
    _set_priority(registry, kind, obj, spec)
    tolerations = as_list(spec.get("tolerations"))
    missing = [key for key in (_NOT_READY, _UNREACHABLE) if not any(_tolerates(each, key) for each in tolerations)]
    if missing:
        spec["tolerations"] = [*tolerations, *(_toleration(key) for key in missing)]


def _check_account(registry: Registry, kind: KindInfo, obj: Manifest, account: str) -> None:
    """Refuse a pod of an unknown ServiceAccount; `default` is taken to be there, as it soon is on a real cluster."""
    metadata = obj["metadata"]
    key = ObjectKey(metadata.get("namespace", ""), account)
    if account != "default" and registry.store.get(("", "serviceaccounts"), key) is None:
        text = f'error looking up service account {key}: serviceaccount "{account}" not found'
        raise status.forbidden(kind, metadata.get("name") or metadata.get("generateName", ""), text)


def _tolerates(toleration: Manifest, key: str) -> bool:
    return toleration.get("key", "") in {"", key} and toleration.get("effect", "") in {"", "NoExecute"}


def _toleration(key: str) -> Manifest:
    return {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _TOLERATED_SECONDS}


def _set_priority(registry: Registry, kind: KindInfo, obj: Manifest, spec: Manifest) -> None:
    name = spec.get("priorityClassName", "")
    priority, preemption = _SYSTEM_PRIORITIES.get(name), "PreemptLowerPriority"
    if priority is None and name:
        record = registry.store.get(("scheduling.k8s.io", "priorityclasses"), ObjectKey("", name))
        if record is None:
            metadata = obj["metadata"]
            text = f"no PriorityClass with name {name} was found"
            raise status.forbidden(kind, metadata.get("name") or metadata.get("generateName", ""), text)
        priority = record.obj.get("value", 0)
        preemption = record.obj.get("preemptionPolicy", preemption)
    spec["priority"] = priority or 0
    spec.setdefault("preemptionPolicy", preemption)


def _node(_registry: Registry, _kind: KindInfo, obj: Manifest, old: Manifest | None) -> None:
    if old is not None:
        return
    spec = obj["spec"] = as_dict(obj.get("spec"))
    taints = dicts(spec, "taints")
    if not any(taint.get("key") == _NOT_READY and taint.get("effect") == "NoSchedule" for taint in taints):
        spec["taints"] = [*taints, {"key": _NOT_READY, "effect": "NoSchedule"}]


def _namespace(_registry: Registry, _kind: KindInfo, obj: Manifest, old: Manifest | None) -> None:
    metadata = obj["metadata"]
    if old is None:
        obj["spec"] = {"finalizers": ["kubernetes"]}
    if metadata.get("name"):
        metadata["labels"] = {**as_dict(metadata.get("labels")), "kubernetes.io/metadata.name": metadata["name"]}


def _service(registry: Registry, kind: KindInfo, obj: Manifest, old: Manifest | None) -> None:
    admit_service(registry.addresses, kind, obj, old)


def _definition(_registry: Registry, _kind: KindInfo, obj: Manifest, old: Manifest | None) -> None:
    prepare_definition(obj, old)


_STEPS: dict[tuple[str, str], Step] = {
    ("", "Pod"): _pod,
    ("", "Node"): _node,
    ("", "Namespace"): _namespace,
    ("", "Service"): _service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
}
