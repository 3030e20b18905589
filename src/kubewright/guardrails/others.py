"""The rails of claims, devices, Services, Ingresses, Gateways and routes.

Expressions read `variables.specs[i]`, the object's spec, and what `families.py` takes out of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubewright.api.crds.rails import Rails
from kubewright.guardrails.rail import Family, Rail, either, literals, when

_SPEC = "variables.specs[i]"


def other_rails(rails: Rails) -> Iterator[Rail]:
    """Return what is drawn for objects that hold no pods."""
    if rails.storage_classes is not None:
        yield Rail("storageClasses", Family.CLAIMS, _storage(rails.storage_classes), either(rails.storage_classes))
    if rails.device_classes is not None:
        yield Rail("deviceClasses", Family.DEVICES, _devices(rails.device_classes), either(rails.device_classes))
    yield from _services(rails)
    yield from _routes(rails)


def _storage(classes: Sequence[str]) -> str:
    named = "has(c.storageClassName) && c.storageClassName != ''"
    found = f"variables.claims[i].filter(c, {named} && !(c.storageClassName in {literals(classes)}))"
    return f"{found}.map(c, 'storageClassName ' + c.storageClassName)"


def _devices(classes: Sequence[str]) -> str:
    other = f"!(r.deviceClassName in {literals(classes)})"
    told = "'deviceClassName ' + r.deviceClassName"
    exactly = "variables.requests[i].filter(r, has(r.exactly)).map(r, r.exactly)"
    # Lists of lists are not flattened by every server: requests that give a choice are named as a whole.
    first = f"variables.requests[i].filter(r, has(r.firstAvailable) && r.firstAvailable.exists(r, {other}))"
    return f"{exactly}.filter(r, {other}).map(r, {told}) + {first}.map(q, {_choices(other)})"


def _choices(other: str) -> str:
    return f"'deviceClassName ' + q.firstAvailable.filter(r, {other}).map(r, r.deviceClassName).join(', ')"


def _services(rails: Rails) -> Iterator[Rail]:
    if rails.service_types is not None:
        other = f"has({_SPEC}.type) && !({_SPEC}.type in {literals(rails.service_types)})"
        found = when(other, f"['type ' + {_SPEC}.type]")
        yield Rail("serviceTypes", Family.SERVICES, found, either(rails.service_types))
    if rails.deny_external_ips:
        found = when(f"has({_SPEC}.externalIPs)", f"{_SPEC}.externalIPs.map(a, 'externalIP ' + a)")
        yield Rail("denyExternalIps", Family.SERVICES, found, "none")


def _routes(rails: Rails) -> Iterator[Rail]:
    if rails.ingress_classes is not None:
        found = f"variables.classes[i].filter(c, !(c in {literals(rails.ingress_classes)}))"
        told = "c == '' ? 'no ingressClassName' : 'ingressClassName ' + c"
        yield Rail("ingressClasses", Family.ROUTES, f"{found}.map(c, {told})", either(rails.ingress_classes))
    if rails.gateway_classes is not None:
        other = f"has({_SPEC}.gatewayClassName) && !({_SPEC}.gatewayClassName in {literals(rails.gateway_classes)})"
        found = when(other, f"['gatewayClassName ' + {_SPEC}.gatewayClassName]")
        yield Rail("gatewayClasses", Family.ROUTES, found, either(rails.gateway_classes))
    if rails.hosts is not None:
        yield Rail("hosts", Family.ROUTES, _hosts(rails.hosts), either(rails.hosts))


def _hosts(hosts: Sequence[str]) -> str:
    below = [each.removeprefix("*") for each in hosts if each.startswith("*.")]
    exact = [each for each in hosts if not each.startswith("*.")]
    good = f"h in {literals(exact)} || {literals(below)}.exists(s, h.endsWith(s))"
    return f"variables.served[i].filter(h, !({good})).map(h, h == '' ? 'every host' : 'host ' + h)"
