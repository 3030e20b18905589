"""The built-in admission plugins, in kube-apiserver's order.

The registry calls `complete` on every object about to be created or to replace another, before it is validated, and
`check` after that; what `check` returns is run when nothing can refuse the write any more. Plugins that have nothing
to say of a kind are never called, and those that read a namespace's quotas, ranges or labels find none at no cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubewright.api.meta import Manifest
from kubewright.twin.admission import accounts, limits, policies, priority, runtimes, storage, system, tolerations
from kubewright.twin.admission.attempt import Attempt, Step
from kubewright.twin.admission.matching import Operation
from kubewright.twin.admission.podsecurity import check as podsecurity
from kubewright.twin.admission.quota.check import charge
from kubewright.twin.registry import Registry, Target

_COMPLETING_PODS: tuple[Step, ...] = (
    limits.complete,
    accounts.complete,
    priority.complete,
    tolerations.complete,
    runtimes.complete,
)
_COMPLETING: Mapping[tuple[str, str], tuple[Step, ...]] = {
    ("", "Node"): (system.taint_node,),
    ("", "Namespace"): (system.label_namespace,),
    ("", "Service"): (system.address_service,),
    ("", "PersistentVolumeClaim"): (storage.choose_class,),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (system.prepare,),
}
_TEMPLATED: tuple[Step, ...] = (podsecurity.check_template,)
_CHECKING: Mapping[tuple[str, str], tuple[Step, ...]] = {
    ("", "Pod"): (limits.check_pod, podsecurity.check_pod),
    ("", "Namespace"): (podsecurity.check_namespace,),
    ("", "PersistentVolumeClaim"): (limits.check_claim,),
    ("", "PodTemplate"): _TEMPLATED,
    ("", "ReplicationController"): _TEMPLATED,
    ("apps", "ReplicaSet"): _TEMPLATED,
    ("apps", "Deployment"): _TEMPLATED,
    ("apps", "StatefulSet"): _TEMPLATED,
    ("apps", "DaemonSet"): _TEMPLATED,
    ("batch", "Job"): _TEMPLATED,
    ("batch", "CronJob"): _TEMPLATED,
    ("scheduling.k8s.io", "PriorityClass"): (priority.check,),
}


def complete(registry: Registry, target: Target, obj: Manifest, old: Manifest | None) -> None:
    """Complete `obj` in place; raises StatusError to refuse it."""
    kind = target.kind
    if kind.custom:
        return
    if kind.kind == "Pod" and not kind.group:
        if old is not None:
            return
        obj.setdefault("spec", {})
        steps = _COMPLETING_PODS
    else:
        steps = _COMPLETING.get((kind.group, kind.kind), ())
    attempt = Attempt(registry, target, obj, old)
    for step in steps:
        step(attempt)


def check(registry: Registry, target: Target, obj: Manifest, old: Manifest | None) -> Callable[[], None] | None:
    """Refuse an object by raising StatusError; returns what is to be written beside it."""
    kind = target.kind
    attempt = Attempt(registry, target, obj, old)
    if not kind.custom:
        for step in _CHECKING.get((kind.group, kind.kind), ()):
            step(attempt)
    policies.check(registry, Operation("CREATE" if old is None else "UPDATE", target, obj, old))
    return charge(attempt)
