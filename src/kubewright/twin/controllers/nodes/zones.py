"""How fast nodes may be given up: zones that are in trouble as a whole are probably only cut off. Pure.

The rules are those of `node_lifecycle_controller.go` (`ComputeZoneState`, `handleDisruption`) with its default flags.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kubewright.api.core import Node

EVICTIONS_PER_SECOND = 0.1
SECONDARY_EVICTIONS_PER_SECOND = 0.01
LARGE_ZONE_NODES = 50
UNHEALTHY_SHARE = 0.55
_UNHEALTHY_NODES = 2
"""More than so many must be out before a zone counts as partly disrupted."""
EXCLUDED = "node.kubernetes.io/exclude-disruption"
_ZONES = ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone")
_REGIONS = ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region")


class ZoneState(enum.Enum):
    """How a zone's nodes are."""

    INITIAL = "Initial"
    NORMAL = "Normal"
    PARTLY = "PartialDisruption"
    FULLY = "FullDisruption"


def zone_of(node: Node) -> str:
    """Return the name of a node's region and zone together."""
    labels = node.metadata.labels
    zone = next((labels[key] for key in _ZONES if key in labels), "")
    region = next((labels[key] for key in _REGIONS if key in labels), "")
    return f"{region}/{zone}" if region or zone else ""


def state_of(ready: Sequence[bool]) -> ZoneState:
    """Judge a zone by which of its nodes are ready."""
    out = ready.count(False)
    if out and out == len(ready):
        return ZoneState.FULLY
    if out > _UNHEALTHY_NODES and out / len(ready) >= UNHEALTHY_SHARE:
        return ZoneState.PARTLY
    return ZoneState.NORMAL


@dataclass(slots=True)
class Limiter:
    """One at a time, at a rate; a rate of 0 lets nobody through."""

    per_second: float = EVICTIONS_PER_SECOND
    free_at: float = 0.0

    def accept(self, now: float) -> bool:
        """Take a turn, if there is one."""
        if not self.per_second or now < self.free_at:
            return False
        self.free_at = now + 1 / self.per_second
        return True

    def change(self, per_second: float, now: float) -> None:
        """Go on at another rate; who was waiting waits anew."""
        if per_second == self.per_second:
            return
        waiting = not self.accept(now)
        self.per_second = per_second
        self.free_at = now + 1 / per_second if per_second and waiting else 0.0


@dataclass(slots=True)
class Zone:
    """A zone, and its nodes that wait to be given up."""

    state: ZoneState = ZoneState.INITIAL
    limiter: Limiter = field(default_factory=Limiter)
    waiting: dict[str, None] = field(default_factory=dict[str, None])
    """By node name."""

    def enter(self, state: ZoneState, size: int, now: float) -> None:
        """Note a zone's new state and the pace that goes with it."""
        per_second = EVICTIONS_PER_SECOND
        if state is ZoneState.PARTLY:
            per_second = SECONDARY_EVICTIONS_PER_SECOND if size > LARGE_ZONE_NODES else 0.0
        self.limiter.change(per_second, now)
        self.state = state


class Change(enum.Enum):
    """What a look at all zones means for the cluster as a whole."""

    NONE = "none"
    LOST = "lost"
    """No node is heard of any more: it is rather we who are cut off, so nobody is given up."""
    FOUND = "found"
    """Some are heard of again after that."""


def look_at(zones: Mapping[str, Zone], ready: Mapping[str, Sequence[bool]], now: float) -> Change:
    """Bring the zones to the state that their nodes, by zone, are in; every zone in `ready` is in `zones`."""
    states = {name: state_of(each) for name, each in ready.items()}
    lost = all(state is ZoneState.FULLY for state in states.values())
    was_lost = all(zones[name].state is ZoneState.FULLY for name in states)
    if lost and was_lost:
        return Change.NONE
    if lost:
        for name in states:
            zones[name].limiter.change(0.0, now)
            zones[name].state = ZoneState.FULLY
        return Change.LOST
    for name, state in states.items():
        if was_lost or zones[name].state is not state:
            zones[name].enter(state, len(ready[name]), now)
    return Change.FOUND if was_lost else Change.NONE
