"""HorizontalPodAutoscalers in `autoscaling/v1`: cpu alone has fields, all else hides in annotations.

They are stored as `autoscaling/v2`; what v1 cannot say goes into `autoscaling.alpha.kubernetes.io/...` annotations, as
JSON in the order in which Go writes it, and comes back from there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, dicts, dig, text

VERSION = "autoscaling/v1"
_STORED = "autoscaling/v2"
_PREFIX = "autoscaling.alpha.kubernetes.io/"
_METRICS, _STATUSES, _CONDITIONS, _BEHAVIOR = (
    f"{_PREFIX}{name}" for name in ("metrics", "current-metrics", "conditions", "behavior")
)
_OURS = frozenset({_METRICS, _STATUSES, _CONDITIONS, _BEHAVIOR})
_CPU_PERCENT = 80


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of v1, where v2 has it, and what stands in v1 when v2 lacks it."""

    name: str
    path: tuple[str, ...]
    otherwise: str | None = None


def _fields(*fields: tuple[str, str] | tuple[str, str, str]) -> tuple[_Field, ...]:
    return tuple(_Field(each[0], tuple(each[1].split(".")), *each[2:]) for each in fields)


_SOURCES = {
    "object": _fields(
        ("target", "describedObject"),
        ("metricName", "metric.name"),
        ("targetValue", "target.value", "0"),
        ("selector", "metric.selector"),
        ("averageValue", "target.averageValue"),
    ),
    "pods": _fields(
        ("metricName", "metric.name"),
        ("targetAverageValue", "target.averageValue", "0"),
        ("selector", "metric.selector"),
    ),
    "resource": _fields(
        ("name", "name"),
        ("targetAverageUtilization", "target.averageUtilization"),
        ("targetAverageValue", "target.averageValue"),
    ),
    "containerResource": _fields(
        ("name", "name"),
        ("targetAverageUtilization", "target.averageUtilization"),
        ("targetAverageValue", "target.averageValue"),
        ("container", "container"),
    ),
    "external": _fields(
        ("metricName", "metric.name"),
        ("metricSelector", "metric.selector"),
        ("targetValue", "target.value"),
        ("targetAverageValue", "target.averageValue"),
    ),
}
_CURRENT = {
    "object": _fields(
        ("target", "describedObject"),
        ("metricName", "metric.name"),
        ("currentValue", "current.value", "0"),
        ("selector", "metric.selector"),
        ("averageValue", "current.averageValue"),
    ),
    "pods": _fields(
        ("metricName", "metric.name"),
        ("currentAverageValue", "current.averageValue", "0"),
        ("selector", "metric.selector"),
    ),
    "resource": _fields(
        ("name", "name"),
        ("currentAverageUtilization", "current.averageUtilization"),
        ("currentAverageValue", "current.averageValue", "0"),
    ),
    "containerResource": _fields(
        ("name", "name"),
        ("currentAverageUtilization", "current.averageUtilization"),
        ("currentAverageValue", "current.averageValue", "0"),
        ("container", "container"),
    ),
    "external": _fields(
        ("metricName", "metric.name"),
        ("metricSelector", "metric.selector"),
        ("currentValue", "current.value", "0"),
        ("currentAverageValue", "current.averageValue"),
    ),
}
_RULES = ("stabilizationWindowSeconds", "selectPolicy", "policies", "tolerance")
_CONDITION = ("type", "status", "lastTransitionTime", "reason", "message", "observedGeneration")
_REFERENCE = ("kind", "name", "apiVersion")


def to_v1(stored: Manifest) -> Manifest:
    """Return an autoscaler of v2 as v1 shows it."""
    spec, status = as_dict(stored.get("spec")), as_dict(stored.get("status"))
    metrics, current = dicts(spec, "metrics"), dicts(status, "currentMetrics")
    shown = {name: spec[name] for name in ("scaleTargetRef", "minReplicas", "maxReplicas") if name in spec}
    cpu = next((share for each in metrics if (share := _cpu_share(each, "target")) is not None), None)
    if cpu is not None:
        shown["targetCPUUtilizationPercentage"] = cpu
    told = {name: status[name] for name in ("observedGeneration", "lastScaleTime") if name in status}
    told |= {name: status.get(name, 0) for name in ("currentReplicas", "desiredReplicas")}
    shares = [share for each in current if (share := _cpu_share(each, "current")) is not None]
    if shares:
        told["currentCPUUtilizationPercentage"] = shares[-1]
    others = [each for each in metrics if _cpu_share(each, "target") is None]
    notes = {
        _METRICS: [_older(each, _SOURCES) for each in others],
        _STATUSES: [_older(each, _CURRENT) for each in current],
        _BEHAVIOR: _capital_behavior(as_dict(spec.get("behavior"))) if spec.get("behavior") is not None else None,
        _CONDITIONS: [_in_order(each, _CONDITION) for each in dicts(status, "conditions")],
    }
    metadata = _annotated(stored["metadata"], {name: _go_json(value) for name, value in notes.items() if value})
    return {**stored, "apiVersion": VERSION, "metadata": metadata, "spec": shown, "status": told}


def to_v2(obj: Manifest) -> Manifest:
    """Return an autoscaler of v1 as it is stored; one of v2 as it is."""
    if obj.get("apiVersion") != VERSION:
        return obj
    spec, status = as_dict(obj.get("spec")), as_dict(obj.get("status"))
    notes = as_dict(obj["metadata"].get("annotations"))
    metrics = [_newer(each, _SOURCES) for each in _listed(notes.get(_METRICS))]
    share = spec.get("targetCPUUtilizationPercentage")
    if share is not None or not metrics:
        target = {"type": "Utilization", "averageUtilization": _CPU_PERCENT if share is None else share}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    wanted = {name: spec[name] for name in ("scaleTargetRef", "minReplicas", "maxReplicas") if name in spec}
    wanted["metrics"] = metrics
    behavior = _read(notes.get(_BEHAVIOR))
    if isinstance(behavior, dict) and behavior:
        wanted["behavior"] = _small_behavior(as_dict(behavior))
    told = {name: value for name, value in status.items() if name != "currentCPUUtilizationPercentage"}
    current = [_newer(each, _CURRENT) for each in _listed(notes.get(_STATUSES))]
    told["currentMetrics"] = current or None
    conditions = _listed(notes.get(_CONDITIONS))
    if conditions:
        told["conditions"] = conditions
    metadata = _annotated(obj["metadata"], {})
    rest = {"status": told} if "status" in obj else {}
    return {**obj, "apiVersion": _STORED, "metadata": metadata, "spec": wanted, **rest}


def _cpu_share(metric: Manifest, part: str) -> int | None:
    """Return the share of requested cpu that a metric wants, or has; None for any other metric."""
    if text(metric, "type") != "Resource" or text(metric, "resource", "name") != "cpu":
        return None
    share = dig(metric, "resource", part, "averageUtilization")
    return share if isinstance(share, int) else None


def _older(metric: Manifest, sources: dict[str, tuple[_Field, ...]]) -> Manifest:
    written: Manifest = {"type": text(metric, "type")}
    for name, fields in sources.items():
        if metric.get(name) is not None:
            written[name] = {}
            for field in fields:
                value = dig(metric[name], *field.path)
                value = field.otherwise if value is None else value
                if value is not None:
                    written[name][field.name] = _in_order(value, _REFERENCE) if field.name == "target" else value
    return written


def _newer(metric: Manifest, sources: dict[str, tuple[_Field, ...]]) -> Manifest:
    read: Manifest = {"type": text(metric, "type")}
    for name, fields in sources.items():
        source = as_dict(metric.get(name))
        if not source:
            continue
        read[name] = {}
        for field in fields:
            if field.name in source:
                _put(read[name], field.path, source[field.name])
        if sources is _SOURCES:
            _complete_target(name, as_dict(read[name].setdefault("target", {})))
    return read


def _complete_target(source: str, target: Manifest) -> None:
    """Say, in place, of which type a target is, which v1 does not say."""
    if target.get("averageUtilization") is not None:
        target["type"] = "Utilization"
    elif source in {"object", "external"} and (target.get("averageValue") is None or source == "external"):
        target["type"] = "Value" if target.get("value") is not None else "AverageValue"
    else:
        target["type"] = "AverageValue"
        if target.get("value") == "0":
            del target["value"]


def _put(obj: Manifest, path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        obj = obj.setdefault(name, {})
    obj[path[-1]] = value


def _in_order(value: Any, names: Sequence[str]) -> Manifest:
    return {name: value[name] for name in names if name in value}


def _capital_behavior(behavior: Manifest) -> Manifest:
    """Return a behavior with the names of Go's own structure, which is what the annotation holds."""
    return {_capital(name): _capital_rules(behavior.get(name)) for name in ("scaleUp", "scaleDown")}


def _capital_rules(rules: Any) -> Manifest | None:
    if rules is None:
        return None
    policies = [
        {_capital(name): each.get(name) for name in ("type", "value", "periodSeconds")}
        for each in dicts(rules, "policies")
    ]
    return {_capital(name): policies if name == "policies" else rules.get(name) for name in _RULES}


def _small_behavior(behavior: Manifest) -> Manifest:
    found: Manifest = {}
    for name, rules in behavior.items():
        if rules is not None:
            small = {_small(each): value for each, value in as_dict(rules).items() if value is not None}
            if "policies" in small:
                small["policies"] = [
                    {_small(each): value for each, value in policy.items()} for policy in dicts(small, "policies")
                ]
            found[_small(name)] = small
    return found


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _small(name: str) -> str:
    return name[:1].lower() + name[1:]


def _annotated(metadata: Manifest, notes: dict[str, str]) -> Manifest:
    kept = {name: value for name, value in as_dict(metadata.get("annotations")).items() if name not in _OURS}
    rest = {name: value for name, value in metadata.items() if name != "annotations"}
    return {**rest, "annotations": {**kept, **notes}} if kept or notes else rest


def _go_json(value: Any) -> str:
    written = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _read(note: Any) -> Any:
    try:
        return json.loads(note) if isinstance(note, str) else None
    except ValueError:
        return None


def _listed(note: Any) -> list[Manifest]:
    return dicts({"read": _read(note)}, "read")
