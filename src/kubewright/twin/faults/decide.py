"""What is in force at a moment, and what each fault says of itself: pure, from faults and the cluster.

Of those that match a target a few are chosen by rank: each has a number that depends on the seed, the fault, how often
it came into force, and the candidate's name, and the lowest are hit. So the choice needs no memory, and when one goes
that is hit, the next takes its place. Faults overlap freely: what each adds is put together where it takes effect.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kubewright.api.core import Node, Pod
from kubewright.api.meta import parse_time
from kubewright.twin.faults.fault import Fault, Target
from kubewright.twin.faults.inforce import Active, InForce, claims_of
from kubewright.twin.faults.schedule import Window, window


@dataclass(frozen=True, slots=True)
class Cluster:
    """What faults choose from."""

    nodes: Sequence[Node] = ()
    pods: Sequence[Pod] = ()


@dataclass(frozen=True, slots=True)
class State:
    """Where one fault stands; `hit` are names, or None where the requests, objects or webhooks are not known here."""

    fault: Fault
    window: Window
    matched: int = 0
    hit: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything that follows from the faults at one moment; `next_at` is when it changes by itself."""

    in_force: InForce
    states: tuple[State, ...]
    next_at: float | None


def decide(faults: Iterable[Fault], cluster: Cluster, now: float) -> Verdict:
    """Return what is in force. Faults that are being deleted are not, whoever still holds them."""
    states: list[State] = []
    active: list[Active] = []
    nodes: dict[str, tuple[str, ...]] = {}
    for fault in sorted(faults, key=lambda each: each.metadata.name):
        state, found = _state(fault, cluster, now)
        states.append(state)
        if found is not None:
            active.append(found)
            if fault.spec.target.nodes is not None:
                nodes[found.name] = state.hit or ()
    turns = [at for state in states if not _is_going(state.fault) and (at := state.window.turns_at) is not None]
    return Verdict(InForce.of(active, nodes), tuple(states), min(turns, default=None))


def _is_going(fault: Fault) -> bool:
    return fault.metadata.deletion_timestamp is not None


def _is_written(fault: Fault, place: Window) -> bool:
    status = fault.status
    return (status.observed_generation, status.phase, status.occurrence) == (
        fault.metadata.generation,
        "InForce",
        place.occurrence,
    )


def _state(fault: Fault, cluster: Cluster, now: float) -> tuple[State, Active | None]:
    created = fault.metadata.creation_timestamp
    place = window(fault.spec.schedule, parse_time(created) if created else now, now)
    if _is_going(fault):
        return State(fault, Window("Over", place.occurrence)), None
    active = None
    if place.phase == "InForce" and place.since is not None:
        version = (fault.metadata.uid, fault.metadata.generation)
        active = Active(
            fault.metadata.name,
            version,
            fault.spec,
            place.occurrence,
            place.since,
            place.until,
            is_new=not _is_written(fault, place),
        )
    target = fault.spec.target
    matching = _matching(target, cluster)
    if matching is None or active is None:
        return State(fault, place, len(matching or ()), None if matching is None else ()), active
    hit = matching
    if target.count is not None or target.percent is not None:
        hit = _chosen(active, matching)
        active = replace(active, chosen=frozenset(hit))
    return State(fault, place, len(matching), hit), active


def _matching(target: Target, cluster: Cluster) -> tuple[str, ...] | None:
    if target.nodes is not None:
        nodes = target.nodes
        found = (each for each in cluster.nodes if nodes.matches(each.metadata.name, each.metadata.labels))
        return tuple(sorted(each.metadata.name for each in found))
    if target.pods is not None:
        pods = target.pods
        return tuple(sorted(str(each.key) for each in cluster.pods if not each.is_finished and pods.matches(each)))
    if target.claims is not None:
        claims = target.claims
        mounted = {key for pod in cluster.pods for key in claims_of(pod)}
        return tuple(sorted(str(key) for key in mounted if claims.matches(key)))
    return None


def _chosen(active: Active, matching: tuple[str, ...]) -> tuple[str, ...]:
    target = active.spec.target
    share = math.ceil(len(matching) * (target.percent or 100) / 100) if target.count is None else target.count
    ranked = sorted(matching, key=lambda name: (active.draw(name), name))
    return tuple(sorted(ranked[:share]))
