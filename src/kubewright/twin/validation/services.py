"""Services, and addresses that traffic may be sent to."""

from __future__ import annotations

import ipaddress

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, as_list, count, dicts, dig, text
from kubewright.twin.validation import names
from kubewright.twin.validation.containers import protocol
from kubewright.twin.validation.fields import (
    FieldError,
    Internal,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from kubewright.twin.validation.metadata import validate_labels
from kubewright.twin.validation.probes import port_reference

_SHOWN_PORT = '{"Name":"","Protocol":"%s","AppProtocol":null,"Port":%d,"TargetPort":0,"NodePort":0}'
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_BAD_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_MAX_AFFINITY_SECONDS = 86400


def validate_service(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a Service."""
    spec = as_dict(obj.get("spec"))
    kind = text(spec, "type")
    errors: list[FieldError] = []
    if not dicts(spec, "ports") and not _headless(spec) and kind != "ExternalName":
        errors.append(required("spec.ports"))
    errors += _by_type(spec, kind)
    errors += _ports(spec)
    errors += validate_labels(spec.get("selector"), "spec.selector")
    errors += _affinity(spec)
    errors += _cluster_ips(spec, as_dict(as_dict(old).get("spec")), kind)
    for index, ip in enumerate(as_list(spec.get("externalIPs"))):
        errors += address(str(ip), f"spec.externalIPs[{index}]")
    if kind not in _TYPES:
        errors.append(not_supported("spec.type", kind, _TYPES))
    errors += _node_ports(spec, kind)
    return errors + _traffic(spec, kind)


def _headless(spec: Manifest) -> bool:
    return text(spec, "clusterIP") == "None" or as_list(spec.get("clusterIPs"))[:1] == ["None"]


def _by_type(spec: Manifest, kind: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if kind in {"LoadBalancer", "NodePort"} and _headless(spec):
        detail = f"may not be set to 'None' for {kind} services"
        errors.append(invalid("spec.clusterIPs[0]", "None", detail))
    if kind == "ExternalName":
        if as_list(spec.get("clusterIPs")):
            errors.append(forbidden("spec.clusterIPs", "may not be set for ExternalName services"))
        name = text(spec, "externalName").removesuffix(".")
        if not name:
            return [*errors, required("spec.externalName")]
        errors += [invalid("spec.externalName", name, problem) for problem in names.dns_subdomain(name)]
    return errors


def _ports(spec: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    ports, seen = dicts(spec, "ports"), set[str]()
    for index, port in enumerate(ports):
        path, name = f"spec.ports[{index}]", text(port, "name")
        if not name and len(ports) > 1:
            errors.append(required(f"{path}.name"))
        elif name:
            errors += [invalid(f"{path}.name", name, problem) for problem in names.dns_label(name)]
            errors += [duplicate(f"{path}.name", name)] if name in seen else []
            seen.add(name)
        errors += [invalid(f"{path}.port", count(port, "port"), p) for p in names.port_number(count(port, "port"))]
        errors += protocol(text(port, "protocol"), path)
        errors += port_reference(port.get("targetPort"), f"{path}.targetPort")
    return errors


def _affinity(spec: Manifest) -> list[FieldError]:
    kind = text(spec, "sessionAffinity")
    if kind not in {"None", "ClientIP"}:
        return [not_supported("spec.sessionAffinity", kind, ("ClientIP", "None"))]
    seconds = dig(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds")
    if kind == "ClientIP" and isinstance(seconds, int) and not 0 < seconds <= _MAX_AFFINITY_SECONDS:
        detail = f"must be greater than 0 and less than {_MAX_AFFINITY_SECONDS}"
        return [invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, detail)]
    return []


def _cluster_ips(spec: Manifest, old: Manifest, kind: str) -> list[FieldError]:
    errors: list[FieldError] = []
    ips = [str(ip) for ip in as_list(spec.get("clusterIPs"))]
    ip = text(spec, "clusterIP")
    if ip and ips and ips[0] != ip:
        errors.append(invalid("spec.clusterIPs", ips, "first value must match `clusterIP`"))
    for index, each in enumerate(ips or ([ip] if ip else [])):
        if each != "None" and not is_ip(each):
            errors.append(invalid(f"spec.clusterIPs[{index}]", each, _BAD_IP))
    was = as_list(old.get("clusterIPs"))
    if was and kind != "ExternalName" and text(old, "type") != "ExternalName" and ips[:1] != was[:1]:
        detail = "may not change once set"
        errors.append(invalid("spec.clusterIPs[0]", ips or None, detail))
    return errors


def is_ip(value: str) -> bool:
    """Tell whether a text is an address of either family."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def address(value: str, path: str) -> list[FieldError]:
    """Check an IP that traffic is sent to; special ones are refused."""
    if not is_ip(value):
        return [invalid(path, value, _BAD_IP)]
    ip = ipaddress.ip_address(value)
    rules = (
        (ip.is_unspecified, f"may not be unspecified ({value})"),
        (ip.is_loopback, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (ip.is_link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (_is_local_group(ip), "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    )
    return [invalid(path, value, message) for broken, message in rules if broken]


def _is_local_group(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tell whether an address is multicast that no router passes on: 224.0.0.0/24 and the scope 2 of IPv6."""
    return ip.packed[:3] == b"\xe0\0\0" if ip.version == 4 else ip.packed[0] == 0xFF and ip.packed[1] & 0xF == 2  # noqa: PLR2004


def _node_ports(spec: Manifest, kind: str) -> list[FieldError]:
    errors: list[FieldError] = []
    used: set[tuple[str, int]] = set()
    served: set[tuple[str, int]] = set()
    for index, port in enumerate(dicts(spec, "ports")):
        path, node_port = f"spec.ports[{index}]", count(port, "nodePort")
        if node_port and kind == "ClusterIP":
            errors.append(forbidden(f"{path}.nodePort", "may not be used when `type` is 'ClusterIP'"))
        if node_port and (text(port, "protocol"), node_port) in used:
            errors.append(duplicate(f"{path}.nodePort", node_port))
        used.add((text(port, "protocol"), node_port))
    for index, port in enumerate(dicts(spec, "ports")):
        key = (text(port, "protocol"), count(port, "port"))
        if key in served:
            errors.append(duplicate(f"spec.ports[{index}]", Internal(f"{_SHOWN_PORT % key}")))
        served.add(key)
    return errors


def _traffic(spec: Manifest, kind: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if spec.get("allocateLoadBalancerNodePorts") is not None and kind != "LoadBalancer":
        errors.append(forbidden("spec.allocateLoadBalancerNodePorts", "may only be used when `type` is 'LoadBalancer'"))
    external = text(spec, "externalTrafficPolicy")
    reachable = kind in {"LoadBalancer", "NodePort"} or (kind == "ClusterIP" and as_list(spec.get("externalIPs")))
    if external and not reachable:
        detail = "may only be set for externally-accessible services"
        errors.append(invalid("spec.externalTrafficPolicy", external, detail))
    elif external and external not in {"Cluster", "Local"}:
        errors.append(not_supported("spec.externalTrafficPolicy", external, ("Cluster", "Local")))
    internal = text(spec, "internalTrafficPolicy")
    if internal and internal not in {"Cluster", "Local"}:
        errors.append(not_supported("spec.internalTrafficPolicy", internal, ("Cluster", "Local")))
    return errors
