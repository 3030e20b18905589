"""What one object takes from a quota, by the quota's names of resources.

Asked by admission and by the quota controller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubewright.api.meta import Manifest
from kubewright.twin.admission.podusage import pod_limits, pod_requests
from kubewright.twin.reading import as_dict, dicts, dig, text

Usage = dict[str, str]

_COUNTED_BY_NAME = frozenset(
    {"configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "resourcequotas", "secrets", "services"}
)
_ENDED = frozenset({"Succeeded", "Failed"})
_COMPUTE = frozenset({"cpu", "memory", "ephemeral-storage"})
_HUGE_PAGES = "hugepages-"
_OF_CLASS = ".storageclass.storage.k8s.io/"


def counted_as(group: str, plural: str) -> str:
    """Return under which name objects of a kind are counted: `count/deployments.apps`."""
    return f"count/{plural}.{group}" if group else f"count/{plural}"


def usage(group: str, plural: str, obj: Manifest) -> Usage:
    """Return what an object takes."""
    taken = {counted_as(group, plural): "1"}
    if group:
        return taken
    if plural in _COUNTED_BY_NAME and plural != "pods":
        taken[plural] = "1"
    special = _SPECIAL.get(plural)
    return taken | special(obj) if special else taken


def _pod(obj: Manifest) -> Usage:
    if text(obj, "status", "phase") in _ENDED:
        return {}
    spec = as_dict(obj.get("spec"))
    taken = {"pods": "1"}
    for name, amount in pod_requests(spec).items():
        taken[f"requests.{name}"] = amount
        if name in _COMPUTE or name.startswith(_HUGE_PAGES):
            taken[name] = amount
    for name, amount in pod_limits(spec).items():
        taken[f"limits.{name}"] = amount
    return taken


def _service(obj: Manifest) -> Usage:
    spec, ports = as_dict(obj.get("spec")), dicts(obj, "spec", "ports")
    match spec.get("type"):
        case "NodePort":
            return {"services.nodeports": str(len(ports))}
        case "LoadBalancer":
            given = [port for port in ports if port.get("nodePort")]
            allocated = given if spec.get("allocateLoadBalancerNodePorts") is False else ports
            return {"services.nodeports": str(len(allocated)), "services.loadbalancers": "1"}
        case _:
            return {}


def _claim(obj: Manifest) -> Usage:
    storage = dig(obj, "spec", "resources", "requests", "storage")
    storage_class = text(obj, "spec", "storageClassName")
    taken = {"requests.storage": str(storage)} if storage is not None else {}
    if storage_class:
        taken |= {f"{storage_class}{_OF_CLASS}{name}": amount for name, amount in taken.items()}
        taken[f"{storage_class}{_OF_CLASS}persistentvolumeclaims"] = "1"
    return taken


_SPECIAL: Mapping[str, Callable[[Manifest], Usage]] = {
    "pods": _pod,
    "services": _service,
    "persistentvolumeclaims": _claim,
}


def kinds_of(name: str) -> tuple[str, str] | None:
    """Return (group, plural) of the objects that a quota's resource is counted on; None when it is nobody's."""
    if name.startswith("count/"):
        plural, _, group = name.removeprefix("count/").partition(".")
        return group, plural
    if name in _COUNTED_BY_NAME:
        return "", name
    if name.startswith("services."):
        return "", "services"
    if name == "requests.storage" or _OF_CLASS in name:
        return "", "persistentvolumeclaims"
    compute = name.removeprefix("requests.").removeprefix("limits.")
    known = name != compute or compute in _COMPUTE or compute.startswith(_HUGE_PAGES)
    return ("", "pods") if known else None


_MUST_SAY = frozenset({"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"})


def unsaid(spec: Manifest, names: set[str]) -> str:
    """Name the containers of a pod that do not say how much they need of what the quota limits; "" if all do."""
    if spec.get("resources"):
        return ""
    containers = [*dicts(spec, "containers"), *dicts(spec, "initContainers")]
    problems: list[str] = []
    for name in sorted(names & _MUST_SAY):
        part, _, resource = name.rpartition(".")
        silent = {text(each, "name") for each in containers if resource not in _named(each, part or "requests")}
        if silent:
            problems.append(f"{name} for: {','.join(sorted(silent))}")
    return f"must specify {'; '.join(problems)}" if problems else ""


def _named(container: Manifest, part: str) -> Manifest:
    return as_dict(dig(container, "resources", part))
