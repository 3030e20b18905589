"""HorizontalPodAutoscalers: bounds, target, metrics, and how fast they may scale."""

from __future__ import annotations

from collections.abc import Iterator

from kubewright.api.meta import Manifest
from kubewright.api.quantity import parse_quantity
from kubewright.twin import autoscalerv1
from kubewright.twin.reading import as_dict, count, dicts, dig, text
from kubewright.twin.validation import names
from kubewright.twin.validation.fields import FieldError, first_invalid, forbidden, invalid, not_supported, required
from kubewright.twin.validation.numbers import NOT_NEGATIVE

_SCALE_TO_ZERO = "must specify at least one Object or External metric to support scaling to zero replicas"
_SOURCES = {
    "Object": "object",
    "External": "external",
    "Pods": "pods",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}
"""Types of metrics with the field that describes each, in the order in which they are looked at."""
_LONGEST_PERIOD, _LONGEST_WINDOW = 1800, 3600


def validate_autoscaler(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a HorizontalPodAutoscaler; the version of its target is checked when the target's kind changes."""
    spec = as_dict(autoscalerv1.to_v2(obj).get("spec"))
    target, before = as_dict(spec.get("scaleTargetRef")), as_dict(dig(old, "spec", "scaleTargetRef"))
    same = old is not None and all(text(target, name) == text(before, name) for name in ("apiVersion", "kind"))
    errors = list(_bounds(spec))
    errors += _reference(target, "spec.scaleTargetRef", core=text(target, "kind") == "ReplicationController", old=same)
    for index, metric in enumerate(dicts(spec, "metrics")):
        errors += _metric(metric, f"spec.metrics[{index}]")
    if spec.get("minReplicas") == 0 and not any(
        text(metric, "type") in {"Object", "External"} for metric in dicts(spec, "metrics")
    ):
        errors.append(forbidden("spec.metrics", _SCALE_TO_ZERO))
    for direction in ("scaleUp", "scaleDown"):
        rules = dig(spec, "behavior", direction)
        if rules is not None:
            errors += _rules(as_dict(rules), f"spec.behavior.{direction}")
    return errors


def _bounds(spec: Manifest) -> Iterator[FieldError]:
    lowest, highest = spec.get("minReplicas"), count(spec, "maxReplicas")
    if isinstance(lowest, int) and lowest < 0:
        yield invalid("spec.minReplicas", lowest, NOT_NEGATIVE)
    if highest == 0:
        yield required("spec.maxReplicas", "must be set and greater than 0")
    elif highest < 0:
        yield invalid("spec.maxReplicas", highest, "must be greater than or equal to 1")
    if isinstance(lowest, int) and highest < lowest:
        yield invalid("spec.maxReplicas", highest, "must be greater than or equal to `minReplicas`")


def _reference(reference: Manifest, path: str, *, core: bool, old: bool = False) -> Iterator[FieldError]:
    """Check a reference to an object; `core`: it may be of the group without a name, `old`: its version was there."""
    for field in ("kind", "name"):
        value, here = text(reference, field), f"{path}.{field}"
        yield from first_invalid(here, value, names.path_segment(value)) if value else [required(here)]
    version = text(reference, "apiVersion")
    if old:
        return
    if version.count("/") > 1:
        yield invalid(f"{path}.apiVersion", version, f"unexpected GroupVersion string: {version}")
    elif not core and not version.partition("/")[1]:
        yield invalid(f"{path}.apiVersion", version, "apiVersion must specify API group")


def _metric(metric: Manifest, path: str) -> Iterator[FieldError]:
    kind = text(metric, "type")
    if not kind:
        yield required(f"{path}.type", "must specify a metric source type")
    if kind not in _SOURCES:
        yield not_supported(f"{path}.type", kind, sorted(_SOURCES))
    given = [field for field in _SOURCES.values() if metric.get(field) is not None]
    if given:
        yield from _source(given[0], as_dict(metric[given[0]]), f"{path}.{given[0]}")
    expected = _SOURCES.get(kind)
    if expected is None:
        yield not_supported(f"{path}.type", kind, sorted(_SOURCES))
    elif metric.get(expected) is None:
        yield required(f"{path}.{expected}", "must populate information for the given metric source")
    if len(given) > 1:
        for field in given:
            if field != expected:
                yield forbidden(f"{path}.{field}", "must populate the given metric source only")


def _source(field: str, source: Manifest, path: str) -> Iterator[FieldError]:
    if field == "object":
        yield from _reference(as_dict(source.get("describedObject")), f"{path}.describedObject", core=True)
    if field in {"resource", "containerResource"}:
        if not text(source, "name"):
            yield required(f"{path}.name", "must specify a resource name")
    else:
        name, here = text(source, "metric", "name"), f"{path}.metric.name"
        problems = first_invalid(here, name, names.path_segment(name))
        yield from problems if name else [required(here, "must specify a metric name")]
    if field == "containerResource":
        name, here = text(source, "container"), f"{path}.container"
        problems = first_invalid(here, name, names.dns_label(name))
        yield from problems if name else [required(here, "must specify a container")]
    target = as_dict(source.get("target"))
    yield from _target(target, f"{path}.target")
    yield from _amounts(field, target, f"{path}.target")


def _target(target: Manifest, path: str) -> Iterator[FieldError]:
    kind = text(target, "type")
    if not kind:
        yield required(f"{path}.type", "must specify a metric target type")
    if kind not in {"Utilization", "Value", "AverageValue"}:
        yield invalid(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue")
    for field in ("value", "averageValue"):
        amount = target.get(field)
        if amount is not None and parse_quantity(amount) <= 0:
            yield invalid(f"{path}.{field}", str(amount), "must be positive")
    share = target.get("averageUtilization")
    if isinstance(share, int) and share < 1:
        yield invalid(f"{path}.averageUtilization", share, "must be greater than 0")


def _amounts(field: str, target: Manifest, path: str) -> Iterator[FieldError]:
    """Check which amounts a target sets: one of those that its source knows, and in part not two."""
    value, average, share = (target.get(name) is not None for name in ("value", "averageValue", "averageUtilization"))
    match field:
        case "object" if not value and not average:
            yield required(f"{path}.averageValue", "must set either a target value or averageValue")
        case "external" if not value and not average:
            yield required(f"{path}.averageValue", "must set either a target value for metric or a per-pod target")
        case "external" if value and average:
            yield forbidden(f"{path}.value", "may not set both a target value for metric and a per-pod target")
        case "pods" if not average:
            yield required(f"{path}.averageValue", "must specify a positive target averageValue")
        case "resource" | "containerResource" if not share and not average:
            yield required(f"{path}.averageUtilization", "must set either a target raw value or a target utilization")
        case "resource" | "containerResource" if share and average:
            yield forbidden(f"{path}.averageValue", "may not set both a target raw value and a target utilization")
        case _:
            pass


def _rules(rules: Manifest, path: str) -> Iterator[FieldError]:
    window, select, tolerance = (rules.get(n) for n in ("stabilizationWindowSeconds", "selectPolicy", "tolerance"))
    if isinstance(window, int):
        yield from _within(window, f"{path}.stabilizationWindowSeconds", 0, _LONGEST_WINDOW, "or equal to zero")
    if select is not None and select not in {"Max", "Min", "Disabled"}:
        yield not_supported(f"{path}.selectPolicy", select, ("Disabled", "Max", "Min"))
    policies = dicts(rules, "policies")
    if not policies:
        yield required(f"{path}.policies", "must specify at least one Policy")
    for index, policy in enumerate(policies):
        yield from _policy(policy, f"{path}.policies[{index}]")
    if tolerance is not None and parse_quantity(tolerance) < 0:
        yield invalid(f"{path}.tolerance", str(tolerance), NOT_NEGATIVE)


def _policy(policy: Manifest, path: str) -> Iterator[FieldError]:
    kind = text(policy, "type")
    if kind not in {"Pods", "Percent"}:
        yield not_supported(f"{path}.type", kind, ("Percent", "Pods"))
    value, period = count(policy, "value"), count(policy, "periodSeconds")
    if value <= 0:
        yield invalid(f"{path}.value", value, "must be greater than zero")
    yield from _within(period, f"{path}.periodSeconds", 1, _LONGEST_PERIOD, "zero")


def _within(value: int, path: str, least: int, most: int, told: str) -> Iterator[FieldError]:
    if value < least:
        yield invalid(path, value, f"must be greater than {told}")
    if value > most:
        yield invalid(path, value, f"must be less than or equal to {most}")
