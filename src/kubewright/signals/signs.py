"""Signs of trouble in one object: what is a signal once it has lasted, and until when it is one. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kubewright.api.meta import KubeObject, Resource
from kubewright.signals.signal import Signal, Witness, fingerprint_of


@dataclass(frozen=True, slots=True)
class Sign:
    """A signal, and when it counts."""

    signal: Signal
    lasts_seconds: float = 0.0
    """What has passed by then was nothing."""
    until: float = math.inf
    not_before: float = 0.0
    """What is meant to come at a moment of the future is none until then, whoever has seen it before."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom signs are about."""

    resource: Resource[Any]
    obj: KubeObject
    node: str = ""

    def sign(
        self,
        fault: str,
        evidence: str,
        since: float,
        witness: Witness,
        *,
        part: str = "",
        lasts_seconds: float = 0.0,
        until: float = math.inf,
        not_before: float = 0.0,
    ) -> Sign:
        """Return a sign; `part` tells several of one class apart, as of a pod's containers."""
        about = self.resource, self.obj.key
        fingerprint = fingerprint_of(fault, about, self.obj.metadata.uid, *((part,) if part else ()))
        signal = Signal(fingerprint, fault, about, evidence, since, witness, self.node)
        return Sign(signal, lasts_seconds, until, not_before)


@dataclass(slots=True)
class Holding:
    """What holds of one object."""

    signals: dict[str, Signal] = field(default_factory=dict[str, Signal])
    """By fingerprint."""
    seen: dict[str, float] = field(default_factory=dict[str, float])
    """Since when each, and each that is none yet, has been seen here: a node's clock may be ahead of ours."""
    look_again_at: float | None = None
    """When time alone will change it."""


def at(signs: Iterable[Sign], seen: Mapping[str, float], now: float) -> Holding:
    """Return what holds now; `seen` is of the last time."""
    found = Holding()
    moments: list[float] = []
    for sign in signs:
        name = sign.signal.fingerprint
        seen_at = min(sign.signal.since or now, seen.get(name, now))
        due_at = max(seen_at + sign.lasts_seconds, sign.not_before)
        if now < max(due_at, sign.until):
            found.seen[name] = seen_at
        if due_at <= now < sign.until:
            found.signals[name] = sign.signal if sign.signal.since else replace(sign.signal, since=seen_at)
        moments += [moment for moment in (due_at, sign.until) if now < moment < math.inf]
    found.look_again_at = min(moments, default=None)
    return found
