"""Admission of Services: the parts that the API server fills in, keeps and drops as a Service's type changes."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.allocation import ServiceAddresses
from kubewright.twin.kinds import KindInfo
from kubewright.twin.reading import as_dict, as_list, dicts

_WITH_NODE_PORTS = frozenset({"NodePort", "LoadBalancer"})


def admit_service(addresses: ServiceAddresses, kind: KindInfo, obj: Manifest, old: Manifest | None) -> None:
    """Complete a Service in place; raises 422 for an address or port that is not to be had."""
    spec = obj["spec"] = as_dict(obj.get("spec"))
    if old is not None:
        old_spec = as_dict(old.get("spec"))
        _keep_allocated(spec, old_spec)
        _drop_what_no_longer_applies(spec, old_spec)
        if spec.get("type") != "LoadBalancer":
            obj["status"] = {**as_dict(obj.get("status")), "loadBalancer": {}}
    _set_families(spec)
    addresses.assign(kind, obj)


def _needs_ip(spec: Manifest) -> bool:
    return spec.get("type") != "ExternalName"


def _needs_ports(spec: Manifest) -> bool:
    if spec.get("type") == "LoadBalancer":
        return spec.get("allocateLoadBalancerNodePorts") is not False
    return spec.get("type") == "NodePort"


def needs_health_port(spec: Manifest) -> bool:
    """Tell whether a load balancer asks each node whether it has endpoints of its own."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _keep_allocated(spec: Manifest, old: Manifest) -> None:
    """An update that does not name what was given to the Service keeps it; ports are known by their names."""
    if _needs_ip(old) and _needs_ip(spec):
        for name in ("clusterIP", "clusterIPs"):
            if not spec.get(name) and old.get(name):
                spec[name] = old[name]
    if _needs_ports(old) and _needs_ports(spec):
        given = {port.get("name", ""): port.get("nodePort") for port in dicts(old, "ports")}
        named = {port.get("nodePort") for port in dicts(spec, "ports")}
        for port in dicts(spec, "ports"):
            former = given.get(port.get("name", ""))
            if not port.get("nodePort") and former and former not in named:
                port["nodePort"] = former
    if needs_health_port(old) and needs_health_port(spec) and old.get("healthCheckNodePort"):
        spec.setdefault("healthCheckNodePort", old["healthCheckNodePort"])


def _drop_what_no_longer_applies(spec: Manifest, old: Manifest) -> None:
    """Drop what only the former type needed, unless the same update changes it: then validation shall refuse it."""
    if _needs_ip(old) and not _needs_ip(spec):
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            _drop_unchanged(spec, old, name)
    if _needs_ports(old) and not _needs_ports(spec):
        ports, old_ports = dicts(spec, "ports"), dicts(old, "ports")
        if [port.get("nodePort") for port in ports] == [port.get("nodePort") for port in old_ports]:
            for port in ports:
                port.pop("nodePort", None)
    if needs_health_port(old) and not needs_health_port(spec):
        _drop_unchanged(spec, old, "healthCheckNodePort")
    _drop_of_types(spec, old)


def _drop_of_types(spec: Manifest, old: Manifest) -> None:
    if old.get("type") == "LoadBalancer" != spec.get("type"):
        for name in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
            _drop_unchanged(spec, old, name)
    if old.get("type") in _WITH_NODE_PORTS and spec.get("type") not in _WITH_NODE_PORTS:
        _drop_unchanged(spec, old, "externalTrafficPolicy")
    if not _needs_ip(spec):
        _drop_unchanged(spec, old, "internalTrafficPolicy")


def _drop_unchanged(spec: Manifest, old: Manifest, name: str) -> None:
    if spec.get(name) == old.get(name):
        spec.pop(name, None)


def _set_families(spec: Manifest) -> None:
    """One family, as the cluster has; a headless Service without a selector could have endpoints of both."""
    if not _needs_ip(spec):
        return
    asked: Any = spec.get("clusterIP") or next(iter(as_list(spec.get("clusterIPs"))), "")
    both = asked == "None" and not spec.get("selector")
    spec.setdefault("ipFamilies", ["IPv4", "IPv6"] if both else ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "RequireDualStack" if both else "SingleStack")
