"""What was found, as a claim's status has it: devices, what their drivers are told, and from which nodes they serve."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import msgspec

from kubewright.api.affinity import NodeSelector
from kubewright.api.meta import Leaf, Manifest
from kubewright.api.quantity import format_quantity
from kubewright.api.requirements import Requirement
from kubewright.api.resourceclaims import ClaimConfiguration, Device, DeviceClass, ResourceClaim
from kubewright.devices.claims.allocator import AllocationError, Pick

_SHARES = uuid.UUID("5f0c1d62-6d0e-5f58-9f2d-3b1f2f0c8f11")
"""The namespace of the names of shares: the same claim is given the same ones."""


def allocation(claim: ResourceClaim, picks: Sequence[Pick], classes: Mapping[str, DeviceClass], node: str) -> Manifest:
    """Return `status.allocation` of a claim; raises AllocationError for slices that it cannot be said of."""
    devices: Manifest = {"results": [_result(claim, number, each) for number, each in enumerate(picks)]}
    config = [*_of_classes(claim, picks, classes), *_of_claim(claim, picks)]
    if config:
        devices["config"] = config
    found: Manifest = {"devices": devices}
    selector = _selector(picks, node)
    if selector:
        found["nodeSelector"] = {"nodeSelectorTerms": [selector]}
    return found


def _result(claim: ResourceClaim, number: int, pick: Pick) -> Manifest:
    offer, device, request = pick.offer, pick.offer.device, pick.request
    found: Manifest = {
        "request": pick.name,
        "driver": offer.id.driver,
        "pool": offer.id.pool,
        "device": offer.id.device,
    }
    if request.admin_access:
        found["adminAccess"] = True
    if request.tolerations:
        found["tolerations"] = _documents(request.tolerations)
    if device.binding_conditions:
        found["bindingConditions"] = list(device.binding_conditions)
        found["bindingFailureConditions"] = list(device.binding_failure_conditions)
    if pick.share is not None:
        found["shareID"] = str(uuid.uuid5(_SHARES, f"{claim.metadata.uid}/{number}/{offer.id}"))
        if pick.share:
            found["consumedCapacity"] = {name: _quantity(each, name, device) for name, each in pick.share.items()}
    return found


def _quantity(amount: Fraction, name: str, device: Device) -> str:
    return format_quantity(amount, "BinarySI" if str(device.capacity[name].value).endswith("i") else "DecimalSI")


def _of_classes(claim: ResourceClaim, picks: Sequence[Pick], classes: Mapping[str, DeviceClass]) -> list[Manifest]:
    """Return what the classes say, each for the requests that were met by it."""
    by_class: dict[str, list[str]] = {}
    for pick in picks:
        names = by_class.setdefault(pick.request.device_class_name, [])
        if pick.name not in names:
            names.append(pick.name)
    return [
        _configured("FromClass", names, each, claim)
        for name, names in by_class.items()
        for each in classes[name].spec.config
    ]


def _of_claim(claim: ResourceClaim, picks: Sequence[Pick]) -> list[Manifest]:
    """Return what the claim itself says, where it is about requests that were met."""
    met = {each.name for each in picks} | {each.name.partition("/")[0] for each in picks}
    return [
        _configured("FromClaim", list(each.requests), each, claim)
        for each in claim.spec.devices.config
        if not each.requests or met & set(each.requests)
    ]


def _configured(source: str, requests: list[str], config: ClaimConfiguration, claim: ResourceClaim) -> Manifest:
    given = {name.partition("/")[0] for name in requests}
    about_all = all(each.name in given for each in claim.spec.devices.requests)
    found: Manifest = {"source": source}
    if requests and not about_all:
        found["requests"] = requests
    if config.opaque is not None:
        found["opaque"] = dict(config.opaque)
    return found


def _selector(picks: Sequence[Pick], node: str) -> Manifest:
    """Return the term of the nodes from which all the devices can be used; nothing for all nodes."""
    expressions: list[Requirement] = []
    fields: list[Requirement] = []
    for pick in picks:
        name, selector = pick.offer.selection()
        if name or pick.offer.device.binds_to_node:
            return {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
        for each in _only_term(selector):
            _join(expressions, each.match_expressions)
            _join(fields, each.match_fields)
    found = {"matchExpressions": _documents(expressions), "matchFields": _documents(fields)}
    return {name: each for name, each in found.items() if each}


def _only_term(selector: NodeSelector | None) -> tuple[Any, ...]:
    terms = selector.node_selector_terms if selector is not None else ()
    if len(terms) > 1:
        raise AllocationError(f"unsupported ResourceSlice.NodeSelector with {len(terms)} terms")
    return terms


def _join(into: list[Requirement], more: Iterable[Requirement]) -> None:
    into.extend(each for each in more if each not in into)


def _documents(parts: Iterable[Leaf]) -> list[Manifest]:
    """Return parts of objects as JSON has them, without what is not set."""
    found: list[Manifest] = []
    for each in parts:
        document: Manifest = msgspec.json.decode(msgspec.json.encode(each))
        found.append({name: value for name, value in document.items() if value not in (None, "", [])})
    return found
