"""The noun: a signal, who gave it, and those that stand. Pure.

Whoever acts on signals (`SignalHandler`) is given one by its key, the fingerprint: once when it is new, and once when
it has ended. Many of them may have one cause; which, is not theirs to say.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from kubewright.api.meta import ObjectKey, Resource

MOST_SIGNALS = 10_000
STALE_SECONDS = 24 * 3600.0
"""What holds is told again sooner than this (alerts every 12 hours by default): what is not has ended unheard."""


class Witness(enum.StrEnum):
    """Who saw it. A node is not to be given up on the word of one of them alone."""

    ALERT = "alert"
    LEASE = "lease"
    """Of a node: its kubelet does not renew it."""
    KUBELET = "kubelet"
    """What a kubelet says of its node, its pods and its containers."""
    CONTROLLER = "controller"
    """What one of the cluster's controllers has concluded."""
    EVENT = "event"
    METRIC = "metric"
    """What was measured."""
    CHANGE = "change"
    """Somebody has changed something."""
    ENDPOINT = "endpoint"
    """What comes back from a node's kubelet port."""
    NEIGHBOURS = "neighbours"
    """What the agents of other nodes say of a node."""
    HEALER = "healer"
    """What the healer has done itself, and has to take back."""


class Fault(enum.StrEnum):
    """What the API's own signals are called; those from alerts are called as their rule is."""

    NODE_SILENT = "NodeSilent"
    NODE_NOT_READY = "NodeNotReady"
    NODE_CONDITION = "NodeCondition"
    NODE_FLAPS = "NodeFlaps"
    NODE_CLOSED = "NodeClosed"
    NODE_HELD = "NodeHeld"
    GPU_OUT_OF_USE = "GpuOutOfUse"
    KUBELET_UNREACHABLE = "KubeletUnreachable"
    KUBELET_MUTE = "KubeletMute"
    KUBELET_ANSWERS = "KubeletAnswers"
    NODE_UNREACHED = "NodeUnreached"
    NODE_REACHED = "NodeReached"
    CRASH_LOOP = "CrashLoop"
    OUT_OF_MEMORY = "OutOfMemory"
    IMAGE_NOT_PULLED = "ImageNotPulled"
    CANNOT_START = "CannotStart"
    NOT_READY = "PodNotReady"
    POD_FAILED = "PodFailed"
    STUCK_TERMINATING = "StuckTerminating"
    ROLLOUT_STUCK = "RolloutStuck"
    PODS_REFUSED = "PodsRefused"
    NOTED = "EventOfNote"
    NO_NODE = "NoNode"
    NO_ENDPOINTS = "NoEndpoints"
    CHANGED = "Changed"
    SLOW_START = "SlowStart"
    REQUESTS_FAIL = "RequestsFail"
    VOLUME_FULL = "VolumeFull"
    CERTIFICATE_ENDS = "CertificateEnds"
    CPU_TAKEN = "CpuTaken"


SUSPICIONS = frozenset({Fault.NO_NODE, Fault.NO_ENDPOINTS, Fault.CHANGED, Fault.SLOW_START, Fault.NODE_CLOSED})
"""Classes of signals that may well be nothing: a pod waits for its turn, a fleet has no pods by its owner's will. They
help to name a cause, and by themselves are none.
"""


@dataclass(frozen=True, slots=True)
class Signal:
    """Something is not as it should be with an object, or it is again."""

    fingerprint: str
    """The same for the same trouble of the same object."""
    fault: str
    """Its class: a `Fault`, or the name of an alert."""
    about: tuple[Resource[Any], ObjectKey] | None
    """None where an alert names no object that the platform knows."""
    evidence: str
    """What was seen, in a sentence."""
    since: float
    """Since when it is so, in seconds since 1970; 0 where nobody said."""
    witness: Witness
    node: str = ""
    """Where it is, if that is known: what runs on one node may have one cause."""
    ended: bool = False


def fingerprint_of(fault: str, about: tuple[Resource[Any], ObjectKey], *parts: str) -> str:
    """Return the fingerprint of a signal of ours: `parts` are a uid, and what tells several of one class apart."""
    resource, key = about
    return "/".join((fault, resource.target(key), *parts))


class SignalHandler(Protocol):
    """Acts on signals, one at a time each; it may be told of the same state again."""

    async def handle(self, signal: Signal) -> None:
        """Do what the signal calls for; an OpError is tried again later."""
        ...


@dataclass(slots=True)
class Standing:
    """The signals that are known, at most so many: those that hold, and what has ended until somebody has seen it."""

    most: int = MOST_SIGNALS
    _known: dict[str, tuple[Signal, float]] = field(default_factory=dict[str, tuple[Signal, float]])
    """Each with when it was last told, the longest ago first."""

    def __len__(self) -> int:
        """Return how many are known."""
        return len(self._known)

    def holding(self) -> list[Signal]:
        """Return those that hold."""
        return [signal for signal, _ in self._known.values() if not signal.ended]

    def take(self, signals: Iterable[Signal], now: float) -> tuple[list[str], int]:
        """Take signals in; return the keys of those that are news, and how many there was no room for.

        Those that were not heard of for `STALE_SECONDS` are forgotten first.
        """
        self._forget_stale(now)
        news: list[str] = []
        refused = 0
        for signal in signals:
            key, known = signal.fingerprint, self.get(signal.fingerprint)
            if known is None and signal.ended:
                continue  # nobody was told that it holds
            if known is None and len(self._known) >= self.most:
                refused += 1
                continue
            self._known.pop(key, None)
            if known is None or known.ended != signal.ended:
                known = signal
                news.append(key)
            self._known[key] = known, now
        return news, refused

    def get(self, key: str) -> Signal | None:
        """Return a signal as it stands."""
        found = self._known.get(key)
        return None if found is None else found[0]

    def forget(self, signal: Signal) -> None:
        """Forget one that has ended, unless it is there again."""
        if self.get(signal.fingerprint) is signal:
            del self._known[signal.fingerprint]

    def _forget_stale(self, now: float) -> None:
        while self._known:
            key, (_, heard_at) = next(iter(self._known.items()))
            if now - heard_at < STALE_SECONDS:
                return
            del self._known[key]
