"""What the API server warns of in objects that it takes: fields that do not do what their author may think.

The registry asks once an object is valid; pods and pod templates, services and endpoints have such warnings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.kinds import KindInfo
from kubewright.twin.reading import as_dict, count, dicts, dig, text

_TEMPLATES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("apps", "DaemonSet"): ("spec", "template"),
    ("apps", "Deployment"): ("spec", "template"),
    ("apps", "ReplicaSet"): ("spec", "template"),
    ("apps", "StatefulSet"): ("spec", "template"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
    ("batch", "Job"): ("spec", "template"),
    ("", "Pod"): (),
    ("", "PodTemplate"): ("template",),
}
_NULL_SELECTOR = "a null labelSelector results in matching no pod"
_EXTERNAL_IPS = "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
_TERMS = "requiredDuringSchedulingIgnoredDuringExecution"
_WEIGHTED = "preferredDuringSchedulingIgnoredDuringExecution"


def advice(kind: KindInfo, obj: Manifest, old: Manifest | None) -> list[str]:
    """Say what is unwise in a valid object; of an update only when what is desired changed."""
    if kind.custom:
        return []
    if (kind.group, kind.kind) == ("", "Service"):
        return list(_of_service(as_dict(obj.get("spec"))))
    path = _TEMPLATES.get((kind.group, kind.kind))
    if path is None or (old is not None and not _is_new_desire(path, obj, old)):
        return []
    return list(_of_pod(as_dict(dig(dig(obj, *path), "spec")), ".".join((*path, "spec"))))


def _of_service(spec: Manifest) -> Iterator[str]:
    headless = text(spec, "clusterIP") == "None"
    external = text(spec, "type") == "ExternalName"
    if headless and spec.get("externalIPs"):
        yield "spec.externalIPs is ignored for headless services"
    if headless and text(spec, "sessionAffinity") != "None":
        yield "spec.SessionAffinity is ignored for headless services"
    if spec.get("externalIPs"):
        if external:
            yield 'spec.externalIPs is ignored when spec.type is "ExternalName"'
        elif not headless:
            yield _EXTERNAL_IPS
    if text(spec, "externalName") and not external:
        yield 'spec.externalName is ignored when spec.type is not "ExternalName"'


def _is_new_desire(path: tuple[str, ...], obj: Manifest, old: Manifest) -> bool:
    """Nobody is warned of updates of pods: they are many, and no person makes them."""
    return bool(path) and obj["metadata"].get("generation") != old["metadata"].get("generation")


def _of_pod(spec: Manifest, at: str) -> Iterator[str]:
    for index, constraint in enumerate(dicts(spec, "topologySpreadConstraints")):
        if constraint.get("labelSelector") is None:
            yield f"{at}.topologySpreadConstraints[{index}].labelSelector: {_NULL_SELECTOR}"
    yield from _repeated(dicts(spec, "hostAliases"), "ip", f"{at}.hostAliases")
    yield from _repeated(dicts(spec, "imagePullSecrets"), "name", f"{at}.imagePullSecrets")
    for index, secret in enumerate(dicts(spec, "imagePullSecrets")):
        if not text(secret, "name"):
            yield f'{at}.imagePullSecrets[{index}].name: invalid empty name ""'
    containers = [
        (container, f"{at}.{part}[{index}]")
        for part in ("initContainers", "containers", "ephemeralContainers")
        for index, container in enumerate(dicts(spec, part))
    ]
    for container, path in containers:
        yield from _hidden_variables(container, path)
    yield from _ports(containers)
    if count(spec, "terminationGracePeriodSeconds") < 0:
        yield f"{at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"
    for part in ("podAffinity", "podAntiAffinity"):
        yield from _affinity(as_dict(dig(spec, "affinity", part)), f"{at}.affinity.{part}")


def _repeated(items: list[Manifest], field: str, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        value = text(item, field)
        if value in seen:
            yield f'{path}[{index}].{field}: duplicate {field} "{value}"'
        seen.add(value)


def _hidden_variables(container: Manifest, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, variable in enumerate(dicts(container, "env")):
        name, value = text(variable, "name"), text(variable, "value")
        refers = f"$({name})"
        builds_on = "valueFrom" not in variable and value != refers and refers in value
        if name in seen and not builds_on:
            yield f'{path}.env[{index}]: hides previous definition of "{name}", which may be dropped when using apply'
        seen.add(name)


def _ports(containers: list[tuple[Manifest, str]]) -> Iterator[str]:
    ports = [
        (port, f"{path}.ports[{index}]")
        for container, path in containers
        for index, port in enumerate(dicts(container, "ports"))
    ]
    seen: dict[tuple[Any, str], list[tuple[Manifest, str]]] = {}
    for port, path in ports:
        others = seen.setdefault((port.get("containerPort"), text(port, "protocol")), [])
        for other, there in others:
            yield from _overlap(port, path, other, there)
        others.append((port, path))
    names: dict[str, str] = {}
    for port, path in ports:
        name = text(port, "name")
        if name in names:
            there = names[name]
            yield (
                f'{path}: duplicate port name "{name}" with {there}, '
                f"services and probes that select ports by name will use {there}"
            )
        elif name:
            names[name] = path


def _overlap(port: Manifest, path: str, other: Manifest, there: str) -> Iterator[str]:
    address, host = text(port, "hostIP"), count(port, "hostPort")
    other_address, other_host = text(other, "hostIP"), count(other, "hostPort")
    if (address, host) == (other_address, other_host):
        yield f"{path}: duplicate port definition with {there}"
    elif not host or not other_host:
        yield f"{path}: overlapping port definition with {there}"
    elif host == other_host and bool(address) != bool(other_address):
        yield f"{path}: dangerously ambiguous port definition with {there}"


def _affinity(affinity: Manifest, path: str) -> Iterator[str]:
    for index, term in enumerate(dicts(affinity, _TERMS)):
        if term.get("labelSelector") is None:
            yield f"{path}.{_TERMS}[{index}].labelSelector: {_NULL_SELECTOR}"
    for index, weighted in enumerate(dicts(affinity, _WEIGHTED)):
        if dig(weighted, "podAffinityTerm", "labelSelector") is None:
            yield f"{path}.{_WEIGHTED}[{index}].podAffinityTerm.labelSelector: {_NULL_SELECTOR}"
