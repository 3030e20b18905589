"""Rows of services, endpoints, ingresses and policies."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_list, count, dicts, dig, text
from kubewright.twin.tables import cells

_SHOWN = 3


def service_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a Service."""
    ports = ",".join(_port(port) for port in dicts(obj, "spec", "ports"))
    addresses = as_list(dig(obj, "spec", "clusterIPs"))
    return [
        cells.name(obj),
        text(obj, "spec", "type"),
        str(addresses[0]) if addresses else cells.NONE,
        _external_ip(obj),
        cells.or_none(ports),
        cells.age(obj, now),
        cells.labels(dig(obj, "spec", "selector")),
    ]


def _port(port: Manifest) -> str:
    node_port = count(port, "nodePort")
    middle = f":{node_port}" if node_port else ""
    return f"{count(port, 'port')}{middle}/{text(port, 'protocol')}"


def _external_ip(obj: Manifest) -> str:
    fixed = ",".join(str(ip) for ip in as_list(dig(obj, "spec", "externalIPs")))
    match text(obj, "spec", "type"):
        case "ClusterIP" | "NodePort":
            return cells.or_none(fixed)
        case "LoadBalancer":
            return ",".join(part for part in (cells.load_balancer(obj), fixed) if part) or "<pending>"
        case "ExternalName":
            return text(obj, "spec", "externalName")
        case _:
            return "<unknown>"


def endpoints_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of an Endpoints."""
    subsets = dicts(obj, "subsets")
    # What comes after the third address of one port is counted, not shown, so the list is built whole.
    found = [address for subset in subsets for address in _addresses(subset)]
    return [cells.name(obj), cells.limited(found, _SHOWN, "" if subsets else cells.NONE), cells.age(obj, now)]


def _addresses(subset: Manifest) -> list[str]:
    ips = [text(item, "ip") for item in dicts(subset, "addresses")]
    ports = dicts(subset, "ports")
    if not ports:
        return ips
    return [
        f"[{ip}]:{count(port, 'port')}" if ":" in ip else f"{ip}:{count(port, 'port')}" for port in ports for ip in ips
    ]


def endpoint_slice_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of an EndpointSlice."""
    ports = [str(port.get("port") or port.get("name") or "*") for port in dicts(obj, "ports")]
    addresses = [str(ip) for endpoint in dicts(obj, "endpoints") for ip in as_list(endpoint.get("addresses"))]
    return [
        cells.name(obj),
        text(obj, "addressType"),
        cells.limited(ports, _SHOWN, cells.UNSET),
        cells.limited(addresses, _SHOWN, cells.UNSET),
        cells.age(obj, now),
    ]


def ingress_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of an Ingress."""
    rules = dicts(obj, "spec", "rules")
    hosts = [host for rule in rules[:_SHOWN] if (host := text(rule, "host"))]
    more = f" + {len(rules) - _SHOWN} more..." if hosts and len(hosts) == _SHOWN and len(rules) > _SHOWN else ""
    return [
        cells.name(obj),
        cells.or_none(text(obj, "spec", "ingressClassName")),
        f"{','.join(hosts)}{more}" if hosts else "*",
        cells.load_balancer(obj),
        "80, 443" if dig(obj, "spec", "tls") else "80",
        cells.age(obj, now),
    ]


def ingress_class_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of an IngressClass."""
    default = text(obj, "metadata", "annotations", "ingressclass.kubernetes.io/is-default-class") == "true"
    reference, parameters = dig(obj, "spec", "parameters"), cells.NONE
    if reference is not None:
        group = text(reference, "apiGroup")
        parameters = f"{text(reference, 'kind')}{f'.{group}' if group else ''}/{text(reference, 'name')}"
    return [
        cells.name(obj) + (" (default)" if default else ""),
        text(obj, "spec", "controller"),
        parameters,
        cells.age(obj, now),
    ]


def network_policy_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a NetworkPolicy."""
    return [cells.name(obj), cells.selector(dig(obj, "spec", "podSelector")), cells.age(obj, now)]


def service_cidr_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a ServiceCIDR."""
    return [cells.name(obj), ",".join(map(str, as_list(dig(obj, "spec", "cidrs")))), cells.age(obj, now)]


def ip_address_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of an IPAddress: one more than it has columns, as the real server has it."""
    parent, shown = dig(obj, "spec", "parentRef"), cells.NONE
    if parent is not None:
        resource = ".".join(part for part in (text(parent, "resource"), text(parent, "group")) if part).lower()
        shown = "/".join(part for part in (resource, text(parent, "namespace"), text(parent, "name")) if part)
    return [cells.name(obj), shown, cells.age(obj, now)]
