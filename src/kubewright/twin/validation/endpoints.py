"""Where traffic is sent to: EndpointSlices and, before them, Endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_list, count, dicts, text
from kubewright.twin.validation import names
from kubewright.twin.validation.addresses import address_of, is_address, reachable_address
from kubewright.twin.validation.containers import protocol
from kubewright.twin.validation.fields import (
    FieldError,
    duplicate,
    first_invalid,
    invalid,
    not_supported,
    required,
    too_many,
)
from kubewright.twin.validation.metadata import immutable

_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_VERSIONS = {"IPv4": 4, "IPv6": 6}
_MOST_ADDRESSES = 100
_MOST_ENDPOINTS = 1000
_MOST_HINTS = 8


def validate_endpoint_slice(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check an EndpointSlice; its address type never changes, and endpoints are checked when they do."""
    kind = text(obj, "addressType")
    errors: list[FieldError] = []
    if not kind:
        errors.append(required("addressType"))
    elif kind not in _ADDRESS_TYPES:
        errors.append(not_supported("addressType", kind, _ADDRESS_TYPES))
    errors += _slice_ports(dicts(obj, "ports"))
    if old is None or old.get("endpoints") != obj.get("endpoints"):
        errors += _endpoints(dicts(obj, "endpoints"), kind)
    if old is not None:
        errors += immutable("addressType", kind, old.get("addressType"))
    return errors


def _slice_ports(ports: list[Manifest]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, port in enumerate(ports):
        path, name = f"ports[{index}]", text(port, "name")
        if name:
            yield from first_invalid(f"{path}.name", name, names.dns_label(name))
        if name in seen:
            yield duplicate(f"{path}.name", name)
        seen.add(name)
        yield from protocol(text(port, "protocol"), path)
        yield from _app_protocol(port, path)


def _app_protocol(port: Manifest, path: str) -> list[FieldError]:
    name = port.get("appProtocol")
    return [] if name is None else first_invalid(f"{path}.appProtocol", name, names.qualified_name(name))


def _endpoints(endpoints: list[Manifest], kind: str) -> Iterator[FieldError]:
    if len(endpoints) > _MOST_ENDPOINTS:
        yield too_many("endpoints", len(endpoints), _MOST_ENDPOINTS)
        return
    for index, endpoint in enumerate(endpoints):
        path = f"endpoints[{index}]"
        yield from _addresses(as_list(endpoint.get("addresses")), kind, f"{path}.addresses")
        node, host = endpoint.get("nodeName"), endpoint.get("hostname")
        if node is not None:
            yield from first_invalid(f"{path}.nodeName", node, names.dns_subdomain(node))
        if host is not None:
            yield from first_invalid(f"{path}.hostname", host, names.dns_label(host))
        for field, check in (("forZones", names.label_value), ("forNodes", names.dns_subdomain)):
            yield from _hints(dicts(endpoint, "hints", field), f"{path}.hints.{field}", check)


def _addresses(addresses: list[Any], kind: str, path: str) -> Iterator[FieldError]:
    if not addresses:
        yield required(path, "must contain at least 1 address")
    elif len(addresses) > _MOST_ADDRESSES:
        yield too_many(path, len(addresses), _MOST_ADDRESSES)
    version = _VERSIONS.get(kind)
    if version is None:
        return
    for number, item in enumerate(map(str, addresses)):
        found = address_of(item)
        if found is not None and found.version != version:
            yield invalid(path, item, f"must be an {kind} address")
        yield from reachable_address(item, f"{path}[{number}]")


def _hints(hints: list[Manifest], path: str, check: names.Check) -> Iterator[FieldError]:
    if len(hints) > _MOST_HINTS:
        yield too_many(path, len(hints), _MOST_HINTS)
        return
    seen: set[str] = set()
    for index, hint in enumerate(hints):
        here, name = f"{path}[{index}].name", text(hint, "name")
        if name in seen:
            yield duplicate(here, name)
        seen.add(name)
        yield from first_invalid(here, name, check(name))


def validate_endpoints(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check an Endpoints' addresses and ports when they change."""
    if old is not None and old.get("subsets") == obj.get("subsets"):
        return []
    return [
        error for index, subset in enumerate(dicts(obj, "subsets")) for error in _subset(subset, f"subsets[{index}]")
    ]


def _subset(subset: Manifest, path: str) -> Iterator[FieldError]:
    if not dicts(subset, "addresses") and not dicts(subset, "notReadyAddresses"):
        yield required(path, "must specify `addresses` or `notReadyAddresses`")
    for field in ("addresses", "notReadyAddresses"):
        for number, item in enumerate(dicts(subset, field)):
            yield from _subset_address(item, f"{path}.{field}[{number}]")
    ports = dicts(subset, "ports")
    for number, port in enumerate(ports):
        here, value, name = f"{path}.ports[{number}]", count(port, "port"), text(port, "name")
        if name:
            yield from first_invalid(f"{here}.name", name, names.dns_label(name))
        elif len(ports) > 1:
            yield required(f"{here}.name")
        yield from (invalid(f"{here}.port", value, problem) for problem in names.port_number(value))
        yield from protocol(text(port, "protocol"), here)
        yield from _app_protocol(port, here)


def _subset_address(item: Manifest, path: str) -> Iterator[FieldError]:
    ip, host, node = text(item, "ip"), text(item, "hostname"), item.get("nodeName")
    yield from reachable_address(ip, f"{path}.ip")
    if not is_address(ip):  # it is looked at twice
        yield invalid(f"{path}.ip", ip, "must be a valid IP address")
    if host:
        yield from first_invalid(f"{path}.hostname", host, names.dns_label(host))
    if node is not None:
        yield from first_invalid(f"{path}.nodeName", node, names.dns_subdomain(node))
