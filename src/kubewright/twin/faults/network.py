"""What faults do to the way between two sides: the pods that they hit and their `to`. Pure.

Nobody carries packets in the twin: this shows in the latency and the errors of requests (`overlays.py`), on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.twin.faults import parameters as p
from kubewright.twin.faults.inforce import Active
from kubewright.twin.faults.selection import PodSelection


@dataclass(frozen=True, slots=True)
class Link:
    """The way between two pods."""

    delay_seconds: float = 0.0
    jitter_seconds: float = 0.0
    """Up to so much more, evenly."""
    loss: float = 0.0
    """The share of packets that get lost; 1 when nothing passes."""


_CUT = Link(loss=1.0)


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
            return _CUT
        case _:
            return None


def other_side(fault: Active) -> PodSelection:
    """Return the other side of a fault of the network."""
    given = fault.spec.network_delay or fault.spec.network_loss or fault.spec.network_partition
    return given.to if given is not None else PodSelection()
