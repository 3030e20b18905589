"""Services."""

from __future__ import annotations

from collections.abc import Iterator

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, as_list, count, dicts, dig, text
from kubewright.twin.validation import names
from kubewright.twin.validation.addresses import BAD_NETWORK, network_of, reachable_address
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
from kubewright.twin.validation.servicefamilies import check_change, check_families, is_headless

_SHOWN_PORT = '{"Name":"","Protocol":"%s","AppProtocol":null,"Port":%d,"TargetPort":0,"NodePort":0}'
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_MAX_AFFINITY_SECONDS = 86400
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_BALANCERS_ONLY = "may only be used when `type` is 'LoadBalancer'"
_NOT_NAMED = "may not be set for ExternalName services"


def validate_service(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a Service."""
    spec = as_dict(obj.get("spec"))
    kind = text(spec, "type")
    before = as_dict(as_dict(old).get("spec"))
    errors = list(_update(spec, before)) if old is not None else []
    if not dicts(spec, "ports") and not is_headless(spec) and kind != "ExternalName":
        errors.append(required("spec.ports"))
    errors += _by_type(spec, kind)
    errors += _ports(spec)
    errors += validate_labels(spec.get("selector"), "spec.selector")
    errors += _affinity(spec)
    errors += check_families(spec)
    for index, ip in enumerate(as_list(spec.get("externalIPs"))):
        errors += reachable_address(str(ip), f"spec.externalIPs[{index}]")
    if kind not in _TYPES:
        errors.append(not_supported("spec.type", kind, _TYPES))
    errors += _node_ports(spec, kind)
    errors += _balancer(spec, kind)
    return errors + _traffic(spec, kind)


def _update(spec: Manifest, old: Manifest) -> Iterator[FieldError]:
    yield from check_change(spec, old)
    kind, lb_class = text(spec, "type"), spec.get("loadBalancerClass")
    if kind == text(old, "type") == "LoadBalancer" and lb_class != old.get("loadBalancerClass"):
        yield invalid("spec.loadBalancerClass", lb_class, "may not change once set")
    if kind != "LoadBalancer" and lb_class is not None:
        # It is asked with the change and with all else.
        yield forbidden("spec.loadBalancerClass", _BALANCERS_ONLY)
    checked = needs_health_port(spec) and needs_health_port(old)
    if checked and spec.get("healthCheckNodePort") != old.get("healthCheckNodePort"):
        yield forbidden("spec.healthCheckNodePort", "field is immutable")


def needs_health_port(spec: Manifest) -> bool:
    """Tell whether a load balancer asks each node whether it has endpoints of its own."""
    return text(spec, "type") == "LoadBalancer" and text(spec, "externalTrafficPolicy") == "Local"


def _balancer(spec: Manifest, kind: str) -> Iterator[FieldError]:
    """Check what is for load balancers alone."""
    ranges, balanced = as_list(spec.get("loadBalancerSourceRanges")), kind == "LoadBalancer"
    if ranges and not balanced:
        yield forbidden("spec.LoadBalancerSourceRanges", _BALANCERS_ONLY)
    for index, each in enumerate(ranges):
        network = str(each).strip()
        if network_of(network) is None:
            yield invalid(f"spec.LoadBalancerSourceRanges[{index}]", network, BAD_NETWORK)
    if spec.get("allocateLoadBalancerNodePorts") is not None and not balanced:
        yield forbidden("spec.allocateLoadBalancerNodePorts", _BALANCERS_ONLY)
    lb_class = spec.get("loadBalancerClass")
    if lb_class is not None and not balanced:
        yield forbidden("spec.loadBalancerClass", _BALANCERS_ONLY)
    elif lb_class is not None:
        yield from (invalid("spec.loadBalancerClass", lb_class, each) for each in names.qualified_name(str(lb_class)))


def _by_type(spec: Manifest, kind: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if kind in {"LoadBalancer", "NodePort"} and is_headless(spec):
        detail = f"may not be set to 'None' for {kind} services"
        errors.append(invalid("spec.clusterIPs[0]", "None", detail))
    if kind == "ExternalName":
        if as_list(spec.get("clusterIPs")):
            errors.append(forbidden("spec.clusterIPs", _NOT_NAMED))
        if as_list(spec.get("ipFamilies")):
            errors.append(forbidden("spec.ipFamilies", _NOT_NAMED))
        if spec.get("ipFamilyPolicy") is not None:
            errors.append(forbidden("spec.ipFamilyPolicy", _NOT_NAMED))
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
        protocol_name = port.get("appProtocol")
        if protocol_name is not None:
            errors += [invalid(f"{path}.appProtocol", protocol_name, p) for p in names.qualified_name(protocol_name)]
    return errors


def _affinity(spec: Manifest) -> list[FieldError]:
    kind = text(spec, "sessionAffinity")
    if kind not in {"None", "ClientIP"}:
        return [not_supported("spec.sessionAffinity", kind, ("ClientIP", "None"))]
    if kind == "None" and spec.get("sessionAffinityConfig") is not None:
        return [forbidden("spec.sessionAffinityConfig", "must not be set when session affinity is None")]
    seconds = dig(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds")
    if kind == "ClientIP" and isinstance(seconds, int) and not 0 < seconds <= _MAX_AFFINITY_SECONDS:
        detail = f"must be greater than 0 and less than {_MAX_AFFINITY_SECONDS}"
        return [invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, detail)]
    return []


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
    external = text(spec, "externalTrafficPolicy")
    reachable = kind in {"LoadBalancer", "NodePort"} or (kind == "ClusterIP" and as_list(spec.get("externalIPs")))
    if external and not reachable:
        detail = "may only be set for externally-accessible services"
        errors.append(invalid("spec.externalTrafficPolicy", external, detail))
    elif external and external not in {"Cluster", "Local"}:
        errors.append(not_supported("spec.externalTrafficPolicy", external, ("Cluster", "Local")))
    port = count(spec, "healthCheckNodePort")
    if needs_health_port(spec):
        problems = names.port_number(port) if port else []
        errors += [invalid("spec.healthCheckNodePort", port, each) for each in problems]
    elif port:
        detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        errors.append(invalid("spec.healthCheckNodePort", port, detail))
    internal = text(spec, "internalTrafficPolicy")
    if internal and internal not in {"Cluster", "Local"}:
        errors.append(not_supported("spec.internalTrafficPolicy", internal, ("Cluster", "Local")))
    near = spec.get("trafficDistribution")
    if near is not None and near not in _DISTRIBUTIONS:
        errors.append(not_supported("spec.trafficDistribution", near, _DISTRIBUTIONS))
    return errors
