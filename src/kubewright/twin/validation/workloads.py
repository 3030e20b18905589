"""What makes pods: Deployments, ReplicaSets, DaemonSets; and the budgets of their pods."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, dig, text
from kubewright.twin.validation.fields import (
    FieldError,
    Internal,
    forbidden,
    invalid,
    not_supported,
    quoted,
    required,
    shown,
)
from kubewright.twin.validation.metadata import immutable
from kubewright.twin.validation.numbers import at_most_all, int_or_percent, is_zero, non_negative, percentage
from kubewright.twin.validation.pods import validate_template
from kubewright.twin.validation.selectors import is_empty, is_readable, matches, validate_selector

_NO_MATCH = "`selector` does not match template `labels`"


def validate_deployment(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a Deployment; its selector never changes."""
    spec = as_dict(obj.get("spec"))
    errors = non_negative("spec.replicas", spec.get("replicas"))
    errors += check_selector(spec, "deployment")
    errors += _template_of_replicas(spec)
    errors += _strategy(as_dict(spec.get("strategy")))
    for field in ("minReadySeconds", "revisionHistoryLimit"):
        errors += non_negative(f"spec.{field}", spec.get(field))
    errors += _deadline(spec)
    return errors + _selector_update(spec, old)


def validate_replica_set(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a ReplicaSet; its selector never changes."""
    spec = as_dict(obj.get("spec"))
    errors = non_negative("spec.replicas", spec.get("replicas"))
    errors += non_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    errors += check_selector(spec, "deployment")
    errors += _template_of_replicas(spec)
    return errors + _selector_update(spec, old)


def validate_daemon_set(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a DaemonSet; its selector never changes."""
    spec = as_dict(obj.get("spec"))
    selector, labels = spec.get("selector"), dig(spec, "template", "metadata", "labels")
    errors = validate_selector(selector, "spec.selector")
    if selector is None or (is_readable(selector) and not matches(selector, as_dict(labels))):
        errors.append(invalid("spec.template.metadata.labels", labels, _NO_MATCH))
    if selector is not None and is_empty(selector):
        errors.append(invalid("spec.selector", selector, "empty selector is invalid for daemonset"))
    errors += validate_template(spec.get("template"), "spec.template")
    errors += always_restarts(spec, "DaemonSet")
    errors += non_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    errors += _daemon_strategy(as_dict(spec.get("updateStrategy")))
    errors += non_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))
    return errors + _selector_update(spec, old)


def check_selector(spec: Manifest, owner: str) -> list[FieldError]:
    """Check a selector that must be there and select something."""
    selector = spec.get("selector")
    if selector is None:
        return [required("spec.selector")]
    errors = validate_selector(selector, "spec.selector")
    if is_empty(selector):
        errors.append(invalid("spec.selector", selector, f"empty selector is invalid for {owner}"))
    return errors


def _selector_update(spec: Manifest, old: Manifest | None) -> list[FieldError]:
    return [] if old is None else immutable("spec.selector", spec.get("selector"), dig(old, "spec", "selector"))


def _template_of_replicas(spec: Manifest) -> list[FieldError]:
    selector = spec.get("selector")
    if selector is not None and not is_readable(selector):
        return [invalid("spec.selector", selector, "invalid label selector")]
    return [*check_template(spec.get("template"), spec), *always_restarts(spec, "ReplicaSet")]


def check_template(template: Any, spec: Manifest) -> list[FieldError]:
    """Check a template, and that the selector of its owner selects its pods."""
    selector, labels = spec.get("selector"), dig(template, "metadata", "labels")
    errors: list[FieldError] = []
    unmatched = selector is None or not (is_empty(selector) or matches(selector, as_dict(labels)))
    if unmatched:
        errors.append(invalid("spec.template.metadata.labels", labels, _NO_MATCH))
    return errors + validate_template(template, "spec.template")


def always_restarts(spec: Manifest, owner: str) -> list[FieldError]:
    """Refuse templates whose pods would end: only jobs may have them."""
    errors: list[FieldError] = []
    pod = dig(spec, "template", "spec")
    policy = text(pod, "restartPolicy")
    if policy != "Always":
        errors.append(not_supported("spec.template.spec.restartPolicy", policy, ("Always",)))
    if dig(pod, "activeDeadlineSeconds") is not None:
        detail = f"activeDeadlineSeconds in {owner} is not Supported"
        errors.append(forbidden("spec.template.spec.activeDeadlineSeconds", detail))
    return errors


def _strategy(strategy: Manifest) -> list[FieldError]:
    kind, rolling = text(strategy, "type"), strategy.get("rollingUpdate")
    path = "spec.strategy"
    if kind == "Recreate":
        detail = "may not be specified when strategy `type` is 'Recreate'"
        return [] if rolling is None else [forbidden(f"{path}.rollingUpdate", detail)]
    if kind != "RollingUpdate":
        return [not_supported(path, Internal(_shown_strategy(kind, rolling)), ("Recreate", "RollingUpdate"))]
    most, surge = dig(rolling, "maxUnavailable"), dig(rolling, "maxSurge")
    here = f"{path}.rollingUpdate"
    errors = int_or_percent(f"{here}.maxUnavailable", most) + int_or_percent(f"{here}.maxSurge", surge)
    if is_zero(most) and is_zero(surge):
        errors.append(invalid(f"{here}.maxUnavailable", most, "may not be 0 when `maxSurge` is 0"))
    return errors + at_most_all(f"{here}.maxUnavailable", most)


def _shown_strategy(kind: str, rolling: Any) -> str:
    return f'{{"Type":{quoted(kind)},"RollingUpdate":{shown(rolling)}}}'


def _daemon_strategy(strategy: Manifest) -> list[FieldError]:
    kind, rolling = text(strategy, "type"), strategy.get("rollingUpdate")
    path = "spec.updateStrategy"
    if kind == "OnDelete":
        return []
    if kind != "RollingUpdate":
        return [not_supported(path, Internal(_shown_strategy(kind, rolling)), ("RollingUpdate", "OnDelete"))]
    here = f"{path}.rollingUpdate"
    most, surge = dig(rolling, "maxUnavailable"), dig(rolling, "maxSurge")
    errors = int_or_percent(f"{here}.maxUnavailable", most) + int_or_percent(f"{here}.maxSurge", surge)
    errors += at_most_all(f"{here}.maxUnavailable", most) + at_most_all(f"{here}.maxSurge", surge)
    if not is_zero(most) and not is_zero(surge):
        errors.append(invalid(f"{here}.maxSurge", surge, "may not be set when maxUnavailable is non-zero"))
    if is_zero(most) and is_zero(surge):
        errors.append(required(f"{here}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
    return errors


def _deadline(spec: Manifest) -> list[FieldError]:
    deadline, ready = spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds") or 0
    errors = non_negative("spec.progressDeadlineSeconds", deadline)
    if isinstance(deadline, int) and isinstance(ready, int) and deadline <= ready:
        errors.append(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    return errors


def validate_disruption_budget(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a PodDisruptionBudget."""
    del old
    spec = as_dict(obj.get("spec"))
    errors: list[FieldError] = []
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        fields = ("minAvailable", "selector", "maxUnavailable", "unhealthyPodEvictionPolicy")
        inner = ",".join(f'"{field[0].upper()}{field[1:]}":{shown(spec.get(field))}' for field in fields)
        errors.append(invalid("spec", Internal(f"{{{inner}}}"), "minAvailable and maxUnavailable cannot be both set"))
    for field in ("minAvailable", "maxUnavailable"):
        value = spec.get(field)
        errors += int_or_percent(f"spec.{field}", value)
        errors += at_most_all(f"spec.{field}", value) if percentage(value) is not None else []
    return errors + validate_selector(spec.get("selector"), "spec.selector")
