"""The built-in admission plugins, in kube-apiserver's order.

The registry calls `complete` on every object about to be created or to replace another, before it is validated, and
`check` after that; what `check` returns is run when nothing can refuse the write any more. Plugins that have nothing
to say of a kind are never called, and those that read a namespace's quotas, ranges or labels find none at no cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubewright.api.meta import Manifest
from kubewright.twin.admission import (
    accounts,
    certificates,
    limits,
    policies,
    priority,
    resizing,
    runtimes,
    storage,
    system,
    tolerations,
    topology,
    webhooks,
)
from kubewright.twin.admission.attempt import Attempt, Step
from kubewright.twin.admission.operation import Operation
from kubewright.twin.admission.podsecurity import check as podsecurity
from kubewright.twin.admission.quota.check import charge
from kubewright.twin.options import WriteOptions
from kubewright.twin.registry import Registry, Target

_COMPLETING_PODS: tuple[Step, ...] = (
    limits.complete,
    accounts.complete,
    priority.complete,
    tolerations.complete,
    runtimes.complete,
    topology.complete,
)
_COMPLETING: Mapping[tuple[str, str], tuple[Step, ...]] = {
    ("", "Node"): (system.taint_node,),
    ("", "PersistentVolumeClaim"): (storage.protect_claim, storage.choose_class),
    ("", "PersistentVolume"): (storage.protect_volume,),
}
_SETTLING: Mapping[tuple[str, str], Step] = {
    ("certificates.k8s.io", "CertificateSigningRequest"): certificates.settle,
    ("", "Namespace"): system.label_namespace,
    ("rbac.authorization.k8s.io", "Role"): system.settle_rules,
    ("rbac.authorization.k8s.io", "ClusterRole"): system.settle_rules,
    ("", "Service"): system.address_service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): system.prepare,
}
_TEMPLATED: tuple[Step, ...] = (podsecurity.check_template,)
_CHECKING: Mapping[tuple[str, str], tuple[Step, ...]] = {
    ("certificates.k8s.io", "CertificateSigningRequest"): (certificates.check,),
    ("", "Pod"): (limits.check_pod, podsecurity.check_pod, resizing.check),
    ("", "Namespace"): (podsecurity.check_namespace,),
    ("", "PersistentVolumeClaim"): (limits.check_claim, storage.check_growth),
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


def complete(registry: Registry, target: Target, obj: Manifest, old: Manifest | None, options: WriteOptions) -> None:
    """Complete `obj` in place; raises StatusError to refuse it."""
    attempt = Attempt(registry, target, obj, old)
    _run_plugins(attempt)
    if options.asks and registry.hooks.mutating:
        webhooks.mutate(registry, _operation(attempt, options), lambda: _run_plugins(attempt))


def _run_plugins(attempt: Attempt) -> None:
    kind = attempt.kind
    if kind.custom:
        return
    if kind.kind == "Pod" and not kind.group:
        if attempt.old is not None:
            return
        attempt.obj.setdefault("spec", {})
        steps = _COMPLETING_PODS
    else:
        steps = _COMPLETING.get((kind.group, kind.kind), ())
    for step in steps:
        step(attempt)


def settle(registry: Registry, target: Target, obj: Manifest, old: Manifest | None) -> None:
    """Add, in place, what the server itself writes after the last plugin."""
    step = None if target.kind.custom else _SETTLING.get((target.kind.group, target.kind.kind))
    if step is not None:
        step(Attempt(registry, target, obj, old))


def check(
    registry: Registry, target: Target, obj: Manifest, old: Manifest | None, options: WriteOptions
) -> Callable[[], None] | None:
    """Refuse an object by raising StatusError; returns what is to be written beside it."""
    kind = target.kind
    attempt = Attempt(registry, target, obj, old)
    if not kind.custom:
        for step in _CHECKING.get((kind.group, kind.kind), ()):
            step(attempt)
    if options.asks:
        _consult(registry, _operation(attempt, options))
    return charge(attempt)


def _operation(attempt: Attempt, options: WriteOptions) -> Operation:
    name = "CREATE" if attempt.old is None else "UPDATE"
    return Operation(name, attempt.target, attempt.obj, attempt.old, options.given, options.dry_run)


def _consult(registry: Registry, operation: Operation) -> None:
    policies.check(registry, operation)
    webhooks.check(registry, operation)


def review(registry: Registry, operation: Operation) -> None:
    """Ask policies and webhooks about what is not stored as it is sent: a deletion, an eviction, a scale.

    Raises StatusError; the operation's object may be changed in place.
    """
    webhooks.mutate(registry, operation, _nothing)
    _consult(registry, operation)


def _nothing() -> None:
    """No plugin has anything to say of such a body."""
