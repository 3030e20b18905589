"""The TARGETS cell of a HorizontalPodAutoscaler: each metric's present value beside the wanted one."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import dicts, dig, text

_SHOWN = 2
_SOURCES = {
    "External": "external",
    "Pods": "pods",
    "Object": "object",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}
_UNKNOWN = "<unknown>"


def metrics_cell(obj: Manifest) -> str:
    """Write `cpu: 40%/80%, 3/10 (avg)`, two metrics at most."""
    specs = dicts(obj, "spec", "metrics")
    statuses = dicts(obj, "status", "currentMetrics")
    if not specs:
        return "<none>"
    shown = [_one(spec, statuses[index] if index < len(statuses) else {}) for index, spec in enumerate(specs)]
    joined = ", ".join(shown[:_SHOWN])
    return f"{joined} + {len(shown) - _SHOWN} more..." if len(shown) > _SHOWN else joined


def _one(spec: Manifest, status: Manifest) -> str:
    source = _SOURCES.get(text(spec, "type"))
    if source is None:
        return "<unknown type>"
    target, current = dig(spec, source, "target"), dig(status, source, "current")
    if source in {"resource", "containerResource"}:
        return f"{text(spec, source, 'name')}: {_resource(target, current)}"
    average = dig(target, "averageValue")
    if average is None:
        return f"{_or_unknown(dig(current, 'value'))}/{dig(target, 'value')}"
    suffix = "" if source == "pods" else " (avg)"
    return f"{_or_unknown(dig(current, 'averageValue'))}/{average}{suffix}"


def _resource(target: Any, current: Any) -> str:
    average = dig(target, "averageValue")
    if average is not None:
        return f"{_or_unknown(dig(current, 'averageValue'))}/{average}"
    wanted, found = dig(target, "averageUtilization"), dig(current, "averageUtilization")
    return f"{_UNKNOWN if found is None else f'{found}%'}/{'<auto>' if wanted is None else f'{wanted}%'}"


def _or_unknown(value: Any) -> str:
    return _UNKNOWN if value is None else str(value)
