"""One SizePolicy's turn: what each container should request, and which pods are resized now. Pure.

Whoever lacks something is served at once, as far as the team's quota goes. Of those that have too much a tenth at a
time is made smaller, each at most every ten minutes and one container of it at a time. A resource that replicas are
scaled by as a share of the request is left alone: the request is what that share is of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kubewright.api.autoscaling import HorizontalPodAutoscaler
from kubewright.api.core import PODS, Container, Pod
from kubewright.api.crds.scalepolicy import RECOMMEND as ONLY_SAYS
from kubewright.api.crds.scalepolicy import ScalePolicy
from kubewright.api.crds.sizepolicy import APPLY, SizeAdvice, SizePolicySpec
from kubewright.api.meta import parse_time
from kubewright.api.plan import Resize
from kubewright.api.quantity import Quantity, milli, value
from kubewright.api.quotas import LimitRange, ResourceQuota
from kubewright.api.resources import write_amount
from kubewright.scaling.sizing import BYTES, CORES, Advice, Unknown
from kubewright.sizing.amounts import Amount, Bounds, Needs, needs, resized

PAUSE_SECONDS = 600.0
SHRINKING_SHARE = 0.1
FLOOR = {CORES: 25, BYTES: 250 << 20}
"""Of a whole pod, as the Vertical Pod Autoscaler's."""
_RESTARTS = "RestartContainer"
_PENDING = frozenset({"PodResizePending", "PodResizeInProgress"})

Room = dict[str, int]
"""What quotas leave, by their names for it (`requests.cpu`, `limits.memory`); what is not named is not bounded."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a container of the workload."""

    advice: Mapping[str, Advice]
    days: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a turn goes by."""

    spec: SizePolicySpec
    pods: Sequence[Pod]
    known: Mapping[str, Known]
    """By container."""
    in_use: Callable[[Pod, str], float | None]
    """The memory that a container of a pod has in use, if that was measured lately."""
    held: Mapping[str, str] = field(default_factory=dict[str, str])
    """Resources that are not to be touched, and why."""
    limits: Sequence[LimitRange] = ()
    room: Room = field(default_factory=dict[str, int])
    resized_at: Mapping[str, float] = field(default_factory=dict[str, float])
    """By pod's uid."""
    known_from: float = 0.0
    """From when on resizes are known: who was not resized since may have been just before."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn came to."""

    advice: tuple[SizeAdvice, ...]
    saves: Mapping[str, int]
    """What all pods request beyond the targets, by resource."""
    resizes: tuple[Resize, ...] = ()
    shrinking: frozenset[str] = frozenset()
    """The uids of pods that get less."""
    restarting: frozenset[str] = frozenset()
    """The uids of pods of which a container restarts for it."""


def decide(seen: Seen, may_restart: Callable[[Pod], bool], now: float) -> Turn:
    """Return a policy's turn; `may_restart` is asked of a pod with a container that must restart for it."""
    pods = [pod for pod in seen.pods if pod.status.phase == "Running" and not pod.is_terminating]
    pods.sort(key=lambda pod: pod.metadata.seniority)
    turn = Turn(tuple(_advices(seen, pods)), _saves(seen, pods))
    if seen.spec.mode != APPLY:
        return turn
    room, left = dict(seen.room), max(1, int(len(pods) * SHRINKING_SHARE))
    resizes: list[Resize] = []
    shrinking: set[str] = set()
    restarting: set[str] = set()
    for pod in pods:
        if _is_being_resized(pod):
            continue
        found = _of_pod(seen, pod, room, shrinks=left > 0 and _may_shrink(seen, pod, now))
        if found is None or (found.restarts and not may_restart(pod)):
            continue
        room = found.room
        if found.shrinks:
            left -= 1
            shrinking.add(pod.metadata.uid)
        if found.restarts:
            restarting.add(pod.metadata.uid)
        resizes.append(found.resize)
    return replace(turn, resizes=tuple(resizes), shrinking=frozenset(shrinking), restarting=frozenset(restarting))


def held_by(policies: Sequence[ScalePolicy], autoscalers: Sequence[HorizontalPodAutoscaler]) -> dict[str, str]:
    """Return the resources that these scale replicas by as a share of the request, and who does."""
    held: dict[str, str] = {}
    for policy in policies:
        spec = policy.spec
        if spec.mode == ONLY_SAYS or spec.min >= spec.max:
            continue
        goals = [(CORES, each.cpu) for each in spec.metrics] + [(BYTES, each.memory) for each in spec.metrics]
        shares = {resource for resource, goal in goals if goal is not None and goal.average is None}
        for resource in shares if spec.metrics else {CORES}:
            held[resource] = f"the ScalePolicy {policy.metadata.name} scales by its share of the request"
    for each in autoscalers:
        spec = each.spec
        if spec.min_replicas >= spec.max_replicas:
            continue
        for resource in _shares_of(each):
            held[resource] = f"the HorizontalPodAutoscaler {each.metadata.name} scales by its share of the request"
    return held


def room_in(quotas: Sequence[ResourceQuota]) -> Room:
    """Return what quotas leave of cpu and memory. Those with scopes count as well: they may be about these pods."""
    room: Room = {}
    for quota in quotas:
        for name, hard in quota.status.hard.items():
            whole = f"requests.{name}" if name in {CORES, BYTES} else name
            resource = whole.rpartition(".")[2]
            if whole not in {f"{kind}.{resource}" for kind in ("requests", "limits")} or resource not in FLOOR:
                continue
            left = in_numbers(resource, hard) - in_numbers(resource, quota.status.used.get(name, "0"))
            room[whole] = min(room.get(whole, left), max(0, left))
    return room


@dataclass(frozen=True, slots=True)
class _Found:
    resize: Resize
    room: Room
    shrinks: bool
    restarts: bool


def _of_pod(seen: Seen, pod: Pod, room: Room, *, shrinks: bool) -> _Found | None:
    """Return the resize of one container: of one that needs more, else of the first that can do with less."""
    best: _Found | None = None
    for container in pod.spec.containers:
        found = _of_container(seen, pod, container, room)
        if found is None or (found.shrinks and not shrinks):
            continue
        if not found.shrinks:
            return found
        best = best or found
    return best


def _of_container(seen: Seen, pod: Pod, container: Container, room: Room) -> _Found | None:
    changed: dict[str, Amount] = {}
    shrinks = grows = False
    room = dict(room)
    for resource in seen.spec.resources:
        amount, wanted = amount_of(container, resource), needs_of(seen, container, resource)
        if amount is None or wanted is None or resource in seen.held:
            continue
        bounds = bounds_of(seen, len(pod.spec.containers), resource)
        found = resized(resource, amount, wanted, bounds, seen.in_use(pod, container.name))
        if found is not None and found.request > amount.request:
            found = _within_room(resource, amount, found, room)
        if found is None:
            continue
        grows, shrinks = grows or found.request > amount.request, shrinks or found.request < amount.request
        changed[resource] = found
    if grows:
        # Quick to grow: what else it could do with less waits for its turn.
        changed = {name: each for name, each in changed.items() if each.request > _request(container, name)}
    if not changed:
        return None
    requests = {name: write_amount(name, each.request) for name, each in changed.items()}
    limits = {name: write_amount(name, each.limit) for name, each in changed.items() if each.limit is not None}
    resize = Resize(PODS, pod.key, pod.metadata.uid, container.name, requests, limits)
    policies = {each.resource_name: each.restart_policy for each in container.resize_policy}
    return _Found(resize, room, shrinks and not grows, any(policies.get(name) == _RESTARTS for name in changed))


def _within_room(resource: str, amount: Amount, found: Amount, room: Room) -> Amount | None:
    """Return as much of an increase as quotas leave room for, and take it."""
    most = found.request - amount.request
    most = min(most, room.get(f"requests.{resource}", most))
    if amount.limit is not None:
        left = room.get(f"limits.{resource}")
        if left is not None:
            most = min(most, math.floor(left * amount.request / amount.limit))
    if most <= 0:
        return None
    found = amount.scaled(amount.request + most)
    for kind, more in (("requests", most), ("limits", (found.limit or 0) - (amount.limit or 0))):
        name = f"{kind}.{resource}"
        if name in room:
            room[name] -= more
    return found


def _may_shrink(seen: Seen, pod: Pod, now: float) -> bool:
    began = pod.status.start_time
    since = seen.resized_at.get(pod.metadata.uid, max(parse_time(began), seen.known_from) if began else now)
    return pod.is_ready and now - since >= PAUSE_SECONDS


def _is_being_resized(pod: Pod) -> bool:
    return any(each.type in _PENDING and each.is_true for each in pod.status.conditions)


def needs_of(seen: Seen, container: Container, resource: str) -> Needs | None:
    """Return what a container probably needs; None if that is not known, or it requests none."""
    known, amount = seen.known.get(container.name), amount_of(container, resource)
    return needs(resource, amount, known.advice[resource]) if known is not None and amount is not None else None


def _advices(seen: Seen, pods: Sequence[Pod]) -> Iterator[SizeAdvice]:
    for container in pods[-1].spec.containers if pods else ():
        for resource in seen.spec.resources:
            amount, wanted = amount_of(container, resource), needs_of(seen, container, resource)
            known = seen.known.get(container.name)
            told = SizeAdvice(container.name, resource)
            if amount is None:
                yield _without(told, "it requests none, and the class of service would change")
                continue
            told = SizeAdvice(container.name, resource, write_amount(resource, amount.request))
            if wanted is None or known is None:
                found = known.advice[resource] if known is not None else None
                yield _without(told, found.why if isinstance(found, Unknown) else "nothing was measured")
                continue
            yield SizeAdvice(
                container.name,
                resource,
                told.requested,
                write_amount(resource, wanted.lower),
                write_amount(resource, wanted.target),
                write_amount(resource, wanted.upper),
                f"{known.days[resource]:.1f}",
                seen.held.get(resource, ""),
            )


def _without(told: SizeAdvice, why: str) -> SizeAdvice:
    return SizeAdvice(told.container, told.resource, told.requested, why=why)


def _saves(seen: Seen, pods: Sequence[Pod]) -> dict[str, int]:
    saves: dict[str, int] = {}
    for pod in pods:
        for container in pod.spec.containers:
            for resource in seen.spec.resources:
                amount, wanted = amount_of(container, resource), needs_of(seen, container, resource)
                if amount is not None and wanted is not None:
                    saves[resource] = saves.get(resource, 0) + amount.request - wanted.target
    return saves


def bounds_of(seen: Seen, containers: int, resource: str) -> Bounds:
    """Return between what a container's amount lies, where pods have so many of them."""
    given = {"least": seen.spec.min, "most": seen.spec.max}
    said = {name: getattr(each, resource) for name, each in given.items() if each is not None}
    least, most = said.get("least"), said.get("most")
    items = [item for each in seen.limits for item in each.spec.limits if item.type == "Container"]
    lows = [in_numbers(resource, item.min[resource]) for item in items if resource in item.min]
    highs = [in_numbers(resource, item.max[resource]) for item in items if resource in item.max]
    return Bounds(
        FLOOR[resource] // max(1, containers) if least is None else in_numbers(resource, least),
        None if most is None else in_numbers(resource, most),
        max(lows, default=0),
        min(highs, default=None),
    )


def amount_of(container: Container, resource: str) -> Amount | None:
    """Return what a container has of a resource; None if it requests none."""
    request, limit = container.resources.requests.get(resource), container.resources.limits.get(resource)
    if request is None or in_numbers(resource, request) <= 0:
        return None
    return Amount(in_numbers(resource, request), None if limit is None else in_numbers(resource, limit))


def _request(container: Container, resource: str) -> int:
    return in_numbers(resource, container.resources.requests[resource])


def _shares_of(autoscaler: HorizontalPodAutoscaler) -> set[str]:
    if not autoscaler.spec.metrics:
        return {CORES}
    sources = [
        each.resource if each.type == "Resource" else each.container_resource
        for each in autoscaler.spec.metrics
        if each.type in {"Resource", "ContainerResource"}
    ]
    return {each.name for each in sources if each.target.type == "Utilization"} & {CORES, BYTES}


def in_numbers(resource: str, amount: Quantity) -> int:
    """Return a quantity in thousandths of cores, or in bytes."""
    return milli(amount) if resource == CORES else value(amount)
