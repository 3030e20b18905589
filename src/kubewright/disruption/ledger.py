"""The ledger of permits: what stands, what is forgotten, what was spent within the hour. Pure.

A permit ends when it is given back, when all that it is about is gone and made good, or when its time is over: what is
still out of service then counts because it is seen to be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import to_builtins
from msgspec.structs import replace

from kubewright.api.crds.disruptionledger import LedgerStatus, Permit, Spent, TakenPod, Waiting
from kubewright.api.meta import rfc3339, seconds_of
from kubewright.disruption.requests import PodRef, Request
from kubewright.disruption.world import World, app_of, is_well

LATE_SECONDS = 30.0
"""Clocks differ, and caches lag: nobody else's permit is judged by what is seen before it is so old."""
WAIT_SECONDS = 60.0
HOUR_SECONDS = 3600.0
_MINUTE = 60
MOST_PERMITS, MOST_PODS_IN_ALL, MOST_WAITING, MOST_SPENT = 256, 2048, 64, 2048
"""So that the object stays well below what an API server stores."""


def settled(ledger: LedgerStatus, world: World) -> LedgerStatus:
    """Forget what is over."""
    now = world.now
    pods = [pod for each in ledger.permits for pod in each.pods]
    left = (_left(each, world, pods) for each in ledger.permits)
    return LedgerStatus(
        permits=tuple(each for each in left if each is not None),
        spent=tuple(each for each in ledger.spent if seconds_of(each.minute) > now - HOUR_SECONDS - _MINUTE),
        waiting=tuple(each for each in ledger.waiting if seconds_of(each.until) > now),
    )


def _left(permit: Permit, world: World, every: Sequence[TakenPod]) -> Permit | None:
    """Return what still stands of a permit."""
    if seconds_of(permit.until) + LATE_SECONDS < world.now:
        return None
    fresh = seconds_of(permit.taken) + LATE_SECONDS > world.now
    nodes = tuple(each for each in permit.nodes if fresh or each in world.nodes)
    gpus = {name: count for name, count in permit.gpus.items() if fresh or name in world.nodes}
    pods = tuple(each for each in permit.pods if not _is_made_good(each, world, every))
    if not (nodes or gpus or pods):
        return None
    return replace(permit, nodes=nodes, gpus=gpus, pods=pods)


def _is_made_good(taken: TakenPod, world: World, every: Sequence[TakenPod]) -> bool:
    """Tell whether a pod is gone, others were made since, and as many are well as there were with it.

    Both are asked, since neither is sure by itself: caches may have lagged when it was taken.
    """
    if not _is_gone(taken, world) or seconds_of(taken.taken) + LATE_SECONDS > world.now:
        return False
    pods = world.pods_of(taken.app, taken.namespace)
    instead = sum((each.metadata.creation_timestamp or "") >= taken.taken for each in pods)
    same = [each for each in every if each.app == taken.app and each.taken >= taken.taken]
    if instead < sum(_is_gone(each, world) for each in same):
        return False
    # Whoever was unwell before is not waited for.
    there = sum(is_well(each) or (each.metadata.creation_timestamp or "") < taken.taken for each in pods)
    return there >= taken.replicas


def _is_gone(taken: TakenPod, world: World) -> bool:
    pod = world.pod_at(taken.key)
    return pod is None or pod.metadata.uid != taken.uid


def find(ledger: LedgerStatus, id_: str) -> Permit | None:
    """Return a permit."""
    return next((each for each in ledger.permits if each.id == id_), None)


def pods_of(permit: Permit) -> set[PodRef]:
    """Return the pods that a permit is about."""
    return {PodRef(each.key, each.uid) for each in permit.pods}


def without(ledger: LedgerStatus, ids: Sequence[str]) -> LedgerStatus:
    """Return the ledger once permits are given back, and nobody waits for them."""
    gone = frozenset(ids)
    return replace(
        ledger,
        permits=tuple(each for each in ledger.permits if each.id not in gone),
        waiting=tuple(each for each in ledger.waiting if each.id not in gone),
    )


def granted(ledger: LedgerStatus, request: Request, world: World, spent: Sequence[Spent]) -> LedgerStatus:
    """Return the ledger with what a request asks for, beside what its permit has already."""
    now, old = world.now, find(ledger, request.id)
    held = old or Permit()
    had = pods_of(held)
    pods = _taken([each for each in request.pods if each not in had], world, ledger)
    more = bool(set(request.nodes) - set(held.nodes) or set(request.gpus) - set(held.gpus))
    gpus = {**held.gpus}
    for name, count in request.gpus.items():
        gpus[name] = max(gpus.get(name, 0), count)
    permit = Permit(
        id=request.id,
        requester=request.requester,
        urgency=request.urgency.word,
        fault=request.fault,
        why=request.why[:256],
        nodes=tuple(dict.fromkeys((*held.nodes, *request.nodes))),
        pods=(*held.pods, *pods),
        gpus=gpus,
        taken=rfc3339(now) if more or old is None else held.taken,
        until=rfc3339(now + request.seconds),
    )
    rest = without(ledger, (request.id,))
    return replace(rest, permits=(*rest.permits, permit), spent=_added(ledger.spent, spent))


def _taken(refs: Sequence[PodRef], world: World, ledger: LedgerStatus) -> list[TakenPod]:
    """Return pods as a permit has them; of one application each with those that are left after the ones before."""
    known: dict[str, int] = {}
    for permit in ledger.permits:
        for each in permit.pods:
            known[each.app] = max(known.get(each.app, 0), each.replicas)
    found: list[TakenPod] = []
    for ref in refs:
        pod = world.pod_at(ref.key)
        if pod is None or pod.metadata.uid != ref.uid:
            continue
        app, place = app_of(pod), ref.key.namespace
        replicas = max(len(world.pods_of(app, place)), known.get(app, 0))
        found.append(TakenPod(place, ref.key.name, ref.uid, app, replicas, rfc3339(world.now)))
    return found


def _added(spent: Sequence[Spent], more: Sequence[Spent]) -> tuple[Spent, ...]:
    counts: dict[tuple[str, str, str, str], int] = {}
    for each in (*spent, *more):
        at = (each.limit, each.sort, each.group, each.minute)
        counts[at] = counts.get(at, 0) + each.count
    return tuple(Spent(*at, count) for at, count in counts.items())


def minute_of(now: float) -> str:
    """Return when the present minute began."""
    return rfc3339(now // _MINUTE * _MINUTE)


def with_waiting(ledger: LedgerStatus, request: Request, now: float, where: tuple[str, str, str]) -> LedgerStatus:
    """Note who is held up where (limit, sort, group), so that what becomes free is theirs; the least urgent not."""
    if not request.urgency:
        return ledger
    limit, sort, group = where
    mark = Waiting(request.id, request.urgency.word, limit, sort, group, rfc3339(now + WAIT_SECONDS))
    others = [each for each in ledger.waiting if each.id != request.id]
    return replace(ledger, waiting=(*others[-(MOST_WAITING - 1) :], mark))


def is_noted(ledger: LedgerStatus, request: Request, now: float, where: tuple[str, str, str]) -> bool:
    """Tell whether it is known for a while that somebody waits there."""
    return any(
        each.id == request.id
        and (each.limit, each.sort, each.group) == where
        and seconds_of(each.until) > now + WAIT_SECONDS / 2
        for each in ledger.waiting
    )


def written(ledger: LedgerStatus) -> Mapping[str, Any]:
    """Return the status as it is written, whole."""
    return {**to_builtins(replace(ledger, standing=len(ledger.permits)))}
