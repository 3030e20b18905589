"""The arithmetic of a rollout: how many pods each ReplicaSet of a Deployment should have next. Pure.

The rules are kube-controller-manager's (`deployment/rolling.go`, `recreate.go`, `sync.go`); each function returns the
wanted replicas by ReplicaSet name, only for those that change.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kubewright.api.apps import Deployment, ReplicaSet, RollingUpdate
from kubewright.twin.controllers.availability import amount

DESIRED = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"

Sizes: TypeAlias = dict[str, int]


@dataclass(frozen=True, slots=True)
class Limits:
    """A rolling update's bounds, in pods."""

    surge: int
    unavailable: int

    @classmethod
    def of(cls, deployment: Deployment) -> Limits:
        """Resolve percentages: surge rounds up, unavailable down, and never are both zero."""
        strategy, wanted = deployment.spec.strategy, deployment.spec.replicas
        if strategy.type != "RollingUpdate":
            return cls(0, 0)
        update = strategy.rolling_update or RollingUpdate()
        surge = amount(update.max_surge, wanted, round_up=True)
        unavailable = amount(update.max_unavailable, wanted, round_up=False)
        if not surge and not unavailable:
            unavailable = 1
        return cls(surge, min(unavailable, wanted))


def total(sets: Iterable[ReplicaSet]) -> int:
    """Return the pods that the sets are to have."""
    return sum(each.spec.replicas for each in sets)


def active(sets: Iterable[ReplicaSet]) -> list[ReplicaSet]:
    """Return the sets that are to have pods."""
    return [each for each in sets if each.spec.replicas > 0]


def oldest_first(sets: Iterable[ReplicaSet]) -> list[ReplicaSet]:
    """Sort by creation, and by name within a second."""
    return sorted(sets, key=lambda each: each.metadata.seniority)


def initial_size(deployment: Deployment, others: Sequence[ReplicaSet]) -> int:
    """Return how many pods a new set may start with beside the others."""
    if deployment.spec.strategy.type == "Recreate":
        return deployment.spec.replicas
    room = deployment.spec.replicas + Limits.of(deployment).surge - total(others)
    return min(max(room, 0), deployment.spec.replicas)


def grow_new(deployment: Deployment, new: ReplicaSet, old: Sequence[ReplicaSet]) -> Sizes:
    """Return the new set's size: up as far as the surge allows, or down to what is wanted."""
    wanted = deployment.spec.replicas
    if new.spec.replicas > wanted:
        return {new.metadata.name: wanted}
    room = wanted + Limits.of(deployment).surge - total(old) - new.spec.replicas
    more = min(max(room, 0), wanted - new.spec.replicas)
    return {new.metadata.name: new.spec.replicas + more} if more else {}


def shrink_old(deployment: Deployment, new: ReplicaSet, old: Sequence[ReplicaSet]) -> Sizes:
    """Return the old sets' sizes: what is unhealthy goes first, then what the available pods allow."""
    min_available = deployment.spec.replicas - Limits.of(deployment).unavailable
    coming = new.spec.replicas - new.status.available_replicas
    spare = total(old) + new.spec.replicas - min_available - coming
    sizes = {each.metadata.name: each.spec.replicas for each in old}
    if spare <= 0:
        return {}
    for each in oldest_first(old):
        unhealthy = min(spare, each.spec.replicas - each.status.available_replicas)
        if unhealthy > 0:
            sizes[each.metadata.name] -= unhealthy
            spare -= unhealthy
    # The pods that are available now may go down to the minimum, whatever was cleaned up above.
    spare = new.status.available_replicas + sum(each.status.available_replicas for each in old) - min_available
    for each in oldest_first(old):
        less = min(sizes[each.metadata.name], max(spare, 0))
        sizes[each.metadata.name] -= less
        spare -= less
    return _changed(sizes, old)


def empty(old: Sequence[ReplicaSet]) -> Sizes:
    """Return no pods for each of the sets."""
    return {each.metadata.name: 0 for each in active(old)}


def rescale(deployment: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet]) -> Sizes:
    """Return the sizes after a change of `replicas` alone: in the middle of a rollout each set gets its share."""
    sets = [*old, *([new] if new else [])]
    only = _only_active_or_latest(new, old)
    if only is not None:
        return _changed({only.metadata.name: deployment.spec.replicas}, sets)
    if new is not None and _is_saturated(deployment, new):
        return empty(old)
    if deployment.spec.strategy.type != "RollingUpdate":
        return {}
    return _changed(_proportional(deployment, active(sets)), sets)


def _only_active_or_latest(new: ReplicaSet | None, old: Sequence[ReplicaSet]) -> ReplicaSet | None:
    running = active([*old, *([new] if new else [])])
    if len(running) > 1:
        return None
    if running:
        return running[0]
    return new or (oldest_first(old)[-1] if old else None)


def _is_saturated(deployment: Deployment, new: ReplicaSet) -> bool:
    wanted = deployment.spec.replicas
    return (
        new.metadata.annotations.get(DESIRED) == str(wanted)
        and new.spec.replicas == wanted
        and new.status.available_replicas == wanted
    )


def _proportional(deployment: Deployment, sets: Sequence[ReplicaSet]) -> Sizes:
    """Share what is to be added or taken among the sets by their size; what rounding leaves goes to the largest."""
    wanted = deployment.spec.replicas
    allowed = wanted + Limits.of(deployment).surge if wanted else 0
    change = allowed - total(sets)
    # Of equal sizes the newer grow first and the older shrink first; sorting keeps the order that it finds.
    by_age = oldest_first(sets)
    ranked = sorted(by_age[::-1] if change > 0 else by_age, key=lambda each: -each.spec.replicas)
    sizes: Sizes = {}
    given = 0
    for each in ranked:
        share = _share(deployment, each, change - given) if change else 0
        sizes[each.metadata.name] = each.spec.replicas + share
        given += share
    if ranked and change:
        first = ranked[0].metadata.name
        sizes[first] = max(sizes[first] + change - given, 0)
    return sizes


def _share(deployment: Deployment, each: ReplicaSet, left: int) -> int:
    wanted = deployment.spec.replicas
    if not wanted:
        return -each.spec.replicas
    before = int(each.metadata.annotations.get(MAX_REPLICAS, "0") or 0) or deployment.status.replicas or 1
    size = math.floor(each.spec.replicas * (wanted + Limits.of(deployment).surge) / before + 0.5)
    share = size - each.spec.replicas
    return min(share, left) if left > 0 else max(share, left)


def _changed(sizes: Sizes, sets: Iterable[ReplicaSet]) -> Sizes:
    present = {each.metadata.name: each.spec.replicas for each in sets}
    return {name: size for name, size in sizes.items() if size != present[name]}
