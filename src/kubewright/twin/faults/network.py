"""Who reaches whom: what faults do to the way between two pods, and between a pod and its node. Pure.

A fault of the network is between the pods that it hits and its `to`, in both directions. Nobody carries packets in the
twin: what is asked here shows in the latency and the errors of requests (`overlays.py`) and in probes.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.api.core import Pod
from kubewright.twin.faults import parameters as p
from kubewright.twin.faults.inforce import Active, InForce
from kubewright.twin.faults.selection import PodSelection

_CUTTING = frozenset({"NodeDown", "NodePartitioned"})


@dataclass(frozen=True, slots=True)
class Link:
    """The way between two pods, one way."""

    delay_seconds: float = 0.0
    jitter_seconds: float = 0.0
    """Up to so much more, evenly."""
    loss: float = 0.0
    """The share of packets that get lost; 1 when nothing passes."""

    @property
    def is_cut(self) -> bool:
        """Whether nothing passes."""
        return self.loss >= 1.0

    def and_(self, other: Link) -> Link:
        """Return the way with both: delays add up, and what one lets through the other may lose."""
        return Link(
            self.delay_seconds + other.delay_seconds,
            self.jitter_seconds + other.jitter_seconds,
            1.0 - (1.0 - self.loss) * (1.0 - other.loss),
        )


FREE = Link()
CUT = Link(loss=1.0)


def link(in_force: InForce, one: Pod, other: Pod) -> Link:
    """Return the way between two pods; it is the same in both directions."""
    found = FREE
    for fault in in_force.on_pods:
        trouble = trouble_of(fault)
        if trouble is not None and _between(fault, one, other):
            found = found.and_(trouble)
    if one.spec.node_name != other.spec.node_name and any(_is_cut_off(in_force, each) for each in (one, other)):
        return found.and_(CUT)
    return found


def trouble_of(fault: Active) -> Link | None:
    """Return what a fault does to the way between its two sides; None for one that is not of the network."""
    spec = fault.spec
    match spec.type:
        case "NetworkDelay":
            delay = spec.network_delay or p.NetworkDelay()
            return Link(delay.milliseconds / 1000, delay.jitter_milliseconds / 1000)
        case "NetworkLoss":
            return Link(loss=(spec.network_loss or p.NetworkLoss()).percent / 100)
        case "NetworkPartition":
            return CUT
        case _:
            return None


def other_side(fault: Active) -> PodSelection:
    """Return the other side of a fault of the network."""
    given = fault.spec.network_delay or fault.spec.network_loss or fault.spec.network_partition
    return given.to if given is not None else PodSelection()


def _between(fault: Active, one: Pod, other: Pod) -> bool:
    far = other_side(fault)
    return (fault.hits_pod(one) and far.matches(other)) or (fault.hits_pod(other) and far.matches(one))


def _is_cut_off(in_force: InForce, pod: Pod) -> bool:
    return any(each.spec.type in _CUTTING for each in in_force.on_nodes.get(pod.spec.node_name, ()))
