"""Which sizes the containers of an AppService get with its next release. Pure; the release itself is `workloads`' own.

A step from what runs, by the rules of a resize: from the least that pods have been well with for a while, which is less
than the template says where they were resized in place. Each amount is named, also one that stays: who takes the offer
need not know what came before. What is not known now, and what hardly moves, stays as it was told.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from kubewright.api.core import Container, Pod
from kubewright.api.crds.containersize import ContainerSize, SizePlace
from kubewright.api.crds.sizepolicy import OWN_RELEASE, RESIZE
from kubewright.api.meta import EMPTY
from kubewright.api.quantity import Quantity
from kubewright.api.resources import write_amount
from kubewright.sizing.amounts import Amount, Bounds, resized
from kubewright.sizing.decide import PAUSE_SECONDS, Seen, amount_of, bounds_of, in_numbers, needs_of

OWN_RELEASE_SECONDS = 6 * 3600.0
"""How long pods must have been well before a release is made to give them less."""
_HARDLY = 0.1
_SURGE = 0.25
"""So many pods more there are while a release is on its way, unless told otherwise."""


def containers_of(template: Mapping[str, Any]) -> list[Container]:
    """Return the containers of a template, as typed objects."""
    return msgspec.convert(template.get("spec", EMPTY).get("containers", []), list[Container])


def next_sizes(
    seen: Seen, template: Mapping[str, Any], told: Sequence[ContainerSize], now: float
) -> tuple[ContainerSize, ...]:
    """Return what the containers of a workload's template get with its next release; `told` was said before."""
    before = {each.place: each for each in told}
    containers = containers_of(template)
    pods = [pod for pod in seen.pods if _is_well(seen, pod, now)]
    room = {name: left / (1 + _SURGE) / max(1, len(seen.pods)) for name, left in seen.room.items()}
    return tuple(_sizes(_Look(seen, containers, pods, room, before)))


@dataclass(frozen=True, slots=True)
class _Look:
    seen: Seen
    containers: Sequence[Container]
    pods: Sequence[Pod]
    room: Mapping[str, float]
    """What quotas leave for each pod."""
    before: Mapping[SizePlace, ContainerSize]


def _sizes(look: _Look) -> Iterator[ContainerSize]:
    for container in look.containers:
        for resource in look.seen.spec.resources:
            amount = amount_of(container, resource)
            if amount is not None:
                yield _written(container.name, resource, _next(look, container, resource, amount))


def _next(look: _Look, container: Container, resource: str, amount: Amount) -> Amount:
    """Return what a container gets that has this amount by its template."""
    if resource in look.seen.held:
        return amount
    told = look.before.get(SizePlace(container.name, resource))
    before = None if told is None else Amount(in_numbers(resource, told.request), _limit(resource, told.limit))
    wanted = needs_of(look.seen, container, resource)
    if wanted is None:
        return before or amount
    amounts = _amounts(look.pods, container.name, resource)
    well = [each for each in amounts if each.request <= amount.request]
    present = min(well, key=lambda each: each.request, default=amount)
    bounds = bounds_of(look.seen, len(look.containers), resource)
    in_use = [used for pod in look.pods if (used := look.seen.in_use(pod, container.name)) is not None]
    found = resized(resource, present, wanted, bounds, max(in_use, default=None)) or present
    if not well and found.request < (before or amount).request:
        return before or amount  # nobody has been well with so little yet
    found = _within_room(look, resource, amount, found)
    if before is not None and _stays(before, found, bounds):
        return before
    return found


def _stays(before: Amount, found: Amount, bounds: Bounds) -> bool:
    """Tell whether what was told holds still, within the bounds of now."""
    most = [each for each in (bounds.most, bounds.most_allowed) if each is not None]
    if (before.limit is None) != (found.limit is None) or any((before.limit or before.request) > each for each in most):
        return False
    return abs(found.request - before.request) <= _HARDLY * before.request


def _within_room(look: _Look, resource: str, amount: Amount, found: Amount) -> Amount:
    """Return as much of an increase over the template as quotas leave room for, with all pods of the new release."""
    more = found.request - amount.request
    if more <= 0:
        return found
    ratio = 1.0 if amount.limit is None else amount.limit / amount.request
    most = min(look.room.get(f"requests.{resource}", more), look.room.get(f"limits.{resource}", more * ratio) / ratio)
    return found if most >= more else amount.scaled(amount.request + max(0, math.floor(most)))


def _is_well(seen: Seen, pod: Pod, now: float) -> bool:
    """Tell whether a pod has run for a while with what it has."""
    ready = next((each for each in pod.status.conditions if each.type == "Ready" and each.is_true), None)
    if ready is None or pod.is_terminating:
        return False
    long = OWN_RELEASE_SECONDS if seen.spec.by == OWN_RELEASE else PAUSE_SECONDS
    # Who is not resized in place has had what it has since it was made.
    unknown_until = seen.known_from if seen.spec.by == RESIZE else 0.0
    return now - max(pod.metadata.created_at, seen.resized_at.get(pod.metadata.uid, unknown_until)) >= long


def _amounts(pods: Sequence[Pod], container: str, resource: str) -> Iterator[Amount]:
    for pod in pods:
        for each in pod.spec.containers:
            if each.name == container and (found := amount_of(each, resource)) is not None:
                yield found


def _written(container: str, resource: str, amount: Amount) -> ContainerSize:
    limit = "" if amount.limit is None else write_amount(resource, amount.limit)
    return ContainerSize(container, resource, write_amount(resource, amount.request), limit)


def _limit(resource: str, limit: Quantity) -> int | None:
    return in_numbers(resource, limit) if limit else None


def changes(sizes: Sequence[ContainerSize], template: Mapping[str, Any]) -> str:
    """Say what changes with these sizes; empty if nothing does."""
    there = {each.name: each for each in containers_of(template)}
    said: list[str] = []
    for size in sizes:
        container = there.get(size.container)
        amount = amount_of(container, size.resource) if container is not None else None
        if amount is not None and amount.request != in_numbers(size.resource, size.request):
            said.append(f"{size} instead of {write_amount(size.resource, amount.request)}")
    return ", ".join(said)
