"""PodSecurity: pods beyond what their namespace enforces are refused.

Pods and templates beyond what it warns of are warned of, and so are its pods when it begins to enforce more.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.store.versioned import Record
from kubewright.twin import status
from kubewright.twin.admission.attempt import Attempt
from kubewright.twin.admission.podsecurity.evaluate import evaluate
from kubewright.twin.admission.podsecurity.finding import Finding, containers, security
from kubewright.twin.admission.podsecurity.policy import OPEN, Policy, Standard, policy_of, problems
from kubewright.twin.reading import as_dict, dicts, dig, text
from kubewright.twin.validation.fields import invalid

_PODS = ("", "pods")
_TEMPLATES = {
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "PodTemplate": ("template",),
}
_USUAL_TEMPLATE = ("spec", "template")
_MOST_PODS = 3000
"""As many of a namespace's pods are looked at when its labels change."""


def _policy(attempt: Attempt) -> Policy:
    record = attempt.registry.store.get(("", "namespaces"), ObjectKey("", attempt.target.namespace))
    return OPEN if record is None else policy_of(as_dict(record.obj["metadata"].get("labels")))


def check_pod(attempt: Attempt) -> None:
    """Refuse a pod beyond what is enforced, or warn of it."""
    policy = _policy(attempt)
    if policy == OPEN or attempt.target.subresource:
        return
    if attempt.old is not None and not _matters(attempt.old, attempt.obj):
        return
    metadata, spec = attempt.obj["metadata"], attempt.spec
    found = evaluate(policy.enforce, metadata, spec)
    if found:
        raise attempt.refused(f'violates PodSecurity "{policy.enforce}": {_told(found)}')
    if policy.warn != policy.enforce:
        _warn(attempt, policy.warn, metadata, spec)


def check_template(attempt: Attempt) -> None:
    """Warn of a workload whose pods would not be allowed; they are refused when they come."""
    policy = _policy(attempt)
    if policy == OPEN or attempt.target.subresource:
        return
    template = as_dict(dig(attempt.obj, *_TEMPLATES.get(attempt.kind.kind, _USUAL_TEMPLATE)))
    _warn(attempt, policy.warn, as_dict(template.get("metadata")), as_dict(template.get("spec")))


def _warn(attempt: Attempt, standard: Standard, metadata: Manifest, spec: Manifest) -> None:
    found = evaluate(standard, metadata, spec)
    if found:
        attempt.registry.warnings.append(f'would violate PodSecurity "{standard}": {_told(found)}')


def _told(found: Sequence[Finding]) -> str:
    return ", ".join(map(str, found))


def _matters(old: Manifest, new: Manifest) -> bool:
    """Tell whether an update changes what the checks look at: in a pod little else than images can change."""
    return _looked_at(old) != _looked_at(new)


def _looked_at(pod: Manifest) -> object:
    spec = as_dict(pod.get("spec"))
    annotations = as_dict(pod["metadata"].get("annotations"))
    profiles = {name: value for name, value in annotations.items() if "apparmor" in name or "seccomp" in name}
    return profiles, [(each.get("name"), each.get("image"), security(each)) for each in containers(spec)]


def check_namespace(attempt: Attempt) -> None:
    """Refuse labels that do not read; warn of pods that are there when a namespace begins to enforce more."""
    wrong = problems(as_dict(attempt.obj["metadata"].get("labels")))
    if wrong:
        errors = [invalid(f"metadata.labels[{label}]", value, problem) for label, value, problem in wrong]
        raise status.invalid(attempt.kind.group, attempt.kind.kind, attempt.target.name, errors)
    if attempt.old is None or attempt.target.subresource:
        return
    before = policy_of(as_dict(attempt.old["metadata"].get("labels"))).enforce
    enforce = policy_of(as_dict(attempt.obj["metadata"].get("labels"))).enforce
    if enforce == before or enforce.strictness == 0:
        return
    if enforce.minor == before.minor and enforce.strictness < before.strictness:
        return
    records = attempt.registry.store.list(_PODS, attempt.target.name)[0]
    lines = _existing(enforce, records)
    if lines:
        name = attempt.target.name
        head = f'existing pods in namespace "{name}" violate the new PodSecurity enforce level "{enforce}"'
        attempt.registry.warnings += [head, *lines]


def _existing(standard: Standard, records: list[Record]) -> list[str]:
    by_problem: dict[str, list[str]] = {}
    owners: set[str] = set()
    for record in records[:_MOST_PODS]:
        metadata = record.obj["metadata"]
        owner = _controller(metadata)
        if owner in owners:
            continue  # one of a workload's pods speaks for all
        owners |= {owner} - {""}
        found = evaluate(standard, metadata, as_dict(record.obj.get("spec")))
        if found:
            by_problem.setdefault(", ".join(each.reason for each in found), []).append(record.key.name)
    return [f"{_first(names)}: {problem}" for problem, names in sorted(by_problem.items())]


def _controller(metadata: Manifest) -> str:
    return next((text(ref, "uid") for ref in dicts(metadata, "ownerReferences") if ref.get("controller")), "")


def _first(names: list[str]) -> str:
    others = len(names) - 1
    if not others:
        return names[0]
    return f"{names[0]} (and {others} other pod{'' if others == 1 else 's'})"
