"""NetworkPolicies, Ingresses and their classes, and the addresses of services."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, as_list, dicts, dig, text
from kubewright.twin.validation import names
from kubewright.twin.validation.addresses import BAD_NETWORK, is_address, network_of
from kubewright.twin.validation.fields import FieldError, first_invalid, forbidden, invalid, not_supported, required
from kubewright.twin.validation.metadata import immutable
from kubewright.twin.validation.selectors import validate_selector

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_DIRECTIONS = (("ingress", "from"), ("egress", "to"))
_TYPES = ("Ingress", "Egress")
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")


def validate_network_policy(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a NetworkPolicy."""
    del old
    spec = as_dict(obj.get("spec"))
    errors = validate_selector(spec.get("podSelector"), "spec.podSelector")
    for direction, peers in _DIRECTIONS:
        for index, rule in enumerate(dicts(spec, direction)):
            path = f"spec.{direction}[{index}]"
            for number, port in enumerate(dicts(rule, "ports")):
                errors += _port(port, f"{path}.ports[{number}]")
            for number, peer in enumerate(dicts(rule, peers)):
                errors += _peer(peer, f"{path}.{peers}[{number}]")
    return errors + _policy_types(as_list(spec.get("policyTypes")))


def _policy_types(types: list[Any]) -> list[FieldError]:
    if len(types) > len(_TYPES):
        return [invalid("spec.policyTypes", types, "may not specify more than two policyTypes")]
    return [
        not_supported(f"spec.policyTypes[{index}]", kind, _TYPES)
        for index, kind in enumerate(types)
        if kind not in _TYPES
    ]


def _port(port: Manifest, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    kind, number, end = text(port, "protocol"), port.get("port"), port.get("endPort")
    if kind and kind not in _PROTOCOLS:
        errors.append(not_supported(f"{path}.protocol", kind, _PROTOCOLS))
    if isinstance(number, str):
        if end is not None:
            errors.append(invalid(f"{path}.endPort", end, "may not be specified when `port` is non-numeric"))
        errors += [invalid(f"{path}.port", number, problem) for problem in names.port_name(number)]
    elif isinstance(number, int):
        errors += [invalid(f"{path}.port", number, problem) for problem in names.port_number(number)]
        if isinstance(end, int) and end < number:
            errors.append(invalid(f"{path}.endPort", end, "must be greater than or equal to `port`"))
    elif end is not None:
        errors.append(invalid(f"{path}.endPort", end, "may not be specified when `port` is not specified"))
    return errors


def _peer(peer: Manifest, path: str) -> list[FieldError]:
    given = [name for name in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(name) is not None]
    errors: list[FieldError] = []
    for name in given:
        if name == "ipBlock":
            errors += _ip_block(peer[name], f"{path}.ipBlock")
        else:
            errors += validate_selector(peer[name], f"{path}.{name}")
    if not given:
        errors.append(required(path, "must specify a peer"))
    elif len(given) > 1 and "ipBlock" in given:
        errors.append(forbidden(path, "may not specify both ipBlock and another peer"))
    return errors


def _ip_block(block: Any, path: str) -> list[FieldError]:
    cidr = text(block, "cidr")
    if not cidr:
        return [required(f"{path}.cidr")]
    whole = network_of(cidr)
    if whole is None:
        return [invalid(f"{path}.cidr", cidr, BAD_NETWORK)]
    errors: list[FieldError] = []
    for index, item in enumerate(as_list(dig(block, "except"))):
        part, here = network_of(str(item)), f"{path}.except[{index}]"
        if part is None:
            errors.append(invalid(here, item, BAD_NETWORK))
        elif part.version != whole.version or not _inside(part, whole):
            errors.append(invalid(here, item, "must be a strict subset of `cidr`"))
    return errors


def _inside(part: Any, whole: Any) -> bool:
    return part != whole and part.subnet_of(whole)


_MAX_CIDRS = 2
_TWO_FAMILIES = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"


def validate_service_cidr(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a ServiceCIDR: one range, or one of each family; a second one may come later, nothing else changes."""
    path, cidrs = "spec.cidrs", [str(each) for each in as_list(dig(obj, "spec", "cidrs"))]
    if old is None:
        return _service_cidrs(path, cidrs)
    before = [str(each) for each in as_list(dig(old, "spec", "cidrs"))]
    if len(cidrs) == len(before):
        pairs = enumerate(zip(cidrs, before, strict=True))
        return [error for index, pair in pairs for error in immutable(f"{path}[{index}]", *pair)]
    if (len(before), len(cidrs)) != (1, _MAX_CIDRS):
        return immutable(path, cidrs, before)
    return immutable(f"{path}[0]", cidrs[0], before[0]) + _service_cidrs(path, cidrs)


def _service_cidrs(path: str, cidrs: list[str]) -> list[FieldError]:
    if not cidrs:
        return [required(path, "at least one CIDR required")]
    if len(cidrs) > _MAX_CIDRS:
        return [invalid(path, {"CIDRs": cidrs}, "may only hold up to 2 values")]
    errors: list[FieldError] = []
    networks = [network_of(cidr) for cidr in cidrs]
    for index, (cidr, network) in enumerate(zip(cidrs, networks, strict=True)):
        if network is None:
            errors.append(invalid(f"{path}[{index}]", cidr, BAD_NETWORK))
        elif str(network) != cidr:
            errors.append(invalid(f"{path}[{index}]", cidr, "must not have bits set beyond the prefix length"))
    versions = [network.version for network in networks if network is not None]
    if len(versions) > len(set(versions)):
        errors.append(invalid(path, cidrs, _TWO_FAMILIES))
    return errors


def validate_ip_address(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check an IPAddress, which belongs to one object for ever."""
    path, parent = "spec.parentRef", dig(obj, "spec", "parentRef")
    if old is not None:
        return immutable(path, parent, dig(old, "spec", "parentRef"))
    if parent is None:
        return [required(path)]
    group, namespace = text(parent, "group"), text(parent, "namespace")
    errors = first_invalid(f"{path}.group", group, names.dns_subdomain(group)) if group else []
    for name in ("resource", "name"):
        errors += _segment(f"{path}.{name}", text(parent, name))
    return errors + (_segment(f"{path}.namespace", namespace) if namespace else [])


def _segment(path: str, value: str) -> list[FieldError]:
    return first_invalid(path, value, names.path_segment(value)) if value else [required(path)]


def validate_ingress(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check an Ingress: hosts, paths, and that every path leads somewhere."""
    del old
    spec = as_dict(obj.get("spec"))
    errors: list[FieldError] = []
    default = spec.get("defaultBackend")
    if not dicts(spec, "rules") and default is None:
        errors.append(invalid("spec", None, "either `defaultBackend` or `rules` must be specified"))
    if default is not None:
        errors += _backend(default, "spec.defaultBackend")
    for index, tls in enumerate(dicts(spec, "tls")):
        for number, host in enumerate(as_list(tls.get("hosts"))):
            errors += _host(str(host), f"spec.tls[{index}].hosts[{number}]")
    for index, rule in enumerate(dicts(spec, "rules")):
        path, host = f"spec.rules[{index}]", text(rule, "host")
        if host and is_address(host):
            errors.append(invalid(f"{path}.host", host, "must be a DNS name, not an IP address"))
        elif host:
            errors += _host(host, f"{path}.host")
        for number, item in enumerate(dicts(rule, "http", "paths")):
            errors += _path(item, f"{path}.http.paths[{number}]")
    return errors


def _host(host: str, path: str) -> list[FieldError]:
    problems = names.wildcard_subdomain(host) if "*" in host else names.dns_subdomain(host)
    return first_invalid(path, host, problems)


def _path(item: Manifest, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    kind, where = text(item, "pathType"), text(item, "path")
    if not kind:
        return [required(f"{path}.pathType", "pathType must be specified")]
    if kind not in _PATH_TYPES:
        errors.append(not_supported(f"{path}.pathType", kind, _PATH_TYPES))
    elif kind != "ImplementationSpecific" and not where.startswith("/"):
        errors.append(invalid(f"{path}.path", where, "must be an absolute path"))
    return errors + _backend(item.get("backend"), f"{path}.backend")


def _backend(backend: Any, path: str) -> list[FieldError]:
    service = dig(backend, "service")
    if service is None:
        return (
            []
            if dig(backend, "resource") is not None
            else [invalid(path, "", "resource or service backend is required")]
        )
    errors = [] if text(service, "name") else [required(f"{path}.service.name")]
    port = dig(service, "port")
    if not (dig(port, "name") or dig(port, "number")):
        errors.append(required(path, "port name or number is required"))
    return errors
