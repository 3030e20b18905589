"""A pod's quality of service, which follows from its resources: for storing pods, resizing them, and quotas."""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, dicts


def qos_class(spec: Manifest) -> str:
    """Return a pod's quality of service: Guaranteed if all its limits are its requests, BestEffort if it has none."""
    containers = [*dicts(spec, "containers"), *dicts(spec, "initContainers")]
    resources = [as_dict(container.get("resources")) for container in containers]
    named = [
        {
            name
            for part in ("requests", "limits")
            for name, value in as_dict(each.get(part)).items()
            if _counts(name, value)
        }
        for each in resources
    ]
    if not any(named):
        return "BestEffort"
    for each in resources:
        requests, limits = as_dict(each.get("requests")), as_dict(each.get("limits"))
        if any(name not in limits or requests.get(name, limits[name]) != limits[name] for name in ("cpu", "memory")):
            return "Burstable"
    return "Guaranteed"


def _counts(name: str, value: object) -> bool:
    return name in {"cpu", "memory"} and str(value) != "0"
