"""The address families of a Service as it is written, on a cluster whose services have IPv4 addresses.

Admission of Services asks it before addresses are given out (`initIPFamilyFields` of a real server).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, as_list
from kubewright.twin.validation.addresses import address_of
from kubewright.twin.validation.fields import FieldError, invalid
from kubewright.twin.validation.servicefamilies import FAMILIES, NONE, check_families

_POLICY = "spec.ipFamilyPolicy"
_SINGLE, _BOTH = "SingleStack", "RequireDualStack"
_VERSION, _FAMILY = 4, FAMILIES[0]
_SEVERAL = "must be 'RequireDualStack' or 'PreferDualStack' when multiple %s are specified"


def set_families(spec: Manifest, old: Manifest | None) -> list[FieldError]:
    """Complete policy and families, in place, and return what is not to be had.

    A headless Service without a selector may have endpoints of both families.
    """
    if spec.get("type") == "ExternalName" or _prefers_as_before(spec, old):
        return []
    free = spec.get("clusterIP") == NONE and not spec.get("selector")
    if spec.get("ipFamilyPolicy") is None:
        spec["ipFamilyPolicy"] = as_dict(old).get("ipFamilyPolicy") or (_BOTH if free else _SINGLE)
    families = list(as_list(spec.get("ipFamilies")))
    errors = check_families(spec) or list(_released(spec, families, old)) or list(_inferred(spec, families))
    if not errors and not free:
        errors = list(_not_here(spec, families))
    if errors:
        return errors
    if free and spec["ipFamilyPolicy"] != _SINGLE:
        families += [each for each in FAMILIES if each not in families]
    spec["ipFamilies"] = families or [_FAMILY]
    return []


def _prefers_as_before(spec: Manifest, old: Manifest | None) -> bool:
    names = ("type", "ipFamilyPolicy", "clusterIPs", "ipFamilies")
    same = old is not None and all(spec.get(name) == old.get(name) for name in names)
    return same and spec.get("ipFamilyPolicy") == "PreferDualStack"


def _released(spec: Manifest, families: list[Any], old: Manifest | None) -> Iterator[FieldError]:
    """Drop the second family where the policy says so, in place; refuse that it is dropped otherwise."""
    policy, had = spec["ipFamilyPolicy"], as_list(as_dict(old).get("ipFamilies"))
    if policy == _SINGLE and families == had:
        del families[1:]
    elif policy != _SINGLE and 0 < len(families) < len(had):
        yield invalid(_POLICY, policy, "must be 'SingleStack' to release the secondary IP family")


def _inferred(spec: Manifest, families: list[Any]) -> Iterator[FieldError]:
    """Tell families by the addresses that are asked for, in place."""
    policy, ips = spec["ipFamilyPolicy"], as_list(spec.get("clusterIPs"))
    if policy == _SINGLE and len(ips) > 1:
        yield invalid(_POLICY, policy, _SEVERAL % "cluster IPs")
    if policy == _SINGLE and len(families) > 1:
        yield invalid(_POLICY, policy, _SEVERAL % "IP families")
    for index, ip in enumerate(ips):
        address = address_of(ip)
        if address is None or index < len(families):
            continue
        if address.version != _VERSION:
            yield invalid(f"spec.clusterIPs[{index}]", ips, f"IPv{address.version} is not configured on this cluster")
        else:
            families.append(_FAMILY)


def _not_here(spec: Manifest, families: list[Any]) -> Iterator[FieldError]:
    if spec["ipFamilyPolicy"] == _BOTH:
        yield invalid(_POLICY, _BOTH, "this cluster is not configured for dual-stack services")
    for index, family in enumerate(families):
        if family != _FAMILY:
            yield invalid(f"spec.ipFamilies[{index}]", family, "not configured on this cluster")
