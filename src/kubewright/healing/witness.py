"""What three independent witnesses say of a node that has fallen silent, and what follows. Pure.

- Its lease: the kubelet does not renew it (`NodeSilent`).
- Its kubelet's port, asked by the healer: nothing answers, the machine alone does, or the kubelet does.
- Its neighbours' agents: whether they reach the machine.

Two of three must agree that a node is gone. Whoever answers lives: then it is the kubelet that hangs, or the network
between some of them that is cut. And it must have lasted: a partition of 40 seconds, a kubelet that is restarted and a
node that flaps lose nothing. A lease is renewed every 10 seconds, so silence counts from up to 10 seconds before its
reason: `LOST_SECONDS` after the last sign of life 42 to 52 seconds have passed in truth.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kubewright.signals.signal import Fault, Signal

LOST_SECONDS = 52.0
MUTE_SECONDS = 60.0
"""A kubelet that is restarted, or updated, takes less."""


class State(enum.StrEnum):
    """How a node is, as far as others can tell."""

    HEARD = "heard"
    SUSPECT = "suspect"
    """Too early to say, or only one witness."""
    DEAD = "dead"
    CUT_OFF = "cut off"
    """Neighbours reach it, and neither the healer nor the API server does: what runs there goes on."""
    HUNG = "hung"
    """The machine answers and its kubelet does not: containers go on."""
    UNHEARD = "unheard"
    """The kubelet answers, and the API server takes nothing from it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows."""

    state: State
    since: float = 0.0
    """When the node was last heard, in seconds since 1970."""
    evidence: tuple[str, ...] = ()
    fingerprints: frozenset[str] = frozenset()


_ENDPOINT = (Fault.KUBELET_ANSWERS, Fault.KUBELET_MUTE, Fault.KUBELET_UNREACHABLE)
_NEIGHBOURS = (Fault.NODE_REACHED, Fault.NODE_UNREACHED)
"""Where two of one witness stand at once, the one by which the node lives counts."""
WITNESSES: frozenset[str] = frozenset({Fault.NODE_SILENT, *_ENDPOINT, *_NEIGHBOURS})


def judge(signals: Iterable[Signal], now: float) -> Verdict:
    """Weigh what the witnesses say of one node."""
    said: Mapping[str, Signal] = {each.fault: each for each in signals if each.fault in WITNESSES}
    lease = said.get(Fault.NODE_SILENT)
    if lease is None:
        return Verdict(State.HEARD)
    endpoint = next((said[each] for each in _ENDPOINT if each in said), None)
    neighbours = next((said[each] for each in _NEIGHBOURS if each in said), None)
    heard = [each for each in (lease, endpoint, neighbours) if each is not None]
    return Verdict(
        _state(lease, endpoint, neighbours, now),
        lease.since,
        tuple(each.evidence for each in heard),
        frozenset(each.fingerprint for each in heard),
    )


def _state(lease: Signal, endpoint: Signal | None, neighbours: Signal | None, now: float) -> State:
    silent_seconds = now - lease.since
    answers = endpoint.fault if endpoint is not None else ""
    if answers in {Fault.KUBELET_ANSWERS, Fault.KUBELET_MUTE}:
        if silent_seconds < MUTE_SECONDS:
            return State.SUSPECT
        return State.HUNG if answers == Fault.KUBELET_MUTE else State.UNHEARD
    gone = [answers == Fault.KUBELET_UNREACHABLE, neighbours is not None and neighbours.fault == Fault.NODE_UNREACHED]
    if not any(gone) or silent_seconds < LOST_SECONDS:
        return State.SUSPECT
    return State.CUT_OFF if neighbours is not None and neighbours.fault == Fault.NODE_REACHED else State.DEAD
