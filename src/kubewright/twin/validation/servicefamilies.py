"""The addresses of a Service and their families: the rules that several fields must meet together.

They are asked twice, as by a real server: before addresses are given out, and again with all else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_list, text
from kubewright.twin.validation.addresses import BAD_ADDRESS, address_of
from kubewright.twin.validation.fields import FieldError, duplicate, invalid, not_supported, required

FAMILIES = ("IPv4", "IPv6")
POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
NONE = "None"
_IPS, _FAMILIES, _POLICY = "spec.clusterIPs", "spec.ipFamilies", "spec.ipFamilyPolicy"
_FINAL = "may not change once set"


def is_headless(spec: Manifest) -> bool:
    """Tell whether a Service has no address by its own wish."""
    return text(spec, "clusterIP") == NONE or as_list(spec.get("clusterIPs"))[:1] == [NONE]


def check_families(spec: Manifest) -> list[FieldError]:
    """Check addresses, families and policy of a Service that has addresses."""
    if text(spec, "type") == "ExternalName":
        return []
    ips, ip = [str(each) for each in as_list(spec.get("clusterIPs"))], text(spec, "clusterIP")
    families = as_list(spec.get("ipFamilies"))
    errors = [*_singular(ip, ips), *_listed(families)]
    policy = text(spec, "ipFamilyPolicy")
    if policy and policy not in POLICIES:
        errors.append(not_supported(_POLICY, policy, POLICIES))
    bad = list(_each(ips))
    if len(ips) > len(FAMILIES):
        bad.append(invalid(_IPS, ips, "may only hold up to 2 values"))
    if bad:
        return errors + bad
    versions = [address.version for each in ips if (address := address_of(each)) is not None]
    if len(ips) > 1 and len(set(versions)) != len(ips):
        errors.append(invalid(_IPS, ips, "may specify no more than one IP for each IP family"))
    if not is_headless(spec):
        for index, (each, version, family) in enumerate(zip(ips, versions, families, strict=False)):
            if family in FAMILIES and f"IPv{version}" != family:
                detail = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
                errors.append(invalid(f"{_IPS}[{index}]", each, detail))
    return errors


def _singular(ip: str, ips: list[str]) -> Iterator[FieldError]:
    if ip and not ips:
        yield required(_IPS)
    elif ip and ips[0] != ip:
        yield invalid(_IPS, ips, "first value must match `clusterIP`")
    elif ips and not ip:
        yield invalid(_IPS, ips, "must be empty when `clusterIP` is not specified")


def _listed(families: list[Any]) -> Iterator[FieldError]:
    for index, family in enumerate(families):
        if family not in FAMILIES:
            yield not_supported(f"{_FAMILIES}[{index}]", family, FAMILIES)
        if family in families[:index]:
            yield duplicate(f"{_FAMILIES}[{index}]", family)


def _each(ips: list[str]) -> Iterator[FieldError]:
    for index, ip in enumerate(ips):
        if index == 0 and ip == NONE:
            if len(ips) > 1:
                yield invalid(_IPS, ips, "'None' must be the first and only value")
        elif address_of(ip) is None:
            yield invalid(f"{_IPS}[{index}]", ip, BAD_ADDRESS)


def check_change(spec: Manifest, old: Manifest) -> Iterator[FieldError]:
    """Check that an update keeps the addresses and families that a Service has."""
    if "ExternalName" in {text(spec, "type"), text(old, "type")}:
        return
    headless, was_headless = is_headless(spec), is_headless(old)
    if headless and was_headless:
        return
    ips, former = as_list(spec.get("clusterIPs")), as_list(old.get("clusterIPs"))
    if former and not ips:
        yield invalid(f"{_IPS}[0]", ips or None, "primary clusterIP can not be unset")
    elif former and ips[0] != former[0]:
        yield invalid(f"{_IPS}[0]", ips, _FINAL)
    if headless or was_headless:
        return
    families, had = as_list(spec.get("ipFamilies")), as_list(old.get("ipFamilies"))
    if had and families and families[0] != had[0]:
        yield invalid(f"{_FAMILIES}[0]", families if len(families) == len(had) else ips, _FINAL)
