"""Admission of Services: the parts that the API server fills in, keeps and drops as a Service's type changes."""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.twin import status
from kubewright.twin.allocation import ServiceAddresses
from kubewright.twin.families import set_families
from kubewright.twin.kinds import KindInfo
from kubewright.twin.reading import as_dict, as_list, dicts
from kubewright.twin.validation.services import needs_health_port

_WITH_NODE_PORTS = frozenset({"NodePort", "LoadBalancer"})


def admit_service(addresses: ServiceAddresses, kind: KindInfo, obj: Manifest, old: Manifest | None) -> None:
    """Complete a Service in place; raises 422 for an address or port that is not to be had."""
    spec = obj["spec"] = as_dict(obj.get("spec"))
    old_spec = None if old is None else as_dict(old.get("spec"))
    if old_spec is not None:
        _keep_allocated(spec, old_spec)
        _drop_what_no_longer_applies(spec, old_spec)
        if spec.get("type") != "LoadBalancer":
            obj["status"] = {**as_dict(obj.get("status")), "loadBalancer": {}}
    _one_for_all(spec, old_spec)
    errors = set_families(spec, old_spec)
    if errors:
        raise status.invalid(kind.group, kind.kind, obj["metadata"].get("name", ""), errors)
    addresses.assign(kind, obj)


def _needs_ip(spec: Manifest) -> bool:
    return spec.get("type") != "ExternalName"


def _needs_ports(spec: Manifest) -> bool:
    if spec.get("type") == "LoadBalancer":
        return spec.get("allocateLoadBalancerNodePorts") is not False
    return spec.get("type") == "NodePort"


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


def _one_for_all(spec: Manifest, old: Manifest | None) -> None:
    """Bring one address and all addresses together, in place, for clients that know but one of the two fields."""
    ip, ips = spec.get("clusterIP") or "", as_list(spec.get("clusterIPs"))
    if old is None:
        if ip and not ips:
            spec["clusterIPs"] = [ip]
        return
    former_ip, former = old.get("clusterIP") or "", as_list(old.get("clusterIPs"))
    if ip == former_ip:
        if former and not ips:
            spec["clusterIPs"] = former
    elif ips == former:
        if former_ip and not ip:
            spec.pop("clusterIPs", None)
        else:
            spec["clusterIPs"] = [ip]
